"""Commit to a guess, then run: what you expected is worth more when you said it before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import traitlets

from utils.widgets.base import ScriptWidget, script, write
from utils.widgets.controls import Choice, Slider


class Predict(ScriptWidget):
    """A question that is answered before the cell that settles it is run.

        guess = Predict("What recall will it reach?", low=0.0, high=1.0)          # a number, on a slider
        guess = Predict("Which is larger?", options=["the picture", "the text"])  # one of a few
        guess                                                                     # shows it
        guess.reveal(0.97)                                                        # last line of a later cell

    `guess.guess` is the committed guess, None before. `reveal` needs no guess: it then just tells the answer, and the
    question stays open, so that *Run All* spoils nothing above.
    """

    title = "Predict, then run"
    caption = "Commit to a guess before you run the next cell; being wrong here is how it sticks."
    still_size = (6.4, 1.5)
    _esm = script("predict.js")
    guess = traitlets.Any(None, allow_none=True).tag(sync=True)
    _answer = traitlets.Any(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        question: str,
        *,
        low: float | None = None,
        high: float | None = None,
        step: float | None = None,
        unit: str = "",
        options: Sequence[str] | None = None,
        **kwargs,
    ):
        if (options is None) == (low is None or high is None):
            raise ValueError("Predict takes either low= and high= (a number), or options= (a choice)")
        if not question.strip():
            raise ValueError("Predict needs a question")
        self.question = question
        self.control = (
            _slider_from_the_middle(low, high, step, unit)
            if options is None
            else Choice("guess", "Your guess", options)
        )
        self._revealed: list[Revealed] = []
        spec = {"question": question, "control": self.control.spec(), "start": self.control.start, "revealed": False}
        super().__init__(spec=spec, **kwargs)

    @traitlets.validate("guess", "_answer")
    def _check(self, proposal) -> Any:
        value = proposal["value"]
        # a measured number may well lie outside what the slider offered
        if value is None or (proposal["trait"].name == "_answer" and isinstance(self.control, Slider)):
            return value
        return self.control.check(value)

    @traitlets.observe("guess")
    def _on_guess(self, change) -> None:
        for revealed in self._revealed:
            revealed.guess = change["new"]

    def reveal(self, value: Any) -> Revealed:
        """Return a view of the guess against `value`, a finite number or one of the options: a cell's last line."""
        if isinstance(self.control, Slider):
            value = float(value)
            if not math.isfinite(value):
                raise ValueError(f"the answer to {self.question!r} is a finite number, not {value}")
        self._answer = value
        revealed = Revealed(self)
        self._revealed.append(revealed)
        return revealed

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        if isinstance(self.control, Choice):
            choices = " or ".join(self.control.options)
        else:
            choices = f"a number from {self.control.low:g} to {self.control.high:g} {self.control.unit}".strip()
        write(figure.subplots(), f"{self.question}\nYour guess: {choices}?")
        return f"a question to guess at: {self.question} ({choices})"


class Revealed(ScriptWidget):
    """What `Predict.reveal` returns: the guess against the answer."""

    title = "Your guess against the answer"
    still_size = (6.4, 1.5)
    _esm = script("predict.js")
    guess = traitlets.Any(None, allow_none=True).tag(sync=True)
    _answer = traitlets.Any(None, allow_none=True).tag(sync=True)

    def __init__(self, asked: Predict):
        self.asked = asked
        spec = {"question": asked.question, "control": asked.control.spec(), "revealed": True}
        super().__init__(caption=asked.question, spec=spec)
        self.guess, self._answer = asked.guess, asked._answer

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        unit = getattr(self.asked.control, "unit", "")
        answer = _words(self._answer, unit)
        if self.guess is None:
            return f"The answer is {answer}. Next time, commit to a guess first: then it sticks."
        if isinstance(self.guess, str):
            if self.guess == self._answer:
                return f"You said {self.guess}, and so it is."
            return f"You said {self.guess}; it is {answer}."
        off = _words(abs(self._answer - self.guess), unit)
        return f"You said {_words(self.guess, unit)}; it is {answer}: off by {off}."

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        write(figure.subplots(), f"{self.asked.question}\n{self.sentence}")
        return f"{self.asked.question} {self.sentence}"


def _slider_from_the_middle(low: float, high: float, step: float | None, unit: str) -> Slider:
    """Return a slider that starts in the middle, which says nothing about the answer."""
    slider = Slider("guess", "Your guess", low, high, step=step, unit=unit)
    step = slider.spec()["step"]
    middle = low + step * round((high - low) / 2 / step)
    return replace(slider, value=slider.check(middle))


def _words(value: Any, unit: str) -> str:
    return value if isinstance(value, str) else f"{value:.4g} {unit}".strip()
