"""Four families of multimodal models learn the same: one world, one vision tower, one budget.

    dual encoder         two towers that meet in one product; it answers by a small head on that product
    fusion               LLaVA: soft tokens of the picture stand in the language model's sequence, and all of it learns
    end-to-end           Flamingo: the language model is frozen, and gated layers between its own look at the picture
    mixture of experts   as fusion, with experts in the place of every second feed-forward network

All see pictures through the frozen tower of "region_scenes", and learn from the questions of `utils.training.answering`
and from captions, in the same order. Flamingo's language model has read texts about scenes before, and seen no picture.

Those that write see what stands before their answer all at once, as a prefix (PaliGemma does so: Beyer et al. 2024,
section 3.1). With a causal mask over picture and question, what belongs to what was not learnt within this budget.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import FeedForward
from utils.models.dual import DualConfig
from utils.models.dual_answers import AnsweringDualEncoder
from utils.models.flamingo import Flamingo, FlamingoConfig, ResamplerConfig
from utils.models.gpt import GPT, GPTConfig, before_reply, draw_words, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.moe import MixtureOfExperts, SoftmaxRouter, divide, load_balancing_loss, routings
from utils.models.moe_llava import MoELLaVAConfig, sparsify
from utils.training.answering import DATA, MERGE, TOWER, Lessons, lessons, training_questions, training_scenes
from utils.training.device import choose_device, has_fast_mode
from utils.training.loop import History, fit
from utils.training.objectives import info_nce
from utils.training.recipes import flamingo_scenes
from utils.training.recipes.llava_scenes import config_of as llava_config
from utils.training.recipes.llava_scenes import encode, in_reading_order, without_colours
from utils.training.recipes.recipe import Recipe
from utils.world import VOCABULARY, Questions, Scenes, describe, sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.conversations import SUMMARY, answers, summaries
from utils.world.tokenizer import PAD

BATCH, STEPS, LEARNING_RATE = 128, 2000, 3e-3
EVERY = 8  # one batch in so many is of captions
TEXT_SCENES, TEXT_SEED, TEXT_BATCH, TEXT_STEPS = 20_000, 3600, 64, 800
LANGUAGE = GPTConfig(vocabulary=len(VOCABULARY), length=48, width=64, depth=4, heads=4, hidden=256)
BALANCE = 0.01
WORDS = 0.3  # standard deviation of the vectors of words and places, at the beginning


@dataclass(frozen=True)
class Material:
    """Pictures as the tower sees them, questions about them as tensors and as texts, and a caption of each picture."""

    lessons: Lessons
    questions: Questions
    captions: list[str]

    def blinded(self, nothing: Float[Tensor, "quarters width"]) -> Material:
        """Return the same with what the tower sees of an empty picture in the place of every picture."""
        empty = nothing.expand_as(self.lessons.seen)
        return replace(self, lessons=replace(self.lessons, seen=empty, mixed=empty))


@cache
def material() -> Material:
    """Return what all families learn from: only shape-colour pairs of the seen split are shown and named."""
    captions = [caption for scenes in training_scenes() for caption in captions_of(scenes)]
    return Material(lessons(), training_questions(), captions)


def captions_of(scenes: Scenes) -> list[str]:
    """Return a caption of each scene, which names its objects in reading order."""
    return [describe(in_reading_order(scene)) for scene in scenes]


def draw(given: Material, seed: int) -> Iterator[tuple[bool, Tensor, Tensor, Tensor]]:
    """Yield without end: whether it is questions, which rows, which of them see mixed colours, and what they see."""
    generator, taught, step = torch.Generator().manual_seed(seed), given.lessons, 0
    half = torch.arange(BATCH) < BATCH // 2
    while True:
        step += 1
        asks = step % EVERY != 0
        rows = torch.randint(len(taught.scene) if asks else len(given.captions), (BATCH,), generator=generator)
        mixed, pictures = (half & taught.colourless[rows], taught.scene[rows]) if asks else (half, rows)
        yield asks, rows, mixed, torch.where(mixed[:, None, None], taught.mixed[pictures], taught.seen[pictures])


def new_language(config: GPTConfig) -> GPT:
    """Return an untrained language model whose words and places are about as long as what else it reads."""
    model = GPT(config)
    draw_words(model, WORDS)
    return model


def _llava(config: LLaVAConfig) -> LLaVA:
    return LLaVA(config, nn.Identity(), new_language(config.language))


def read_texts(seed: int = 0, steps: int = TEXT_STEPS) -> tuple[GPT, History]:
    """Train the language model with which Flamingo begins: documents of scenes, with questions and captions.

    The texts tell of all pairs of shape and colour, each as often as any other. Of pictures it knows nothing.
    """
    told = sample_scenes(TEXT_SCENES, seed=TEXT_SEED, pairs="all")
    texts = [text for part in range(3) for text in answers(told, seed=TEXT_SEED + part)]
    torch.manual_seed(seed)
    model = new_language(LANGUAGE)
    rows = batches(*encode(texts + summaries(told), 1), batch_size=TEXT_BATCH, seed=seed, steps=steps)

    def loss(model: GPT, tokens: Tensor, learnt: Tensor) -> Tensor:
        return next_token_loss(model(tokens, before_reply(tokens, learnt)), tokens, learnt)

    return model, fit(model, rows, loss, steps=steps, learning_rate=LEARNING_RATE, description="texts")


@cache
def language_that_has_read() -> GPT:
    """Return the language model that all Flamingos of the four families begin with."""
    return read_texts()[0].requires_grad_(False)


class Family(ABC):
    """How one family begins and learns; `visual_tokens` is how many vectors of a picture its text can meet."""

    name: str
    visual_tokens: int
    config: Any

    @abstractmethod
    def build(self, fields: dict[str, Any] | None = None) -> nn.Module:
        """Return an untrained model, without the tower, which all share.

        `fields` may hold its configuration as plain data, as a model card does; by default it is `config`.
        """

    def begin(self, seed: int) -> nn.Module:
        """Return the model with which training begins."""
        torch.manual_seed(seed)
        return self.build()

    @abstractmethod
    def batches(self, given: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches without end: of questions, and every eighth of captions."""

    @abstractmethod
    def loss(self, model: nn.Module, *batch: Tensor) -> Float[Tensor, ""]:
        """Return the loss of one batch: what `fit` makes small."""


