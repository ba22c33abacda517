"""Recall questions, with an explanation for every answer one could give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from utils.widgets.base import ScriptWidget, script, write

_WIDTH = 110  # letters in a line of the still


@dataclass(frozen=True)
class Question:
    """A question, its `options`, the index of the `right` one, and for each option `why` it is right or wrong."""

    text: str
    options: Sequence[str]
    right: int
    why: Sequence[str]

    def __post_init__(self):
        if not 2 <= len(self.options) <= 8 or len(set(self.options)) < len(self.options):
            raise ValueError(f"question {self.text!r} needs two to eight options, all different")
        if not 0 <= self.right < len(self.options):
            raise ValueError(f"question {self.text!r} has options 0 to {len(self.options) - 1}; {self.right} is none")
        if len(self.why) != len(self.options) or not all(reason.strip() for reason in self.why):
            raise ValueError(
                f"question {self.text!r} needs one explanation for each of its {len(self.options)} options"
            )


class Quiz(ScriptWidget):
    """A few recall questions: each choice is explained at once, a wrong one can be mended, first tries are counted."""

    title = "Recall"
    caption = "Answer from memory before you scroll up; every answer, right or wrong, tells you why."
    _esm = script("quiz.js")

    def __init__(self, questions: Sequence[Question], **kwargs):
        self.questions = tuple(questions)
        if not self.questions:
            raise ValueError("a quiz needs questions")
        spec = {
            "questions": [
                {"text": q.text, "options": list(q.options), "right": q.right, "why": list(q.why)}
                for q in self.questions
            ]
        }
        super().__init__(spec=spec, **kwargs)

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: room for every line."""
        count = sum(max(1, math.ceil(len(line) / (_WIDTH - 8))) for line in self._lines().splitlines())
        return 7.0, 0.8 + 0.175 * count

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        write(figure.subplots(), self._lines(), width=_WIDTH, fontsize=9)
        return "recall questions: " + " ".join(question.text for question in self.questions)

    def _lines(self) -> str:
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.text}")
            lines += [f"({letter}) {option}" for letter, option in zip("abcdefgh", question.options, strict=False)]
            lines.append("")
        return "\n".join(lines)
