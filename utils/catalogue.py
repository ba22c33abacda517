"""Systems of the world outside: who made them, when, of which family, how large, and from which source one knows.

The facts are data, in assets/models.yaml. What a system's source does not say is None, which is neither nought nor
none. `python -m utils.catalogue` makes the page assets/models.md from it, to which lessons link.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.lessons import ASSETS, LESSONS, ROOT, Lesson
from utils.style import INK, MODALITY_COLOURS, NEUTRAL, new_figure, show, style_axes

if TYPE_CHECKING:
    from pandas import DataFrame

SOURCE, PAGE = ASSETS / "models.yaml", ASSETS / "models.md"
# what each family is, as the course uses the word; the first four are those of the articles
FAMILIES = {
    "dual encoder": "two encoders that meet only in one space, where their vectors are compared",
    "fusion": "two streams that meet in layers made for it, by cross-attention or side by side",
    "end-to-end": "a language model that reads what comes from a vision encoder, and answers in text or more",
    "mixture of experts": "a model in whose layers a router chooses the weights that each token meets",
    "generator": "a model whose output is a picture or a video",
    "unimodal text": "text in, text out",
    "unimodal vision": "pictures alone",
}
NOT_GIVEN = "not given"
_STRIP_LINES = 8  # of names without a size, in the timeline
# a colour and a marker each, so that neither has to tell the families apart alone
_LOOKS = dict(zip(FAMILIES, zip([*MODALITY_COLOURS.values(), INK], "os^DPXv", strict=True), strict=True))


class CatalogueError(ValueError):
    """The catalogue's file does not hold what it should; the message names the system and the field."""


@dataclass(frozen=True)
class Source:
    """Who says so: a paper, with its arXiv id, or the maker's own page."""

    title: str
    year: int
    url: str


@dataclass(frozen=True)
class MiniModel:
    """The course's own model of a mechanism: its `module`, and the id of the `lesson` that builds it, or will."""

    module: str
    lesson: str

    @property
    def built_in(self) -> Lesson | None:
        """The lesson where it is built, None while there is none."""
        return next((lesson for lesson in LESSONS if lesson.id == self.lesson), None)

    @property
    def path(self) -> Path:
        """The file of its module."""
        return ROOT / (self.module.replace(".", "/") + ".py")


@dataclass(frozen=True)
class System:
    """One system; what its source does not say is None.

    `date` is an ISO date, as precise as the source: a year, a month or a day. `family` is one of `FAMILIES`; `inputs`
    and `outputs` are modalities of the course. `parameters` counts the largest model that the source describes,
    `active_parameters` those that one token meets, `context` tokens. `note` says what the fields cannot.
    """

    name: str
    maker: str
    date: str
    family: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mechanism: str | None
    parameters: int | None
    active_parameters: int | None
    context: int | None
    source: Source
    mini: MiniModel | None
    note: str | None

    @property
    def year(self) -> float:
        """The date as a number of years; of a month or a year its middle."""
        parts = [int(part) for part in self.date.split("-")]
        if len(parts) == 1:
            return parts[0] + 0.5
        day = datetime.date(parts[0], parts[1], parts[2] if len(parts) == 3 else 15)
        return day.year + (day.timetuple().tm_yday - 0.5) / 366


@dataclass(frozen=True)
class Correction:
    """What the articles `claim`, what is the `fact`, and who says so."""

    claim: str
    fact: str
    source: Source


@functools.cache
def catalogue(path: Path = SOURCE) -> dict[str, System]:
    """Return the systems by name, the oldest first.

    Raises `CatalogueError` for a field that is missing, unknown or not of its kind, and for a name that is there twice.
    """
    systems: dict[str, System] = {}
    for number, entry in enumerate(_read(path, "systems"), start=1):
        system = _system(entry, f"{path.name}: system {number}")
        if system.name in systems:
            raise CatalogueError(f"{path.name}: {system.name} is there twice")
        systems[system.name] = system
    return dict(sorted(systems.items(), key=lambda item: item[1].date))


@functools.cache
def corrections(path: Path = SOURCE) -> tuple[Correction, ...]:
    """Return where the articles are wrong or dated; raise `CatalogueError` for an entry that is not whole."""
    found = []
    for number, entry in enumerate(_read(path, "corrections"), start=1):
        where = f"{path.name}: correction {number}"
        _check_keys(entry, Correction, where)
        _check_words(entry, ("claim", "fact"), where)
        found.append(Correction(entry["claim"], entry["fact"], _source(entry["source"], where)))
    return tuple(found)


