"""`course train`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from utils.cli.messages import UserError, complain, console

if TYPE_CHECKING:
    from utils.training.checkpoints import ModelCard

ALL_FAMILIES = "families"  # not one checkpoint, but four, and a table


def run_train(name: str | None, *, output: Path | None = None) -> int:
    """List the recipes, or make the checkpoint called `name` in the folder `output` (by default the course's own).

    The name "families" makes those of the four families, and the table of lesson 3.6 beside them.

    Returns the exit code: 1 if a held-out figure misses its bar, 130 after Ctrl-C.
    """
    from utils.training.recipes import NAMES, find_recipe

    out = console()
    if name is None:
        told = {known: find_recipe(known).description for known in NAMES}
        told[ALL_FAMILIES] = "the four families, each from three seeds, and the table of lesson 3.6"
        width = max(map(len, told))
        for known, description in told.items():
            out.print(f"{known:<{width}}  {description}")
        return 0
    names = (*NAMES, ALL_FAMILIES)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise UserError(f"there is no recipe {name!r}; {meant}")
    from utils.training.checkpoints import CHECKPOINTS

    folder = output or CHECKPOINTS
    try:
        cards = _families(output) if name == ALL_FAMILIES else [_checkpoint(name, folder)]
    except KeyboardInterrupt:
        complain("no table was written." if name == ALL_FAMILIES else "no checkpoint was written.", "Stopped")
        return 130
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from error
    for card in cards:
        if len(cards) > 1:
            out.print(f"\n{card.name}")
        for title, figure in card.figures.items():
            limit = f"{'at most' if figure.at_most else 'bar'} {figure.bar:.2f}"
            out.print(f"{title} {figure.value:.3f}, {limit}: {'met' if figure.met else 'NOT met'}")
    return 0 if all(figure.met for card in cards for figure in card.figures.values()) else 1


def _checkpoint(name: str, folder: Path) -> ModelCard:
    from utils.evaluation import held_out

    return held_out.make_checkpoint(name, folder)


def _families(output: Path | None) -> list[ModelCard]:
    """The cards of the four families' checkpoints; the table goes where the checkpoints go, or to its own place."""
    from utils.evaluation import families
    from utils.training.checkpoints import CHECKPOINTS, load_card
    from utils.training.families import FAMILIES, checkpoint_of

    folder = output or CHECKPOINTS
    results = families.train_families(folder)
    families.store_results(results, output / families.FIGURES.name if output else families.FIGURES)
    return [load_card(checkpoint_of(family), folder) for family in FAMILIES]
