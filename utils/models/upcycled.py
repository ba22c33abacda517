"""What sparse upcycling trains of a LLaVA, held apart from it.

All else of the LLaVA stays as it was, so a checkpoint of these layers is a third of one of the whole. `sparse` are the
mixtures (Lin et al. 2024, "MoE-LLaVA", section 3.3, stage III); `dense` are feed-forward networks in the same places,
trained on for as long, without which nobody could say what came from the experts and what from the training.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

from torch import nn

from utils.models.blocks import FeedForward
from utils.models.llava import LLaVA
from utils.models.moe import SoftmaxRouter, upcycle

Way = Literal["sparse", "dense"]
WAYS: tuple[Way, ...] = ("sparse", "dense")


@dataclass(frozen=True)
class UpcycledConfig:
    """Sizes of the language model's feed-forward networks; the `experts` that stand in its `blocks`, top_k a token."""

    width: int = 96
    hidden: int = 384
    experts: int = 4
    top_k: int = 2
    blocks: tuple[int, ...] = (1, 3)


class Upcycled(nn.Module):
    """The layers of both ways; give a trained `llava` to begin with copies of its feed-forward networks."""

    def __init__(self, config: UpcycledConfig, llava: LLaVA | None = None):
        super().__init__()
        self.config = config
        networks = [
            llava.language.blocks[number].feed_forward if llava else FeedForward(config.width, config.hidden)
            for number in config.blocks
        ]
        self.sparse = nn.ModuleList(
            upcycle(network, SoftmaxRouter(config.width, config.experts, config.top_k)) for network in networks
        )
        self.dense = nn.ModuleList(copy.deepcopy(network) for network in networks)

    def put_into(self, llava: LLaVA, way: Way) -> LLaVA:
        """Return `llava` with the layers of `way` in their places.

        Its language model is a copy, its tower and projector are shared, and the layers themselves are not copied: to
        train them, freeze all else. Raises `ValueError` for a language model that has no such blocks.
        """
        depth = len(llava.language.blocks)
        if max(self.config.blocks) >= depth:
            raise ValueError(f"these layers belong into the blocks {self.config.blocks}, and there are {depth} blocks")
        language = copy.deepcopy(llava.language)
        for number, layer in zip(self.config.blocks, getattr(self, way), strict=True):
            language.blocks[number].feed_forward = layer
        return LLaVA(llava.config, llava.vision, language, llava.projector).eval()
