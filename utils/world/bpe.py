"""Byte-pair encoding: a tokenizer learnt from texts, for any text in any language.

The course's own vocabulary (`utils.world.tokenizer`) knows a few words. Byte-pair encoding (R. Sennrich, B. Haddow,
A. Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016, section 3.2) begins with the smallest
symbols there are and again and again merges the two neighbours that most often stand together. The symbols here are
bytes, as in GPT-2 (A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.2): 256 of
them write every text in UTF-8, so nothing is unknown and nothing is lost, and a text unlike the training texts merely
costs more tokens.

Before anything is merged a text is cut into `pieces`, as GPT-2 does it, and no token reaches across a cut: otherwise
"circle a", "circle b" and "circle." would each become a token of its own. A space belongs to the word behind it, so
that no token need be spent on it.
"""

from __future__ import annotations

import operator
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

# GPT-2's order: bytes that print in Latin-1 first. It decides ties between pairs, and the ids of all tokens.
_PRINTED = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
BYTES = tuple(bytes([i]) for i in (*_PRINTED, *sorted(set(range(256)) - set(_PRINTED))))
# GPT-2's pattern: English endings, letters, digits, other signs, white space (the last space goes with the next word).
# Python's `re` counts ½, ² and Ⅳ among the letters, where GPT-2 has them among the digits.
_PIECE = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")

Pair = tuple[bytes, bytes]


class Merge(NamedTuple):
    """One step of the training: two tokens become one."""

    left: bytes
    right: bytes
    count: int  # how often they stood together in the training texts, when they were merged

    def __str__(self) -> str:
        left, right, both = map(readable, (self.left, self.right, self.left + self.right))
        return f"{left} + {right} → {both} ({self.count} times)"


def train(texts: Iterable[str], merges: int) -> list[Merge]:
    """Return the `merges` merges learnt from `texts`, in the order in which they were made.

    Of pairs that are equally frequent the one with the smaller ids is merged: that of the older left token, then of
    the older right one. A longer training begins with the very merges of a shorter one.

    Raises `ValueError` for a negative number of merges, and if the texts have fewer to give (every piece of them is
    one token then); `TypeError` for what is not text.
    """
    if isinstance(texts, str):
        raise TypeError("train() takes several texts; put a single one into a list: [text]")
    if (merges := operator.index(merges)) < 0:
        raise ValueError(f"the number of merges must be 0 or more, not {merges}")
    counts = Counter(piece for text in texts for piece in pieces(text))  # each different piece is worked on only once
    words = {piece: to_bytes(piece) for piece in counts}
    pairs: Counter[Pair] = Counter()
    found_in: defaultdict[Pair, set[str]] = defaultdict(set)

    def add(piece: str, times: int):
        for pair in pairwise(words[piece]):
            pairs[pair] += times
            found_in[pair].add(piece)
            if not pairs[pair]:
                del pairs[pair], found_in[pair]

    for piece, count in counts.items():
        add(piece, count)
    ids = {token: i for i, token in enumerate(BYTES)}
    table = []
    while len(table) < merges:
        if not pairs:
            raise ValueError(
                f"these texts have only {len(table)} merges to give, not {merges}: "
                f"give more varied texts, or ask for at most {len(table)}"
            )
        most = max(pairs.values())
        ties = (pair for pair, count in pairs.items() if count == most)
        left, right = best = min(ties, key=lambda pair: (ids[pair[0]], ids[pair[1]]))
        table.append(Merge(left, right, most))
        ids.setdefault(left + right, len(ids))
        for piece in tuple(found_in[best]):
            add(piece, -counts[piece])
            words[piece] = merge(words[piece], best)
            add(piece, counts[piece])
    return table


class BytePairEncoding:
    """Texts to token ids and back, by the merges that `train` has learnt.

    `vocabulary` holds the bytes of every token: first the 256 single ones, in GPT-2's order, then what each merge made.
    """

    def __init__(self, merges: Iterable[Merge]):
        self.merges = tuple(merges)
        self._ids = {token: i for i, token in enumerate(BYTES)}
        for left, right, _ in self.merges:
            for part in (left, right):
                if part not in self._ids:
                    raise ValueError(f"the token {part!r} is merged before any merge has made it")
            self._ids.setdefault(left + right, len(self._ids))  # two merges may make the same token
        self.vocabulary = tuple(self._ids)
        self._ranks = {(left, right): rank for rank, (left, right, _) in reversed([*enumerate(self.merges)])}
        self._tokens: dict[str, list[bytes]] = {}  # of every piece that has been met: texts repeat their words

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text`; raises `TypeError` for what is not text."""
        return [self._ids[token] for token in self._split(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids, just as it was encoded.

        A model may write half of a character: bytes that are no UTF-8 become U+FFFD, the replacement character.
        Raises `ValueError` for ids outside the vocabulary.
        """
        ids = [operator.index(i) for i in ids]
        for i in ids:
            if not 0 <= i < len(self.vocabulary):
                raise ValueError(f"there is no token {i}: the ids go from 0 to {len(self.vocabulary) - 1}")
        return b"".join(self.vocabulary[i] for i in ids).decode(errors="replace")

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of `text` as one can read them, such as ["a", "␣re", "d"]."""
        return [readable(token) for token in self._split(text)]

    def bytes_per_token(self, texts: Sequence[str]) -> float:
        """Return how many bytes of `texts` a token stands for on average: 1 without any merge, more is shorter."""
        tokens = sum(len(self._split(text)) for text in texts)
        if not tokens:
            raise ValueError("there is nothing to measure: all texts are empty")
        return sum(len(text.encode()) for text in texts) / tokens

    def _split(self, text: str) -> list[bytes]:
        split = []
        for piece in pieces(text):
            if piece not in self._tokens:
                self._tokens[piece] = self._merged(to_bytes(piece))
            split += self._tokens[piece]
        return split

    def _merged(self, tokens: list[bytes]) -> list[bytes]:
        """The tokens of one piece: of the pairs in it, that which was learnt first is merged first."""
        while known := self._ranks.keys() & pairwise(tokens):
            tokens = merge(tokens, min(known, key=self._ranks.__getitem__))
        return tokens


def pieces(text: str) -> list[str]:
    """Return the pieces of `text` that no token reaches across, such as ["a", " red", " circle", "."]."""
    if not isinstance(text, str):
        raise TypeError(f"a text must be a str, not {type(text).__name__}")
    return _PIECE.findall(text)


def to_bytes(piece: str) -> list[bytes]:
    """Return the bytes of `piece` in UTF-8, one by one."""
    return [bytes([byte]) for byte in piece.encode()]


def merge(tokens: list[bytes], pair: Pair) -> list[bytes]:
    """Return `tokens` with every neighbouring `pair` made one, from left to right."""
    merged: list[bytes] = []
    i = 0
    while i < len(tokens):
        if tokens[i] == pair[0] and tokens[i + 1 : i + 2] == [pair[1]]:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def readable(token: bytes) -> str:
    r"""Return a token as text, its space as "␣" and the bytes of an unfinished character as "\xe7"."""
    return token.decode(errors="backslashreplace").replace(" ", "␣")
