"""Early, late and hybrid fusion are one model with its joint layers at different depths."""

from __future__ import annotations

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.models.joint import FUSION_DEPTHS, JointConfig, JointTransformer, boxes
from utils.world import sample_scenes, tokenize
from utils.world.captions import render_captions

TOKENS = tokenize(render_captions(sample_scenes(3, seed=0)))
PATCHES = torch.randn(3, 16, 12, generator=torch.Generator().manual_seed(0))


def make(name: str) -> JointTransformer:
    torch.manual_seed(0)
    return JointTransformer(JointConfig(12, *FUSION_DEPTHS[name], width=24, heads=2, hidden=48)).eval()


def test_all_fusions_have_equally_many_parameters():
    assert len({count_parameters(make(name)) for name in FUSION_DEPTHS}) == 1


def test_in_late_fusion_nothing_is_shared_but_the_answer():
    model = make("late")
    words, patches = model.encode(TOKENS, PATCHES)
    assert torch.equal(words, model.encode(TOKENS, PATCHES.flip(0))[0])
    assert torch.equal(patches, model.encode(TOKENS.flip(0), PATCHES)[1])


def test_with_the_same_layers_only_the_joint_ones_mix():
    """Hybrid fusion's towers are those of late fusion."""
    model = make("hybrid")
    towers, _ = model.towers(TOKENS, PATCHES)
    others, _ = model.towers(TOKENS, PATCHES.flip(0))
    assert torch.equal(towers[:, :16], others[:, :16])
    assert not torch.allclose(model.encode(TOKENS, PATCHES)[0], model.encode(TOKENS, PATCHES.flip(0))[0], atol=1e-3)


@pytest.mark.parametrize("name", ["early", "hybrid"])
def test_what_a_word_looks_at_is_divided_between_patches_and_words(name):
    model = make(name)
    looks = model.looks(TOKENS, PATCHES)
    assert looks.shape == (3, FUSION_DEPTHS[name][2], 2, 16, 16)
    share = looks.sum(-1)
    assert ((share > 0) & (share < 1)).all()


def test_late_fusion_has_no_looks_to_show():
    with pytest.raises(ValueError, match="no word ever looks at a patch: joint_depth is 0"):
        make("late").looks(TOKENS, PATCHES)


@pytest.mark.parametrize("depths", [(0, 0, 0), (-1, 2, 2)])
def test_a_model_without_layers_is_refused(depths):
    with pytest.raises(ValueError, match="0 or more, one above 0"):
        JointConfig(12, *depths)


def test_boxes_go_in_reading_order_and_cover_the_picture():
    places = boxes(torch.zeros(1, 4, 5))
    assert places.tolist() == [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    left, top, right, bottom = boxes(torch.zeros(1, 25, 5, dtype=torch.float64)).unbind(-1)
    assert ((right - left) * (bottom - top)).sum().item() == pytest.approx(1)
