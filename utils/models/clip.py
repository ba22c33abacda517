"""CLIP: two encoders that meet in one space.

Radford et al. 2021, "Learning transferable visual models from natural language supervision", section 2 and figure 3.
With `CLIPConfig(bias=...)` it carries the learnt bias that SigLIP's loss needs (Zhai et al. 2023, "Sigmoid loss for
language image pre-training", section 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.text import TextConfig, TextEncoder
from utils.models.vit import ViT, ViTConfig, to_pixels


@dataclass(frozen=True)
class CLIPConfig:
    """The two towers, the width of the space in which they meet, and the temperature (and bias) to begin with.

    `bias` is None for CLIP's loss. SigLIP's starts at -10 in the paper, where one pair of 16,384 in a row matches; in
    general at the log-odds of a match, so that training does not begin by unlearning a wrong guess.
    """

    vision: ViTConfig = field(default_factory=lambda: ViTConfig(clip_style=True))
    text: TextConfig = field(default_factory=TextConfig)
    width: int = 64
    temperature: float = 0.07
    bias: float | None = None


class CLIP(nn.Module):
    """A dual encoder: a picture and a text each become one unit vector, and their dot product says how well they match.

    `logit_scale` is the logarithm of 1 / temperature, as in the paper's figure 3.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config = config
        self.vision = ViT(config.vision)
        self.text = TextEncoder(config.text)
        self.vision_projection = nn.Linear(config.vision.width, config.width, bias=False)
        self.text_projection = nn.Linear(config.text.width, config.width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / config.temperature)))
        self.logit_bias = None if config.bias is None else nn.Parameter(torch.tensor(float(config.bias)))
        for projection in (self.vision_projection, self.text_projection):
            nn.init.normal_(projection.weight, std=projection.in_features**-0.5)

    def encode_image(self, pictures: Tensor) -> Float[Tensor, "batch width"]:
        """Return a unit vector for each picture, [batch, 3, height, width], 0 to 255 (uint8) or -1 to 1 (float)."""
        pixels = pictures if pictures.is_floating_point() else to_pixels(pictures).to(self.logit_scale.dtype)
        class_token = self.vision(pixels, first=1)[:, 0]
        return F.normalize(self.vision_projection(class_token).to(self.logit_scale.dtype), dim=-1)

    def encode_text(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch width"]:
        """Return a unit vector for each text."""
        states = self.text(tokens)
        return F.normalize(self.text_projection(self.text.pool(tokens, states)).to(self.logit_scale.dtype), dim=-1)

    def forward(
        self, pictures: Tensor, tokens: Int[Tensor, "texts length"]
    ) -> tuple[Float[Tensor, "pictures width"], Float[Tensor, "texts width"]]:
        """Return the unit vectors of pictures and texts; `similarity` and the losses take them from there."""
        return self.encode_image(pictures), self.encode_text(tokens)

    def similarity(
        self, images: Float[Tensor, "pictures width"], texts: Float[Tensor, "texts width"]
    ) -> Float[Tensor, "pictures texts"]:
        """Return the logits: dot products times exp(logit_scale), plus the bias if there is one.

        Never in bfloat16, which knows no number between 14 and 14.06.
        """
        with torch.autocast(images.device.type, enabled=False):
            logits = images @ texts.T * self.logit_scale.exp()
        return logits if self.logit_bias is None else logits + self.logit_bias
