"""The course's one training loop."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from utils.training.device import autocast
from utils.training.interruption import delayed_interrupt


class TrainingInterrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C or the stop button, between two steps: the model keeps what it has learnt."""


@dataclass
class History:
    """What happened in training: the loss of each step (in the loss's own unit), samples seen, seconds taken."""

    losses: list[float] = field(default_factory=list)
    samples: int = 0
    seconds: float = 0.0

    def smooth(self, window: int = 20) -> list[float]:
        """Return the mean loss over the last `window` steps, at each step."""
        sums = [0.0]
        for loss in self.losses:
            sums.append(sums[-1] + loss)
        return [(sums[i] - sums[max(0, i - window)]) / min(i, window) for i in range(1, len(sums))]


def fit(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, ...]],
    loss: Callable[..., Tensor],
    *,
    steps: int,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.1,
    warm_up: float = 0.15,
    fast: bool = False,
    description: str = "training",
    on_step: Callable[[int, float], None] | None = None,
) -> History:
    """Train `model` for `steps` steps on `batches` and return what happened.

    Each batch is a tuple of tensors, and `loss(model, *batch)` gives the number to make small. AdamW (Loshchilov and
    Hutter 2019) follows a one-cycle schedule (Smith and Topin 2019): the learning rate rises over the first `warm_up`
    of the steps and falls to zero over the rest. Weights are decayed, biases and gains are not. `fast` runs the forward
    pass in bfloat16 (see `has_fast_mode`). `on_step(step, loss)` is called after each step.

    Ctrl-C raises `TrainingInterrupted` after the step under way, with the model as that step left it. A loss or a
    gradient that is not finite raises `FloatingPointError` before it can spoil the weights.
    """
    if not 0 <= warm_up < 1:
        raise ValueError(
            f"warm_up is the share of the steps in which the learning rate rises, from 0 to 1, not {warm_up}"
        )
    device = next(model.parameters()).device
    optimiser = _optimiser(model, learning_rate, weight_decay)
    rise = 0.0 if warm_up * steps == 1 else float(warm_up)  # OneCycleLR divides by zero if just one step is to rise
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=rise)
    history, begin = History(), time.perf_counter()
    model.train()
    # tqdm's notebook bar does not read its own environment variable
    silent = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    bar = tqdm(total=steps, desc=description, unit="step", leave=False, dynamic_ncols=True, disable=silent)
    try:
        with delayed_interrupt() as stop_wanted:
            for step, batch in enumerate(_exactly(batches, steps)):
                with autocast(device, fast):
                    value = loss(model, *batch)
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                number = value.item()
                for name, size in (("loss", number), ("gradient of the loss", _gradient_norm(model))):
                    if not math.isfinite(size):
                        raise FloatingPointError(
                            f"the {name} became {size} at step {step + 1} of {steps}; the model is as step {step} left "
                            f"it. Lower the learning rate (now {learning_rate:g}) or look for a division by zero"
                        )
                optimiser.step()
                schedule.step()
                history.losses.append(number)
                history.samples += len(batch[0])
                bar.update()
                bar.set_postfix_str(f"loss {number:.3f}", refresh=False)
                if on_step is not None:
                    on_step(step, number)
                if stop_wanted():
                    break
    except KeyboardInterrupt:
        raise TrainingInterrupted(
            f"stopped after {len(history.losses)} of {steps} steps; the model keeps what it has learnt so far"
        ) from None
    finally:
        bar.close()
        model.eval()
        history.seconds = time.perf_counter() - begin
    return history


def overfit(
    model: nn.Module,
    batch: tuple[Tensor, ...],
    loss: Callable[..., Tensor],
    *,
    steps: int = 60,
    learning_rate: float = 3e-3,
) -> History:
    """Train a copy of `model` on one small batch, over and over, and return what happened; `model` stays as it is.

    The first thing to do with any new model: if it cannot learn 128 samples by heart in seconds, something in the
    model, the loss or the data is broken, and no amount of training will mend it.
    """
    return fit(
        copy.deepcopy(model),
        repeat(batch),
        loss,
        steps=steps,
        learning_rate=learning_rate,
        weight_decay=0.0,
        description="overfitting one batch",
    )


def _optimiser(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)


def _gradient_norm(model: nn.Module) -> float:
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients).item()


def _exactly(batches: Iterable, steps: int) -> Iterator:
    """The first `steps` batches; an error that says how many there were if they run out before."""
    supply = iter(batches)
    for step in range(steps):
        try:
            yield next(supply)
        except StopIteration:
            raise ValueError(f"the batches ran out after {step} of {steps} steps; give more of them") from None
