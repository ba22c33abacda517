"""Checkpoints: weights as safetensors, and beside them a model card in JSON that says where they come from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from utils.lessons import ASSETS
from utils.training.interruption import delayed_interrupt
from utils.training.recipes import Recipe, find_recipe
from utils.world.tokenizer import VOCABULARY

CHECKPOINTS = ASSETS / "checkpoints"


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

    `sha256` is that of the weights' file; `save_checkpoint` fills it in.
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


def save_checkpoint(model: nn.Module, card: ModelCard, folder: Path = CHECKPOINTS) -> Path:
    """Write `model`'s weights and its card into `folder` and return the path of the weights.

    Both files are written beside their place and then moved there together, so that an interrupted save leaves the old
    ones. Should the power fail between the two moves, the card's `sha256` tells on the next load.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()})
    card = dataclasses.replace(card, sha256=hashlib.sha256(data).hexdigest())
    weights, description = folder / f"{card.name}.safetensors", folder / f"{card.name}.json"
    new_weights, new_description = (path.with_name(f"{path.name}.partial") for path in (weights, description))
    try:
        new_weights.write_bytes(data)
        text = json.dumps(dataclasses.asdict(card), indent=2, ensure_ascii=False) + "\n"
        new_description.write_text(text, encoding="utf-8")
        with delayed_interrupt():
            os.replace(new_weights, weights)
            os.replace(new_description, description)
    finally:
        new_weights.unlink(missing_ok=True)
        new_description.unlink(missing_ok=True)
    return weights


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
    parameter's name or shape differs.
    """
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
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise CheckpointError(
            f"{path} is not the file that its model card describes: one of them was changed, or a save was cut short; "
            f"`course train {name}` makes both anew"
        )
    own = model.state_dict()
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
