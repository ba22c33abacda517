"""Answers that are alike, pointed out and never judged: whether anybody copied is for people to find out.

Two answers are compared by their tokens, with the names that a learner chooses, literals, comments and layout taken
out, so that renaming hides nothing. Most answers to a short exercise are alike by nature, so much is left out:
- what stands in the exercise's stub, in the course's solution or in another answer that the course knows;
- answers with too little of their own to tell: an answer of three lines cannot show anything;
- pairs that chance explains. How rare each fragment is in this very class says how many such pairs to expect among
  people who work alone; choices hang together, so far fewer than one must be expected. A large class asks for more,
  and in one of a handful nothing is known to be rare;
- answers that are like several others, and exercises in which many are: then it is the exercise, or something that
  everybody has read. Only their number is told.

So silence does not show that nobody copied, and a pair does not show that somebody did: two people may have learned
from the same book, worked together as they were allowed to, or thought the same.

Measured: of 40 answers by strangers to four public exercises, no two to the same exercise that had 100 tokens were more
than 0.51 alike (cosine), where `ALIKE` asks for 0.8. 10,000 answers of 170 tokens take 15 seconds and 0.4 GB with
scikit-learn's nearest neighbours on sparse vectors, on one core. rapidfuzz compares all pairs as fast, but an edit
distance cannot leave out what the course's own answers hold, nor tell what is rare from what everybody writes.
"""

from __future__ import annotations

import builtins
import inspect
import io
import keyword
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from utils.exercises.registry import UnknownExercise, find_exercise
from utils.grading.results import ClassResults, in_order
from utils.grading.writing import harmless
from utils.lessons import find_lesson
from utils.publishing.submission import read_pristine
from utils.publishing.verdicts import joined

FRAGMENT = 6
"""Tokens that are compared in one piece: about one line of code."""
LEAST_SHARED = 40
"""Fragments of their own that two answers must share, about eight lines."""
ALIKE = 0.8
"""The cosine between the fragments of two answers from which on they are alike."""
EXPECTED_BY_CHANCE = 1e-4
"""Pairs of this kind that may be expected in a class whose people work alone."""
CHOICE = 3 * FRAGMENT
"""Fragments that one choice of a learner's shows in: three lines, since what is written in them hangs together."""
MANY = 4
"""An answer that is like more than this many others is common."""
CROWD = 0.1
"""The share of the class from which on an exercise is taken to make answers alike."""
LONGEST = 4_000
"""Characters of an answer that are looked at; the course's own have a quarter of it at most."""
WORKING_MEGABYTES = 100

