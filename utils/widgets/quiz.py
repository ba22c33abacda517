"""Recall questions, with an explanation for every answer one could give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from utils.style import INK
from utils.widgets.base import ScriptWidget, script


@dataclass(frozen=True)
class Question:
    """A question, its `options`, the index of the `right` one, and for each option `why` it is right or wrong."""

    text: str
    options: Sequence[str]
    right: int
    why: Sequence[str]

    def __post_init__(self):
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ValueError(f"question {self.text!r} needs at least two options, all different")
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
        """Inches: a line for each question and each option."""
        return 7.0, 0.4 + 0.21 * sum(2 + len(question.options) for question in self.questions)

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        import textwrap

        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(textwrap.shorten(f"{number}. {question.text}", 105))
            lines += [
                textwrap.shorten(f"      ({chr(97 + i)}) {option}", 100) for i, option in enumerate(question.options)
            ]
            lines.append("")
        figure.text(0.02, 0.98, "\n".join(lines), va="top", fontsize=9, color=INK, linespacing=1.35)
        return "recall questions: " + " ".join(question.text for question in self.questions)
