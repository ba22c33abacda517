"""The held-out figures of the checkpoint "frame_actions"."""

from __future__ import annotations

from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.held_out.video_actions import actions_right
from utils.models.video import VideoClassifier
from utils.training.checkpoints import Figure
from utils.training.recipes.video_actions import action_scenes, one_frame_repeated
from utils.world import render_videos


def measure(model: VideoClassifier) -> dict[str, Figure]:
    """Return how well a single frame tells the action: for each frame of the video, all at most one half."""
    scenes = action_scenes(1000, seed=2000, pairs="held_out")
    frames = model.config.encoder.frames
    videos, actions = render_videos(scenes, frames, seed=2000), scenes.motion[:, 0]
    on = "1000 videos of one object, only shape-colour pairs that training never shows"
    return {
        f"action, frame {frame} alone": figure_of(
            actions_right(model, one_frame_repeated(videos, frame), actions), 0.50, f"{on}; frame {frame}", at_most=True
        )
        for frame in range(frames)
    }