_KEPT_NAMES = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
_LAYOUT = {tokenize.NEWLINE: ";", tokenize.INDENT: "{", tokenize.DEDENT: "}"}
_ROUGH_WORD = re.compile(r"""[^\W\d]\w*|\d[\w.]*|"[^"]*"|'[^']*'|[^\w\s]""")
_LEFT_OUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two learners whose answers to an exercise are alike: the cosine, from `ALIKE` to 1, and the fragments shared.

    `word_for_word`: the answers are the same in names, literals and comments too.
    """

    exercise: str
    learners: tuple[str, str]
    alike: float
    shared: int
    word_for_word: bool


@dataclass(frozen=True)
class Similarity:
    """The pairs of a class, most alike first, and by exercise how many answers are alike but too common to be shown."""

    pairs: tuple[Pair, ...] = ()
    common: Mapping[str, int] = field(default_factory=dict)


NOTHING_SIMILAR = Similarity()


def similar_answers(results: ClassResults) -> Similarity:
    """Compare the answers to each exercise of a class.

    Raises NotebookError where the course's own notebook of a lesson cannot be read.
    """
    pairs: list[Pair] = []
    common: dict[str, int] = {}
    for tasks in results.tasks.values():
        for task in tasks:
            answers = {
                entry.learner: one.answer
                for entry in results.entries
                for one in entry.grade.exercises
                if one.exercise == task.exercise and one.answer.strip()
            }
            found, count = compare(task.exercise, answers, known_answers(task.exercise))
            pairs += found
            if count:
                common[task.exercise] = count
    pairs.sort(key=lambda pair: (in_order(pair.exercise), not pair.word_for_word, -pair.alike, pair.learners))
    return Similarity(tuple(pairs), common)


def compare(exercise: str, answers: Mapping[str, str], known: Iterable[str] = ()) -> tuple[list[Pair], int]:
    """Return the pairs among `answers` (by learner), and how many answers are alike but too common to be shown.

    `known` are answers that anybody may give: what is in them is not looked at.
    """
    if len(answers) < 2:
        return [], 0
    import numpy as np
    from scipy.sparse import csr_array
    from sklearn import config_context
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import normalize

    known, learners = list(known), sorted(answers)
    # hashed, because a vocabulary of all fragments of a large class would fill the memory
    vectorizer = HashingVectorizer(
        analyzer=fragments, n_features=2**28, alternate_sign=False, norm=None, binary=True, dtype=np.float32
    )
    rows = vectorizer.transform([*known, *(answers[learner] for learner in learners)])
    _, columns = np.unique(rows.indices, return_inverse=True)
    rows = csr_array((rows.data, columns, rows.indptr), shape=(rows.shape[0], columns.max(initial=-1) + 1))
    everybodys = np.unique(rows[: len(known)].indices)
    own = rows[len(known) :][:, np.setdiff1d(np.arange(rows.shape[1]), everybodys)]

    # answers with too little of their own cannot share enough of it
    enough = np.flatnonzero(np.diff(own.indptr) >= LEAST_SHARED)
    if len(enough) < 2:
        return [], 0
    used_by = np.bincount(own.indices, minlength=own.shape[1])
    own, learners = own[enough], [learners[index] for index in enough]
    unit = normalize(own)
    neighbours = min(MANY + 2, len(learners))  # oneself, and one more than is not yet common
    search = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(unit)
    with config_context(working_memory=WORKING_MEGABYTES):
        distances, found = search.kneighbors(unit)
    cosines = 1 - distances**2 / 2  # of unit vectors
    others = (cosines >= ALIKE - 1e-6) & (found != np.arange(len(learners))[:, None])
    is_common = others.sum(axis=1) > MANY

    # A fragment used by d of n people is written by another one with a chance of about (d - 1) / n, not counting the
    # pair's second member, and fragments that show the same choice are no further evidence.
    surprise = np.log(len(answers) / np.maximum(used_by - 1, 1)) / CHOICE
    enough_surprise = math.log(len(answers) * (len(answers) - 1) / 2 / EXPECTED_BY_CHANCE)
    pairs = []
    for one, place in zip(*np.nonzero(others & ~is_common[:, None]), strict=True):
        other = int(found[one, place])
        if one > other or is_common[other]:
            continue
        shared = np.intersect1d(own[[one]].indices, own[[other]].indices, assume_unique=True)
        if len(shared) >= LEAST_SHARED and surprise[shared].sum() >= enough_surprise:
            both = (learners[one], learners[other])
            sources = {_without_blanks(answers[learner]) for learner in both}
            cosine = round(min(float(cosines[one, place]), 1.0), 3)
            pairs.append(
                Pair(
                    exercise=exercise, learners=both, alike=cosine, shared=len(shared), word_for_word=len(sources) == 1
                )
            )
    people = {learner for pair in pairs for learner in pair.learners}
    if len(people) > max(MANY + 2, CROWD * len(answers)):
        return [], int(is_common.sum()) + len(people)
    return pairs, int(is_common.sum())


def fragments(source: str) -> list[str]:
    """Return the overlapping pieces of `FRAGMENT` tokens of an answer, as words."""
    words = list(tokens(source))
    return [" ".join(words[start : start + FRAGMENT]) for start in range(len(words) - FRAGMENT + 1)]


def tokens(source: str) -> list[str]:
    """Return the tokens of an answer without what a learner may choose freely: names, literals, comments, layout.

    Keywords, Python's own functions and what follows a dot stay. What is not Python any more is taken
    apart by words and signs.
    """
    source = harmless(source[:LONGEST])  # what is no character cannot be hashed
    found: list[str] = []
    before, line = ["", ""], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            line = token.end[0]
            if token.type in _LEFT_OUT:
                continue
            text = token.string
            if token.type == tokenize.NAME:
                # self.weight is a learner's own name, picture.mean is not
                of_a_library = before[1] == "." and before[0] != "self"
                found.append(text if text in _KEPT_NAMES or of_a_library else "name")
            elif token.type == tokenize.NUMBER:
                found.append("0")
            elif token.type == tokenize.OP:
                found.append(text)
            elif token.type in _LAYOUT:
                found.append(_LAYOUT[token.type])
            elif text.strip():
                found.append("text")  # a string, a part of one, or a sign that Python does not know
            before = [before[1], text]
    except (tokenize.TokenError, SyntaxError, ValueError):  # a bracket or a string without end, an indent
        for rest in source.splitlines()[line:]:
            found += [*map(_rough, _ROUGH_WORD.findall(rest.partition("#")[0])), ";"]
    return found


def known_answers(exercise: str) -> list[str]:
    """Return the answers to an exercise that are the course's own.

    They are the stub and the solution of its notebook, and the sources of the right and wrong answers of its
    definition. Raises NotebookError where the notebook cannot be read.
    """
    try:
        definition = find_exercise(exercise)
    except UnknownExercise:  # graded with a course that had it still; its answers are compared as they are
        return []
    given = [definition.reference, *definition.alternatives, *(wrong.answer for wrong in definition.misconceptions)]
    sources = [inspect.getsource(one) for one in given if inspect.isfunction(one) or inspect.isclass(one)]
    try:
        lesson = find_lesson(definition.lesson)
    except KeyError:
        return sources
    pristine = read_pristine(lesson.solution)
    for task in pristine.tasks:
        if task.exercise == exercise:
            sources.append(task.stub)
            sources += [
                joined(cell["source"]) for cell in pristine.content["cells"] if cell.get("id") == task.answer_id
            ]
    return sources


def _rough(word: str) -> str:
    if word[0] in "\"'" and len(word) > 1:
        return "text"
    if word[0].isdigit():
        return "0"
    return "name" if (word[0].isalpha() or word[0] == "_") and word not in _KEPT_NAMES else word


def _without_blanks(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())
