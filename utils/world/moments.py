"""Moments: somebody feels something, and shows it in a face, in a voice and in words, in each only more or less.

Face, voice and words of one moment are drawn independently of one another; what they share is the emotion, and nothing
else. Each may say little: an expression can be weak, a voice is only prosody by rule, and many a remark could come
from anyone. People, voices and whole sentences are split, so that a model can be tested on those that it never met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.world.faces import EMOTIONS, Faces, sample_faces
from utils.world.speech import spoken_emotions
from utils.world.tokenizer import UnknownWordError, split_words

TOPICS = (
    *("the game", "my exam", "the party", "our trip", "dinner", "the meeting"),
    *("the letter", "that film", "the weather", "your call", "his song", "the concert"),
)
# What is said of a topic in each emotion, and what is said whatever one feels.
PREDICATES = {
    "neutral": ("is on monday", "took an hour", "begins at ten", "was as usual"),
    "happy": ("was wonderful", "made us laugh", "went so well", "was such fun"),
    "sad": ("made me cry", "was so lonely", "is lost for ever", "was hard to bear"),
    "angry": ("is an outrage", "was unfair", "ruined everything", "drives me mad"),
    "surprised": ("came out of the blue", "amazed everyone", "was quite unexpected", "is hard to believe"),
}
VAGUE = ("is what i am thinking of", "is over now", "was something", "went as it went", "was what it was")
VAGUE_SHARE = 0.4  # of the remarks
STRENGTH = (0.0, 0.7)  # of the expressions: the least and the greatest
WORDS = ("<pad>", *sorted({word for said in (*TOPICS, *VAGUE, *sum(PREDICATES.values(), ())) for word in said.split()}))
REMARK_LENGTH = max(len(said.split()) for said in TOPICS) + max(
    len(said.split()) for said in (*VAGUE, *sum(PREDICATES.values(), ()))
)
_SPLITS = ("seen", "held_out")


@dataclass(frozen=True)
class Moments:
    """Many moments, one a row: `emotion` indexes `EMOTIONS`, `clip` the rows of `spoken_emotions(split)`."""

    emotion: Int[Tensor, " moments"]
    faces: Faces
    clip: Int[Tensor, " moments"]
    remarks: Sequence[str]
    split: str

    def __len__(self) -> int:
        return len(self.emotion)

    def voices(self) -> Float[Tensor, "moments samples"]:
        """Return what is heard in each moment: -1 to 1, `SAMPLE_RATE` samples a second, silence at the end."""
        return spoken_emotions(self.split).waveforms[self.clip]


def is_held_out(topic: int, predicate: int) -> bool:
    """Whether the sentence of this topic and this predicate, by their numbers, never occurs in training."""
    return (topic + predicate) % 4 == 0


def sample_moments(number: int, *, seed: int, split: str = "seen") -> Moments:
    """Return `number` random moments, every emotion equally likely.

    `split` is "seen", of training's people, voices and sentences, or "held_out", where all three are new: nobody's
    face, no voice and no sentence is one of training, though each word of it is. Raises `ValueError` for another.
    """
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, not {split!r}")
    faces = sample_faces(number, seed=seed, people=split, strength=STRENGTH)
    emotion = faces.emotion
    generator = torch.Generator().manual_seed(seed + 1)
    clips = spoken_emotions(split)
    clip = torch.empty_like(emotion)
    for label in range(len(EMOTIONS)):
        rows, known = emotion == label, (clips.labels == label).nonzero().squeeze(1)
        clip[rows] = known[torch.randint(len(known), (int(rows.sum()),), generator=generator)]
    sentences = {name: _sentences(said, split) for name, said in (*PREDICATES.items(), ("vague", VAGUE))}
    vague = torch.rand(number, generator=generator) < VAGUE_SHARE
    picks = torch.rand(number, generator=generator)
    remarks = []
    for label, is_vague, pick in zip(emotion.tolist(), vague.tolist(), picks.tolist(), strict=True):
        choice = sentences["vague" if is_vague else EMOTIONS[label]]
        remarks.append(choice[int(pick * len(choice))])
    return Moments(emotion, faces, clip, remarks, split)


def tokenize_remarks(remarks: Sequence[str]) -> Int[Tensor, "remarks length"]:
    """Return remarks as the numbers of their words in `WORDS`, each padded with zeros to `REMARK_LENGTH`.

    Raises `UnknownWordError` for words that are in no remark, and `ValueError` for a remark without words or longer
    than `REMARK_LENGTH`.
    """
    tokens = torch.zeros(len(remarks), REMARK_LENGTH, dtype=torch.long)
    numbers = {word: i for i, word in enumerate(WORDS)}
    for row, remark in enumerate(remarks):
        words = split_words(remark)
        unknown = [word for word in words if word not in numbers]
        if unknown:
            known = ", ".join(WORDS[1:])
            raise UnknownWordError(f"no remark has the words {', '.join(map(repr, unknown))}; the words are {known}")
        if not 1 <= len(words) <= REMARK_LENGTH:
            raise ValueError(f"a remark has 1 to {REMARK_LENGTH} words, and {remark!r} has {len(words)}")
        tokens[row, : len(words)] = torch.tensor([numbers[word] for word in words])
    return tokens


def _sentences(predicates: Sequence[str], split: str) -> list[str]:
    """The sentences of a split that end in one of the predicates."""
    return [
        f"{topic} {predicate}"
        for i, topic in enumerate(TOPICS)
        for j, predicate in enumerate(predicates)
        if is_held_out(i, j) == (split == "held_out")
    ]
