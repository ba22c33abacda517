"""Our Q-Former computes what BLIP-2's does under the same weights, for each objective: outputs and gradients."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from weights import disturb, load, parameters, sizes

from utils.models.qformer import OBJECTIVES, QFormer, QFormerConfig, may_see
from utils.world.tokenizer import END, PAD, START

PRECISIONS = [
    pytest.param(torch.float32, 1e-5, "eager", id="fp32-eager"),
    pytest.param(torch.float32, 1e-5, "sdpa", id="fp32-sdpa"),
    pytest.param(torch.float64, 1e-10, "sdpa", id="fp64-sdpa"),
]
CONFIGS = [
    pytest.param(
        QFormerConfig(vision_width=20, queries=3, width=24, depth=3, heads=4, hidden=40, length=9), id="depth3"
    ),
    pytest.param(QFormerConfig(vision_width=33, queries=5, width=21, depth=2, heads=3, hidden=50, length=7), id="odd"),
]
PARTS = {
    "norm_1": "attention.output.LayerNorm",
    "attention.output": "attention.output.dense",
    "cross_attention.query": "crossattention.attention.query",
    "cross_attention.output": "crossattention.output.dense",
    "norm_cross": "crossattention.output.LayerNorm",
    "query_feed_forward.expand": "intermediate_query.dense",
    "query_feed_forward.contract": "output_query.dense",
    "norm_query": "output_query.LayerNorm",
    "text_feed_forward.expand": "intermediate.dense",
    "text_feed_forward.contract": "output.dense",
    "norm_text": "output.LayerNorm",
}


def qformer_to_transformers(ours: Mapping[str, Tensor], config: QFormerConfig) -> dict[str, Tensor]:
    """The layers and the normalisation before them; what enters is in `tensors_in`."""
    theirs = {}
    for kind in ("weight", "bias"):
        theirs[f"layernorm.{kind}"] = ours[f"norm_in.{kind}"]
        for layer in range(config.depth):
            place = f"encoder.layer.{layer}"
            parts = ours[f"blocks.{layer}.attention.query_key_value.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                theirs[f"{place}.attention.attention.{name}.{kind}"] = part
            for our_part, their_part in PARTS.items():
                if "cross" not in our_part or layer % 2 == 0:
                    theirs[f"{place}.{their_part}.{kind}"] = ours[f"blocks.{layer}.{our_part}.{kind}"]
            if layer % 2 == 0:
                key, value = ours[f"blocks.{layer}.cross_attention.key_value.{kind}"].chunk(2)
                theirs[f"{place}.crossattention.attention.key.{kind}"] = key
                theirs[f"{place}.crossattention.attention.value.{kind}"] = value
    return theirs


def transformers_qformer(model: QFormer, attention: str) -> nn.Module:
    """transformers' Blip2QFormerModel with the shape, dtype and weights of `model`."""
    from transformers import Blip2QFormerConfig, Blip2QFormerModel

    config = model.config
    theirs = Blip2QFormerModel(
        Blip2QFormerConfig(
            **sizes(config),
            encoder_hidden_size=config.vision_width,
            cross_attention_frequency=2,
            use_qformer_text_input=True,
            hidden_act="gelu",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            layer_norm_eps=model.norm_in.eps,
            attn_implementation=attention,
        )
    ).to(model.queries.dtype)
    return load(theirs, qformer_to_transformers(parameters(model), config))


def transformers_embeddings(model: QFormer) -> nn.Module:
    """transformers' embedding of the text that its Q-Former reads."""
    from transformers import Blip2QFormerConfig
    from transformers.models.blip_2.modeling_blip_2 import Blip2TextEmbeddings

    config = model.config
    theirs = Blip2TextEmbeddings(
        Blip2QFormerConfig(
            vocab_size=config.vocabulary,
            max_position_embeddings=config.length,
            hidden_size=config.width,
            pad_token_id=None,
        )
    ).to(model.queries.dtype)
    weights = {"word_embeddings.weight": model.embedding.weight, "position_embeddings.weight": model.positions}
    return load(theirs, {name: weight.detach() for name, weight in weights.items()})


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def all_gradients(model: nn.Module) -> dict[str, Tensor]:
    """One that backward never reaches, as the queries' in a text read alone, has a gradient of zero."""
    return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in model.named_parameters()}


def both(config: QFormerConfig, dtype: torch.dtype, attention: str):
    torch.manual_seed(0)
    ours = disturb(QFormer(config).to(dtype))
    tokens = torch.randint(END + 1, config.vocabulary, (3, config.length))
    tokens[:, 0] = START
    tokens[1, -2:] = PAD
    tokens[2, -3:] = PAD
    patches = torch.randn(3, 4, config.vision_width, dtype=dtype)
    return ours, transformers_qformer(ours, attention), transformers_embeddings(ours), patches, tokens


def compare(ours, theirs, words, queries, output, expected, tolerance):
    """Outputs, and the gradients of everything that had a part in them."""
    direction = torch.randn_like(output) / output.numel() ** 0.5  # the gradients are then neither large nor tiny
    (output * direction).sum().backward()
    (expected * direction).sum().backward()
    gradients = all_gradients(ours)
    assert_same({"output": output}, {"output": expected}, tolerance)
    assert_same(qformer_to_transformers(gradients, ours.config), all_gradients(theirs), tolerance)
    entering = {
        "word_embeddings.weight": gradients["embedding.weight"],
        "position_embeddings.weight": gradients["positions"],
    }
    assert_same(entering, all_gradients(words), tolerance)
    asked = torch.zeros_like(queries) if queries.grad is None else queries.grad
    assert_same({"queries": gradients["queries"]}, {"queries": asked}, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("config", CONFIGS)
def test_queries_and_text_and_all_gradients_are_those_of_transformers(config, objective, dtype, tolerance, attention):
    ours, theirs, words, patches, tokens = both(config, dtype, attention)
    queries = ours.queries.detach().clone().requires_grad_()

    output = torch.cat(ours.fuse(patches, tokens, objective), dim=1)
    allowed = may_see(objective, tokens != PAD, config.queries).unsqueeze(1)
    if attention == "eager":  # it adds the mask to the scores
        allowed = torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)
    expected = theirs(
        words(tokens, query_embeds=queries.expand(3, -1, -1)),
        query_length=config.queries,
        attention_mask=allowed,
        encoder_hidden_states=patches,
    ).last_hidden_state

    compare(ours, theirs, words, queries, output, expected, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_picture_looked_at_alone_is_what_transformers_makes_of_it(config, dtype, tolerance, attention):
    ours, theirs, words, patches, _ = both(config, dtype, attention)
    queries = ours.queries.detach().clone().requires_grad_()
    expected = theirs(queries.expand(3, -1, -1), encoder_hidden_states=patches).last_hidden_state
    compare(ours, theirs, words, queries, ours.look(patches), expected, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_text_read_alone_is_what_transformers_makes_of_it(config, dtype, tolerance, attention):
    ours, theirs, words, _, tokens = both(config, dtype, attention)
    queries = ours.queries.detach().clone().requires_grad_()
    expected = theirs(words(tokens), query_length=0, attention_mask=(tokens != PAD).long()).last_hidden_state
    compare(ours, theirs, words, queries, ours.read(tokens), expected, tolerance)
