"""Text with pictures between the words: which picture each word looks at, and what is said as the gates open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from utils.style import INK, MODALITY_COLOURS
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_floats, pack_picture

IMAGE = "<image>"


class InterleavedText(ScriptWidget):
    """A text to walk along. The chosen token lights up the one picture that it looks at; a slider opens the gates.

    `tokens` hold <image> where one of `pictures` stands: pairs of a name and uint8 [3, height, width], in order.
    `looks` [tokens, patches] says where in its picture each token looks: shares that sum to 1 over the cells of a
    square grid, or zeros before the first picture. `shares` [openings, tokens, words] is the probability of each of
    `words` behind each token, for gates at each of `openings`, 0 (closed) to 1 (as learnt), in rising order. It begins
    at the last token with the gates closed.
    """

    title = "Walk along a text with pictures"
    caption = (
        "Walk over the text with the arrow keys or the pointer: which picture does each word look at? Then stand on "
        "the last <image> and open the gates from 0."
    )
    still_size = (6.8, 3.4)
    _esm = script("interleaved_text.js")

    def __init__(
        self,
        tokens: Sequence[str],
        pictures: Sequence[tuple[str, Any]],
        *,
        looks: Any,
        words: Sequence[str],
        shares: Any,
        openings: Sequence[float],
        **kwargs,
    ):
        looks, shares = np.asarray(looks, dtype=np.float32), np.asarray(shares, dtype=np.float32)
        markers = sum(token == IMAGE for token in tokens)
        if not pictures or markers != len(pictures):
            raise ValueError(f"each <image> takes a picture: the text has {markers}, and there are {len(pictures)}")
        side = math.isqrt(looks.shape[1]) if looks.ndim == 2 else 0
        if looks.ndim != 2 or len(looks) != len(tokens) or not side or side**2 != looks.shape[1]:
            raise ValueError(f"looks are [{len(tokens)} tokens, patches of a square grid], not {list(looks.shape)}")
        if shares.shape != (len(openings), len(tokens), len(words)) or not words:
            raise ValueError(
                f"shares are [{len(openings)} openings, {len(tokens)} tokens, {len(words)} words], not "
                f"{list(shares.shape)}"
            )
        if list(openings) != sorted(set(openings)) or openings[0] != 0 or openings[-1] != 1:
            raise ValueError(f"openings rise from 0 to 1, and are {list(openings)}")
        self.tokens, self.words, self.looks, self.shares = tuple(tokens), tuple(words), looks, shares
        self.pictures = [as_picture(picture) for _, picture in pictures]
        spec = {
            "tokens": list(tokens),
            "pictures": [{"name": name, "picture": pack_picture(picture)} for name, picture in pictures],
            "looks": pack_floats(looks),
            "patches": looks.shape[1],
            "words": list(words),
            "shares": pack_floats(shares),
            "openings": list(openings),
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the pictures in a row, each over the words that look at it, and what is said at the end, gates open."""
        groups = [[] for _ in self.pictures]
        for token in self.tokens:
            if token == IMAGE:
                groups[sum(bool(group) for group in groups)].append(token)
            elif groups[0]:
                groups[sum(bool(group) for group in groups) - 1].append(token)
        top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2))
        columns = top.subplots(1, len(groups), squeeze=False)[0]
        for axes, picture, group in zip(columns, self.pictures, groups, strict=True):
            axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest")
            axes.set_title("\n".join(group), fontsize=8, color=INK)
            axes.axis("off")
        axes = bottom.subplots()
        axes.barh(self.words, self.shares[-1, -1], color=MODALITY_COLOURS["text"])
        axes.set(xlim=(0, 1))
        axes.invert_yaxis()
        axes.set_xlabel("probability behind the last token, gates open", fontsize=9)
        return (
            f"{len(groups)} pictures, each under the words that look at it, and a bar for each of "
            f"{', '.join(self.words)}"
        )
