"""The checkpoint "video_actions": what one object does, named from a video of it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.models.video import VideoClassifier, VideoClassifierConfig, VideoConfig
from utils.models.vit import ViTConfig
from utils.training.device import choose_device, has_fast_mode, set_seed
from utils.training.loop import History, fit
from utils.training.recipes.recipe import Recipe
from utils.world import MOTIONS, Scenes, render_videos, sample_scenes
from utils.world.batching import batches

VIDEOS, VIDEOS_SEED, BATCH = 6000, 1, 64


def action_scenes(number: int, *, seed: int, pairs: str = "seen") -> Scenes:
    """Return scenes of one object that does one of `MOTIONS`, each as likely as the others."""
    return sample_scenes(number, seed=seed, objects=(1, 1), pairs=pairs, motions=MOTIONS)


def action_loss(model: VideoClassifier, videos: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy of the right actions: what `fit` makes small."""
    return F.cross_entropy(model(videos), labels)


def one_frame_repeated(videos: Tensor, frame: int | Tensor) -> Tensor:
    """Return videos that stand still, all of their frames being the one given: a number, or one for each video."""
    chosen = videos[torch.arange(len(videos), device=videos.device), frame]
    return chosen.unsqueeze(1).expand_as(videos)


def one_frame_loss(model: VideoClassifier, videos: Tensor, labels: Tensor) -> Tensor:
    """Return the same for a model that gets one frame of each video, drawn at random."""
    frames = torch.randint(videos.shape[1], (len(videos),)).to(videos.device)
    return action_loss(model, one_frame_repeated(videos, frames), labels)


def build(fields: dict[str, Any]) -> VideoClassifier:
    """Return an untrained classifier of the configuration that a model card holds as plain data."""
    encoder = VideoConfig(**{**fields["encoder"], "frame": ViTConfig(**fields["encoder"]["frame"])})
    return VideoClassifier(VideoClassifierConfig(encoder, tuple(fields["classes"])))


def train(recipe: Recipe, loss=action_loss) -> tuple[VideoClassifier, History]:
    """Train it with `loss`: some three minutes on two cores."""
    device = choose_device()
    scenes = action_scenes(VIDEOS, seed=VIDEOS_SEED)
    videos = render_videos(scenes, recipe.config.encoder.frames, seed=VIDEOS_SEED).to(device)
    labels = scenes.motion[:, 0].to(device)
    set_seed(recipe.seed)
    model = VideoClassifier(recipe.config).to(device)
    history = fit(
        model,
        batches(videos, labels, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps),
        loss,
        steps=recipe.steps,
        learning_rate=2e-3,
        fast=has_fast_mode(device),
        description=recipe.name,
    )
    return model.cpu(), history


CONFIG = VideoClassifierConfig(
    encoder=VideoConfig(frame=ViTConfig(width=64, depth=2, heads=4, hidden=128), frames=8, tubelet=2),
    classes=MOTIONS,
)
DATA = f"{VIDEOS} videos of one object, seed {VIDEOS_SEED}, only shape-colour pairs of the seen split"
RECIPE = Recipe(
    name="video_actions",
    description="what an object does, named from eight frames (lesson 2.2)",
    data=DATA,
    seed=0,
    steps=700,
    architecture="VideoClassifier",
    config=CONFIG,
    vocabulary=0,
    build=build,
    train=train,
)
