"""The parts that models of words and patches share, under the names of transformers' BERT family and of PyTorch.

As in `weights`, each mapping is linear, so it holds for gradients too.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from utils.world.tokenizer import END, PAD, START

BERT_PARTS = {
    "attention.output": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm",
    "feed_forward.expand": "intermediate.dense",
    "feed_forward.contract": "output.dense",
    "norm_2": "output.LayerNorm",
}


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def encoder_block_to_bert(ours: Mapping[str, Tensor], parts: Mapping[str, str] = BERT_PARTS) -> dict[str, Tensor]:
    """Our `EncoderBlock` as a layer of transformers' BERT, VisualBERT and LXMERT."""
    theirs = {}
    for kind in ("weight", "bias"):
        for name, part in zip(
            ("query", "key", "value"), ours[f"attention.query_key_value.{kind}"].chunk(3), strict=True
        ):
            theirs[f"attention.self.{name}.{kind}"] = part
        for our_part, their_part in parts.items():
            theirs[f"{their_part}.{kind}"] = ours[f"{our_part}.{kind}"]
    return theirs


def encoder_block_to_torch(ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our `EncoderBlock` as PyTorch's `nn.TransformerEncoderLayer`."""
    names = {
        "attention.query_key_value.": "self_attn.in_proj_",
        "attention.output.": "self_attn.out_proj.",
        "norm_1.": "norm1.",
        "norm_2.": "norm2.",
        "feed_forward.expand.": "linear1.",
        "feed_forward.contract.": "linear2.",
    }
    return {their + kind: ours[our + kind] for our, their in names.items() for kind in ("weight", "bias")}


def cross_attention_to_torch(ours: Mapping[str, Tensor], same_width: bool) -> dict[str, Tensor]:
    """Our `CrossAttention` as `nn.MultiheadAttention`, which keeps one matrix only where all widths are the same."""
    query, (key, value) = ours["query.weight"], ours["key_value.weight"].chunk(2)
    parts = (
        {"in_proj_weight": torch.cat([query, key, value])}
        if same_width
        else {"q_proj_weight": query, "k_proj_weight": key, "v_proj_weight": value}
    )
    return {
        **parts,
        "in_proj_bias": torch.cat([ours["query.bias"], ours["key_value.bias"]]),
        "out_proj.weight": ours["output.weight"],
        "out_proj.bias": ours["output.bias"],
    }


def torch_block(width: int, heads: int, hidden: int) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(width, heads, hidden, 0.0, "gelu", batch_first=True)


def questions(vocabulary: int, length: int) -> Tensor:
    """Questions of random words and of four lengths."""
    tokens = torch.randint(END + 1, vocabulary, (4, length))
    tokens[:, 0] = START
    for row, end in enumerate(range(length, length - 4, -1)):
        tokens[row, end - 1] = END
        tokens[row, end:] = PAD
    return tokens


def direction(of: Tensor, seed: int = 0) -> Tensor:
    """A random direction of length 1: along it goes the derivative that is compared, whose size is then about 1."""
    way = torch.randn(of.shape, generator=torch.Generator().manual_seed(seed), dtype=of.dtype)
    return way / way.norm()


def assert_same(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float):
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )
