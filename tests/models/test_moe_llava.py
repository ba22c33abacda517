"""A LLaVA with mixtures of experts: what it starts as, what of it learns, and where its tokens go."""

from __future__ import annotations

import hashlib

import pytest
import torch

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, picture_prompt
from utils.models.moe import SigmoidRouter, active_parameters, divide, load_balancing_loss, mixtures, routings
from utils.models.moe_llava import MoELLaVAConfig, moe_llava, moe_llava_loss, only_mixtures_learn, sparsify
from utils.models.vit import ViTConfig
from utils.training.loop import fit, overfit
from utils.world import VOCABULARY, render_pictures, sample_scenes, tokenize
from utils.world.tokenizer import END, IMAGE, PAD

CONFIG = MoELLaVAConfig(
    LLaVAConfig(
        vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
        language=GPTConfig(vocabulary=len(VOCABULARY), length=24, width=24, depth=3, heads=2, hidden=48),
    ),
    experts=4,
    top_k=2,
    blocks=(0, 2),
)
PATCHES = CONFIG.llava.vision.patches


@pytest.fixture
def dense():
    torch.manual_seed(0)
    return LLaVA(CONFIG.llava).eval()


@pytest.fixture
def model(dense):
    torch.manual_seed(1)
    return moe_llava(CONFIG, dense).eval()


@pytest.fixture
def batch():
    texts = ("<image> what colour is the circle red", "<image> a blue star")
    tokens = tokenize([picture_prompt(text, PATCHES) for text in texts], 16, len(VOCABULARY))
    return tokens, render_pictures(sample_scenes(2, seed=1))


def hashes(model, among=""):
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in model.state_dict().items()
        if among in name
    }


def prompts_left_out(tokens):
    """What is learnt: the words behind the picture."""
    return (tokens == IMAGE).cumsum(dim=1) == PATCHES


def test_until_its_experts_differ_it_is_the_dense_llava(model, dense, batch):
    assert torch.allclose(model(*batch), dense(*batch), atol=1e-5)
    assert len(mixtures(model)) == 2
    assert not mixtures(dense)


def test_it_shares_no_weight_with_the_dense_one(model, dense):
    own = {p.data_ptr() for p in model.parameters()}
    assert not own & {p.data_ptr() for p in dense.parameters()}


def test_only_the_mixtures_learn_and_the_frozen_stays_to_the_last_bit(model, batch):
    only_mixtures_learn(model)
    before = hashes(model)
    fit(model, [batch] * 3, moe_llava_loss, steps=3, learning_rate=1e-2)
    changed = {name for name, value in hashes(model).items() if before[name] != value}
    assert {name.split(".")[3] for name in changed} == {"feed_forward"}
    assert {name.split(".")[2] for name in changed} == {"0", "2"}
    assert any("router" in name for name in changed)


def test_every_token_is_sent_to_two_experts_in_every_mixture(model, batch):
    with routings(model) as sent:
        model(*batch)
    assert [routing.load.sum().item() for routing in sent] == [2 * batch[0].numel()] * 2


def test_no_position_depends_on_what_comes_after_it(model, batch):
    tokens, pictures = batch
    for mixture in mixtures(model):
        torch.nn.init.normal_(mixture.experts[0].contract.bias)
        torch.nn.init.normal_(mixture.experts[1].expand.weight)
    before = model(tokens, pictures)
    for position in range(PATCHES + 1, 12):
        changed = tokens.clone()
        changed[:, position:] = END
        assert torch.allclose(model(changed, pictures)[:, :position], before[:, :position], atol=1e-5)


def test_its_loss_is_that_of_the_answer_and_of_balance(model, batch):
    tokens, pictures = batch
    learnt = prompts_left_out(tokens)
    with routings(model) as sent:
        answer = next_token_loss(model(tokens, pictures), tokens, learnt)
    one, two = (load_balancing_loss(routing, (tokens != PAD).flatten()) for routing in sent)
    expected = answer + 0.3 * (one + two) / 2
    assert torch.allclose(moe_llava_loss(model, tokens, pictures, learnt, balance=0.3), expected)


def test_a_batch_without_a_word_to_learn_is_refused(model, batch):
    with pytest.raises(ValueError, match="no token is left to learn"):
        moe_llava_loss(model, *batch, learnt=torch.zeros_like(batch[0], dtype=torch.bool))


def test_it_learns(model, batch):
    history = overfit(model, batch, moe_llava_loss, steps=60, learning_rate=1e-2)
    assert history.losses[-1] < 0.3 * history.losses[0]


def test_it_generates_as_a_llava_does(model, dense, batch):
    prompt = torch.where(batch[0] == END, PAD, batch[0])
    assert torch.equal(model.generate(prompt, batch[1], 4), dense.generate(prompt, batch[1], 4))


def test_other_mixtures_and_other_blocks_can_be_put_in(dense, batch):
    language = sparsify(
        dense.language, [1], lambda feed_forward: divide(feed_forward, SigmoidRouter(24, 6, 2), shared=1)
    )
    model = LLaVA(CONFIG.llava, dense.vision, language, dense.projector)
    assert len(mixtures(model)) == 1
    assert model(*batch).shape == (2, 16, len(VOCABULARY))
    assert active_parameters(language) < 1.02 * active_parameters(dense.language)


def test_what_does_not_fit_is_refused(dense):
    with pytest.raises(ValueError, match="blocks 0 to 2, and no block 3"):
        moe_llava(MoELLaVAConfig(CONFIG.llava, blocks=(3,)), dense)
    with pytest.raises(ValueError, match="top_k must be from 1 to the 4 experts"):
        moe_llava(MoELLaVAConfig(CONFIG.llava, experts=4, top_k=5, blocks=(0,)), dense)
