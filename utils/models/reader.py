"""A judge of pictures: a small CNN that says what stands in each quarter of a picture.

It measures what a model has drawn (Hinz et al. 2022, "Semantic object accuracy for generative text-to-image synthesis",
do the same with a detector of objects). So it knows every pair of shape and colour, also those that other models never
see in training, and none of them has a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.cnn import CNN, CNNConfig
from utils.models.vit import to_pixels
from utils.world.scenes import COLOURS, PICTURE_SIZE, SHAPES, SIZES, Scenes

NOTHING, UNASKED = -1, -100  # the second is the number that F.cross_entropy leaves out
HALF = PICTURE_SIZE // 2  # pixels a side of a quarter
PARTS = (len(SHAPES) + 1, len(COLOURS) + 1, len(SIZES) + 1)  # the last of each stands for nothing


@dataclass(frozen=True)
class ReaderConfig:
    """Sizes of the CNN that a reader looks with."""

    cnn: CNNConfig


class Reader(nn.Module):
    """Pictures in; for each quarter, in reading order, scores for its shape, its colour and its size."""

    def __init__(self, config: ReaderConfig):
        super().__init__()
        self.config = config
        self.cnn = CNN(config.cnn)
        self.head = nn.Linear(config.cnn.width, sum(PARTS))

    def forward(self, pictures: Tensor) -> tuple[Float[Tensor, "batch 4 values"], ...]:
        """Return the scores for shape, colour and size of each quarter; the last of each is for nothing there."""
        return self.head(quarters(self.cnn(to_pixels(pictures))[:, 1:])).split(PARTS, dim=-1)

    @torch.no_grad()
    def read(self, pictures: Tensor) -> Int[Tensor, "batch 4 3"]:
        """Return the numbers of shape, colour and size in each quarter, `NOTHING` where nothing stands."""
        values = torch.stack([scores.argmax(dim=-1) for scores in self(pictures)], dim=-1)
        return torch.where(values == torch.tensor(PARTS, device=values.device) - 1, NOTHING, values)


def quarters(places: Float[Tensor, "batch places width"]) -> Float[Tensor, "batch 4 width"]:
    """Return the mean vector of each quarter of a square of places, both in reading order."""
    half = round(places.shape[1] ** 0.5) // 2
    parts = rearrange(places, "b (row p column q) c -> b (row column) (p q) c", row=2, column=2, p=half, q=half)
    return parts.mean(dim=2)


def contents(scenes: Scenes) -> Int[Tensor, "scenes 4 3"]:
    """Return what a perfect reader would read: shape, colour and size in each quarter, `NOTHING` where nothing stands.

    Raises `ValueError` for scenes that are not on the grid of two by two.
    """
    if scenes.grid != 2:
        raise ValueError(f"a reader reads the quarters of scenes on a grid of 2, not {scenes.grid}")
    found = torch.full((len(scenes), 4, 3), NOTHING)
    for slot in range(scenes.shape.shape[1]):
        rows = (scenes.shape[:, slot] >= 0).nonzero().squeeze(1)
        cell = 2 * (scenes.y[rows, slot] // HALF) + scenes.x[rows, slot] // HALF
        found[rows, cell] = torch.stack(
            [getattr(scenes, part)[rows, slot] for part in ("shape", "colour", "size")], dim=-1
        )
    return found


def reading_loss(model: nn.Module, pictures: Tensor, contents: Int[Tensor, "batch 4 3"]) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of shape, colour and size over all quarters, in nats.

    `model` is any that gives scores as `Reader` does. What is `UNASKED` in `contents` does not count.
    """
    wanted = torch.where(contents == NOTHING, torch.tensor(PARTS, device=contents.device) - 1, contents)
    losses = [
        F.cross_entropy(scores.flatten(0, 1), values.flatten())
        for scores, values in zip(model(pictures), wanted.unbind(dim=-1), strict=True)
    ]
    return torch.stack(losses).mean()
