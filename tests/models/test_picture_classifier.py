"""A picture classifier: what it begins with, and what it reads."""

from __future__ import annotations

import torch

from utils.models.picture_classifier import PictureClassifier
from utils.models.vit import ViT, ViTConfig, to_pixels

PICTURES = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def classifier() -> PictureClassifier:
    torch.manual_seed(0)
    return PictureClassifier(ViT(ViTConfig(width=24, depth=2, heads=2, hidden=48)), classes=7)


def test_at_first_every_class_is_as_likely():
    logits = classifier()(PICTURES)
    assert logits.shape == (5, 7)
    assert not logits.any()


def test_it_reads_the_class_token_and_nothing_else():
    model = classifier()
    torch.nn.init.normal_(model.head.weight)
    expected = model.vision(to_pixels(PICTURES))[:, 0] @ model.head.weight.T
    torch.testing.assert_close(model(PICTURES), expected)
