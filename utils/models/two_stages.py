"""A LLaVA and what it was on its way: its language model before any picture, and its projector after stage 1.

Liu et al. 2023, "Visual instruction tuning", section 4.2: stage 1 trains the projector alone, on captions; stage 2
trains projector and language model, on instructions. The vision tower stays as it is in both.
"""

from __future__ import annotations

from torch import nn

from utils.models.gpt import GPT
from utils.models.llava import LLaVA, LLaVAConfig, Projector
from utils.models.vit import ViT


class TwoStages(nn.Module):
    """`language` before stage 1, `projector` after it, and `llava` after stage 2; all see with one vision tower."""

    def __init__(self, config: LLaVAConfig, vision: ViT | None = None, language: GPT | None = None):
        super().__init__()
        self.config = config
        self.language = language or GPT(config.language)
        self.projector = self._new_projector()
        self.llava = LLaVA(config, vision)

    def untrained(self) -> LLaVA:
        """Return the model before stage 1: trained tower, trained language model, and a new projector between them."""
        return LLaVA(self.config, self.llava.vision, self.language, self._new_projector()).eval()

    def after_stage_1(self) -> LLaVA:
        """Return the model after stage 1: the language model as it was, and a projector that has learnt captions."""
        return LLaVA(self.config, self.llava.vision, self.language, self.projector).eval()

    def after_stage_2(self) -> LLaVA:
        """Return the model after stage 2, the LLaVA."""
        return self.llava.eval()

    def _new_projector(self) -> Projector:
        return Projector(self.config.projector)
