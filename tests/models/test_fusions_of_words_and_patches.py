"""What holds for every model of words and patches, wherever and however the two meet."""

from __future__ import annotations

import pytest
import torch

from utils.models.joint import FUSION_DEPTHS, JointConfig, JointTransformer
from utils.models.lxmert import LXMERT, LXMERTConfig
from utils.models.vilbert import ViLBERT, ViLBERTConfig
from utils.training.loop import overfit
from utils.world import ANSWERS, UnknownWordError, ask, sample_scenes, tokenize

FEATURES = 12
SMALL = {"width": 24, "heads": 2, "hidden": 48}
MAKERS = {
    **{
        name: lambda depths=depths, **more: JointTransformer(JointConfig(FEATURES, *depths, **SMALL, **more))
        for name, depths in FUSION_DEPTHS.items()
    },
    "ViLBERT": lambda **more: ViLBERT(
        ViLBERTConfig(FEATURES, 1, 2, vision_width=20, vision_heads=4, vision_hidden=40, **SMALL, **more)
    ),
    "LXMERT": lambda **more: LXMERT(LXMERTConfig(FEATURES, 1, 1, 2, **SMALL, **more)),
}
ASKED = ask(sample_scenes(24, seed=1, objects=(2, 2)), seed=1)
TOKENS = tokenize(ASKED.questions)
PATCHES = torch.randn(len(ASKED), 16, FEATURES, generator=torch.Generator().manual_seed(0))

every_fusion = pytest.mark.parametrize("name", MAKERS)
where_both_meet = pytest.mark.parametrize("name", [name for name in MAKERS if name != "late"])


def make(name: str, **more):
    torch.manual_seed(0)
    return MAKERS[name](**more).eval()


@every_fusion
def test_every_question_gets_a_score_for_every_answer(name):
    assert make(name)(TOKENS, PATCHES).shape == (len(TOKENS), len(ANSWERS))


@every_fusion
def test_with_one_output_it_scores_texts_and_pictures(name):
    assert make(name, outputs=1)(TOKENS, PATCHES).shape == (len(TOKENS), 1)


@every_fusion
def test_an_answer_depends_on_the_picture_and_on_the_question(name):
    model = make(name)
    answers = model(TOKENS, PATCHES)
    assert not torch.allclose(answers, model(TOKENS, PATCHES.flip(0)), atol=1e-4)
    assert not torch.allclose(answers, model(TOKENS.flip(0), PATCHES), atol=1e-4)


@every_fusion
def test_padding_changes_nothing(name):
    model, row = make(name), int((TOKENS != 0).sum(1).argmin())
    shortest = int((TOKENS[row] != 0).sum())
    assert shortest < TOKENS.shape[1]
    cut = TOKENS[row : row + 1, :shortest]
    torch.testing.assert_close(
        model(cut, PATCHES[row : row + 1]), model(TOKENS, PATCHES)[row : row + 1], rtol=1e-4, atol=1e-5
    )


@every_fusion
def test_where_a_patch_stands_matters(name):
    model = make(name)
    assert not torch.allclose(model(TOKENS, PATCHES), model(TOKENS, PATCHES.flip(1)), atol=1e-4)


@every_fusion
def test_rows_do_not_see_each_other(name):
    model = make(name)
    torch.testing.assert_close(model(TOKENS, PATCHES)[3:5], model(TOKENS[3:5], PATCHES[3:5]), rtol=1e-4, atol=1e-5)


@where_both_meet
def test_words_know_the_picture_and_patches_know_the_question(name):
    model = make(name)
    words, patches = model.encode(TOKENS, PATCHES)
    assert not torch.allclose(words, model.encode(TOKENS, PATCHES.flip(0))[0], atol=1e-3)
    assert not torch.allclose(patches, model.encode(TOKENS.flip(0), PATCHES)[1], atol=1e-3)


@every_fusion
def test_every_parameter_has_a_part_in_the_answer(name):
    model = make(name)
    torch.nn.functional.cross_entropy(model(TOKENS, PATCHES), ASKED.labels).backward()
    unused = [key for key, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert unused == []


@every_fusion
def test_it_learns_one_batch_by_heart(name):
    def loss(model, tokens, patches, labels):
        return torch.nn.functional.cross_entropy(model(tokens, patches), labels)

    history = overfit(make(name), (TOKENS, PATCHES, ASKED.labels), loss, steps=80, learning_rate=3e-3)
    assert history.losses[-1] < 0.1 < history.losses[0]


@every_fusion
def test_bad_input_is_refused_in_words(name):
    model = make(name)
    with pytest.raises(ValueError, match=r"patches must be \[24, patches, 12\], .* not \[23, 16, 12\]"):
        model(TOKENS, PATCHES[:-1])
    with pytest.raises(ValueError, match=r"patches must be \[24, patches, 12\], .* not \[24, 16, 11\]"):
        model(TOKENS, PATCHES[..., :-1])
    with pytest.raises(ValueError, match="a square number, such as 16, and not 15"):
        model(TOKENS, PATCHES[:, :-1])
    with pytest.raises(ValueError, match=r"from 1 to 16 long, not torch.float32 of shape \[24, 16\]"):
        model(TOKENS.float(), PATCHES)
    with pytest.raises(ValueError, match=r"from 1 to 16 long, not torch.int64 of shape \[24, 17\]"):
        model(torch.nn.functional.pad(TOKENS, (0, 1)), PATCHES)
    with pytest.raises(UnknownWordError, match="knows the tokens 0 to 77"):
        model(TOKENS + 78, PATCHES)
