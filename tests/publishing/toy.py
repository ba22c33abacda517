"""A toy course of one lesson, for the tests: its own `check`, no torch, a second to run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from utils.lessons import Lesson

LESSON = Lesson(id="9.1", path="9_toy/1_numbers", title="Numbers", question="What is two?", minutes=7)
UNBUILT = Lesson(id="9.2", path="9_toy/2_letters", title="Letters", question="What comes after a?", minutes=1)


def exercise(identifier: str, title: str, points: int = 2) -> SimpleNamespace:
    """As much of a definition as the build reads."""
    return SimpleNamespace(id=identifier, title=title, points=points, difficulty=2, importance=4, minutes=3)


EXERCISES = (exercise("9.1.1", "Twice", 2), exercise("9.1.2", "A prediction", 1), exercise("9.1.3", "A bug", 3))

SETUP = '''
import time

EXPECTED = {
    "9.1.1": ("Twice", "2 points", 6),
    "9.1.2": ("A prediction", "1 point", 3072),
    "9.1.3": ("A bug", "3 points", 10),
}
LIMIT, PASSED = 1.0, {}


def check(exercise, answer):
    """The course's check in miniature: one line, never an error."""
    import os
    import threading

    title, points, expected = EXPECTED[exercise]
    outcome = {}

    def call():
        try:
            outcome["value"] = answer(3) if callable(answer) else answer
        except NotImplementedError:
            outcome["value"] = ...
        except Exception as error:
            outcome["error"] = f"crashed: {type(error).__name__}: {error}"

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(LIMIT)
    value = outcome.get("value")
    if thread.is_alive():
        verdict = f"too slow: more than {LIMIT:g} s"
    elif "error" in outcome:
        verdict = outcome["error"]
    elif value is ... or value == 4 and exercise == "9.1.3":
        verdict = "to do"
    elif value == expected:
        verdict = f"passed, {points}"
    else:
        verdict = "not yet: that is not it"
    print(f"{exercise} {title}: {verdict}")
    PASSED[exercise] = "passed" in verdict
    if os.environ.get("COURSE_STRICT") and not PASSED[exercise]:
        raise AssertionError(verdict)


def working(exercise, answer, reference):
    """The learner's own if it has passed, else the reference."""
    return answer if PASSED[exercise] else reference
'''.strip()

SOURCE = f'''# %% [markdown]
# # Numbers
#
# What is two? This takes {{{{minutes}}}} minutes.

# %% tags=["setup"]
{SETUP}

# %% [markdown]
# {{{{exercise 9.1.1}}}}
#
# Write a function.

# %% answer="9.1.1" concepts=["A1.1"]
def twice(number):
    """Return twice the number."""
    ### BEGIN SOLUTION
    return 2 * number
    ### END SOLUTION


# %% [markdown]
# Is it right?

# %% check="9.1.1"
check("9.1.1", twice)

# %% [markdown]
# From here on with a function that works.

# %%
twice = working("9.1.1", twice, lambda number: 2 * number)
print("twice 21 is", twice(21))

# %% [markdown]
# {{{{exercise 9.1.2}}}}

# %% answer="9.1.2"
### BEGIN SOLUTION
prediction = 3072
### STUB
# prediction = ...
### END SOLUTION

# %% [markdown]
# Is it right?

# %% check="9.1.2"
check("9.1.2", prediction)

# %% [markdown]
# {{{{exercise 9.1.3}}}}

# %% answer="9.1.3"
def added(number):
    """Return the number and seven."""
    ### BEGIN SOLUTION
    return number + 7
    ### STUB
    # if number:
    #     number = number + 1
    # return number
    ### END SOLUTION


# %% [markdown]
# Is it right?

# %% check="9.1.3"
check("9.1.3", added)

# %% [markdown]
# What was measured?

# %%
print(f"speed {{time.perf_counter() % 100:.2f}} calls/s, bar 0.00: met")

# %% [markdown]
# What comes next is a surprise.

# %% tags=["spoiler"]
print("the answer is 42")
'''

SOLVED = {
    "9.1.1": "def twice(number):\n    return number + number",
    "9.1.2": "prediction = 3 * 32 * 32",
    "9.1.3": "def added(number):\n    return 7 + number",
}


def write_source(root: Path, text: str = SOURCE) -> SimpleNamespace:
    """Write the toy lesson's source below `root` and return the keyword arguments by which the build finds it."""
    folders = {"course": root / "course", "solutions": root / "solutions"}
    source = folders["solutions"] / f"{LESSON.path}.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text, encoding="utf-8")
    return SimpleNamespace(
        **folders,
        source=source,
        solution=source.with_suffix(".ipynb"),
        notebook=folders["course"] / f"{LESSON.path}.ipynb",
        options={**folders, "lessons": (LESSON,), "exercises": lambda lesson: EXERCISES},
    )
