"""The checkpoint "llava_scenes": a language model that describes pictures and videos, and talks about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, merge_patches, picture_prompt
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.features import see
from utils.training.loop import History, fit
from utils.training.recipes import clip_scenes
from utils.training.recipes.recipe import Recipe
from utils.training.regions import mix_colours
from utils.world import COLOURS, MOTIONS, Scene, Scenes, describe_action, render_pictures, render_videos, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import SUMMARY, Text, answers, dialogues, replies, summaries, text_ids
from utils.world.tokenizer import PAD, START, VOCABULARY

SCENES, VIDEOS, SEED, BATCH = 10_000, 3_000, 51, 64
FRAMES = 8
PICTURE, VIDEO = "<image>", " ".join(["<image>"] * FRAMES)


def shown(texts: Iterable[Text], what: str = PICTURE) -> list[Text]:
    """Return texts that begin with a document with `what` in its place: a picture, or the frames of a video."""
    return [(what, *text[1:]) for text in texts]


def in_reading_order(scene: Scene) -> Scene:
    """Return the scene with its objects in the order in which one reads: from the top left on."""
    return dataclasses.replace(scene, things=tuple(sorted(scene.things, key=scene.cell)))


def picture_captions(scenes: Scenes) -> list[Text]:
    """Return a caption of each scene's picture.

    Its objects come in reading order. If either could come first, the model would have to learn for each order what
    stands above what; in trials it learnt neither.
    """
    return shown(summaries([in_reading_order(scene) for scene in scenes]))


def about_each(scenes: Scenes, write: Callable[..., list[Text]], seed: int) -> tuple[list[Text], list[int]]:
    """Return at most one text that `write` gives about each scene, about its picture; and the number of its scene."""
    found = [(text, i) for i in range(len(scenes)) for text in shown(write(scenes[[i]], seed=seed + i)[:1])]
    return [text for text, _ in found], [i for _, i in found]


def video_texts(scenes: Scenes) -> list[Text]:
    """Return for each scene what its video shows: the object, and what it does."""
    return [(VIDEO, SUMMARY, describe_action(scene)) for scene in scenes]


def frames_of(scenes: Scenes, seed: int) -> Tensor:
    """Return each scene's video, uint8 [scenes, FRAMES, 3, height, width]."""
    return render_videos(scenes, FRAMES, seed=seed)


def encode(texts: Sequence[Text], soft_tokens: int) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return token ids, with as many <image> as a picture takes, and which of them the model is to write."""
    rows = []
    for text in texts:
        parts = [text_ids((picture_prompt(part, soft_tokens),))[1:] for part in text]
        flags = [flag for part, flag in zip(parts, replies(text), strict=True) for _ in part]
        rows.append(([START, *(token for part in parts for token in part)], [False, *flags]))
    length = max(len(ids) for ids, _ in rows)
    tokens = torch.tensor([ids + [PAD] * (length - len(ids)) for ids, _ in rows])
    return tokens, torch.tensor([flags + [False] * (length - len(flags)) for _, flags in rows])


def without_colours(tokens: Int[Tensor, "texts length"]) -> Int[Tensor, "texts length"]:
    """Return the tokens with <pad> in the place of each colour: neither read nor learnt."""
    colours = torch.tensor([VOCABULARY.index(colour) for colour in COLOURS])
    return tokens.masked_fill(torch.isin(tokens, colours), PAD)


@torch.no_grad()
def seen(model: LLaVA, pictures: Tensor) -> Float[Tensor, "pictures squares merged"]:
    """Return what the model's projector is to read of each picture, uint8 [pictures, 3, height, width]."""
    return merge_patches(see(model.vision, pictures), model.config.merge)


