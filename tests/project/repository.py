"""What the tests of the project read: the files of the repository, pyproject.toml, and Markdown."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt  # comes with rich, which the course needs
from packaging.requirements import Requirement

from utils.lessons import ROOT


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository: what git tracks, and what is new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"the tests of the project ask git for its files, so they need a clone: {ran.stderr}"
    found = {ROOT / name for name in ran.stdout.split("\0") if name}
    return tuple(sorted(path for path in found if path.is_file()))


def name_of(path: Path) -> str:
    """Return `path` as the repository names it."""
    return path.relative_to(ROOT).as_posix()


@cache
def texts() -> dict[str, str]:
    """Return the text of every file that is text, by name."""
    found = {}
    for path in files():
        data = path.read_bytes()
        if b"\0" not in data:
            found[name_of(path)] = data.decode("utf-8")
    return found


@cache
def pyproject() -> dict:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def requirements(*extras: str) -> dict[str, Requirement]:
    """Return what the course needs, and what each of `extras` adds, by package."""
    project = pyproject()["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {
        requirement.name: requirement for requirement in map(Requirement, lines) if requirement.name != project["name"]
    }


@dataclass(frozen=True)
class Reference:
    """A link or a picture in Markdown: where it leads, and the text that stands for it."""

    kind: str  # "link" or "picture"
    target: str
    text: str


class Html(HTMLParser):
    """The links, pictures and anchors in a piece of HTML."""

    def __init__(self, html: str):
        super().__init__()
        self.references: list[Reference] = []
        self.anchors: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        """Take in one element."""
        given = {name: value or "" for name, value in attributes}
        if tag == "img":
            self.references.append(Reference("picture", given.get("src", ""), given.get("alt", "")))
        elif tag == "a" and "href" in given:
            self.references.append(Reference("link", given["href"], ""))
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}


@dataclass(frozen=True)
class Markdown:
    """What a page of Markdown refers to, and the titles and anchors that others may refer to."""

    references: tuple[Reference, ...]
    headings: tuple[str, ...]
    anchors: frozenset[str]
    fences: tuple[tuple[str, str], ...]  # language and content of each fenced block
    code: tuple[str, ...]  # the inline code


def read_markdown(text: str) -> Markdown:
    """Parse `text` as GitHub does."""
    references, headings, anchors, fences, code = [], [], set(), [], []
    before = None
    for token in _tokens(text):
        if token.type in ("html_block", "html_inline"):
            html = Html(token.content)
            references += html.references
            anchors |= html.anchors
        elif token.type == "link_open":
            references.append(Reference("link", str(token.attrs["href"]), ""))
        elif token.type == "image":
            references.append(Reference("picture", str(token.attrs["src"]), token.content))
        elif token.type == "fence":
            fences.append((token.info.strip(), token.content))
        elif token.type == "code_inline":
            code.append(token.content)
        elif token.type == "inline" and before == "heading_open":
            headings.append("".join(child.content for child in token.children or [] if child.type != "html_inline"))
        before = token.type
    return Markdown(tuple(references), tuple(headings), frozenset(anchors), tuple(fences), tuple(code))


def _tokens(text: str) -> Iterator:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or ()
