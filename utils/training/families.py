"""Four families of multimodal models learn the same: one world, one vision tower, one budget of steps.

    dual encoder         two towers that meet in one dot product; it answers by asking which of the answers fits best
    fusion               LLaVA: soft tokens of the picture stand in the language model's sequence, and all of it learns
    end-to-end           Flamingo: the language model is frozen, and gated layers between its own look at the picture
    mixture of experts   MoE-LLaVA: fusion, with experts in the place of every second feed-forward network

All look through the frozen tower of "region_scenes" and learn from the questions of `utils.training.answering` and from
captions, in the same order. The three that write begin with one language model, which has read texts about scenes and
seen no picture; these texts tie no colour to a shape. What it reads before its answer it sees all at once, as a prefix
(PaliGemma does so: Beyer et al. 2024, section 3.1). With a causal mask over picture and question, what belongs to what
was not learnt within this budget.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.dual import DualConfig, DualEncoder
from utils.models.flamingo import Flamingo, FlamingoConfig, ResamplerConfig
from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.moe import load_balancing_loss, routings
from utils.models.moe_llava import MoELLaVAConfig, moe_llava
from utils.training.answering import MERGE, Lessons, eyes, lessons, training_questions, training_scenes
from utils.training.loop import History, fit
from utils.training.objectives import info_nce
from utils.training.recipes.llava_scenes import encode, in_reading_order, without_colours
from utils.world import COLOURS, NUMBERS, SHAPES, SIZES, VOCABULARY, Questions, Scenes, describe, places, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import SUMMARY, Text, answers, summaries
from utils.world.tokenizer import PAD, tokenize

BATCH, STEPS, LEARNING_RATE = 128, 1200, 2e-3
TEXT_SCENES, TEXT_SEED, TEXT_BATCH, TEXT_STEPS = 20_000, 3600, 64, 1000
CANDIDATES = 4  # answers of which a dual encoder learns to choose one
LENGTH = 24  # tokens of a question and an answer, for a dual encoder
LANGUAGE = GPTConfig(vocabulary=len(VOCABULARY), length=48, width=64, depth=4, heads=4, hidden=256)
BALANCE = 0.01


@dataclass(frozen=True)
class Material:
    """Pictures as the tower sees them, questions about them as tensors and as texts, and a caption of each picture."""

    lessons: Lessons
    questions: Questions
    captions: list[str]


@cache
def material() -> Material:
    """Return what all families learn from: only shape-colour pairs of the seen split are shown and named."""
    captions = [caption for scenes in training_scenes() for caption in captions_of(scenes)]
    return Material(lessons(), training_questions(), captions)


def captions_of(scenes: Scenes) -> list[str]:
    """Return a caption of each scene, which names its objects in reading order."""
    return [describe(in_reading_order(scene)) for scene in scenes]


def read_texts(seed: int, steps: int = TEXT_STEPS) -> tuple[GPT, History]:
    """Train the language model with which those that write begin: documents of scenes, with questions and captions.

    The texts tell of all pairs of shape and colour, each as often as any other. Of pictures it knows nothing. It begins
    with words and positions of length 1, as that of "flamingo_scenes".
    """
    told = sample_scenes(TEXT_SCENES, seed=TEXT_SEED, pairs="all")
    texts = [text for seed in range(3) for text in answers(told, seed=TEXT_SEED + seed)]
    tokens, learnt = encode(texts + summaries(told), 1)
    torch.manual_seed(seed)
    model = GPT(LANGUAGE)
    for vectors in (model.embedding.weight, model.positions):
        nn.init.normal_(vectors, std=0.3)
    rows = batches(tokens, learnt, batch_size=TEXT_BATCH, seed=seed, steps=steps)

    def loss(model: GPT, tokens: Tensor, learnt: Tensor) -> Tensor:
        return next_token_loss(model(tokens, before_reply(tokens, learnt)), tokens, learnt)

    return model, fit(model, rows, loss, steps=steps, learning_rate=LEARNING_RATE, description="texts")


def before_reply(
    tokens: Int[Tensor, "texts length"], learnt: Bool[Tensor, "texts length"]
) -> Bool[Tensor, "texts length"]:
    """Return which tokens stand before the first that is learnt: the prefix, which is seen all at once."""
    return (tokens != PAD) & (learnt.cumsum(dim=1) == 0)


class Family(ABC):
    """How one family begins, learns and answers; `visual_tokens` is how many vectors of a picture its text can meet."""

    name: str
    visual_tokens: int

    @abstractmethod
    def begin(self, language: GPT) -> nn.Module:
        """Return a model that has learnt nothing of pictures; `language` stays as it is."""

    @abstractmethod
    def lessons(self, material: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches without end: one of captions after seven of questions."""

    @abstractmethod
    def loss(self, model: nn.Module, *batch: Tensor) -> Float[Tensor, ""]:
        """Return the loss of one batch: what `fit` makes small."""


