"""Moments: one emotion in a face, a voice and words, and what is held out of training."""

from __future__ import annotations

import pytest
import torch

from utils.world.faces import EMOTIONS, HELD_OUT_PEOPLE, SEEN_PEOPLE
from utils.world.moments import PREDICATES, REMARK_LENGTH, VAGUE, WORDS, sample_moments, tokenize_remarks
from utils.world.speech import spoken_emotions
from utils.world.tokenizer import UnknownWordError


@pytest.fixture(scope="module")
def splits():
    return {split: sample_moments(2000, seed=0, split=split) for split in ("seen", "held_out")}


def test_one_seed_gives_the_same_moments_and_another_gives_others(splits):
    again, other = sample_moments(2000, seed=0), sample_moments(2000, seed=1)
    assert torch.equal(splits["seen"].clip, again.clip)
    assert splits["seen"].remarks == again.remarks
    assert splits["seen"].remarks != other.remarks


@pytest.mark.parametrize("split", ["seen", "held_out"])
def test_face_voice_and_telling_words_show_the_same_emotion(splits, split):
    moments = splits[split]
    assert torch.equal(moments.faces.emotion, moments.emotion)
    assert torch.equal(spoken_emotions(split).labels[moments.clip], moments.emotion)
    for emotion, remark in zip(moments.emotion.tolist(), moments.remarks, strict=True):
        assert remark.endswith((*PREDICATES[EMOTIONS[emotion]], *VAGUE))


def test_every_emotion_is_about_equally_likely(splits):
    shares = splits["seen"].emotion.bincount() / len(splits["seen"])
    assert shares == pytest.approx([1 / len(EMOTIONS)] * len(EMOTIONS), abs=0.04)


def test_held_out_people_voices_and_sentences_are_new_and_their_words_are_not(splits):
    seen, held_out = splits["seen"], splits["held_out"]
    assert set(seen.faces.person.tolist()) <= set(SEEN_PEOPLE)
    assert set(held_out.faces.person.tolist()) <= set(HELD_OUT_PEOPLE)
    assert not set(spoken_emotions("seen").voices) & set(spoken_emotions("held_out").voices)
    assert not set(seen.remarks) & set(held_out.remarks)
    assert {word for remark in held_out.remarks for word in remark.split()} <= {
        word for remark in seen.remarks for word in remark.split()
    }


def test_a_moment_is_heard_as_its_clip(splits):
    moments = splits["held_out"]
    assert torch.equal(moments.voices()[7], spoken_emotions("held_out").waveforms[moments.clip[7]])


def test_a_split_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="split must be one of seen, held_out"):
        sample_moments(1, seed=0, split="all")


def test_remarks_become_the_numbers_of_their_words():
    (row,) = tokenize_remarks(["The game was unfair!"])
    assert [WORDS[number] for number in row[:4]] == ["the", "game", "was", "unfair"]
    assert row[4:].tolist() == [0] * (REMARK_LENGTH - 4)


@pytest.mark.parametrize(
    ("remark", "error", "message"),
    [
        ("the game was purple", UnknownWordError, "'purple'"),
        ("", ValueError, "1 to"),
        ("the " * 40, ValueError, "has 40"),
    ],
)
def test_remarks_that_cannot_be_read_are_refused(remark, error, message):
    with pytest.raises(error, match=message):
        tokenize_remarks([remark])
