"""How a verdict looks: a short text line, and an accessible HTML view.

The view of a passed exercise depends on nothing but the exercise, so that a stored notebook can be compared with it.
Everything that comes from outside is escaped by `tag`; the status is a word, never a colour alone; colours are the
page's own, so that it reads in a light and in a dark theme.
"""

from __future__ import annotations

import html
import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from utils.exercises.definition import Case, Exercise, count
from utils.exercises.describing import describe, is_array, is_tensor, kind_of, short
from utils.exercises.judging import Verdict
from utils.exercises.running import Outcome
from utils.style import BAD, GOOD, NEUTRAL

Bundle = dict[str, str]

ARGUMENT_TEXT = 120
"""Characters shown of an argument that is neither tensor nor array."""


class Html(str):
    """Text that is HTML already; any other text is escaped when it enters a tag."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Html:
    """Return an HTML element; children that are not `Html` are escaped, and so are the attributes."""
    inside = "".join(child if isinstance(child, Html) else html.escape(str(child)) for child in children)
    listed = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{listed}>{inside}</{name}>")


def display_bundle(bundle: Bundle, metadata: dict[str, Any] | None = None) -> None:
    """Display `bundle` in a notebook; anywhere else print its text."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display(bundle, raw=True, metadata=metadata or {})
            return
    print(bundle["text/plain"])


def result_bundle(
    exercise: Exercise,
    verdict: Verdict,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
    notes: Sequence[str] = (),
) -> Bundle:
    """Return the text and HTML for a verdict; `notes` are shown in the HTML only."""
    line = status_line(exercise, verdict)
    if verdict.passed:
        text, parts = line, [_paragraph(_what_was_run(exercise, cases))]
    else:
        said = _said(verdict)
        own_line = [f"in your {_own_line(verdict)}"] if _own_line(verdict) else []
        text = "\n".join([line, *(f"  {sentence}" for sentence in said + own_line)])
        parts = [_paragraph(sentence) for sentence in said]
        parts.append(_facts(exercise, verdict, cases, outcomes, expected))
        parts.append(_nested_hints(exercise.hints))
    parts += [_paragraph(f"Note: {note}") for note in notes]
    colour = {"passed": GOOD, "to do": NEUTRAL}.get(verdict.status, BAD)
    return {"text/plain": text, "text/html": _box(line, colour, f"Result of exercise {exercise.id}", *parts)}


def status_line(exercise: Exercise, verdict: Verdict) -> str:
    """Return the one line that a passed exercise always prints the same: "2.3.1 InfoNCE: passed, 3 points"."""
    line = f"{exercise.id} {exercise.title}: {verdict.status}"
    if verdict.passed:
        return f"{line}, {count(exercise.points, 'point')}"
    if verdict.earned and len(verdict.groups) > 1:
        done = sum(verdict.groups.values())
        return f"{line}, {done} of {len(verdict.groups)} parts right"
    return line


def hint_bundle(exercise: Exercise, number: int, solution: str, notes: Sequence[str] = ()) -> Bundle:
    """Return hint `number` (1 to 3) in text and HTML; with 4, where the solution lies."""
    if number > len(exercise.hints):
        title, body = f"{exercise.id}: no more hints", f"A worked solution is in {solution}"
    else:
        title, body = f"{exercise.id} hint {number} of {len(exercise.hints)}", exercise.hints[number - 1]
    return {
        "text/plain": f"{title}: {body}",
        "text/html": _box(title, NEUTRAL, title, *map(_paragraph, (body, *notes))),
    }


def options_bundle(exercise: Exercise) -> Bundle:
    """Return the options (a, b, ...) and reasons (1, 2, ...) of a choice in text and HTML."""
    reasons = [(str(number), reason) for number, reason in enumerate(exercise.reasons, start=1)]
    text = [f"{exercise.id} {exercise.title}", "Options:"]
    text += [f"  {letter}  {option}" for letter, option in exercise.options.items()]
    text += ["Reasons:", *(f"  {number}  {reason}" for number, reason in reasons)]
    parts = []
    for heading, rows in (("Options", list(exercise.options.items())), ("Reasons", reasons)):
        # letters and numbers are part of the answer, so they are text and not a list's decoration
        items = [tag("li", tag("strong", label), f" {words}", style="margin:0.25em 0") for label, words in rows]
        parts.append(_paragraph(tag("strong", heading)))
        parts.append(tag("ul", *items, style="list-style:none;margin:0 0 0.5em;padding-left:1em", aria_label=heading))
    name = f"{exercise.id} {exercise.title}"
    return {
        "text/plain": "\n".join(text),
        "text/html": _box(name, NEUTRAL, f"Options of exercise {exercise.id}", *parts),
    }


def call_text(exercise: Exercise, case: Case) -> str:
    """Return the call of a case with its arguments in short: "info_nce(images=tensor float32 (4, 8), scale=10)"."""
    if exercise.runs_as == "module":
        built = _arguments(list(case.init), (), case.init)
        names = list(inspect.signature(exercise.reference.forward).parameters)[1:]  # without self
        return f"{exercise.entry}({built})({_arguments(names, case.args, case.kwargs)})"
    names = list(inspect.signature(exercise.reference).parameters)
    return f"{exercise.entry}({_arguments(names, case.args, case.kwargs)})"


