"""A language model that reads one soft token a picture, wherever a picture stands among the words."""

from __future__ import annotations

import pytest
import torch

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.interleaved import InterleavedConfig, InterleavedGPT
from utils.training.loop import overfit
from utils.world.tokenizer import END, IMAGE, PAD, START

CONFIG = InterleavedConfig(
    features=6, language=GPTConfig(vocabulary=IMAGE + 1, length=12, width=16, depth=2, heads=2, hidden=32)
)
TOKENS = torch.tensor([[START, IMAGE, 20, IMAGE, 21], [START, 22, IMAGE, IMAGE, 23]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return InterleavedGPT(CONFIG).eval()


@pytest.fixture
def features():
    return torch.randn(2, 2, 6, generator=torch.Generator().manual_seed(0))


def test_each_picture_stands_where_its_row_has_an_image(model, features):
    torch.nn.init.zeros_(model.before.weight)
    embeddings = model.embed(TOKENS, features)
    soft = model.projector(features)
    assert torch.equal(embeddings[0, [1, 3]], soft[0])
    assert torch.equal(embeddings[1, [2, 3]], soft[1])
    text = TOKENS != IMAGE
    assert torch.equal(embeddings[text], model.language.embed(TOKENS)[text])


def test_each_position_brings_along_what_stood_before_it(model, features):
    whole = model.embed(TOKENS, features)
    weight = model.before.weight.detach().clone()
    torch.nn.init.zeros_(model.before.weight)
    alone = model.embed(TOKENS, features)
    assert torch.equal(whole[:, 0], alone[:, 0])
    assert torch.allclose(whole[:, 1:], alone[:, 1:] + alone[:, :-1] @ weight.T, atol=1e-6)


def test_without_pictures_and_without_what_stood_before_it_is_its_language_model(model):
    torch.nn.init.zeros_(model.before.weight)
    tokens = torch.tensor([[START, 20, 21]])
    assert torch.equal(model(tokens, torch.empty(1, 0, 6)), model.language(tokens))


def test_what_stands_before_a_picture_does_not_depend_on_it_and_what_follows_does(model, features):
    other = features.clone()
    other[:, 1] += 1
    one, two = model(TOKENS, features), model(TOKENS, other)
    assert torch.equal(one[0, :3], two[0, :3])
    assert not torch.equal(one[0, 3:], two[0, 3:])


def test_rows_and_pictures_must_fit(model, features):
    with pytest.raises(ValueError, match="row 0 holds 2 <image> for 1 pictures"):
        model(TOKENS, features[:, :1])
    with pytest.raises(ValueError, match=r"2 rows of tokens need features \[2, pictures, 6\], not \[2, 2, 5\]"):
        model(TOKENS, features[..., :5])


def test_a_row_may_not_take_the_pictures_of_another(model, features):
    uneven = torch.tensor([[START, IMAGE, IMAGE, IMAGE, 21], [START, 22, IMAGE, 20, 23]])
    with pytest.raises(ValueError, match="row 0 holds 3 <image> for 2 pictures"):
        model(uneven, features)


def test_it_must_know_the_token_of_a_picture():
    with pytest.raises(ValueError, match="<image> is token"):
        InterleavedConfig(features=6, language=GPTConfig())


def test_it_generates_what_it_has_learnt_by_heart(model, features):
    tokens = torch.tensor([[START, IMAGE, IMAGE, 20, 21, END, PAD], [START, IMAGE, IMAGE, 22, 23, 24, END]])

    def loss(model, tokens, features):
        return next_token_loss(model(tokens, features), tokens)

    history = overfit(model, (tokens, features), loss, steps=60, learning_rate=1e-2)
    assert history.losses[-1] < 0.2 * history.losses[0]
    written = model.generate(tokens[:, :3], features, 4)
    assert written.shape == (2, 4)
    assert ((written == END).cumsum(1).clamp(max=1) >= (written == PAD).long()).all()


def test_gradients_reach_the_projector_through_the_language_model(model, features):
    next_token_loss(model(TOKENS, features), TOKENS).backward()
    assert model.projector.weight.grad.abs().sum() > 0
