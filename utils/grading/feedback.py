"""What a learner is told of an exercise that was graded. It tells nothing of the hidden cases.

In a notebook a check may quote shapes and numbers of its cases. Here they are hidden, and an answer that wants to
carry them out could: in the name of an exception, in a shape, in a key. So each sentence is one of the course's own,
chosen by what kind of thing went wrong; of the answer's own making it quotes a line of its source.
"""

from __future__ import annotations

import builtins

from utils.exercises.comparing import Difference
from utils.exercises.definition import Exercise, count
from utils.exercises.judging import Verdict
from utils.exercises.running import Problem

PROCESS_ENDED, TOO_LARGE, COURSE_CODE = "ProcessEnded", "TooLarge", "CourseCodeAbsent"

_DIFFERENCES = {
    "none": "{f} gives nothing back: is the `return` missing?",
    "type": "what {f} gives back is not of the type that is asked for",
    "length": "what {f} gives back has the wrong number of parts",
    "keys": "what {f} gives back has not the keys that are asked for",
    "shape": "what {f} gives back has not the shape that is asked for",
    "dtype": "what {f} gives back has not the number type (dtype) that is asked for",
    "nan": "there is NaN in what {f} gives back: look for a division by zero, a logarithm of zero or below",
    "infinite": "there is an infinite number in what {f} gives back",
    "value": "the form is right, the values are not",
    "mutated": "the values are right, but {f} changes its input, which belongs to the caller: work on a copy",
    "option": "that is not the right option",
    "reason": "the option is right, the reason is not",
}
_OF_VALUES = {
    "none": "{f} is None",
    "type": "{f} is not of the form that is asked for",
    "keys": "{f} has not the settings that are asked for",
    "nan": "{f} is NaN",
    "value": "{f} is not the right number",
}


def feedback(exercise: Exercise, verdict: Verdict, answer: str) -> str:
    """Return the sentence, or the few, that go with a verdict; "" for a pass. `answer` is the answer's source."""
    if verdict.passed:
        return ""
    if verdict.status == "to do":
        return "This is still to do."
    if verdict.misconception is not None:
        return verdict.misconception.sentence
    if verdict.problem is not None:
        return _of_problem(exercise, verdict.problem, answer)
    return _of_difference(exercise, verdict.difference)


def _of_difference(exercise: Exercise, difference: Difference) -> str:
    if difference.kind in ("custom", "target"):  # sentences of the definition, which hold no number of a case
        text = difference.sentence if difference.kind == "custom" else f"{{f}} gives {difference.sentence}"
    else:
        text = _DIFFERENCES[difference.kind]
        if exercise.runs_as == "value":
            text = _OF_VALUES.get(difference.kind, text)
    return _sentence(text.replace("{f}", f"`{exercise.entry}`"))


def _of_problem(exercise: Exercise, problem: Problem, answer: str) -> str:
    name = f"`{exercise.entry}`"
    if problem.kind == "too slow":
        return (
            f"It was stopped after {count(exercise.time_limit, 'second')}: look for a loop that never ends, or far "
            "more work than is needed."
        )
    if problem.kind == "not run":
        return "An earlier call used up the time."
    if problem.kind == "arguments":
        return f"{name} does not take the arguments that the exercise names."
    if problem.kind == "weights":
        return f"The weights of {name} are not those that the exercise names."
    if problem.kind == "answer":
        what = {"function": "a function", "module": "a module's class", "value": "a value"}[exercise.runs_as]
        return f"The cell has to define {name}, {what} as the exercise describes it."
    if problem.type == PROCESS_ENDED:
        return "It ended the process that ran it: it takes too much memory, or leaves Python altogether."
    if problem.type == TOO_LARGE:
        return f"What {name} gives back is far larger than what is asked for."
    if problem.type == COURSE_CODE:
        return "It uses the course's own code, which is not there when answers are graded: write it out yourself."
    known = isinstance(getattr(builtins, problem.type, None), type)
    raised = f"It raised {problem.type}" if known else "It raised an error"
    lines = answer.splitlines()
    if 0 < problem.line_number <= len(lines):
        return f"{raised} in line {problem.line_number} of the answer: {lines[problem.line_number - 1].strip()[:200]}"
    return f"{raised}."


def _sentence(text: str) -> str:
    end = "" if text.endswith((".", "?", "!")) else "."
    return text[:1].upper() + text[1:] + end
