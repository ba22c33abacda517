"""Where a model runs: device, fast mode, seeds."""

from __future__ import annotations

import os
import random
from contextlib import nullcontext

import numpy as np
import torch


def choose_device(wanted: str | None = None) -> torch.device:
    """Return the device to train on: `wanted`, else the environment's COURSE_DEVICE, else CUDA, MPS or the CPU.

    Raises `ValueError` if the device asked for is not on this machine.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    wanted = wanted or os.environ.get("COURSE_DEVICE")
    if not wanted:
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if available[name]))
    kind, _, number = wanted.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if not available.get(kind, False) or (number and number not in map(str, range(count))):
        here = ", ".join(name for name, there in available.items() if there)
        raise ValueError(f"device {wanted!r} is not to be had on this machine; it has {here}")
    return torch.device(wanted)


def has_fast_mode(device: torch.device | str = "cpu") -> bool:
    """Say whether bfloat16 autocast is faster than float32 on `device`: CPUs with AMX, and GPUs with bfloat16 units."""
    device = torch.device(device)
    if device.type == "cpu":
        return torch.cpu._is_amx_tile_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def autocast(device: torch.device, fast: bool):
    """Return the context in which a forward pass runs: bfloat16 where `fast`, else plain float32."""
    return torch.autocast(device.type, torch.bfloat16) if fast else nullcontext()


def set_seed(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's random numbers."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
