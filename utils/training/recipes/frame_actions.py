"""The checkpoint "frame_actions": the same model as "video_actions", given one frame of each video and no other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from utils.training.recipes import video_actions

RECIPE = replace(
    video_actions.RECIPE,
    name="frame_actions",
    description="what an object does, guessed from a single frame: the baseline of video_actions (lesson 2.2)",
    data=f"{video_actions.DATA}; one random frame of each, repeated",
    steps=900,
    train=partial(video_actions.train, loss=video_actions.one_frame_loss),
)
