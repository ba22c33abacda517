"""The checkpoint "bind_scenes": sounds, videos and point clouds, each bound to the pictures of "clip_scenes"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from utils.models.audio import AudioConfig
from utils.models.bind import BindConfig, ImageBind, Tower, hear
from utils.models.clip import CLIPConfig
from utils.models.point import PointConfig
from utils.models.text import TextConfig
from utils.models.video import VideoConfig
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.objectives import info_nce
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.recipe import Recipe
from utils.world import MOTIONS, Scenes, render_pictures, render_points, render_sounds, render_videos, sample_scenes
from utils.world.batching import batches

SCENES, BATCH = 20_000, 192
# Every modality has scenes of its own, and none of them those of CLIP: no scene was ever seen in two pairs.
SEEDS = {"audio": 51, "video": 52, "3d": 53}
STEPS = {"audio": 500, "video": 450, "3d": 550}


def render(modality: str, scenes: Scenes, *, seed: int) -> Tensor:
    """Return scenes as `ImageBind.encode` takes them, of one of the modalities "audio", "video" and "3d"."""
    match modality:
        case "audio":
            return render_sounds(scenes, seed=seed)
        case "video":
            return render_videos(scenes, seed=seed)
        case "3d":
            return render_points(scenes, seed=seed, colour=True)
    raise ValueError(f"modality must be one of {', '.join(SEEDS)}, not {modality!r}")


def training_scenes(modality: str) -> Scenes:
    """Return the scenes that the tower of a modality was trained on; those of videos move."""
    motions = MOTIONS if modality == "video" else MOTIONS[:1]
    return sample_scenes(SCENES, seed=SEEDS[modality], motions=motions)


@torch.no_grad()
def in_parts(function: Callable[..., Tensor], *, number: int, size: int = 500) -> Tensor:
    """Return `function(rows)` of all `number` rows, `size` at a time, which bounds the memory that it takes."""
    return torch.cat([function(slice(begin, begin + size)) for begin in range(0, number, size)])


def binding_step(tower: Tower, inputs: Tensor, anchors: Tensor) -> Tensor:
    """Return the loss of one batch: each input must find its picture's vector, which does not move."""
    return info_nce(tower.similarity(tower(inputs), anchors))


def bind(model: ImageBind, modality: str, recipe: Recipe) -> History:
    """Train the tower of one modality against pictures, and nothing else."""
    device = next(model.parameters()).device
    scenes = training_scenes(modality)

    def inputs(rows: slice) -> Tensor:
        shown = render(modality, scenes[rows], seed=rows.start)
        return hear(shown) if modality == "audio" else shown

    anchors = in_parts(
        lambda rows: model.anchor.encode_image(render_pictures(scenes[rows]).to(device)), number=len(scenes)
    )
    pairs = in_parts(inputs, number=len(scenes)).to(device), anchors
    return fit(
        model.towers[modality],
        batches(*pairs, batch_size=BATCH, seed=recipe.seed, steps=STEPS[modality]),
        binding_step,
        steps=STEPS[modality],
        fast=has_fast_mode(device),
        description=f"{recipe.name}, {modality}",
    )


def build(fields: dict[str, Any]) -> ImageBind:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    anchor, video = fields["anchor"], fields["video"]
    return ImageBind(
        BindConfig(
            anchor=CLIPConfig(
                **{**anchor, "vision": ViTConfig(**anchor["vision"]), "text": TextConfig(**anchor["text"])}
            ),
            audio=AudioConfig(**fields["audio"]),
            video=VideoConfig(**{**video, "frame": ViTConfig(**video["frame"])}),
            points=PointConfig(**fields["points"]),
            temperature=fields["temperature"],
        )
    )


def train(recipe: Recipe) -> tuple[ImageBind, History]:
    """Train the three towers, one after the other: some minutes on two cores."""
    device = choose_device()
    clip, _ = load_checkpoint("clip_scenes")
    set_seed(recipe.seed)
    model = ImageBind(recipe.config)
    model.anchor.load_state_dict(clip.state_dict())
    model.to(device)
    histories = [bind(model, modality, recipe) for modality in SEEDS]
    losses = [loss for history in histories for loss in history.losses]
    samples, seconds = (sum(getattr(history, name) for history in histories) for name in ("samples", "seconds"))
    return model.cpu(), History(losses, samples, seconds)


CONFIG = BindConfig(anchor=CLIP_CONFIG)
RECIPE = Recipe(
    name="bind_scenes",
    description="sounds, videos and point clouds bound to the pictures of clip_scenes (lesson 2.5)",
    data=f"{SCENES} scenes of 1 or 2 objects for each modality, seeds {', '.join(map(str, SEEDS.values()))}, "
    "only shape-colour pairs of the seen split, each with its picture and nothing else",
    seed=0,
    steps=sum(STEPS.values()),
    architecture="ImageBind",
    config=CONFIG,
    vocabulary=CONFIG.anchor.text.vocabulary,
    build=build,
    train=train,
)
