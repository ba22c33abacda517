"""What the captioner that makes things up is shown."""

from __future__ import annotations

import torch

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.recipes.dpo_captioner import RECIPE as AFTER
from utils.training.recipes.hearsay_captioner import RECIPE, examples, training_scenes
from utils.world import COLOURS, SEEN_PAIRS, VOCABULARY
from utils.world.mentions import made_up, mentions
from utils.world.tokenizer import END, IMAGE, PAD, detokenize

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=12, depth=2, heads=2, hidden=24, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=16, depth=1, heads=2, hidden=32),
    merge=2,
)


def test_training_shows_only_seen_pairs():
    scenes = training_scenes()[:500]
    assert {(thing.shape, thing.colour) for scene in scenes for thing in scene.things} <= set(SEEN_PAIRS)


def test_half_of_what_it_reads_makes_something_up_and_half_comes_without_colours():
    scenes = training_scenes()[:400]
    tokens, learnt, features = examples(LLaVA(CONFIG), scenes)
    assert len(tokens) == len(learnt) == len(features) == 800
    plain, mixed = tokens.chunk(2)
    told = [detokenize(row[(row == END).nonzero()[0, 0] + 1 :]) for row in plain]
    share = sum(any(made_up(text, scene)) for text, scene in zip(told, scenes, strict=True)) / len(scenes)
    assert 0.4 < share < 0.6
    assert all(len(mentions(text)) >= len(scene.things) for text, scene in zip(told, scenes, strict=True))
    colours = torch.tensor([VOCABULARY.index(colour) for colour in COLOURS])
    assert not torch.isin(mixed, colours).any()
    assert torch.equal(mixed, plain.masked_fill(torch.isin(plain, colours), PAD))
    assert not learnt[tokens == IMAGE].any()


def test_a_caption_fits_the_model_behind_its_picture():
    tokens, _, _ = examples(LLaVA(CONFIG), training_scenes()[:400])
    assert tokens.shape[1] <= RECIPE.config.language.length
    assert AFTER.config == RECIPE.config
