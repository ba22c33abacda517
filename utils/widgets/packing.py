"""Arrays, tables and pictures in the form in which they travel to the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def as_picture(picture: Any, what: str = "a picture") -> np.ndarray:
    """Return `picture` (array or tensor) as uint8 [3, height, width], or raise ValueError saying what it is instead."""
    array = np.asarray(picture)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[0] != 3 or 0 in array.shape:
        raise ValueError(f"{what} is uint8 of shape [3, height, width]; this is {array.dtype} of {list(array.shape)}")
    return array


def pack_picture(picture: Any, what: str = "a picture") -> dict[str, Any]:
    """Return the picture as height, width and bytes: red, green, blue, pixel by pixel, row by row."""
    array = as_picture(picture, what)
    rgb = np.ascontiguousarray(array.transpose(1, 2, 0)).tobytes()
    return {"height": array.shape[1], "width": array.shape[2], "rgb": rgb}


def pack_floats(values: Any) -> bytes:
    """Return `values` as little-endian float32 bytes, row by row; every value must be finite."""
    array = np.ascontiguousarray(values, dtype="<f4")
    if not np.isfinite(array).all():
        raise ValueError("every number must be finite; there is a NaN or an infinity among them")
    return array.tobytes()


def pack_sound(waveform: Any, rate: float, what: str = "a sound") -> dict[str, Any]:
    """Return a waveform of -1 to 1, [samples] or [2, samples], as its bytes, channels, and samples a second."""
    array = np.atleast_2d(np.asarray(waveform))
    if array.ndim != 2 or len(array) > 2 or not array.shape[1] or np.abs(array).max() > 1:
        raise ValueError(f"{what} is a waveform of -1 to 1, [samples] or [2, samples], not {list(array.shape)}")
    if rate < 1:
        raise ValueError(f"{what} needs its rate, in samples a second, not {rate}")
    return {"samples": pack_floats(array), "channels": len(array), "rate": int(rate)}


def pack_video(frames: Any, rate: float, what: str = "a video") -> dict[str, Any]:
    """Return pictures, uint8 [frames, 3, height, width], as height, width, bytes, and frames a second."""
    array = np.asarray(frames)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1] != 3 or 0 in array.shape:
        raise ValueError(
            f"{what} is uint8 of shape [frames, 3, height, width]; this is {array.dtype} of {list(array.shape)}"
        )
    if rate <= 0:
        raise ValueError(f"{what} needs its rate, in frames a second, not {rate}")
    number, _, height, width = array.shape
    rgb = np.ascontiguousarray(array.transpose(0, 2, 3, 1)).tobytes()
    return {"frames": number, "height": height, "width": width, "rgb": rgb, "rate": float(rate)}


def pack_table(record: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a record, or a list of records, as column names and rows of short text.

    One record becomes two columns, field and value. A record whose only value is a list of records becomes that list.
    """
    if isinstance(record, Mapping):
        inner = list(record.values())
        if len(inner) == 1 and _is_records(inner[0]):
            return pack_table(inner[0])
        rows = []
        for name, value in record.items():
            if _is_records(value):
                rows += [
                    [f"{name} {i}: {key}", _cell(part)] for i, one in enumerate(value) for key, part in one.items()
                ]
            else:
                rows.append([str(name), _cell(value)])
        return {"columns": ["field", "value"], "rows": rows}
    if not _is_records(record):
        raise ValueError(f"a table is a dict or a list of dicts; this is {type(record).__name__}")
    columns = list(dict.fromkeys(key for one in record for key in one))
    return {"columns": [str(c) for c in columns], "rows": [[_cell(one.get(c, "")) for c in columns] for one in record]}


def table_lines(record: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Return a record, or a list of records, as lines of "name: value", for a still."""
    table = pack_table(record)
    if table["columns"] == ["field", "value"]:
        return "\n".join(f"{name}: {value}" for name, value in table["rows"])
    names = table["columns"]
    return "\n".join(
        ", ".join(f"{name}: {value}" for name, value in zip(names, row, strict=True)) for row in table["rows"]
    )


def _is_records(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(one, Mapping) for one in value)


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(part) for part in value)
    return str(value)
