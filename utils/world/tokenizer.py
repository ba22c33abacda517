"""The course's one tokenizer and vocabulary: a word is a token.

New words are only ever added at the end, so that the ids in an older checkpoint keep their meaning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

PAD, START, MASK, END = range(4)
SPECIAL = ("<pad>", "<start>", "<mask>", "<end>")
WORDS = (
    # objects
    "circle square triangle cross ring star red orange yellow green cyan blue purple black small large "
    # captions
    "a an the in and of above below left right top bottom middle nothing "
    # questions and answers
    "what which where how many is are there shape colour size thing things same different than larger smaller big "
    "or not no yes zero one two three four five six seven eight nine ten "
    # real pictures and prompts
    "picture photo handwritten digit "
    # counting
    "circles squares triangles crosses rings stars"
).split()
VOCABULARY = (*SPECIAL, *WORDS)
CONTEXT_LENGTH = 16  # tokens; the longest caption of two objects takes 12, with <start> and <end>
_IDS = {word: i for i, word in enumerate(VOCABULARY)}


class UnknownWordError(ValueError):
    """A text holds words that are not in the course's vocabulary."""


def split_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, without punctuation."""
    return re.findall(r"[^\W_]+|<\w+>", text.lower())


def encode(text: str) -> list[int]:
    """Return the token ids of one text: <start>, its words, <end>.

    Raises `UnknownWordError`, naming the words and the nearest known ones, if a word is not in the vocabulary.
    """
    words = split_words(text)
    unknown = list(dict.fromkeys(word for word in words if word not in _IDS))
    if unknown:
        raise UnknownWordError(_explain(unknown))
    return [START, *(_IDS[word] for word in words), END]


def tokenize(texts: str | Sequence[str], length: int = CONTEXT_LENGTH) -> Int[Tensor, "texts length"]:
    """Return the token ids of each text, padded with <pad> to `length`.

    Raises `UnknownWordError` for words outside the vocabulary and `ValueError` for a text longer than `length` tokens.
    """
    rows = [encode(text) for text in ([texts] if isinstance(texts, str) else texts)]
    for row in rows:
        if len(row) > length:
            raise ValueError(f"{detokenize(row)!r} takes {len(row)} tokens, and at most {length} fit; shorten it")
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows], dtype=torch.long).view(len(rows), length)


def detokenize(ids: Iterable[int] | Tensor) -> str:
    """Return the words of token ids, up to <end>, without the special tokens but <mask>."""
    words = []
    for i in ids.tolist() if isinstance(ids, Tensor) else ids:
        if i == END:
            break
        if i not in (PAD, START):
            words.append(VOCABULARY[i])
    return " ".join(words)


def _explain(unknown: list[str]) -> str:
    parts = []
    for word in unknown:
        near = difflib.get_close_matches(word, WORDS, n=2, cutoff=0.6)
        parts.append(f"{word!r}" + (f" (did you mean {' or '.join(near)}?)" if near else ""))
    verb = "is" if len(unknown) == 1 else "are"
    return f"{', '.join(parts)} {verb} not among the {len(WORDS)} words that this course's models know"
