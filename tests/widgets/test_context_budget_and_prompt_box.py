"""The budget of a context window adds up, and a prompt box asks only when there is something to ask."""

from __future__ import annotations

import dataclasses

import pytest

from utils.models.gpt import PUBLISHED_SHAPES, flops_of
from utils.widgets import ContextBudget, PromptBox

SHAPE = PUBLISHED_SHAPES["GPT-3 175B"]
SIZES = {name: getattr(SHAPE, name) for name in ("vocabulary", "length", "width", "depth", "hidden")}


def test_a_picture_takes_a_token_a_patch_and_costs_what_the_model_says():
    budget = ContextBudget({"GPT-3": SIZES}, words=20, pixels=1024, patch=16)
    costs = budget.costs("GPT-3")
    assert (costs["text"], costs["image"]) == (20, 4096)
    assert costs["weights"] + costs["attention"] == flops_of(SHAPE, 20 + 4096)


@pytest.mark.parametrize(("pixels", "fits"), [(0, True), (224, True), (2048, False)])
def test_the_still_says_how_much_of_the_window_is_taken(pixels, fits):
    budget = ContextBudget({"GPT-3": SIZES}, pixels=pixels)
    data, metadata = budget._repr_mimebundle_()
    share = float(metadata["image/png"]["alt"].split("picture, ")[1].split("%")[0])
    assert (share <= 100) == fits
    assert data["image/png"]


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        ContextBudget({})
    with pytest.raises(ValueError, match="'BERT' needs vocabulary"):
        ContextBudget({"BERT": dataclasses.asdict(SHAPE)})
    with pytest.raises(ValueError, match="goes from 0 to 2048"):
        ContextBudget({"GPT-3": SIZES}, pixels=4096)


def test_an_empty_prompt_asks_nobody_and_a_full_one_is_answered():
    assert PromptBox(lambda document, request: pytest.fail("must not be called")).text == ""
    box = PromptBox(lambda document, request: f"{document}/{request}", document=" a ring ", request="what")
    assert box.text == "a ring/what"
    assert "a ring/what" in box._repr_mimebundle_()[1]["image/png"]["alt"]
    box.set(request="where")
    assert box.text == "a ring/where"


def test_a_word_that_the_model_does_not_know_is_told_in_the_widget():
    def reply(document, request):
        if request == "bad":
            raise ValueError("no such word")
        return "fine"

    box = PromptBox(reply, request="good")
    box._on_message(box, {"question": {"document": "", "request": "bad"}, "view": "v", "turn": 1}, [])
    assert box._shown["error"] == "no such word"
