"""LLaVA: a language model that reads a picture as words of its own kind.

Liu et al. 2023, "Visual instruction tuning", section 4.1 and figure 1: a projector turns the patch features of a vision
encoder into vectors of the language model's width, soft tokens, which stand in its sequence where <image> stood. It is
one linear layer; Liu et al. 2024, "Improved baselines with visual instruction tuning", section 3.2, make it two.
Wang et al. 2024, "Qwen2-VL", section 2.1: patches side by side can share one soft token, which saves most of them.
Beyer et al. 2024, "PaliGemma", section 3.1: a picture and the question about it can be seen all at once, as a prefix.

Training goes in stages (2023, section 4.2), by what is frozen: `model.language.requires_grad_(False)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import initialise
from utils.models.gpt import GPT, GPTConfig
from utils.models.vit import ViT, ViTConfig, to_pixels
from utils.world.tokenizer import IMAGE, PAD, START

NEVER_WRITTEN = (PAD, START, IMAGE)


@dataclass(frozen=True)
class LLaVAConfig:
    """Sizes of the vision encoder and of the language model, which must know the token <image>.

    A square of `merge` by `merge` patches becomes one soft token. What a projector's layers and norm are,
    `ProjectorConfig` says.
    """

    vision: ViTConfig
    language: GPTConfig
    merge: int = 1
    projector_layers: int = 2
    projector_norm: bool = False

    def __post_init__(self):
        side = round(self.vision.patches**0.5)
        if self.merge < 1 or side % self.merge:
            raise ValueError(
                f"{side} by {side} patches cannot be merged in squares of {self.merge} by {self.merge}; choose a merge "
                f"that divides {side}"
            )
        if self.language.vocabulary <= IMAGE:
            raise ValueError(
                f"the language model knows {self.language.vocabulary} tokens, and <image> is token {IMAGE}; make it "
                "with GPTConfig(vocabulary=len(VOCABULARY))"
            )

    @property
    def soft_tokens(self) -> int:
        """How many soft tokens a picture becomes."""
        return self.vision.patches // self.merge**2

    @property
    def projector(self) -> ProjectorConfig:
        """The sizes of the projector."""
        read = self.vision.width * self.merge**2
        return ProjectorConfig(read, self.language.width, self.projector_layers, self.projector_norm)


@dataclass(frozen=True)
class ProjectorConfig:
    """The widths between which a projector carries vectors, and by how many linear layers.

    LLaVA has 1, LLaVA-1.5 has 2. With `norm` a layer normalisation stands behind them, so that every soft token is as
    long as any other.
    """

    vision_width: int
    language_width: int
    layers: int = 2
    norm: bool = False

    def __post_init__(self):
        if self.layers < 1:
            raise ValueError(f"a projector has one linear layer or more, not {self.layers}")


class Projector(nn.Sequential):
    """One layer or more that carry the vector of a patch to where a language model can read it."""

    def __init__(self, config: ProjectorConfig):
        width = config.language_width
        parts: list[nn.Module] = [nn.Linear(config.vision_width, width)]
        for _ in range(config.layers - 1):
            parts += [nn.GELU(), nn.Linear(width, width)]
        if config.norm:
            parts.append(nn.LayerNorm(width))
        super().__init__(*parts)
        self.config = config
        initialise(self)


class LLaVA(nn.Module):
    """Token ids with <image> in the place of each soft token, and pictures; scores for the next token out.

    Give a trained `vision` or `language` model, or `projector`, to start from.
    """

    def __init__(
        self,
        config: LLaVAConfig,
        vision: ViT | None = None,
        language: GPT | None = None,
        projector: Projector | None = None,
    ):
        super().__init__()
        self.config = config
        self.vision = vision or ViT(config.vision)
        self.projector = projector or Projector(config.projector)
        self.language = language or GPT(config.language)

    def soft_tokens(self, pictures: Tensor) -> Float[Tensor, "pictures squares width"]:
        """Return what the language model reads for each picture (0 to 255): a vector for each square of patches."""
        return self.projector(merge_patches(patch_features(self.vision, pictures), self.config.merge))

    def embed(
        self, tokens: Int[Tensor, "batch length"], soft: Float[Tensor, "pictures squares width"]
    ) -> Float[Tensor, "batch length width"]:
        """Return the vector of each token, and in the place of each <image> the next soft token, in reading order.

        Raises `ValueError` if there are not as many <image> as soft tokens, or if a picture would be torn in two.
        """
        places = tokens == IMAGE
        if places.sum() != soft.shape[0] * soft.shape[1]:
            raise ValueError(
                f"{len(soft)} pictures of {soft.shape[1]} soft tokens each fill {soft.shape[0] * soft.shape[1]} places "
                f"and the tokens hold {int(places.sum())} <image>; `picture_prompt` writes as many as a picture takes"
            )
        torn = (places.sum(dim=1) % soft.shape[1]).nonzero().flatten().tolist()
        if torn:
            raise ValueError(
                f"text {torn[0]} holds {int(places[torn[0]].sum())} <image>, and a picture takes {soft.shape[1]}: "
                "it would be torn between two texts; `picture_prompt` writes as many as a picture takes"
            )
        embeddings = self.language.embed(tokens)
        return embeddings.masked_scatter(places.unsqueeze(-1), soft.to(embeddings.dtype))

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        pictures: Tensor,
        prefix: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token; `pictures` come in the order of their places.

        What a `prefix` is, `GPT.decode` says.
        """
        return self.language.decode(self.embed(tokens, self.soft_tokens(pictures)), prefix)

    @torch.no_grad()
    def generate(
        self,
        prompt: Int[Tensor, "batch length"],
        pictures: Tensor,
        max_new: int,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        prefix: Bool[Tensor, "batch length"] | None = None,
    ) -> Int[Tensor, "batch new"]:
        """Return what follows each prompt, as `GPT.generate` does; every prompt's pictures are in `pictures`.

        Only words and <end> are written: an <image> would want a picture of its own. A `prefix` says which of the
        prompt's tokens are seen from everywhere; `prompt != PAD` makes it the whole prompt.
        """
        soft = self.soft_tokens(pictures)
        return GPT.generate(
            _Writer(self.language, prefix),
            prompt,
            max_new,
            temperature=temperature,
            seed=seed,
            embed=lambda tokens: self.embed(tokens, soft),
        )


