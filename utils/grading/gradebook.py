"""The gradebook: one SQLite file that keeps every grade, whatever happens to the grader.

A submission is one transaction, synced to the disk, so a killed grader loses at most what it was writing. Its lock is
SQLite's own (exclusive locking mode): it dies with the process, no child inherits it, and the write-ahead log then
needs no shared memory, so that a network folder will do as well. The price: nobody else can read the file meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from utils.grading.records import Grade, Submission, Unusable
from utils.lessons import LESSONS, ROOT

APPLICATION = 0x4D4D4847  # what PRAGMA application_id says of a gradebook
VERSION = 1
LOCK_SECONDS = 1.0
"""How long another grader may take to let go, such as one that is just being stopped."""

Keep = Literal["latest", "best", "all"]

SCHEMA = """
CREATE TABLE gradebook (nonce TEXT NOT NULL);
-- texts that a learner chose may hold what SQLite takes for no text (a file name's stray bytes), so they are kept as
-- JSON in `details`; `source` is their one key, in bytes, and `learner` is there for people who query the file
CREATE TABLE submission (
    id INTEGER PRIMARY KEY,
    source BLOB NOT NULL UNIQUE,
    learner TEXT NOT NULL,
    lesson TEXT NOT NULL,
    earned REAL NOT NULL,
    points REAL NOT NULL,
    problem TEXT NOT NULL,
    digest TEXT NOT NULL,
    nonce TEXT NOT NULL,
    course TEXT NOT NULL,
    details TEXT NOT NULL,
    grade TEXT NOT NULL,
    seconds REAL NOT NULL,
    graded_at TEXT NOT NULL
);
CREATE TABLE exercise (
    submission INTEGER NOT NULL REFERENCES submission ON DELETE CASCADE,
    place INTEGER NOT NULL,
    exercise TEXT NOT NULL,
    status TEXT NOT NULL,
    earned REAL NOT NULL,
    points REAL NOT NULL,
    misconception TEXT NOT NULL,
    PRIMARY KEY (submission, place)
) WITHOUT ROWID;
CREATE INDEX exercise_status ON exercise (exercise, status);
CREATE TABLE unusable (source BLOB PRIMARY KEY, details TEXT NOT NULL) WITHOUT ROWID;
"""


class GradebookError(Exception):
    """The gradebook cannot be used; the message names the file and says what to do."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A submission with its grade: the submission's fields, the SHA-256 of the notebook, and when it was graded (UTC).

    A `stale` grade was given under another nonce or an earlier state of the course, and waits to be given anew.
    """

    learner: str
    source: str
    name: str = ""
    submitted: datetime | None = None
    late: bool = False
    attempt: int = 1
    platform: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    grade: Grade
    graded_at: datetime | None = None
    stale: bool = False


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something handed in that could not be graded, and why; `learner` and `name` are "" where they are not known."""

    source: str
    problem: str
    learner: str = ""
    name: str = ""


class Gradebook:
    """The grades of a class, in one file that this process alone holds until `close()`. Made by `open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, nonce: str):
        self.path = path
        self.nonce = nonce
        self.course = fingerprint()
        self._connection = connection

    @classmethod
    def open(cls, path: Path, *, nonce: str | None = None) -> Gradebook:
        """Open the gradebook at `path`, or make one there, with a nonce of its own unless one is given.

        A `nonce` that is not the stored one takes its place, which makes the stored grades stale. Raises
        `GradebookError` if the file is none, is of a newer version, is held by another grader, or cannot be written.
        """
        path = Path(path).absolute()
        if nonce is not None and not nonce.strip():
            raise GradebookError(f"the nonce for {path} is empty: give one, or none to have it drawn")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # the nonce and everybody's grades are nobody else's business
        except OSError as error:
            raise GradebookError(
                f"{path} cannot be made ({error.strerror}): choose a folder in which you may write"
            ) from error
        connection = None
        try:
            # without an isolation level, transactions begin where this module says so
            connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
            return cls(path, connection, _prepare(connection, path, nonce))
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, sqlite3.Error):
                raise _explain(error, path) from error
            raise

    def close(self) -> None:
        """Close the file and let go of the lock. Closing twice does no harm."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def has(self, submission_source: str, digest: str) -> bool:
        """Whether this very content was graded already, under the present nonce and the present course."""
        query = "SELECT 1 FROM submission WHERE source = ? AND digest = ? AND nonce = ? AND course = ?"
        return bool(list(self._rows(query, (_key(submission_source), digest, self.nonce, self.course))))

    def record(self, submission: Submission, digest: str, grade: Grade) -> None:
        """Keep a grade, in place of what was recorded of the same source.

        Raises `GradebookError`, and ValueError for a grade with a number that is none (NaN); then nothing has changed.
        """
        details = {
            "learner": submission.learner,
            "name": submission.name,
            "source": submission.source,
            "submitted": submission.submitted.isoformat() if submission.submitted else None,
            "late": submission.late,
            "attempt": submission.attempt,
            "platform": dict(submission.platform),
        }
        content = grade.as_dict()
        seconds = content.pop("seconds")
        row = {
            "source": _key(submission.source),
            "learner": _shown(submission.learner),
            "lesson": _shown(grade.lesson),
            "earned": grade.earned,
            "points": grade.points,
            "problem": _shown(grade.problem),
            "digest": digest,
            "nonce": self.nonce,
            "course": self.course,
            "details": _canonical(details),
            "grade": _canonical(content),
            "seconds": seconds,
            "graded_at": datetime.now(UTC).isoformat(),
        }
        insert = f"INSERT INTO submission ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        with self._transaction() as connection:
            _forget(connection, row["source"])
            number = connection.execute(insert, tuple(row.values())).lastrowid
            exercises = [
                (number, place, one.exercise, one.status, one.earned, one.points, _shown(one.misconception))
                for place, one in enumerate(grade.exercises)
            ]
            connection.executemany("INSERT INTO exercise VALUES (?, ?, ?, ?, ?, ?, ?)", exercises)

    def record_unusable(self, unusable: Unusable) -> None:
        """Keep what could not be graded at all, in place of what was recorded of the same source."""
        details = {"source": unusable.source, "problem": unusable.problem, "learner": unusable.learner}
        key = _key(unusable.source)
        with self._transaction() as connection:
            _forget(connection, key)
            connection.execute("INSERT INTO unusable VALUES (?, ?)", (key, _canonical(details)))

    def forget(self, sources: Iterable[str] | None = None) -> None:
        """Let these sources be graded anew (all, without `sources`): `has` says no, and the grades are stale.

        A stale grade stays until another takes its place: whoever is interrupted while grading anew has lost nothing.
        """
        with self._transaction() as connection:
            if sources is None:
                connection.execute("UPDATE submission SET course = ''")
            else:
                keys = [(_key(source),) for source in sources]
                connection.executemany("UPDATE submission SET course = '' WHERE source = ?", keys)

    def entries(self, keep: Keep = "latest") -> list[Entry]:
        """Return graded submissions by learner, lesson and source: of each learner and lesson the latest or the best.

        The latest was handed in last; where dates are equal or missing, attempt and then source decide. The best has
        the most points, and of equals is the latest. A submission that could not be graded is never chosen, so that a
        damaged file does not hide an earlier sound one; with "all", it is there too. A date without a time zone is
        taken as UTC.
        """
        chosen: dict[object, Entry] = {}
        for entry in self._all_entries():
            group: object = entry.source if keep == "all" else (entry.learner, entry.grade.lesson)
            if keep != "all" and entry.grade.problem:
                continue
            if group not in chosen or rank(entry, keep) > rank(chosen[group], keep):
                chosen[group] = entry
        return sorted(chosen.values(), key=lambda entry: (entry.learner, entry.grade.lesson, _key(entry.source)))

    def problems(self) -> list[Problem]:
        """Return all that could not be graded, by source: what is no notebook, and notebooks that cannot be used."""
        found = [
            Problem(source=entry.source, problem=entry.grade.problem, learner=entry.learner, name=entry.name)
            for entry in self._all_entries()
            if entry.grade.problem
        ]
        found += [Problem(**json.loads(details)) for (details,) in self._rows("SELECT details FROM unusable")]
        return sorted(found, key=lambda problem: _key(problem.source))

    def content_digest(self) -> str:
        """Return a SHA-256 of all that must be equal in two gradebooks of the same submissions, nonce and course.

        That is everything but the order of grading, when each was graded, and how long it took.
        """
        digest = hashlib.sha256(_canonical([self.nonce, self.course]).encode())
        for query in (
            "SELECT nonce, course, digest, details, grade FROM submission ORDER BY source",
            "SELECT details FROM unusable ORDER BY source",
        ):
            digest.update(b"\n\n")
            for row in self._rows(query):
                digest.update(_canonical(row).encode() + b"\n")
        return digest.hexdigest()

    def _all_entries(self) -> Iterator[Entry]:
        query = "SELECT details, digest, grade, seconds, graded_at, nonce, course FROM submission ORDER BY source"
        for details, digest, grade, seconds, graded_at, nonce, course in self._rows(query):
            fields = json.loads(details)
            submitted = fields.pop("submitted")
            yield Entry(
                **fields,
                submitted=datetime.fromisoformat(submitted) if submitted else None,
                digest=digest,
                grade=Grade.from_dict(json.loads(grade) | {"seconds": seconds}),
                graded_at=datetime.fromisoformat(graded_at),
                stale=(nonce, course) != (self.nonce, self.course),
            )

    def _rows(self, query: str, values: tuple = ()) -> Iterator[tuple]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with _transaction(self._connection):
                yield self._connection
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error


def fingerprint() -> str:
    """Return a SHA-256 of what decides a grade: the exercises with the code that they rest on, the pristine notebooks.

    Line endings do not count. Raises OSError where the course's own files cannot be read.
    """
    # not how grades are stored or shown: a new column in a report makes no grade stale
    folders = ("world", "models", "training", "evaluation", "exercises")
    files = [path for folder in folders for path in (ROOT / "utils" / folder).rglob("*.py")]
    files += [ROOT / "utils" / "publishing" / "submission.py"]
    files += [ROOT / "utils" / "grading" / name for name in ("grader.py", "feedback.py", "child.py", "protocol.py")]
    files += [lesson.solution for lesson in LESSONS]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(ROOT).as_posix(), path) for path in files if path.exists()):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _prepare(connection: sqlite3.Connection, path: Path, nonce: str | None) -> str:
    """Lock the file, make sure that it is a gradebook or becomes one, and return the nonce."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA foreign_keys = ON")
    with _transaction(connection):  # takes the lock; a file that is somebody else's is not written to
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION and (application or version or tables):
            raise GradebookError(f"{path} is not a gradebook, but another program's database: choose another file")
        if version > VERSION:
            raise GradebookError(
                f"{path} was written by a newer version of the course (gradebook {version}, this one knows {VERSION}): "
                "update the course, or choose another file"
            )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    with _transaction(connection):
        if not tables:
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("INSERT INTO gradebook VALUES (?)", (nonce or secrets.token_hex(16),))
        elif nonce is not None:
            connection.execute("UPDATE gradebook SET nonce = ?", (nonce,))
        (stored,) = connection.execute("SELECT nonce FROM gradebook").fetchone()
    return stored


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing. The lock stays when it ends."""
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself goes back where the disk is full
            connection.execute("ROLLBACK")
        raise


