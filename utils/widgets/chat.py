"""Talk with a model about a picture, turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from utils.widgets.base import LiveWidget, script, write
from utils.widgets.controls import Select
from utils.widgets.packing import as_picture, pack_picture

Turns = list[tuple[str, str]]
LONGEST = 200  # characters of one question


class Chat(LiveWidget):
    """A picture, and a conversation about it.

    `reply(picture, turns, question)` returns the model's words; `turns` are the questions and answers so far. A
    ValueError that it raises (a word that the model does not know, a conversation too long for its context) is shown to
    the learner, and the conversation stays as it was. Another picture, or the button, begins anew. `turns` holds what
    was said.
    """

    title = "Talk about a picture"
    caption = (
        "Ask about the picture, then ask something that only makes sense after that, such as “and the star”. Begin "
        "again, and ask the second question alone."
    )
    _esm = script("chat.js")

    def __init__(
        self,
        reply: Callable[[Any, Turns, str], str],
        pictures: Sequence[Any],
        *,
        suggestions: Sequence[str] = (),
        questions: Sequence[str] = (),
        **kwargs,
    ):
        if not len(pictures):
            raise ValueError("there must be at least one picture to talk about")
        self.reply = reply
        self.pictures = [as_picture(picture, f"picture {i + 1}") for i, picture in enumerate(pictures)]
        self.turns: Turns = []
        names = [f"picture {i + 1}" for i in range(len(pictures))]
        super().__init__(
            controls=[Select("picture", "Talk about", names)], spec={"suggestions": list(suggestions)}, **kwargs
        )
        for question in questions:
            self.say(question)

    def answer(self, picture: str) -> dict[str, Any]:
        """Begin a conversation about `picture`."""
        self.turns = []
        self._number = int(picture.removeprefix("picture ")) - 1
        return self._state()

    def say(self, question: str) -> dict[str, Any]:
        """Ask `question` next, and take in the model's words; ValueError if there is nothing in it."""
        question = question.strip()
        if not question:
            raise ValueError("write a question first")
        if len(question) > LONGEST:
            raise ValueError(f"a question has at most {LONGEST} letters, and this one {len(question)}")
        words = self.reply(self.pictures[self._number], list(self.turns), question)
        self.turns.append((question, words))
        self._shown = self._state()
        return self._shown

    def _state(self) -> dict[str, Any]:
        return {
            "picture": pack_picture(self.pictures[self._number]),
            "alt": f"picture {self._number + 1} of {len(self.pictures)}, which the conversation is about",
            "turns": [list(turn) for turn in self.turns],
            "text": "",
        }

    def _on_message(self, widget, content, buffers) -> None:
        if "say" in content:
            self._reply(content, lambda: self.say(str(content["say"])))
        elif "begin" in content:
            self._reply(content, lambda: self.answer(**self.values))
        else:
            super()._on_message(widget, content, buffers)

    @property
    def still_size(self) -> tuple[float, float]:
        """Inches: each turn takes two lines."""
        return (6.4, max(2.0, 0.9 + 0.45 * len(self.turns)))

    def draw_still(self, figure) -> str:
        """Draw the picture and what was said about it."""
        left, right = figure.subplots(1, 2, width_ratios=[1, 2.6])
        left.imshow(np.asarray(self.pictures[self._number]).transpose(1, 2, 0), interpolation="nearest")
        left.axis("off")
        said = "\n".join(f"you: {question}\nmodel: {words}" for question, words in self.turns)
        write(right, said or "nothing said yet", width=60)
        spoken = "; ".join(f"asked “{question}”, the model said “{words}”" for question, words in self.turns)
        return f"a conversation about a picture: {spoken or 'nothing said yet'}"
