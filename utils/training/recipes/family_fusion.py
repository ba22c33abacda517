"""The checkpoint "family_fusion": the fusion of lesson 3.6."""

from __future__ import annotations

from utils.training.families import Fusion, recipe_of

RECIPE = recipe_of(Fusion())
