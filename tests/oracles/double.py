"""Some of transformers' parts count in float32 whatever the model's precision is; here they can be let count in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch


@contextmanager
def no_rounding_to_float32(dtype: torch.dtype) -> Iterator[None]:
    """For a model in float64, `torch.float32` and `.float()` in transformers' code mean float64 inside this."""
    if dtype == torch.float64:
        with patch.object(torch, "float32", torch.float64), patch.object(torch.Tensor, "float", torch.Tensor.double):
            yield
    else:
        yield
