"""LoRA: a frozen model learns through low-rank updates of its linear layers; and partial LoRA, on image tokens only.

Hu et al. 2021, "LoRA: low-rank adaptation of large language models", sections 4.1 and 4.2. Dong et al. 2024,
"InternLM-XComposer2: mastering free-form text-image composition and comprehension in vision-language large model",
section on partial LoRA (PLoRA): a language model learns to read pictures, and what it does with text alone stays as it
was, to the last bit.

`add_lora` prepares a model, `image_tokens` tells partial LoRA where the picture is, `merge_lora` folds the updates into
the weights, `save_lora` and `load_lora` keep the updates alone. `blocks.count_parameters` counts what is trained.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn


class LoRALinear(nn.Module):
    """A linear layer with a low-rank update: W x + b + (alpha / rank) B A x (Hu et al. 2021, equation 3).

    It takes over the `weight` and `bias` of `base` under their own names, so that a checkpoint's names stay as they
    were. A is Gaussian and B zero (section 4.1): at the start the layer computes what `base` did. The paper leaves A's
    standard deviation open; here it is 1/sqrt(inputs), as in `blocks.initialise`.

    With `partial` the update reaches only the positions at which `image_mask` is True; `image_tokens` sets it.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, partial: bool = False):
        super().__init__()
        outputs, inputs = base.weight.shape
        if not 1 <= rank <= min(inputs, outputs):
            raise ValueError(
                f"rank {rank} does not fit a linear layer from {inputs} to {outputs} features: choose 1 to "
                f"{min(inputs, outputs)}"
            )
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha must be a positive number, not {alpha}; equal to the rank it scales by 1")
        self.rank, self.alpha, self.partial = rank, alpha, partial
        self.weight, self.bias = base.weight, base.bias
        self.lora_A = nn.Parameter(torch.randn_like(self.weight[:rank]) * inputs**-0.5)
        self.lora_B = nn.Parameter(torch.zeros_like(self.weight[:, :rank]))
        self.image_mask: Bool[Tensor, "*positions"] | None = None

    def forward(self, x: Float[Tensor, "*positions inputs"]) -> Float[Tensor, "*positions outputs"]:
        """Return each position's features, with the update everywhere or, if `partial`, on image tokens."""
        unchanged = F.linear(x, self.weight, self.bias)
        updated = unchanged + self.alpha / self.rank * F.linear(F.linear(x, self.lora_A), self.lora_B)
        if not self.partial:
            return updated
        if self.image_mask is None:
            raise ValueError(
                "partial LoRA must know the image tokens: call the model in `with image_tokens(model, mask):`"
            )
        if self.image_mask.shape != x.shape[:-1]:
            raise ValueError(
                f"the mask of image tokens is {list(self.image_mask.shape)} and the positions that a layer was given "
                f"are {list(x.shape[:-1])}; they must be the same"
            )
        # Both are computed everywhere and one is chosen, so that neither depends on which other positions are chosen:
        # a product over the image tokens alone may round differently.
        return torch.where(self.image_mask.unsqueeze(-1), updated, unchanged)

    def merged(self) -> nn.Linear:
        """Return the ordinary linear layer, frozen, that computes the same: its weight is W + (alpha / rank) B A."""
        if self.partial:
            raise ValueError("partial LoRA cannot be merged: one weight cannot serve image tokens and leave text alone")
        outputs, inputs = self.weight.shape
        linear = nn.Linear(inputs, outputs, bias=self.bias is not None, device="meta")
        update = self.alpha / self.rank * self.lora_B.detach() @ self.lora_A.detach()
        # A weight of its own: the old one may be tied to an embedding, which has learnt nothing.
        linear.weight, linear.bias = nn.Parameter(self.weight.detach() + update, requires_grad=False), self.bias
        return linear


