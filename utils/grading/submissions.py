"""Find the submissions in whatever `course grade` is given, and whose they are.

| What is given | Who the learner is |
|---|---|
| one notebook | the file's name |
| a folder or zip of notebooks (`ada.ipynb`) | the file's name |
| a folder or zip with a folder or a zip for each learner (`ada/…`, `ada.zip`) | that folder's or zip's name |
| Canvas's download of all submissions (`lovelaceada_LATE_17_9300_work-2.ipynb`) | the user id, 17 |
| Moodle's download of all submissions (`Ada Lovelace_42_assignsubmission_file/…`) | the participant's number, 42 |
| Gradescope's export of submissions (`submission_metadata.yml`, `submission_7/…`) | the e-mail address, else the SID |
| nbgrader's course folder, of which only `submitted/` is read, or that folder (`submitted/ada/…`) | the folder's name |

A notebook that has just a lesson's own name, such as `1_start_here.ipynb`, belongs to whom the folder or zip that was
given is named after; so do the course's chapters. Below a learner, notebooks may lie at any depth. Hidden files,
`.ipynb_checkpoints` and `__MACOSX` are passed over, and everything else that is no notebook is told.

A download may be given as the zip or as the folder into which it was unpacked, may be wrapped in one folder more, and
may hold zips that learners handed in. Each is given by itself: a download that lies deeper was perhaps put together by
a learner, and cannot say whose work it is. Moodle numbers participants anew in each assignment.

Sources, as of 2026: Canvas, `lib/content_zipper.rb` and `Attachment.make_unique_filename`; Moodle,
`mod/assign/classes/downloader.php`, and `mod/assign/locallib.php` before it; nbgrader 0.9, "The philosophy and the
approach" and `exchange/default/submit.py`; for Gradescope, which describes it nowhere, programs that read its export.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from utils.grading.archives import NOTEBOOK_SUFFIXES, Entry, describe, given_name, is_zip, printable, scan
from utils.grading.records import NOTEBOOK_LIMIT, Submission, SubmissionError, Unusable
from utils.lessons import LESSONS

NAME_LIMIT = 100
"""Characters of a learner's identifier."""
NOTEBOOKS_EACH = 200
"""Notebooks of one learner; more would keep the grader from everybody else's."""
PROBLEMS_EACH = 20
"""Problems of one learner that are told one by one."""
METADATA_LIMIT = 100_000_000
"""Bytes of Gradescope's `submission_metadata.yml`, which holds all test results."""

METADATA = "submission_metadata.yml"
_METADATA_DEPTH = 30  # of the lists and records in it; libyaml crashes the process at some ten thousand
_HOW = "hand in the .ipynb itself (in JupyterLab: File > Download), or a .zip of it"
_ALONE = "hand in those to be graded, alone"

# lastfirst[_LATE]_user_file_title or [LATE_]anon_id_file_title; what is typed in or linked has no file and no title.
# A file's number has at least two digits, so that `lab_2_3_ada.ipynb` is not mistaken for one.
_CANVAS = re.compile(
    r"(?:(?P<name>(?!LATE_|anon_).+?)_)?(?P<late>LATE_)?(?:(?P<user>\d+)|anon_(?P<anonymous>[A-Za-z0-9]+))"
    r"_(?:(?P<file>\d{2,})_(?P<title>.+)|(?:text|link)\.html)",
    re.ASCII | re.DOTALL,
)
# a group without a number is Moodle's default group; `_file_` ended folders' names up to Moodle 4.0
_MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<number>\d+))?_assign(?P<part>submission|feedback)_[a-z]+(?:_.*)?", re.ASCII | re.DOTALL
)
_GRADESCOPE = re.compile(r"submission_(?P<number>\d+)", re.ASCII)
_NBGRADERS_OWN = frozenset({"timestamp.txt", "submission_secret.txt"})
# kinds of file that somebody might take for the thing to hand in, even beside a notebook
_DOCUMENTS = frozenset(
    ".7z .doc .docx .gz .htm .html .odt .pages .pdf .py .rar .rtf .tar .tgz .xz".split(),
)
_LESSONS = frozenset(PurePosixPath(lesson.path).name for lesson in LESSONS)
_CHAPTERS = frozenset(part for lesson in LESSONS for part in PurePosixPath(lesson.path).parent.parts)


