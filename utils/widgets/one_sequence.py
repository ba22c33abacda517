"""One sequence of words and soft tokens: what stands at each place, what is learnt there, and what comes next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from utils.style import INK, MODALITY_COLOURS, NEUTRAL
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture

IMAGE = "<image>"


class OneSequence(ScriptWidget):
    """A sequence to walk along: words, and in the place of each <image> the square of the picture that it stands for.

    `tokens` hold <image> once for each square of `picture`, uint8 [3, height, width], in reading order. `learnt` says
    of each token whether it is learnt. `guesses` holds by stage of training, for each token, what the model takes to
    come next: pairs of a word and its probability, likeliest first. It begins at the last token that is not learnt
    before the first that is, at the first stage.
    """

    title = "One sequence"
    caption = (
        "Walk along the sequence with the arrow keys or the pointer: squares of the picture stand among words. Then "
        "stay at a question's end and change the stage."
    )
    still_size = (6.8, 3.0)
    _esm = script("one_sequence.js")

    def __init__(
        self,
        tokens: Sequence[str],
        picture: Any,
        *,
        learnt: Sequence[bool],
        guesses: Mapping[str, Sequence[Sequence[tuple[str, float]]]],
        **kwargs,
    ):
        places = sum(token == IMAGE for token in tokens)
        side = math.isqrt(places)
        if not places or side**2 != places:
            raise ValueError(f"the <image> of one picture fill a square grid, and the sequence holds {places}")
        if len(learnt) != len(tokens) or True not in learnt or learnt[0]:
            raise ValueError(
                f"learnt says True or False of each of the {len(tokens)} tokens, of some True and of the first False"
            )
        if not guesses:
            raise ValueError("give the guesses of at least one stage")
        for stage, rows in guesses.items():
            if len(rows) != len(tokens) or not all(rows):
                raise ValueError(f"stage {stage!r} needs guesses for each of the {len(tokens)} tokens")
            if not all(0 <= share <= 1 for row in rows for _, share in row):
                raise ValueError(f"stage {stage!r} has a probability that is not between 0 and 1")
        self.tokens, self.learnt = tuple(tokens), tuple(map(bool, learnt))
        self.guesses = {stage: [list(row) for row in rows] for stage, rows in guesses.items()}
        self.start = self.learnt.index(True) - 1
        self.picture, self._side = as_picture(picture), side
        spec = {
            "tokens": list(tokens),
            "picture": pack_picture(picture),
            "side": side,
            "learnt": list(self.learnt),
            "start": self.start,
            "guesses": {
                stage: [[[word, round(float(share), 4)] for word, share in row] for row in rows]
                for stage, rows in guesses.items()
            },
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the sequence in boxes, those to be learnt framed, and below what each stage takes to come next."""
        top, bottom = figure.subfigures(2, 1, height_ratios=(1, 2))
        axes = top.subplots()
        axes.axis("off")
        columns = 12
        rows = math.ceil(len(self.tokens) / columns)
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        square, seen = self.picture.shape[1] // self._side, 0
        for i, (token, learnt) in enumerate(zip(self.tokens, self.learnt, strict=True)):
            row, column = divmod(i, columns)
            if token == IMAGE:
                y, x = (square * place for place in divmod(seen, self._side))
                tile = self.picture[:, y : y + square, x : x + square].transpose(1, 2, 0)
                axes.imshow(tile, extent=(column + 0.1, column + 0.9, row + 0.9, row + 0.1), aspect="auto")
                seen += 1
            else:
                box = {"boxstyle": "round", "facecolor": "white", "edgecolor": INK if learnt else NEUTRAL}
                weight = "bold" if learnt else "normal"
                axes.text(column + 0.5, row + 0.5, token, ha="center", va="center", fontsize=7, weight=weight, bbox=box)
        axes.set(xlim=(0, columns), ylim=(rows, 0))
        bars = bottom.subplots(1, len(self.guesses), squeeze=False)[0]
        for one, (stage, found) in zip(bars, self.guesses.items(), strict=True):
            words, shares = zip(*found[self.start], strict=True)
            one.barh(words, shares, color=MODALITY_COLOURS["text"])
            one.set(xlim=(0, 1))
            one.invert_yaxis()
            one.set_title(stage, fontsize=9, color=INK)
            one.tick_params(labelsize=8)
        likeliest = "; ".join(f"{stage}: {found[self.start][0][0]}" for stage, found in self.guesses.items())
        return (
            f"a sequence of {len(self.tokens)} tokens, {self._side**2} of them squares of a picture, and what comes "
            f"behind {self.tokens[self.start]!r} by stage. {likeliest}"
        )
