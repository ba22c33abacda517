"""The checkpoint "family_dual_encoder": the dual encoder of lesson 3.6."""

from __future__ import annotations

from utils.training.families import DualEncoderFamily, recipe_of

RECIPE = recipe_of(DualEncoderFamily())
