"""Links lead somewhere and pictures speak: README.md and the other pages, every cell of prose, every stored output.

Addresses outside are looked at for their form alone; nothing is fetched.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt  # comes with rich, which the course needs
from repository import Html, files, name_of, read_markdown

from utils.lessons import ROOT

PAGES = [path for path in files() if path.suffix == ".md" and "vendor" not in path.parts]
NOTEBOOKS = [path for path in files() if path.suffix == ".ipynb"]

each_page = pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=name_of)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)


def joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def cells(path: Path, kind: str) -> list[dict]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def prose(path: Path) -> list[tuple[str, dict]]:
    """The Markdown of a page, or of each cell of a notebook, with the pictures attached to it."""
    if path.suffix == ".md":
        return [(path.read_text(encoding="utf-8"), {})]
    return [(joined(cell["source"]), cell.get("attachments", {})) for cell in cells(path, "markdown")]


@cache
def anchors(path: Path) -> set[str]:
    """What may follow a # in a link to `path`: GitHub's form of a page's headings, Jupyter's of a notebook's."""
    found = set()
    for text, _ in prose(path):
        page = read_markdown(text)
        found |= page.anchors
        for heading in page.headings:
            if path.suffix == ".md":
                found.add(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-"))
            else:
                found.add(heading.strip().replace(" ", "-"))
    return found


def fault(target: str, page: Path, attachments: dict) -> str:
    """What is wrong with a link or a picture's address that stands in `page`, "" if nothing is."""
    parts = urlsplit(target)
    if parts.scheme == "attachment":
        return "" if parts.path in attachments else "there is no such attachment"
    if parts.scheme or parts.netloc:
        well_formed = parts.scheme == "https" and "." in parts.netloc and " " not in target
        return "" if well_formed else "not the https address of a page"
    other = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not other.is_relative_to(ROOT) or parts.path.startswith("/"):
        return "leads out of the repository"
    if other.is_dir():
        inside = any(path.is_relative_to(other) for path in files())
        return "" if inside and not parts.fragment else "no such folder in the repository, or a heading in a folder"
    if other not in files():
        return "no such file in the repository"
    if parts.fragment and unquote(parts.fragment) not in anchors(other):
        return f"no such heading in {name_of(other)}"
    return ""


def faults(text: str, page: Path, attachments: dict | None = None) -> list[str]:
    """What is wrong with the links and pictures of `text`, which stands in `page`."""
    found = []
    for reference in read_markdown(text).references:
        if problem := fault(reference.target, page, attachments or {}):
            found.append(f"{reference.kind} {reference.target}: {problem}")
        if reference.kind == "picture" and not reference.text.strip():
            found.append(f"picture {reference.target}: no alternative text")
    return found


@each_page
def test_links_lead_somewhere_and_pictures_have_alternative_text(path):
    assert [line for text, attachments in prose(path) for line in faults(text, path, attachments)] == []


def hidden(text: str) -> list[str]:
    """The words of `text` that a page takes for HTML and does not show, such as <start> without backticks."""
    inline = [part for token in MarkdownIt("commonmark").parse(text) for part in [token, *(token.children or [])]]
    tags = [tag for part in inline if part.type in ("html_inline", "html_block") for tag in _TAG.findall(part.content)]
    return [f"<{tag}>" for tag in tags if tag not in _SHOWN]


_TAG = re.compile(r"<(\w+)")
_SHOWN = ("a", "br", "details", "img", "kbd", "p", "sub", "summary", "sup")


@each_page
def test_no_word_is_taken_for_a_tag_and_hidden(path):
    assert [word for text, _ in prose(path) for word in hidden(text)] == []


def test_a_hidden_word_is_found_and_one_in_backticks_is_not():
    assert hidden("A prompt holds <start> and\n\n<image>\n") == ["<start>", "<image>"]
    assert hidden("A prompt holds `<start>`, H<sub>2</sub>O and 3 < 4.\n\n```\n<image>\n```\n") == []


@each_notebook
def test_every_stored_picture_has_alternative_text(path):
    silent = []
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            kinds = [kind for kind in data if kind.startswith("image/")]
            silent += [f"{cell['id']}: {kind}" for kind in kinds if not metadata.get(kind, {}).get("alt", "").strip()]
            html = Html(joined(data.get("text/html", "")))
            pictures = [reference for reference in html.references if reference.kind == "picture"]
            silent += [f"{cell['id']}: an <img>" for picture in pictures if not picture.text.strip()]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a](nowhere.md)", "no such file in the repository"),
        ("[a](utils/nowhere/)", "no such file in the repository"),
        ("[a](#no-such-heading)", "no such heading in README.md"),
        ("[a](tests/browser/vendor/README.md#no-such-heading)", "no such heading"),
        ("[a](../elsewhere.md)", "leads out of the repository"),
        ("[a](/README.md)", "leads out of the repository"),
        ("[a](http://example.org/)", "not the https address of a page"),
        ("<https://localhost>", "not the https address of a page"),
        ("![a](attachment:a.png)", "there is no such attachment"),
        ("![](LICENSE)", "no alternative text"),
        ('<img src="LICENSE">', "no alternative text"),
        ('<img src="nowhere.png" alt="a dog">', "no such file in the repository"),
        ('<p align="center"><a href="nowhere.md">a</a></p>', "no such file in the repository"),
        ("[a]\n\n[a]: nowhere.md", "no such file in the repository"),
    ],
)
def test_a_fault_is_found(text, problem):
    (found,) = faults(text, ROOT / "README.md")
    assert problem in found


def test_what_is_well_is_left_alone():
    text = """
[a](LICENSE) [b](https://pytorch.org/get-started/locally/) [c](tests/browser/vendor/README.md#vendored-for-the-tests)
![d](LICENSE) ![e](attachment:e.png) `[f](nowhere.md)` [g](utils/world)

```
[h](nowhere.md)
```
"""
    assert faults(text, ROOT / "README.md", {"e.png": {}}) == []
