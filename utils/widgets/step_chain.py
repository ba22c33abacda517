"""Steps that a model wrote on the way to its answer, to be uncovered one by one, and to be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from utils.style import INK
from utils.widgets.base import ScriptWidget, script
from utils.widgets.packing import as_picture, pack_picture


class StepChain(ScriptWidget):
    """A question about pictures, the steps that a model wrote, and how it goes on after any one step is changed.

    `pictures` are uint8 [3, height, width] by their names. `steps` holds what the model wrote, the last of them its
    answer, and `truth` what is right. `continuations[i][word]` is what the model writes after `word` was put in the
    place of step i, for every word that may stand there.
    """

    title = "One step after another"
    caption = (
        "Uncover the steps one by one, and find each in the pictures. Then put another word in the place of one: does "
        "the model notice, or does it go on from there?"
    )
    still_size = (6.4, 2.6)
    _esm = script("step_chain.js")

    def __init__(
        self,
        pictures: Mapping[str, Any],
        question: str,
        steps: Sequence[str],
        continuations: Sequence[Mapping[str, Sequence[str]]],
        *,
        truth: Sequence[str],
        **kwargs,
    ):
        if not steps or len(continuations) != len(steps) or len(truth) != len(steps):
            raise ValueError(
                f"{len(steps)} steps need as many continuations and true steps, not {len(continuations)} and "
                f"{len(truth)}"
            )
        for i, (step, after) in enumerate(zip(steps, continuations, strict=True)):
            if step not in after or list(after[step]) != list(steps[i + 1 :]):
                raise ValueError(f"after its own step {i + 1}, {step!r}, the model must go on as it did")
        self.pictures = {name: as_picture(picture) for name, picture in pictures.items()}
        self.question, self.steps, self.truth = question, tuple(steps), tuple(truth)
        spec = {
            "pictures": [{"name": name, "picture": pack_picture(picture)} for name, picture in pictures.items()],
            "question": question,
            "steps": list(steps),
            "truth": list(truth),
            "continuations": [{word: list(after) for word, after in one.items()} for one in continuations],
        }
        super().__init__(spec=spec, **kwargs)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        top, bottom = figure.subfigures(2, 1, height_ratios=(1, 7))
        top.text(0.01, 0.2, f"{self.question} {', '.join(self.steps)}", fontsize=9, color=INK)
        grid = bottom.subplots(2, (len(self.pictures) + 1) // 2, squeeze=False)
        for axes in grid.flat:
            axes.axis("off")
        for axes, picture in zip(grid.flat, self.pictures.values(), strict=False):
            axes.imshow(picture.transpose(1, 2, 0), interpolation="nearest")
        return f"{len(self.pictures)} pictures, the question {self.question!r}, and the model's steps"
