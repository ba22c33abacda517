"""The claims that every exercise of every lesson must satisfy; a new lesson is covered as soon as it exists."""

import pytest
from toys import TOYS

from utils.exercises import all_exercises
from utils.exercises.testing import CLAIMS

EXERCISES = all_exercises(missing_ok=True)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_exercise_of_the_course(exercise, claim):
    assert claim(exercise) == []


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_toy(toy, claim):
    assert claim(toy) == []
