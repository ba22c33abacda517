"""Pages that need nothing else: one for each learner with their feedback, and one of the class for its instructor.

They load nothing and run nothing: a content security policy forbids both, and everything is escaped by the template
engine, after what does harm where it is merely shown has become a readable escape.
"""

from __future__ import annotations

import base64
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from utils.grading.records import ExerciseGrade, Status
from utils.grading.results import ClassResults, Learner, Task, in_order, lesson_title
from utils.grading.similarity import NOTHING_SIMILAR, Pair, Similarity
from utils.grading.writing import file_stem, harmless, number, one_line, write_file
from utils.lessons import LESSONS
from utils.style import BAD, GOOD, INK, MODALITY_COLOURS, PAPER, new_figure, style_axes

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup
    from matplotlib.figure import Figure

STATUSES: tuple[Status, ...] = get_args(Status)
LEARNERS_A_PAGE = 100
MISCONCEPTIONS_DRAWN = 10
CHARACTERS_SHOWN = 10_000
"""Of an answer; the whole of it is in grades.jsonl."""

# a hatch beside each colour, for readers who do not tell the colours apart
_LOOKS = {
    "passed": (GOOD, ""),
    "not yet": (MODALITY_COLOURS["3d"], "//"),
    "crashed": (BAD, "xx"),
    "too slow": (MODALITY_COLOURS["video"], ".."),
    "to do": ("#E3E7EC", ""),
    "not graded": (INK, "++"),
}
_GO_ON = {
    "not yet": 'How to go on: open `{notebook}`, and let `hint("{exercise}")` help. The check below your answer tells '
    "at once whether it is right.",
    "crashed": "How to go on: open `{notebook}`, restart the kernel and run it from the top. The error shows the line; "
    '`hint("{exercise}")` helps with the idea.',
    "too slow": "How to go on: open `{notebook}`, and look for a loop that one operation on the whole tensor could "
    'replace. `hint("{exercise}")` helps.',
    "to do": "How to go on: open `{notebook}` and write your answer into the cell of exercise {exercise}. "
    '`hint("{exercise}")` opens a first hint, and hints cost no points.',
    "not graded": "This could not be graded, by no fault of yours. Your instructor sees it too.",
}


@dataclass(frozen=True)
class Picture:
    """A figure as a page holds it: the data itself as its address, the alternative text, the size in pixels."""

    address: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Tally:
    """How an exercise went in the class: the number of learners by status, and the mean points of who handed in."""

    task: Task
    counts: Mapping[str, int]
    mean: float


@dataclass(frozen=True)
class Mistake:
    """A misconception, how many learners hold it, and the sentence that they were told."""

    name: str
    count: int
    sentence: str


@dataclass(frozen=True)
class _Order:
    """The learners in one order, in pages."""

    name: str
    pages: list[list[Learner]]
    label: Callable[[list[Learner]], str]


def write_reports(results: ClassResults, folder: Path, similarity: Similarity = NOTHING_SIMILAR) -> list[Path]:
    """Write every learner's page to `folder`/reports and class.html beside it; return their paths.

    A page that would not change is not touched. Raises `ExportError`.
    """
    paths = [write_learner_page(learner, results, folder) for learner in results.learners]
    return [*paths, write_class_page(results, folder, similarity)]


def write_learner_page(learner: Learner, results: ClassResults, folder: Path) -> Path:
    """Write one learner's page, which tells of nobody else, to `folder`/reports. Raises `ExportError`."""
    page = (
        _environment()
        .get_template("learner.html")
        .render(
            learner=learner,
            points=results.points(),
            missing=[lesson for lesson in results.tasks if lesson not in learner.lessons],
        )
    )
    return _write(folder / learner_page(learner.learner), page)


