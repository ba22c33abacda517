"""Values as bytes, both ways, between the grader and the isolated process that runs answers. Never pickle.

A message is a JSON tree followed by the raw bytes of its tensors and arrays. What comes back was made by a process
that an answer may have taken over, so `unpack` trusts nothing: sizes, types, shapes and depth are all checked, and it
builds plain data only.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from utils.exercises.describing import dtype_name, is_array, is_tensor

HEADER = struct.Struct("<II")
"""Lengths in bytes of the tree and of the blob that follow."""
TREE_LIMIT = 4_000_000
BLOB_LIMIT = 64_000_000
DEPTH_LIMIT = 50
INT_BITS_LIMIT = 10_000
STRING_LIMIT = 1_000_000
DIMENSIONS_LIMIT = 32
COLLISIONS_LIMIT = 100
"""Keys of one set or dictionary with the same hash. Numbers can be chosen to have it, and searching them is slow."""

# name: bytes of one element
TENSOR_TYPES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
ARRAY_TYPES = {name: size for name, size in TENSOR_TYPES.items() if name != "bfloat16"}


class ProtocolError(ValueError):
    """A message is not one that the protocol allows."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """Stands for a value that does not travel: a function, an object, a tensor of an exotic type, too much of it."""


def pack(value: Any) -> bytes:
    """Return the message that holds `value`; what cannot travel becomes `Opaque`. Raises ProtocolError if too large."""
    blob = bytearray()
    tree = json.dumps(_node(value, blob, 0), separators=(",", ":")).encode("ascii")
    if len(tree) > TREE_LIMIT or len(blob) > BLOB_LIMIT:
        raise ProtocolError(f"{len(tree) + len(blob)} bytes are more than a message may hold")
    return HEADER.pack(len(tree), len(blob)) + tree + blob


def body_size(header: bytes) -> int:
    """Return how many bytes follow a message's header. Raises ProtocolError where they are more than is allowed."""
    tree, blob = HEADER.unpack(header)
    if tree > TREE_LIMIT or blob > BLOB_LIMIT:
        raise ProtocolError(f"a message of {tree + blob} bytes is larger than is allowed")
    return tree + blob


def unpack(message: bytes) -> Any:
    """Return the value in `message`, as plain data. Raises ProtocolError, and only that, for anything malformed."""
    if len(message) < HEADER.size or len(message) != HEADER.size + body_size(message[: HEADER.size]):
        raise ProtocolError("a message whose length is not what it says")
    tree_size, _ = HEADER.unpack(message[: HEADER.size])
    body = memoryview(message)[HEADER.size :]
    try:
        tree = json.loads(bytes(body[:tree_size]))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a message that is not JSON: {type(error).__name__}") from error
    return _Reader(body[tree_size:]).value(tree, 0)


def _node(value: Any, blob: bytearray, depth: int) -> list:
    """Return the tree's node for `value`: its kind, and what that kind needs."""
    if depth > DEPTH_LIMIT:
        return ["opaque"]
    if value is None:
        return ["none"]
    if isinstance(value, bool):
        return ["bool", bool(value)]
    if is_tensor(value):
        return _tensor_node(value, blob)
    if is_array(value):
        return _array_node(value, blob, "array")
    if _is_numpy_scalar(value):
        return _array_node(value, blob, "scalar")
    if isinstance(value, int):
        return ["int", format(int(value), "x")] if int(value).bit_length() <= INT_BITS_LIMIT else ["opaque"]
    if isinstance(value, float):
        return ["float", float(value).hex()]
    if isinstance(value, complex):
        return ["complex", value.real.hex(), value.imag.hex()]
    if isinstance(value, str):
        # as text, whatever the subclass prints: a member of an enumeration prints its name
        return ["str", str.__str__(value)] if len(value) <= STRING_LIMIT else ["opaque"]
    if isinstance(value, bytes | bytearray):
        return ["bytes", *_store(bytes(value), blob)]
    for name, kind in (("list", list), ("tuple", tuple), ("set", set), ("frozenset", frozenset)):
        if isinstance(value, kind):
            return [name, [_node(item, blob, depth + 1) for item in value]]
    if isinstance(value, Mapping):
        return ["dict", [[_node(key, blob, depth + 1), _node(item, blob, depth + 1)] for key, item in value.items()]]
    return ["opaque"]


def _is_numpy_scalar(value: Any) -> bool:
    """Whether `value` is a number or a truth value of numpy's; its texts are texts as any other."""
    import numpy as np

    return isinstance(value, np.generic) and not isinstance(value, str | bytes)


def _tensor_node(value: Any, blob: bytearray) -> list:
    import torch

    name = dtype_name(value)
    if name not in TENSOR_TYPES or value.layout != torch.strided:
        return ["opaque"]
    flat = value.detach().cpu().resolve_conj().resolve_neg().reshape(-1)
    # cloned, since one number of a strided tensor counts as contiguous, and still cannot be viewed as bytes
    raw = flat.clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes()
    return ["tensor", name, list(value.shape), *_store(raw, blob)]


def _array_node(value: Any, blob: bytearray, kind: str) -> list:
    import numpy as np

    array = np.asarray(value)
    if str(array.dtype) not in ARRAY_TYPES:
        return ["opaque"]
    return [kind, str(array.dtype), list(array.shape), *_store(np.ascontiguousarray(array).tobytes(), blob)]


