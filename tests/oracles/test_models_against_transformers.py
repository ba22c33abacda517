"""Our ViT and CLIP compute what transformers' do under the same weights: outputs, and every gradient."""

from __future__ import annotations

import pytest
import torch
from weights import (
    clip_to_transformers,
    disturb,
    gradients,
    parameters,
    transformers_clip,
    transformers_vit,
    vit_to_transformers,
)

from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViT, ViTConfig
from utils.training.objectives import info_nce
from utils.world.tokenizer import END, START

PRECISIONS = [  # transformers' eager attention takes its softmax in float32 whatever the model is, so not in fp64
    pytest.param(torch.float32, 1e-5, "eager", id="fp32-eager"),
    pytest.param(torch.float32, 1e-5, "sdpa", id="fp32-sdpa"),
    pytest.param(torch.float64, 1e-10, "sdpa", id="fp64-sdpa"),
]
VITS = [
    pytest.param(ViTConfig(width=24, depth=1, heads=2, hidden=40), id="depth1"),
    pytest.param(ViTConfig(image_size=21, patch_size=7, channels=1, width=30, depth=2, heads=3, hidden=50), id="odd"),
    pytest.param(ViTConfig(image_size=12, patch_size=4, width=20, depth=3, heads=5, hidden=36), id="depth3"),
    pytest.param(ViTConfig(image_size=8, patch_size=8, width=12, depth=1, heads=1, hidden=12), id="one-patch"),
]
CLIPS = [
    pytest.param(
        CLIPConfig(
            vision=ViTConfig(width=24, depth=1, heads=2, hidden=48, clip_style=True),
            text=TextConfig(width=24, depth=1, heads=2, hidden=48, length=9),
            width=16,
        ),
        id="depth1",
    ),
    pytest.param(
        CLIPConfig(
            vision=ViTConfig(
                image_size=15, patch_size=5, channels=1, width=21, depth=2, heads=3, hidden=50, clip_style=True
            ),
            text=TextConfig(vocabulary=31, length=7, width=14, depth=3, heads=7, hidden=30),
            width=13,
            temperature=0.2,
        ),
        id="odd",
    ),
    pytest.param(
        CLIPConfig(
            vision=ViTConfig(image_size=16, patch_size=4, width=32, depth=3, heads=4, hidden=64, clip_style=True),
            text=TextConfig(width=16, depth=2, heads=1, hidden=40, length=16),
            width=24,
        ),
        id="depth3",
    ),
]


def assert_same(ours: dict, theirs: dict, tolerance: float, what: str):
    """Same names on both sides, and values that differ by at most `tolerance`, relative where they are large."""
    assert ours.keys() == theirs.keys(), f"{what}: {ours.keys() ^ theirs.keys()}"
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{what} of {name}: {text}"
        )


