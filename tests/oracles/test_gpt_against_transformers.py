"""Our language model computes what transformers' GPT-2 does under the same weights: logits, loss, every gradient."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from weights import disturb, gradients, load, parameters

from utils.models.gpt import GPT, PUBLISHED_SHAPES, GPTConfig, TransformerShape, next_token_loss, parameters_of
from utils.world.tokenizer import END, PAD, START

PRECISIONS = [  # transformers' eager attention takes its softmax in float32 whatever the model is, so not in fp64
    pytest.param(torch.float32, 1e-5, "eager", id="fp32-eager"),
    pytest.param(torch.float32, 1e-5, "sdpa", id="fp32-sdpa"),
    pytest.param(torch.float64, 1e-10, "sdpa", id="fp64-sdpa"),
]
CONFIGS = [
    pytest.param(GPTConfig(length=9, width=24, depth=1, heads=2, hidden=48), id="depth1"),
    pytest.param(GPTConfig(vocabulary=31, length=7, width=21, depth=2, heads=7, hidden=50), id="odd"),
    pytest.param(GPTConfig(length=16, width=32, depth=3, heads=1, hidden=64), id="depth3"),
]
PARTS = {
    "norm_1": "ln_1",
    "attention.query_key_value": "attn.c_attn",
    "attention.output": "attn.c_proj",
    "norm_2": "ln_2",
    "feed_forward.expand": "mlp.c_fc",
    "feed_forward.contract": "mlp.c_proj",
}


def gpt_to_transformers(ours: Mapping[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """GPT-2 stores the weights of its linear layers transposed."""
    theirs = {"transformer.wte.weight": ours["embedding.weight"], "transformer.wpe.weight": ours["positions"]}
    for kind in ("weight", "bias"):
        theirs[f"transformer.ln_f.{kind}"] = ours[f"norm_out.{kind}"]
        for layer in range(config.depth):
            for our_part, their_part in PARTS.items():
                tensor = ours[f"blocks.{layer}.{our_part}.{kind}"]
                theirs[f"transformer.h.{layer}.{their_part}.{kind}"] = tensor.T if tensor.ndim == 2 else tensor
    return theirs


def transformers_gpt(model: GPT, attention: str = "sdpa") -> nn.Module:
    """transformers' GPT2LMHeadModel with the shape, dtype and weights of `model`; its head is tied to its embedding."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = model.config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocabulary,
            n_positions=config.length,
            n_embd=config.width,
            n_layer=config.depth,
            n_head=config.heads,
            n_inner=config.hidden,
            activation_function="gelu",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            layer_norm_epsilon=model.norm_out.eps,
            bos_token_id=START,
            eos_token_id=END,
            pad_token_id=PAD,
            attn_implementation=attention,
        )
    )
    weights = gpt_to_transformers(parameters(model), config)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    return load(theirs.to(model.positions.dtype), weights)


