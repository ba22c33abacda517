"""Write a document and a request, read what a language model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from utils.widgets.base import LiveWidget, script, write
from utils.widgets.controls import TextBox


class PromptBox(LiveWidget):
    """Two lines of text, a document and what is asked of it, and the reply under them.

    `reply(document, request)` returns the model's words; either line may be empty. A ValueError that it raises (a word
    that the model does not know) is shown to the learner. `text` holds the last reply.
    """

    title = "Ask a language model"
    caption = "Change one word of the document and see whether the answer follows; then empty the document."
    still_size = (6.4, 1.6)
    _esm = script("prompt_box.js")

    def __init__(
        self,
        reply: Callable[[str, str], str],
        *,
        document: str = "",
        request: str = "",
        documents: Sequence[str] = (),
        requests: Sequence[str] = (),
        **kwargs,
    ):
        self.reply = reply
        self.text = ""
        controls = [
            TextBox("document", "Document", value=document, suggestions=tuple(documents)),
            TextBox("request", "What is asked", value=request, suggestions=tuple(requests)),
        ]
        super().__init__(controls=controls, **kwargs)

    def answer(self, document: str, request: str) -> dict[str, Any]:
        """Ask the model, unless both lines are empty."""
        self.text = self.reply(document.strip(), request.strip()) if document.strip() or request.strip() else ""
        return {"text": self.text}

    def draw_still(self, figure) -> str:
        """Draw the widget as it stands now."""
        document, request = self.values["document"], self.values["request"]
        write(figure.subplots(), f"{document}\n{request}\n→ {self.text}")
        return f"“{document}”, then “{request}”; the model replies: “{self.text}”"
