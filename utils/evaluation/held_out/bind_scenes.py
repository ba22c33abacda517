"""The held-out figures of the checkpoint "bind_scenes": pairs of modalities that were trained, and that were not."""

from __future__ import annotations

import dataclasses
import itertools

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.clip_scenes import attribute_prompts
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.retrieval import class_embeddings, hits_at_k, zero_shot_correct
from utils.models.bind import ImageBind
from utils.training.checkpoints import Figure
from utils.training.recipes.bind_scenes import render
from utils.training.recipes.clip_scenes import training_captions
from utils.world import MOTIONS, Scenes, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.candidates import retrieval_scenes

# What is trained is each modality with pictures. The bars of sounds are lower since nobody hears a colour, and that of
# sounds with videos lies little above chance, 1 in 64: after its few steps the video tower knows colours and no shapes,
# sounds know shapes and no colours, and two modalities can meet only in what both of them know.
BARS = {
    ("text", "image"): 0.95,
    ("image", "audio"): 0.40,
    ("image", "video"): 0.55,
    ("image", "3d"): 0.80,
    ("text", "audio"): 0.30,
    ("text", "video"): 0.55,
    ("text", "3d"): 0.80,
    ("audio", "video"): 0.02,
    ("audio", "3d"): 0.25,
    ("video", "3d"): 0.45,
}
# The bar of each, and whether it is one to stay below: what a modality does not tell, or its tower has not learnt.
ZERO_SHOT = {
    "shape": {"audio": (0.90, False), "video": (0.30, True), "3d": (0.60, False)},
    "colour": {"audio": (0.25, True), "video": (0.90, False), "3d": (0.90, False)},
}


def moving(scenes: Scenes, *, seed: int) -> Scenes:
    """Return the scenes with an action drawn for every object, which only their videos show."""
    drawn = torch.randint(len(MOTIONS), scenes.shape.shape, generator=torch.Generator().manual_seed(seed))
    return dataclasses.replace(scenes, motion=drawn.where(scenes.shape >= 0, -1))


@torch.no_grad()
def embed(model: ImageBind, scenes: Scenes, *, seed: int = 0) -> dict[str, Float[Tensor, "scenes width"]]:
    """Return the vectors of scenes in each modality, by its name; `seed` draws sounds, points and actions."""
    inputs = {
        "text": tokenize(render_captions(scenes)),
        "image": render_pictures(scenes),
        "audio": render("audio", scenes, seed=seed),
        "video": render("video", moving(scenes, seed=seed), seed=seed),
        "3d": render("3d", scenes, seed=seed),
    }
    return {name: model.encode(name, values) for name, values in inputs.items()}


def sound_alike(scenes: Scenes) -> Bool[Tensor, "scenes scenes"]:
    """Say which scenes cannot be told apart by ear: the same shapes in the same sizes on the same sides."""
    heard = [
        frozenset((thing.shape, thing.size, scene.cell(thing) % scene.grid) for thing in scene.things)
        for scene in scenes
    ]
    return torch.tensor([[one == other for other in heard] for one in heard])


def measure(model: ImageBind, sets: int = 8) -> dict[str, Figure]:
    """Return the held-out figures: retrieval among 64 for all pairs of modalities, zero-shot attributes, controls."""
    trained_on = training_captions()
    spaces = []
    for i in range(sets):
        scenes = retrieval_scenes(pairs="one_held_out", seed=1000 + i, exclude=trained_on)
        spaces.append(embed(model, scenes, seed=1000 + i))
    figures = {}
    on = f"{sets} sets of 64 scenes of two objects, at least one pair that training never shows in each, both ways"
    for one, other in itertools.combinations(model.MODALITIES, 2):
        matrices = [space[one] @ space[other].T for space in spaces]
        hits = torch.cat([hits_at_k(way) for matrix in matrices for way in (matrix, matrix.T)])
        trained = "trained together" if "image" in (one, other) else "never trained together"
        figures[f"recall@1 {one} and {other}, {trained}"] = figure_of(hits, BARS[one, other], on)
    shuffled = [space["audio"][derangement(64)] @ space["text"].T for space in spaces]
    figures["recall@1 audio to text, shuffled sounds"] = figure_of(
        torch.cat([hits_at_k(matrix) for matrix in shuffled]), 0.05, f"{on}, sounds exchanged", at_most=True
    )
    single = sample_scenes(1000, seed=2000, objects=(1, 1), pairs="held_out")
    vectors = embed(model, single, seed=2000)
    on = "1000 scenes of one object, only pairs that training never shows; the classes are sentences"
    for attribute, limits in ZERO_SHOT.items():
        classes = class_embeddings(lambda texts: model.encode("text", tokenize(texts)), attribute_prompts(attribute))
        for modality, (bar, unknown) in limits.items():
            right = zero_shot_correct(vectors[modality], classes, getattr(single, attribute)[:, 0])
            figures[f"zero-shot {attribute} from {modality}"] = figure_of(right, bar, on, at_most=unknown)
    return figures
