"""CLIP and its two towers: shapes, errors, and what an embedding may and may not depend on."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from utils.models.blocks import count_parameters
from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig, TextEncoder
from utils.models.vit import PatchEmbedding, ViT, ViTConfig, to_pixels
from utils.training.objectives import info_nce
from utils.world.tokenizer import BASE_VOCABULARY, END, PAD, START, VOCABULARY, UnknownWordError, tokenize

SMALL = CLIPConfig(
    vision=ViTConfig(width=32, depth=2, heads=2, hidden=64, clip_style=True),
    text=TextConfig(width=24, depth=2, heads=2, hidden=48),
    width=16,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return CLIP(SMALL).eval()


@pytest.fixture
def pictures():
    return torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens():
    return tokenize(["a red circle", "a large blue square above a green ring", "a star", "nothing", "two crosses"])


def test_pictures_and_texts_meet_in_one_space(model, pictures, tokens):
    images, texts = model(pictures, tokens[:3])
    assert images.shape == (5, 16)
    assert texts.shape == (3, 16)
    assert model.similarity(images, texts).shape == (5, 3)


def test_embeddings_are_unit_vectors(model, pictures, tokens):
    for embeddings in model(pictures, tokens):
        torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(5))


def test_bytes_and_the_same_picture_as_floats_give_the_same_embedding(model, pictures):
    assert torch.equal(model.encode_image(pictures), model.encode_image(to_pixels(pictures)))
    assert torch.equal(model.encode_image(pictures), model.encode_image(pictures.long()))


def test_pixels_run_from_minus_one_to_one_and_the_picture_is_left_alone():
    picture = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(to_pixels(picture), torch.tensor([-1, -0.6, 1]))
    assert to_pixels(picture).dtype == torch.float32
    floats = picture.float()
    to_pixels(floats)
    assert floats.tolist() == [0, 51, 255]


@pytest.mark.parametrize("first", [1, 4])
def test_a_vit_asked_for_the_first_vectors_returns_them_alone(model, pictures, first):
    pixels = to_pixels(pictures)
    everything = model.vision(pixels)
    assert everything.shape == (5, 17, 32)
    torch.testing.assert_close(model.vision(pixels, first), everything[:, :first])


def test_an_embedding_does_not_depend_on_the_rest_of_the_batch(model, pictures, tokens):
    images, texts = model(pictures, tokens)
    torch.testing.assert_close(model.encode_image(pictures[2:3]), images[2:3])
    torch.testing.assert_close(model.encode_text(tokens[2:3]), texts[2:3])
    torch.testing.assert_close(model.encode_text(tokens.flip(0)), texts.flip(0))


def test_what_stands_after_the_end_does_not_change_a_text(model, tokens):
    changed = tokens.clone()
    for row in changed:
        after = row.tolist().index(END) + 1
        row[after:] = torch.randint(END, BASE_VOCABULARY, (len(row) - after,))  # more <end>s among them
    assert not torch.equal(changed, tokens)
    assert torch.equal(model.encode_text(changed), model.encode_text(tokens))


def test_padding_does_not_change_a_text(model, tokens):
    short = tokenize(["a red circle"], length=5)
    torch.testing.assert_close(model.encode_text(short), model.encode_text(tokens[:1]))


def test_every_word_before_the_end_changes_a_text(model, tokens):
    end = tokens[1].tolist().index(END)
    base = model.encode_text(tokens[1:2])
    for place in range(1, end):
        changed = tokens[1:2].clone()
        changed[0, place] = (changed[0, place] - END) % (BASE_VOCABULARY - END - 1) + END + 1  # the next word
        assert not torch.allclose(model.encode_text(changed), base, atol=1e-4), f"word {place} is not read"


def test_every_patch_changes_a_picture(model, pictures):
    base = model.encode_image(pictures[:1])
    for row in range(4):
        for column in range(4):
            changed = pictures[:1].clone()
            changed[:, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] ^= 255
            assert not torch.allclose(model.encode_image(changed), base, atol=1e-5), (
                f"patch {row}, {column} is not seen"
            )


def test_patches_come_in_reading_order():
    config = ViTConfig(image_size=4, patch_size=2, channels=1, width=4, clip_style=True)
    embedding = PatchEmbedding(config)
    with torch.no_grad():
        embedding.project.weight.copy_(torch.eye(4))
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert embedding(picture)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_the_temperature_scales_the_logits():
    model = CLIP(replace(SMALL, temperature=0.05))
    unit = torch.nn.functional.normalize(torch.randn(3, 16), dim=-1)
    torch.testing.assert_close(model.similarity(unit, unit).diagonal(), torch.full((3,), 20.0))
    assert model.logit_scale.item() == pytest.approx(math.log(20))


def test_the_bias_of_siglip_is_added_and_learnt():
    with_bias = CLIP(replace(SMALL, bias=-10))
    orthogonal = torch.eye(16)
    assert with_bias.similarity(orthogonal[:1], orthogonal[1:2]).item() == -10
    assert "logit_bias" in dict(with_bias.named_parameters())
    assert "logit_bias" not in CLIP(SMALL).state_dict()


@pytest.mark.parametrize("size", [(2, 3, 32, 40), (2, 1, 32, 32), (2, 3, 64, 64), (3, 32, 32)])
def test_a_picture_of_the_wrong_shape_is_refused_with_both_shapes(model, size):
    with pytest.raises(ValueError, match=r"takes pixels of shape \[batch, 3, 32, 32\], not ") as error:
        model.encode_image(torch.zeros(size))
    assert str(list(size)) in str(error.value)


def test_a_text_with_words_beyond_the_models_own_is_refused_with_the_words(model):
    tokens = tokenize("a red circle moves left", vocabulary=len(VOCABULARY))
    with pytest.raises(UnknownWordError, match=r"knows the first 78 tokens of the course, and not 'moves'"):
        model.encode_text(tokens)
    larger = TextEncoder(TextConfig(vocabulary=len(VOCABULARY), width=24, depth=1, heads=2))
    assert larger(tokens).shape == (1, 16, 24)


def test_a_text_that_is_too_long_is_refused(model):
    with pytest.raises(ValueError, match=r"at most 16 long, not \[1, 17\]"):
        model.encode_text(torch.full((1, 17), END))


def test_a_text_without_a_batch_is_refused(model, tokens):
    with pytest.raises(ValueError, match=r"shape \[batch, length\].*not \[16\]"):
        model.encode_text(tokens[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ViTConfig(image_size=30), "image_size 30 must be a multiple of patch_size 8"),
        (lambda: ViT(ViTConfig(width=50, heads=4)), "width 50 must be a multiple of the number of heads, 4"),
        (lambda: TextEncoder(TextConfig(width=50, heads=3)), "width 50 must be a multiple of the number of heads, 3"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_text_is_read_off_at_the_first_end():
    encoder = TextEncoder(TextConfig(width=8, heads=1))
    states = torch.arange(12.0).view(2, 6, 1)
    tokens = torch.tensor([[START, 5, END, PAD, PAD, END], [START, 5, 6, 7, 8, END]])
    assert encoder.pool(tokens, states).flatten().tolist() == [2, 11]


def block_parameters(width: int, hidden: int) -> int:
    return 4 * width + 4 * width * width + 4 * width + 2 * width * hidden + hidden + width


@pytest.mark.parametrize("clip_style", [False, True])
def test_the_parameters_of_a_vit_are_those_of_its_parts(clip_style):
    config = ViTConfig(width=32, depth=2, heads=2, hidden=64, clip_style=clip_style)
    patches = 192 * 32 + (0 if clip_style else 32)
    norms = (2 if clip_style else 1) * 2 * 32
    assert count_parameters(ViT(config)) == patches + 32 + 17 * 32 + 2 * block_parameters(32, 64) + norms


def test_the_parameters_of_a_clip_are_those_of_its_parts(model):
    text = BASE_VOCABULARY * 24 + 16 * 24 + 2 * block_parameters(24, 48) + 2 * 24
    assert count_parameters(model.text) == text
    assert count_parameters(model) == count_parameters(model.vision) + text + 32 * 16 + 24 * 16 + 1


def test_float64_models_stay_in_float64(model, pictures, tokens):
    images, texts = model.double()(pictures, tokens)
    assert images.dtype == texts.dtype == torch.float64


class TestFastMode:
    """bfloat16 autocast with attention in float32 follows float32 closely: embeddings, loss and gradients."""

    @pytest.fixture
    def both(self, model, pictures, tokens):
        def run(fast: bool):
            model.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                images, texts = model(pictures, tokens)
                logits = model.similarity(images, texts)
                loss = info_nce(logits)
            loss.backward()
            gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
            return images.detach(), texts.detach(), logits.detach(), loss.item(), gradient

        return run(False), run(True)

    def test_embeddings_are_float32_unit_vectors_close_to_those_in_float32(self, both):
        for exact, fast in zip(both[0][:2], both[1][:2], strict=True):
            assert fast.dtype == torch.float32
            assert not torch.equal(fast, exact)
            torch.testing.assert_close(fast.norm(dim=-1), torch.ones(5))
            assert (fast * exact).sum(-1).min() > 0.999

    def test_logits_are_the_products_of_the_embeddings_to_float32_precision(self, model, both):
        images, texts, logits = both[1][:3]
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits, images @ texts.T * model.logit_scale.exp().detach())

    def test_loss_and_gradient_are_close(self, both):
        (*_, loss, gradient), (*_, fast_loss, fast_gradient) = both
        assert fast_loss == pytest.approx(loss, rel=0.02)
        assert torch.cosine_similarity(gradient, fast_gradient, dim=0) > 0.99
