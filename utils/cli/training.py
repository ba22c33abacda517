"""`course train`."""

from __future__ import annotations

import difflib
from pathlib import Path

from utils.cli.messages import UserError, console


def run_train(name: str | None, *, output: Path | None = None) -> int:
    """List the recipes, or train the one called `name` and store its checkpoint in `output` (by default in assets/)."""
    from utils.training.recipes import RECIPES

    if name is None:
        width = max(map(len, RECIPES), default=0)
        for known, recipe in RECIPES.items():
            console().print(f"{known:<{width}}  {recipe.description}")
        return 0
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(RECIPES)}"
        raise UserError(f"there is no recipe {name!r}; {meant}")
    from utils.training import train_recipe

    try:
        train_recipe(name, output=output)
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped; no checkpoint was written.")
        return 130
    return 0
