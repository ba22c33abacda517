"""Who is worth choosing, for what one asks: accuracy against cost of some models, and how the front moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from utils.style import INK, MODALITY_COLOURS, NEUTRAL, style_axes
from utils.widgets.base import ScriptWidget, script

ALL = "all kinds"
GALLERIES = [10**power for power in range(1, 8)]  # ten pictures to ten million
MARKERS = "osD^Pv"


@dataclass(frozen=True)
class Contender:
    """One model: its shares of right answers by kind of question, and what it costs in FLOPs.

    `found` is the share of searches that it gets right. `answer` is the cost of a question, `search` that of a search
    whatever the gallery holds, `each` what comes on top for each picture in it.
    """

    kinds: Mapping[str, float]
    found: float
    answer: float
    search: float
    each: float

    def point(self, kind: str, searches: float, gallery: int) -> tuple[float, float]:
        """Return the share done rightly and the mean cost, if a share of `searches` of all requests are searches."""
        right = sum(self.kinds.values()) / len(self.kinds) if kind == ALL else self.kinds[kind]
        return (
            searches * self.found + (1 - searches) * right,
            searches * (self.search + self.each * gallery) + (1 - searches) * self.answer,
        )


def on_the_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the names of those whom none beats: by being no less right and no more costly, and better in one."""

    def beats(other: tuple[float, float], one: tuple[float, float]) -> bool:
        return other[0] >= one[0] and other[1] <= one[1] and other != one

    return [name for name, one in points.items() if not any(beats(other, one) for other in points.values())]


class FamilyFront(ScriptWidget):
    """Models as points of accuracy against cost; sliders say what is asked of them, and the front follows.

    `contenders` by name, at most six, all with the same kinds of question. `searches` (0 to 1) and `gallery` (a power
    of ten) are where the sliders begin.
    """

    title = "Who is worth choosing?"
    caption = (
        "Let some requests be searches, then make the gallery larger: who falls behind the front, and who comes back "
        "to it? Then ask for one kind of question only."
    )
    still_size = (6.6, 3.4)
    _esm = script("family_front.js")

    def __init__(
        self, contenders: Mapping[str, Contender], *, searches: float = 0.0, gallery: int = GALLERIES[1], **kwargs
    ):
        self.contenders = dict(contenders)
        if not 2 <= len(self.contenders) <= len(MARKERS):
            raise ValueError(f"give 2 to {len(MARKERS)} contenders, not {len(self.contenders)}")
        kinds = tuple(next(iter(self.contenders.values())).kinds)
        for name, contender in self.contenders.items():
            if set(contender.kinds) != set(kinds) or not kinds:
                raise ValueError(f"{name!r} has the kinds {', '.join(contender.kinds)}, and not {', '.join(kinds)}")
            shares = (*contender.kinds.values(), contender.found)
            if not all(0 <= share <= 1 for share in shares):
                raise ValueError(f"{name!r} has a share that does not lie between 0 and 1")
            costs = (contender.answer, contender.search, contender.each)
            if not all(math.isfinite(cost) and cost >= 0 for cost in costs) or not contender.answer:
                raise ValueError(f"{name!r} has a cost that is none: {costs}")
        if not 0 <= searches <= 1:
            raise ValueError(f"searches is a share from 0 to 1, not {searches}")
        if gallery not in GALLERIES:
            raise ValueError(f"gallery is one of {', '.join(f'{size:,}' for size in GALLERIES)}, not {gallery}")
        self.searches, self.gallery = searches, gallery
        spec = {
            "contenders": [
                {"name": name, **asdict(contender), "kinds": dict(contender.kinds)}
                for name, contender in self.contenders.items()
            ],
            "kinds": [ALL, *kinds],
            "galleries": GALLERIES,
            "start": {"searches": round(100 * searches), "gallery": gallery},
            "colour": MODALITY_COLOURS["text"],
        }
        super().__init__(spec=spec, **kwargs)

    def points(self) -> dict[str, tuple[float, float]]:
        """Return accuracy and cost of each, as the widget begins."""
        return {name: contender.point(ALL, self.searches, self.gallery) for name, contender in self.contenders.items()}

    def draw_still(self, figure) -> str:
        """Draw the points as they stand at first; those that are beaten are hollow."""
        points = self.points()
        kept = on_the_front(points)
        axes = figure.subplots()
        for (name, (right, cost)), marker in zip(points.items(), MARKERS, strict=False):
            face = MODALITY_COLOURS["text"] if name in kept else "none"
            axes.plot(cost, right, marker, color=MODALITY_COLOURS["text"], markerfacecolor=face, markersize=9)
            axes.plot([], [], marker, color=INK, markerfacecolor="none", label=name)
        costs, rights = zip(*sorted((cost, right) for right, cost in (points[name] for name in kept)), strict=True)
        axes.step(costs, rights, where="post", color=NEUTRAL, linewidth=1)
        axes.set_xscale("log")
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, fontsize=9)
        asked = f"{round(100 * self.searches)} % searches among {self.gallery:,} pictures, {ALL} of questions"
        style_axes(axes, title=asked, x="operations for one request (FLOPs, logarithmic)", y="share done rightly")
        said = ", ".join(f"{name} {right:.2f} at {cost:.1e}" for name, (right, cost) in points.items())
        return f"points of accuracy against cost, {asked}: {said}; not beaten: {', '.join(kept)}"
