"""How good a picture classifier becomes by the number of its labels: fine-tuned, as a linear probe, and from scratch.

Two tasks for the vision tower of the checkpoint "clip_scenes": one near what it was pretrained on (the shape of one
object, tested on shape-colour pairs that no training shows) and one far from it (real handwritten digits). The sweep
takes minutes, so that lesson 2.6 draws its stored figures and runs a few points again:

    python -m utils.evaluation.label_sweep
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Int, UInt8
from torch import Tensor

from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.picture_classifier import PictureClassifier
from utils.models.vit import ViT
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import History, fit
from utils.world import SHAPES, handwritten_digits, render_pictures, sample_scenes
from utils.world.batching import batches

FIGURES = ASSETS / "measurements" / "label_sweep.json"
LABELS, SEEDS, STEPS, BATCH = (10, 30, 100, 300, 1000), range(5), 80, 32
LONGER = 5  # times as many steps, for the one question whether training from scratch only lacks time
# the learning rate of each way to begin; a head alone takes, and needs, larger steps
METHODS = {"fine-tuned": 1e-3, "linear probe": 1e-2, "from scratch": 1e-3}


@dataclass(frozen=True)
class LabelTask:
    """A classification task: labelled pictures to draw from, and held-out ones to test on."""

    classes: tuple[str, ...]
    pictures: UInt8[Tensor, "pool 3 height width"]
    labels: Int[Tensor, " pool"]
    test_pictures: UInt8[Tensor, "test 3 height width"]
    test_labels: Int[Tensor, " test"]

    def draw(self, labels: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return `labels` random pictures of the pool with their labels; more labels contain the fewer ones."""
        rows = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))[:labels]
        return self.pictures[rows], self.labels[rows]


def near_task() -> LabelTask:
    """Return the shape of the one object in a scene, tested on shape-colour pairs that are held out everywhere."""
    pool = sample_scenes(2000, seed=2600, objects=(1, 1))
    test = sample_scenes(500, seed=2601, objects=(1, 1), pairs="held_out")
    return LabelTask(SHAPES, render_pictures(pool), pool.shape[:, 0], render_pictures(test), test.shape[:, 0])


def far_task() -> LabelTask:
    """Return real handwritten digits: nothing in the scenes looks like them."""
    pool, test = handwritten_digits("train"), handwritten_digits("test")
    return LabelTask(tuple(map(str, range(10))), pool.pictures, pool.labels, test.pictures, test.labels)


TASKS = {"shapes": near_task, "handwritten digits": far_task}


def begin(method: str, pretrained: ViT, classes: int, seed: int) -> PictureClassifier:
    """Return an untrained classifier that begins as `method` says; `pretrained` itself stays as it is."""
    torch.manual_seed(seed)
    vision = ViT(pretrained.config) if method == "from scratch" else copy.deepcopy(pretrained)
    vision.requires_grad_(method != "linear probe")
    return PictureClassifier(vision, classes)


def classification_loss(model: PictureClassifier, pictures: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of one batch: what `fit` makes small."""
    return F.cross_entropy(model(pictures), labels)


def train(
    model: PictureClassifier, pictures: Tensor, labels: Tensor, *, learning_rate: float, seed: int, steps: int = STEPS
) -> History:
    """Train `model` on labelled pictures for `steps` batches, each at most as large as there are pictures."""
    data = batches(pictures, labels, batch_size=min(BATCH, len(labels)), seed=seed, steps=steps)
    return fit(model, data, classification_loss, steps=steps, learning_rate=learning_rate)


@torch.no_grad()
def accuracy(model: PictureClassifier, pictures: Tensor, labels: Tensor) -> float:
    """Return the share of pictures that `model` names rightly."""
    return (model(pictures).argmax(dim=1) == labels).float().mean().item()


def accuracy_after(task: LabelTask, pretrained: ViT, method: str, labels: int, seed: int, steps: int = STEPS) -> float:
    """Return the held-out accuracy that `method` reaches with so many labels."""
    model = begin(method, pretrained, len(task.classes), seed)
    train(model, *task.draw(labels, seed), learning_rate=METHODS[method], seed=seed, steps=steps)
    return accuracy(model, task.test_pictures, task.test_labels)


def sweep() -> dict:
    """Return the held-out accuracies by task, method and number of labels, a list over the seeds; some minutes."""
    pretrained = load_checkpoint("clip_scenes")[0].vision
    accuracies, longer = {}, {}
    for name, make in TASKS.items():
        task = make()
        accuracies[name] = {method: {str(n): [] for n in LABELS} for method in METHODS}
        for method, by_labels in accuracies[name].items():
            for n in LABELS:
                by_labels[str(n)] = [_round(accuracy_after(task, pretrained, method, n, seed)) for seed in SEEDS]
        longer[name] = _round(accuracy_after(task, pretrained, "from scratch", LABELS[-1], 0, LONGER * STEPS))
    return {"accuracy": accuracies, "from scratch, longer": longer}


def stored_sweep() -> dict[str, dict[str, dict[int, Interval]]]:
    """Return the stored accuracies by task, method and number of labels, each with its interval over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))["accuracy"]
    return {
        task: {
            method: {int(labels): bootstrap(torch.tensor(values)) for labels, values in by_labels.items()}
            for method, by_labels in methods.items()
        }
        for task, methods in stored.items()
    }


def stored_longer() -> dict[str, float]:
    """Return what training from scratch reached with all labels and `LONGER` times the steps, by task."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))["from scratch, longer"]


def _round(share: float) -> float:
    return round(share, 4)


def main() -> None:
    """Run the sweep and store its figures."""
    store(sweep(), FIGURES)


if __name__ == "__main__":
    main()
