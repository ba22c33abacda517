"""InfoNCE is CLIPModel's loss and SigLIP's loss is SiglipModel's, with their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from utils.training.objectives import info_nce, siglip_loss

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]


def siglip(dtype: torch.dtype, seed: int):
    from transformers import SiglipConfig, SiglipModel

    tower = {
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "attn_implementation": "eager",
    }
    torch.manual_seed(seed)
    model = SiglipModel(
        SiglipConfig(
            vision_config={**tower, "image_size": 16, "patch_size": 8},
            text_config={
                **tower,
                "vocab_size": 30,
                "max_position_embeddings": 6,
                "projection_size": 24,
                "pad_token_id": 1,
                "bos_token_id": 2,
                "eos_token_id": 3,
            },
        )
    ).to(dtype)
    with torch.no_grad():  # a scale and a bias as in training, and a text tower that tells texts apart
        model.logit_scale.fill_(2.0)
        model.logit_bias.fill_(-3.0)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter += 0.2 * torch.randn_like(parameter)
    return model


def our_logits(images: Tensor, texts: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return images @ texts.T * scale.exp() + bias


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("pairs", [1, 2, 7])
def test_siglip_loss_and_its_gradients_are_those_of_transformers(dtype, tolerance, pairs):
    model = siglip(dtype, seed=pairs)
    theirs = model(
        input_ids=torch.randint(4, 30, (pairs, 6)),
        pixel_values=torch.randn(pairs, 3, 16, 16, dtype=dtype),
        return_loss=True,
    )
    theirs.image_embeds.retain_grad()
    theirs.text_embeds.retain_grad()
    theirs.loss.backward()
    expected = [theirs.image_embeds, theirs.text_embeds, model.logit_scale, model.logit_bias]

    ours = [tensor.detach().clone().requires_grad_() for tensor in expected]
    logits = our_logits(*ours)
    loss = siglip_loss(logits)
    loss.backward()

    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(logits, theirs.logits_per_image, **close)
    torch.testing.assert_close(loss, theirs.loss, **close)
    for own, their in zip(ours, expected, strict=True):
        assert their.grad.abs().max() > 0
        torch.testing.assert_close(own.grad, their.grad, **close)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("pairs", [1, 2, 9])
def test_info_nce_and_its_gradient_are_those_of_transformers(dtype, tolerance, pairs):
    from transformers.models.clip.modeling_clip import image_text_contrastive_loss

    logits = (5 * torch.randn(pairs, pairs, generator=torch.Generator().manual_seed(pairs))).to(dtype)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss, expected = info_nce(ours), image_text_contrastive_loss(theirs)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=tolerance, atol=tolerance)