class _Writer:
    """What `GPT.generate` needs of a language model, which gives no chance to a token that no text holds."""

    def __init__(self, language: GPT, prefix: Bool[Tensor, "batch length"] | None):
        self.config, self.embed = language.config, language.embed
        self._language, self._prefix = language, prefix

    def decode(self, embeddings: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch length vocabulary"]:
        """Return the language model's logits, those of `NEVER_WRITTEN` at minus infinity."""
        never, prefix = torch.tensor(NEVER_WRITTEN, device=embeddings.device), self._prefix
        if prefix is not None:  # what has been written since is no part of it
            prefix = F.pad(prefix, (0, embeddings.shape[1] - prefix.shape[1]))
        return self._language.decode(embeddings, prefix).index_fill(-1, never, -torch.inf)


def patch_features(vision: ViT, pictures: Tensor) -> Float[Tensor, "pictures patches width"]:
    """Return a vector for each patch of each picture (0 to 255), in reading order, as it is before the last block.

    CLIP reads only the class token of the last block, and so has never trained what that block makes of a patch. LLaVA
    takes what comes before it (Liu et al. 2023, section 4.1).
    """
    return vision.before_last_block(to_pixels(pictures))[:, 1:]


def merge_patches(
    features: Float[Tensor, "pictures patches width"], merge: int
) -> Float[Tensor, "pictures squares merged"]:
    """Return the vectors of each square of `merge` by `merge` patches side by side as one, all in reading order."""
    rows = round(features.shape[1] ** 0.5) // merge
    return rearrange(
        features, "b (row p column q) c -> b (row column) (p q c)", row=rows, column=rows, p=merge, q=merge
    )


def picture_prompt(text: str, soft_tokens: int) -> str:
    """Return `text` with each <image> repeated for the soft tokens of one picture."""
    return text.replace("<image>", " ".join(["<image>"] * soft_tokens))
