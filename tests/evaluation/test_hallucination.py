"""What models tell of that is not there, counted by hand and by properties."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from utils.evaluation.hallucination import (
    NEGATIVES,
    answers_by_captions,
    chair,
    mentions,
    poll,
    polled,
)
from utils.world import HELD_OUT_PAIRS, SEEN_PAIRS, Scene, Scenes, Thing, render_captions, sample_scenes, true_answer
from utils.world.conversations import tell

TWO = Scene(
    (Thing.at("circle", "red", "large", "top left"), Thing.at("square", "blue", "small", "bottom right")),
)
TWOS = Scenes.of([TWO])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a large red circle above a small blue square", [{"large", "red", "circle"}, {"small", "blue", "square"}]),
        ("A red circle, and the thing in the top left.", [{"red", "circle"}, set()]),
        ("a red blue ring", [{"red", "blue", "ring"}]),
        ("a large red", []),
        ("red and a star", [{"star"}]),
        ("nothing", []),
        ("", []),
    ],
)
def test_an_object_is_mentioned_by_the_words_right_before_its_shape(text, expected):
    assert [set(said) for said in mentions(text)] == expected


class TestChair:
    @pytest.mark.parametrize(
        ("caption", "wrong", "of", "recalled"),
        [
            ("a large red circle above a small blue square", 0, 2, [1, 1]),
            ("a large red circle in the top left", 0, 1, [1, 0]),
            ("a red circle below a blue square", 0, 2, [1, 1]),  # a wrong relation is no wrong object
            ("a small red circle and a blue square", 1, 2, [0, 1]),
            ("a blue circle and a red square", 2, 2, [0, 0]),
            ("a circle and a thing", 0, 2, [0, 0]),  # true, but not told by shape and colour
            ("a red circle and a red circle and a green star", 1, 3, [1, 0]),
            ("a red blue circle", 1, 1, [0, 0]),
        ],
    )
    def test_it_counts_what_is_not_there(self, caption, wrong, of, recalled):
        found = chair([caption], TWOS)
        assert found.objects.tolist().count(1) == wrong
        assert len(found.objects) == of
        assert found.sentences.tolist() == [float(wrong > 0)]
        assert found.recall.tolist() == recalled

    def test_a_sentence_counts_once_and_each_object_by_itself(self):
        found = chair(["a green circle and a green star", "a red circle"], Scenes.of([TWO, TWO]))
        assert found.sentences.mean() == 1 / 2
        assert found.objects.mean() == pytest.approx(2 / 3)
        assert found.recall.mean() == 1 / 4

    @given(seed=st.integers(0, 2**32 - 1))
    def test_the_true_caption_hallucinates_nothing_and_leaves_nothing_out(self, seed):
        scenes = sample_scenes(5, seed=seed, pairs="all")
        for captions in (render_captions(scenes), [tell(scene) for scene in scenes]):
            found = chair(captions, scenes)
            assert found.objects.sum() == found.sentences.sum() == 0
            assert len(found.objects) == len(found.recall) == found.recall.sum() == scenes.count.sum()

    def test_captions_of_other_scenes_are_mostly_wrong(self):
        scenes = sample_scenes(200, seed=0)
        assert chair([*render_captions(scenes)[1:], "nothing"], scenes).objects.mean() > 0.9

    def test_a_caption_is_needed_for_each_scene(self):
        with pytest.raises(ValueError, match="one caption for each scene, and at least one, not 2 for 1"):
            chair(["nothing", "nothing"], TWOS)
        with pytest.raises(ValueError, match="not 0 for 0"):
            chair([], TWOS[[]])


def biased() -> Scenes:
    """Scenes of a kitchen, so to say: a red ring always stands beside a black star, and yellow crosses are frequent."""
    ring, star = Thing.at("ring", "red", "large", "top left"), Thing.at("star", "black", "small", "top right")
    cross = Thing.at("cross", "yellow", "large", "top left")
    return Scenes.of([Scene((ring, star))] * 4 + [Scene((cross,))] * 10)


class TestPoll:
    @pytest.mark.parametrize("negatives", NEGATIVES)
    @pytest.mark.parametrize("pairs", ["seen", "held_out", "all"])
    def test_it_asks_as_much_that_is_true_as_that_is_not(self, negatives, pairs):
        scenes = sample_scenes(40, seed=1, pairs=pairs)
        asked = poll(scenes, seed=2, negatives=negatives, pairs=pairs, training=sample_scenes(100, seed=3))
        assert len(asked) == 2 * scenes.count.sum()
        assert asked.answers.count("yes") == asked.answers.count("no")
        assert len(set(zip(asked.scene.tolist(), asked.questions, strict=True))) == len(asked)
        for i, question, answer in zip(asked.scene.tolist(), asked.questions, asked.answers, strict=True):
            assert true_answer(scenes[i], question) == answer
        allowed = {"seen": SEEN_PAIRS, "held_out": HELD_OUT_PAIRS, "all": SEEN_PAIRS + HELD_OUT_PAIRS}[pairs]
        assert {tuple(question.split()[-2:]) for question in asked.questions} <= {(c, s) for s, c in allowed}

    def test_near_objects_have_a_shape_and_a_colour_that_are_there(self):
        asked = poll(TWOS, seed=0, negatives="near", pairs="all")
        assert sorted(asked.questions[2:]) == ["is there a blue circle", "is there a red square"]

    def test_popular_objects_are_the_most_frequent_of_training(self):
        scenes = sample_scenes(20, seed=4, objects=(1, 1))
        asked = poll(scenes, seed=0, negatives="popular", training=biased())
        no = [q for q, answer in zip(asked.questions, asked.answers, strict=True) if answer == "no"]
        assert no.count("is there a yellow cross") >= 18  # all but where there is one

    def test_adversarial_objects_stood_beside_what_is_there(self):
        ring = Scenes.of([Scene((Thing.at("ring", "red", "small", "top left"),))])
        asked = poll(ring, seed=0, negatives="adversarial", training=biased())
        assert asked.questions == ["is there a red ring", "is there a black star"]

    def test_a_seed_asks_the_same_again(self):
        scenes = sample_scenes(10, seed=1)
        assert poll(scenes, seed=1).questions == poll(scenes, seed=1).questions != poll(scenes, seed=2).questions

    def test_bad_input_is_refused_in_words(self):
        scenes = sample_scenes(3, seed=1)
        with pytest.raises(ValueError, match=r"one of random, near, popular, adversarial .* not 'hard' and 'seen'"):
            poll(scenes, seed=0, negatives="hard")
        with pytest.raises(ValueError, match="not 'random' and 'unseen'"):
            poll(scenes, seed=0, pairs="unseen")
        for negatives in ("popular", "adversarial"):
            with pytest.raises(ValueError, match=f"{negatives} objects are those of training: give its scenes"):
                poll(scenes, seed=0, negatives=negatives)
        with pytest.raises(ValueError, match="no scene to ask about"):
            poll(scenes[[]], seed=0)
        crowded = sample_scenes(3, seed=1, objects=(7, 7), pairs="held_out", grid=3)
        with pytest.raises(ValueError, match="of the 8 objects of the split 'held_out' too few are absent"):
            poll(crowded, seed=0, pairs="held_out")


class TestPolled:
    SCENES = sample_scenes(30, seed=5)
    ASKED = poll(SCENES, seed=5)

    def test_true_answers_are_worth_all(self):
        found = polled(self.ASKED.answers, self.ASKED)
        assert found.right.mean() == found.precision == found.recall == found.f1 == 1
        assert found.yes_share == 0.5

    def test_always_yes_is_right_half_of_the_time_and_shows_in_the_share(self):
        found = polled(["yes"] * len(self.ASKED), self.ASKED)
        assert (found.right.mean(), found.precision, found.recall, found.yes_share) == (0.5, 0.5, 1.0, 1.0)
        assert found.f1 == pytest.approx(2 / 3)

    def test_never_yes_finds_nothing(self):
        found = polled(["no"] * len(self.ASKED), self.ASKED)
        assert (found.right.mean(), found.precision, found.recall, found.f1, found.yes_share) == (0.5, 0, 0, 0, 0)

    def test_what_is_neither_is_wrong(self):
        found = polled(["red"] * len(self.ASKED), self.ASKED)
        assert (found.right.mean(), found.yes_share) == (0, 0)

    def test_they_are_the_counts_of_a_human(self):
        said = ["yes" if i % 3 else "no" for i in range(len(self.ASKED))]
        pairs = list(zip(said, self.ASKED.answers, strict=True))
        hit, false, missed = (pairs.count(pair) for pair in (("yes", "yes"), ("yes", "no"), ("no", "yes")))
        found = polled(said, self.ASKED)
        assert found.precision == pytest.approx(hit / (hit + false))
        assert found.recall == pytest.approx(hit / (hit + missed))
        assert found.f1 == pytest.approx(2 * hit / (2 * hit + false + missed))

    def test_one_answer_is_needed_for_each_question(self):
        with pytest.raises(ValueError, match=f"not 1 for {len(self.ASKED)}"):
            polled(["yes"], self.ASKED)

    def test_a_model_that_only_describes_can_be_polled_by_its_captions(self):
        assert answers_by_captions(render_captions(self.SCENES), self.ASKED) == self.ASKED.answers
        assert set(answers_by_captions(["nothing"] * 30, self.ASKED)) == {"no"}
        blind = answers_by_captions(["a small red ring above a large blue star"] * 30, self.ASKED)
        assert polled(blind, self.ASKED).right.mean() == pytest.approx(0.5, abs=0.1)
        assert torch.equal(polled(blind, self.ASKED).yes, torch.tensor([answer == "yes" for answer in blind]))
