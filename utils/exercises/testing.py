"""What every exercise of every lesson must satisfy, as claims; the tests run them all, an author some of them.

`python -m utils.exercises.testing 2.3` runs them on one lesson. A claim takes an exercise and returns its faults.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from utils.exercises.checking import assess, blind_spots, run, run_misconceptions
from utils.exercises.comparing import find_difference
from utils.exercises.definition import Exercise, exact
from utils.exercises.describing import dtype_name, is_array, is_tensor
from utils.exercises.judging import judge
from utils.exercises.registry import lesson_exercises
from utils.exercises.running import make_cases
from utils.exercises.view import result_bundle

SEEDS = range(20)
LEAST_MISCONCEPTIONS = {"function": 4, "module": 4, "bug": 4, "number": 2, "choice": 2, "tune": 2}
LEAST_ALTERNATIVES = {"function": 2, "module": 1, "bug": 1}


def the_reference_passes(exercise: Exercise) -> list[str]:
    """The reference passes on every seed."""
    return _rejections(exercise, "the reference", exercise.reference)


def other_right_answers_pass(exercise: Exercise) -> list[str]:
    """Differently written right answers pass on every seed, and there are enough of them."""
    least = LEAST_ALTERNATIVES.get(exercise.kind, 0)
    faults = []
    if len(exercise.alternatives) < least:
        faults.append(f"{len(exercise.alternatives)} alternatives: a {exercise.kind} needs {least} or more")
    for number, answer in enumerate(exercise.alternatives, start=1):
        faults += _rejections(exercise, f"alternative {number}", answer)
    return faults


def every_misconception_is_rejected_and_named(exercise: Exercise) -> list[str]:
    """On every seed each misconception fails and is told by its name; the planted bug counts as still to do."""
    least = LEAST_MISCONCEPTIONS[exercise.kind]
    faults = []
    if len(exercise.misconceptions) < least:
        faults.append(f"{len(exercise.misconceptions)} misconceptions: a {exercise.kind} needs {least} or more")
    for seed in SEEDS:
        cases = make_cases(exercise, seed)
        expected = run(exercise, exercise.reference, cases, seed)
        wrong = run_misconceptions(exercise, cases, seed)
        for misconception in exercise.misconceptions:
            verdict = judge(exercise, cases, wrong[misconception.name], expected, wrong)
            if verdict.passed:
                faults.append(f"on seed {seed}, {misconception.name!r} passes")
            elif verdict.misconception is not misconception:
                named = (
                    repr(verdict.misconception.name) if verdict.misconception else f"nothing ({verdict.public_text})"
                )
                faults.append(f"on seed {seed}, {misconception.name!r} is told as {named}")
            elif misconception.planted and verdict.status != "to do":
                faults.append(f"on seed {seed}, the planted bug is {verdict.status!r} and not 'to do'")
    return faults


def the_cases_tell_wrong_answers_apart(exercise: Exercise) -> list[str]:
    """On every seed, no misconception gives the same as the reference or as another misconception."""
    return [fault for seed in SEEDS for fault in blind_spots(exercise, seed)]


def the_cases_come_from_the_seed(exercise: Exercise) -> list[str]:
    """One seed gives the same cases twice; another gives other ones, so that none can be learned by heart."""
    if exercise.cases is None:
        return []
    first, again, second = (_inputs(exercise, seed) for seed in (0, 0, 1))
    same = exact(same_dtype=True)
    faults = ["the same seed gives other cases"] if find_difference(first, again, same) else []
    return faults + ([] if find_difference(first, second, same) else ["another seed gives the same cases"])


def the_view_of_a_pass_never_changes(exercise: Exercise) -> list[str]:
    """What is shown when it passes is the same on every seed, so that a stored notebook can be compared with it."""
    seen = set()
    for seed in SEEDS:
        a = assess(exercise, exercise.reference, seed)
        seen.add(tuple(result_bundle(exercise, a.verdict, a.cases, a.outcomes, a.expected).items()))
    return [] if len(seen) == 1 else ["the view of a pass differs from seed to seed: draw a fixed number of cases"]


def broken_answers_are_told_specifically(exercise: Exercise) -> list[str]:
    """None, NaN, a wrong shape, dtype, type, number of arguments, a changed input: each is told as what it is."""
    faults = []
    for what, answer, kind in broken_answers(exercise):
        verdict = assess(exercise, answer, seed=0).verdict
        told = verdict.problem.kind if verdict.problem else verdict.difference.kind if verdict.difference else "right"
        judged = exercise.compare.judge is not None and told == "custom"
        if verdict.passed or not (told == kind or judged) or not (verdict.public_text or verdict.status == "to do"):
            faults.append(
                f"{what} should be told as {kind!r}, and is {verdict.status}: {told!r}, {verdict.public_text!r}"
            )
    return faults


def double_precision_is_welcome(exercise: Exercise) -> list[str]:
    """A float64 answer passes where float32 is expected, unless the exercise says otherwise."""
    if exercise.runs_as == "value" or exercise.compare.same_dtype or exercise.compare.judge:
        return []
    return _rejections(exercise, "the reference in float64", _transformed(exercise, _leaves(_to_double)))


CLAIMS: tuple[Callable[[Exercise], list[str]], ...] = (
    the_reference_passes,
    other_right_answers_pass,
    every_misconception_is_rejected_and_named,
    the_cases_tell_wrong_answers_apart,
    the_cases_come_from_the_seed,
    the_view_of_a_pass_never_changes,
    broken_answers_are_told_specifically,
    double_precision_is_welcome,
)


def broken_answers(exercise: Exercise) -> Iterator[tuple[str, Any, str]]:
    """Yield broken forms of the reference: what is broken, the answer, and the kind of failure it must give."""
    yield "an answer that is still ...", ..., "to do"
    if exercise.runs_as == "value":
        yield "None", None, "none"
        if exercise.kind == "number":
            yield "NaN", float("nan"), "nan"
            yield "text", "about a thousand", "type"
        elif exercise.kind == "choice":
            yield "a letter alone", exercise.reference[0], "type"
            yield "an option that does not exist", ("z", 1), "type"
            yield "a reason that does not exist", (exercise.reference[0], 99), "type"
        else:
            yield "no settings", {}, "keys"
            yield "a number", 0.1, "keys"
        return
    yield "a value in place of code", 3, "answer"
    yield "a stub", _transformed(exercise, _not_implemented), "to do"
    yield "one argument too many", _transformed(exercise, lambda value: value, extra_argument=True), "arguments"
    yield "None", _transformed(exercise, lambda value: None), "none"
    yield "an object", _transformed(exercise, lambda value: object()), "type"
    value = run(exercise, exercise.reference, make_cases(exercise, 0), 0)[0].value
    for what, change, kind in (
        ("NaN", _to_nan, "nan"),
        ("another shape", _to_other_shape, "shape"),
        ("another dtype", _to_other_dtype, "dtype"),
    ):
        if find_difference(_leaves(change)(value), value, exact(same_dtype=True)):  # else it has no such leaf
            yield what, _transformed(exercise, _leaves(change)), kind
    case = make_cases(exercise, 0)[0]
    if any(_spoil(argument) for argument in (*case.args, *case.kwargs.values())):
        yield "a changed input", _transformed(exercise, lambda value: value, spoils=True), "mutated"


def _rejections(exercise: Exercise, name: str, answer: Any) -> list[str]:
    """Each seed on which `answer` does not pass, and why."""
    verdicts = {seed: assess(exercise, answer, seed).verdict for seed in SEEDS}
    return [
        f"on seed {seed}, {name} is {verdict.status}: {verdict.public_text}; {verdict.detail}"
        for seed, verdict in verdicts.items()
        if not verdict.passed
    ]


def _inputs(exercise: Exercise, seed: int) -> list:
    return [[list(case.args), dict(case.kwargs), dict(case.init), case.state] for case in make_cases(exercise, seed)]


def _transformed(exercise: Exercise, change: Callable, *, extra_argument: bool = False, spoils: bool = False) -> Any:
    """The reference with its output changed, with one more argument that it needs, or spoiling its inputs."""

    def wrap(function: Callable) -> Callable:
        def changed(*args: Any, **kwargs: Any) -> Any:
            value = change(function(*args, **kwargs))
            if spoils:
                for argument in (*args, *kwargs.values()):
                    _spoil(argument)
            return value

        def demanding(*args: Any, one_more_than_asked: Any, **kwargs: Any) -> Any:
            return changed(*args, **kwargs)

        return demanding if extra_argument else functools.wraps(function)(changed)

    if exercise.runs_as == "function":
        return wrap(exercise.reference)
    return type(exercise.entry, (exercise.reference,), {"forward": wrap(exercise.reference.forward)})


def _leaves(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Apply `change` to every tensor, array and number within a value."""

    def apply(value: Any) -> Any:
        if isinstance(value, list | tuple):
            items = [apply(item) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, Mapping):
            return {key: apply(item) for key, item in value.items()}
        return change(value)

    return apply


