"""Our masked-word model computes what transformers' BERT does under the same weights: logits, loss, every gradient."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from weights import disturb, gradients, parameters

from utils.models.bert import BERT, BERTConfig, mask_words, masked_word_loss
from utils.world.tokenizer import END, PAD, START

PRECISIONS = [
    pytest.param(torch.float32, 1e-5, "eager", id="fp32-eager"),
    pytest.param(torch.float32, 1e-5, "sdpa", id="fp32-sdpa"),
    pytest.param(torch.float64, 1e-10, "sdpa", id="fp64-sdpa"),
]
CONFIGS = [
    pytest.param(BERTConfig(length=9, width=24, depth=1, heads=2, hidden=48), id="depth1"),
    pytest.param(BERTConfig(vocabulary=31, length=7, width=21, depth=2, heads=7, hidden=50), id="odd"),
    pytest.param(BERTConfig(length=16, width=32, depth=3, heads=1, hidden=64), id="depth3"),
]
PARTS = {
    "attention.output": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm",
    "feed_forward.expand": "intermediate.dense",
    "feed_forward.contract": "output.dense",
    "norm_2": "output.LayerNorm",
}


def bert_to_transformers(ours: Mapping[str, Tensor], config: BERTConfig) -> dict[str, Tensor]:
    """All but the segments, of which ours has none."""
    theirs = {
        "bert.embeddings.word_embeddings.weight": ours["embedding.weight"],
        "bert.embeddings.position_embeddings.weight": ours["positions"],
        "cls.predictions.bias": ours["bias"],
    }
    for kind in ("weight", "bias"):
        theirs[f"bert.embeddings.LayerNorm.{kind}"] = ours[f"norm_in.{kind}"]
        theirs[f"cls.predictions.transform.dense.{kind}"] = ours[f"transform.{kind}"]
        theirs[f"cls.predictions.transform.LayerNorm.{kind}"] = ours[f"norm_out.{kind}"]
        for layer in range(config.depth):
            place = f"bert.encoder.layer.{layer}"
            parts = ours[f"blocks.{layer}.attention.query_key_value.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                theirs[f"{place}.attention.self.{name}.{kind}"] = part
            for our_part, their_part in PARTS.items():
                theirs[f"{place}.{their_part}.{kind}"] = ours[f"blocks.{layer}.{our_part}.{kind}"]
    return theirs


def transformers_bert(model: BERT, attention: str = "sdpa") -> nn.Module:
    """transformers' BertForMaskedLM with the shape, dtype and weights of `model`; its one segment adds nothing."""
    from transformers import BertConfig, BertForMaskedLM

    config = model.config
    theirs = BertForMaskedLM(
        BertConfig(
            vocab_size=config.vocabulary,
            max_position_embeddings=config.length,
            hidden_size=config.width,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            intermediate_size=config.hidden,
            hidden_act="gelu",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            layer_norm_eps=model.norm_in.eps,
            type_vocab_size=1,
            pad_token_id=PAD,
            attn_implementation=attention,
        )
    ).to(model.positions.dtype)
    weights = bert_to_transformers(parameters(model), config)
    weights["bert.embeddings.token_type_embeddings.weight"] = torch.zeros(1, config.width, dtype=model.positions.dtype)
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"]
    weights["cls.predictions.decoder.bias"] = weights["cls.predictions.bias"]
    theirs.load_state_dict(weights, strict=True)
    theirs.tie_weights()
    # the embedding of <pad> gets no gradient there; ours gets one, since it is an output too, so let theirs as well
    theirs.bert.embeddings.word_embeddings.padding_idx = None
    return theirs


def both(config: BERTConfig, dtype: torch.dtype, attention: str = "sdpa") -> tuple[BERT, nn.Module, Tensor]:
    """Both models, and texts of every length that fits."""
    torch.manual_seed(0)
    ours = disturb(BERT(config).to(dtype))
    tokens = torch.randint(END + 1, config.vocabulary, (6, config.length))
    tokens[:, 0] = START
    for row, length in enumerate(range(config.length, config.length - 5, -1)):
        tokens[row, length - 1] = END
        tokens[row, length:] = PAD
    return ours, transformers_bert(ours, attention), tokens


@pytest.mark.parametrize(("dtype", "tolerance", "attention"), PRECISIONS)
@pytest.mark.parametrize("config", CONFIGS)
def test_bert_its_loss_and_its_gradients_are_those_of_transformers(config, dtype, tolerance, attention):
    ours, theirs, tokens = both(config, dtype, attention)
    shown, hidden = mask_words(tokens, 0.3, torch.Generator().manual_seed(0))

    logits = ours(shown)
    loss = masked_word_loss(logits, tokens, hidden)
    loss.backward()
    mask = (tokens != PAD).long()
    expected = theirs(input_ids=shown, attention_mask=mask, labels=tokens.masked_fill(~hidden, -100))
    expected.loss.backward()

    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(loss, expected.loss, **close)
    torch.testing.assert_close(logits[mask.bool()], expected.logits[mask.bool()], **close)
    our_gradients, their_gradients = bert_to_transformers(gradients(ours), config), gradients(theirs)
    segments = {"bert.embeddings.token_type_embeddings.weight"}
    assert our_gradients.keys() == their_gradients.keys() - segments
    for name, gradient in our_gradients.items():
        torch.testing.assert_close(
            gradient, their_gradients[name], **close, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_its_attention_maps_are_those_of_transformers():
    ours, theirs, tokens = both(CONFIGS[1].values[0], torch.float32, "eager")
    with torch.no_grad():
        expected = theirs.bert(input_ids=tokens, attention_mask=(tokens != PAD).long(), output_attentions=True)
    torch.testing.assert_close(
        ours.attention_maps(tokens), torch.stack(expected.attentions, dim=1), rtol=1e-5, atol=1e-5
    )


def test_one_weight_off_is_noticed():
    """A comparison that no weight can spoil would say nothing."""
    ours, theirs, tokens = both(CONFIGS[1].values[0], torch.float64)
    shown, hidden = mask_words(tokens, 0.3, torch.Generator().manual_seed(0))
    masked_word_loss(ours(shown), tokens, hidden).backward()
    mask = tokens != PAD
    with torch.no_grad():
        expected, unnoticed = theirs(input_ids=shown, attention_mask=mask.long()).logits[mask], []
        for name, parameter in ours.named_parameters():
            assert parameter.grad.abs().max() > 1e-9, name
            kept = parameter.clone()
            parameter.view(-1)[parameter.grad.abs().argmax()] += 1e-3
            if not (ours(shown)[mask] - expected).abs().max() > 1e-6:
                unnoticed.append(name)
            parameter.copy_(kept)
    assert unnoticed == []
