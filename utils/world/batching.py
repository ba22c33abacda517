"""Batches from tensors that stay in memory: drawing row numbers is all that it takes, and no loader is as fast."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor


def batches(
    *tensors: Tensor,
    batch_size: int,
    seed: int | None = None,
    generator: torch.Generator | None = None,
    epochs: int = 1,
    steps: int | None = None,
    drop_last: bool = False,
    device: torch.device | str | None = None,
) -> Iterator[tuple[Tensor, ...]]:
    """Return an iterator over tuples with `batch_size` matching rows of each of `tensors`.

    With `seed`, or a CPU `generator` of your own, the rows are shuffled anew in each epoch, the same way on every
    device; with neither they come in order, as evaluation wants. There are `epochs` passes over the rows or, if
    `steps` is given, as many passes as make exactly `steps` batches. The last batch of a pass may be smaller, unless
    `drop_last` leaves it out. Batches stay on the tensors' devices, or are moved to `device`.

    Raises `ValueError`, at the call, for tensors of unequal lengths and settings that allow no batch.
    """
    if not tensors:
        raise ValueError("give at least one tensor to take batches from")
    lengths = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"the tensors must have equally many rows, and have {', '.join(map(str, lengths))}")
    length = lengths[0]
    for name, value in (("batch_size", batch_size), ("epochs", epochs), ("steps", steps)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if seed is not None and generator is not None:
        raise ValueError("give seed or generator, not both")
    per_epoch = length // batch_size if drop_last else -(-length // batch_size)
    if not per_epoch:
        raise ValueError(f"{length} rows make no batch of {batch_size}" + (" with drop_last" if drop_last else ""))
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)

    def epoch() -> Iterator[tuple[Tensor, ...]]:
        order = torch.arange(length) if generator is None else torch.randperm(length, generator=generator)
        orders = {where: order.to(where) for where in {tensor.device for tensor in tensors}}
        for start in range(0, per_epoch * batch_size, batch_size):
            rows = slice(start, start + batch_size)
            chosen = (tensor[orders[tensor.device][rows]] for tensor in tensors)
            yield tuple(chosen if device is None else (tensor.to(device) for tensor in chosen))

    passes = range(epochs) if steps is None else itertools.count()
    return itertools.islice((batch for _ in passes for batch in epoch()), steps)
