"""Hallucination: how often a model tells of objects that are not in the picture.

`chair`   of what captions mention, how much is not there, and how much of what is there they mention (Rohrbach et al.
          2018, "Object hallucination in image captioning", section 2.1: CHAIR, caption hallucination assessment
          with image relevance)
`poll`    yes-no questions on objects, as many that are there as not, and `polled`, what answers to them are worth (Li
          et al. 2023, "Evaluating object hallucination in large vision-language models", section 5: POPE, polling-based
          object probing evaluation)

The first depends on how much a caption says and the second does not; a model may answer the second by its captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from utils.world.mentions import made_up, mentions, recalled
from utils.world.questions import Questions
from utils.world.scenes import COLOURS, PAIRS, SHAPES, SPLITS, Scenes

NEGATIVES = ("random", "near", "popular", "adversarial")


@dataclass(frozen=True)
class Chair:
    """What captions mention, as numbers of which the mean is the rate.

    `sentences` is 1 for each caption with an object that is not there (its mean is CHAIRs), `objects` 1 for each object
    mentioned that is not there (CHAIRi), and `recall` 1 for each object of the scenes that is mentioned by its shape
    and colour, and without a wrong word.
    """

    sentences: Float[Tensor, " captions"]
    objects: Float[Tensor, " mentions"]
    recall: Float[Tensor, " things"]


def chair(captions: Sequence[str], scenes: Scenes) -> Chair:
    """Return what each caption mentions that is not in its scene, and which objects of the scenes are mentioned.

    What is there is judged as in `utils.world.mentions`. Raises `ValueError` unless there is a caption for each scene.
    """
    if len(captions) != len(scenes) or not len(captions):
        raise ValueError(f"give one caption for each scene, and at least one, not {len(captions)} for {len(scenes)}")
    sentences, objects, recall = [], [], []
    for caption, scene in zip(captions, scenes, strict=True):
        wrong = made_up(caption, scene)
        sentences.append(any(wrong))
        objects += wrong
        recall += recalled(caption, scene)
    return Chair(*(torch.tensor(values).float() for values in (sentences, objects, recall)))


def poll(
    scenes: Scenes, *, seed: int, negatives: str = "random", pairs: str = "seen", training: Scenes | None = None
) -> Questions:
    """Return a question with the answer yes for each object, such as "is there a red circle", and as many with no.

    The latter ask for objects of the split `pairs` that are not there: "random" ones; "near" ones, whose shape and
    whose colour are there, if possible; "popular" ones, the most frequent in the scenes of `training`; or "adversarial"
    ones, those that stood there most often beside what is here. Equals are taken at random. Raises `ValueError` for
    other words, for no scenes, where scenes of training are needed and missing, and if too few objects are absent.
    """
    if negatives not in NEGATIVES or pairs not in SPLITS:
        raise ValueError(
            f"negatives must be one of {', '.join(NEGATIVES)} and pairs one of {', '.join(SPLITS)}, not {negatives!r} "
            f"and {pairs!r}"
        )
    if negatives in ("popular", "adversarial") and training is None:
        raise ValueError(f"{negatives} objects are those of training: give its scenes as training=")
    if not len(scenes):
        raise ValueError("there is no scene to ask about")
    there = _present(scenes)
    match negatives:
        case "random":
            score = torch.zeros_like(there)
        case "near":
            grid = there.view(-1, len(SHAPES), len(COLOURS))
            score = (grid.amax(dim=2, keepdim=True) + grid.amax(dim=1, keepdim=True)).flatten(1)
        case "popular":
            score = _present(training).sum(dim=0).expand_as(there)
        case _:
            score = there @ (_present(training).T @ _present(training))
    allowed = torch.tensor([pair in SPLITS[pairs] for pair in PAIRS]) & (there == 0)
    if (allowed.sum(dim=1) < scenes.count).any():
        raise ValueError(f"of the {len(SPLITS[pairs])} objects of the split {pairs!r} too few are absent to ask for")
    generator = torch.Generator().manual_seed(seed)
    ties = torch.rand(score.shape, generator=generator)  # scores are whole numbers, so that this decides only equals
    order = (score + ties).masked_fill(~allowed, -1.0).argsort(dim=1, descending=True)
    rows = []
    for i, scene in enumerate(scenes):
        rows += [(i, _ask(thing.shape, thing.colour), "yes") for thing in scene.things]
        rows += [(i, _ask(*PAIRS[k]), "no") for k in order[i, : len(scene.things)].tolist()]
    number, questions, answers = (list(column) for column in zip(*rows, strict=True))
    return Questions(torch.tensor(number), questions, answers, ["existence"] * len(rows))


@dataclass(frozen=True)
class Polled:
    """What answers to a poll are worth: for each question whether the object is there, and whether yes or no was said.

    An answer that is neither is wrong, whatever the question.
    """

    there: Bool[Tensor, " questions"]
    yes: Bool[Tensor, " questions"]
    no: Bool[Tensor, " questions"]

    @property
    def right(self) -> Float[Tensor, " questions"]:
        """1 for each right answer: the mean is the accuracy, one half if all is answered alike."""
        return ((self.there & self.yes) | (~self.there & self.no)).float()

    @property
    def yes_share(self) -> float:
        """The share of questions answered by yes, which should be one half."""
        return self.yes.float().mean().item()

    @property
    def precision(self) -> float:
        """Of the objects said to be there, the share that are; 0 if that was never said."""
        return (self.there & self.yes).sum().item() / max(1, self.yes.sum().item())

    @property
    def recall(self) -> float:
        """Of the objects that are there, the share that were said to be."""
        return (self.there & self.yes).sum().item() / max(1, self.there.sum().item())

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 0 if both are."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def polled(said: Sequence[str], asked: Questions) -> Polled:
    """Return what the answers `said` to the questions of a poll are worth."""
    if len(said) != len(asked) or not len(asked):
        raise ValueError(f"give one answer for each question, and at least one, not {len(said)} for {len(asked)}")
    there, yes, no = (
        torch.tensor([answer == word for answer in answers])
        for answers, word in ((asked.answers, "yes"), (said, "yes"), (said, "no"))
    )
    return Polled(there, yes, no)


def answers_by_captions(captions: Sequence[str], asked: Questions) -> list[str]:
    """Return the answers to a poll by a model that only describes: yes to what its caption of the scene mentions."""
    told = [mentions(caption) for caption in captions]
    return [
        "yes" if any(mentions(question)[0] <= said for said in told[i]) else "no"
        for i, question in zip(asked.scene.tolist(), asked.questions, strict=True)
    ]


def _present(scenes: Scenes) -> Float[Tensor, "scenes pairs"]:
    """1 where an object of each shape-colour pair, in the order of `PAIRS`, is in the scene."""
    found = torch.zeros(len(scenes), len(PAIRS))
    rows, slots = (scenes.shape >= 0).nonzero(as_tuple=True)
    found[rows, scenes.shape[rows, slots] * len(COLOURS) + scenes.colour[rows, slots]] = 1.0
    return found


def _ask(shape: str, colour: str) -> str:
    return f"is there {'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"