def add_lora(model: nn.Module, pattern: str, rank: int, alpha: float, partial: bool = False) -> list[str]:
    """Give the linear layers of `model` whose names match `pattern` a low-rank update, in place; return their names.

    `pattern` is a shell pattern such as "blocks.*.attention.*" or "*" (`fnmatch`). All of `model` is frozen but its
    updates; whoever trains more, such as a connector, thaws it afterwards. Other layers may be added by a further call.
    Raises `ValueError`, and changes nothing, if no layer matches, if one has an update already or if the rank does not
    fit one.
    """
    # Only nn.Linear itself: nn.MultiheadAttention reads the weight of its own kind of linear layer and never calls it.
    linear = {name: layer for name, layer in model.named_modules() if name and type(layer) is nn.Linear}
    chosen = {name: layer for name, layer in linear.items() if fnmatchcase(name, pattern)}
    twice = [name for name in lora_layers(model) if fnmatchcase(name, pattern)]
    if twice:
        raise ValueError(f"{pattern!r} matches {twice[0]}, which has LoRA already; narrow the pattern, or merge first")
    if not chosen:
        known = ", ".join(list(linear)[:4]) + (", ..." if len(linear) > 4 else "") or "none"
        raise ValueError(f"{pattern!r} matches no linear layer of this {type(model).__name__} (it has: {known})")
    replace(model, {layer: LoRALinear(layer, rank, alpha, partial) for layer in chosen.values()})
    updates = {id(part) for layer in lora_layers(model).values() for part in (layer.lora_A, layer.lora_B)}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in updates)
    return list(chosen)


@contextmanager
def image_tokens(model: nn.Module, mask: Bool[Tensor, "*positions"]) -> Iterator[None]:
    """Let partial LoRA in `model` change, for as long as the context lasts, only the positions where `mask` is True.

    `mask` has the shape of the layers' input without its features, in a Transformer [batch, length]. Whoever calls the
    model without it gets a `ValueError`, and so does a mask of another shape.
    """
    layers = [layer for layer in lora_layers(model).values() if layer.partial]
    if not layers:
        raise ValueError(f"this {type(model).__name__} has no partial LoRA; `add_lora(..., partial=True)` adds it")
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask of image tokens must be of bool (True is an image token), not {mask.dtype}")
    before = [layer.image_mask for layer in layers]
    try:
        for layer in layers:
            layer.image_mask = mask
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            layer.image_mask = old


def merge_lora(model: nn.Module) -> None:
    """Fold every update into its layer's weight, in place: the same function without extra work (section 4.1).

    The model stays frozen. Raises `ValueError`, and changes nothing, if there is no LoRA or some of it is partial.
    """
    replace(model, {layer: layer.merged() for layer in some_lora_layers(model).values()})


def save_lora(model: nn.Module, path: Path) -> None:
    """Write the updates of `model` to `path` as safetensors: A and B of each layer, and nothing of the base."""
    layers = some_lora_layers(model)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in updates_of(layers).items()}
    unfinished = path.with_name(f"{path.name}.partial")  # an interrupted save leaves the old file
    try:
        unfinished.write_bytes(save(tensors, {"lora": json.dumps(settings_of(layers))}))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_lora(model: nn.Module, path: Path) -> None:
    """Put the updates saved at `path` into `model`, to which `add_lora` has given the same layers, rank and alpha.

    Raises `ValueError`, and changes nothing, if the file is broken or for other settings.
    """
    layers = some_lora_layers(model)
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["lora"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is broken or was not written by `save_lora` ({error!r}); save it again") from error
    own = settings_of(layers) | {name: list(part.shape) for name, part in updates_of(layers).items()}
    theirs = settings | {name: list(part.shape) for name, part in tensors.items()}
    for name in sorted(own.keys() | theirs.keys()):
        if own.get(name) != theirs.get(name):
            raise ValueError(
                f"{path} does not fit this model: {name} is {theirs.get(name, 'without LoRA')} in the file and "
                f"{own.get(name, 'without LoRA')} in the model"
            )
    model.load_state_dict(tensors, strict=False)


def lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """Return the layers of `model` that have an update, by name."""
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoRALinear)}


def some_lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """Return the layers that have an update; a model without any is a `ValueError`."""
    if not (layers := lora_layers(model)):
        raise ValueError(f"this {type(model).__name__} has no LoRA; `add_lora` adds it")
    return layers


def updates_of(layers: dict[str, LoRALinear]) -> dict[str, Tensor]:
    """Return A and B of each layer under their names in the whole model."""
    return {f"{name}.{part}": getattr(layer, part) for name, layer in layers.items() for part in ("lora_A", "lora_B")}


def settings_of(layers: dict[str, LoRALinear]) -> dict[str, dict[str, float]]:
    """Return what A and B do not say by themselves but the function depends on."""
    return {
        name: {"rank": layer.rank, "alpha": layer.alpha, "partial": layer.partial} for name, layer in layers.items()
    }


def replace(model: nn.Module, new: dict[nn.Module, nn.Module]) -> None:
    """Put each layer's successor in its place, in every place that the layer has."""
    for name, layer in list(model.named_modules(remove_duplicate=False)):
        if layer in new:
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, new[layer].train(layer.training))
