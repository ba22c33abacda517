"""The checkpoint "moe_llava_scenes": experts for the language model of "llava_scenes", by sparse upcycling."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import torch
from torch import Tensor

from utils.models.gpt import next_token_loss
from utils.models.llava import LLaVA
from utils.models.moe import load_balancing_loss, routings
from utils.models.upcycled import WAYS, Upcycled, UpcycledConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.llava_scenes import about_each, encode, picture_captions, seen
from utils.training.recipes.recipe import Recipe
from utils.world import render_pictures, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import answers
from utils.world.tokenizer import PAD

SCENES, SEED, BATCH = 8000, 55, 64
BALANCE = 0.01  # as in the paper


def balanced_step(model: LLaVA, tokens: Tensor, learnt: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one batch of texts about pictures of which the tower has seen `features`.

    As `moe_llava_loss`, with the balance of the mixtures if the model has any; the tower, which is frozen, need not
    look at each picture again.
    """
    with routings(model) as sent:
        logits = model.language.decode(model.embed(tokens, model.projector(features)))
    answer, real = next_token_loss(logits, tokens, learnt), (tokens != PAD).flatten()
    if not sent:
        return answer
    return answer + BALANCE * torch.stack([load_balancing_loss(routing, real) for routing in sent]).mean()


def examples(llava: LLaVA, scenes: int, seed: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return tokens, what is learnt of them, and what the tower sees: of captions, and of questions with answers."""
    shown = sample_scenes(scenes, seed=seed)
    features = seen(llava, render_pictures(shown))
    texts, about = about_each(shown, answers, seed)
    soft_tokens = llava.config.soft_tokens
    return [(*encode(picture_captions(shown), soft_tokens), features), (*encode(texts, soft_tokens), features[about])]


def build(fields: dict[str, Any]) -> Upcycled:
    """Return untrained layers of the configuration that a model card holds as plain data."""
    return Upcycled(UpcycledConfig(**{**fields, "blocks": tuple(fields["blocks"])}))


def train(recipe: Recipe) -> tuple[Upcycled, History]:
    """Train both ways on the same batches in the same order: some minutes on two cores.

    The history is that of both; its losses are those of the last.
    """
    device = choose_device()
    llava, _ = load_checkpoint("llava_scenes")
    set_seed(recipe.seed)
    model = Upcycled(recipe.config, llava)
    data, history = examples(llava, SCENES, SEED), History()
    for way in WAYS:
        student = model.put_into(llava, way).requires_grad_(False)
        getattr(model, way).requires_grad_(True)
        supplies = [
            batches(*some, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps, device=device) for some in data
        ]
        one = fit(
            student.to(device),
            (next(supply) for supply in cycle(supplies)),
            balanced_step,
            steps=recipe.steps,
            learning_rate=1e-3,
            fast=has_fast_mode(device),
            description=way,
        )
        history = History(one.losses, history.samples + one.samples, history.seconds + one.seconds)
    return model.cpu().eval(), history


RECIPE = Recipe(
    name="moe_llava_scenes",
    description="experts for the language model of llava_scenes, grown from its own layers (lesson 3.5)",
    data=(
        f"captions of and questions about {SCENES} pictures of 1 or 2 objects, seed {SEED}, only shape-colour pairs of "
        "the seen split; all but the layers themselves is that of llava_scenes, and frozen"
    ),
    seed=0,
    steps=800,
    architecture="Upcycled",
    config=UpcycledConfig(),
    vocabulary=0,
    build=build,
    train=train,
)
