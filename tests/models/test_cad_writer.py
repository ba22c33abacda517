"""A model that writes programs: it reads its picture first, and what it writes are words of a program."""

from __future__ import annotations

import pytest
import torch

from utils.models.cad_writer import CADWriter, CADWriterConfig, program_loss
from utils.models.gpt import GPTConfig
from utils.models.vit import ViTConfig
from utils.training.loop import overfit
from utils.world import CAD_VOCABULARY, render_pictures, render_programs, sample_scenes, tokenize_programs
from utils.world.cad import CAD_LENGTH

VISION = ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True)


def language(**changed):
    sizes = {"vocabulary": len(CAD_VOCABULARY), "length": VISION.patches + CAD_LENGTH}
    return GPTConfig(**{**sizes, "width": 32, "depth": 1, "heads": 2, "hidden": 64, **changed})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CADWriter(CADWriterConfig(VISION, language())).eval()


@pytest.fixture(scope="module")
def scenes():
    return sample_scenes(6, seed=1)


def test_there_is_a_score_for_each_word_after_each_token(model, scenes):
    tokens = tokenize_programs(render_programs(scenes))
    assert model(render_pictures(scenes), tokens).shape == (6, CAD_LENGTH, len(CAD_VOCABULARY))


def test_each_word_hangs_on_the_picture_and_on_the_words_before_it_alone(model, scenes):
    pictures, tokens = render_pictures(scenes), tokenize_programs(render_programs(scenes))
    with torch.no_grad():
        before = model(pictures, tokens)
        changed = tokens.clone()
        changed[:, 5] = (tokens[:, 5] + 1) % len(CAD_VOCABULARY)
        after, elsewhere = model(pictures, changed), model(pictures.flip(0), tokens)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])
    assert not torch.allclose(before[:, 0], elsewhere[:, 0])


def test_what_is_written_is_what_the_scores_say_likeliest(model, scenes):
    pictures = render_pictures(scenes)
    for picture, program in zip(pictures, model.write(pictures), strict=True):
        tokens = torch.tensor([[1]])  # <start>
        for _ in range(CAD_LENGTH - 1):
            with torch.no_grad():
                token = model(picture[None], tokens)[:, -1].argmax(dim=-1, keepdim=True)
            tokens = torch.cat([tokens, token], dim=1)
        words = [CAD_VOCABULARY[i] for i in tokens[0, 1:].tolist()]
        words = words[: words.index("<end>")] if "<end>" in words else words
        expected = [word for word in words if word not in ("<pad>", "<start>", ";")]
        assert program.replace("\n", " ").split() == expected


def test_programs_are_drawn_by_their_seed(model, scenes):
    pictures = render_pictures(scenes)
    first = model.write(pictures, temperature=1.0, seed=1)
    assert first == model.write(pictures, temperature=1.0, seed=1) != model.write(pictures, temperature=1.0, seed=2)


def test_it_learns_a_batch_by_heart(model, scenes):
    batch = render_pictures(scenes), tokenize_programs(render_programs(scenes))
    assert overfit(model, batch, program_loss, steps=60, learning_rate=1e-2).losses[-1] < 0.3


def test_a_language_that_does_not_fit_programs_is_refused_in_words():
    for changed in ({"vocabulary": 20}, {"length": 20}):
        with pytest.raises(ValueError, match="programs need a language model of 78 tokens that reads 4 soft tokens"):
            CADWriterConfig(VISION, language(**changed))
