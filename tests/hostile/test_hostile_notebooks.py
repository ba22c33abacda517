"""Attacks earn nothing and cost nobody else anything; what is merely odd keeps its points."""

from functools import partial

import hostile_notebooks as notebooks
import pytest
from hostile_attacks import ATTACKS
from hostile_disguises import DISGUISES
from hostile_oddities import LOST, ODDITIES

from utils.grading.records import Grade

given: dict[tuple[str, str], Grade] = {}
"""What each kind of notebook was given, by kind and name: for the counts at the end."""


@pytest.fixture
def grade_once(grade):
    """Grade a notebook of the tables, unless it has been graded already."""

    def grade_once(kind: str, name: str) -> Grade:
        if (kind, name) not in given:
            lesson, answers = _answers(kind, name)
            given[kind, name] = grade(notebooks.honest(lesson, answers))
        return given[kind, name]

    return grade_once


def _answers(kind: str, name: str) -> tuple[str, dict]:
    answers = ATTACKS[name].answers if kind == "attack" else ODDITIES[name]
    return next(iter(answers)).rpartition(".")[0], answers


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_earns_nothing_and_the_other_exercises_keep_their_points(name, grade_once):
    attack, points = ATTACKS[name], notebooks.points_of(ATTACKS[name].lesson)
    exercises = {exercise.exercise: exercise for exercise in grade_once("attack", name).exercises}
    assert {exercise: exercises[exercise].earned for exercise in points} == {
        exercise: 0 if exercise in attack.answers else points[exercise] for exercise in points
    }
    for exercise in attack.answers:
        assert exercises[exercise].status in attack.ends, exercises[exercise].feedback


@pytest.mark.parametrize("name", ODDITIES)
def test_an_oddity_has_full_points(name, grade_once):
    grade = grade_once("oddity", name)
    missed = [exercise for exercise in grade.exercises if exercise.status != "passed"]
    assert not missed
    assert grade.earned == grade.points


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(source, id=name, marks=pytest.mark.xfail(strict=True, reason=reason))
        for name, (source, reason) in LOST.items()
    ],
)
def test_another_oddity_has_full_points(source, grade):
    assert grade(notebooks.honest("0.1", {"0.1.1": source})).earned == 4


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_what_is_around_the_answers_is_ignored(name, right, grade):
    points = notebooks.points_of("0.1")
    book = notebooks.honest("0.1") if right else notebooks.Book("0.1", {each: notebooks.wrong(each) for each in points})
    DISGUISES[name](book)
    result = grade(book)
    assert not result.problem
    expected = points if right else dict.fromkeys(points, 0)
    assert {exercise.exercise: exercise.earned for exercise in result.exercises} == expected
    assert {exercise.exercise: exercise.points for exercise in result.exercises} == points


def test_every_attack_counted_earned_nothing_and_every_oddity_all(grade_once, measured):
    attacked = points = 0
    for name, attack in ATTACKS.items():
        grade = grade_once("attack", name)
        attacked += len(attack.answers)
        points += sum(exercise.earned for exercise in grade.exercises if exercise.exercise in attack.answers)
    grades = list(map(partial(grade_once, "oddity"), ODDITIES))
    full = sum(grade.earned == grade.points > 0 for grade in grades)
    measured(f"attacked exercises: {attacked}, points given: {points:g}; benign oddities: {full} of {len(grades)} full")
    assert (points, full) == (0, len(ODDITIES))
