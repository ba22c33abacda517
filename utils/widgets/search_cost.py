"""What has to run when people search among pictures: two towers, a cross-encoder, or one behind the other."""

from __future__ import annotations

import math

from utils.style import MODALITY_COLOURS, NEUTRAL
from utils.widgets.base import ScriptWidget, script

ROUND = [digit * 10**power for power in range(8) for digit in (1, 2, 5)]  # 1, 2, 5, 10, ... 50 million
PICTURES, SEARCHES, KEPT = ROUND[3:22], ROUND[:19], ROUND[:10]  # to 10 million, a million, a thousand


def runs(pictures: int, searches: int, kept: int) -> dict[str, tuple[int, int]]:
    """Return for each way of searching how often a tower runs and how often a cross-encoder reads a pair.

    A search never keeps more pictures than there are.
    """
    return {
        "two towers": (pictures + searches, 0),
        "cross-encoder": (0, pictures * searches),
        "towers, then cross-encoder": (pictures + searches, searches * min(kept, pictures)),
    }


class SearchCost(ScriptWidget):
    """How often each of three ways of searching runs its models, and how long that takes.

    `encode`, `compare` and `read` are the milliseconds that one run of a tower, one dot product and one pair read by a
    cross-encoder take. `pictures`, `searches` and `kept` are where the sliders begin: round numbers, 1, 2 or 5 and
    zeros.
    """

    title = "What a search runs"
    caption = (
        "Make the gallery ten times as large, then let ten times as many people search: what grows with the sum of the "
        "two, what with their product? Then see what each kept picture costs."
    )
    still_size = (6.8, 2.6)
    _esm = script("search_cost.js")

    def __init__(
        self,
        *,
        encode: float,
        compare: float,
        read: float,
        pictures: int = 10_000,
        searches: int = 100,
        kept: int = 50,
        **kwargs,
    ):
        for name, value in (("encode", encode), ("compare", compare), ("read", read)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is a time in milliseconds, above 0, not {value}")
        for name, value, choices in (
            ("pictures", pictures, PICTURES),
            ("searches", searches, SEARCHES),
            ("kept", kept, KEPT),
        ):
            if value not in choices:
                raise ValueError(f"{name} is one of {', '.join(f'{choice:,}' for choice in choices)}, not {value}")
        self.pictures, self.searches, self.kept = pictures, searches, kept
        spec = {
            "encode": float(encode),
            "compare": float(compare),
            "read": float(read),
            "choices": {"pictures": PICTURES, "searches": SEARCHES, "kept": KEPT},
            "start": {"pictures": pictures, "searches": searches, "kept": kept},
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw how often the models run as the sliders stand now; times differ by machine and are left out."""
        found = runs(self.pictures, self.searches, self.kept)
        axes = figure.subplots()
        for place, (towers, pairs) in enumerate(found.values()):
            axes.barh(place, max(towers + pairs, 1), color=NEUTRAL, hatch="//" if pairs else "")
            axes.barh(place, max(towers, 1), color=MODALITY_COLOURS["image"])
            axes.annotate(f"{towers + pairs:,}", (towers + pairs, place), xytext=(4, 0), textcoords="offset points")
        axes.set_xscale("log")
        axes.set_xlim(1, 30 * max(towers + pairs for towers, pairs in found.values()))
        axes.set_yticks(range(len(found)), list(found), fontsize=9)
        axes.invert_yaxis()
        axes.set_xlabel("runs of a model (plain: a tower, hatched: a cross-encoder)", fontsize=9)
        axes.set_title(
            f"{self.searches:,} searches among {self.pictures:,} pictures, {self.kept} kept", loc="left", fontsize=10
        )
        said = ", ".join(f"{name} {towers + pairs:,}" for name, (towers, pairs) in found.items())
        return (
            f"bars on a logarithmic scale, how often models run for {self.searches:,} searches among "
            f"{self.pictures:,} pictures: {said}"
        )
