"""The checkpoint "llava_scenes": a language model that describes pictures and videos, and talks about them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, picture_prompt
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes, gpt_scenes
from utils.training.recipes.recipe import Recipe
from utils.world import MOTIONS, Scenes, describe_action, render_pictures, render_videos, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import SUMMARY, Text, answers, dialogues, replies, summaries, text_ids
from utils.world.tokenizer import PAD, START

SCENES, VIDEOS, SEED, BATCH = 20_000, 8_000, 51, 64
FRAMES = 4  # of a video's 8, every other one: as many soft tokens as leave room for words
PICTURE, VIDEO = "<image>", " ".join(["<image>"] * FRAMES)


def shown(texts: Iterable[Text], what: str = PICTURE) -> list[Text]:
    """Return texts that begin with a document with `what` in its place: a picture, or the frames of a video."""
    return [(what, *text[1:]) for text in texts]


def picture_texts(scenes: Scenes, seed: int) -> tuple[list[Text], list[int]]:
    """Return texts about pictures, and for each the number of its scene: captions, answers, conversations."""
    texts, about = [], []
    for i, scene in enumerate(scenes):
        kind = (i + seed) % 3
        one = scenes[[i]]
        found = summaries(one) if kind == 0 else []
        found = found or (dialogues(one, seed=seed + i) if kind == 1 and len(scene.things) == 2 else [])
        found = found or answers(one, seed=seed + i) or summaries(one)
        texts += found[:1]
        about.append(i)
    return shown(texts), about


def video_texts(scenes: Scenes) -> list[Text]:
    """Return for each scene what its video shows: the object, and what it does."""
    return [(VIDEO, SUMMARY, describe_action(scene)) for scene in scenes]


def frames_of(scenes: Scenes, seed: int) -> Tensor:
    """Return every other frame of each scene's video, uint8 [scenes, FRAMES, 3, height, width]."""
    return render_videos(scenes, 2 * FRAMES, seed=seed)[:, ::2]


def encode(texts: Sequence[Text], patches: int) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return token ids, with as many <image> as a picture takes, and which of them the model is to write."""
    rows = []
    for text in texts:
        parts = [text_ids((picture_prompt(part, patches),))[1:] for part in text]
        flags = [flag for part, flag in zip(parts, replies(text), strict=True) for _ in part]
        rows.append(([START, *(token for part in parts for token in part)], [False, *flags]))
    length = max(len(ids) for ids, _ in rows)
    tokens = torch.tensor([ids + [PAD] * (length - len(ids)) for ids, _ in rows])
    return tokens, torch.tensor([flags + [False] * (length - len(flags)) for _, flags in rows])


def llava_step(model: LLaVA, tokens: Tensor, learnt: Tensor, pictures: Tensor) -> Tensor:
    """Return the loss of one batch of texts about pictures or videos: what `fit` makes small."""
    return next_token_loss(model(tokens, pictures.flatten(0, -4)), tokens, learnt)


def without_last_block(model: LLaVA) -> LLaVA:
    """Return `model` without its tower's last block, which LLaVA does not read."""
    model.vision.blocks[-1] = nn.Identity()
    return model


def build(fields: dict[str, Any]) -> LLaVA:
    """Return an untrained LLaVA of the configuration that a model card holds as plain data."""
    config = LLaVAConfig(vision=ViTConfig(**fields["vision"]), language=GPTConfig(**fields["language"]))
    return without_last_block(LLaVA(config))


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train it, all of it, from the tower of "clip_scenes" and the language model "gpt_scenes": some minutes."""
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SEED)
    moving = sample_scenes(VIDEOS, seed=SEED + 1, objects=(1, 1), motions=MOTIONS)
    set_seed(recipe.seed)
    vision, language = load_checkpoint("clip_scenes")[0].vision, load_checkpoint("gpt_scenes")[0]
    model = without_last_block(LLaVA(recipe.config, vision, language)).to(device)
    patches = recipe.config.vision.patches
    texts, about = picture_texts(scenes, SEED)
    still = [*encode(texts, patches), render_pictures(scenes[about]).unsqueeze(1)]
    video = [*encode(video_texts(moving), patches), frames_of(moving, SEED)]

    def rows() -> Iterator[tuple[Tensor, ...]]:
        """Two batches of pictures, then one of videos, which have more pictures each and fewer rows."""
        stills = batches(*still, batch_size=BATCH, seed=recipe.seed, epochs=10**6, device=device)
        videos = batches(*video, batch_size=BATCH // 2, seed=recipe.seed, epochs=10**6, device=device)
        for step in itertools.count():
            yield next(videos if step % 3 == 2 else stills)

    history = fit(
        model,
        rows(),
        llava_step,
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


RECIPE = Recipe(
    name="llava_scenes",
    description="a language model that describes pictures and videos and talks about them (lesson 2.8)",
    data=(
        f"texts about {SCENES} pictures of 1 or 2 objects, seed {SEED}, and {VIDEOS} videos of 1 object, seed "
        f"{SEED + 1}, only shape-colour pairs of the seen split; begun from clip_scenes and gpt_scenes"
    ),
    seed=0,
    steps=2400,
    architecture="LLaVA",
    config=LLaVAConfig(vision=clip_scenes.CONFIG.vision, language=gpt_scenes.RECIPE.config),
    vocabulary=gpt_scenes.RECIPE.vocabulary,
    build=build,
    train=train,
)
