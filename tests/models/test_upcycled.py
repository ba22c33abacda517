"""What sparse upcycling trains of a LLaVA: where it goes, what it shares, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig, picture_prompt
from utils.models.moe import mixtures
from utils.models.upcycled import WAYS, Upcycled, UpcycledConfig
from utils.models.vit import ViTConfig
from utils.world import VOCABULARY, render_pictures, sample_scenes, tokenize

CONFIG = UpcycledConfig(width=24, hidden=48, experts=4, top_k=2, blocks=(0, 2))


@pytest.fixture
def llava():
    torch.manual_seed(0)
    return LLaVA(
        LLaVAConfig(
            vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
            language=GPTConfig(vocabulary=len(VOCABULARY), length=24, width=24, depth=3, heads=2, hidden=48),
        )
    ).eval()


@pytest.fixture
def batch(llava):
    text = picture_prompt("<image> a red ring", llava.config.soft_tokens)
    return tokenize([text, text], 12, len(VOCABULARY)), render_pictures(sample_scenes(2, seed=1))


@pytest.mark.parametrize("way", WAYS)
def test_untrained_both_ways_compute_what_the_llava_does(llava, batch, way):
    torch.manual_seed(1)
    model = Upcycled(CONFIG, llava).put_into(llava, way)
    assert torch.allclose(model(*batch), llava(*batch), atol=1e-5)
    assert len(mixtures(model)) == (2 if way == "sparse" else 0)
    assert not mixtures(llava)


@pytest.mark.parametrize("way", WAYS)
def test_what_learns_in_the_model_are_the_layers_themselves_and_nothing_of_the_llava(llava, batch, way):
    layers = Upcycled(CONFIG, llava)
    before = {name: tensor.clone() for name, tensor in llava.state_dict().items()}
    model = layers.put_into(llava, way).requires_grad_(False)
    getattr(layers, way).requires_grad_(True)
    assert count_parameters(model) == count_parameters(getattr(layers, way))
    model(*batch).square().mean().backward()
    torch.optim.SGD([p for p in layers.parameters() if p.requires_grad], lr=1.0).step()
    assert not torch.allclose(model(*batch), llava(*batch), atol=1e-5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in llava.state_dict().items())


def test_layers_that_are_loaded_are_those_that_were_saved(llava, batch):
    torch.manual_seed(1)
    trained, fresh = Upcycled(CONFIG, llava), Upcycled(CONFIG)
    assert not torch.allclose(fresh.put_into(llava, "sparse")(*batch), llava(*batch), atol=1e-5)
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(fresh.put_into(llava, "sparse")(*batch), trained.put_into(llava, "sparse")(*batch))


def test_blocks_that_are_not_there_are_refused(llava):
    with pytest.raises(ValueError, match=r"blocks \(0, 5\), and there are 3 blocks"):
        Upcycled(UpcycledConfig(width=24, hidden=48, blocks=(0, 5))).put_into(llava, "sparse")
