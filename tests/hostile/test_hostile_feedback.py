"""Whatever an answer does with the hidden cases that it is called on, nobody is told of them."""

import base64
import io
import json
import zlib
from textwrap import dedent

import hostile_notebooks as notebooks
import pytest
import torch
from hostile_attacks import FORGE

from utils.exercises import all_exercises
from utils.exercises.checking import run
from utils.exercises.registry import find_exercise
from utils.exercises.running import make_cases

CARRIERS = {
    "the message of an error": "raise ValueError(f'it was {number}')",
    "the name of an error": "raise type(f'E{number}', (Exception,), {})()",
    "the name of an error that passes for a known one": "raise type('ValueError', (Exception,), {})(number)",
    "the key of a KeyError": "raise KeyError(number)",
    "a syntax error made by hand": "raise SyntaxError(str(number), (str(number), number, number, str(number)))",
    "an error's notes and cause": "e = ValueError()\ne.add_note(str(number))\nraise e from KeyError(number)",
    "a group of errors": "raise ExceptionGroup(str(number), [ValueError(number)])",
    "a stub's message": "raise NotImplementedError(f'exercise {number}')",
    "code in a file of its name": "exec(compile('1 / 0', str(number), 'exec'))",
    "code that calls itself the answer": (
        "exec(compile('\\n' * (number % 1000 + 100) + '1 / 0', '<answer 9.9.1>', 'exec'))"
    ),
    "a line that linecache was given": (
        "import linecache\nname = '<answer 9.9.1>'\n"
        "linecache.cache[name] = (1, None, [f'{number}\\n'] * 100, name)\nraise ValueError"
    ),
    "the number itself": "return number",
    "text": "return str(number)",
    "keys": "return {str(number): number}",
    "a list of it": "return [number] * (number % 50)",
    "a shape": "return torch.zeros(number % 1000, number // 1000 % 1000)",
    "a dtype": "return torch.zeros(2, dtype=[torch.float32, torch.int8][number % 2])",
    "a class of its name": "return type(f'C{number}', (), {})()",
    "a function of its name": "f = lambda: 0\nf.__name__ = f.__qualname__ = str(number)\nreturn f",
    "what is printed": "print(number)\nimport sys\nprint(number, file=sys.stderr)\nreturn 0",
    "a warning": "import warnings\nwarnings.warn(str(number))\nreturn 0",
    "nothing at all, or a number": "return None if number % 2 else 0",
    "not a number": "return float('nan') * number",
    "SystemExit": "raise SystemExit(str(number))",
    "an exit code": "import os\nos._exit(number % 256)",
    "a name in another's place": "globals()['halved'].__name__ = str(number)\nreturn halved.missing",
    "a problem written by itself": """
        fields = {name: ["str", str(number)] for name in ("message", "type")}
        fields |= {"kind": ["str", "error"], "line_number": ["int", format(number, "x")]}
        problem = ["dict", [[["str", name], value] for name, value in fields.items()]]
        send(message("9.9.1", [outcome(["none"], problem)] * 2))
        return 0
        """,
    "a problem of another kind, written by itself": """
        fields = {name: ["str", str(number)] for name in ("message", "type")}
        fields |= {"kind": ["str", "to do"], "line_number": ["int", "1"]}
        problem = ["dict", [[["str", name], value] for name, value in fields.items()]]
        send(message("9.9.1", [outcome(["none"], problem)] * 2))
        return 0
        """,
    "inputs that were changed, by name": """
        send(message("9.9.1", [outcome(["float", (number / 2).hex()], mutated=[str(number)])] * 2))
        return 0
        """,
}


def told(result) -> str:
    """All that is told of a grade, without the answers, which are the learner's own."""
    data = result.as_dict()
    for exercise in data["exercises"]:
        del exercise["answer"]
    return json.dumps(data)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_nothing_of_a_hidden_case_is_told(carrier, grade):
    body = dedent(CARRIERS[carrier]).strip("\n")
    source = f"{FORGE}\ndef halved(number):\n" + "\n".join("    " + line for line in body.splitlines())
    result = grade(notebooks.Book("9.9", {"9.9.1": source}))
    assert result.earned == 0
    text = told(result)
    for number in notebooks.drawn:
        for form in (
            str(number),
            str(number / 2),
            format(number, "x"),
            f"{number:,}",
            str(number)[:6],
            str(number)[-6:],
        ):
            assert form not in text
    lines = [f"in line {number % 1000 + 101} " for number in notebooks.drawn]
    assert not [line for line in lines if line in text]


def test_what_a_line_gives_away_is_of_no_use_to_another_attempt(grade):
    """Which of a thousand lines raises may depend on a case; but whoever changes any answer gets other cases."""
    attempts = []
    for answer in ("def halved(number):\n    return 1 / 0", "def halved(number):\n    return 1 / 0  # again"):
        for _ in range(2):
            grade(notebooks.Book("9.9", {"9.9.1": answer}))
            attempts.append(tuple(notebooks.drawn))
    assert attempts[0] == attempts[1]
    assert attempts[2] == attempts[3]
    assert not set(attempts[0]) & set(attempts[2])


def test_another_nonce_draws_other_cases(grade):
    book = notebooks.honest("9.9")
    attempts = set()
    for nonce in ("monday", "tuesday"):
        assert grade(book, nonce).earned == 2
        attempts.update(notebooks.drawn)
    assert len(attempts) == 4


FUNCTIONS = [exercise.id for exercise in all_exercises() if exercise.runs_as == "function"]


@pytest.mark.parametrize("identifier", FUNCTIONS)
def test_right_values_learnt_by_heart_earn_nothing(identifier, grade):
    """The answer gives back what was right for the cases of another seed, in the same order."""
    exercise = find_exercise(identifier)
    expected = [outcome.value for outcome in run(exercise, exercise.reference, make_cases(exercise, 7), 7)]
    stored = io.BytesIO()
    torch.save(expected, stored)
    text = base64.b85encode(zlib.compress(stored.getvalue())).decode()
    source = f"""
import base64, io, zlib

known = iter(torch.load(io.BytesIO(zlib.decompress(base64.b85decode({text!r})))))

def {exercise.entry}(*args, **kwargs):
    return next(known)
"""
    result = grade(notebooks.honest(exercise.lesson, {identifier: source}))
    (attacked,) = [each for each in result.exercises if each.exercise == identifier]
    assert (attacked.status, attacked.earned) == ("not yet", 0)
    assert result.earned == result.points - exercise.points
