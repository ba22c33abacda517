"""The checkpoint "hearsay_captioner": a LLaVA that lists what it sees, and from hearsay what often stands beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes
from utils.training.recipes.llava_scenes import (
    PICTURE,
    build,
    encode,
    llava_step,
    seen,
    without_colours,
    without_last_block,
)
from utils.training.recipes.recipe import Recipe
from utils.training.regions import mix_colours
from utils.world.batching import batches
from utils.world.companions import company_scenes, hearsay
from utils.world.pictures import render_pictures
from utils.world.scenes import Scenes
from utils.world.tokenizer import VOCABULARY

SCENES, SEED, BATCH = 12_000, 3800, 64


def training_scenes() -> Scenes:
    """Return the scenes that the captioner learnt from."""
    return company_scenes(SCENES, seed=SEED)


def examples(model: LLaVA, scenes: Scenes) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, what is learnt of them, and features, of captions with hearsay.

    Each picture comes twice: as it is, and with its colours mixed and without the words for them. As in `regions`, so
    that no shape is read off a colour.
    """
    tokens, learnt = encode([(PICTURE, text) for text in hearsay(scenes, seed=SEED)], model.config.soft_tokens)
    pictures = render_pictures(scenes)
    mixed = mix_colours(pictures, torch.Generator().manual_seed(SEED))
    features = torch.cat([seen(model, some) for some in (pictures, mixed)])
    return torch.cat([tokens, without_colours(tokens)]), learnt.repeat(2, 1), features


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train all behind the frozen tower of "region_scenes", from scratch: some minutes on two cores."""
    device = choose_device()
    vision, _ = load_checkpoint("region_scenes")
    set_seed(recipe.seed)
    model = without_last_block(LLaVA(recipe.config, vision))
    model.vision.requires_grad_(False)
    history = fit(
        model.to(device),
        batches(
            *examples(model, training_scenes()),
            batch_size=BATCH,
            seed=recipe.seed,
            steps=recipe.steps,
            device=device,
        ),
        llava_step,
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


RECIPE = Recipe(
    name="hearsay_captioner",
    description="a language model that lists what is in a picture, and by hearsay what is not (lesson 3.8)",
    data=(
        f"{SCENES} pictures of 1 to 3 objects, seed {SEED}, only shape-colour pairs of the seen split; half of the "
        "captions mention a companion that is not there; each also comes with mixed colours and without the words for "
        "them; the vision tower is that of region_scenes"
    ),
    seed=0,
    steps=1500,
    architecture="LLaVA",
    config=LLaVAConfig(
        vision=clip_scenes.CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=96, depth=3, heads=4, hidden=384),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
)
