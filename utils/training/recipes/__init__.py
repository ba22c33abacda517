"""How each checkpoint of the course was made: one module a checkpoint; `course train NAME` runs its recipe again.

The module `utils.training.recipes.NAME` holds `RECIPE`, and `utils.evaluation.held_out.NAME` measures what comes out.
"""

from __future__ import annotations

import importlib
import pkgutil

from utils.training.recipes.recipe import Recipe

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "recipe"))

__all__ = ["NAMES", "Recipe", "find_recipe"]


def find_recipe(name: str) -> Recipe:
    """Return the recipe called `name`; raise `KeyError`, which lists those there are, if there is none."""
    if name not in NAMES:
        raise KeyError(f"there is no recipe {name!r}; there are {', '.join(NAMES)}")
    return importlib.import_module(f"{__name__}.{name}").RECIPE
