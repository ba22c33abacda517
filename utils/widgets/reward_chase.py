"""What a model writes while it chases the rewards of a judge: the judge's mark, the true worth, the captions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utils.style import MODALITY_COLOURS, NEUTRAL, style_axes
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import pack_picture

MARK, WORTH = "the judge's reward", "what captions are truly worth"


@dataclass(frozen=True)
class ChasePoint:
    """One point of a way: its KL divergence from the reference in nats, the judge's reward, the true worth.

    `captions` holds one for each picture, in pieces, each with whether it is true.
    """

    kl: float
    reward: float
    worth: float
    captions: Sequence[Sequence[tuple[str, bool]]]


class RewardChase(ScriptWidget):
    """Reward and worth along a way of training, over the KL divergence; a slider walks it and shows the captions.

    `ways` are the points of each way by its name, from the reference on, with one caption for each of `pictures`.
    Begins at the start of the first way.
    """

    title = "Chasing a reward"
    caption = (
        "Walk to the right: where is the true worth highest, and what does the judge say after that? Read the captions "
        "there. Then choose the way that is held to its reference."
    )
    still_size = (7.2, 3.2)
    _esm = script("reward_chase.js")

    def __init__(self, ways: Mapping[str, Sequence[ChasePoint]], pictures: Sequence[Any], **kwargs):
        self.ways = {name: list(points) for name, points in ways.items()}
        if not self.ways or min(map(len, self.ways.values())) < 2:
            raise ValueError("give at least one way, of two points or more")
        if not len(pictures):
            raise ValueError("give at least one picture that captions are written of")
        for name, points in self.ways.items():
            for point in points:
                if not all(map(math.isfinite, (point.kl, point.reward, point.worth))):
                    raise ValueError(
                        f"a point of the way {name!r} is not finite: {point.kl, point.reward, point.worth}"
                    )
                if len(point.captions) != len(pictures):
                    raise ValueError(
                        f"a point of the way {name!r} has {len(point.captions)} captions, and there are "
                        f"{len(pictures)} pictures"
                    )
        spec = {
            "labels": [MARK, WORTH],
            "colours": list(MODALITY_COLOURS.values())[:2],
            "ways": [
                {
                    "name": name,
                    "points": [
                        {
                            "kl": max(0.0, float(point.kl)),
                            "values": [float(point.reward), float(point.worth)],
                            "captions": [
                                [{"words": words, "true": bool(true)} for words, true in caption]
                                for caption in point.captions
                            ],
                        }
                        for point in points
                    ],
                }
                for name, points in self.ways.items()
            ],
            "pictures": [pack_picture(picture) for picture in pictures],
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw reward and worth of all ways over their KL divergence."""
        for i, (label, colour) in enumerate(zip((MARK, WORTH), MODALITY_COLOURS.values(), strict=False)):
            axes = figure.add_subplot(1, 2, i + 1)
            for (name, points), line, marker in zip(self.ways.items(), ("-", "--", ":"), "os^", strict=False):
                x = [math.sqrt(max(0.0, point.kl)) for point in points]
                y = [(point.reward, point.worth)[i] for point in points]
                axes.plot(x, y, line, marker=marker, markersize=3, color=colour, label=name)
            highest = axes.get_xlim()[1] ** 2
            ticks = [kl for kl in (0, 1, 5, 20, 50, 100, 200) if kl <= highest]
            axes.set_xticks([math.sqrt(kl) for kl in ticks], [str(kl) for kl in ticks], fontsize=8)
            axes.axvline(0, color=NEUTRAL, linewidth=1)
            style_axes(axes, title=label, x="KL from the reference (nats, root scale)", y="")
            axes.legend(frameon=False, fontsize=8)
        ends = ", ".join(
            f"{name}: reward {points[0].reward:.2f} to {points[-1].reward:.2f}, worth {points[0].worth:.2f} to "
            f"{points[-1].worth:.2f}"
            for name, points in self.ways.items()
        )
        return f"two curves over the KL divergence from the reference, {MARK} and {WORTH}; {ends}"
