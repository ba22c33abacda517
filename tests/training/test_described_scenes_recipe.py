"""What the model that only describes is shown: no question, and each picture with and without its colours."""

from __future__ import annotations

import torch

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.recipes.described_scenes import RECIPE, begin, descriptions, examples
from utils.world import COLOURS, VOCABULARY, sample_scenes
from utils.world.tokenizer import END, IMAGE, PAD, detokenize

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=12, depth=2, heads=2, hidden=24, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=16, depth=1, heads=2, hidden=32),
    merge=2,
)


def test_descriptions_say_what_stands_where_in_reading_order():
    scenes = sample_scenes(40, seed=1, objects=(2, 2))
    for scene, (_, text) in zip(scenes, descriptions(scenes), strict=True):
        named = [part.partition(" in the ")[2] for part in text.split(" and ")]
        assert named == [scene.place(thing) for thing in sorted(scene.things, key=scene.cell)]


def test_all_of_a_description_is_learnt_and_nothing_else():
    scenes = sample_scenes(20, seed=2)
    tokens, learnt, features = examples(LLaVA(CONFIG), scenes, seed=2)
    assert len(tokens) == len(learnt) == len(features) == 2 * len(scenes)
    assert not learnt[(tokens == IMAGE)].any()
    for row, flags, (_, text) in zip(tokens, learnt, descriptions(scenes), strict=False):
        assert detokenize(row[flags]) == text
        assert row[flags][-1] == END


def test_the_second_half_has_no_word_for_a_colour():
    scenes = sample_scenes(20, seed=3)
    tokens, _, features = examples(LLaVA(CONFIG), scenes, seed=3)
    words = {VOCABULARY[token] for token in tokens[len(scenes) :].flatten().tolist()}
    assert not words & set(COLOURS)
    assert (tokens[len(scenes) :] == PAD).sum() > (tokens[: len(scenes)] == PAD).sum()
    assert not torch.equal(features[: len(scenes)], features[len(scenes) :])


def test_training_begins_behind_a_frozen_tower_the_same_from_one_seed():
    first, again = begin(3), begin(3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in first.vision.parameters())
    assert all(parameter.requires_grad for parameter in first.language.parameters())
    assert first.config == RECIPE.config
