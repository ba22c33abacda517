"""Early fusion computes what transformers' VisualBERT does, and any other fusion what PyTorch's layers do.

ViLT, which normalises before each part and shuffles its patches, is a model of another kind and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from fusion_weights import (
    assert_same,
    below,
    direction,
    encoder_block_to_bert,
    encoder_block_to_torch,
    questions,
    torch_block,
    under,
)
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.joint import JointConfig, JointTransformer, boxes
from utils.world.tokenizer import PAD

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
EARLY = [
    pytest.param(JointConfig(10, joint_depth=2, length=9, width=24, heads=3, hidden=40), 4, id="4-patches"),
    pytest.param(
        JointConfig(7, joint_depth=3, length=8, vocabulary=31, width=20, heads=2, hidden=50), 9, id="9-patches"
    ),
]
FUSIONS = [
    pytest.param(depths, id="-".join(map(str, depths))) for depths in ((1, 2, 0), (1, 1, 2), (0, 2, 1), (2, 0, 1))
]


def embeddings_to_visual_bert(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Its boxes are more features of a patch; its one normalisation is ours of words and that of patches."""
    return {
        "embeddings.word_embeddings.weight": ours["words.words.weight"],
        "embeddings.position_embeddings.weight": ours["words.positions"],
        "embeddings.visual_projection.weight": torch.cat(
            [ours["patches.features.weight"], ours["patches.box.weight"]], dim=1
        ),
        "embeddings.visual_projection.bias": ours["patches.features.bias"],
    }


def to_visual_bert(ours: Mapping[str, Tensor], config: JointConfig) -> dict[str, Tensor]:
    theirs = embeddings_to_visual_bert(ours)
    for layer in range(config.joint_depth):
        theirs |= under(f"encoder.layer.{layer}.", encoder_block_to_bert(below(ours, f"joint_blocks.{layer}.")))
    return theirs


def visual_bert(model: JointTransformer) -> nn.Module:
    """transformers' VisualBertModel with the shape, dtype and weights of `model`; segments and places add nothing."""
    from transformers import VisualBertConfig, VisualBertForPreTraining

    config = model.config
    theirs = VisualBertForPreTraining(
        VisualBertConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            visual_embedding_dim=config.picture_width + 4,
            num_hidden_layers=config.joint_depth,
            num_attention_heads=config.heads,
            intermediate_size=config.hidden,
            hidden_act="gelu",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=config.length,
            layer_norm_eps=model.words.norm.eps,
            pad_token_id=PAD,
        )
    ).visual_bert.to(model.words.positions.dtype)
    own = theirs.state_dict()
    nothing = {name: torch.zeros_like(own[name]) for name in own if "token_type" in name or "visual_position" in name}
    unused = {name: own[name] for name in own if name.startswith("pooler.")}
    weights = to_visual_bert(parameters(model), config) | nothing | unused
    for kind in ("weight", "bias"):
        weights[f"embeddings.LayerNorm.{kind}"] = parameters(model)[f"words.norm.{kind}"]
    return load(theirs, weights)


def model_and_input(config: JointConfig, patches: int, dtype: torch.dtype) -> tuple[JointTransformer, Tensor, Tensor]:
    torch.manual_seed(0)
    ours = disturb(JointTransformer(config).to(dtype))
    ours.patches.norm.load_state_dict(ours.words.norm.state_dict())
    tokens = questions(config.vocabulary, config.length)
    return ours, tokens, torch.randn(len(tokens), patches, config.picture_width, dtype=dtype)


def there(is_word: Tensor, patches: Tensor) -> Tensor:
    """Which positions of both are no padding, whose vectors nobody reads."""
    return torch.cat([is_word, torch.ones(patches.shape[:2], dtype=torch.bool)], dim=1).unsqueeze(-1)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize(("config", "patches"), EARLY)