def pictures_for(config: ViTConfig, number: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    size = (number, config.channels, config.image_size, config.image_size)
    return (torch.rand(size, generator=generator, dtype=torch.float64) * 2 - 1).to(dtype)


def texts_for(config: TextConfig, number: int) -> torch.Tensor:
    """Texts of every length that fits, <start> words <end>, padded with <pad>; a few <end>s again in the padding."""
    generator = torch.Generator().manual_seed(2)
    tokens = torch.zeros(number, config.length, dtype=torch.long)
    for row in range(number):
        length = 2 + row % (config.length - 1)
        words = torch.randint(END + 1, config.vocabulary, (length - 2,), generator=generator)
        tokens[row, :length] = torch.tensor([START, *words.tolist(), END])
        if row % 3 == 0 and length < config.length:
            tokens[row, -1] = END
    return tokens


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", VITS)
def test_vit_and_its_gradients_are_those_of_transformers(config, dtype, tolerance, attention):
    torch.manual_seed(0)
    ours = disturb(ViT(config).to(dtype))
    theirs = transformers_vit(ours, attention)
    pixels = pictures_for(config, 5, dtype)
    direction = torch.randn(5, 1 + config.patches, config.width, dtype=dtype)  # a gradient that differs everywhere

    our_pixels, their_pixels = pixels.clone().requires_grad_(), pixels.clone().requires_grad_()
    our_output = ours(our_pixels)
    their_output = theirs(their_pixels).last_hidden_state
    (our_output * direction).mean().backward()
    (their_output * direction).mean().backward()

    assert_same(
        {"tokens": our_output, "pixels": our_pixels.grad},
        {"tokens": their_output, "pixels": their_pixels.grad},
        tolerance,
        "value",
    )
    assert_same(vit_to_transformers(gradients(ours), config), gradients(theirs), tolerance, "gradient")


def both_clips(config: CLIPConfig, dtype: torch.dtype, attention: str = "sdpa", batch: int = 9):
    torch.manual_seed(0)
    ours = disturb(CLIP(config).to(dtype))
    return (
        ours,
        transformers_clip(ours, attention),
        pictures_for(config.vision, batch, dtype),
        texts_for(config.text, batch),
    )


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CLIPS)
def test_clip_its_loss_and_its_gradients_are_those_of_transformers(config, dtype, tolerance, attention):
    ours, theirs, pictures, tokens = both_clips(config, dtype, attention)

    images, texts = ours(pictures, tokens)
    logits = ours.similarity(images, texts)
    loss = info_nce(logits)
    loss.backward()
    expected = theirs(input_ids=tokens, pixel_values=pictures, return_loss=True)
    expected.loss.backward()

    assert_same(
        {"images": images, "texts": texts, "logits": logits, "loss": loss},
        {
            "images": expected.image_embeds,
            "texts": expected.text_embeds,
            "logits": expected.logits_per_image,
            "loss": expected.loss,
        },
        tolerance,
        "value",
    )
    assert_same(clip_to_transformers(gradients(ours), config), gradients(theirs), tolerance, "gradient")


@pytest.mark.parametrize("config", CLIPS[:1])
def test_a_gradient_reaches_every_parameter(config):
    """A comparison of zeros would say nothing."""
    ours, _, pictures, tokens = both_clips(config, torch.float64)
    info_nce(ours.similarity(*ours(pictures, tokens))).backward()
    still = [name for name, gradient in gradients(ours).items() if not gradient.abs().max() > 1e-9]
    assert gradients(ours).keys() == parameters(ours).keys()
    assert still == []


@pytest.mark.parametrize("config", CLIPS[:1])
def test_one_weight_off_by_a_thousandth_is_noticed(config):
    """The comparison can fail, whichever parameter it is that differs, in the one place where it matters most."""
    ours, theirs, pictures, tokens = both_clips(config, torch.float64)
    info_nce(ours.similarity(*ours(pictures, tokens))).backward()
    with torch.no_grad():
        expected = theirs(input_ids=tokens, pixel_values=pictures).logits_per_image
        unnoticed = []
        for name, parameter in ours.named_parameters():
            kept = parameter.clone()
            parameter.view(-1)[parameter.grad.abs().argmax()] += 1e-3
            difference = (ours.similarity(*ours(pictures, tokens)) - expected).abs().max()
            if not difference > 1e-6:
                unnoticed.append(name)
            parameter.copy_(kept)
    assert unnoticed == []


@pytest.mark.parametrize("config", CLIPS[1:2])
def test_a_wrong_activation_norm_or_pooling_is_noticed(config):
    ours, theirs, pictures, tokens = both_clips(config, torch.float64)
    with torch.no_grad():
        expected = theirs(input_ids=tokens, pixel_values=pictures)
        assert not torch.allclose(
            ours.text.pool(tokens.flip(1), ours.text(tokens)), ours.text.pool(tokens, ours.text(tokens))
        )
        ours.vision.norm_in = torch.nn.Identity()
        assert not torch.allclose(ours.encode_image(pictures), expected.image_embeds, atol=1e-5)
        ours.text.blocks[0].attention.causal = False
        assert not torch.allclose(ours.encode_text(tokens), expected.text_embeds, atol=1e-5)
