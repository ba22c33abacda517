"""Instructions: every wording asks the same, mirror images have the mirrored answer, and the teacher is blind."""

from __future__ import annotations

import pytest
import torch

from utils.world import sample_scenes
from utils.world.conversations import text_ids
from utils.world.instructions import (
    INSTRUCTION_KINDS,
    NEW_WORDINGS,
    WORDINGS,
    annotated,
    augmented,
    imagine,
    mention,
    mirror,
    reword,
    synthesised,
)
from utils.world.questions import ask, true_answer
from utils.world.scenes import Scene, Thing, places

SCENES = sample_scenes(200, seed=1)


def test_a_question_has_six_different_wordings_in_words_that_the_course_knows():
    for question in ask(SCENES, seed=1, kinds=INSTRUCTION_KINDS).questions:
        wordings = [reword(question, wording) for wording in (*WORDINGS, *NEW_WORDINGS)]
        assert wordings[0] == question
        assert len(set(wordings)) == 6
        for text in wordings:
            text_ids((text,))


def test_new_wordings_hold_no_word_that_training_lacks():
    asked = ask(SCENES, seed=1, kinds=INSTRUCTION_KINDS).questions
    known, new = (
        {word for question in asked for wording in some for word in reword(question, wording).split()}
        for some in (WORDINGS, NEW_WORDINGS)
    )
    assert new <= known


@pytest.mark.parametrize("question", ["is the ring above the star", "", "what colour are the things"])
def test_a_question_of_another_kind_is_refused(question):
    with pytest.raises(ValueError, match="has no other wordings"):
        reword(question, 1)


def test_a_wording_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="from 0 to 5, not 6"):
        reword("where is the ring", 6)


def test_annotated_instructions_are_right_in_whatever_wording():
    asked = annotated(SCENES, seed=2)
    plain = ask(SCENES, seed=2, kinds=INSTRUCTION_KINDS)
    assert asked.answers == plain.answers
    assert asked.scene.tolist() == list(range(len(SCENES)))
    for said, question in zip(asked.questions, plain.questions, strict=True):
        assert said in [reword(question, wording) for wording in WORDINGS]


def test_what_a_reader_imagines_is_mentioned_alike_and_stands_elsewhere():
    for scene in SCENES:
        assert mention(imagine(scene)) == mention(scene)
        assert [imagine(scene).place(thing) for thing in imagine(scene).things] == list(places()[: len(scene.things)])


def test_the_teacher_is_right_on_what_captions_tell_and_makes_up_the_places():
    asked = synthesised(SCENES, seed=3)
    told = set()
    for i, question, answer, kind in zip(
        asked.scene.tolist(), asked.questions, asked.answers, asked.kinds, strict=True
    ):
        if kind == "place":
            told.add(answer)
        elif not any(place in question for place in places()):
            assert true_answer(SCENES[i], question) == answer
    assert told == {"top left", "top right"}


def test_augmentation_makes_eight_right_instructions_of_one():
    asked = augmented(SCENES, seed=4)
    turned = [
        Scene(tuple(Thing.at(t.shape, t.colour, t.size, mirror(scene.place(t))) for t in scene.things))
        for scene in SCENES
    ]
    assert torch.bincount(asked.scene).tolist() == [4] * (2 * len(SCENES))
    assert len(set(zip(asked.scene.tolist(), asked.questions, strict=True))) == len(asked) == 8 * len(SCENES)
    for row in range(0, len(asked), 8):  # its first two rows are in the wording that the oracle reads
        for place, scenes in ((row, SCENES), (row + 1, turned)):
            number = int(asked.scene[place]) % len(SCENES)
            assert true_answer(scenes[number], asked.questions[place]) == asked.answers[place]
        assert len({mirror(answer) for answer in asked.answers[row + 1 : row + 8 : 2]} | {asked.answers[row]}) == 1
