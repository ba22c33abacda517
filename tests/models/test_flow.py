"""Rectified flow: straight lines from noise to pictures, and a way back that follows a text."""

from __future__ import annotations

import math

import pytest
import torch

from utils.models.flow import (
    Flow,
    FlowConfig,
    draw,
    flow_path,
    no_text,
    rectified_flow_loss,
    to_picture,
    to_places,
)
from utils.models.text import TextConfig
from utils.training.loop import fit
from utils.world import BACKGROUND, UnknownWordError, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches

CONFIG = FlowConfig(text=TextConfig(width=16, depth=1, heads=2, hidden=32), channels=8)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Flow(CONFIG).eval()


@pytest.fixture
def scenes():
    return sample_scenes(6, seed=1, objects=(1, 1))


def moved(model):
    """The model, away from the zeros at which it starts."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return model


def test_pictures_come_back_from_places_to_the_last_bit(scenes):
    pictures = render_pictures(scenes)
    assert torch.equal(to_picture(to_places(pictures)), pictures)
    ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    assert torch.equal(to_places(ground), torch.zeros(1, 12, 16, 16)), "bare ground is nothing"


def test_a_place_holds_the_pixels_of_its_block():
    picture = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    picture[0, :, 6:8, 10:12] = 255
    found = (to_places(picture)[0] > 0).all(0).nonzero()
    assert found.tolist() == [[3, 5]]


def test_an_untrained_model_stands_still(model, scenes):
    noise, *_, last = flow_path(model, tokenize(render_captions(scenes)), steps=3)
    assert torch.equal(noise, last)


def test_euler_steps_along_a_known_velocity_end_where_they_must(model):
    class Towards(torch.nn.Module):
        config = CONFIG

        def forward(self, x, time, tokens):
            """The velocity that leads to 1 at time 1 from wherever x is."""
            return (1 - x) / (1 - time).view(-1, 1, 1, 1)

    for steps in (1, 4, 9):
        *_, last = flow_path(Towards(), tokenize(["a red ring"]), steps=steps, guidance=1)
        torch.testing.assert_close(last, torch.ones_like(last))


def test_guidance_goes_from_no_text_through_the_text_and_beyond(model, scenes):
    model, tokens = moved(model), tokenize(render_captions(scenes))

    def one_step(guidance, tokens=tokens):
        noise, last = flow_path(model, tokens, steps=1, guidance=guidance)
        return last - noise

    with_text, without = one_step(1), one_step(0)
    assert not torch.equal(with_text, without)
    torch.testing.assert_close(without, one_step(1, no_text(tokens)))
    torch.testing.assert_close(one_step(3), without + 3 * (with_text - without), rtol=1e-4, atol=1e-5)


def test_no_text_is_the_empty_text_as_the_tokenizer_writes_it():
    tokens = tokenize(["a red ring", "nothing"])
    assert torch.equal(no_text(tokens), tokenize(["", ""]))


def test_the_loss_of_standing_still_is_the_mean_square_of_the_way(model, scenes):
    pictures, tokens = render_pictures(scenes), tokenize(render_captions(scenes))
    torch.manual_seed(3)
    noise = torch.randn_like(to_places(pictures))
    torch.manual_seed(3)
    loss = rectified_flow_loss(model, pictures, tokens)
    torch.testing.assert_close(loss, (to_places(pictures) - noise).square().mean())


def test_the_text_is_left_out_as_often_as_is_asked_for(model, scenes, monkeypatch):
    pictures, tokens = render_pictures(scenes), tokenize(render_captions(scenes))
    seen = []
    real = model.forward
    monkeypatch.setattr(model, "forward", lambda x, t, tokens: seen.append(tokens) or real(x, t, tokens))
    rectified_flow_loss(model, pictures, tokens, without_text=0.0)
    rectified_flow_loss(model, pictures, tokens, without_text=1.0)
    assert torch.equal(seen[0], tokens)
    assert torch.equal(seen[1], no_text(tokens))


def test_every_weight_takes_part(model, scenes):
    model = moved(model)
    rectified_flow_loss(model, render_pictures(scenes), tokenize(render_captions(scenes))).backward()
    without = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert without == []


def test_it_learns_to_draw_two_pictures_by_heart():
    scenes = sample_scenes(2, seed=4, objects=(1, 1))
    pictures, captions = render_pictures(scenes), render_captions(scenes)
    torch.manual_seed(0)
    model = Flow(CONFIG)
    rows = (torch.arange(32) % 2).tolist()
    fit(
        model,
        batches(pictures[rows], tokenize(captions)[rows], batch_size=32, seed=0, steps=250),
        rectified_flow_loss,
        steps=250,
        learning_rate=1e-2,
        weight_decay=0.0,
    )
    drawn = draw(model, captions, steps=8, guidance=1).float()
    right = [(drawn[i] - pictures[i]).abs().mean() for i in range(2)]
    wrong = [(drawn[i] - pictures[1 - i]).abs().mean() for i in range(2)]
    assert max(right) < 0.75 * min(wrong), "each caption draws its own picture"


def test_the_same_seed_draws_the_same_picture_and_another_seed_another(model):
    model = moved(model)
    first = draw(model, ["a large red ring in the top left"], steps=2)
    assert first.shape == (1, 3, 32, 32)
    assert first.dtype == torch.uint8
    assert torch.equal(first, draw(model, ["a large red ring in the top left"], steps=2))
    assert not torch.equal(first, draw(model, ["a large red ring in the top left"], steps=2, seed=1))


@pytest.mark.parametrize(("steps", "guidance"), [(0, 2.0), (-1, 2.0), (4, math.nan), (4, math.inf)])
def test_no_steps_and_no_such_guidance_are_refused(model, steps, guidance):
    with pytest.raises(ValueError, match=f"not {steps} and {guidance}"):
        draw(model, ["nothing"], steps=steps, guidance=guidance)


def test_a_caption_with_unknown_words_or_too_many_is_refused(model):
    with pytest.raises(UnknownWordError, match="'crimson'"):
        draw(model, ["a crimson ring"])
    with pytest.raises(ValueError, match="shorten it"):
        draw(model, [" and ".join(["a red ring"] * 9)])
