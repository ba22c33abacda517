"""A language model that reads pictures among words, one soft token a picture.

Tsimpoukelli et al. 2021, "Multimodal few-shot learning with frozen language models" (Frozen), sections 3.1 and 3.2: the
embedding of a picture, mapped to the width of the language model, stands in its sequence as a word would, wherever a
picture stands. Theirs trains the vision encoder and freezes the language model; here it is the other way round, as both
are small: the pictures' embeddings come from a trained CLIP that stays as it is. A wide picture is cut into square
tiles, each a soft token of its own, as in LLaVA-NeXT (Liu et al. 2024).

Every position also brings along what stood before it: a word, the picture that it names. A Transformer learns to look
one place back by itself, but late. Olsson et al. 2022, "In-context learning and induction heads", argument 2, smear the
keys of their models in the same way: what in-context learning rests on is then learnt sooner, and in one layer too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.blocks import initialise
from utils.models.gpt import GPT, GPTConfig
from utils.world.tokenizer import IMAGE, PAD


@dataclass(frozen=True)
class InterleavedConfig:
    """Width of a picture's embedding, and the sizes of the language model, which must know the token <image>."""

    features: int
    language: GPTConfig

    def __post_init__(self):
        if self.language.vocabulary <= IMAGE:
            raise ValueError(
                f"the language model knows {self.language.vocabulary} tokens, and <image> is token {IMAGE}; make it "
                f"with GPTConfig(vocabulary={IMAGE + 1}) or more"
            )


class InterleavedGPT(nn.Module):
    """Token ids with <image> in the place of each picture, and the pictures' embeddings; scores for the next token."""

    def __init__(self, config: InterleavedConfig):
        super().__init__()
        self.config = config
        self.projector = nn.Linear(config.features, config.language.width)
        self.before = nn.Linear(config.language.width, config.language.width, bias=False)
        self.language = GPT(config.language)
        initialise(self.projector)
        initialise(self.before)
        # A word begins with a length of about 1, as a picture does; at GPT-2's 0.02 it would drown beside the pictures,
        # and what joins the two was measured to be learnt several times later.
        nn.init.normal_(self.language.embedding.weight, std=config.language.width**-0.5)

    def embed(
        self, tokens: Int[Tensor, "batch length"], features: Float[Tensor, "batch pictures features"]
    ) -> Float[Tensor, "batch length width"]:
        """Return the vector of each token, and in the place of each <image> its row's next picture, projected.

        To each is added what `before` makes of the vector in front of it.
        Raises `ValueError` for a row with another number of <image> than of pictures.
        """
        if features.ndim != 3 or len(features) != len(tokens) or features.shape[2] != self.config.features:
            raise ValueError(
                f"{len(tokens)} rows of tokens need features [{len(tokens)}, pictures, {self.config.features}], not "
                f"{list(features.shape)}"
            )
        places = tokens == IMAGE
        wrong = (places.sum(dim=1) != features.shape[1]).nonzero().flatten().tolist()
        if wrong:
            raise ValueError(
                f"row {wrong[0]} holds {int(places[wrong[0]].sum())} <image> for {features.shape[1]} pictures: each "
                "picture takes one"
            )
        embeddings = self.language.embed(tokens)
        soft = self.projector(features)
        embeddings = embeddings.masked_scatter(places.unsqueeze(-1), soft.to(embeddings.dtype))
        return embeddings + self.before(F.pad(embeddings[:, :-1], (0, 0, 1, 0)))

    def forward(
        self, tokens: Int[Tensor, "batch length"], features: Float[Tensor, "batch pictures features"]
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token or picture."""
        return self.language.decode(self.embed(tokens, features))

    @torch.no_grad()
    def generate(
        self,
        prompt: Int[Tensor, "batch length"],
        features: Float[Tensor, "batch pictures features"],
        max_new: int,
    ) -> Int[Tensor, "batch new"]:
        """Return the likeliest continuation of each prompt, as `GPT.generate` does; all pictures are in the prompt."""

        def embed(tokens: Tensor) -> Tensor:
            # an <image> that the model itself wrote has no picture
            length = min(tokens.shape[1], prompt.shape[1])
            asked = torch.zeros_like(tokens, dtype=torch.bool)
            asked[:, :length] = prompt[:, :length] == IMAGE
            return self.embed(tokens.masked_fill((tokens == IMAGE) & ~asked, PAD), features)

        return self.language.generate(prompt, max_new, embed=embed)
