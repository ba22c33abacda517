"""Requests as the grader makes them, and what comes back, for the tests of the sandbox and of what runs in it."""

from __future__ import annotations

from typing import Any

from utils.grading.protocol import pack
from utils.grading.sandbox import RunEnded, Sandbox

SECONDS = 60.0  # to wait for a message that comes: a busy machine is no failure


def part(source: str, *arguments: Any, entry: str = "f", name: str = "9.9.1", **call: Any) -> dict[str, Any]:
    """An answer of which `entry` is called with each of the `arguments`, one at a time; by default with none at all."""
    cases = [{"args": (argument,)} for argument in arguments] or [{}]
    settings = {"runs_as": "function", "entry": entry, "time_limit": 5.0, "cases": cases, **call}
    return {"exercise": name, "source": source, "call": settings}


def only_defined(source: str, name: str = "9.9.0") -> dict[str, Any]:
    """An answer that is not called."""
    return {"exercise": name, "source": source, "call": None}


def request(*parts: dict[str, Any], setup: str = "") -> bytes:
    """The request to run these parts after the notebook's setup."""
    return pack({"setup": setup, "parts": list(parts)})


def ask(sandbox: Sandbox, *parts: dict[str, Any], setup: str = "", seconds: float = SECONDS) -> list[list[dict]]:
    """The outcomes of each part that is called. Raises RunEnded, as the run does."""
    called = [one for one in parts if one["call"] is not None]
    with sandbox.run(request(*parts, setup=setup), cpu_seconds=60) as run:
        messages = [run.receive(seconds) for _ in called]
    assert [message["exercise"] for message in messages] == [one["exercise"] for one in called]
    return [message["outcomes"] for message in messages]


def value_of(sandbox: Sandbox, source: str, *arguments: Any, setup: str = "", **call: Any) -> Any:
    """What the answer's function gives for the one case; fails where that is a problem."""
    ((outcome,),) = ask(sandbox, part(source, *arguments, **call), setup=setup)
    assert outcome["problem"] is None, outcome["problem"]
    return outcome["value"]


def problem_of(sandbox: Sandbox, source: str, *arguments: Any, setup: str = "", **call: Any) -> dict[str, Any]:
    """The problem that stands in place of a value for the first case."""
    (outcomes,) = ask(sandbox, part(source, *arguments, **call), setup=setup)
    assert outcomes[0]["value"] is None
    return outcomes[0]["problem"]


def end_of(sandbox: Sandbox, *parts: dict[str, Any], seconds: float = SECONDS, cpu_seconds: int = 60) -> str:
    """Why a run gives no message."""
    with sandbox.run(request(*parts), cpu_seconds=cpu_seconds) as run:
        try:
            message = run.receive(seconds)
        except RunEnded as end:
            return end.reason
    raise AssertionError(f"a message came: {message}")
