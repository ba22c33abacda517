"""The held-out figures of the checkpoint "clip_scenes"."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.retrieval import class_embeddings, hits_at_k, zero_shot_correct
from utils.models.clip import CLIP
from utils.training.checkpoints import Figure
from utils.training.recipes.clip_scenes import training_captions
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


def measure(model: CLIP, sets: int = 8) -> dict[str, Figure]:
    """Return the held-out figures of a CLIP on scenes: retrieval among 64 both ways, zero-shot, and two controls."""
    trained_on = training_captions()
    figures = {}
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
            figures[f"recall@1 {pairs}, {way}"] = figure_of(torch.cat(hits), bar, on)
        if pairs == "seen":
            shuffled = torch.cat([hits_at_k(matrix[:, derangement(len(matrix))]) for matrix in matrices])
            on = f"{on}, captions exchanged"
            figures["recall@1 seen, shuffled captions"] = figure_of(shuffled, 0.05, on, at_most=True)
    single = sample_scenes(1000, seed=2000, objects=(1, 1), pairs="held_out")
    on = "1000 scenes of one object, only pairs that training never shows"
    figures["zero-shot colour held_out"] = figure_of(zero_shot_attribute(model, single, "colour"), 0.98, on)
    figures["zero-shot shape held_out"] = figure_of(zero_shot_attribute(model, single, "shape"), 0.95, on)
    return figures