def write_class_page(results: ClassResults, folder: Path, similarity: Similarity = NOTHING_SIMILAR) -> Path:
    """Write the instructor's page, class.html. Raises `ExportError`."""
    tallies = {lesson: tallies_of(results, lesson) for lesson in results.tasks}
    misconceptions = misconceptions_of(results)
    entries = results.entries
    handed_in = [exercise for entry in entries for exercise in entry.grade.exercises]
    not_graded = Counter(one.exercise for one in handed_in if one.status == "not graded")
    passed = sum(one.status == "passed" for one in handed_in)
    cards = [
        ("Learners", len(results.learners)),
        ("Submissions that count", len(entries)),
        ("Exercises passed", f"{100 * passed / len(handed_in):.0f} %" if handed_in else "–"),
        ("Late", sum(entry.late for entry in entries)),
        ("Could not be graded", len(results.problems)),
    ]
    page = (
        _environment()
        .get_template("class.html")
        .render(
            results=results,
            cards=cards,
            stale=sum(entry.stale for entry in entries),
            not_graded=sorted(not_graded.items(), key=lambda item: in_order(item[0])),
            figures=[draw_statuses(lesson, tallies[lesson]) for lesson in results.tasks if tallies[lesson]],
            tallies=[tally for lesson in results.tasks for tally in tallies[lesson]],
            statuses=STATUSES,
            stops=draw_stops(results) if handed_in else None,
            misconceptions=misconceptions,
            frequent=draw_misconceptions(misconceptions) if misconceptions else None,
            orders=_orders(results),
            similar=_similar(results, similarity),
            common=sorted(similarity.common.items(), key=lambda item: in_order(item[0])),
        )
    )
    return _write(folder / "class.html", page)


def learner_page(learner: str) -> str:
    """Return where a learner's page lies below the folder of the reports: "reports/ada-0123456789abcdef.html"."""
    return f"reports/{file_stem(learner)}.html"


def tallies_of(results: ClassResults, lesson: str) -> list[Tally]:
    """Return how each exercise of a lesson went among those who handed it in."""
    found: dict[str, list[ExerciseGrade]] = defaultdict(list)
    for entry in results.entries:
        if entry.grade.lesson == lesson:
            for one in entry.grade.exercises:
                found[one.exercise].append(one)
    return [
        Tally(
            task,
            Counter(one.status for one in found[task.exercise]),
            sum(one.earned for one in found[task.exercise]) / max(len(found[task.exercise]), 1),
        )
        for task in results.tasks[lesson]
    ]


