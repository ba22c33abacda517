"""Exercises: check an answer at once, get the next hint, see the options, go on with what works.

    from utils.exercises import check, hint, options, working

Importing it is light: no torch, no IPython.
"""

from utils.exercises.checking import ExerciseNotPassed, check, hint, options, working
from utils.exercises.definition import Case, Exercise, Misconception, close, custom, exact, header, integers, normal
from utils.exercises.progress import read_progress
from utils.exercises.registry import UnknownExercise, all_exercises, find_exercise

__all__ = [
    "Case",
    "Exercise",
    "ExerciseNotPassed",
    "Misconception",
    "UnknownExercise",
    "all_exercises",
    "check",
    "close",
    "custom",
    "exact",
    "find_exercise",
    "header",
    "hint",
    "integers",
    "normal",
    "options",
    "read_progress",
    "working",
]
