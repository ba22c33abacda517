"""The checkpoint "family_mixture_of_experts": the mixture of experts of lesson 3.6."""

from __future__ import annotations

from utils.training.families import MixtureOfExpertsFamily, recipe_of

RECIPE = recipe_of(MixtureOfExpertsFamily())
