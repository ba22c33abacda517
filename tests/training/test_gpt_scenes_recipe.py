"""What the language model of several tasks is trained on: which tokens are learnt, and that nothing held out is."""

from __future__ import annotations

import pytest

from utils.models.gpt import GPT, GPTConfig
from utils.training.recipes.gpt_scenes import BATCH, RECIPE, language_step, rows, text_batches, training_texts
from utils.world import HELD_OUT_PAIRS, VOCABULARY
from utils.world.conversations import knowledge, text_ids
from utils.world.languages import NOUNS, read_welsh
from utils.world.tokenizer import END, PAD

TEXT = ("a large red ring in the top left", "what colour is the ring", "red", "and the thing in the top left", "red")


@pytest.fixture(scope="module")
def texts():
    return training_texts()


def test_only_replies_are_learnt_each_with_its_end():
    tokens, learnt = rows([TEXT, ("what is red", "a colour")])
    red = VOCABULARY.index("red")
    assert tokens[0][learnt[0]].tolist() == [red, END, red, END]
    assert [VOCABULARY[i] for i in tokens[1][learnt[1]].tolist()] == ["a", "colour", "<end>"]
    assert tokens[0].tolist() == text_ids(TEXT)
    assert tokens[1, len(text_ids(("what is red", "a colour"))) :].eq(PAD).all()


def test_a_text_of_one_part_is_learnt_whole_but_for_its_start():
    tokens, learnt = rows([("a large red ring",)])
    assert learnt.tolist() == [[False] + [True] * 5]
    assert tokens.shape == (1, 6)


def test_batches_come_from_the_seed():
    texts = [("a red ring",) * n for n in range(1, 9) for _ in range(200)]
    first, again, other = (list(text_batches(texts, steps=5, seed=seed)) for seed in (3, 3, 4))
    assert [len(tokens) for tokens, _ in first] == [BATCH] * 5
    assert all((a == b).all() for one, two in zip(first, again, strict=True) for a, b in zip(one, two, strict=True))
    assert first[0][0].tolist() != other[0][0].tolist()


def test_every_text_fits_the_model_even_behind_a_picture(texts):
    longest = max(len(text_ids(text)) for texts in texts.values() for text in texts[:3000])
    assert longest + 32 <= RECIPE.config.length


def test_welsh_is_the_rarer_language(texts):
    english = {text[0] for task in ("describing", "summing up", "answering") for text in texts[task]}
    welsh = {part for text in texts["translating"] for part in text if part.split()[0] in NOUNS.values()}
    assert len(welsh) < len(english) / 5


def test_no_text_names_a_held_out_pair(texts):
    pairs = {f"{colour} {shape}" for shape, colour in HELD_OUT_PAIRS}
    everything = {part for task in texts.values() for text in task for part in text}
    assert not [part for part in everything if any(pair in part for pair in pairs)]
    welsh = [text[0] for text in texts["translating"][:1000] if text[1] == "in english"]
    for text in welsh:
        things = read_welsh(text).things
        assert not {(thing.shape, thing.colour) for thing in things} & set(HELD_OUT_PAIRS)
    assert not set(knowledge("held_out")) & set(texts["knowing"])


def test_the_loss_reaches_every_parameter():
    model = GPT(GPTConfig(vocabulary=len(VOCABULARY), length=40, width=16, depth=1, heads=2, hidden=32))
    language_step(model, *rows([TEXT])).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
