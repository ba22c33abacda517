"""Fusion: ways in which what was read and what was seen come together into one answer.

`QuestionAnswerer`   every word of a question looks at every patch of a picture, by cross-attention
`FeatureFusion`      one vector for the whole question and one for the whole picture are joined into one

The first is the decoder of Vaswani et al. 2017, section 3.1, with a picture where the encoder's text was. The second is
feature-level fusion: the product is that of Antol et al. 2015, "VQA: Visual question answering", section 4, the gate
that of Arevalo et al. 2017, "Gated multimodal units for information fusion", section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.blocks import CrossBlock, initialise
from utils.models.llava import patch_features
from utils.models.text import TextConfig, TextEncoder
from utils.models.vit import ViT, ViTConfig
from utils.world.questions import ANSWERS

FUSIONS = ("question alone", "picture alone", "concatenation", "sum", "product", "gate")


@dataclass(frozen=True)
class QuestionAnswererConfig:
    """The picture's encoder, the question's encoder, and the `depth` layers in which the second looks at the first."""

    vision: ViTConfig
    text: TextConfig
    depth: int = 2


class QuestionAnswerer(nn.Module):
    """A question and a picture in, a score for each of the world's `ANSWERS` out.

    Give a trained `vision` to start from. `answer` takes what `see` returns, so that a picture is encoded once however
    many questions are asked about it.
    """

    def __init__(self, config: QuestionAnswererConfig, vision: ViT | None = None):
        super().__init__()
        self.config = config
        text = config.text
        self.vision = vision or ViT(config.vision)
        self.text = TextEncoder(text)
        self.blocks = nn.ModuleList(
            CrossBlock(text.width, text.heads, text.hidden, config.vision.width) for _ in range(config.depth)
        )
        self.norm_out = nn.LayerNorm(text.width)
        self.head = nn.Linear(text.width, len(ANSWERS))
        initialise(self.blocks)
        initialise(self.head)

    def see(self, pictures: Tensor) -> Float[Tensor, "batch patches vision_width"]:
        """Return a vector for each patch of each picture (0 to 255), in reading order."""
        return patch_features(self.vision, pictures)

    def answer(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches vision_width"]
    ) -> Float[Tensor, "batch answers"]:
        """Return the scores that the question's <end>, which has read all of it, gives to each answer."""
        x = self.text(tokens)
        for block in self.blocks:
            x = block(x, patches)
        return self.head(self.norm_out(self.text.pool(tokens, x)))

    def forward(self, tokens: Int[Tensor, "batch length"], pictures: Tensor) -> Float[Tensor, "batch answers"]:
        """Return a score for each of `ANSWERS`, for each question about the picture in its row."""
        return self.answer(tokens, self.see(pictures))

    def looks(
        self, tokens: Int[Tensor, "batch length"], pictures: Tensor
    ) -> Float[Tensor, "batch layers heads length patches"]:
        """Return where each token looks in its picture, in each layer and head: shares that sum to 1 over patches."""
        patches, x, maps = self.see(pictures), self.text(tokens), []
        for block in self.blocks:
            maps.append(block.looks(x, patches))
            x = block(x, patches)
        return torch.stack(maps, dim=1)


class FeatureFusion(nn.Module):
    """A vector of a question and one of a picture in, a score for each of `ANSWERS` out.

    Both are projected to one `width`; `how`, one of `FUSIONS`, says what becomes of them; two layers answer. All but
    `how` is the same, so that ways of fusing can be compared.
    """

    def __init__(self, how: str, question_width: int, picture_width: int, width: int = 128):
        super().__init__()
        if how not in FUSIONS:
            raise ValueError(f"features are fused by one of {', '.join(FUSIONS)}, not {how!r}")
        self.how = how
        self.question, self.picture = nn.Linear(question_width, width), nn.Linear(picture_width, width)
        self.gate = nn.Linear(2 * width, width)
        fused = 2 * width if how == "concatenation" else width
        self.head = nn.Sequential(nn.Linear(fused, 2 * width), nn.GELU(), nn.Linear(2 * width, len(ANSWERS)))
        initialise(self)

    def fuse(
        self, question: Float[Tensor, "batch width"], picture: Float[Tensor, "batch width"]
    ) -> Float[Tensor, "batch fused"]:
        """Return one vector for both."""
        match self.how:
            case "question alone":
                return question
            case "picture alone":
                return picture
            case "concatenation":
                return torch.cat([question, picture], dim=-1)
            case "sum":
                return question + picture
            case "product":
                return question * picture
            case _:
                share = self.gate(torch.cat([question, picture], dim=-1)).sigmoid()
                return share * question + (1 - share) * picture

    def forward(
        self, question: Float[Tensor, "batch question_width"], picture: Float[Tensor, "batch picture_width"]
    ) -> Float[Tensor, "batch answers"]:
        """Return a score for each answer, for each question and the picture in its row."""
        return self.head(self.fuse(self.question(question), self.picture(picture)))