def draw(material: Material, generator: torch.Generator) -> Iterator[tuple[bool, Tensor, Tensor, Tensor]]:
    """Yield without end: whether it is questions, which rows, which of them see mixed colours, and what they see."""
    given, step = material.lessons, 0
    while True:
        asks = step % 8 != 7
        rows = torch.randint(len(given.scene) if asks else len(material.captions), (BATCH,), generator=generator)
        half = torch.arange(BATCH) < BATCH // 2
        mixed, pictures = (half & given.colourless[rows], given.scene[rows]) if asks else (half, rows)
        yield asks, rows, mixed, torch.where(mixed[:, None, None], given.mixed[pictures], given.seen[pictures])
        step += 1


class Writing(Family):
    """A family whose language model writes what it has to say behind the picture."""

    places: int  # how many <image> stand for a picture

    @abstractmethod
    def logits(
        self, model: nn.Module, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token, about pictures of which the tower has seen these `quarters`."""

    def loss(self, model: nn.Module, tokens: Tensor, learnt: Tensor, features: Tensor) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of what is to be written."""
        return next_token_loss(self.logits(model, tokens, learnt, features), tokens, learnt)

    def lessons(self, material: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield tokens, which of them are to be written, and the quarters of their pictures."""
        asked, told = (encode(texts, self.places) for texts in (question_texts(material.questions), _told(material)))
        for asks, rows, mixed, features in draw(material, torch.Generator().manual_seed(seed)):
            tokens, learnt = (part[rows] for part in (asked if asks else told))
            if not asks:
                tokens = torch.where(mixed[:, None], without_colours(tokens), tokens)
            yield tokens, learnt, features


class Fusion(Writing):
    """LLaVA: the picture's soft tokens stand in the sequence; projector and language model learn."""

    name = "fusion"

    def __init__(self):
        self.places = self.visual_tokens = eyes().config.patches // MERGE**2

    def begin(self, language: GPT) -> LLaVA:
        """Return a LLaVA with an untrained projector."""
        config = LLaVAConfig(eyes().config, LANGUAGE, MERGE)
        model = LLaVA(config, copy.deepcopy(eyes()), copy.deepcopy(language))
        model.vision.requires_grad_(False)
        return model

    def logits(
        self, model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token, with the quarters projected to where the words are."""
        return model.language.decode(model.embed(tokens, model.projector(quarters)), before_reply(tokens, learnt))


class MixtureOfExpertsFamily(Fusion):
    """MoE-LLaVA: as fusion, with a mixture of experts in every second block, whose load is kept in balance."""

    name = "mixture of experts"
    experts, top_k, blocks = 4, 2, tuple(range(1, LANGUAGE.depth, 2))

    def begin(self, language: GPT) -> LLaVA:
        """Return a LLaVA whose experts are copies of the language model's own networks."""
        dense = super().begin(language)
        model = moe_llava(MoELLaVAConfig(dense.config, self.experts, self.top_k, self.blocks), dense)
        model.vision.requires_grad_(False)
        return model

    def loss(self, model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor) -> Float[Tensor, ""]:
        """Return the loss of what is to be written, and that of balance over all tokens but padding."""
        with routings(model) as sent:
            answer = super().loss(model, tokens, learnt, quarters)
        real = (tokens != PAD).flatten()
        return answer + BALANCE * torch.stack([load_balancing_loss(routing, real) for routing in sent]).mean()


class EndToEnd(Writing):
    """Flamingo: a resampler and gated layers learn; the language model stays as its texts have made it."""

    name = "end-to-end"
    places = 1
    visual_tokens = 4

    def begin(self, language: GPT) -> Flamingo:
        """Return a Flamingo with closed gates."""
        resampler = ResamplerConfig(latents=self.visual_tokens, depth=1, heads=4, frames=1)
        config = FlamingoConfig(eyes().config, LANGUAGE, resampler)
        return Flamingo(config, copy.deepcopy(eyes()), copy.deepcopy(language))

    def logits(
        self, model: Flamingo, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token; the resampler reads single patches."""
        patches = rearrange(quarters, "b q (p c) -> b 1 1 (q p) c", p=MERGE**2)
        return model.read(tokens, model.resample(patches), before_reply(tokens, learnt))


class DualEncoderFamily(Family):
    """Two towers: to answer is to choose, of a question's possible answers, the one that fits the picture best."""

    name = "dual encoder"
    visual_tokens = 1

    def begin(self, language: GPT) -> DualEncoder:
        """Return two untrained towers: a language model is no part of them."""
        width = MERGE**2 * eyes().config.width
        return DualEncoder(DualConfig(picture_width=width, length=LENGTH, width=64, hidden=256, space=64))

    def lessons(self, material: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield questions, each with its answer and with others, or captions, and the quarters of their pictures."""
        asked, told = candidates(material.questions), tokenize(material.captions, LENGTH).unsqueeze(1)
        generator = torch.Generator().manual_seed(seed)
        for asks, rows, mixed, features in draw(material, torch.Generator().manual_seed(seed)):
            if asks:  # the true answer stands first; behind it some of the wrong ones, drawn anew
                wrong = asked.shape[1] - 1
                order = torch.rand(BATCH, wrong, generator=generator)
                order = order.masked_fill((asked[rows, 1:] == PAD).all(dim=2), 2.0).argsort(dim=1)[:, : CANDIDATES - 1]
                texts = torch.cat([asked[rows, :1], asked[rows[:, None], 1 + order]], dim=1)
            else:
                texts = torch.where(mixed[:, None, None], without_colours(told[rows]), told[rows])
            yield texts, features

    def loss(self, model: DualEncoder, texts: Tensor, features: Tensor) -> Float[Tensor, ""]:
        """Return the cross-entropy of the true answer among some, or of the true captions among those of the batch."""
        pictures = model.encode_patches(features)
        vectors = model.encode_text(texts.flatten(0, 1)).unflatten(0, texts.shape[:2])
        if texts.shape[1] == 1:  # captions: each is the wrong one for all other pictures
            halves = zip(pictures.chunk(2), vectors[:, 0].chunk(2), strict=True)
            return sum(info_nce(model.logit_scale.exp() * some @ texts.T) for some, texts in halves) / 2
        scores = model.logit_scale.exp() * torch.einsum("b c w, b w -> b c", vectors, pictures)
        scores = scores.masked_fill((texts == PAD).all(dim=2), float("-inf"))
        return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device))


def question_texts(questions: Questions) -> list[Text]:
    """Return for each question a picture's place, the question and its answer."""
    return [("<image>", *pair) for pair in zip(questions.questions, questions.answers, strict=True)]


def possible_answers(question: str) -> tuple[str, ...]:
    """Return what may be answered to a question about one or two objects, whatever the picture: told from its words."""
    first, second, *others = question.split()
    if first in ("is", "are"):
        return ("yes", "no")
    if first == "where":
        return places()
    if first == "which":
        return tuple(word for word in others if word in COLOURS or word in SHAPES)
    return {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "big": SIZES, "many": NUMBERS[:3]}[second]


def candidates(questions: Questions) -> Int[Tensor, "questions answers length"]:
    """Return the tokens of each question with each of its possible answers, the true one first; empty rows behind."""
    rows = []
    for question, answer in zip(questions.questions, questions.answers, strict=True):
        wrong = [other for other in possible_answers(question) if other != answer]
        rows.append([f"{question} {text}" for text in (answer, *wrong)])
    most = max(map(len, rows))
    tokens = tokenize([text for row in rows for text in row], LENGTH).split([len(row) for row in rows])
    return torch.stack([F.pad(some, (0, 0, 0, most - len(some)), value=PAD) for some in tokens])


def learn(family: Family, model: nn.Module, given: Material, *, seed: int, steps: int = STEPS) -> History:
    """Teach `model`, in place, what `given` holds, and return how it went."""
    batches_of = family.lessons(given, seed)
    return fit(model, batches_of, family.loss, steps=steps, learning_rate=LEARNING_RATE, description=family.name)


def _told(material: Material) -> list[Text]:
    return [("<image>", SUMMARY, caption) for caption in material.captions]