@dataclass(frozen=True, kw_only=True)
class _Person:
    """Who handed something in, as the platform tells; None and 1 where it does not."""

    learner: str
    name: str = ""
    submitted: datetime | None = None
    late: bool = False
    attempt: int = 1
    platform: Mapping[str, str] = field(default_factory=dict)


# takes an entry's parts; None: not named in the platform's way, (): the platform's own file
_Layout = Callable[[tuple[str, ...]], Sequence[_Person] | None]


def find_submissions(path: Path) -> Iterator[Submission | Unusable]:
    """Return every submission in `path`, and everything that was handed in and cannot be graded, in a fixed order.

    This module's table says what `path` may be. `learner` and `name` are text that others chose: normalised, printable
    and bounded, but not safe as a file's name or in HTML. Where more than Unicode's form had to change, a checksum is
    added, so that two people never become one. `submitted` has a time zone; it is the file's time where no platform
    tells another.

    Raises `SubmissionError` if `path` does not exist, cannot be opened, or holds no notebook at all.
    """
    path = Path(path)
    entries, root = scan(path), _root_of(path)
    found = _all_different(_sort_out(_without_wrapping(entries, path, root), root))
    if not any(isinstance(record, Submission) for record in found):
        shown = printable(str(path))
        problems = [record.problem for record in found if isinstance(record, Unusable)]
        if not problems:
            raise SubmissionError(f"{shown} holds no notebook (.ipynb)")
        more = f" (and {len(problems) - 1} more such)" if len(problems) > 1 else ""
        raise SubmissionError(f"{shown} holds no notebook that could be graded: {problems[0]}{more}")
    return iter(found)


def clean_identifier(text: str) -> str:
    """Return `text` as an identifier: in NFC, printable, bounded; with a checksum if anything else had to change."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(character for character in text if character.isprintable()).strip()[:NAME_LIMIT]
    if kept == text:
        return text
    return f"{kept}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _sort_out(entries: list[Entry], root: str) -> Iterator[Submission | Unusable]:
    """Yield what comes of the `entries`, learner by learner; `root` is the name of what was given."""
    entries, layout, problems = _recognise([entry for entry in entries if entry.parts], root)
    yield from problems
    by_learner: dict[str, list[tuple[_Person, Entry]]] = {}
    for entry in entries:
        people = layout(entry.parts)
        if people is None:
            people = (_Person(learner=_learner_by_name(entry, root)),)
        for person in people:
            own = entry
            if len(people) > 1:  # a group: the same bytes for each of them, told apart
                own = replace(entry, where=f"{entry.where} (for {person.learner})")
            by_learner.setdefault(person.learner, []).append((person, own))
    for learner, handed_in in by_learner.items():
        yield from _records(learner, handed_in)


def _records(learner: str, handed_in: list[tuple[_Person, Entry]]) -> Iterator[Submission | Unusable]:
    """Yield one learner's submissions, and what was wrong with the rest of what they handed in."""
    if all(entry.kind == "empty" for _, entry in handed_in):
        where = handed_in[0][1].where
        yield Unusable(source=where, problem=f"{where} is empty: {_HOW}", learner=learner)
    notebooks = [(person, entry) for person, entry in handed_in if entry.kind == "notebook"]
    problems = [entry for _, entry in handed_in if entry.kind == "problem"]
    others = [
        entry
        for _, entry in handed_in
        if entry.kind == "other" and (not notebooks or os.path.splitext(entry.parts[-1])[1].lower() in _DOCUMENTS)
    ]
    if len(notebooks) > NOTEBOOKS_EACH:
        where = notebooks[0][1].where
        problem = (
            f"{where} is one of {len(notebooks):,} notebooks by one learner, the limit is {NOTEBOOKS_EACH}: {_ALONE}"
        )
        yield Unusable(source=where, problem=problem, learner=learner)
        notebooks = []
    for person, entry in notebooks:
        yield Submission(
            learner=learner,
            source=entry.where,
            read=partial(entry.read, NOTEBOOK_LIMIT),
            name=person.name,
            submitted=person.submitted or entry.modified,
            late=person.late,
            attempt=person.attempt,
            platform=person.platform,
        )
    for entry in problems[:PROBLEMS_EACH]:
        yield Unusable(source=entry.where, problem=entry.problem, learner=learner)
    if len(problems) > PROBLEMS_EACH:
        first = problems[PROBLEMS_EACH].where
        problem = f"{first} and {len(problems) - PROBLEMS_EACH:,} in all have such problems too: {_ALONE}"
        yield Unusable(source=first, problem=problem, learner=learner)
    if others:
        yield Unusable(source=others[0].where, problem=_not_notebooks(others), learner=learner)


