"""Training in stages: which parts of a model learn, and a fingerprint that shows which have stayed as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from torch import Tensor, nn

from utils.training.loop import History, fit


def fingerprint(module: nn.Module) -> str:
    """Return eight hexadecimal digits of the SHA-256 of all weights: the same as long as no bit of them changes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def train_stage(
    model: nn.Module,
    parts: Iterable[str],
    batches: Iterable[tuple[Tensor, ...]],
    loss: Callable[..., Tensor],
    *,
    steps: int,
    learning_rate: float,
    description: str = "stage",
) -> History:
    """Train the `parts` of `model`, its submodules of these names, and no other; return what happened.

    Raises `ValueError` if the model has no such part.
    """
    parts, known = list(parts), [name for name, _ in model.named_children()]
    if not parts or not set(parts) <= set(known):
        raise ValueError(f"the parts that learn are some of {', '.join(known)}, not {', '.join(parts) or 'none'}")
    model.requires_grad_(False)
    for part in parts:
        model.get_submodule(part).requires_grad_(True)
    return fit(model, batches, loss, steps=steps, learning_rate=learning_rate, description=description)
