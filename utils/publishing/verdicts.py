"""The line that `check(...)` prints, `2.3.1 InfoNCE, vectorised: passed, 3 points`, and the measured figures in a text.

These two patterns are all that the course knows of the text in outputs; the standard library is all they need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

STATUSES = ("passed", "to do", "not yet", "crashed", "too slow")

_VERDICT = (
    r"^{exercise} (?P<title>.+?): (?P<status>"
    + "|".join(STATUSES)
    + r")\b(?:[,:;.] *(?P<rest>.*))?$(?P<below>(?:\n  .*)*)"
)

# Figures that vary from machine to machine are printed with the limit that they must keep to (utils.evaluation.report):
# `recall@1 0.97, bar 0.90: met`, `seconds 41.20, at most 60.00: met`. In this order, pattern and what takes its place:
_LIMIT = r", (?:bar|at most) -?\d"
MASKS = {
    rf"\[[^\]]*\](?={_LIMIT})": "[<measured>]",  # an interval
    rf"(?<![\w.])(?:[-+]?\d[\d.,]*(?:e[-+]?\d+)?|nan|-?inf)(?= ?[^\s\d,]*(?: \[<measured>\])?{_LIMIT})": "<measured>",
}


@dataclass(frozen=True)
class Verdict:
    """One printed verdict: its line, the exercise's title, one of `STATUSES`, and what else is said there and below."""

    line: str
    title: str
    status: str
    message: str


def find_verdict(text: str, exercise: str) -> Verdict | None:
    """Return the last verdict on `exercise` in `text`, or None: what a learner's own code prints comes before it."""
    pattern = re.compile(_VERDICT.replace("{exercise}", re.escape(exercise)), re.MULTILINE)
    for found in reversed(list(pattern.finditer(text))):
        words = ". ".join(filter(None, ((found["rest"] or "").strip(), " ".join(found["below"].split()))))
        return Verdict(found[0].partition("\n")[0], found["title"], found["status"], words)
    return None


def mask_measured(text: str) -> str:
    """Replace the figures that vary from machine to machine, those printed with their limit, by a mark."""
    for pattern, mark in MASKS.items():
        text = re.sub(pattern, mark, text)
    return text


def output_text(outputs: list) -> str:
    """Return what `outputs` (of one cell, nbformat 4) show as plain text: standard output and `text/plain`."""
    parts = []
    for output in outputs:
        if output["output_type"] == "stream" and output.get("name") == "stdout":
            parts.append(joined(output["text"]))
        elif "text/plain" in output.get("data", {}):
            parts.append(joined(output["data"]["text/plain"]) + "\n")
    return "".join(parts)


def output_summary(outputs: list, exercise: str) -> dict:
    """Return what `check` says of `exercise` in its output's metadata: `status`, `earned`, `points`; else nothing."""
    for output in reversed(outputs):
        summary = output.get("metadata", {}).get("course", {})
        if summary.get("exercise") == exercise:
            return dict(summary)
    return {}


def joined(text: str | list[str]) -> str:
    """Return a notebook's multi-line text as one string: on disk it is a list of lines, in memory a string."""
    return text if isinstance(text, str) else "".join(text)
