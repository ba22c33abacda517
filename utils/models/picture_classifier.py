"""A picture classifier: a vision tower, new or pretrained, with a linear head on its class token.

Kornblith et al. 2019, "Do better ImageNet models transfer better?", section 2: the same network serves as linear probe
(only the head is trained), fine-tuned (all of it, from pretrained weights) and from scratch (all of it, from random
ones).
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from utils.models.vit import ViT, to_pixels


class PictureClassifier(nn.Module):
    """Pictures in, scores of `classes` classes out. The head starts at zero: at first every class is as likely."""

    def __init__(self, vision: ViT, classes: int):
        super().__init__()
        self.vision = vision
        self.head = nn.Linear(vision.config.width, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, pictures: Tensor) -> Float[Tensor, "batch classes"]:
        """Return the logits of each class for pictures [batch, 3, height, width], 0 to 255."""
        return self.head(self.vision(to_pixels(pictures), first=1)[:, 0])