def _store(raw: bytes, blob: bytearray) -> tuple[int, int]:
    """Append `raw` to the blob; return where it begins, and its length."""
    start = len(blob)
    if start + len(raw) > BLOB_LIMIT:
        raise ProtocolError(f"more than {BLOB_LIMIT} bytes of tensors")
    blob += raw
    return start, len(raw)


class _Reader:
    """Builds the value of a tree whose author may be hostile; `blob` holds the bytes that it may point to."""

    def __init__(self, blob: memoryview) -> None:
        self._blob = blob
        self._taken = 0

    def value(self, node: Any, depth: int) -> Any:
        if depth > DEPTH_LIMIT + 1 or not isinstance(node, list) or not node or not isinstance(node[0], str):
            raise ProtocolError("a node that is not one")
        read = getattr(self, f"_read_{node[0]}", None)
        if read is None:
            raise ProtocolError("a node of unknown kind")
        try:
            return read(depth, *node[1:])
        except ProtocolError:
            raise
        except (TypeError, ValueError, OverflowError, RuntimeError, KeyError, RecursionError, MemoryError) as error:
            raise ProtocolError(f"a {node[0]} that cannot be read: {type(error).__name__}") from error

    def _read_none(self, depth: int) -> None:
        return None

    def _read_opaque(self, depth: int) -> Opaque:
        return Opaque()

    def _read_bool(self, depth: int, value: bool) -> bool:
        return _of(value, bool)

    def _read_int(self, depth: int, digits: str) -> int:
        if len(_of(digits, str)) > INT_BITS_LIMIT // 4 + 2:
            raise ProtocolError("an integer that is too long")
        return int(digits, 16)

    def _read_float(self, depth: int, digits: str) -> float:
        if len(_of(digits, str)) > 64:
            raise ProtocolError("a float that is too long")
        return float.fromhex(digits)

    def _read_complex(self, depth: int, real: str, imaginary: str) -> complex:
        return complex(self._read_float(depth, real), self._read_float(depth, imaginary))

    def _read_str(self, depth: int, text: str) -> str:
        if len(_of(text, str)) > STRING_LIMIT:
            raise ProtocolError("a string that is too long")
        return text

    def _read_bytes(self, depth: int, start: int, length: int) -> bytes:
        return bytes(self._bytes(start, length))

    def _read_list(self, depth: int, items: list) -> list:
        return [self.value(item, depth + 1) for item in _of(items, list)]

    def _read_tuple(self, depth: int, items: list) -> tuple:
        return tuple(self._read_list(depth, items))

    def _read_set(self, depth: int, items: list) -> set:
        return set(_keys(self._read_list(depth, items)))

    def _read_frozenset(self, depth: int, items: list) -> frozenset:
        return frozenset(self._read_set(depth, items))

    def _read_dict(self, depth: int, items: list) -> dict:
        pairs = [_of(pair, list) for pair in _of(items, list)]
        pairs = [(self.value(key, depth + 1), self.value(item, depth + 1)) for key, item in pairs]
        _keys(key for key, _ in pairs)
        return dict(pairs)

    def _read_tensor(self, depth: int, name: str, shape: list, start: int, length: int) -> Any:
        import torch

        raw = self._elements(name, TENSOR_TYPES[name], shape, start, length)
        dtype = getattr(torch, name)
        if not length:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)

    def _read_array(self, depth: int, name: str, shape: list, start: int, length: int) -> Any:
        import numpy as np

        raw = self._elements(name, ARRAY_TYPES[name], shape, start, length)
        return np.frombuffer(bytearray(raw), dtype=name).reshape(shape)

    def _read_scalar(self, depth: int, name: str, shape: list, start: int, length: int) -> Any:
        if shape != []:
            raise ProtocolError("a scalar with a shape")
        return self._read_array(depth, name, shape, start, length)[()]

    def _elements(self, name: str, size: int, shape: list, start: int, length: int) -> memoryview:
        """Return the bytes of an array, if shape and length agree."""
        if len(_of(shape, list)) > DIMENSIONS_LIMIT or any(_of(n, int) < 0 or n > 2**31 for n in shape):
            raise ProtocolError("a shape that is not one")
        if math.prod(shape) * size != length:
            raise ProtocolError("a shape that does not fit its bytes")
        raw = self._bytes(start, length)
        if name == "bool" and length and max(raw) > 1:  # a third truth value would be anything to torch
            raise ProtocolError("a bool that is neither 0 nor 1")
        return raw

    def _bytes(self, start: int, length: int) -> memoryview:
        # pieces lie one after the other: a blob that is pointed to a thousand times would unpack to a thousand copies
        if _of(start, int) != self._taken or _of(length, int) < 0 or start + length > len(self._blob):
            raise ProtocolError("bytes that are not there")
        self._taken = start + length
        return self._blob[start : start + length]


def _of(value: Any, kind: type) -> Any:
    """Return `value` if it is of exactly this type: True is no int."""
    if type(value) is not kind:
        raise ProtocolError(f"a {type(value).__name__} where a {kind.__name__} was expected")
    return value


def _keys(values: Iterable[Any]) -> list:
    """Return the values, if all may be keys and they have not been made to collide. Raises TypeError for a list."""
    values = list(values)
    most = max(Counter(map(hash, values)).values(), default=0)
    if most > COLLISIONS_LIMIT:
        raise ProtocolError("keys that all have the same hash")
    return values
