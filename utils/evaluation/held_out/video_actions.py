"""The held-out figures of the checkpoint "video_actions"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.held_out.figures import figure_of
from utils.models.video import VideoClassifier
from utils.training.checkpoints import Figure
from utils.training.recipes.video_actions import action_scenes, one_frame_repeated
from utils.world import MOTIONS, render_videos

OPPOSITES = {
    **{"moves left": "moves right", "moves right": "moves left", "moves up": "moves down", "moves down": "moves up"},
    **{"grows": "shrinks", "shrinks": "grows"},
}


@torch.no_grad()
def actions_right(model: VideoClassifier, videos: Tensor, actions: Tensor) -> Float[Tensor, " videos"]:
    """Return 1 for each video in which the model sees the action that `actions` says, a place in `MOTIONS`, else 0."""
    return (model(videos).argmax(1) == actions).float()


def seen_backwards(actions: Tensor) -> Tensor:
    """Return what each action looks like when its video is played backwards; most are then still the same."""
    names = [OPPOSITES.get(MOTIONS[action], MOTIONS[action]) for action in actions.tolist()]
    return torch.tensor([MOTIONS.index(name) for name in names])


def frames_out_of_order(videos: Tensor, seed: int = 0) -> Tensor:
    """Return the same frames of each video in a random order of its own."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(videos.shape[:2], generator=generator).argsort(1)
    return videos[torch.arange(len(videos)).unsqueeze(1), order]


def measure(model: VideoClassifier) -> dict[str, Figure]:
    """Return the held-out figures: actions of things never shown, and with time taken away or turned around."""
    scenes = action_scenes(1000, seed=2000, pairs="held_out")
    videos, actions = render_videos(scenes, model.config.encoder.frames, seed=2000), scenes.motion[:, 0]
    on = "1000 videos of one object, only shape-colour pairs that training never shows"
    conditions = {
        "action": (videos, actions, 0.95, on),
        "action, frames out of order": (frames_out_of_order(videos), actions, 0.70, f"{on}; frames in random order"),
        "opposite action, played backwards": (
            videos.flip(1),
            seen_backwards(actions),
            0.90,
            f"{on}; played backwards, right being left, up down, and what grows something that shrinks",
        ),
        "action, first frame repeated": (one_frame_repeated(videos, 0), actions, 0.50, f"{on}; the first frame alone"),
    }
    return {
        title: figure_of(actions_right(model, shown, truth), bar, words, at_most=bar <= 0.7)
        for title, (shown, truth, bar, words) in conditions.items()
    }