def _not_notebooks(others: list[Entry]) -> str:
    first = f"{others[0].where} is {describe(others[0].parts[-1])}"
    if len(others) == 1:
        return f"{first} and was not graded: {_HOW}"
    names = ", ".join(printable(entry.parts[-1]) for entry in others[1:3])
    more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
    return f"{first} and was not graded, nor were {names}{more}: {_HOW}"


def _all_different(records: Iterator[Submission | Unusable]) -> list[Submission | Unusable]:
    """Return the records with each `source` made unique: names may differ in what cannot be printed only."""
    seen: dict[str, int] = {}
    unique = []
    for record in records:
        source = record.source
        while source in seen:
            seen[record.source] += 1
            source = f"{record.source} ({seen[record.source]})"
        seen[source] = 1
        unique.append(record if source == record.source else replace(record, source=source))
    return unique


def _root_of(path: Path) -> str:
    """Return the name of the folder or zip that was given, or of the folder that the notebook is in."""
    name = given_name(path)
    if path.is_dir():
        return name
    return _stem(name) if is_zip(name) else Path(os.path.realpath(path)).parent.name


def _without_wrapping(entries: list[Entry], path: Path, root: str) -> list[Entry]:
    """Return the entries as seen from inside the one folder that wraps them all, such as the one a zip was made of.

    On disk only one with the name of the folder around it counts: a folder into which work arrives bit by bit must not
    be read differently while it holds that of a single learner.
    """
    tops = {entry.parts[:1] for entry in entries}
    if len(tops) != 1 or any(len(entry.parts) < 2 for entry in entries) or _platform_of(entries) is not None:
        return entries
    [(top,)] = tops
    wraps = top == root if path.is_dir() else not is_zip(top) and "submitted" not in (top, root)
    if not wraps or any(_is_lessons(entry.parts[1], is_file=len(entry.parts) == 2) for entry in entries):
        return entries
    return [_below(entry) for entry in entries]


def _below(entry: Entry) -> Entry:
    return replace(entry, parts=entry.parts[1:])


def _recognise(entries: list[Entry], root: str) -> tuple[list[Entry], _Layout, list[Unusable]]:
    """Return the entries that count, how to tell whose they are, and what was wrong with finding that out."""
    platform = _platform_of(entries)
    if platform == "Gradescope":
        people, problems = _gradescope_people(entries)
        return entries, partial(_gradescope, people), problems
    if platform is not None:
        return entries, {"Canvas": _canvas, "Moodle": _moodle}[platform], []
    submitted = [_below(entry) for entry in entries if entry.parts[0] == "submitted" and len(entry.parts) > 1]
    if submitted or root == "submitted":
        entries = submitted or entries
        times, problems = _nbgrader_times(entries)
        return entries, partial(_nbgrader, times), problems
    downloads = _downloads_within(entries, root)
    entries = [entry for entry in entries if entry.parts[0] not in downloads]
    return entries, _nobodys, list(downloads.values())


def _platform_of(entries: list[Entry]) -> str | None:
    """Return whose bulk download the entries are, by the names at the top."""
    tops = {entry.parts[0] for entry in entries if entry.parts}
    if METADATA in tops or sum(_GRADESCOPE.fullmatch(top) is not None for top in tops) > len(tops) / 2:
        return "Gradescope"
    if any(map(_MOODLE.fullmatch, tops)):
        return "Moodle"
    # Most of the names, and with numbers of their own: something like `hw_2026_10_ada.ipynb` has the form by chance.
    matches = [match for top in tops if (match := _match_canvas(top))]
    files = {match["file"] or match.string for match in matches}
    return "Canvas" if len(files) > len(tops) / 2 else None