class DualEncoderFamily(Family):
    """Two towers and a product: captions are found by it, and questions answered by a head on it."""

    name, visual_tokens = "dual encoder", 1
    config = DualConfig(
        picture_width=MERGE**2 * TOWER.config.width, vocabulary=len(VOCABULARY), width=64, hidden=256, space=64
    )

    def build(self, fields: dict[str, Any] | None = None) -> AnsweringDualEncoder:
        """Return two untrained towers and a head."""
        return AnsweringDualEncoder(DualConfig(**fields) if fields else self.config)

    def batches(self, given: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield words, quarters, and the number of each answer, of which captions have none."""
        told, none = tokenize(given.captions), torch.empty(0, dtype=torch.long)
        for asks, rows, mixed, quarters in draw(given, seed):
            if asks:
                yield given.lessons.tokens[rows], quarters, given.lessons.labels[rows]
            else:
                yield torch.where(mixed[:, None], without_colours(told[rows]), told[rows]), quarters, none

    def loss(self, model: AnsweringDualEncoder, tokens: Tensor, quarters: Tensor, labels: Tensor) -> Float[Tensor, ""]:
        """Return the cross-entropy of the true answers, or of the true captions among those of half the batch.

        Captions with colours and those without, whose pictures have mixed ones, do not compete.
        """
        if len(labels):
            return F.cross_entropy(model(tokens, quarters), labels)
        pictures, texts = model.towers.encode_patches(quarters), model.towers.encode_text(tokens)
        halves = zip(pictures.chunk(2), texts.chunk(2), strict=True)
        return sum(info_nce(model.towers.logit_scale.exp() * some @ words.T) for some, words in halves) / 2


class Writing(Family):
    """A family whose language model writes what it has to say behind the picture."""

    places: int  # how many <image> stand for a picture

    @abstractmethod
    def logits(
        self, model: nn.Module, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token, about pictures of which the tower has seen these `quarters`."""

    def loss(self, model: nn.Module, tokens: Tensor, learnt: Tensor, quarters: Tensor) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of what is to be written."""
        return next_token_loss(self.logits(model, tokens, learnt, quarters), tokens, learnt)

    def batches(self, given: Material, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield tokens, which of them are to be written, and the quarters of their pictures."""
        asked, told = question_tokens(given.questions, self.places), caption_tokens(given.captions, self.places)
        for asks, rows, mixed, quarters in draw(given, seed):
            tokens, learnt = (part[rows] for part in (asked if asks else told))
            if not asks:
                tokens = torch.where(mixed[:, None], without_colours(tokens), tokens)
            length = int((tokens != PAD).sum(dim=1).max())
            yield tokens[:, :length], learnt[:, :length], quarters


class Fusion(Writing):
    """LLaVA: the picture's soft tokens stand in the sequence; projector and language model learn."""

    name = "fusion"
    config: Any = LLaVAConfig(TOWER.config, LANGUAGE, MERGE, projector_layers=1, projector_norm=True)
    places = visual_tokens = config.soft_tokens

    def build(self, fields: dict[str, Any] | None = None) -> LLaVA:
        """Return a LLaVA without eyes of its own."""
        return _llava(llava_config(fields) if fields else self.config)

    def logits(
        self, model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token, with the quarters projected to where the words are."""
        return model.language.decode(model.embed(tokens, model.projector(quarters)), before_reply(tokens, learnt))


class MixtureOfExpertsFamily(Fusion):
    """Fusion whose every second feed-forward network is a mixture: as much work a token, and more to choose from."""

    name = "mixture of experts"
    config = MoELLaVAConfig(Fusion.config, experts=4, top_k=2, blocks=tuple(range(1, LANGUAGE.depth, 2)))

    def build(self, fields: dict[str, Any] | None = None) -> LLaVA:
        """Return a LLaVA whose active experts together are as large as the network that they replace."""
        config = self.config
        if fields:
            config = MoELLaVAConfig(
                **{**fields, "llava": llava_config(fields["llava"]), "blocks": tuple(fields["blocks"])}
            )
        model = _llava(config.llava)

        def mixture(dense: FeedForward) -> MixtureOfExperts:
            return divide(dense, SoftmaxRouter(config.llava.language.width, config.experts, config.top_k))

        model.language = sparsify(model.language, config.blocks, mixture)
        return model

    def loss(self, model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor) -> Float[Tensor, ""]:
        """Return the loss of what is to be written, and that of balance over all tokens but padding."""
        with routings(model) as sent:
            answer = super().loss(model, tokens, learnt, quarters)
        real = (tokens != PAD).flatten()
        return answer + BALANCE * torch.stack([load_balancing_loss(routing, real) for routing in sent]).mean()


class EndToEnd(Writing):
    """Flamingo: a resampler and gated layers learn; the language model stays as its texts have made it."""

    name, places, visual_tokens = "end-to-end", 1, 4
    config = FlamingoConfig(TOWER.config, LANGUAGE, ResamplerConfig(latents=visual_tokens, depth=1, heads=4, frames=1))

    def build(self, fields: dict[str, Any] | None = None) -> Flamingo:
        """Return a Flamingo with closed gates, without eyes of its own."""
        config = flamingo_scenes.config_of(fields) if fields else self.config
        return Flamingo(config, nn.Identity())

    def begin(self, seed: int) -> Flamingo:
        """Return a Flamingo with closed gates whose language model has read texts."""
        model = super().begin(seed)
        model.language = copy.deepcopy(language_that_has_read())
        return model

    def logits(
        self, model: Flamingo, tokens: Tensor, learnt: Tensor, quarters: Tensor
    ) -> Float[Tensor, "texts length vocabulary"]:
        """Return the logits of each next token; the resampler reads single patches."""
        patches = rearrange(quarters, "b q (p c) -> b 1 1 (q p) c", p=MERGE**2)
        return model.read(tokens, model.resample(patches), before_reply(tokens, learnt))


FAMILIES: tuple[Family, ...] = (DualEncoderFamily(), Fusion(), EndToEnd(), MixtureOfExpertsFamily())


def question_tokens(asked: Questions, places: int) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return the tokens of each question behind a picture, with its answer, and which are to be written: the answer."""
    return encode([("<image>", *pair) for pair in zip(asked.questions, asked.answers, strict=True)], places)


def caption_tokens(
    captions: Sequence[str], places: int
) -> tuple[Int[Tensor, "texts length"], Bool[Tensor, "texts length"]]:
    """Return the tokens of each caption behind a picture and what is asked of it, and which are to be written."""
    return encode([("<image>", SUMMARY, caption) for caption in captions], places)


def recipe_of(family: Family) -> Recipe:
    """Return what makes the checkpoint of `family`, that of seed 0: called "family_", and the family's name."""
    language = f"; the language model has read {TEXT_STEPS * TEXT_BATCH} texts before, and is frozen"
    return Recipe(
        name=checkpoint_of(family),
        description=f"the {family.name} among the four families (lesson 3.6)",
        data=DATA + (language if isinstance(family, EndToEnd) else ""),
        seed=0,
        steps=STEPS,
        architecture=type(family.build()).__name__,
        config=family.config,
        vocabulary=len(VOCABULARY),
        build=family.build,
        train=lambda recipe: learn(family, recipe.seed, steps=recipe.steps),
    )


def checkpoint_of(family: Family) -> str:
    """Return the name of the family's checkpoint."""
    return "family_" + family.name.replace(" ", "_").replace("-", "_")


def learn(family: Family, seed: int, *, given: Material | None = None, steps: int = STEPS) -> tuple[nn.Module, History]:
    """Return a model of `family` that has learnt what is `given`, by default all of `material`, and how it went."""
    device, model = choose_device(), family.begin(seed)
    supply = ([part.to(device) for part in batch] for batch in family.batches(given or material(), seed))
    history = fit(
        model.to(device),
        supply,
        family.loss,
        steps=steps,
        learning_rate=LEARNING_RATE,
        fast=has_fast_mode(device),
        description=f"{family.name}, seed {seed}",
    )
    return model.cpu(), history
