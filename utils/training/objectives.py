"""Losses: what a model is trained to make small.

Each takes what a model returns and gives one number, and stays differentiable in all of its inputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def info_nce(logits: Float[Tensor, "batch batch"]) -> Float[Tensor, ""]:
    """Return CLIP's symmetric contrastive loss, in nats (Radford et al. 2021, figure 3; van den Oord et al. 2018).

    `logits[i, j]` says how well picture i matches text j, and the pairs stand on the diagonal. Each picture must pick
    its text among all texts of the batch, and each text its picture; the loss is the mean of both cross-entropies.
    At chance it is ln(batch).
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
        raise ValueError(f"info_nce takes a square matrix of logits, pictures by texts, not {list(logits.shape)}")
    pair = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2


def siglip_loss(
    logits: Float[Tensor, "pictures texts"], matches: Float[Tensor, "pictures texts"] | None = None
) -> Float[Tensor, ""]:
    """Return SigLIP's loss, in nats a picture (Zhai et al. 2023, equation 1): every cell is its own yes-no question.

    `matches` is 1 where picture and text belong together and 0 elsewhere; left out, the pairs stand on the diagonal.
    Unlike `info_nce` it allows several matches in a row. The sum over texts is averaged over pictures.
    """
    if matches is None:
        if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
            raise ValueError(f"without matches, siglip_loss takes a square matrix of logits, not {list(logits.shape)}")
        matches = torch.eye(len(logits), device=logits.device)
    elif matches.shape != logits.shape:
        raise ValueError(f"matches must have the shape of the logits, {list(logits.shape)}, not {list(matches.shape)}")
    signs = 2 * matches.to(logits.dtype) - 1
    return -F.logsigmoid(signs * logits).sum(dim=1).mean()
