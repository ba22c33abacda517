"""The checkpoint "family_end_to_end": the end-to-end of lesson 3.6."""

from __future__ import annotations

from utils.training.families import EndToEnd, recipe_of

RECIPE = recipe_of(EndToEnd())
