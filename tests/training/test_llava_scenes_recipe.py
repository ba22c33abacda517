"""What the model that describes pictures is shown, and what of it it learns to write."""

from __future__ import annotations

import torch

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.recipes.llava_scenes import (
    FRAMES,
    PICTURE,
    about_each,
    encode,
    frames_of,
    in_reading_order,
    picture_captions,
    twice,
    video_texts,
    without_colours,
)
from utils.world import COLOURS, MOTIONS, render_pictures, sample_scenes
from utils.world.conversations import SUMMARY, answers
from utils.world.tokenizer import IMAGE, PAD, VOCABULARY

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=60, width=24, depth=1, heads=2, hidden=48),
    merge=2,
)


def words(row):
    return [VOCABULARY[token] for token in row.tolist()]


def test_captions_name_things_from_the_top_left_on():
    for scene in sample_scenes(30, seed=1, objects=(2, 2)):
        ordered = in_reading_order(scene)
        assert set(ordered.things) == set(scene.things)
        assert [scene.cell(thing) for thing in ordered.things] == sorted(scene.cell(thing) for thing in scene.things)
    for _, _, caption in picture_captions(sample_scenes(30, seed=1, objects=(2, 2))):
        assert " above " in caption or " left of " in caption


def test_a_picture_takes_its_soft_tokens_and_only_the_caption_is_learnt():
    tokens, learnt = encode([(PICTURE, SUMMARY, "a large red ring in the top left")], CONFIG.soft_tokens)
    assert (tokens == IMAGE).sum() == CONFIG.soft_tokens == 4
    assert words(tokens[0][learnt[0]]) == [*"a large red ring in the top left".split(), "<end>"]


def test_without_colours_nothing_else_is_missing():
    tokens, _ = encode([(PICTURE, SUMMARY, "a large red ring above a small blue star")], 4)
    left = without_colours(tokens)
    assert words(tokens[0][left[0] != tokens[0]]) == ["red", "blue"]
    assert (left[left != tokens] == PAD).all()
    assert not set(words(left[0])) & set(COLOURS)


def test_each_text_is_about_its_own_scene():
    scenes = sample_scenes(20, seed=2)
    texts, about = about_each(scenes, answers, 3)
    assert len(texts) == len(about) > 10
    for (what, *rest), i in zip(texts, about, strict=True):
        assert what == PICTURE
        assert rest == list(answers(scenes[[i]], seed=3 + i)[0][1:])


def test_pictures_and_videos_come_again_with_mixed_colours_and_no_words_for_them():
    torch.manual_seed(0)
    model = LLaVA(CONFIG).eval()
    still = sample_scenes(3, seed=4)
    moving = sample_scenes(3, seed=4, objects=(1, 1), motions=MOTIONS)
    for texts, films, frames in (
        (picture_captions(still), render_pictures(still).unsqueeze(1), 1),
        (video_texts(moving), frames_of(moving, 4), FRAMES),
    ):
        tokens, learnt, features = twice(model, texts, films, seed=5)
        assert len(tokens) == len(learnt) == len(features) == 6
        assert features.shape[1] == (tokens == IMAGE).sum(dim=1)[0] == 4 * frames
        assert torch.equal(tokens[3:], without_colours(tokens[:3]))
        assert not torch.allclose(features[3:], features[:3])
        expected = model.projector(features[0])
        assert torch.allclose(model.soft_tokens(films[0]).flatten(0, 1), expected, atol=1e-6)