def test_early_fusion_its_maps_and_its_gradients_are_those_of_visual_bert(config, patches, dtype, tolerance):
    ours, tokens, pictures = model_and_input(config, patches, dtype)
    theirs, is_word = visual_bert(ours), tokens != PAD
    our_pictures, their_pictures = pictures.clone().requires_grad_(), pictures.clone().requires_grad_()

    both = torch.cat(ours.encode(tokens, our_pictures), dim=1)
    where = boxes(pictures).expand(len(tokens), -1, -1)
    expected = theirs(
        input_ids=tokens,
        attention_mask=is_word.long(),
        visual_embeds=torch.cat([their_pictures, where], dim=2),
        visual_attention_mask=torch.ones(pictures.shape[:2], dtype=torch.long),
        output_attentions=True,
    )
    is_there = there(is_word, pictures)
    both, their_both = both * is_there, expected.last_hidden_state * is_there
    way = direction(both)
    (both * way).sum().backward()
    (their_both * way).sum().backward()

    maps = torch.stack(expected.attentions, dim=1)[..., : config.length, config.length :]
    assert_same(
        {"states": both, "maps": ours.looks(tokens, pictures), "patches": our_pictures.grad},
        {"states": their_both, "maps": maps, "patches": their_pictures.grad},
        tolerance,
    )
    ours_all, theirs_all = gradients(ours), gradients(theirs)
    found = to_visual_bert(ours_all, config)
    for kind in ("weight", "bias"):
        found[f"embeddings.LayerNorm.{kind}"] = ours_all[f"words.norm.{kind}"] + ours_all[f"patches.norm.{kind}"]
    left_out = {name for name in theirs_all if "token_type" in name or "visual_position" in name}
    assert_same(found, {name: tensor for name, tensor in theirs_all.items() if name not in left_out}, tolerance)


class Reference(nn.Module):
    """Fusion as one would write it with PyTorch's layers, on the vectors of words and patches."""

    def __init__(self, config: JointConfig):
        super().__init__()
        depths = {"text": config.text_depth, "vision": config.vision_depth, "joint": config.joint_depth}
        sizes = (config.width, config.heads, config.hidden)
        self.stacks = nn.ModuleDict(
            {name: nn.ModuleList(torch_block(*sizes) for _ in range(depth)) for name, depth in depths.items()}
        )

    def forward(self, words: Tensor, seen: Tensor, padding: Tensor) -> Tensor:
        nothing = torch.zeros(seen.shape[:2], dtype=torch.bool)
        for layer in self.stacks["text"]:
            words = layer(words, src_key_padding_mask=padding)
        for layer in self.stacks["vision"]:
            seen = layer(seen, src_key_padding_mask=nothing)
        both = torch.cat([words, seen], dim=1)
        for layer in self.stacks["joint"]:
            both = layer(both, src_key_padding_mask=torch.cat([padding, nothing], dim=1))
        return both


def to_reference(ours: Mapping[str, Tensor], config: JointConfig) -> dict[str, Tensor]:
    return {
        f"stacks.{name}.{layer}.{key}": tensor
        for name in ("text", "vision", "joint")
        for layer in range(getattr(config, f"{name}_depth"))
        for key, tensor in encoder_block_to_torch(below(ours, f"{name}_blocks.{layer}.")).items()
    }


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("depths", FUSIONS)
def test_late_and_hybrid_fusion_are_stacks_of_torchs_layers(depths, dtype, tolerance):
    config = JointConfig(10, *depths, length=9, width=24, heads=3, hidden=40)
    ours, tokens, pictures = model_and_input(config, 4, dtype)
    theirs = load(Reference(config).to(dtype), to_reference(parameters(ours), config))

    words, seen = ours.encode(tokens, pictures)
    both = torch.cat([words, seen], dim=1)
    expected = theirs(ours.words(tokens), ours.patches(pictures), tokens == PAD)
    is_there = there(tokens != PAD, seen)
    way = direction(both) * is_there
    (both * way).sum().backward()
    found = to_reference(gradients(ours), config)
    (expected * way).sum().backward()
    assert_same({"states": both * is_there}, {"states": expected * is_there}, tolerance)
    assert_same(found, gradients(theirs), tolerance)
