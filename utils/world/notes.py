"""Notes and phrases: a world of text so small that a language model learns it in seconds.

A note is what somebody jots down of a thing: its size, colour and shape in any order, one of them twice: "red ring red
large". The phrase is what a caption calls it: "a large red ring". A picture can stand in the place of the note.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from utils.world.captions import noun_phrase
from utils.world.conversations import Text, text_ids
from utils.world.scenes import Scenes
from utils.world.tokenizer import PAD

NOTE_WORDS = 4


def notes_and_phrases(scenes: Scenes, *, seed: int) -> list[Text]:
    """Return for each scene of one object a text of two parts: a note of `NOTE_WORDS` words, and the phrase.

    Raises `ValueError` for a scene that has not just one object.
    """
    rng, texts = random.Random(seed), []
    for scene in scenes:
        if len(scene.things) != 1:
            raise ValueError(f"a note is of one thing, and this scene has {len(scene.things)}")
        (thing,) = scene.things
        words = [thing.size, thing.colour, thing.shape]
        words.append(rng.choice(words))
        rng.shuffle(words)
        texts.append((" ".join(words), noun_phrase(thing)))
    return texts


def text_rows(texts: Sequence[Text]) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return the tokens of each text, padded, and which of them are its last part, the one to be written."""
    ids = [text_ids(text) for text in texts]
    ends = torch.tensor([len(row) for row in ids])
    lasts = torch.tensor([len(text_ids(text[-1:])) - 1 for text in texts])  # its words and <end>, without <start>
    length = int(ends.max())
    tokens = torch.tensor([row + [PAD] * (length - len(row)) for row in ids])
    places = torch.arange(length)
    return tokens, (places < ends[:, None]) & (places >= (ends - lasts)[:, None])