def llava_step(model: LLaVA, tokens: Tensor, learnt: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one batch of texts about pictures of which the tower has seen `features`."""
    return next_token_loss(model.language.decode(model.embed(tokens, model.projector(features))), tokens, learnt)


def without_last_block(model: LLaVA) -> LLaVA:
    """Return `model` without its tower's last block, which LLaVA does not read."""
    model.vision.blocks[-1] = nn.Identity()
    return model


def config_of(fields: dict[str, Any]) -> LLaVAConfig:
    """Return the configuration that a model card holds as plain data."""
    return LLaVAConfig(
        **{**fields, "vision": ViTConfig(**fields["vision"]), "language": GPTConfig(**fields["language"])}
    )


def build(fields: dict[str, Any]) -> LLaVA:
    """Return an untrained LLaVA of the configuration that a model card holds as plain data."""
    return without_last_block(LLaVA(config_of(fields)))


def twice(model: LLaVA, texts: Sequence[Text], films: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, what is learnt of them, and features, of films told by `texts`.

    `films` are uint8 [texts, frames, 3, height, width]; a picture is a film of one frame.

    Each comes twice: as it is, and with its colours mixed and without the words for them. As in `regions`, so that no
    shape is read off a colour.
    """
    frames = films.shape[1]
    sheets = rearrange(films, "b f c h w -> b c (f h) w")  # all frames of a film are mixed alike
    mixed = rearrange(mix_colours(sheets, torch.Generator().manual_seed(seed)), "b c (f h) w -> b f c h w", f=frames)
    features = torch.cat([seen(model, some.flatten(0, 1)) for some in (films, mixed)])
    tokens, learnt = encode(texts, model.config.soft_tokens)
    return (
        torch.cat([tokens, without_colours(tokens)]),
        learnt.repeat(2, 1),
        rearrange(features, "(b f) s c -> b (f s) c", f=frames),
    )


def _examples(model: LLaVA, seed: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Tokens, what is learnt of them, and features: of captions, of talks, of videos."""
    scenes = sample_scenes(SCENES, seed=seed)
    pictures = render_pictures(scenes)
    moving = sample_scenes(VIDEOS, seed=seed + 1, objects=(1, 1), motions=MOTIONS)
    texts, about = about_each(scenes, answers, seed)
    more_texts, more_about = about_each(scenes, dialogues, seed)
    return [
        twice(model, picture_captions(scenes), pictures.unsqueeze(1), seed),
        (*encode(texts + more_texts, model.config.soft_tokens), seen(model, pictures)[about + more_about]),
        twice(model, video_texts(moving), frames_of(moving, seed), seed),
    ]


def behind_tower(config: LLaVAConfig, seed: int) -> LLaVA:
    """Return a LLaVA that is untrained but for its tower, that of "region_scenes", which is frozen."""
    vision, _ = load_checkpoint("region_scenes")
    set_seed(seed)
    model = without_last_block(LLaVA(config, vision))
    model.vision.requires_grad_(False)
    return model


def learn_texts(recipe: Recipe, model: LLaVA, supply: Iterable[tuple[Tensor, Tensor, Tensor]]) -> tuple[LLaVA, History]:
    """Train `model` as `recipe` says on batches of tokens, what is learnt of them, and features; return both."""
    device = choose_device()
    history = fit(
        model.to(device),
        (tuple(part.to(device) for part in batch) for batch in supply),
        llava_step,
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train all behind the frozen tower of "region_scenes", from scratch: some minutes on two cores.

    The language model does not begin as "gpt_scenes": that has learnt by heart which shapes come in which colours, and
    in trials it told only of these, whatever it saw (captions of held-out pairs 0.00 after 800 steps, and 1.00 from
    scratch).
    """
    model = behind_tower(recipe.config, recipe.seed)
    captions, talks, videos = (
        batches(*examples, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps)
        for examples in _examples(model, SEED)
    )
    return learn_texts(recipe, model, (next(supply) for supply in cycle((captions, talks, captions, videos))))


RECIPE = Recipe(
    name="llava_scenes",
    description="a language model that describes pictures and videos and talks about them (lesson 2.8)",
    data=(
        f"texts about {SCENES} pictures of 1 or 2 objects, seed {SEED}, and {VIDEOS} videos of 1 object, seed "
        f"{SEED + 1}, only shape-colour pairs of the seen split; what is shown also comes with mixed colours and "
        "without the words for them; the vision tower is that of region_scenes"
    ),
    seed=0,
    steps=4000,
    architecture="LLaVA",
    config=LLaVAConfig(
        vision=clip_scenes.CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=96, width=96, depth=4, heads=4, hidden=384),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
    tower="region_scenes",
)
