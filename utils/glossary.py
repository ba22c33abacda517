"""The course's glossary: each term with its Chinese names, one plain sentence, and the lesson where it is built.

The terms are data, in assets/glossary.yaml. `python -m utils.glossary` makes the page assets/glossary.md from it, to
which lessons link: `{{term cross-attention}}` in their source, or `{{term encoder|encoders}}` for other words.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass, fields
from pathlib import Path

from utils.lessons import ASSETS, LESSONS, Lesson

SOURCE, PAGE = ASSETS / "glossary.yaml", ASSETS / "glossary.md"


class GlossaryError(ValueError):
    """The glossary's file does not hold what it should; the message names the term."""


@dataclass(frozen=True)
class Term:
    """One term of the field, as its English literature says it.

    `simplified` and `traditional` are its names in China and in Taiwan, several of them separated by 、. `sentence`
    says what it is. `lesson` is the id of the lesson where it is built, which may only be planned, or the number of a
    chapter. `short` is its abbreviation, `source` who introduced it.
    """

    term: str
    simplified: str
    traditional: str
    sentence: str
    lesson: str
    short: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """The term as a link names it: small letters, digits and hyphens."""
        return slug(self.term)

    @property
    def built_in(self) -> Lesson | None:
        """The lesson where it is built, None while there is none."""
        return next((lesson for lesson in LESSONS if lesson.id == self.lesson), None)

    @property
    def title(self) -> str:
        """The term with its abbreviation, such as "vision transformer (ViT)"."""
        return f"{self.term} ({self.short})" if self.short else self.term


def slug(text: str) -> str:
    """Return `text` in small letters, with a hyphen for everything that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@functools.cache
def glossary(path: Path = SOURCE) -> dict[str, Term]:
    """Return the terms by their key, in alphabetical order.

    Raises `GlossaryError` for a term that lacks a field, has one too many, or is there twice.
    """
    import yaml

    known = {field.name for field in fields(Term)}
    terms: dict[str, Term] = {}
    for number, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), start=1):
        name = entry.get("term", f"number {number}")
        wrong = [key for key, value in entry.items() if key not in known or not isinstance(value, str) or not value]
        missing = [key for key in ("term", "simplified", "traditional", "sentence", "lesson") if key not in entry]
        if wrong or missing:
            raise GlossaryError(f"the term {name} of {path.name} lacks {missing} and is wrong in {wrong}")
        term = Term(**entry)
        if term.key in terms:
            raise GlossaryError(f"the term {name} is twice in {path.name}")
        terms[term.key] = term
    return dict(sorted(terms.items()))


def find_term(name: str) -> Term:
    """Return the term called `name`: as it is written, as its key, or by its abbreviation.

    Raises `KeyError`, with the nearest terms, if there is none.
    """
    terms = glossary()
    wanted = slug(name)
    if wanted in terms:
        return terms[wanted]
    by_short = {slug(term.short): term for term in terms.values() if term.short}
    if wanted in by_short:
        return by_short[wanted]
    near = difflib.get_close_matches(wanted, [*terms, *by_short], n=3)
    meant = f"; did you mean {' or '.join(near)}?" if near else "; see assets/glossary.yaml"
    raise KeyError(f"the glossary has no term {name!r}{meant}")


def term_link(name: str, label: str | None = None) -> str:
    """Return Markdown that links `label`, or the term itself, to the glossary, with the sentence as its tooltip.

    It holds for a notebook of any chapter, since all stand two folders deep. Raises `KeyError` for an unknown term.
    """
    term = find_term(name)
    tooltip = f"{term.sentence} ({term.simplified} · {term.traditional})".replace('"', "'")
    return f'[{label or term.term}](../../assets/{PAGE.name}#{term.key} "{tooltip}")'


def render_page() -> str:
    """Return the glossary as a page of Markdown: a table with a row a term, and links to the lessons that are there."""
    rows = []
    for term in glossary().values():
        lesson = term.built_in
        where = f"[{lesson.id} {lesson.title}](../course/{lesson.path}.ipynb)" if lesson else f"{term.lesson} (planned)"
        sentence = f"{term.sentence} *{term.source}*" if term.source else term.sentence
        anchor = f'<a id="{term.key}"></a>'
        rows.append(f"| {anchor}{term.title} | {term.simplified} | {term.traditional} | {sentence} | {where} |")
    head = (
        "# Glossary\n\nMade from `glossary.yaml` by `python -m utils.glossary`; change that, not this page.\n\n"
        "| Term | 简体 | 繁體 | What it is | Built in |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8", newline="\n")
