"""Where two outputs differ, and how to say so: one specific sentence for each way of being wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from utils.exercises.definition import Case, Comparison
from utils.exercises.describing import (
    describe,
    dtype_name,
    is_array,
    is_number,
    is_tensor,
    kind_of,
    shape_text,
    short,
    with_article,
)

if TYPE_CHECKING:
    import numpy as np

# (relative, absolute): what a differently ordered sum may cost in each precision
TOLERANCES = {"float64": (1e-8, 1e-8), "complex128": (1e-8, 1e-8), "float16": (1e-2, 1e-2), "bfloat16": (2e-2, 2e-2)}
DEFAULT_TOLERANCE = (1e-4, 1e-5)
PRECISION = {"bfloat16": 0, "float16": 0, "float32": 1, "float64": 2, "complex64": 1, "complex128": 2}


@dataclass(frozen=True)
class Difference:
    """The first way in which an output is not the expected one.

    `kind` is "none", "type", "length", "keys", "shape", "dtype", "nan", "infinite", "value" or "custom" (judging adds
    "mutated", "option", "reason" and "target"). `sentence` completes "`f` returned ..." and tells no expected number;
    `detail` shows one, for self-study. `where` leads to the place: "[0]['loss'][2, 1]".
    """

    kind: str
    sentence: str
    detail: str = ""
    where: str = ""
    largest: float | None = None


def find_difference(got: Any, expected: Any, comparison: Comparison, case: Case | None = None) -> Difference | None:
    """Return the first difference between two outputs, or None where they count as the same."""
    if comparison.judge is None:
        return _compare(got, expected, comparison, where="")
    if got is None and expected is not None:
        return _none(expected)
    try:
        sentence = comparison.judge(got, expected, case if case is not None else Case())
    except Exception as error:  # noqa: BLE001 - written for right types and shapes, it may be handed any other
        sentence = f"what came back is not of the form that was asked for ({type(error).__name__} when judging it)"
    return Difference("custom", sentence) if sentence else None


def _compare(got: Any, expected: Any, comparison: Comparison, where: str) -> Difference | None:
    if expected is None or got is None:
        if got is expected:
            return None
        return replace(_none(expected) if got is None else _wrong_type(got, expected), where=where)
    if is_tensor(expected) or is_array(expected):
        alike = is_tensor(got) if is_tensor(expected) else is_array(got)
        return _compare_arrays(got, expected, comparison, where) if alike else _wrong_type(got, expected, where)
    if isinstance(expected, bool):
        got = _scalar(got)
        if not isinstance(got, bool):
            return _wrong_type(got, expected, where)
        return None if got == expected else _unequal(got, expected, where)
    if is_number(expected):
        got = _scalar(got)
        return (
            _compare_numbers(got, expected, comparison, where) if is_number(got) else _wrong_type(got, expected, where)
        )
    if isinstance(expected, list | tuple):
        return _compare_sequences(got, expected, comparison, where)
    if isinstance(expected, Mapping):
        return _compare_mappings(got, expected, comparison, where)
    if not isinstance(got, type(expected)):
        return _wrong_type(got, expected, where)
    return None if _equal(got, expected) else _unequal(got, expected, where)


def _equal(got: Any, expected: Any) -> bool:
    """Whether two objects of a type unknown here are equal; those that compare element by element have `equals`."""
    try:
        return bool(got.equals(expected) if hasattr(got, "equals") else got == expected)
    except Exception:  # noqa: BLE001 - an object of the learner's may compare as it likes
        return False


def _compare_arrays(got: Any, expected: Any, comparison: Comparison, where: str) -> Difference | None:
    if tuple(got.shape) != tuple(expected.shape):
        sentence = f"shape {shape_text(got)} where {shape_text(expected)} was expected"
        return Difference("shape", sentence, where=where)
    wrong = _wrong_dtype(got, expected, comparison)
    if wrong:
        return Difference("dtype", wrong, where=where)
    rtol, atol = _tolerance(dtype_name(expected), comparison)
    return _compare_values(_as_numpy(got), _as_numpy(expected), rtol, atol, where)


def _compare_numbers(got: Any, expected: Any, comparison: Comparison, where: str) -> Difference | None:
    import numpy as np

    # a Python float often comes from a float32 tensor's .item(), so it is held to float32's tolerance
    rtol, atol = _tolerance("int64" if isinstance(_scalar(expected), int) else "float32", comparison)
    return _compare_values(np.asarray(got), np.asarray(expected), rtol, atol, where)


def _compare_values(got: np.ndarray, expected: np.ndarray, rtol: float, atol: float, where: str) -> Difference | None:
    import numpy as np

    if expected.dtype.kind not in "biufc" or got.dtype.kind not in "biufc":
        wrong = np.asarray(got != expected)
        return _at(wrong, got, expected, where, "value") if wrong.any() else None
    with np.errstate(all="ignore"):  # infinities are compared by `same`, and their difference is not a number
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        wide = np.complex128 if "c" in expected.dtype.kind + got.dtype.kind else np.float64
        gap = np.abs(got.astype(wide) - expected.astype(wide))
        if rtol or atol:
            same = same | (np.isfinite(expected) & (gap <= atol + rtol * np.abs(expected)))
    wrong = np.asarray(~same)
    if not wrong.any():
        return None
    for kind, bad in (("nan", np.isnan(got) & wrong), ("infinite", np.isinf(got) & wrong)):
        if bad.any():
            return _at(bad, got, expected, where, kind)
    return _at(wrong, got, expected, where, "value", gap)


def _at(
    wrong: np.ndarray, got: np.ndarray, expected: np.ndarray, where: str, kind: str, gap: np.ndarray | None = None
) -> Difference:
    """Describe the differing places `wrong`; the one shown is the worst by `gap`, else the first."""
    import numpy as np

    index = np.unravel_index(
        np.argmax(wrong if gap is None else np.where(wrong & ~np.isnan(gap), gap, -1)), wrong.shape
    )
    place = where + (str([int(i) for i in index]) if wrong.ndim else "")
    at = f" at {place}" if place else ""
    sentence = {
        "nan": f"NaN, not a number{', first' if at else ''}{at}",
        "infinite": f"an infinite number{', first' if at else ''}{at}",
        # the index of the largest difference would say something about the expected numbers
        "value": ("other values" if wrong.ndim else "another value")
        + " than expected"
        + (f" at {where}" if where else ""),
    }[kind]
    share = (
        f"{int(wrong.sum())} of {wrong.size} differ{', most' if gap is not None else ''}{at}: " if wrong.ndim else ""
    )
    # two numbers that differ must also look different
    detail = f"{share}{short(got[index], 7)} where {short(expected[index], 7)} was expected"
    return Difference(kind, sentence, detail=detail, where=place, largest=None if gap is None else float(gap[index]))


def _compare_sequences(got: Any, expected: Any, comparison: Comparison, where: str) -> Difference | None:
    if not isinstance(got, list | tuple):  # a list and a tuple of the same items count as the same
        return _wrong_type(got, expected, where)
    if len(got) != len(expected):
        return Difference("length", f"{len(got)} items where {len(expected)} were expected", where=where)
    for position, (mine, right) in enumerate(zip(got, expected, strict=True)):
        difference = _compare(mine, right, comparison, f"{where}[{position}]")
        if difference:
            return difference
    return None


def _compare_mappings(got: Any, expected: Mapping, comparison: Comparison, where: str) -> Difference | None:
    if not isinstance(got, Mapping):
        return _wrong_type(got, expected, where)
    missing = [repr(key) for key in expected if key not in got]
    extra = [repr(key) for key in got if key not in expected]
    if missing or extra:
        faults = [f"without {', '.join(missing)}"] * bool(missing) + ["with keys that were not asked for"] * bool(extra)
        return Difference("keys", "a dictionary " + " and ".join(faults), detail=", ".join(extra), where=where)
    for key in expected:
        difference = _compare(got[key], expected[key], comparison, f"{where}[{key!r}]")
        if difference:
            return difference
    return None


def _wrong_dtype(got: Any, expected: Any, comparison: Comparison) -> str:
    mine, right = dtype_name(got), dtype_name(expected)
    if mine == right:
        return ""
    if comparison.same_dtype or _family(mine) != _family(right):
        return f"dtype {mine} where {right} was expected"
    if _family(right) in ("float", "complex") and PRECISION.get(mine, 0) < PRECISION.get(right, 0):
        return f"dtype {mine}, which is less precise than the {right} that was expected"
    return ""


def _family(dtype: str) -> str:
    if dtype == "bool":
        return "bool"
    return next((family for family in ("float", "complex", "int") if family in dtype), dtype)


def _tolerance(dtype: str, comparison: Comparison) -> tuple[float, float]:
    rtol, atol = (0.0, 0.0) if _family(dtype) in ("bool", "int") else TOLERANCES.get(dtype, DEFAULT_TOLERANCE)
    return (
        rtol if comparison.rtol is None else comparison.rtol,
        atol if comparison.atol is None else comparison.atol,
    )


def _as_numpy(value: Any) -> np.ndarray:
    if not is_tensor(value):
        return value
    value = value.detach().cpu()
    # numpy knows no bfloat16
    return value.double().numpy() if value.is_floating_point() else value.resolve_conj().numpy()


def _scalar(value: Any) -> Any:
    """A tensor, array or numpy scalar of no dimension as the Python number it holds; everything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _none(expected: Any) -> Difference:
    return Difference("none", f"None where {_wanted(expected)} was expected")


def _wrong_type(got: Any, expected: Any, where: str = "") -> Difference:
    mine = describe(got) if callable(got) and not is_tensor(got) else kind_of(got)
    return Difference("type", f"{mine} where {_wanted(expected)} was expected", where=where)


def _wanted(expected: Any) -> str:
    if is_tensor(expected) or is_array(expected):
        return with_article(describe(expected))
    if expected is None:
        return "None"
    if isinstance(expected, bool):
        return "True or False"
    return "a number" if is_number(expected) else kind_of(expected)


def _unequal(got: Any, expected: Any, where: str) -> Difference:
    sentence = "another value than expected" + (f" at {where}" if where else "")
    return Difference("value", sentence, f"{describe(got)} where {describe(expected)} was expected", where)
