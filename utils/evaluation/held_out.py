"""The held-out figures of each checkpoint, and the making of a checkpoint with its card from its recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.intervals import bootstrap
from utils.evaluation.retrieval import class_embeddings, hits_at_k, zero_shot_correct
from utils.models.blocks import count_parameters
from utils.models.clip import CLIP
from utils.training.checkpoints import CHECKPOINTS, Figure, ModelCard, save_checkpoint
from utils.training.recipes import find_recipe, training_captions
from utils.world import (
    COLOURS,
    SHAPES,
    SIZES,
    Scene,
    Scenes,
    Thing,
    describe,
    places,
    render_captions,
    render_pictures,
    sample_scenes,
    tokenize,
)
from utils.world.candidates import retrieval_scenes


@torch.no_grad()
def scene_similarities(model: CLIP, scenes: Scenes) -> Float[Tensor, "scenes scenes"]:
    """Return the similarity of each scene's picture (rows) to each scene's caption (columns)."""
    return model.similarity(*model(render_pictures(scenes), tokenize(render_captions(scenes))))


def attribute_prompts(attribute: str) -> list[list[str]]:
    """Return, for each value of `attribute` ("shape" or "colour"), every caption of one object that has it."""
    values = {"shape": SHAPES, "colour": COLOURS}
    names = values.pop(attribute)
    ((other, others),) = values.items()
    return [
        [
            describe(Scene((Thing.at(size=size, place=place, **{attribute: name, other: value}),)))
            for value in others
            for size in SIZES
            for place in places()
        ]
        for name in names
    ]


@torch.no_grad()
def zero_shot_attribute(model: CLIP, scenes: Scenes, attribute: str) -> Float[Tensor, " scenes"]:
    """Return 1 for each one-object scene whose `attribute` the model names rightly from all prompts, else 0."""
    classes = class_embeddings(lambda texts: model.encode_text(tokenize(texts)), attribute_prompts(attribute))
    return zero_shot_correct(model.encode_image(render_pictures(scenes)), classes, getattr(scenes, attribute)[:, 0])


def measure_clip_scenes(model: CLIP, sets: int = 8) -> dict[str, Figure]:
    """Return the held-out figures of a CLIP on scenes: retrieval among 64 both ways, zero-shot, and two controls."""
    trained_on = training_captions()
    figures = {}

    def add(name: str, values: Tensor, bar: float, on: str, at_most: bool = False) -> None:
        interval = bootstrap(values)
        value, low, high = (round(number, 4) for number in (interval.mean, interval.low, interval.high))
        figures[name] = Figure(value=value, bar=bar, low=low, high=high, on=on, at_most=at_most)

    for pairs, bar, words in (
        ("seen", 0.95, "pairs that training shows"),
        ("one_held_out", 0.90, "at least one pair that training never shows in each"),
        ("held_out", 0.85, "only pairs that training never shows"),
    ):
        matrices = [
            scene_similarities(model, retrieval_scenes(pairs=pairs, seed=1000 + i, exclude=trained_on))
            for i in range(sets)
        ]
        on = f"{sets} sets of 64 scenes of two objects with captions not trained on, {words}"
        for way, hits in (
            ("picture to caption", [hits_at_k(matrix) for matrix in matrices]),
            ("caption to picture", [hits_at_k(matrix.T) for matrix in matrices]),
        ):
            add(f"recall@1 {pairs}, {way}", torch.cat(hits).float(), bar, on)
        if pairs == "seen":
            shuffled = torch.cat([hits_at_k(matrix[:, derangement(len(matrix))]) for matrix in matrices]).float()
            add("recall@1 seen, shuffled captions", shuffled, 0.05, f"{on}, captions exchanged", at_most=True)
    single = sample_scenes(1000, seed=2000, objects=(1, 1), pairs="held_out")
    on = "1000 scenes of one object, only pairs that training never shows"
    add("zero-shot colour held_out", zero_shot_attribute(model, single, "colour"), 0.98, on)
    add("zero-shot shape held_out", zero_shot_attribute(model, single, "shape"), 0.95, on)
    return figures


MEASURES = {"clip_scenes": measure_clip_scenes}


def make_checkpoint(name: str, folder: Path = CHECKPOINTS) -> ModelCard:
    """Train the checkpoint called `name` by its recipe, measure it on held-out data, save both and return its card.

    Ctrl-C raises `TrainingInterrupted` and writes nothing.
    """
    recipe = find_recipe(name)
    model, history = recipe.train(recipe)
    card = ModelCard(
        name=name,
        architecture=type(model).__name__,
        config=dataclasses.asdict(recipe.config),
        recipe=f"course train {name}",
        seed=recipe.seed,
        data=recipe.data,
        steps=recipe.steps,
        seconds=round(history.seconds, 1),
        parameters=count_parameters(model),
        vocabulary=recipe.config.text.vocabulary,
        figures=MEASURES[name](model.eval()),
    )
    save_checkpoint(model, card, folder)
    return card
