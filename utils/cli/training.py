"""`course train`."""

from __future__ import annotations

import difflib
from pathlib import Path

from utils.cli.messages import UserError, complain, console


def run_train(name: str | None, *, output: Path | None = None) -> int:
    """List the recipes, or make the checkpoint called `name` in the folder `output` (by default the course's own).

    Returns the exit code: 1 if a held-out figure misses its bar, 130 after Ctrl-C.
    """
    from utils.training.recipes import NAMES, find_recipe

    out = console()
    if name is None:
        width = max(map(len, NAMES))
        for known in NAMES:
            out.print(f"{known:<{width}}  {find_recipe(known).description}")
        return 0
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=3)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(NAMES)}"
        raise UserError(f"there is no recipe {name!r}; {meant}")
    from utils.evaluation import held_out
    from utils.training.checkpoints import CHECKPOINTS

    folder = output or CHECKPOINTS
    try:
        card = held_out.make_checkpoint(name, folder)
    except KeyboardInterrupt:
        complain("no checkpoint was written.", "Stopped")
        return 130
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from error
    for title, figure in card.figures.items():
        limit = f"{'at most' if figure.at_most else 'bar'} {figure.bar:.2f}"
        out.print(f"{title} {figure.value:.3f}, {limit}: {'met' if figure.met else 'NOT met'}")
    return 0 if all(figure.met for figure in card.figures.values()) else 1
