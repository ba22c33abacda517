"""Learners are told what kind of thing went wrong, in the course's own words, and nothing of the hidden cases."""

import builtins
import re
from typing import get_args, get_type_hints

import pytest
import toy_lesson
from toys import BUG, CHOICE, FUNCTION, MODULE, NUMBER, TUNE

from utils.exercises import all_exercises
from utils.exercises.comparing import Difference
from utils.exercises.judging import Verdict
from utils.exercises.running import Problem
from utils.grading.feedback import COURSE_CODE, PROCESS_ENDED, TOO_LARGE, feedback

ALL = (*toy_lesson.EXERCISES, *all_exercises(missing_ok=True))
HIDDEN = "hidden 4711"
OF_CODE = ("none", "type", "length", "keys", "shape", "dtype", "nan", "infinite", "value", "mutated")
DIFFERENCES = {
    FUNCTION: OF_CODE,
    MODULE: OF_CODE,
    BUG: OF_CODE,
    NUMBER: ("none", "type", "nan", "infinite", "value"),
    CHOICE: ("none", "type", "option", "reason"),
    TUNE: ("none", "keys", "nan"),
}
PROBLEMS = get_args(get_type_hints(Problem)["kind"])
ANSWER = "def attention(query, key, scale):\n    secret = query[0]\n    raise secret"


def told(exercise, *, difference=None, problem=None, status="not yet", answer=ANSWER, **more) -> str:
    verdict = Verdict(status, 0.0, difference=difference, problem=problem, public_text=HIDDEN, detail=HIDDEN, **more)
    return feedback(exercise, verdict, answer)


def of_difference(exercise, kind) -> str:
    return told(exercise, difference=Difference(kind, HIDDEN, detail=HIDDEN, where=HIDDEN, largest=4711.0))


def is_sentence(text: str) -> bool:
    return bool(re.match(r"[A-Z`]", text)) and text.endswith((".", "?")) and "{" not in text


@pytest.mark.parametrize(
    ("exercise", "kind"), [(exercise, kind) for exercise, kinds in DIFFERENCES.items() for kind in kinds]
)
def test_every_kind_of_difference_has_a_sentence_that_holds_nothing_of_the_case(exercise, kind):
    text = of_difference(exercise, kind)
    assert is_sentence(text)
    assert HIDDEN not in text
    assert not re.search(r"\d", text.replace(f"`{exercise.entry}`", ""))


@pytest.mark.parametrize("exercise", DIFFERENCES, ids=lambda exercise: exercise.kind)
def test_different_mistakes_are_told_differently(exercise):
    kinds = DIFFERENCES[exercise]
    assert len({of_difference(exercise, kind) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("exercise", DIFFERENCES, ids=lambda exercise: exercise.kind)
def test_every_kind_of_problem_has_a_sentence_without_the_errors_message(exercise, kind):
    text = told(exercise, problem=Problem(kind, HIDDEN, "ValueError", HIDDEN, 0), status="crashed")
    assert is_sentence(text)
    assert HIDDEN not in text


@pytest.mark.parametrize("type_", [PROCESS_ENDED, TOO_LARGE, COURSE_CODE])
def test_what_befell_a_whole_run_has_its_own_sentence(type_):
    text = told(FUNCTION, problem=Problem("error", HIDDEN, type_), status="crashed")
    assert is_sentence(text)
    assert type_ not in text
    assert "It raised" not in text


def test_an_error_of_pythons_own_is_named_and_its_line_quoted():
    text = told(FUNCTION, problem=Problem("error", HIDDEN, "ValueError", HIDDEN, 3), status="crashed")
    assert text == "It raised ValueError in line 3 of the answer: raise secret"


NAMES = ["Secret4711", "4711", "", "print", "__doc__", "__import__", "\ud800", "x" * 100, "ValueError ", "<script>"]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_an_error_that_the_answer_chose_is_not_quoted(name):
    text = told(FUNCTION, problem=Problem("error", HIDDEN, name, HIDDEN, 0), status="crashed")
    assert text == "It raised an error."


def test_only_names_of_classes_of_python_can_be_quoted():
    quoted = [
        name
        for name in dir(builtins)
        if name in told(FUNCTION, problem=Problem("error", "", name, "", 0), status="crashed").split()
    ]
    assert all(isinstance(getattr(builtins, name.rstrip(".")), type) for name in quoted)


@pytest.mark.parametrize("line", [0, -1, 4, 10**30])
def test_a_line_that_is_not_in_the_answer_is_not_quoted(line):
    assert told(FUNCTION, problem=Problem("error", "", "ValueError", "", line)) == "It raised ValueError."


def test_a_long_line_is_cut():
    text = told(FUNCTION, problem=Problem("error", "", "ValueError", "", 1), answer="x = '" + "y" * 10_000 + "'")
    assert len(text) < 300


def test_a_misconception_is_told_in_its_own_sentence_whatever_else_went_wrong():
    wrong = FUNCTION.misconceptions[0]
    assert told(FUNCTION, misconception=wrong, problem=Problem("error", HIDDEN)) == wrong.sentence


def test_a_pass_needs_no_words_and_what_was_not_begun_is_still_to_do():
    assert told(FUNCTION, status="passed") == ""
    assert told(FUNCTION, status="to do", misconception=BUG.misconceptions[0]) == "This is still to do."


def test_a_judges_own_sentence_is_told_with_the_name_of_the_entry():
    assert told(FUNCTION, difference=Difference("custom", "{f} is not sorted")) == "`attention` is not sorted."


def test_a_tune_is_told_how_far_it_came():
    difference = Difference("target", "0.4 when measured, where at least 0.9 is the target")
    assert told(TUNE, difference=difference) == "`settings` gives 0.4 when measured, where at least 0.9 is the target."


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.id)
def test_no_sentence_gives_the_answer_to_a_number_or_a_choice_away(exercise):
    if exercise.kind not in ("number", "choice"):
        pytest.skip("its answer is code, or settings that are measured")
    kinds = DIFFERENCES[NUMBER if exercise.kind == "number" else CHOICE]
    for text in [of_difference(exercise, kind) for kind in kinds]:
        assert repr(exercise.reference) not in text.replace(f"`{exercise.entry}`", "")
