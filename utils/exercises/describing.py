"""Values in words: short, without their contents where they are large, the same each time.

torch and numpy are never imported here: a value can only be a tensor if torch is already there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Whether `value` is a numpy array (numpy's scalars are numbers)."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_number(value: Any) -> bool:
    """Whether `value` is a number of Python or numpy; True and False are not."""
    numpy = sys.modules.get("numpy")
    kinds = (int, float, complex) if numpy is None else (int, float, complex, numpy.number)
    return isinstance(value, kinds) and not isinstance(value, bool)


def dtype_name(value: Any) -> str:
    """Return the dtype of a tensor or array as a word such as "float32"."""
    return str(value.dtype).removeprefix("torch.")


def shape_text(value: Any) -> str:
    """Return the shape of a tensor or array as a tuple: "(4, 8)"; "()" is a single number."""
    return str(tuple(value.shape))


def describe(value: Any) -> str:
    """Return what `value` is, in a few words: its dtype and shape, or itself where that is short."""
    if is_tensor(value):
        return f"tensor {dtype_name(value)} {shape_text(value)}"
    if is_array(value):
        return f"array {dtype_name(value)} {shape_text(value)}"
    if value is None or isinstance(value, bool):
        return repr(value)
    if is_number(value):
        return short(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, list | tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        return opening + _enumerate([describe(item) for item in value[:5]], len(value)) + closing
    if isinstance(value, Mapping):
        items = [f"{key!r}: {describe(item)}" for key, item in list(value.items())[:5]]
        return "{" + _enumerate(items, len(value)) + "}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    return kind_of(value)


def kind_of(value: Any) -> str:
    """Return the type of `value` with its article: "a tensor", "a str", "an int"."""
    return with_article("tensor" if is_tensor(value) else "array" if is_array(value) else type(value).__name__)


def with_article(noun: str) -> str:
    """Return "a tensor" for "tensor", "an array" for "array"."""
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def short(number: Any, digits: int = 4) -> str:
    """Return a number with `digits` significant digits at most; whole numbers in full."""
    if hasattr(number, "item"):
        number = number.item()
    if isinstance(number, int | bool | str):
        return str(number)
    return f"{number:.{digits}g}"


def _enumerate(items: list[str], total: int) -> str:
    more = [f"... {total} in all"] if total > len(items) else []
    return ", ".join(items + more)
