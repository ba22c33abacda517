"""The four families side by side: one exam for all, and what each of them costs.

    course train families

trains each family from the same data with three seeds, and beside it one that never sees a picture, and stores what
lesson 3.6 shows: the figures of every model, and the checkpoints of the first seed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from utils.evaluation.grounding import derangement
from utils.evaluation.retrieval import hits_at_k
from utils.lessons import ASSETS
from utils.models.blocks import count_parameters
from utils.models.dual import DualEncoder
from utils.models.gpt import GPT
from utils.models.moe import active_parameters
from utils.models.vit import ViT
from utils.training.families import (
    DualEncoderFamily,
    Family,
    Material,
    candidates,
    captions_of,
    learn,
    look,
    question_texts,
)
from utils.training.recipes.llava_scenes import encode
from utils.world import BACKGROUND, KINDS, PICTURE_SIZE, Questions, ask, render_pictures, sample_scenes
from utils.world.conversations import SUMMARY
from utils.world.tokenizer import PAD, tokenize

FIGURES = ASSETS / "measurements" / "families.json"
SEEDS = range(3)
BLIND_STEPS = 300  # after so many, a model without eyes has learnt what words alone say
GALLERY = 64


@dataclass(frozen=True)
class Exam:
    """Questions about pictures as the tower sees them; the first of these, all unlike, are a gallery with captions."""

    questions: Questions
    features: Float[Tensor, "pictures patches width"]
    blank: Float[Tensor, "patches width"]
    gallery: list[int]
    captions: list[str]


def exam(vision: ViT, scenes: int = 500, *, pairs: str = "held_out", seed: int = 3600) -> Exam:
    """Return an exam on `scenes` scenes, by default all of shape-colour pairs that no picture of training shows."""
    shown = sample_scenes(scenes, seed=seed, pairs=pairs)
    captions = captions_of(shown)
    gallery = list({caption: i for i, caption in reversed(list(enumerate(captions)))}.values())[-GALLERY:]
    return Exam(
        ask(shown, seed=seed, each=3),
        look(vision, render_pictures(shown)),
        look(vision, blank_picture())[0],
        gallery,
        [captions[i] for i in gallery],
    )


@torch.no_grad()
def right(family: Family, model: nn.Module, questions: Questions, features: Tensor) -> Float[Tensor, " questions"]:
    """Return 1 for each question that is answered rightly, to the last word, else 0; `features` has a row a question."""
    if isinstance(family, DualEncoderFamily):
        rows = zip(candidates(questions).split(100), features.split(100), strict=True)
        return torch.cat([(_fits(model, texts, some).argmax(dim=1) == 0).float() for texts, some in rows])
    tokens, learnt = encode(question_texts(questions), family.places)
    rows = zip(tokens.split(250), learnt.split(250), features.split(250), strict=True)
    return torch.cat([_all_right(family.logits(model, some, seen), some, wanted) for some, wanted, seen in rows])


def _fits(model: DualEncoder, texts: Tensor, features: Tensor) -> Float[Tensor, "questions answers"]:
    """How well each answer to each question fits its picture; what is no answer fits worst."""
    vectors = model.encode_text(texts.flatten(0, 1)).unflatten(0, texts.shape[:2])
    scores = torch.einsum("b c w, b w -> b c", vectors, model.encode_patches(features))
    return scores.masked_fill((texts == PAD).all(dim=2), -torch.inf)


def _all_right(logits: Tensor, tokens: Tensor, learnt: Tensor) -> Float[Tensor, " texts"]:
    """1 where the likeliest token is the true one at every learnt place: greedy writing gives just this text."""
    found = logits[:, :-1].argmax(dim=-1) == tokens[:, 1:]
    return (found | ~learnt[:, 1:]).all(dim=1).float()


@torch.no_grad()
def match(
    family: Family, model: nn.Module, captions: Sequence[str], features: Float[Tensor, "pictures patches width"]
) -> Float[Tensor, "pictures captions"]:
    """Return how well each caption fits each picture, of which only the order has a meaning.

    A dual encoder reads every picture and every caption once. One that writes must read every pair: what counts is how
    likely it finds the caption, behind the picture.
    """
    if isinstance(family, DualEncoderFamily):
        return model.encode_patches(features) @ model.encode_text(tokenize(captions, model.config.length)).T
    tokens, learnt = encode([("<image>", SUMMARY, caption) for caption in captions], family.places)
    scores = []
    for one in features:
        chances = family.logits(model, tokens, one.expand(len(tokens), -1, -1))[:, :-1].log_softmax(dim=-1)
        written = chances.gather(2, tokens[:, 1:, None])[:, :, 0] * learnt[:, 1:]
        scores.append(written.sum(dim=1))
    return torch.stack(scores)


@dataclass(frozen=True)
class Costs:
    """What a family costs.

    `parameters` are all behind the tower, `trained` those that learn, `active` those that one token meets; `flops` are
    those of one answer, tower included; `visual_tokens` are the vectors of a picture that a text can meet; `memory` is
    that of a training step, in MB; `seconds` are those of a processor, spent on training.
    """

    parameters: int
    trained: int
    active: int
    visual_tokens: int
    flops: int
    memory: float
    seconds: float


def costs(family: Family, model: nn.Module, vision: ViT, lesson: Material, seconds: float) -> Costs:
    """Return what `family` costs; `lesson` is any material to learn from."""
    own = count_parameters(model) - (count_parameters(model.vision) if hasattr(model, "vision") else 0)
    idle = count_parameters(model) - active_parameters(model)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return Costs(
        parameters=own,
        trained=trained,
        active=own - idle,
        visual_tokens=family.visual_tokens,
        flops=flops_of_an_answer(family, model, vision, lesson.questions),
        memory=round(training_memory(family, model, lesson) / 1e6, 1),
        seconds=round(seconds, 1),
    )


def flops_of_an_answer(family: Family, model: nn.Module, vision: ViT, questions: Questions) -> int:
    """Return the floating-point operations of looking at one picture and answering one question about it."""
    one = Questions(torch.zeros(1, dtype=torch.long), questions.questions[:1], questions.answers[:1], questions.kinds[:1])
    with FlopCounterMode(display=False) as counter:
        right(family, model, one, look(vision, blank_picture()))
    return counter.get_total_flops()


def training_memory(family: Family, model: nn.Module, lesson: Material) -> int:
    """Return the bytes that one step of training holds: weights, gradients, AdamW's two moments, and activations."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    batch = next(family.lessons(lesson, seed=0))
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        family.loss(model, *batch)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    activations = sum(size for place, size in kept.items() if place not in weights)
    sizes = [(parameter.numel() * 4, parameter.requires_grad) for parameter in model.parameters()]
    return activations + sum(size * (4 if learns else 1) for size, learns in sizes)


