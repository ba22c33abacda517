"""A dual encoder that also answers: a small head reads the product of its two vectors.

Two deep towers and next to nothing behind them is the second of the four designs in figure 2 of Kim et al. 2021, "ViLT:
vision-and-language transformer"; CLIP is its best-known member.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.blocks import initialise
from utils.models.dual import DualConfig, DualEncoder
from utils.world import ANSWERS


class AnsweringDualEncoder(nn.Module):
    """A question and the patch vectors of a picture in, a score for each answer of `ANSWERS` out.

    `towers` compare captions with pictures as they are. No word ever meets a patch: each tower gives one vector, and
    all that a question and a picture do together is to be multiplied, number by number.
    """

    def __init__(self, config: DualConfig):
        super().__init__()
        self.config = config
        self.towers = DualEncoder(config)
        self.towers.logit_bias.requires_grad_(False)  # added to all pairs alike, it changes no softmax
        self.head = nn.Sequential(
            nn.Linear(config.space, 2 * config.space), nn.GELU(), nn.Linear(2 * config.space, len(ANSWERS))
        )
        initialise(self.head)

    def forward(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch answers"]:
        """Return the scores of each row."""
        product = self.towers.encode_text(tokens) * self.towers.encode_patches(patches)
        return self.head(self.config.space * product)  # of unit vectors, so that its numbers are about 1
