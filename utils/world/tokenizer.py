"""The course's one tokenizer and vocabulary: a word is a token.

New words are only ever added at the end, so that the ids in an older checkpoint keep their meaning. A model need not
know all of them: most know the first `BASE_VOCABULARY` tokens, with which still scenes, questions and prompts are
written, and their texts are held to these. Whoever writes of actions, or in the second language, says so in both
places: `TextConfig(vocabulary=len(VOCABULARY))` and `tokenize(texts, vocabulary=len(VOCABULARY))`.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
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
    "circles squares triangles crosses rings stars "
    # actions in a video
    "still moves up down grows shrinks spins bounces blinks "
    # the languages of the course, as a text model is told which one is wanted
    "english welsh "
    # Welsh: nouns, sizes and colours in every form that they take, then where things are
    "cylch gylch chylch sgwâr triongl driongl thriongl croes groes chroes modrwy fodrwy seren mawr fawr bach fach "
    "coch goch oren melyn felen gwyrdd werdd gwyrddlas wyrddlas glas las porffor borffor du ddu "
    "uwchben o dan i'r chwith dde ar y yn brig canol gwaelod dim byd "
    # where a picture stands in a text: one for each of its soft tokens
    "<image>"
).split()
VOCABULARY = (*SPECIAL, *WORDS)
BASE_VOCABULARY = 78  # tokens; all that came after "stars" is beyond them
CONTEXT_LENGTH = 16  # tokens; the longest caption of two objects takes 12, with <start> and <end>
IMAGE = VOCABULARY.index("<image>")
_IDS = {word: i for i, word in enumerate(VOCABULARY)}


class UnknownWordError(ValueError):
    """A text holds words that are not in the course's vocabulary."""


def split_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, without punctuation; an apostrophe inside a word belongs to it."""
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*|<\w+>", text)


def encode(text: str, vocabulary: int = BASE_VOCABULARY) -> list[int]:
    """Return the token ids of one text: <start>, its words, <end>.

    Raises `UnknownWordError`, naming the words and the nearest known ones, if a word is not among the first
    `vocabulary` tokens.
    """
    words = split_words(text)
    unknown = [word for word in words if _IDS.get(word, vocabulary) >= vocabulary]
    if unknown:
        raise unknown_words(unknown, VOCABULARY[len(SPECIAL) : vocabulary], "that this course's models know")
    return [START, *(_IDS[word] for word in words), END]


def tokenize(
    texts: str | Sequence[str], length: int = CONTEXT_LENGTH, vocabulary: int = BASE_VOCABULARY
) -> Int[Tensor, "texts length"]:
    """Return the token ids of each text, padded with <pad> to `length`.

    Raises `UnknownWordError` for words outside the first `vocabulary` tokens and `ValueError` for a text longer than
    `length` tokens.
    """
    rows = [encode(text, vocabulary) for text in ([texts] if isinstance(texts, str) else texts)]
    for row in rows:
        if len(row) > length:
            raise ValueError(f"{detokenize(row)!r} takes {len(row)} tokens, and at most {length} fit; shorten it")
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows], dtype=torch.long).view(len(rows), length)


def detokenize(ids: Iterable[int] | Tensor) -> str:
    """Return the words of token ids, up to <end>, without <pad>, <start> and <image>."""
    words = []
    for i in ids.tolist() if isinstance(ids, Tensor) else ids:
        if i == END:
            break
        if i not in (PAD, START, IMAGE):
            words.append(VOCABULARY[i])
    return " ".join(words)


def unknown_words(unknown: Iterable[str], known: Sequence[str], whose: str) -> UnknownWordError:
    """Return the error that names `unknown` words, each with the nearest of the `known` ones.

    `whose` ends the sentence: whose words the known ones are.
    """
    unknown = list(dict.fromkeys(unknown))
    parts = []
    for word in unknown:
        near = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
        parts.append(f"{word!r}" + (f" (did you mean {' or '.join(near)}?)" if near else ""))
    verb = "is" if len(unknown) == 1 else "are"
    return UnknownWordError(f"{', '.join(parts)} {verb} not among the {len(known)} words {whose}")
