"""Our byte-pair encoding learns the merges of Hugging Face's tokenizers, and splits every text as that does."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from utils.world import render_captions, sample_scenes
from utils.world.bpe import BYTES, BytePairEncoding, train
from utils.world.languages import render_welsh_captions

ROOT = Path(__file__).parents[2]
SCENES = sample_scenes(1000, seed=0, objects=(1, 4), pairs="all")
CAPTIONS, WELSH = render_captions(SCENES), render_welsh_captions(SCENES)
PROSE = [
    path.read_text(encoding="utf-8")
    for folder in ("world", "models")
    for path in (ROOT / "utils" / folder).glob("*.py")
]
GLOSSARY = (ROOT / "utils" / "glossary.py").read_text(encoding="utf-8").splitlines()  # English and Chinese
UNSEEN = [
    "",
    " ",
    "a large red circle above a small blue square",
    "They're here; it's 3.14 times  larger\tthan\n\n  we'd thought!  ",
    "cylch mawr coch i'r chwith o sgwâr bach glas",
    "一个红色的大圆在一个蓝色的小正方形上面。",
    "👩‍👩‍👧 naïve ﬂow_of_ŵords, ١٢٣ हिन्दी",
]


def library(texts: list[str], vocabulary: int):
    """The library's tokenizer, trained on `texts` to `vocabulary` tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    theirs.train_from_iterator(texts, trainer)
    return theirs


def library_merges(theirs) -> list[tuple[bytes, bytes]]:
    """The library's merges in bytes; it writes a byte that does not print as a letter beyond Latin-1."""
    from tokenizers import pre_tokenizers

    byte = dict(zip(sorted(pre_tokenizers.ByteLevel.alphabet()), BYTES, strict=True))
    merges = json.loads(theirs.to_str())["model"]["merges"]
    return [tuple(b"".join(byte[letter] for letter in token) for token in pair) for pair in merges]


def same(texts: list[str], merges: int, unseen: list[str]) -> None:
    table = train(texts, merges)
    ours = BytePairEncoding(table)
    theirs = library(texts, len(ours.vocabulary))
    assert [(left, right) for left, right, _ in table] == library_merges(theirs)
    assert theirs.get_vocab_size() == len(ours.vocabulary)
    for text in [*texts[:200], *unseen]:
        ids = theirs.encode(text).ids
        assert ours.encode(text) == ids, text
        assert ours.decode(ids) == theirs.decode(ids) == text


@pytest.mark.parametrize(
    ("texts", "merges"),
    [
        pytest.param(CAPTIONS, 0, id="bytes"),
        pytest.param(CAPTIONS, 1, id="one-merge"),
        pytest.param(CAPTIONS, 80, id="captions"),
        pytest.param(WELSH, 60, id="welsh"),
        pytest.param(CAPTIONS + WELSH, 150, id="both-languages"),
        pytest.param(GLOSSARY, 700, id="english-and-chinese"),
        pytest.param(PROSE, 1000, id="prose-and-code"),
    ],
)
def test_merges_ids_and_texts_are_those_of_the_library(texts, merges):
    same(texts, merges, UNSEEN)


@pytest.mark.parametrize("letters", ["a", "ab", "ab ", "abc é中"])
def test_ties_and_runs_of_one_letter_are_merged_as_in_the_library(letters):
    """Short texts of few letters, merged until nothing is left to merge: nearly every step is a tie."""
    draw = random.Random(0)

    def texts(number: int) -> list[str]:
        return ["".join(draw.choices(letters, k=draw.randint(1, 40))) for _ in range(number)]

    for _ in range(25):
        corpus = texts(draw.randint(1, 8))
        number = len(library_merges(library(corpus, 10_000)))
        same(corpus, number, texts(5))
        with pytest.raises(ValueError, match=f"only {number} merges to give"):
            train(corpus, number + 1)


def test_a_tie_broken_the_other_way_is_noticed(monkeypatch):
    theirs = library_merges(library(GLOSSARY, 556))
    assert [(left, right) for left, right, _ in train(GLOSSARY, 300)] == theirs
    monkeypatch.setattr("utils.world.bpe.BYTES", BYTES[::-1])
    assert [(left, right) for left, right, _ in train(GLOSSARY, 300)] != theirs
