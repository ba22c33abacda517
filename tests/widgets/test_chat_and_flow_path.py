"""The widgets of lesson 2.8: a conversation about a picture, and the way from noise to one."""

from __future__ import annotations

import numpy as np
import pytest

from utils.widgets import Chat, FlowPath

GREY = np.full((3, 32, 32), 128, dtype=np.uint8)
BLACK = np.zeros((3, 32, 32), dtype=np.uint8)


def echo(picture, turns, question):
    if question == "crimson":
        raise ValueError("'crimson' is not a word that the model knows")
    return f"{len(turns)} before, {picture.mean():.0f}, {question}"


def test_each_question_is_asked_with_all_that_was_said_before():
    chat = Chat(echo, [GREY, BLACK], questions=["what is it"])
    chat.say(" and now ")
    assert chat.turns == [("what is it", "0 before, 128, what is it"), ("and now", "1 before, 128, and now")]


def test_another_picture_begins_anew():
    chat = Chat(echo, [GREY, BLACK], questions=["what is it"])
    chat.set(picture="picture 2")
    assert chat.turns == []
    chat.say("what is it")
    assert chat.turns == [("what is it", "0 before, 0, what is it")]


def test_a_question_that_is_refused_leaves_the_conversation_as_it_was():
    chat = Chat(echo, [GREY], questions=["what is it"])
    for question, message in (("crimson", "not a word"), ("  ", "write a question"), ("a" * 201, "at most 200")):
        chat._on_message(chat, {"say": question, "view": "v", "turn": 1}, [])
        assert message in chat._shown["error"]
        assert len(chat.turns) == 1
    chat._on_message(chat, {"say": "more", "view": "v", "turn": 2}, [])
    assert "error" not in chat._shown
    assert chat._shown["turns"][1] == ["more", "1 before, 128, more"]


def test_beginning_again_forgets_all():
    chat = Chat(echo, [GREY], questions=["what is it"])
    chat._on_message(chat, {"begin": True, "view": "v", "turn": 1}, [])
    assert chat._shown["turns"] == []


def test_the_still_of_a_chat_tells_what_was_said():
    _, alt = Chat(echo, [GREY], questions=["what is it"]).still()
    assert "asked “what is it”, the model said “0 before" in alt
    assert "nothing said yet" in Chat(echo, [GREY]).still()[1]


def test_a_chat_needs_pictures():
    with pytest.raises(ValueError, match="at least one picture"):
        Chat(echo, [])
    with pytest.raises(ValueError, match="picture 1 is uint8"):
        Chat(echo, [GREY.astype(float)])


def path(steps=4):
    states = [np.full((3, 32, 32), 10 * i, dtype=np.uint8) for i in range(steps + 1)]
    return states, states[::-1]


def test_a_path_travels_whole():
    widget = FlowPath({"a ring": {"1": path(), "3": path()}, "a star": {"1": path(), "3": path()}})
    assert widget._spec["steps"] == 4
    assert widget._spec["guidances"] == ["1", "3"]
    aims = widget._data["paths"][1][0][1]
    assert set(aims[0]["rgb"]) == {40}
    assert set(aims[4]["rgb"]) == {0}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ({}, "at least one caption"),
        ({"a ring": {}}, "at least one"),
        ({"a ring": {"1": path()}, "a star": {"2": path()}}, "the same guidances"),
        ({"a ring": {"1": path(4)}, "a star": {"1": path(5)}}, "the same number of pictures"),
        ({"a ring": {"1": path(0)}}, "at least two"),
    ],
)
def test_paths_that_do_not_fit_are_refused(paths, message):
    with pytest.raises(ValueError, match=message):
        FlowPath(paths)


def test_the_still_of_a_path_says_what_it_shows():
    png, alt = FlowPath({"a ring": {"1": path()}}).still()
    assert png.startswith(b"\x89PNG")
    assert "half-made pictures of “a ring” from noise to the end" in alt
