"""The learner's progress: one local file, readable by people, that no crash and no second notebook can damage.

The file is `progress.json` in the user's data folder, or wherever the environment's COURSE_PROGRESS points; "off" there
keeps nothing, and neither does a run in continuous integration or under nbgrader. It is written under a lock, to a
file beside it that then takes its place. Functions that write return "" or one sentence that says why nothing was kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = 1
LOCK_SECONDS = 5
RANK = {"to do": 0, "crashed": 1, "too slow": 1, "not yet": 1, "passed": 2}


@dataclass(frozen=True)
class Record:
    """One exercise: the best status so far, and what it took."""

    status: str = "to do"
    attempts: int = 0
    first_passed_at: str | None = None
    hints_opened: int = 0
    last_misconception: str | None = None


@dataclass(frozen=True)
class Progress:
    """The records by exercise number, and a warning for the learner if the file could not be read (else "")."""

    records: dict[str, Record] = field(default_factory=dict)
    warning: str = ""


def progress_path() -> Path | None:
    """Return the file that holds the progress, or None where none is kept."""
    asked = os.environ.get("COURSE_PROGRESS", "")
    if asked:
        return None if asked.lower() == "off" else Path(asked).expanduser()
    if os.environ.get("CI") or "NBGRADER_EXECUTION" in os.environ:
        return None
    import platformdirs

    return Path(platformdirs.user_data_dir("multimodal-hands-on", appauthor=False)) / "progress.json"


def read_progress() -> Progress:
    """Return the progress so far; a damaged file is set aside under a new name, and the warning says so."""
    path = progress_path()
    if path is None:
        return Progress()
    try:
        data, warning = _parse(path), ""  # what is replaced in one step can be read without the lock
        if data is None:
            with _lock(path):
                data, warning = _load(path)
    except _failures() as error:
        return Progress(warning=f"your progress could not be read: {_reason(error, path)}")
    known = set(Record.__dataclass_fields__)
    records = {
        number: Record(**{name: value for name, value in entry.items() if name in known})
        for number, entry in data["exercises"].items()
    }
    return Progress(records, warning)


def record_check(exercise_id: str, status: str, misconception: str | None) -> str:
    """Keep the result of a check. An exercise that is still to do has not been tried, and leaves no trace."""

    def change(entry: dict[str, Any]) -> None:
        entry["attempts"] += 1
        entry["last_misconception"] = misconception or entry["last_misconception"]
        if RANK.get(status, 0) >= RANK.get(entry["status"], 0):
            entry["status"] = status
        if status == "passed" and not entry["first_passed_at"]:
            entry["first_passed_at"] = datetime.now(UTC).isoformat(timespec="seconds")

    return "" if status == "to do" else _update(exercise_id, change)


def record_hint(exercise_id: str, number: int) -> str:
    """Keep that hint `number` was opened."""

    def change(entry: dict[str, Any]) -> None:
        entry["hints_opened"] = max(entry["hints_opened"], number)

    return _update(exercise_id, change)


def _update(exercise_id: str, change: Callable[[dict[str, Any]], None]) -> str:
    path = progress_path()
    if path is None:
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            data, warning = _load(path)
            entry = {**Record().__dict__, **data["exercises"].get(exercise_id, {})}
            change(entry)
            data["exercises"][exercise_id] = entry
            data["exercises"] = dict(sorted(data["exercises"].items(), key=lambda item: _order(item[0])))
            _write(path, data)
    except _failures() as error:
        return f"your progress was not saved: {_reason(error, path)}"
    return warning


def _load(path: Path) -> tuple[dict[str, Any], str]:
    """Return what `path` holds, and a warning if it was damaged; then it now lies under another name."""
    data = _parse(path)
    if data is not None:
        return data, ""
    aside = _free_name(path)
    os.replace(path, aside)
    return _blank(), f"the progress file was damaged; it was set aside as {aside}, and a new one begun."


def _parse(path: Path) -> dict[str, Any] | None:
    """Return what `path` holds, nothing yet if it does not exist, or None if it is damaged."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return _blank()
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
    return data if _is_sound(data) else None


def _blank() -> dict[str, Any]:
    return {"version": VERSION, "exercises": {}}


def _is_sound(data: Any) -> bool:
    if not isinstance(data, dict) or data.get("version") != VERSION or not isinstance(data.get("exercises"), dict):
        return False
    blank = Record().__dict__
    for entry in data["exercises"].values():
        if not isinstance(entry, dict):
            return False
        for name in ("attempts", "hints_opened"):
            if not isinstance(entry.get(name, blank[name]), int):
                return False
        if entry.get("status", blank["status"]) not in RANK:
            return False
    return True


def _write(path: Path, data: dict[str, Any]) -> None:
    """Replace `path` in one step: whoever reads it, or kills this process, finds the old file or the new one."""
    beside = path.with_name(path.name + ".new")  # under the lock there is one writer, so one name is enough
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _lock(path: Path):
    import filelock

    return filelock.FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS)


def _failures() -> tuple[type[Exception], ...]:
    import filelock

    return (OSError, filelock.Timeout, NotImplementedError)  # the last: a file system without locks


def _reason(error: Exception, path: Path) -> str:
    import filelock

    if isinstance(error, filelock.Timeout):
        return f"{path} is held by another program."
    return (
        f"{path} cannot be written ({getattr(error, 'strerror', None) or error}); set COURSE_PROGRESS to another file."
    )


def _free_name(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [f"{path.stem}.damaged-{stamp}{suffix}{path.suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 1000)))]
    return next(candidate for name in names if not (candidate := path.with_name(name)).exists())


def _order(number: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in number.split("."))