def both(config: GPTConfig, dtype: torch.dtype, attention: str = "sdpa") -> tuple[GPT, nn.Module, Tensor, Tensor]:
    """Both models, texts of every length that fits, and which of their tokens are learnt."""
    torch.manual_seed(0)
    ours = disturb(GPT(config).to(dtype))
    tokens = torch.randint(END + 1, config.vocabulary, (6, config.length))
    tokens[:, 0] = START
    for row, length in enumerate(range(config.length, config.length - 5, -1)):
        tokens[row, length - 1] = END
        tokens[row, length:] = PAD
    return ours, transformers_gpt(ours, attention), tokens, torch.rand(tokens.shape) < 0.7


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    """Same names on both sides, and values that differ by at most `tolerance`, relative where they are large."""
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_gpt_its_loss_and_its_gradients_are_those_of_transformers(config, dtype, tolerance, attention):
    ours, theirs, tokens, learnt = both(config, dtype, attention)
    labels = tokens.masked_fill((tokens == PAD) | ~learnt, -100)

    logits = ours(tokens)
    loss = next_token_loss(logits, tokens, learnt)
    loss.backward()
    expected = theirs(input_ids=tokens, labels=labels)
    if dtype == torch.float32:
        expected_loss = expected.loss
    else:  # transformers takes its loss in float32 whatever the model is
        expected_loss = F.cross_entropy(expected.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    expected_loss.backward()

    assert_same({"logits": logits, "loss": loss}, {"logits": expected.logits, "loss": expected_loss}, tolerance)
    assert_same(gpt_to_transformers(gradients(ours), config), gradients(theirs), tolerance)


@pytest.mark.parametrize("config", CONFIGS[1:2])
def test_soft_tokens_and_their_gradients_are_those_of_transformers(config):
    ours, theirs, tokens, _ = both(config, torch.float64)
    soft = torch.randn(6, 3, config.width, dtype=torch.float64)
    our_soft, their_soft = soft.clone().requires_grad_(), soft.clone().requires_grad_()
    text = tokens[:, :4]
    our_logits = ours.decode(torch.cat([our_soft, ours.embed(text)], dim=1))
    their_logits = theirs(inputs_embeds=torch.cat([their_soft, theirs.get_input_embeddings()(text)], dim=1)).logits
    direction = torch.randn_like(our_logits)
    (our_logits * direction).mean().backward()
    (their_logits * direction).mean().backward()
    assert_same({"logits": our_logits, "soft": our_soft.grad}, {"logits": their_logits, "soft": their_soft.grad}, 1e-10)


@pytest.mark.parametrize("config", CONFIGS)
def test_what_it_says_is_what_transformers_says_with_its_cache(config):
    ours, theirs, tokens, _ = both(config, torch.float64)
    prompt, new = tokens[:, :2], config.length - 2
    said = ours.generate(prompt, new)
    expected = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new, do_sample=False, use_cache=True
    )[:, 2:]
    assert torch.equal(said[:, : expected.shape[1]], expected)
    assert (said[:, expected.shape[1] :] == PAD).all()


@pytest.mark.parametrize("config", CONFIGS[1:2])
def test_a_gradient_reaches_every_parameter_and_one_weight_off_is_noticed(config):
    """A comparison of zeros would say nothing, and one that no weight can spoil neither."""
    ours, theirs, tokens, learnt = both(config, torch.float64)
    next_token_loss(ours(tokens), tokens, learnt).backward()
    with torch.no_grad():
        expected, unnoticed = theirs(input_ids=tokens).logits, []
        for name, parameter in ours.named_parameters():
            assert parameter.grad.abs().max() > 1e-9, name
            kept = parameter.clone()
            parameter.view(-1)[parameter.grad.abs().argmax()] += 1e-3
            if not (ours(tokens) - expected).abs().max() > 1e-6:
                unnoticed.append(name)
            parameter.copy_(kept)
    assert unnoticed == []


def test_a_block_that_looks_ahead_is_noticed():
    ours, theirs, tokens, _ = both(GPTConfig(length=9, width=24, depth=2, heads=2, hidden=48), torch.float64)
    ours.blocks[1].attention.causal = False
    with torch.no_grad():
        assert not torch.allclose(ours(tokens), theirs(input_ids=tokens).logits, atol=1e-5)


@pytest.mark.parametrize("name", ["BERT-base", "BERT-large", "GPT-3 175B"])
def test_the_parameters_of_a_published_shape_are_those_of_transformers(name):
    """The whole model is made without its memory: on the meta device."""
    from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

    shape: TransformerShape = PUBLISHED_SHAPES[name]
    with torch.device("meta"):
        if name.startswith("BERT"):
            model = BertModel(
                BertConfig(
                    vocab_size=shape.vocabulary,
                    max_position_embeddings=shape.length,
                    hidden_size=shape.width,
                    num_hidden_layers=shape.depth,
                    num_attention_heads=shape.width // 64,
                    intermediate_size=shape.hidden,
                )
            )
        else:
            model = GPT2LMHeadModel(
                GPT2Config(
                    vocab_size=shape.vocabulary,
                    n_positions=shape.length,
                    n_embd=shape.width,
                    n_layer=shape.depth,
                    n_head=96,
                )
            )
    assert parameters_of(shape) == sum(parameter.numel() for parameter in model.parameters())
