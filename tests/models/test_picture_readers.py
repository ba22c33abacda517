"""Readers of pictures that began with one language model: what may move, and what text alone gives afterwards."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from utils.models.gpt import GPT, GPTConfig
from utils.models.llava import patch_features
from utils.models.lora import lora_layers
from utils.models.picture_readers import (
    METHODS,
    SOFT_TOKENS,
    PictureReader,
    PictureReaders,
    PictureReadersConfig,
)
from utils.models.vit import ViTConfig
from utils.world import VOCABULARY
from utils.world.tokenizer import IMAGE

CONFIG = PictureReadersConfig(
    language=GPTConfig(vocabulary=len(VOCABULARY), length=12, width=16, depth=2, heads=2, hidden=32),
    vision=ViTConfig(width=8, depth=2, heads=2, hidden=16),
)
TEXT = torch.tensor([[1, 9, 10, 11, 12, 2], [1, 13, 9, 2, 10, 2]])
WITH_PICTURE = torch.tensor([[1, IMAGE, 2, 9, 10], [1, 9, IMAGE, 2, 10]])


@pytest.fixture
def readers():
    torch.manual_seed(0)
    return PictureReaders(CONFIG).eval()


@pytest.fixture
def features():
    return torch.randn(2, SOFT_TOKENS, 8, generator=torch.Generator().manual_seed(1))


def moved(reader):
    """The reader after training might have done anything to what it may move."""
    torch.manual_seed(2)
    for part in reader.parameters():
        if part.requires_grad:
            nn.init.normal_(part, std=0.3)
    return reader


@pytest.mark.parametrize("method", METHODS)
def test_a_reader_begins_with_the_text_behaviour_of_its_language_model(readers, method):
    assert torch.equal(readers.readers[method](TEXT), readers.language(TEXT))


@pytest.mark.parametrize(("method", "same"), [("projector", True), ("LoRA", False), ("partial LoRA", True)])
def test_what_text_alone_gives_after_training(readers, method, same):
    assert torch.equal(moved(readers.readers[method])(TEXT), readers.language(TEXT)) is same


def test_partial_lora_changes_what_a_picture_gives(readers, features):
    reader = readers.readers["partial LoRA"]
    before = reader(WITH_PICTURE, features)
    for layer in lora_layers(reader).values():
        nn.init.normal_(layer.lora_B, std=0.3)
    after = reader(WITH_PICTURE, features)
    assert torch.equal(before[1, :2], after[1, :2]), "text before the picture stays"
    assert not torch.allclose(before[:, -1], after[:, -1])


@pytest.mark.parametrize("method", METHODS)
def test_only_projector_and_updates_are_trained(readers, features, method):
    reader = readers.readers[method]
    reader(WITH_PICTURE, features).square().sum().backward()
    learning = {name for name, part in reader.named_parameters() if part.grad is not None}
    assert learning
    assert all(name.startswith("projector.") or "lora_" in name for name in learning)
    assert any("lora_" in name for name in learning) is (method != "projector")


def test_each_soft_token_stands_in_the_place_of_its_image_token(readers, features):
    reader = readers.readers["projector"]
    soft = reader.projector(reader.norm(features))
    embeddings = readers.language.embed(WITH_PICTURE)
    embeddings[0, 1], embeddings[1, 2] = soft[0, 0], soft[1, 0]
    assert torch.allclose(reader(WITH_PICTURE, features), readers.language.decode(embeddings), atol=1e-6)


@pytest.mark.parametrize("given", [None, torch.zeros(1, SOFT_TOKENS, 8)])
def test_places_and_soft_tokens_must_be_as_many(readers, given):
    with pytest.raises(ValueError, match="do not fill"):
        readers.readers["partial LoRA"](WITH_PICTURE, given)


def test_some_of_what_is_seen_is_left_out_in_training_only(readers, features):
    reader = readers.readers["projector"]
    assert torch.equal(reader(WITH_PICTURE, features), reader(WITH_PICTURE, features))
    reader.train()
    assert not torch.equal(reader(WITH_PICTURE, features), reader(WITH_PICTURE, features))


def test_the_language_model_itself_is_not_a_part_of_its_readers():
    language = GPT(CONFIG.language)
    reader = PictureReader(CONFIG, language, "LoRA")
    assert not {part.data_ptr() for part in language.parameters()} & {part.data_ptr() for part in reader.parameters()}
    assert all(part.requires_grad for part in language.parameters())


def test_what_is_seen_is_the_mean_over_the_patches(readers):
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    seen = readers.see(pictures)
    assert seen.shape == (3, SOFT_TOKENS, CONFIG.vision.width)
    assert torch.allclose(seen[:, 0], patch_features(readers.vision, pictures).mean(dim=1), atol=1e-6)


def test_tower_and_language_model_are_frozen(readers):
    assert not any(part.requires_grad for model in (readers.vision, readers.language) for part in model.parameters())