def blank_picture() -> Tensor:
    """Return a picture with nothing on it, uint8 [1, 3, height, width]."""
    return torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, PICTURE_SIZE, PICTURE_SIZE)


@dataclass(frozen=True)
class Result:
    """What one model of a family reached with one seed: shares of right answers, of right finds, and its costs."""

    overall: float
    kinds: dict[str, float]
    shuffled: float
    blank: float
    text_only: float
    image_to_text: float
    text_to_image: float
    costs: Costs


def result(family: Family, model: nn.Module, blind: nn.Module, questions: Exam, of: Costs) -> Result:
    """Examine `model`, and beside it one of its family that has learnt `blind`."""
    asked, seen = questions.questions, questions.features[questions.questions.scene]
    empty = questions.blank.expand_as(seen)
    true = right(family, model, asked, seen)
    found = match(family, model, questions.captions, questions.features[questions.gallery])
    return Result(
        overall=_share(true),
        kinds={kind: _share(true[torch.tensor([k == kind for k in asked.kinds])]) for kind in KINDS},
        shuffled=_share(right(family, model, asked, seen[derangement(len(seen))])),
        blank=_share(right(family, model, asked, empty)),
        text_only=_share(right(family, blind, asked, empty)),
        image_to_text=_share(hits_at_k(found).float()),
        text_to_image=_share(hits_at_k(found.T).float()),
        costs=of,
    )


def _share(scores: Tensor) -> float:
    return round(scores.mean().item(), 4)


def train_family(family: Family, vision: ViT, language: GPT, lesson: Material, seed: int) -> tuple[nn.Module, float]:
    """Return a model of `family` that has learnt `lesson`, and the seconds of a processor that it took."""
    torch.manual_seed(seed)
    model, begin = family.begin(vision, language), time.process_time()
    learn(family, model, lesson, seed=seed)
    return model.eval(), time.process_time() - begin


def blinded(lesson: Material, blank: Tensor) -> Material:
    """Return `lesson` with the blank picture in the place of every picture."""
    empty = blank.expand_as(lesson.features)
    return replace(lesson, features=empty, mixed=empty)