def _arguments(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    labels = [f"{name}=" for name in names[: len(args)]] + [""] * (len(args) - len(names))  # *args have no names
    given = [label + _argument(value) for label, value in zip(labels, args, strict=True)]
    return ", ".join(given + [f"{name}={_argument(value)}" for name, value in kwargs.items()])


def _argument(value: Any) -> str:
    text = describe(value)
    return text if is_tensor(value) or is_array(value) or len(text) <= ARGUMENT_TEXT else text[:ARGUMENT_TEXT] + "..."


def _said(verdict: Verdict) -> list[str]:
    """What a teacher would say first: the misconception, else what is wrong."""
    said = []
    if verdict.misconception and verdict.status != "to do":
        said.append(f"{verdict.misconception.name}: {verdict.misconception.sentence}")
    elif verdict.misconception:
        said.append("This is still the code as it was given: find the bug in it.")
    elif verdict.public_text:
        said.append(_sentence(_what_is_wrong(verdict)))
        if verdict.detail and verdict.difference:
            said.append(_sentence(verdict.detail))
    return said


def _what_is_wrong(verdict: Verdict) -> str:
    """The public sentence, with the error's own message behind it."""
    return f"{verdict.public_text}: {verdict.detail}" if verdict.problem and verdict.detail else verdict.public_text


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _what_was_run(exercise: Exercise, cases: Sequence[Case]) -> str:
    if exercise.kind == "tune":
        return f"Measured: {exercise.direction} {short(exercise.target)}, as the target asks."
    if exercise.runs_as == "value":
        return f"{exercise.entry} is right."
    return f"{exercise.entry} agrees with the reference on {count(len(cases), 'fresh random case')}."


def _own_line(verdict: Verdict) -> str:
    """Where a crash happened in the learner's own code: "line 3: return a @ b", or ""."""
    problem = verdict.problem
    crashed = verdict.status == "crashed" and problem is not None and problem.line
    return f"line {problem.line_number}: {problem.line}" if crashed else ""


def _facts(
    exercise: Exercise,
    verdict: Verdict,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    expected: Sequence[Outcome],
) -> Html:
    """The table of what happened on the first case that failed."""
    if verdict.status == "to do":
        return Html("")
    index, outcome, difference = verdict.case, outcomes[verdict.case], verdict.difference
    rows: list[tuple[str, str]] = []
    if verdict.misconception:
        rows.append(("What is wrong", _sentence(_what_is_wrong(verdict))))
    if exercise.runs_as != "value":
        rows.append(("Called", call_text(exercise, cases[index])))
        rows.append(
            ("Case", f"{index + 1} of {len(cases)}" + (f", part: {cases[index].group}" if cases[index].group else ""))
        )
    if difference:
        rows.append(("Came back" if exercise.runs_as != "value" else "Your answer", describe(outcome.value)))
        if exercise.runs_as != "value":
            rows.append(("Expected", _without_numbers(expected[index].value)))
        if exercise.kind == "tune":
            rows.append(("Target", f"{exercise.direction} {short(exercise.target)}"))
            if outcome.measured is not None:
                rows.append(("Measured", short(outcome.measured)))
        elif difference.largest is not None and exercise.runs_as != "value":
            place = f" at {difference.where}" if difference.where else ""
            rows.append(("Largest difference", f"{short(difference.largest)}{place}"))
        if verdict.detail and verdict.misconception:
            rows.append(("In numbers", verdict.detail))
    elif _own_line(verdict):
        rows.append(("Your code", _own_line(verdict)))
    if len(verdict.groups) > 1:
        rows += [(f"Part: {group}", "right" if right else "not yet") for group, right in verdict.groups.items()]
    if outcome.printed:
        rows.append(("Printed", outcome.printed.rstrip()))
    return _table(rows)


def _without_numbers(value: Any) -> str:
    """What kind of value was expected; a lone number or text is not shown, since it would be the whole answer."""
    if isinstance(value, list | tuple):
        return f"{kind_of(value)} of {count(len(value), 'item')}"
    if isinstance(value, dict):
        return f"a dict with {', '.join(map(repr, value))}"
    return describe(value) if is_tensor(value) or is_array(value) or value is None else kind_of(value)


def _table(rows: Sequence[tuple[str, str]]) -> Html:
    cell = "text-align:left;vertical-align:top;padding:0.15em 0.8em 0.15em 0"
    body = [
        tag(
            "tr",
            tag("th", name, scope="row", style=f"{cell};white-space:nowrap"),
            tag("td", value, style=f"{cell};white-space:pre-wrap;font-family:monospace;overflow-wrap:anywhere"),
            style="background:none",
        )
        for name, value in rows
    ]
    return tag("table", tag("tbody", *body), style="border-collapse:collapse;margin:0.4em 0")


def _nested_hints(hints: Sequence[str]) -> Html:
    """Each hint lies inside the one before it, so that they open one by one."""
    inner = Html("")
    for number in range(len(hints), 0, -1):
        inner = tag(
            "details",
            tag("summary", f"Hint {number} of {len(hints)}", style="cursor:pointer"),
            tag("div", _paragraph(hints[number - 1]), inner, style="margin-left:1em"),
        )
    return inner


def _paragraph(text: str) -> Html:
    return tag("p", text, style="margin:0.3em 0;white-space:pre-wrap")


def _box(title: str, colour: str, label: str, *parts: Html) -> Html:
    return tag(
        "div",
        tag("div", tag("strong", title)),
        *parts,
        role="group",
        aria_label=label,
        style=f"border-left:4px solid {colour};padding:0.2em 0 0.2em 0.8em;color:inherit;background:none",
    )