def _not_implemented(value: Any) -> Any:
    raise NotImplementedError


def _to_nan(leaf: Any) -> Any:
    if isinstance(leaf, float) or ((is_tensor(leaf) or is_array(leaf)) and dtype_name(leaf).startswith("float")):
        return leaf * float("nan")
    return leaf


def _to_other_shape(leaf: Any) -> Any:
    return leaf[None] if is_tensor(leaf) or is_array(leaf) else leaf


def _to_other_dtype(leaf: Any) -> Any:
    kind = dtype_name(leaf) if is_tensor(leaf) or is_array(leaf) else ""
    to = "float16" if kind.startswith("float") else "float32"
    return leaf if not kind else leaf.to(getattr(sys.modules["torch"], to)) if is_tensor(leaf) else leaf.astype(to)


def _to_double(leaf: Any) -> Any:
    if (is_tensor(leaf) or is_array(leaf)) and dtype_name(leaf) == "float32":
        return leaf.double() if is_tensor(leaf) else leaf.astype("float64")
    return leaf


def _spoil(argument: Any) -> bool:
    """Change `argument` in place; False where it cannot be changed."""
    if isinstance(argument, list):
        argument.append(None)
    elif isinstance(argument, dict):
        argument["unasked"] = None
    elif is_tensor(argument) or is_array(argument):
        if not argument.size if is_array(argument) else not argument.numel():
            return False
        detached = argument.detach() if is_tensor(argument) else argument
        detached[...] = ~detached if dtype_name(detached) == "bool" else detached + 1
    else:
        return False
    return True


def main(lesson: str) -> int:
    """Print the faults of a lesson's exercises; return how many there are."""
    total = 0
    for exercise in lesson_exercises(lesson):
        for claim in CLAIMS:
            for fault in claim(exercise):
                total += 1
                print(f"{exercise.id} {claim.__name__.replace('_', ' ')}: {fault}")
    print(f"lesson {lesson}: {total} faults in {len(lesson_exercises(lesson))} exercises")
    return total


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1]) else 0)
