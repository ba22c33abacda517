"""Our LXMERT computes what transformers' does under the same weights: both streams, maps, every gradient."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from fusion_weights import assert_same, below, direction, encoder_block_to_bert, questions, under
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.joint import boxes
from utils.models.lxmert import LXMERT, LXMERTConfig
from utils.world.tokenizer import PAD

PRECISIONS = [pytest.param(torch.float32, 1e-5, id="fp32"), pytest.param(torch.float64, 1e-10, id="fp64")]
CONFIGS = [
    pytest.param(
        LXMERTConfig(10, text_depth=2, vision_depth=1, cross_depth=2, length=9, width=24, heads=3, hidden=40),
        id="2-1-2",
    ),
    pytest.param(
        LXMERTConfig(
            7, text_depth=1, vision_depth=2, cross_depth=1, vocabulary=31, length=8, width=20, heads=2, hidden=50
        ),
        id="1-2-1",
    ),
]
EPS = 1e-12  # written into their layers


def stream_to_transformers(ours: Mapping[str, Tensor], stream: str) -> dict[str, Tensor]:
    """The self-attention and the feed-forward network of one stream in a cross-modality layer."""
    return {
        name.replace("attention.", f"{stream}_self_att.", 1)
        if name.startswith("attention.")
        else name.replace("intermediate.", f"{stream}_inter.", 1).replace("output.", f"{stream}_output.", 1): tensor
        for name, tensor in encoder_block_to_bert(ours).items()
    }


def lxmert_to_transformers(ours: Mapping[str, Tensor], config: LXMERTConfig) -> dict[str, Tensor]:
    theirs = {
        "embeddings.word_embeddings.weight": ours["words.words.weight"],
        "embeddings.position_embeddings.weight": ours["words.positions"],
        **under("embeddings.LayerNorm.", below(ours, "words.norm.")),
        **under("encoder.visn_fc.visn_fc.", below(ours, "patches.features.")),
        **under("encoder.visn_fc.visn_layer_norm.", below(ours, "patches.norm_features.")),
        **under("encoder.visn_fc.box_fc.", below(ours, "patches.box.")),
        **under("encoder.visn_fc.box_layer_norm.", below(ours, "patches.norm_box.")),
    }
    for layer in range(config.text_depth):
        theirs |= under(f"encoder.layer.{layer}.", encoder_block_to_bert(below(ours, f"text_blocks.{layer}.")))
    for layer in range(config.vision_depth):
        theirs |= under(f"encoder.r_layers.{layer}.", encoder_block_to_bert(below(ours, f"vision_blocks.{layer}.")))
    for layer in range(config.cross_depth):
        place, part = f"encoder.x_layers.{layer}.", below(ours, f"layers.{layer}.")
        cross = {}
        for kind in ("weight", "bias"):
            key, value = part[f"cross_attention.key_value.{kind}"].chunk(2)
            cross |= {f"att.query.{kind}": part[f"cross_attention.query.{kind}"]}
            cross |= {f"att.key.{kind}": key, f"att.value.{kind}": value}
            cross |= {f"output.dense.{kind}": part[f"cross_attention.output.{kind}"]}
            cross |= {f"output.LayerNorm.{kind}": part[f"norm.{kind}"]}
        theirs |= under(f"{place}visual_attention.", cross)
        theirs |= under(place, stream_to_transformers(below(part, "words_block."), "lang"))
        theirs |= under(place, stream_to_transformers(below(part, "patches_block."), "visn"))
    return theirs


def transformers_lxmert(model: LXMERT) -> nn.Module:
    """transformers' LxmertModel with the shape, dtype and weights of `model`; its segments add nothing."""
    from transformers import LxmertConfig, LxmertModel

    config = model.config
    theirs = LxmertModel(
        LxmertConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            num_attention_heads=config.heads,
            intermediate_size=config.hidden,
            hidden_act="gelu",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=config.length,
            l_layers=config.text_depth,
            r_layers=config.vision_depth,
            x_layers=config.cross_depth,
            visual_feat_dim=config.picture_width,
            visual_pos_dim=4,
        )
    ).to(model.words.positions.dtype)
    own = theirs.state_dict()
    unused = {name: own[name] for name in own if name.startswith("pooler.")}
    nothing = {
        "embeddings.token_type_embeddings.weight": torch.zeros_like(own["embeddings.token_type_embeddings.weight"])
    }
    load(theirs, lxmert_to_transformers(parameters(model), config) | unused | nothing)
    # they take the first place for padding and keep it out of training
    theirs.embeddings.position_embeddings.padding_idx = None
    return theirs


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_lxmert_its_maps_and_its_gradients_are_those_of_transformers(config, dtype, tolerance):
    torch.manual_seed(0)
    ours = disturb(LXMERT(config).to(dtype))
    for module in ours.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = EPS
    theirs = transformers_lxmert(ours)
    tokens = questions(config.vocabulary, config.length)
    is_word = (tokens != PAD).unsqueeze(-1)
    pictures = torch.randn(len(tokens), 9, config.picture_width, dtype=dtype)
    our_pictures, their_pictures = pictures.clone().requires_grad_(), pictures.clone().requires_grad_()

    words, seen = ours.encode(tokens, our_pictures)
    expected = theirs(
        input_ids=tokens,
        attention_mask=(tokens != PAD).long(),
        visual_feats=their_pictures,
        visual_pos=boxes(pictures).expand(len(tokens), -1, -1),
        output_attentions=True,
    )
    for parts in ((words, seen), (expected.language_output, expected.vision_output)):
        sum((part * direction(part) * mask).sum() for part, mask in zip(parts, (is_word, 1), strict=True)).backward()

    assert_same(
        {"words": words * is_word, "patches": seen, "maps": ours.looks(tokens, pictures)},
        {
            "words": expected.language_output * is_word,
            "patches": expected.vision_output,
            "maps": torch.stack(expected.cross_encoder_attentions, dim=1),
        },
        tolerance,
    )
    assert_same({"pictures": our_pictures.grad}, {"pictures": their_pictures.grad}, tolerance)
    their_gradients = gradients(theirs)
    del their_gradients["embeddings.token_type_embeddings.weight"]
    assert_same(lxmert_to_transformers(gradients(ours), config), their_gradients, tolerance)