def find_system(name: str) -> System:
    """Return the system called `name`, in any case; raise `KeyError`, with the nearest names, if there is none."""
    systems = {found.lower(): system for found, system in catalogue().items()}
    if name.lower() in systems:
        return systems[name.lower()]
    near = [systems[found].name for found in difflib.get_close_matches(name.lower(), systems, n=3)]
    meant = f"; did you mean {' or '.join(near)}?" if near else f"; it has {', '.join(catalogue())}"
    raise KeyError(f"the catalogue has no system {name!r}{meant}")


def to_table(systems: Iterable[System] | None = None) -> DataFrame:
    """Return the systems, all unless others are given, as a table with a row each; a missing figure is <NA>."""
    import pandas as pd

    systems = list(catalogue().values() if systems is None else systems)
    columns = ("name", "maker", "date", "family", "inputs", "outputs", "parameters", "active_parameters", "context")
    table = pd.DataFrame([{name: getattr(system, name) for name in columns} for system in systems], columns=columns)
    for name in ("inputs", "outputs"):
        table[name] = table[name].str.join(", ")
    numbers = dict.fromkeys(("parameters", "active_parameters", "context"), "Int64")
    return table.astype(numbers | {"family": "string"}).set_index("name")


def in_words(number: int | None) -> str:
    """Return a number of parameters or tokens as papers print it: "175 B", "340 M", "2,048"."""
    if number is None:
        return NOT_GIVEN
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.4g} {letter}"
    return f"{number:,}"


def show_timeline(systems: Iterable[System], *, title: str, alt: str) -> None:
    """Display each system at its date and size, with a colour and a marker for its family.

    Those whose size is not published stand in a strip of their own at the bottom; one without a family is a cross.
    """
    figure = new_figure(7.6, 5.4)
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    lines, late, labelled = 0, 0, {}
    for system in sorted(systems, key=lambda system: system.year):
        family = system.family or f"family {NOT_GIVEN}"
        colour, marker = _LOOKS.get(family, (NEUTRAL, "x"))
        there, place = (strip, lines % _STRIP_LINES) if system.parameters is None else (axes, system.parameters)
        (labelled[family],) = there.plot(system.year, place, marker, color=colour, markersize=7, linestyle="none")
        # the last years are crowded, so their names stand to the left and to the right in turn
        to_the_left = system.year > 2023.5 and (there is strip or late % 2 == 0)
        lines, late = lines + (there is strip), late + (there is axes and system.year > 2023.5)
        there.annotate(
            system.name,
            (system.year, place),
            xytext=(-6 if to_the_left else 6, 0),
            textcoords="offset points",
            ha="right" if to_the_left else "left",
            va="center",
            fontsize=7,
            color=INK,
        )
    order = [name for name in (*FAMILIES, f"family {NOT_GIVEN}") if name in labelled]
    figure.legend(
        [labelled[name] for name in order], order, loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
    axes.set_yscale("log")
    style_axes(axes, title=title, y="parameters")
    strip.set_yticks([])
    strip.set_ylim(_STRIP_LINES - 0.2, -0.8)
    style_axes(strip, x="year", y=f"size {NOT_GIVEN}")
    show(figure, alt)


def render_page() -> str:
    """Return the catalogue as a page of Markdown: a row a system, its source and the file of its mini model linked."""
    rows = []
    for system in catalogue().values():
        active = f", {in_words(system.active_parameters)} active" if system.active_parameters else ""
        window = NOT_GIVEN if system.context is None else f"{system.context:,}"
        mini = (
            f"[{system.mini.module}](../{system.mini.path.relative_to(ROOT).as_posix()}), lesson {system.mini.lesson}"
            if system.mini
            else "not yet"
        )
        cells = (
            system.name,
            system.maker,
            system.date,
            system.family or NOT_GIVEN,
            f"{', '.join(system.inputs)} → {', '.join(system.outputs)}",
            in_words(system.parameters) + active,
            window,
            f"{system.mechanism or NOT_GIVEN}{f' ({system.note})' if system.note else ''}",
            f"[{system.source.title}]({system.source.url}), {system.source.year}",
            mini,
        )
        rows.append(f"| {' | '.join(cells)} |")
    titles = (
        "System",
        "Maker",
        "Date",
        "Family",
        "In → out",
        "Parameters",
        "Context",
        "Mechanism",
        "Source",
        "Mini model",
    )
    head = (
        "# Models in the world\n\n"
        "Made from `models.yaml` by `python -m utils.catalogue`; change that, not this page. *Not given* means that "
        "the source does not say; *mini* is the course's own model of the same mechanism.\n\n"
        f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n"
    )
    mended = [f"- *{c.claim}* {c.fact} ([{c.source.title}]({c.source.url}), {c.source.year})" for c in corrections()]
    return head + "\n".join(rows) + "\n\n## What the articles say otherwise\n\n" + "\n".join(mended) + "\n"


# ---- reading the file


def _read(path: Path, part: str) -> list[Mapping[str, Any]]:
    import yaml

    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, Mapping) or not isinstance(data.get(part), list):
        raise CatalogueError(f"{path.name} must hold a list of {part}")
    return data[part]


