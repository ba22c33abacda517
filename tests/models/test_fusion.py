"""Question and picture joined: by cross-attention, and by fused features."""

from __future__ import annotations

import pytest
import torch

from utils.models.fusion import FUSIONS, FeatureFusion, QuestionAnswerer, QuestionAnswererConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.world import ANSWERS, ask, render_pictures, sample_scenes, tokenize

CONFIG = QuestionAnswererConfig(
    vision=ViTConfig(width=16, depth=1, heads=2, hidden=32, clip_style=True),
    text=TextConfig(width=24, depth=1, heads=2, hidden=48),
    depth=2,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return QuestionAnswerer(CONFIG).eval()


@pytest.fixture
def asked():
    scenes = sample_scenes(6, seed=1, objects=(2, 2))
    asked = ask(scenes, seed=1)
    return tokenize(asked.questions), render_pictures(scenes)[asked.scene]


def test_every_question_gets_a_score_for_every_answer(model, asked):
    tokens, pictures = asked
    assert model(tokens, pictures).shape == (len(tokens), len(ANSWERS))
    assert torch.equal(model(tokens, pictures), model.answer(tokens, model.see(pictures)))


def test_where_it_looks_sums_to_one_over_the_patches(model, asked):
    looks = model.looks(*asked)
    assert looks.shape == (len(asked[0]), CONFIG.depth, CONFIG.text.heads, asked[0].shape[1], CONFIG.vision.patches)
    torch.testing.assert_close(looks.sum(-1), torch.ones(looks.shape[:-1]))


def test_an_answer_depends_on_the_picture_and_on_the_question(model, asked):
    tokens, pictures = asked
    answers = model(tokens, pictures)
    assert not torch.allclose(answers, model(tokens, pictures.flip(0)), atol=1e-4)
    assert not torch.allclose(answers, model(tokens.flip(0), pictures), atol=1e-4)


def test_what_comes_after_the_end_of_a_question_changes_nothing(model, asked):
    tokens, pictures = asked
    shortest = int((tokens != 0).sum(1).min())
    row = int((tokens != 0).sum(1).argmin())
    cut = tokens[row : row + 1, :shortest]
    torch.testing.assert_close(model(cut, pictures[row : row + 1]), model(tokens, pictures)[row : row + 1])


@pytest.mark.parametrize("how", FUSIONS)
def test_fused_features_depend_on_both_modalities_unless_one_is_alone(how):
    torch.manual_seed(0)
    model = FeatureFusion(how, 6, 9, width=8)
    question, picture = torch.randn(4, 6), torch.randn(4, 9)
    answers = model(question, picture)
    assert answers.shape == (4, len(ANSWERS))
    same = {"question": model(question.flip(0), picture), "picture": model(question, picture.flip(0))}
    deaf = {name for name, other in same.items() if torch.equal(answers, other)}
    assert deaf == {"question alone": {"picture"}, "picture alone": {"question"}}.get(how, set())


def test_a_gate_mixes_each_number_of_question_and_picture():
    model = FeatureFusion("gate", 6, 9, width=8)
    question, picture = torch.zeros(3, 8), torch.ones(3, 8)
    fused = model.fuse(question, picture)
    assert ((fused > 0) & (fused < 1)).all()
    torch.testing.assert_close(model.fuse(question, question), question)


def test_an_unknown_way_of_fusing_is_refused():
    with pytest.raises(ValueError, match="one of question alone, picture alone, concatenation, sum, product, gate"):
        FeatureFusion("average", 6, 9)
