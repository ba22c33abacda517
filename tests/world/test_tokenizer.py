import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import some_examples

from utils.models.text import TextConfig
from utils.training.checkpoints import load_card
from utils.world import CONTEXT_LENGTH, VOCABULARY, UnknownWordError, detokenize, tokenize
from utils.world.tokenizer import BASE_VOCABULARY, END, MASK, PAD, SPECIAL, START, encode

texts = st.lists(st.sampled_from(VOCABULARY[len(SPECIAL) : BASE_VOCABULARY]), max_size=CONTEXT_LENGTH - 2).map(" ".join)


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
    for number, digest in ((78, "19d6c47b4c3892b7"), (135, "14d0aaf609d30fab")):
        words = hashlib.sha256(" ".join(VOCABULARY[:number]).encode()).hexdigest()
        assert words.startswith(digest), "add words at the end of WORDS only"


def test_models_of_still_scenes_keep_their_vocabulary():
    """The shipped checkpoint has just as many embeddings, and the lessons count a model's parameters."""
    assert BASE_VOCABULARY == 78
    assert VOCABULARY[BASE_VOCABULARY - 1] == "stars"
    assert TextConfig().vocabulary == BASE_VOCABULARY
    assert load_card("clip_scenes").config["text"]["vocabulary"] == BASE_VOCABULARY


def test_words_beyond_a_models_vocabulary_are_unknown_to_it_and_known_to_a_larger_one():
    text = "a large red circle moves left"
    with pytest.raises(UnknownWordError, match=r"^.moves. .*is not among the 74 words"):
        tokenize(text)
    assert detokenize(tokenize(text, vocabulary=len(VOCABULARY))[0]) == text


def test_apostrophes_and_accents_of_any_keyboard_make_the_same_word():
    for text in ("sgwâr i'r", "SGWA\u0302R i’r"):
        assert detokenize(encode(text, len(VOCABULARY))) == "sgwâr i'r"
    assert encode("a 'red' circle") == encode("a red circle")


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