def _downloads_within(entries: list[Entry], root: str) -> dict[str, Unusable]:
    """Return, by name, the zips and folders among the learners' that hold a platform's download of several people."""
    inside: dict[str, list[Entry]] = {}
    for entry in entries:
        if len(entry.parts) > 1:
            inside.setdefault(entry.parts[0], []).append(_below(entry))
    downloads = {}
    for top, below in inside.items():
        platform = _platform_of(below)
        if platform == "Gradescope" and not any(entry.parts == (METADATA,) for entry in below):
            continue  # a learner's own `submission_1/`, `submission_2/`
        layout = {"Canvas": _canvas, "Moodle": _moodle, "Gradescope": partial(_gradescope, {})}.get(platform or "")
        people = {person.learner for entry in below for person in (layout(entry.parts) if layout else None) or ()}
        if len(people) > 1:
            where = printable(f"{root}/{top}")
            problem = f"{where} looks like a download from {platform}, with several people's work: grade it by itself"
            downloads[top] = Unusable(source=where, problem=problem)
    return downloads


def _learner_by_name(entry: Entry, root: str) -> str:
    """Return the learner where no platform says it: the name at the top, or that of what was given."""
    top = entry.parts[0]
    is_file = is_zip(top) or (len(entry.parts) == 1 and entry.kind != "empty")
    if _is_lessons(top, is_file=is_file):
        return clean_identifier(root)
    return clean_identifier(_stem(top) if is_file else top)


def _is_lessons(name: str, *, is_file: bool) -> bool:
    """Whether a file is named after a lesson, or a folder after a chapter, and so after no learner."""
    # A copy's name does not count: collecting a class's files in one folder gives `1_start_here (1).ipynb` and so on.
    return _stem(name) in _LESSONS if is_file else name in _CHAPTERS


def _stem(name: str) -> str:
    """Return a file's name without its suffix; "work" also for "work.ipynb.zip"."""
    stem = os.path.splitext(name)[0] if is_zip(name) else name
    for suffix in sorted(NOTEBOOK_SUFFIXES, key=len, reverse=True):
        if stem.lower().endswith(suffix):
            return stem[: -len(suffix)]
    return stem if is_zip(name) else os.path.splitext(name)[0]


def _nobodys(parts: tuple[str, ...]) -> Sequence[_Person] | None:
    return None


def _match_canvas(top: str) -> re.Match[str] | None:
    match = _CANVAS.fullmatch(top)
    return match if match and (match["name"] or match["anonymous"]) else None


def _canvas(parts: tuple[str, ...]) -> Sequence[_Person] | None:
    match = _match_canvas(parts[0])
    if match is None:
        return None
    user, anonymous, file = match["user"], match["anonymous"], match["file"]
    identity = {"canvas_user": user} if user else {"canvas_anonymous": anonymous}
    # `file` is what Canvas calls the attachment; one of the same name that is handed in again is called -1, then -2
    again = re.search(r"-([0-9]{1,3})$", _stem(match["title"] or ""))
    return [
        _Person(
            learner=clean_identifier(user or f"anon_{anonymous}"),
            name=clean_identifier(match["name"] or ""),
            late=match["late"] is not None,
            attempt=int(again[1]) + 1 if again else 1,
            platform=identity | ({"canvas_submission": file} if file else {}),
        )
    ]


def _moodle(parts: tuple[str, ...]) -> Sequence[_Person] | None:
    match = _MOODLE.fullmatch(parts[0])
    if match is None:
        return None
    if match["part"] == "feedback":  # the teacher's, handed out
        return ()
    name, number = clean_identifier(match["name"]), match["number"]
    return [
        _Person(
            learner=clean_identifier(number or name),
            name=name,
            platform={"moodle_participant": number} if number else {},
        )
    ]


def _gradescope(people: Mapping[str, Sequence[_Person]], parts: tuple[str, ...]) -> Sequence[_Person] | None:
    top = parts[0]
    if top == METADATA:
        return ()
    match = _GRADESCOPE.fullmatch(top)
    if people.get(top):
        return people[top]
    if match is None:
        return None
    number = clean_identifier(match["number"])
    return [_Person(learner=number, platform={"gradescope_submission": number})]


