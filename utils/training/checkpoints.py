"""Checkpoints: weights as safetensors, and beside them a model card in JSON that says where they come from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from utils.lessons import ASSETS
from utils.training.interruption import delayed_interrupt
from utils.training.recipes import Recipe, find_recipe
from utils.world.tokenizer import VOCABULARY

CHECKPOINTS = ASSETS / "checkpoints"
VISION = "vision."  # how the names of a tower's weights begin in a model that looks through it


class CheckpointError(Exception):
    """A checkpoint is missing, broken, or not for this model; the message says which and what to do."""


@dataclass(frozen=True)
class Figure:
    """One held-out figure: its value, the bar that it must meet, its 95 % interval and what it was measured on.

    With `at_most` the bar is one to stay below, for what should be at chance.
    """

    value: float
    bar: float
    low: float
    high: float
    on: str
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the value meets the bar."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar


@dataclass(frozen=True)
class ModelCard:
    """Where a checkpoint comes from and how good it is on data that it was not trained on.

    `sha256` is that of the weights' file; `save_checkpoint` fills it in. A model whose `vision` is that of another
    checkpoint, frozen, names it as its `tower`, and its file holds only the rest; `tower_sha256` is that of its file.
    """

    name: str
    architecture: str
    config: dict[str, Any]
    recipe: str
    seed: int
    data: str
    steps: int
    seconds: float
    parameters: int
    vocabulary: int
    figures: dict[str, Figure] = field(default_factory=dict)
    sha256: str = ""
    tower: str = ""
    tower_sha256: str = ""


def save_checkpoint(model: nn.Module, card: ModelCard, folder: Path = CHECKPOINTS) -> Path:
    """Write `model`'s weights and its card into `folder` and return the path of the weights.

    Both files are written beside their place and then moved there together, so that an interrupted save leaves the old
    ones. Should the power fail between the two moves, the card's `sha256` tells on the next load.

    Raises `CheckpointError` if the card names a tower and the model's differs from it: it was to stay as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if card.tower:
        lent, tower_sha256 = _tower(card.tower)
        own = {name: tensor for name, tensor in weights.items() if name.startswith(VISION)}
        changed = [name for name in own if name not in lent or not torch.equal(own[name], lent[name])]
        if changed or not own:
            what = f"{changed[0]} is not" if changed else "no weight of this model is"
            raise CheckpointError(
                f"{card.name!r} was to look through the tower of {card.tower!r} as it is, and {what} that one's; "
                "freeze it, or name no tower in the recipe"
            )
        weights = {name: tensor for name, tensor in weights.items() if name not in own}
        card = dataclasses.replace(card, tower_sha256=tower_sha256)
    data = save(weights)
    card = dataclasses.replace(card, sha256=hashlib.sha256(data).hexdigest())
    places = folder / f"{card.name}.safetensors", folder / f"{card.name}.json"
    new_weights, new_description = (path.with_name(f"{path.name}.partial") for path in places)
    try:
        new_weights.write_bytes(data)
        text = json.dumps(dataclasses.asdict(card), indent=2, ensure_ascii=False) + "\n"
        new_description.write_text(text, encoding="utf-8")
        with delayed_interrupt():
            os.replace(new_weights, places[0])
            os.replace(new_description, places[1])
    finally:
        new_weights.unlink(missing_ok=True)
        new_description.unlink(missing_ok=True)
    return places[0]


def load_card(name: str, folder: Path = CHECKPOINTS) -> ModelCard:
    """Return the model card of the checkpoint called `name`; raise `CheckpointError` if there is none to be read."""
    path = folder / f"{name}.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        figures = {key: Figure(**value) for key, value in fields.pop("figures").items()}
        return ModelCard(**fields, figures=figures)
    except FileNotFoundError:
        known = ", ".join(sorted(card.stem for card in folder.glob("*.json"))) or "none"
        raise CheckpointError(
            f"there is no checkpoint {name!r} in {folder} (there: {known}); `course train {name}` makes it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"the model card {path} is broken ({error}); `course train {name}` makes it anew"
        ) from error


def load_weights(model: nn.Module, name: str, folder: Path = CHECKPOINTS) -> None:
    """Put the weights of the checkpoint called `name` into `model`, which must have just these parameters.

    Raises `CheckpointError` if the file is missing, truncated or not the one that its card describes, or if a
    parameter's name or shape differs; likewise for the tower that its card names.
    """
    card, (weights, _) = load_card(name, folder), _read(name, folder)
    path, own = folder / f"{name}.safetensors", model.state_dict()
    if card.tower:
        lent, tower_sha256 = _tower(card.tower)
        if tower_sha256 != card.tower_sha256:
            raise CheckpointError(
                f"{path} was trained behind another {card.tower!r} than the one in {CHECKPOINTS}; "
                f"`course train {name}` makes it anew"
            )
        weights |= {key: tensor for key, tensor in lent.items() if key in own}
    differences = [f"{key} is missing" for key in own.keys() - weights.keys()]
    differences += [f"{key} is not in the model" for key in weights.keys() - own.keys()]
    differences += [
        f"{key} is {list(weights[key].shape)} in the file and {list(own[key].shape)} in the model"
        for key in own.keys() & weights.keys()
        if own[key].shape != weights[key].shape
    ]
    if differences:
        shown = "; ".join(sorted(differences)[:3])
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise CheckpointError(f"{path} is for another configuration of {type(model).__name__}: {shown}{more}")
    model.load_state_dict(weights)


def _tower(name: str) -> tuple[dict[str, Tensor], str]:
    """The weights of the course's checkpoint `name`, under the names that they have in a model, and its hash."""
    weights, sha256 = _read(name, CHECKPOINTS)
    return {f"{VISION}{key}": tensor for key, tensor in weights.items()}, sha256


def _read(name: str, folder: Path) -> tuple[dict[str, Tensor], str]:
    """The weights in a checkpoint's file, which must be the one that its card describes, and its hash."""
    path = folder / f"{name}.safetensors"
    expected = load_card(name, folder).sha256
    try:
        data = path.read_bytes()
        weights = load(data)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {path}; `course train {name}` makes it") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is truncated or broken ({error}); `course train {name}` makes it anew"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if expected and found != expected:
        raise CheckpointError(
            f"{path} is not the file that its model card describes: one of them was changed, or a save was cut short; "
            f"`course train {name}` makes both anew"
        )
    return weights, found


def load_checkpoint(name: str, folder: Path = CHECKPOINTS, *, recipe: Recipe | None = None) -> tuple[Any, ModelCard]:
    """Return the trained model called `name`, in evaluation mode, and its model card.

    What kind of model it is comes from its recipe, by default the one of the same name. Raises `CheckpointError` if the
    checkpoint is missing, broken, newer than this course or for another architecture, and `KeyError` if there is
    neither a recipe nor a checkpoint of this name.
    """
    card = load_card(name, folder)
    recipe = recipe or find_recipe(name)
    wanted = recipe.architecture
    if card.architecture != wanted:
        raise CheckpointError(f"checkpoint {name!r} holds a {card.architecture}, not a {wanted}")
    if card.vocabulary > len(VOCABULARY):
        raise CheckpointError(
            f"checkpoint {name!r} knows {card.vocabulary} tokens and this course {len(VOCABULARY)}; update the course"
        )
    try:
        model = recipe.build(card.config)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the model card of {name!r} is not that of a {wanted} of this course ({error!r})"
        ) from error
    load_weights(model, name, folder)
    return model.eval(), card
