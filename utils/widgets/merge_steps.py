"""Byte-pair encoding, merge by merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from utils.widgets.base import ScriptWidget, script, write

if TYPE_CHECKING:
    from utils.world.bpe import Merge


class MergeSteps(ScriptWidget):
    """A line of text as tokens, after the first k of the `merges` that `utils.world.bpe.train` has learnt.

    The learner moves k and writes other texts. It begins with `text` and `start` merges, by default half of them.
    """

    title = "Merge by merge"
    caption = (
        "Move the slider from no merge to all of them and watch letters grow into words. Then write a word that these "
        "texts never held."
    )
    still_size = (6.4, 1.7)
    _esm = script("merge_steps.js")

    def __init__(self, merges: Sequence[Merge], text: str, *, start: int | None = None, **kwargs):
        from utils.world.bpe import BytePairEncoding  # here, since it loads torch

        self.merges, self.text = tuple(merges), text
        if not self.merges:
            raise ValueError("give at least one merge: there is nothing to move through")
        if not text.strip():
            raise ValueError("give a text to be cut into tokens")
        self.start = len(self.merges) // 2 if start is None else start
        if not 0 <= self.start <= len(self.merges):
            raise ValueError(f"there are {len(self.merges)} merges, so {self.start} is no place to begin at")
        BytePairEncoding(self.merges)  # refuses merges that come before their parts
        self.encoding = BytePairEncoding(self.merges[: self.start])
        # a byte travels as the letter of its number
        merges = [[left.decode("latin-1"), right.decode("latin-1"), count] for left, right, count in self.merges]
        super().__init__(spec={"merges": merges, "text": text, "start": self.start}, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        tokens = self.encoding.tokens(self.text)
        lines = [f"after {self.start} of {len(self.merges)} merges, {len(tokens)} tokens:", " | ".join(tokens)]
        if self.start:
            lines.append(f"the last merge: {self.merges[self.start - 1]}")
        write(figure.subplots(), "\n".join(lines), width=80)
        return f"“{self.text}” cut into {len(tokens)} tokens after {self.start} merges"
