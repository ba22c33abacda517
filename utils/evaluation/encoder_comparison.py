"""A CNN beside a Vision Transformer: which of them names shapes better, by how many pictures it was shown.

Both have about as many parameters, the same training loop, about as much processor time, and the same three learning
rates to choose from, on pictures of their own kind that are neither trained nor tested on. There are two worlds: in
"cells" a thing stands in the middle of one of four cells, give or take a pixel, so that the patches of a ViT always cut
it in about the same way; "anywhere" it stands at any pixel.

    python -m utils.evaluation.encoder_comparison

measures all of it anew (about 10 minutes on one core) and writes it to assets/encoder_comparison.json.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from utils.evaluation.intervals import bootstrap
from utils.lessons import ASSETS
from utils.models.cnn import CNN, CNNConfig
from utils.models.vit import ViT, ViTConfig, to_pixels
from utils.training.loop import History, fit
from utils.world import PICTURE_SIZE, SHAPES, Scenes, render_pictures, sample_scenes
from utils.world.batching import batches
from utils.world.scenes import PIXELS

RESULTS = ASSETS / "encoder_comparison.json"
CNN_CONFIG = CNNConfig(stem=16, stages=(16, 32, 64), depth=1)
VIT_CONFIG = ViTConfig(width=64, depth=2, heads=4, hidden=128)
ENCODERS = {"CNN": lambda: CNN(CNN_CONFIG), "ViT": lambda: ViT(VIT_CONFIG)}
# A step of the ViT takes about a third of the time of the CNN's, so it is given three times as many.
STEPS = {"CNN": 200, "ViT": 600}
BATCH = 64
SIZES, SEEDS = (100, 300, 1000, 3000), (0, 1, 2)
LEARNING_RATES, TUNED_ON = (1e-3, 3e-3, 1e-2), 300
TESTED_ON = 1000


def scattered_scenes(number: int, *, seed: int) -> Scenes:
    """Return `number` scenes of one thing that stands anywhere in the picture, as far as it fits."""
    scenes = sample_scenes(number, seed=seed, objects=(1, 1))
    half = torch.tensor(PIXELS[scenes.grid])[scenes.size] // 2
    shares = torch.rand(2, number, 1, generator=torch.Generator().manual_seed(seed))
    x, y = (half + (share * (PICTURE_SIZE - 2 * half)).long() for share in shares)
    return dataclasses.replace(scenes, x=x, y=y)


def scenes_in_cells(number: int, *, seed: int) -> Scenes:
    """Return `number` scenes of one thing that stands in the middle of a cell, give or take a pixel."""
    return sample_scenes(number, seed=seed, objects=(1, 1))


WORLDS: dict[str, Callable[..., Scenes]] = {"cells": scenes_in_cells, "anywhere": scattered_scenes}


class ShapeNamer(nn.Module):
    """An image encoder and one linear layer on the vector that stands for the whole picture."""

    def __init__(self, encoder: CNN | ViT):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.width, len(SHAPES))

    def forward(self, pictures: Tensor) -> Float[Tensor, "batch shapes"]:
        """Return the logits of each shape for pictures, uint8 [batch, 3, height, width]."""
        return self.head(self.encoder(to_pixels(pictures), first=1)[:, 0])


def train_on(
    encoder: str, scenes: Scenes, *, learning_rate: float, seed: int, steps: int
) -> tuple[ShapeNamer, History]:
    """Return a `ShapeNamer` of the encoder called "CNN" or "ViT", trained on `scenes`, and what happened."""
    torch.manual_seed(seed)
    model = ShapeNamer(ENCODERS[encoder]())
    pairs = batches(render_pictures(scenes), scenes.shape[:, 0], batch_size=BATCH, seed=seed, steps=steps)
    history = fit(
        model,
        pairs,
        lambda model, pictures, shapes: F.cross_entropy(model(pictures), shapes),
        steps=steps,
        learning_rate=learning_rate,
        description=encoder,
    )
    return model, history


@torch.no_grad()
def names_rightly(model: ShapeNamer, scenes: Scenes) -> Float[Tensor, " scenes"]:
    """Return 1 for each scene whose shape the model names rightly, else 0."""
    return (model(render_pictures(scenes)).argmax(1) == scenes.shape[:, 0]).float()


@dataclass(frozen=True)
class Point:
    """How well an encoder does after training on so many pictures of one world.

    `by_seed` holds the share of test scenes named rightly for each seed, which draws the weights, the training scenes
    and their order; `mean`, `low` and `high` are over all of them, with a 95 % bootstrap interval of the seeds' scenes.
    """

    world: str
    encoder: str
    pictures: int
    learning_rate: float
    by_seed: tuple[float, ...]
    mean: float
    low: float
    high: float
    seconds: float  # processor time of one training


def compare(world: str, encoder: str) -> list[Point]:
    """Choose the learning rate of one encoder in one world, then measure it at every size of training set."""
    make, steps = WORLDS[world], STEPS[encoder]

    def score(pictures: int, learning_rate: float, seed: int, test: Scenes) -> Float[Tensor, " scenes"]:
        scenes = make(pictures, seed=100 + seed)
        model, _ = train_on(encoder, scenes, learning_rate=learning_rate, seed=seed, steps=steps)
        return names_rightly(model, test)

    chosen_by = make(TESTED_ON, seed=201)
    rate = max(LEARNING_RATES, key=lambda rate: score(TUNED_ON, rate, 0, chosen_by).mean().item())
    points, test = [], make(TESTED_ON, seed=202)
    for pictures in SIZES:
        begin = time.process_time()
        scores = [score(pictures, rate, seed, test) for seed in SEEDS]
        seconds = (time.process_time() - begin) / len(SEEDS)
        interval = bootstrap(torch.cat(scores))
        by_seed = tuple(round(one.mean().item(), 3) for one in scores)
        mean, low, high = (round(number, 3) for number in (interval.mean, interval.low, interval.high))
        points.append(Point(world, encoder, pictures, rate, by_seed, mean, low, high, round(seconds, 1)))
        print(points[-1], flush=True)
    return points


def load_comparison(path: Path = RESULTS) -> list[Point]:
    """Return the stored points of the comparison."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return [Point(**{**point, "by_seed": tuple(point["by_seed"])}) for point in fields]


def main(worlds: list[str]) -> None:
    """Measure the points of `worlds`, of all if there are none, and store them in place of their older ones."""
    new = [point for world in worlds or WORLDS for encoder in ENCODERS for point in compare(world, encoder)]
    measured = {point.world for point in new}
    kept = [point for point in load_comparison(RESULTS) if point.world not in measured] if RESULTS.exists() else []
    points = sorted([*kept, *new], key=lambda point: (point.world, point.encoder, point.pictures))
    text = json.dumps([dataclasses.asdict(point) for point in points], indent=1) + "\n"
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
