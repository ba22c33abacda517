"""Notes and phrases: what is in a note, what is to be written, and which tokens those are."""

from __future__ import annotations

import pytest

from utils.world import describe, detokenize, sample_scenes
from utils.world.notes import NOTE_WORDS, notes_and_phrases, text_rows
from utils.world.tokenizer import CONTEXT_LENGTH, PAD

ONE = sample_scenes(200, seed=1, objects=(1, 1))


def test_a_note_holds_all_that_the_phrase_says_and_one_word_twice():
    for scene, (note, phrase) in zip(ONE, notes_and_phrases(ONE, seed=0), strict=True):
        (thing,) = scene.things
        words = note.split()
        assert len(words) == NOTE_WORDS
        assert set(words) == {thing.size, thing.colour, thing.shape}
        assert describe(scene).startswith(phrase)


def test_notes_come_from_their_seed_and_in_every_order():
    first = notes_and_phrases(ONE, seed=0)
    assert first == notes_and_phrases(ONE, seed=0)
    assert first != notes_and_phrases(ONE, seed=1)
    assert len({note.split()[0] for note, _ in first}) > 10


def test_a_note_is_of_one_thing():
    with pytest.raises(ValueError, match="this scene has 2"):
        notes_and_phrases(sample_scenes(1, seed=1, objects=(2, 2)), seed=0)


def test_the_last_part_with_its_end_is_to_be_written():
    texts = [("ring red red large", "a large red ring"), ("is red a shape", "no"), ("is red a colour", "it is", "yes")]
    with pytest.raises(ValueError, match="'it'"):
        text_rows(texts)
    texts[2] = ("is red a colour", "red is", "yes")
    tokens, learnt = text_rows(texts)
    assert tokens.shape == learnt.shape
    assert tokens.shape[1] <= CONTEXT_LENGTH
    assert [detokenize(row[mask]) for row, mask in zip(tokens, learnt, strict=True)] == [text[-1] for text in texts]
    assert learnt.sum(dim=1).tolist() == [5, 2, 2]
    assert not (learnt & (tokens == PAD)).any()
