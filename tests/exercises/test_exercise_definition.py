from dataclasses import replace

import pytest
from toys import BUG, CHOICE, FUNCTION, MODULE, NUMBER, TOYS, TUNE

from utils.exercises import Exercise, UnknownExercise, all_exercises, find_exercise, header
from utils.exercises.definition import DefinitionError
from utils.exercises.registry import lesson_exercises, registered
from utils.lessons import LESSONS


@pytest.mark.parametrize(
    ("toy", "change", "fault"),
    [
        (FUNCTION, {"id": "0.1"}, "three numbers"),
        (FUNCTION, {"title": " "}, "title"),
        (FUNCTION, {"entry": "info-nce"}, "Python name"),
        (FUNCTION, {"points": 0}, "points"),
        (FUNCTION, {"difficulty": 6}, "difficulty must be"),
        (FUNCTION, {"importance": 0}, "importance must be"),
        (FUNCTION, {"minutes": 0}, "minutes"),
        (FUNCTION, {"time_limit": 0}, "time_limit"),
        (FUNCTION, {"hints": ("one", "two")}, "three hints"),
        (FUNCTION, {"hints": ("one", "two", " ")}, "three hints"),
        (FUNCTION, {"compare": 1e-3}, "close(), exact() or custom()"),
        (FUNCTION, {"kind": "essay"}, "must be one of"),
        (FUNCTION, {"cases": None}, "needs cases"),
        (FUNCTION, {"reference": 3}, "must be callable"),
        (FUNCTION, {"reference": MODULE.reference}, "must not be a class"),
        (FUNCTION, {"misconceptions": FUNCTION.misconceptions[:1] * 2}, "same name"),
        (FUNCTION, {"misconceptions": (replace(FUNCTION.misconceptions[0], sentence=""),)}, "lacks name or sentence"),
        (FUNCTION, {"misconceptions": BUG.misconceptions}, "other kinds have none"),
        (BUG, {"misconceptions": FUNCTION.misconceptions}, "exactly one planted"),
        (MODULE, {"reference": FUNCTION.reference}, "must be a class"),
        (MODULE, {"alternatives": FUNCTION.alternatives}, "all be classes"),
        (NUMBER, {"cases": FUNCTION.cases}, "a number has no cases"),
        (CHOICE, {"options": {"a": "alone"}}, "at least two reasons"),
        (CHOICE, {"reference": ("b", 4)}, "not one of the options"),
        (CHOICE, {"reference": ["b", 3]}, "not one of the options"),
        (TUNE, {"measure": None}, "needs measure"),
        (TUNE, {"direction": "up"}, "direction"),
        (TUNE, {"reference": 0.1}, "dictionary of settings"),
        (TUNE, {"reference": {"lr": 1}}, "reference's keys"),
    ],
)
def test_a_definition_that_makes_no_sense_says_why(toy, change, fault):
    with pytest.raises(DefinitionError, match="exercise '0") as raised:
        replace(toy, **change)
    assert fault in str(raised.value)


def test_all_faults_of_a_definition_are_listed_at_once():
    with pytest.raises(DefinitionError, match=r"points .*; difficulty"):
        replace(FUNCTION, points=0, difficulty=9)


def test_the_header_gives_dots_and_the_same_in_digits():
    assert header(FUNCTION) == (
        "**0.1.91 Attention, vectorised** · Difficulty ●●○○○ 2/5 · Importance ●●●●○ 4/5 · 10 minutes · 3 points"
    )
    assert header(NUMBER).endswith("· 1 point")


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_an_exercise_is_found_by_its_number(toy):
    assert find_exercise(toy.id) is toy
    assert toy.lesson == "0.1"


@pytest.mark.parametrize("asked", ["2.3.66", "2.3", "", "InfoNCE", "../../etc.1", None])
def test_an_unknown_number_names_the_near_ones(asked):
    with pytest.raises(UnknownExercise, match=r"there is no exercise .*; near it are \d\.\d\.\d") as raised:
        find_exercise(asked)
    assert isinstance(raised.value, LookupError)


def test_the_nearest_numbers_come_first():
    with registered(replace(NUMBER, id="7.7.7")), pytest.raises(UnknownExercise, match=r"near it are 7\.7\.7"):
        find_exercise("7.7.8")


def test_a_lesson_without_definitions_is_an_error_unless_it_is_tolerated():
    assert lesson_exercises("99.9", missing_ok=True) == ()
    with pytest.raises(DefinitionError, match=r"lesson 99\.9 has no exercises"):
        lesson_exercises("99.9")


def test_all_exercises_come_in_the_order_of_the_course():
    lessons = [lesson.id for lesson in LESSONS]
    found = all_exercises(missing_ok=True)
    assert all(isinstance(exercise, Exercise) for exercise in found)
    assert [exercise.lesson for exercise in found] == sorted((exercise.lesson for exercise in found), key=lessons.index)


@pytest.mark.parametrize(
    ("exercises", "fault"), [((NUMBER, NUMBER), "gives a number twice"), ((FUNCTION,), "of another lesson")]
)
def test_a_lesson_keeps_its_own_numbers_and_each_once(monkeypatch, exercises, fault):
    import sys
    import types

    from utils.exercises import registry

    module = types.ModuleType("lesson_of_a_test")
    module.EXERCISES = exercises
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(DefinitionError, match=fault):
        registry._load(module.__name__, "0.1" if exercises[0] is NUMBER else "1.1")
