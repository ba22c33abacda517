"""ViLBERT's co-attention is two of PyTorch's attentions, with keys and values of another width, under the same weights.

No library has ViLBERT, so the whole of it is written here once more with PyTorch's own layers.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from fusion_weights import (
    assert_same,
    below,
    cross_attention_to_torch,
    direction,
    encoder_block_to_torch,
    questions,
    torch_block,
    under,
)
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.vilbert import ViLBERT, ViLBERTConfig
from utils.world.tokenizer import PAD

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
SMALL = {"length": 9, "width": 24, "heads": 3, "hidden": 40}
CONFIGS = [
    pytest.param(
        ViLBERTConfig(10, text_depth=1, depth=2, **SMALL, vision_width=30, vision_heads=5, vision_hidden=36),
        id="wider-vision",
    ),
    pytest.param(
        ViLBERTConfig(7, depth=1, **SMALL, vision_width=24, vision_heads=2, vision_hidden=48, vocabulary=31, outputs=3),
        id="same-width",
    ),
]


class Half(nn.Module):
    """Figure 2b, one side: attention to the other stream, add and normalise, feed-forward, add and normalise."""

    def __init__(self, width: int, heads: int, hidden: int, other: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, kdim=other, vdim=other, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor, other: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        mixed, weights = self.attention(x, other, other, key_padding_mask=padding, average_attn_weights=False)
        x = self.norm1(x + mixed)
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x)))), weights


class Reference(nn.Module):
    def __init__(self, config: ViLBERTConfig):
        super().__init__()
        text = (config.width, config.heads, config.hidden)
        vision = (config.vision_width, config.vision_heads, config.vision_hidden)
        self.words, self.places = nn.Embedding(config.vocabulary, text[0]), nn.Embedding(config.length, text[0])
        self.word_norm, self.patch_norm = nn.LayerNorm(text[0]), nn.LayerNorm(vision[0])
        self.regions = nn.Linear(config.picture_width + 4, vision[0])
        self.text = nn.ModuleList(torch_block(*text) for _ in range(config.text_depth))
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "words_look": Half(*text, vision[0]),
                    "patches_look": Half(*vision, text[0]),
                    "words": torch_block(*text),
                    "patches": torch_block(*vision),
                }
            )
            for _ in range(config.depth)
        )
        self.pool_words, self.pool_patches = nn.Linear(text[0], text[0]), nn.Linear(vision[0], text[0])
        self.answer = nn.Sequential(nn.Linear(text[0], 2 * text[0]), nn.GELU(), nn.Linear(2 * text[0], config.outputs))

    def forward(self, tokens: Tensor, patches: Tensor) -> tuple[Tensor, ...]:
        padding, nothing = tokens == PAD, torch.zeros(patches.shape[:2], dtype=torch.bool)
        words = self.word_norm(self.words(tokens) + self.places(torch.arange(tokens.shape[1])))
        side = round(patches.shape[1] ** 0.5)
        where = [[column, row, column + 1, row + 1] for row in range(side) for column in range(side)]
        where = torch.tensor(where, dtype=patches.dtype).expand(len(patches), -1, -1) / side
        seen, maps = self.patch_norm(self.regions(torch.cat([patches, where], dim=2))), []
        for layer in self.text:
            words = layer(words, src_key_padding_mask=padding)
        for layer in self.layers:
            new_words, weights = layer["words_look"](words, seen, nothing)
            new_seen, _ = layer["patches_look"](seen, words, padding)
            maps.append(weights)
            words = layer["words"](new_words, src_key_padding_mask=padding)
            seen = layer["patches"](new_seen, src_key_padding_mask=nothing)
        scores = self.answer(self.pool_words(words[:, 0]) * self.pool_patches(seen.mean(1)))
        return scores, words, seen, torch.stack(maps, 1)


def half_to_torch(ours: Mapping[str, Tensor], same_width: bool) -> dict[str, Tensor]:
    names = {"norm_1.": "norm1.", "norm_2.": "norm2.", "feed_forward.expand.": "linear1."}
    names["feed_forward.contract."] = "linear2."
    attention = cross_attention_to_torch(below(ours, "attention."), same_width)
    rest = {their + kind: ours[our + kind] for our, their in names.items() for kind in ("weight", "bias")}
    return under("attention.", attention) | rest


def to_reference(ours: Mapping[str, Tensor], config: ViLBERTConfig) -> dict[str, Tensor]:
    theirs = {
        "words.weight": ours["words.words.weight"],
        "places.weight": ours["words.positions"],
        "regions.weight": torch.cat([ours["patches.features.weight"], ours["patches.box.weight"]], dim=1),
        "regions.bias": ours["patches.features.bias"],
        **under("word_norm.", below(ours, "words.norm.")),
        **under("patch_norm.", below(ours, "patches.norm.")),
        **under("pool_words.", below(ours, "head.words.")),
        **under("pool_patches.", below(ours, "head.patches.")),
        **under("answer.", below(ours, "head.answer.")),
    }
    for layer in range(config.text_depth):
        theirs |= under(f"text.{layer}.", encoder_block_to_torch(below(ours, f"text_blocks.{layer}.")))
    same_width = config.width == config.vision_width
    for layer in range(config.depth):
        part = below(ours, f"layers.{layer}.")
        theirs |= under(f"layers.{layer}.words_look.", half_to_torch(below(part, "words_to_patches."), same_width))
        theirs |= under(f"layers.{layer}.patches_look.", half_to_torch(below(part, "patches_to_words."), same_width))
        theirs |= under(f"layers.{layer}.words.", encoder_block_to_torch(below(part, "words_block.")))
        theirs |= under(f"layers.{layer}.patches.", encoder_block_to_torch(below(part, "patches_block.")))
    return theirs


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_vilbert_its_maps_and_its_gradients_are_those_of_torchs_attentions(config, dtype, tolerance):
    torch.manual_seed(0)
    ours = disturb(ViLBERT(config).to(dtype))
    theirs = load(Reference(config).to(dtype), to_reference(parameters(ours), config))
    tokens = questions(config.vocabulary, config.length)
    pictures = torch.randn(len(tokens), 9, config.picture_width, dtype=dtype)
    our_pictures, their_pictures = pictures.clone().requires_grad_(), pictures.clone().requires_grad_()

    (words, seen), scores = ours.encode(tokens, our_pictures), ours(tokens, our_pictures)
    their_scores, their_words, their_seen, maps = theirs(tokens, their_pictures)
    is_word = (tokens != PAD).unsqueeze(-1)
    for parts in ((scores, words * is_word, seen), (their_scores, their_words * is_word, their_seen)):
        sum((part * direction(part)).sum() for part in parts).backward()

    assert_same(
        {"scores": scores, "words": words * is_word, "patches": seen, "maps": ours.looks(tokens, pictures)},
        {"scores": their_scores, "words": their_words * is_word, "patches": their_seen, "maps": maps},
        tolerance,
    )
    assert_same({"pictures": our_pictures.grad}, {"pictures": their_pictures.grad}, tolerance)
    assert_same(to_reference(gradients(ours), config), gradients(theirs), tolerance)
