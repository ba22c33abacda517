"""What was handed in, as one flat list of entries, read safely whether it lies on disk or inside a zip.

All of it is untrusted. Nothing is unpacked: members of a zip are read as bytes, one at a time, each up to a limit. No
link is followed, and nothing but regular files is opened. Whatever cannot be used becomes an entry with a `problem`, a
sentence that names the file and says what to do, and the entries beside it stay usable.

Of two members with the same name the last one counts, as it would be the one left after unpacking. A backslash in a
member's name separates folders, since older Windows tools write it so.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import threading
import unicodedata
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, Literal

from utils.grading.records import SubmissionError

NESTED_LIMIT = 64_000_000
"""Bytes of the largest zip inside a zip: it is held in memory while it is read."""
TOTAL_LIMIT = 256_000_000
"""Bytes to which the notebooks and zips inside one zip may grow together, or `RATIO_LIMIT / 2` times its own size."""
RATIO_LIMIT = 200
"""How many times its compressed size a member of over `RATIO_FREE` bytes may have; deflate can reach 1,032."""
RATIO_FREE = 1_000_000
MEMBER_LIMIT = 50_000
"""Members of one zip."""
DIRECTORY_LIMIT = 8_000_000
"""Bytes of a zip's table of contents, which is held in memory."""
DEPTH_LIMIT = 40
"""Folders within folders."""
PATH_LIMIT = 1_000
"""Characters of a member's path."""

NOTEBOOK_SUFFIXES = (".ipynb", ".ipynb.json", ".ipynb.txt")  # some browsers add a suffix of their own when saving
FEWER = "hand in the .ipynb itself, or a .zip of no more than that"
AGAIN = "make the zip again, or hand in the .ipynb itself"
CLEAR_OUTPUTS = "in JupyterLab take Edit > Clear Outputs of All Cells, and save"

_NESTED_ZIPS = 1  # a student's zip inside the platform's
_OPEN_ARCHIVES = 4  # a zip inside a zip is in memory while it is open
_CHUNK = 1 << 20
_JUNK = frozenset({"__MACOSX", "__pycache__", "node_modules", "site-packages", "Thumbs.db", "desktop.ini", "Icon\r"})
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1  # flag bits of a member

# what zipfile and zlib raise at archives that are damaged, or made to confuse them
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
)

