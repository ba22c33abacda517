"""Follow a folder while a class hands in: notice what arrives, and show the class page on this machine alone."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLASS_PAGE = "class.html"
REPORTS = "reports"
LOOK_SECONDS = 2.0
REFRESH_SECONDS = 5
HOST = "127.0.0.1"

# the pages hold their own styles and pictures; whatever else a learner's text might bring does nothing
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WAITING = b'<!doctype html><meta charset="utf-8"><title>Class</title><p>Nothing is graded yet.</p>'


def changes(
    path: Path, *, seconds: float = LOOK_SECONDS, sleep: Callable[[float], None] = time.sleep
) -> Iterator[frozenset[str]]:
    """Yield, once and then whenever files below `path` have come, changed or gone, which are still being written.

    Those are the ones that have changed since the last look, `seconds` ago; they are named relative to `path`. When
    they have come to rest it yields again. It never ends.
    """
    known: dict[str, tuple[int, int, int]] | None = None
    before = _look(path)
    while True:
        sleep(seconds)
        now = _look(path)
        restless = frozenset(name for name, state in now.items() if before.get(name) != state)
        at_rest = {name: state for name, state in now.items() if name not in restless}
        if at_rest != known:
            known = at_rest
            yield restless
        before = now


def _look(path: Path) -> dict[str, tuple[int, int, int]]:
    """Return what tells two states of a file apart, for each below `path` (for `path` itself, if it is one).

    Hidden files are passed over, as they are when submissions are looked for; so are those that vanish meanwhile.
    """
    if path.is_file():
        return {"": _state(path)}
    found = {}
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if not name.startswith("."):
                with contextlib.suppress(FileNotFoundError):
                    found[file.relative_to(path).as_posix()] = _state(file)
    return found


def _state(file: Path) -> tuple[int, int, int]:
    status = file.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns


class ClassPages:
    """Serves `folder`'s class page and reports, and nothing else of it, on this machine: a context manager.

    Other people on this machine can reach the port too, so what they would need to know is in the `address`: an
    unguessable folder. Raises OSError where `port` is in use; 0 takes a free one.
    """

    def __init__(self, folder: Path, port: int = 0):
        self._folder = folder
        self._secret = secrets.token_urlsafe(16)
        self._server = _Server((HOST, port), _Handler)
        self._server.pages = self
        # it looks every 0.05 s whether it is to end
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="pages", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_address[1]

    @property
    def address(self) -> str:
        """Where the class page is."""
        return f"http://{HOST}:{self.port}/{self._secret}/"

    def find(self, target: str) -> Path | None:
        """Return the file that the target of a request asks for, None unless it is one that may be seen."""
        begin = f"/{self._secret}/"
        if not secrets.compare_digest(target[: len(begin)].encode(), begin.encode()):
            return None
        name = target[len(begin) :]
        if name in ("", CLASS_PAGE):
            return self._folder / CLASS_PAGE
        if re.fullmatch(rf"{REPORTS}/[\w-][\w.-]*\.html", name, re.ASCII):
            return self._folder / name
        return None

    def __enter__(self) -> ClassPages:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    pages: ClassPages


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    server: _Server
    server_version, sys_version = "course", ""
    timeout = 10  # seconds

    def do_GET(self) -> None:
        """Send a page."""
        self._answer(send=True)

    def do_HEAD(self) -> None:
        """Send a page's headers."""
        self._answer(send=False)

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is for grading."""

    def _answer(self, *, send: bool) -> None:
        pages = self.server.pages
        if self.headers.get("Host") not in (f"{HOST}:{pages.port}", f"localhost:{pages.port}"):
            # a page elsewhere, whose name was made to lead here
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path = pages.find(self.path)
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = _read(path)
        if content is None and path.name != CLASS_PAGE:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = WAITING if content is None else content
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if self.path.endswith("/"):  # by its name, the page stands still for a reader
            self.send_header("Refresh", str(REFRESH_SECONDS))
        self.end_headers()
        if send:
            self.wfile.write(content)

    def end_headers(self) -> None:
        """Send what goes with every answer."""
        for name, value in (
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        super().end_headers()


def _read(path: Path) -> bytes | None:
    """Return a regular file's content, None if it is not there."""
    try:
        return path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else None
    except FileNotFoundError:
        return None
