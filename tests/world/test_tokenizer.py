import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import some_examples

from utils.world import CONTEXT_LENGTH, VOCABULARY, UnknownWordError, detokenize, tokenize
from utils.world.tokenizer import END, MASK, PAD, START, WORDS, encode

texts = st.lists(st.sampled_from(WORDS), max_size=CONTEXT_LENGTH - 2).map(" ".join)


@some_examples
@given(st.lists(texts, max_size=5))
def test_texts_of_known_words_come_back_unchanged(many):
    ids = tokenize(many)
    assert ids.dtype == torch.long
    assert ids.shape == (len(many), CONTEXT_LENGTH)
    assert [detokenize(row) for row in ids] == many


@some_examples
@given(texts)
def test_a_text_starts_ends_and_is_padded_behind_its_end(text):
    row = tokenize(text)[0].tolist()
    end = row.index(END)
    assert row[0] == START
    assert end == len(text.split()) + 1
    assert set(row[end + 1 :]) <= {PAD}


def test_the_ids_of_older_checkpoints_keep_their_words():
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    digest = hashlib.sha256(" ".join(VOCABULARY[:78]).encode()).hexdigest()
    assert digest.startswith("19d6c47b4c3892b7"), "add words at the end of WORDS only"


@some_examples
@given(texts)
def test_capitals_and_punctuation_do_not_matter(text):
    assert encode(text.upper().replace(" ", ", ") + "?!") == encode(text)


def test_a_masked_word_is_one_token_and_is_shown():
    ids = tokenize("a red <mask>")[0]
    assert ids.tolist().count(MASK) == 1
    assert detokenize(ids) == "a red <mask>"


def test_unknown_words_are_named_once_with_the_nearest_known_ones():
    with pytest.raises(UnknownWordError) as error:
        tokenize("a rde cricle beside a rde elephant")
    message = str(error.value)
    assert "did you mean circle" in message
    assert "did you mean red" in message
    assert message.count("'rde'") == 1
    assert "'elephant'" in message
    assert "'beside'" in message
    assert "'a'" not in message


def test_one_unknown_word_is_named():
    with pytest.raises(UnknownWordError, match=r"^'colours' \(did you mean colour.*\) is not among"):
        tokenize("colours")


def test_a_text_that_is_too_long_is_shown_with_its_length():
    with pytest.raises(ValueError, match=r"'red red .* takes 17 tokens, and at most 16 fit"):
        tokenize("red " * 15)
    assert tokenize("red " * 15, length=17).shape == (1, 17)