Kind = Literal["notebook", "other", "empty", "problem"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file, empty folder, or problem.

    `parts` is the path from the folder or zip that was scanned, as the names were found; the name of a zip counts as
    that of a folder. `where` tells people the same, with everything printable. `modified` has a time zone.
    """

    parts: tuple[str, ...]
    where: str
    kind: Kind
    problem: str = ""
    modified: datetime | None = None

    def read(self, limit: int) -> bytes:
        """Return the content, of at most `limit` bytes. Raises `SubmissionError`."""
        raise SubmissionError(self.problem or f"{self.where} holds nothing that could be read")


@dataclass(frozen=True, kw_only=True)
class FileOnDisk(Entry):
    """A file as the file system has it."""

    path: str

    def read(self, limit: int) -> bytes:
        """Return the content, of at most `limit` bytes. Raises `SubmissionError`."""
        with _open_regular(self) as file:
            try:
                content = _read_up_to(limit + 1, file)
                size = os.fstat(file.fileno()).st_size
            except OSError as error:
                raise SubmissionError(f"{self.where} cannot be read: {error.strerror or error}") from error
        if len(content) > limit:
            raise _too_large(self, max(size, len(content)), limit)
        return content


@dataclass(frozen=True, kw_only=True)
class Member(Entry):
    """A member of the zip `holder`: its number there, and the size and checksum that the zip declares."""

    holder: Entry
    number: int
    size: int
    checksum: int

    def read(self, limit: int) -> bytes:
        """Return the content, of at most `limit` bytes. Raises `SubmissionError`."""
        if self.size > limit:
            raise _too_large(self, self.size, limit)
        try:
            with _opened(self.holder) as archive:
                info = archive.infolist()[self.number]
                if (info.file_size, info.CRC) != (self.size, self.checksum):
                    raise SubmissionError(f"{self.where} has changed since it was found: run the grader again")
                with archive.open(info) as stream:
                    content = _read_up_to(self.size, stream)
        except SubmissionError:
            raise
        except (*_DAMAGE, IndexError) as error:
            raise SubmissionError(f"{self.where} is damaged ({_short(error)}): {AGAIN}") from error
        if len(content) != self.size:
            raise SubmissionError(f"{self.where} is damaged (it ends early): {AGAIN}")
        return content


def scan(path: Path) -> list[Entry]:
    """Return everything in the folder or zip `path`, or the notebook `path` itself, sorted by path.

    Hidden files and what operating systems leave behind are passed over. Zips are looked into, and one zip in a zip.
    Raises `SubmissionError` if `path` is none of the three, or cannot be opened.
    """
    shown = printable(str(path))
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be opened: {error}"
        raise SubmissionError(f"{shown} {reason}") from error
    real = Path(os.path.realpath(path))  # the link that the operator names is followed; none below it is
    if stat.S_ISDIR(status.st_mode):
        entries = list(_walk(str(real), (), printable(given_name(path))))
    elif not stat.S_ISREG(status.st_mode):
        raise SubmissionError(f"{shown} is neither a file nor a folder: name a folder, a zip or a notebook")
    elif is_zip(real.name):
        where = printable(given_name(path))
        holder = FileOnDisk(parts=(), where=where, kind="other", path=str(real))
        entries = list(_look_into(holder, nesting=0))
    elif is_notebook(real.name):
        # with its folder, so that people's equally named files stay apart
        where = printable(f"{real.parent.name}/{real.name}")
        file = FileOnDisk(
            parts=(real.name,), where=where, kind="notebook", path=str(real), modified=_from_timestamp(status.st_mtime)
        )
        entries = [file]
    else:
        raise SubmissionError(f"{shown} is {describe(real.name)}: name a folder, a zip or a notebook (.ipynb)")
    for entry in entries:
        if entry.kind == "problem" and not entry.parts:
            raise SubmissionError(entry.problem)
    return sorted(entries, key=lambda entry: (entry.parts, entry.where))


def given_name(path: Path) -> str:
    """Return the last part of `path`, even of "."."""
    return Path(os.path.abspath(path)).name or "submissions"


def is_notebook(name: str) -> bool:
    """Whether the file `name` is meant to be a notebook."""
    return name.lower().endswith(NOTEBOOK_SUFFIXES)


def is_zip(name: str) -> bool:
    """Whether the file `name` is meant to be a zip."""
    return name.lower().endswith(".zip")


def describe(name: str) -> str:
    """Return what the file `name` seems to be, in words: "a PDF"."""
    suffix = os.path.splitext(name.lower())[1]
    known = {
        ".doc": "a Word document",
        ".docx": "a Word document",
        ".htm": "a web page",
        ".html": "a web page",
        ".md": "a text file",
        ".odt": "a text document",
        ".pages": "a Pages document",
        ".pdf": "a PDF",
        ".py": "a Python file",
        ".rtf": "a text document",
        ".txt": "a text file",
    }
    archives = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zst")
    if suffix in archives:
        return f"an archive of the kind {suffix}, which is not read"
    return known.get(suffix, "not a notebook")


def printable(text: str) -> str:
    """Return `text` in one Unicode form (NFC), control characters and bytes that are no text written as escapes."""
    text = unicodedata.normalize("NFC", text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _walk(folder: str, parts: tuple[str, ...], where: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            items = [item for item in found if not _is_junk(item.name)]
    except OSError as error:
        yield _problem(parts, where, f"cannot be opened: {error.strerror or error}")
        return
    if not items:
        yield Entry(parts=parts, where=where, kind="empty")
    for item in items:
        below, place = (*parts, item.name), f"{where}/{printable(item.name)}"
        try:
            status = item.stat(follow_symlinks=False)
            link = item.is_symlink() or getattr(item, "is_junction", bool)()  # junctions: Windows, Python 3.12
        except OSError as error:
            yield _problem(below, place, f"cannot be opened: {error.strerror or error}")
            continue
        if link:
            yield _problem(below, place, "is a link, and links are not followed: put the file itself there")
        elif stat.S_ISDIR(status.st_mode):
            if len(below) > DEPTH_LIMIT:
                yield _problem(below, place, f"lies more than {DEPTH_LIMIT} folders deep: hand in the notebook alone")
            else:
                yield from _walk(item.path, below, place)
        elif not stat.S_ISREG(status.st_mode):
            yield _problem(below, place, "is neither a file nor a folder (a pipe or a device): take it away")
        else:
            file = FileOnDisk(
                parts=below,
                where=place,
                kind=_kind(item.name),
                path=item.path,
                modified=_from_timestamp(status.st_mtime),
            )
            if is_zip(item.name):
                yield from _look_into(file, nesting=0)
            else:
                yield file


def _look_into(holder: Entry, *, nesting: int) -> Iterator[Entry]:
    """Yield what the zip `holder` holds, or the one problem that keeps it from being read."""
    try:
        infos = _contents(holder)
    except SubmissionError as error:
        yield Entry(parts=holder.parts, where=holder.where, kind="problem", problem=str(error))
        return
    paths = [_visible(_name(info)) for info in infos]
    last = {path: number for number, path in enumerate(paths)}
    filled = {path[:depth] for path in paths if path[-1:] != ("",) for depth in range(1, min(len(path), DEPTH_LIMIT))}
    empty = {path[:-1] for path in paths if path[-1:] == ("",) and ".." not in path} - filled
    for path in empty if any(paths) else [()]:
        shown = f"{holder.where}: {printable('/'.join(path))[:PATH_LIMIT]}" if path else holder.where
        yield Entry(parts=holder.parts + path, where=shown, kind="empty")
    for number, (info, path) in enumerate(zip(infos, paths, strict=True)):
        if path[-1:] in ((), ("",)):  # nothing visible, or a folder
            continue
        place = f"{holder.where}: {printable('/'.join(path))[:PATH_LIMIT]}"
        reason = _refusal(info, path)
        if not reason and last[path] != number:
            place = f"{place} (member {number + 1})"
            reason = "has the same name as a later member, and that one counts: zip each file once"
        if reason:
            yield _problem((*holder.parts, *(part for part in path if part != "..")), place, reason)
            continue
        member = Member(
            parts=holder.parts + path,
            where=place,
            kind=_kind(path[-1]),
            modified=_from_dos_time(info),
            holder=holder,
            number=number,
            size=info.file_size,
            checksum=info.CRC,
        )
        if not is_zip(path[-1]):
            yield member
        elif nesting < _NESTED_ZIPS:
            yield from _look_into(member, nesting=nesting + 1)
        else:
            reason = "is a zip too deep inside other zips: hand in the .ipynb itself, or one .zip of it"
            yield _problem(member.parts, place, reason)


def _visible(name: str) -> tuple[str, ...]:
    """Return a member's path without what is hidden, a folder's with "" at its end."""
    path = [part for part in name.split("/") if part not in ("", ".")]
    for depth, part in enumerate(path):
        if _is_junk(part):
            return (*path[:depth], "") if depth else ()
    return (*path, "") if path and name.endswith("/") else tuple(path)


def _contents(holder: Entry) -> list[zipfile.ZipInfo]:
    """Return the zip's table of contents, found to be sound and within the limits. Raises `SubmissionError`."""
    try:
        with _opened(holder) as archive:
            infos = list(archive.infolist())
            size = archive.fp.seek(0, os.SEEK_END)
    except SubmissionError:
        raise
    except _DAMAGE as error:
        raise SubmissionError(f"{holder.where} is not a sound zip ({_short(error)}): {AGAIN}") from error
    if len(infos) > MEMBER_LIMIT:
        raise SubmissionError(f"{holder.where} has {len(infos):,} members, the limit is {MEMBER_LIMIT:,}: {FEWER}")
    if sum(info.compress_size for info in infos) > size:
        raise SubmissionError(f"{holder.where} is not a sound zip (its members overlap): {AGAIN}")
    total = sum(info.file_size for info in infos if is_zip(info.filename) or is_notebook(info.filename))
    limit = max(TOTAL_LIMIT, size * RATIO_LIMIT // 2)
    if total > limit:
        megabytes = f"{total / 1e6:,.0f} MB of notebooks, the limit is {limit / 1e6:,.0f} MB"
        raise SubmissionError(f"{holder.where} would grow to {megabytes}: {FEWER}")
    return infos


def _refusal(info: zipfile.ZipInfo, path: tuple[str, ...]) -> str:
    """Return why a member is not taken, in words that follow its name, or ""."""
    name = _name(info)
    mode = stat.S_IFMT(info.external_attr >> 16)
    if "\0" in name or len(name) > PATH_LIMIT or len(path) > DEPTH_LIMIT:
        return f"has a name that no file can have: {AGAIN}"
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in path:
        return f"is meant to land outside the folder into which it is unpacked, and is not taken: {AGAIN}"
    if stat.S_ISLNK(mode):
        return "is a link, and links are not followed: zip the file itself"
    if mode not in (0, stat.S_IFREG):
        return f"is not a regular file: {AGAIN}"
    if not (is_notebook(path[-1]) or is_zip(path[-1])):
        return ""  # is never read
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted: zip it without a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in an unusual way: make the zip with what the operating system brings"
    if info.file_size > RATIO_FREE and info.file_size > info.compress_size * RATIO_LIMIT:
        return f"would grow to {info.file_size / info.compress_size:,.0f} times its size: {CLEAR_OUTPUTS}"
    return ""


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's path as its maker meant it, folders separated by "/"."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME:
        # zipfile takes such names for code page 437, but macOS and rubyzip (and so Canvas) write UTF-8 without the flag
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


@contextmanager
def _opened(holder: Entry) -> Iterator[zipfile.ZipFile]:
    """Give the zip, opened. The last few stay open, so that reading all members reads the table of contents once."""
    key = (os.getpid(), holder)  # a forked process must not share a file's position with its parent
    with _lock:
        archive = _open_archives.pop(key, None)
        if archive is None:
            raw = _open_regular(holder) if isinstance(holder, FileOnDisk) else io.BytesIO(holder.read(NESTED_LIMIT))
            try:
                archive = _Zip(raw)
            except BaseException:
                raw.close()
                raise
            while len(_open_archives) >= _OPEN_ARCHIVES:
                _open_archives.popitem(last=False)[1].close()
        _open_archives[key] = archive
        yield archive


_open_archives: OrderedDict[tuple[int, Entry], _Zip] = OrderedDict()
_lock = threading.RLock()


class _Zip(zipfile.ZipFile):
    """A zip that closes its file with itself, and whose table of contents is not read beyond `DIRECTORY_LIMIT`."""

    def __init__(self, raw: BinaryIO):
        self._raw = raw
        super().__init__(_Sips(raw))

    def close(self) -> None:
        super().close()
        self._raw.close()


class _Sips:
    """A file of which nobody reads more than `DIRECTORY_LIMIT` bytes at once: only a forged zip makes zipfile try."""

    def __init__(self, raw: BinaryIO):
        self._raw = raw
        self.seek, self.tell, self.seekable = raw.seek, raw.tell, raw.seekable

    def read(self, size: int = -1) -> bytes:
        if size > DIRECTORY_LIMIT:
            raise zipfile.BadZipFile(f"its table of contents is said to have {size:,} bytes")
        return self._raw.read(size if size >= 0 else DIRECTORY_LIMIT)


def _read_up_to(limit: int, file: IO[bytes]) -> bytes:
    """Return at most `limit` bytes, taking no more memory than there are."""
    content = bytearray()
    while len(content) < limit and (chunk := file.read(min(_CHUNK, limit - len(content)))):
        content += chunk
    return bytes(content)


def _open_regular(entry: FileOnDisk) -> BinaryIO:
    """Open a file, but no link, and without waiting at a pipe that took its place. Raises `SubmissionError`."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))

    try:
        file = open(entry.path, "rb", opener=opener)  # noqa: SIM115 (the caller closes it)
    except OSError as error:
        raise SubmissionError(f"{entry.where} cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise SubmissionError(f"{entry.where} cannot be read: it is not a regular file any more")
    return file


def _problem(parts: tuple[str, ...], where: str, reason: str) -> Entry:
    return Entry(parts=parts, where=where, kind="problem", problem=f"{where} {reason}")


def _kind(name: str) -> Kind:
    return "notebook" if is_notebook(name) else "other"


def _is_junk(part: str) -> bool:
    """Whether a file or folder of that name is hidden or an operating system's own (`.ipynb_checkpoints`, `._x`)."""
    return part in _JUNK or part.startswith("~$") or (part.startswith(".") and part not in (".", ".."))


def _too_large(entry: Entry, size: int, limit: int) -> SubmissionError:
    advice = CLEAR_OUTPUTS if is_notebook(entry.parts[-1]) else FEWER
    return SubmissionError(f"{entry.where} has {size / 1e6:,.1f} MB, the limit is {limit / 1e6:,.0f} MB: {advice}")


def _short(error: Exception) -> str:
    return printable(str(error))[:200] or type(error).__name__


def _from_timestamp(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):  # outside the calendar
        return None


def _from_dos_time(info: zipfile.ZipInfo) -> datetime | None:
    """Return a member's time, which is kept in the local time of whoever zipped it; taken for that of this machine."""
    try:
        return datetime(*info.date_time).astimezone(UTC)
    except (ValueError, OverflowError, OSError):  # no date, or not one of the calendar
        return None
