"""What every file for people needs: text that does no harm where it is shown, safe file names, whole files or none."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from utils.grading.gradebook import GradebookError

# Control characters, lone surrogates, and what is no character at all: no file of text or XML takes them. And the marks
# that turn the direction of writing or take no room: with them a name or a line of code reads as something else.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff\u200b\u202a-\u202e\u2060-\u2069\ufeff]"
)
STEM_CHARACTERS = 40


class ExportError(GradebookError):
    """A file cannot be written; the message names it and says what to do."""


def harmless(text: str) -> str:
    """Return `text` with what does harm where it is shown as an escape that can be read, such as \\x1b or \\u202e."""
    return _UNFIT.sub(lambda found: _escape(found[0]), text.replace("\r\n", "\n"))


def one_line(text: str, longest: int = 300) -> str:
    """Return `text` made harmless, on one line, and cut off after `longest` characters."""
    line = harmless(" ".join(text[: 4 * longest].split()))
    return line if len(line) <= longest and len(text) <= 4 * longest else line[: longest - 1] + "…"


def number(value: float) -> str:
    """Return points with at most two decimals, and none that say nothing: "3", "2.5", "0.33"."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def file_stem(text: str) -> str:
    """Return a file name without suffix for `text`: readable, safe on every system, and different for each text."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", plain)[:STEM_CHARACTERS].strip("-")
    short_hash = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{slug}-{short_hash}" if slug else short_hash


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file in one step, or leave what is there. Raises `ExportError`."""
    beside = path.with_name(
        path.name + ".new"
    )  # the gradebook's lock lets one grader write here, so one name is enough
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(content)
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}): if another program shows it, close it there; else "
            "look for room on the disk and for the right to write. The grades are safe in the gradebook: run this again"
        ) from error


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