def misconceptions_of(results: ClassResults) -> list[tuple[Task, list[Mistake]]]:
    """Return the misconceptions that were found, by exercise, the most frequent first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for entry in results.entries:
        for one in entry.grade.exercises:
            if one.misconception and one.status != "to do":  # a bug as it was given is not yet anybody's mistake
                counts[one.exercise][one.misconception] += 1
                said[one.exercise, one.misconception][one.feedback] += 1

    def most_said(exercise: str, name: str) -> str:
        return min(said[exercise, name].items(), key=lambda item: (-item[1], item[0]))[0]

    return [
        (
            task,
            [
                Mistake(name, count, most_said(task.exercise, name))
                for name, count in sorted(counts[task.exercise].items(), key=lambda item: (-item[1], item[0]))
            ],
        )
        for tasks in results.tasks.values()
        for task in tasks
        if task.exercise in counts
    ]


def reached(results: ClassResults) -> list[tuple[Task, int]]:
    """Return, for each exercise of the class in order, how many learners tried it or a later one."""
    tasks = [task for tasks in results.tasks.values() for task in tasks]
    places = {task.exercise: place for place, task in enumerate(tasks)}
    last = Counter()
    for learner in results.learners:
        tried = [
            places[one.exercise]
            for entry in learner.lessons.values()
            for one in entry.grade.exercises
            if one.status != "to do" and (one.status != "not graded" or one.answer.strip())
        ]
        last[max(tried, default=-1)] += 1
    return [(task, sum(count for place, count in last.items() if place >= here)) for here, task in enumerate(tasks)]


def draw_statuses(lesson: str, tallies: Sequence[Tally]) -> Picture:
    """Draw how many learners ended an exercise of a lesson in which way, a bar an exercise."""
    tallies = list(tallies)
    hardest = min(tallies, key=lambda tally: tally.mean / tally.task.points if tally.task.points else 1)
    share = hardest.mean / hardest.task.points if hardest.task.points else 1
    if share >= 1:
        claim = f"{lesson}: everybody earned every point"
    else:
        claim = f"{lesson}: exercise {hardest.task.exercise} earned least, {share:.0%} of its points"
    figure = new_figure(8.0, 1.5 + 0.36 * len(tallies))
    axes = figure.subplots()
    names = [one_line(f"{tally.task.exercise} {tally.task.title}", 42) for tally in tallies]
    left = [0] * len(tallies)
    for status in STATUSES:
        counts = [tally.counts[status] for tally in tallies]
        if any(counts):
            colour, hatch = _LOOKS[status]
            axes.barh(
                range(len(tallies)), counts, 0.72, left, color=colour, hatch=hatch, edgecolor="white", label=status
            )
            left = [before + count for before, count in zip(left, counts, strict=True)]
    for place, tally in enumerate(tallies):
        axes.text(
            left[place],
            place,
            f"  {number(tally.mean)} of {number(tally.task.points)}",
            va="center",
            fontsize=8,
            color=INK,
            clip_on=False,
        )
    axes.set_yticks(range(len(tallies)), names, fontsize=8.5, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.get_major_locator().set_params(integer=True)
    style_axes(axes, title=claim, x="learners who handed the lesson in; beside the bars, mean points")
    figure.legend(loc="outside lower left", ncols=len(STATUSES), frameon=False, fontsize=8.5)
    said = "; ".join(
        f"{tally.task.exercise}: {number(tally.mean)} of {number(tally.task.points)} points, "
        + ", ".join(f"{tally.counts[status]} {status}" for status in STATUSES if tally.counts[status])
        for tally in tallies
    )
    return _picture(figure, f"Bars of results. {claim}. Mean points and number of learners: {said}.")


def draw_stops(results: ClassResults) -> Picture:
    """Draw how many learners are still at work at each exercise: they tried it or a later one."""
    curve = reached(results)
    everybody = len(results.learners)
    counts = [count for _, count in curve]
    lost = [before - now for before, now in zip([everybody, *counts], counts, strict=False)]
    worst = max(range(len(curve)), key=lambda place: (lost[place], -place))
    if not lost[worst]:
        claim = "Everybody tried the last exercise"
    else:
        claim = f"Most who stop do so before {curve[worst][0].exercise}: {lost[worst]} of {everybody} learners"
    figure = new_figure(8.0, 3.0)
    axes = figure.subplots()
    axes.plot(range(len(curve)), counts, "o-", color=MODALITY_COLOURS["text"], markersize=4, clip_on=False, zorder=3)
    if lost[worst]:
        axes.plot([worst], [counts[worst]], "s", color=BAD, markersize=8, clip_on=False, zorder=4)
    every = max(1, len(curve) // 24)
    shown = range(0, len(curve), every)
    axes.set_xticks(shown, [curve[place][0].exercise for place in shown], fontsize=8.5, rotation=45 if every > 1 else 0)
    axes.set_ylim(0, max(everybody, 1))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="#E3E7EC")
    style_axes(axes, title=claim, x="exercise", y="tried it or a later one")
    said = ", ".join(f"{task.exercise} {count}" for task, count in curve)
    return _picture(figure, f"A falling curve. {claim}. Learners who tried an exercise or a later one: {said}.")


def draw_misconceptions(misconceptions: Sequence[tuple[Task, Sequence[Mistake]]]) -> Picture:
    """Draw the misconceptions that most learners hold, a bar each."""
    found = [(task, mistake) for task, mistakes in misconceptions for mistake in mistakes]
    found = sorted(found, key=lambda pair: -pair[1].count)[:MISCONCEPTIONS_DRAWN]
    task, mistake = found[0]
    claim = f"Most frequent: “{one_line(mistake.name, 50)}” in {task.exercise}"
    figure = new_figure(8.0, 1.1 + 0.28 * len(found))
    axes = figure.subplots()
    counts = [mistake.count for _, mistake in found]
    bars = axes.barh(range(len(found)), counts, 0.72, color=_LOOKS["not yet"][0], hatch="//", edgecolor="white")
    axes.bar_label(bars, padding=4, fontsize=8, color=INK)
    names = [f"{task.exercise} {one_line(mistake.name, 42)}" for task, mistake in found]
    axes.set_yticks(range(len(found)), names, fontsize=8.5, parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.06)
    axes.xaxis.get_major_locator().set_params(integer=True)
    style_axes(axes, title=claim.replace("$", r"\$"), x="learners")  # a dollar is no formula
    said = "; ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True))
    return _picture(figure, f"Bars of misconceptions. {claim}. Number of learners: {said}.")


def _picture(figure: Figure, alt: str) -> Picture:
    from matplotlib import rc_context

    buffer = io.BytesIO()
    # as paths, so that no font is needed; with a fixed salt and no date, so that the same class gives the same bytes
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "course", "hatch.linewidth": 0.6}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    width, height = (round(float(inches) * 96) for inches in figure.get_size_inches())
    address = "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(address, alt, width, height)


def _orders(results: ClassResults) -> list[_Order]:
    by_name = sorted(results.learners, key=lambda learner: (_called(learner).casefold(), learner.learner))
    by_points = sorted(
        results.learners, key=lambda learner: (learner.earned, _called(learner).casefold(), learner.learner)
    )
    return [
        _Order("By name", _pages(by_name), lambda page: f"{_called(page[0])} to {_called(page[-1])}"),
        _Order(
            "By points, fewest first",
            _pages(by_points),
            lambda page: f"{number(page[0].earned)} to {number(page[-1].earned)} points",
        ),
    ]


def _pages(learners: list[Learner]) -> list[list[Learner]]:
    return [learners[start : start + LEARNERS_A_PAGE] for start in range(0, len(learners), LEARNERS_A_PAGE)]


def _similar(results: ClassResults, similarity: Similarity) -> list[tuple[str, list[dict[str, Any]]]]:
    """The pairs by exercise, each with its two learners and what they wrote."""
    learners = {learner.learner: learner for learner in results.learners}

    def answer(learner: Learner, pair: Pair) -> str:
        grades = (one for entry in learner.lessons.values() for one in entry.grade.exercises)
        return next((one.answer for one in grades if one.exercise == pair.exercise), "")

    found: dict[str, list[dict[str, Any]]] = {}
    for pair in similarity.pairs:
        people = [learners[learner] for learner in pair.learners]
        found.setdefault(pair.exercise, []).append(
            {
                "people": people,
                "sides": [(learner, answer(learner, pair)) for learner in people],
                "percent": f"{100 * pair.alike:.0f}",
                "word_for_word": pair.word_for_word,
            }
        )
    return list(found.items())


def _remarks(learner: Learner) -> str:
    """What an instructor should look at, in a few words."""
    late = [lesson for lesson, entry in learner.lessons.items() if entry.late]
    found = [f"late: {', '.join(late)}"] if late else []
    if learner.not_graded:
        found.append(f"not graded: {', '.join(learner.not_graded)}")
    if learner.problems:
        found.append(f"could not be graded: {len(learner.problems)}")
    return "; ".join(found)


def _go_on(one: ExerciseGrade, lesson: str) -> str:
    """The next step for a learner who has not passed an exercise."""
    path = next((known.path for known in LESSONS if known.id == lesson), "")
    return _GO_ON[one.status].format(notebook=f"course/{path}.ipynb" if path else lesson, exercise=one.exercise)


def _called(learner: Learner) -> str:
    return learner.name or learner.learner


def _title(one: ExerciseGrade | Task) -> str:
    return one_line(f"{one.exercise} {one.title}", 120)


def _date(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".strip()


def _source(text: str) -> str:
    shown = harmless(text[:CHARACTERS_SHOWN]).strip("\n")
    left_out = len(text) - CHARACTERS_SHOWN
    return f"{shown}\n… and {left_out:,} more characters" if left_out > 0 else shown


def _prose(text: str) -> Markup:
    """Escaped text in which `...` is code, as the course's sentences have it."""
    from markupsafe import Markup, escape

    parts = one_line(text, 2000).split("`")
    if len(parts) % 2 == 0:  # a backtick without its second one is just a character
        parts[-2:] = ["`".join(parts[-2:])]
    marked = [Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)]
    return Markup("").join(marked)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # whatever a template shows went through here, even where its author forgot
        finalize=lambda value: harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.globals |= {"ink": INK, "paper": PAPER, "good": GOOD, "bad": BAD}
    environment.filters |= {
        "called": _called,
        "date": _date,
        "go_on": _go_on,
        "lesson_title": lesson_title,
        "line": one_line,
        "number": number,
        "page": lambda learner: learner_page(learner.learner),
        "prose": _prose,
        "remarks": _remarks,
        "source": _source,
        "title": _title,
    }
    return environment


def _write(path: Path, page: str) -> Path:
    write_file(path, page.encode("utf-8"))
    return path
