"""Measuring what a LLaVA would write: word for word, in one pass, as when it writes by itself."""

from __future__ import annotations

from itertools import repeat

import pytest
import torch

from utils.evaluation.held_out.moe_llava_scenes import answer_exam, blank_of, caption_exam, written
from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.loop import fit
from utils.world import VOCABULARY, ask, render_pictures, sample_scenes
from utils.world.tokenizer import IMAGE, PAD


@pytest.fixture(scope="module")
def llava():
    torch.manual_seed(0)
    return LLaVA(
        LLaVAConfig(
            vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
            language=GPTConfig(vocabulary=len(VOCABULARY), length=64, width=24, depth=2, heads=2, hidden=48),
        )
    ).eval()


def loss(model, tokens, learnt, pictures):
    return next_token_loss(model(tokens, pictures), tokens, learnt)


def test_what_is_right_in_one_pass_is_what_the_model_writes_by_itself(llava):
    scenes = sample_scenes(6, seed=1, objects=(1, 1))
    (tokens, learnt), pictures = caption_exam(scenes, llava.config.soft_tokens), render_pictures(scenes)
    few = tokens[:3], learnt[:3], pictures[:3]
    fit(llava, repeat(few), loss, steps=100, learning_rate=1e-2)  # three by heart, so that not all are wrong
    found = written(llava, (tokens, learnt), pictures)
    assert found[:3].tolist() == [1, 1, 1]
    assert found.sum() < 6
    prompt = tokens.masked_fill(learnt.cumsum(dim=1) > 0, PAD)
    said = llava.generate(prompt, pictures, int(learnt.sum(dim=1).max()))
    rows = zip(said, tokens, learnt, strict=True)
    alone = [torch.equal(row[: int(some.sum())], wanted[some]) for row, wanted, some in rows]
    assert found.tolist() == [float(right) for right in alone]


def test_an_exam_holds_as_many_image_tokens_as_a_picture_takes_and_asks_for_the_last_part():
    scenes = sample_scenes(20, seed=2, objects=(2, 2))
    asked = ask(scenes, seed=2)
    for tokens, learnt in (caption_exam(scenes, 4), answer_exam(asked, 4)):
        assert (tokens == IMAGE).sum(dim=1).tolist() == [4] * len(tokens)
        assert learnt.any(dim=1).all()
        assert not learnt[(tokens == IMAGE) | (tokens == PAD)].any()
    tokens, learnt = answer_exam(asked, 4)
    for row, some, answer in zip(tokens, learnt, asked.answers, strict=True):
        assert " ".join(VOCABULARY[i] for i in row[some][:-1].tolist()) == answer


def test_blank_pictures_are_all_alike_and_as_many():
    pictures = render_pictures(sample_scenes(5, seed=3))
    blank = blank_of(pictures)
    assert blank.shape == pictures.shape
    assert torch.equal(blank[0], blank[4])