def _forget(connection: sqlite3.Connection, key: bytes) -> None:
    connection.execute("DELETE FROM submission WHERE source = ?", (key,))
    connection.execute("DELETE FROM unusable WHERE source = ?", (key,))


def _explain(error: sqlite3.Error, path: Path) -> GradebookError:
    """Say what happened to the gradebook at `path`, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", 0)
    kind = code & 0xFF
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return GradebookError(f"{path} is in use by another grader: wait for it or stop it, then run this again")
    if kind == sqlite3.SQLITE_FULL:
        return GradebookError(
            f"the disk is full, so {path} could not be written; what was recorded before is safe: "
            "free some space and run the same command again, it goes on from there"
        )
    # a file that may only be read is first noticed when it cannot be locked
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or code == sqlite3.SQLITE_IOERR_LOCK:
        return GradebookError(
            f"{path} cannot be opened for writing ({error}): "
            "choose a folder in which you may write, on a disk whose files can be locked"
        )
    if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return GradebookError(
            f"{path} is not a gradebook, or is damaged ({error}): move it away, or choose another file"
        )
    return GradebookError(f"{path} could not be read or written ({error}): look at its disk, then run this again")


def rank(entry: Entry, keep: Keep) -> tuple:
    """What decides which of two entries of one learner and lesson is kept: the greater one is."""
    submitted = entry.submitted or datetime.min
    submitted = submitted.replace(tzinfo=submitted.tzinfo or UTC)
    latest = (submitted, entry.attempt, _key(entry.source))
    return (entry.grade.earned, *latest) if keep == "best" else latest


def _key(source: str) -> bytes:
    """A source as bytes, in an order that is the same everywhere; a file name may hold bytes that are no UTF-8."""
    return source.encode("utf-8", "surrogatepass")


def _shown(text: str) -> str:
    """A text as SQLite can keep it, for people to read."""
    return text.encode("utf-8", "backslashreplace").decode()


def _canonical(data: Any) -> str:
    """JSON with one spelling for equal data, and nothing in it that is not JSON. Raises ValueError for NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
