"""Dense against sparse at equal active parameters: what small LLaVAs learn by heart, and what they learn to do.

Two tasks. In an inventory every picture has a number of three digits that nothing in it tells: it must be known, and a
network that knows more of them has more room for facts. Descriptions are a skill: they are tested on shape-colour pairs
that no training shows. Jelassi et al. 2025, "Mixture of parrots", found that experts help the first more than the
second.

The sweep takes minutes, so that lesson 3.5 draws its stored figures:

    python -m utils.evaluation.expert_sweep
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.evaluation.held_out.plora_scenes import right
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.blocks import FeedForward
from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, merge_patches, picture_prompt
from utils.models.moe import MixtureOfExperts, SoftmaxRouter, divide, load_balancing_loss, routings
from utils.models.moe_llava import sparsify
from utils.models.vit import ViT
from utils.training.answering import eyes
from utils.training.features import see
from utils.training.loop import fit
from utils.world import NUMBERS, VOCABULARY, Scenes, batches, render_pictures, sample_scenes
from utils.world.conversations import Text, tell
from utils.world.notes import text_rows

FIGURES = ASSETS / "measurements" / "expert_sweep.json"
WAYS, SEEDS = ("dense", "sparse"), range(4)
FACTS, TIMES = (500, 1500), 256  # sizes of the inventory, and how often each number is read
WIDTH, DEPTH, HIDDEN, MERGE = 32, 1, 64, 2
EXPERTS, TOP_K, BALANCE = 16, 2, 0.003
BATCH, LEARNING_RATE = 256, 4e-3


@dataclass(frozen=True)
class ExpertTask:
    """Texts about pictures to learn from, and those to test on; `features` are what the tower sees of each picture."""

    tokens: Int[Tensor, "texts length"]
    learnt: Bool[Tensor, "texts length"]
    features: Float[Tensor, "texts squares merged"]
    test: tuple[Tensor, Tensor, Tensor]
    steps: int


def _rows(vision: ViT, scenes: Scenes, write: Callable[[Scenes], list[str]]) -> tuple[Tensor, Tensor, Tensor]:
    place = picture_prompt("<image>", vision.config.patches // MERGE**2)
    texts: list[Text] = [(place, text) for text in write(scenes)]
    return *text_rows(texts), merge_patches(see(vision, render_pictures(scenes)), MERGE)


def inventory_numbers(scenes: Scenes, seed: int = 0) -> list[str]:
    """Return a random number of three digits, in words, for each scene."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(NUMBERS, k=3)) for _ in scenes]


def inventory(vision: ViT, items: int) -> ExpertTask:
    """Return pictures of two objects with their inventory numbers; tested is what was learnt: nothing else can be."""
    rows = _rows(vision, sample_scenes(items, seed=3500, objects=(2, 2)), inventory_numbers)
    return ExpertTask(*rows, test=rows, steps=items * TIMES // BATCH)


def descriptions(vision: ViT, scenes: int, steps: int = 300) -> ExpertTask:
    """Return pictures of one object with what stands where, tested on pairs that are held out everywhere."""
    write = partial(map, tell)
    rows = _rows(vision, sample_scenes(scenes, seed=3501, objects=(1, 1)), write)
    held_out = sample_scenes(500, seed=3502, objects=(1, 1), pairs="held_out")
    return ExpertTask(*rows, test=_rows(vision, held_out, write), steps=steps)


TASKS = {"inventory": (inventory, FACTS), "descriptions": (descriptions, (4000,))}


def begin(way: str, vision: ViT, seed: int) -> LLaVA:
    """Return an untrained LLaVA in whose block a token meets `HIDDEN` hidden units, dense or of `TOP_K` experts."""
    torch.manual_seed(seed)
    language = GPTConfig(len(VOCABULARY), length=32, width=WIDTH, depth=DEPTH, heads=2, hidden=HIDDEN)
    model = LLaVA(LLaVAConfig(vision.config, language, MERGE), vision)
    if way == "sparse":
        model.language = sparsify(model.language, range(DEPTH), _experts)
    return model


def _experts(feed_forward: FeedForward) -> MixtureOfExperts:
    return divide(feed_forward, SoftmaxRouter(WIDTH, EXPERTS, TOP_K))


def logits(model: LLaVA, tokens: Tensor, features: Tensor) -> Float[Tensor, "texts length vocabulary"]:
    """Return the logits of each next token, about pictures of which the tower has seen `features`."""
    return model.language.decode(model.embed(tokens, model.projector(features)))


def sweep_loss(model: LLaVA, tokens: Tensor, learnt: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one batch, with that of balance where there are experts: what `fit` makes small."""
    with routings(model) as sent:
        answer = next_token_loss(logits(model, tokens, features), tokens, learnt)
    return answer + BALANCE * sum(load_balancing_loss(routing) for routing in sent) / max(1, len(sent))


@torch.no_grad()
def score(model: LLaVA, task: ExpertTask) -> float:
    """Return the share of the test's texts of which every word is right."""
    parts = zip(*(part.split(500) for part in task.test), strict=True)
    found = [right(logits(model, tokens, features), tokens, learnt) for tokens, learnt, features in parts]
    return torch.cat(found).mean().item()


def score_after(task: ExpertTask, way: str, vision: ViT, seed: int) -> float:
    """Return what a model of this `way` reaches on `task`."""
    model = begin(way, vision, seed)
    rows = batches(task.tokens, task.learnt, task.features, batch_size=BATCH, seed=seed, steps=task.steps)
    fit(model, rows, sweep_loss, steps=task.steps, learning_rate=LEARNING_RATE)
    return score(model, task)


def sweep() -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the scores by task, way and number of pictures, a list over the seeds; some minutes."""
    vision, scores = eyes(), {}
    for name, (make, sizes) in TASKS.items():
        scores[name] = {way: {} for way in WAYS}
        for size in sizes:
            task = make(vision, size)
            for way in WAYS:
                scores[name][way][str(size)] = [round(score_after(task, way, vision, seed), 4) for seed in SEEDS]
    return scores


def stored_sweep() -> dict[str, dict[str, dict[int, Interval]]]:
    """Return the stored scores by task, way and number of pictures, each with its interval over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {
        task: {
            way: {int(size): bootstrap(torch.tensor(values)) for size, values in sizes.items()}
            for way, sizes in ways.items()
        }
        for task, ways in stored.items()
    }


def main() -> None:
    """Run the sweep and store its figures."""
    store(sweep(), FIGURES)


if __name__ == "__main__":
    main()
