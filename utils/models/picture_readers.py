"""A language model learns to read pictures in three ways, which differ in what may move beside the projector.

Liu et al. 2023, "Visual instruction tuning", section 4.1: soft tokens from a projector stand where <image> stood. Hu et
al. 2021: low-rank updates on every token. Dong et al. 2024, "InternLM-XComposer2", section on partial LoRA: low-rank
updates on image tokens only. The language model itself is frozen in all three.
"""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.gpt import GPT, GPTConfig
from utils.models.llava import Projector, ProjectorConfig, patch_features
from utils.models.lora import add_lora, image_tokens
from utils.models.vit import ViT, ViTConfig
from utils.world.tokenizer import IMAGE

SOFT_TOKENS = 1  # what a picture becomes: the frozen model, which reads word by word, finds all in one vector


@dataclass(frozen=True)
class PictureReadersConfig:
    """The vision tower, the language model, and the size of the low-rank updates.

    In training each number that the tower sees is left out with probability `dropout`: otherwise a reader learns the
    pairs of shape and colour that it is shown, and not what each of them looks like.
    """

    vision: ViTConfig
    language: GPTConfig
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.3


class PictureReader(nn.Module):
    """A copy of `language`, frozen, with a new projector and, as `method` says, low-rank updates in its blocks."""

    def __init__(self, config: PictureReadersConfig, language: GPT, method: str):
        super().__init__()
        self.method, self.dropout = method, config.dropout
        self.language = copy.deepcopy(language).requires_grad_(False)
        if method != "projector":
            add_lora(self.language, "blocks.*", config.rank, config.alpha, partial=method == "partial LoRA")
        self.norm = nn.LayerNorm(config.vision.width, elementwise_affine=False)
        self.projector = Projector(ProjectorConfig(config.vision.width, config.language.width))

    def forward(
        self, tokens: Int[Tensor, "batch length"], features: Float[Tensor, "pictures soft width"] | None = None
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token; `features` come in the order of their <image>.

        Raises `ValueError` if there are not as many <image> as soft tokens.
        """
        places, embeddings = tokens == IMAGE, self.language.embed(tokens)
        soft_tokens = 0 if features is None else features.shape[0] * features.shape[1]
        if places.sum() != soft_tokens:
            raise ValueError(f"{soft_tokens} soft tokens do not fill the {int(places.sum())} <image> of these tokens")
        if features is not None:
            soft = self.projector(F.dropout(self.norm(features), self.dropout, self.training))
            embeddings = embeddings.masked_scatter(places.unsqueeze(-1), soft)
        with image_tokens(self.language, places) if self.method == "partial LoRA" else nullcontext():
            return self.language.decode(embeddings)


METHODS = ("projector", "LoRA", "partial LoRA")


class PictureReaders(nn.Module):
    """A vision tower and a language model, both frozen, and for each of `METHODS` a reader that began with them."""

    def __init__(self, config: PictureReadersConfig, vision: ViT | None = None, language: GPT | None = None):
        super().__init__()
        self.config = config
        self.vision = (vision or ViT(config.vision)).requires_grad_(False)
        self.language = (language or GPT(config.language)).requires_grad_(False)
        self.readers = nn.ModuleDict({method: PictureReader(config, self.language, method) for method in METHODS})

    @torch.no_grad()
    def see(self, pictures: Tensor) -> Float[Tensor, "pictures 1 width"]:
        """Return what the tower sees in each picture (0 to 255): the mean over its patches."""
        seen = [patch_features(self.vision, some).mean(dim=1, keepdim=True) for some in pictures.split(500)]
        return torch.cat(seen)