def _system(entry: Mapping[str, Any], where: str) -> System:
    if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
        where = f"{where}, {entry['name']}"
    _check_keys(entry, System, where)
    _check_words(entry, ("name", "maker", "date"), where)
    _check_words(entry, ("mechanism", "note"), where, may_be_null=True)
    _check_date(entry["date"], where)
    if entry["family"] is not None and entry["family"] not in FAMILIES:
        raise CatalogueError(f"{where}: the family is null or one of {', '.join(FAMILIES)}, not {entry['family']!r}")
    for name in ("inputs", "outputs"):
        given = entry[name]
        if not isinstance(given, list) or not given or not set(given) <= set(MODALITY_COLOURS):
            raise CatalogueError(f"{where}: {name} is a list of {', '.join(MODALITY_COLOURS)}, not {given!r}")
    for name in ("parameters", "active_parameters", "context"):
        given = entry[name]
        if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
            raise CatalogueError(f"{where}: {name} is null or a whole number of 1 or more, not {given!r}")
    active, total = entry["active_parameters"], entry["parameters"]
    if active is not None and total is not None and active >= total:
        raise CatalogueError(f"{where}: of {total:,} parameters {active:,} cannot be the active part")
    return System(
        **{
            **entry,
            "inputs": tuple(entry["inputs"]),
            "outputs": tuple(entry["outputs"]),
            "source": _source(entry["source"], where),
            "mini": _mini(entry["mini"], where),
        }
    )


def _source(entry: Any, where: str) -> Source:
    where = f"{where}, source"
    if not isinstance(entry, Mapping) or set(entry) not in ({"title", "year", "url"}, {"title", "year", "arxiv"}):
        raise CatalogueError(f"{where}: needs title, year and either url or arxiv, not {entry!r}")
    if not isinstance(entry["year"], int) or not 1950 <= entry["year"] <= 2100:
        raise CatalogueError(f"{where}: the year {entry['year']!r} is no year")
    _check_words(entry, ("title", "arxiv" if "arxiv" in entry else "url"), where)
    if "arxiv" in entry and not re.fullmatch(r"\d{4}\.\d{4,5}", entry["arxiv"]):
        raise CatalogueError(f"{where}: {entry['arxiv']!r} is no arXiv id, such as 2005.14165")
    url = f"https://arxiv.org/abs/{entry['arxiv']}" if "arxiv" in entry else entry["url"]
    if not url.startswith("https://"):
        raise CatalogueError(f"{where}: {url!r} is not the https address of a page")
    return Source(entry["title"], entry["year"], url)


def _mini(entry: Any, where: str) -> MiniModel | None:
    if entry is None:
        return None
    where = f"{where}, mini"
    _check_keys(entry, MiniModel, where)
    _check_words(entry, ("module", "lesson"), where)
    mini = MiniModel(entry["module"], entry["lesson"])
    if not mini.module.startswith("utils.") or not mini.path.is_file():
        raise CatalogueError(f"{where}: there is no module {mini.module}")
    if not re.fullmatch(r"\d\.\d+", mini.lesson):
        raise CatalogueError(f"{where}: {mini.lesson!r} is no lesson's id, such as 2.3")
    return mini


def _check_keys(entry: Any, kind: type, where: str) -> None:
    wanted = {field.name for field in fields(kind)}
    if not isinstance(entry, Mapping) or set(entry) != wanted:
        given = set(entry) if isinstance(entry, Mapping) else set()
        lacks, odd = sorted(wanted - given) or "nothing", sorted(given - wanted) or "nothing"
        raise CatalogueError(f"{where}: lacks {lacks} and has {odd} that no {kind.__name__} has")


def _check_words(entry: Mapping[str, Any], names: Iterable[str], where: str, *, may_be_null: bool = False) -> None:
    for name in names:
        given = entry[name]
        if not (may_be_null and given is None) and not (isinstance(given, str) and given.strip()):
            raise CatalogueError(f"{where}: {name} needs words, not {given!r}")


def _check_date(date: str, where: str) -> None:
    wrong = CatalogueError(f"{where}: {date!r} is no ISO date, such as 2024, 2024-05 or 2024-05-13")
    if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", date):
        raise wrong
    try:
        datetime.date.fromisoformat((date + "-01-01")[:10])
    except ValueError as error:
        raise wrong from error


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8", newline="\n")