def _gradescope_people(entries: list[Entry]) -> tuple[dict[str, list[_Person]], list[Unusable]]:
    """Return who handed in each folder, by the export's metadata; a problem where these cannot be read."""
    for entry in entries:
        if entry.parts == (METADATA,):
            try:
                return _read_metadata(entry), []
            except SubmissionError as error:
                problem = f"{error}; only the folders' numbers are known, which name nobody: download the export again"
                return {}, [Unusable(source=entry.where, problem=problem)]
    return {}, []


def _read_metadata(entry: Entry) -> dict[str, list[_Person]]:
    import yaml

    # Every value stays text: SIDs keep their zeros, and Ruby's own types are no obstacle.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    data = entry.read(METADATA_LIMIT)
    try:
        depth = 0
        for event in yaml.parse(data, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _METADATA_DEPTH:
                raise SubmissionError(f"{entry.where} is nested too deeply to be Gradescope's")
        content = yaml.load(data, Loader=loader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise SubmissionError(f"{entry.where} is not sound YAML ({printable(str(error))[:200]})") from error
    if not isinstance(content, dict):
        raise SubmissionError(f"{entry.where} does not say who handed in what")
    return {top: _submitters(top, record) for top, record in content.items() if isinstance(record, dict)}


def _submitters(top: str, record: dict) -> list[_Person]:
    """Return the people of one submission, each once; more than one is a group."""
    number = clean_identifier(match["number"] if (match := _GRADESCOPE.fullmatch(top)) else _stem(top))
    submitters = record.get(":submitters")
    people = {}
    for submitter in submitters if isinstance(submitters, list) else []:
        if not isinstance(submitter, dict):
            continue
        email, sid, name = (_text(submitter.get(key)) for key in (":email", ":sid", ":name"))
        platform = {"gradescope_submission": number, "email": email, "sid": sid}
        # e-mail addresses are the accounts; SIDs are typed in, and may be lacking or wrong
        learner = email or sid or clean_identifier(f"{number} {name}".strip())
        people[learner] = _Person(
            learner=learner,
            name=name,
            submitted=_time(record.get(":created_at")),
            platform={key: value for key, value in platform.items() if value},
        )
    return list(people.values())


def _nbgrader_times(entries: list[Entry]) -> tuple[dict[tuple[str, ...], datetime], list[Unusable]]:
    """Return when each learner's assignments were handed in, as nbgrader has written beside them."""
    times, problems = {}, []
    for entry in entries:
        if len(entry.parts) == 3 and entry.parts[2] == "timestamp.txt":
            try:
                time = _time(entry.read(1_000).decode("utf-8", "replace"))
                if time is None:
                    raise SubmissionError(f"{entry.where} holds no time")
            except SubmissionError as error:
                problem = f"{error}; the file's own time is taken: write one such as 2026-01-31 12:00:00 UTC"
                problems.append(Unusable(source=entry.where, problem=problem, learner=clean_identifier(entry.parts[0])))
            else:
                times[entry.parts[:2]] = time
    return times, problems


def _nbgrader(times: Mapping[tuple[str, ...], datetime], parts: tuple[str, ...]) -> Sequence[_Person] | None:
    if len(parts) == 3 and parts[2] in _NBGRADERS_OWN:
        return ()
    if len(parts) < 3:
        return None
    return [_Person(learner=clean_identifier(parts[0]), submitted=times.get(parts[:2]))]


def _time(text: object) -> datetime | None:
    """Return a time such as "2026-01-31 12:00:00.5 UTC", its zone a name or an offset, UTC without one; else None."""
    words = text.split() if isinstance(text, str) else []
    if not 1 <= len(words) <= 3:
        return None
    try:
        time = datetime.fromisoformat(" ".join(words[:2]))
        if len(words) == 3 and words[2] not in ("Z", "UTC"):
            offset = re.fullmatch(r"[+-]\d\d:?\d\d", words[2])
            zone = datetime.strptime(words[2], "%z").tzinfo if offset else ZoneInfo(words[2])
            time = time.replace(tzinfo=zone)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, KeyError, OverflowError, OSError):  # KeyError, OSError: no such zone
        return None


def _text(value: object) -> str:
    return clean_identifier(value) if isinstance(value, str) else ""
