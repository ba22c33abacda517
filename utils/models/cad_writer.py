"""A model that looks at a picture and writes the CAD program of the solids in it, word by word.

Its make is LLaVA's (Liu et al. 2023): a vision encoder, a projector, and a language model that reads soft tokens. The
language is that of `utils.world.cad`. Wang et al. 2024, "CAD-GPT", do the same with LLaVA-1.5 and a language of
sketches and extrusions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.llava import Projector, ProjectorConfig, patch_features
from utils.models.vit import ViT, ViTConfig
from utils.world.cad import CAD_LENGTH, CAD_VOCABULARY, detokenize_program
from utils.world.tokenizer import MASK, START


@dataclass(frozen=True)
class CADWriterConfig:
    """Sizes of the vision encoder and of the language model, whose vocabulary is that of CAD programs."""

    vision: ViTConfig
    language: GPTConfig

    def __post_init__(self):
        if self.language.vocabulary != len(CAD_VOCABULARY) or self.language.length < self.vision.patches + CAD_LENGTH:
            raise ValueError(
                f"programs need a language model of {len(CAD_VOCABULARY)} tokens that reads {self.vision.patches} soft "
                f"tokens and {CAD_LENGTH} others, not GPTConfig(vocabulary={self.language.vocabulary}, "
                f"length={self.language.length})"
            )


class CADWriter(nn.Module):
    """Pictures (0 to 255) and the tokens of programs in, scores for each next token out.

    Give a trained `vision` encoder to start from.
    """

    def __init__(self, config: CADWriterConfig, vision: ViT | None = None):
        super().__init__()
        self.config = config
        self.vision = vision or ViT(config.vision)
        self.projector = Projector(ProjectorConfig(config.vision.width, config.language.width))
        self.language = GPT(config.language)

    def soft_tokens(self, pictures: Tensor) -> Float[Tensor, "pictures patches width"]:
        """Return one vector for each patch of each picture, for the language model to read before the program."""
        return self.projector(patch_features(self.vision, pictures))

    def forward(
        self, pictures: Tensor, tokens: Int[Tensor, "pictures length"]
    ) -> Float[Tensor, "pictures length vocabulary"]:
        """Return the logits of the token that follows each token of each picture's program."""
        soft = self.soft_tokens(pictures)
        return self.language.decode(torch.cat([soft, self.language.embed(tokens)], dim=1))[:, soft.shape[1] :]

    @torch.no_grad()
    def write(self, pictures: Tensor, *, temperature: float = 0.0, seed: int = 0) -> list[str]:
        """Return the program that is written for each picture, be it one that runs or not.

        At temperature 0 the likeliest word is taken each time, otherwise one is drawn.
        """
        soft = self.soft_tokens(pictures)
        patches = soft.shape[1]
        # the masks only keep the places of the soft tokens
        prompt = torch.tensor([[MASK] * patches + [START]], device=soft.device).expand(len(soft), -1)
        written = self.language.generate(
            prompt,
            CAD_LENGTH - 1,
            temperature=temperature,
            seed=seed,
            embed=lambda tokens: torch.cat([soft, self.language.embed(tokens[:, patches:])], dim=1),
        )
        return [detokenize_program(ids) for ids in written]


def program_loss(model: CADWriter, pictures: Tensor, tokens: Int[Tensor, "pictures length"]) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the tokens of the programs, in nats a token."""
    return next_token_loss(model(pictures, tokens), tokens)
