"""Early, late and hybrid fusion: at which layer of a Transformer words and patches begin to share one sequence.

`text_depth` layers are for words alone, `vision_depth` for patches alone, and the `joint_depth` after them for both in
one sequence. With joint layers only, fusion is early (Li et al. 2019, "VisualBERT: A simple and performant baseline for
vision and language", section 3.2); with none it is late, two towers whose vectors meet in the answer; with some of each
it is hybrid. All layers have the same size, so that equal sums of the three depths are equal numbers of parameters.

The parts that the two-stream models ViLBERT and LXMERT share with it are here too: how words and patches become
vectors, and how an answer is read off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.bert import EncoderBlock
from utils.models.blocks import initialise
from utils.world.questions import ANSWERS
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, PAD, UnknownWordError

FUSION_DEPTHS = {"early": (0, 0, 4), "hybrid": (1, 1, 2), "late": (2, 2, 0)}  # for words, for patches, for both
BOX = 4  # numbers that say where a patch is


@dataclass(frozen=True)
class JointConfig:
    """Sizes of a model that takes patch vectors of `picture_width` and questions, and gives `outputs` numbers.

    By default that is a score for each of the world's `ANSWERS`. With one output it says how well a text fits a
    picture: a cross-encoder for retrieval, or a reward model.
    """

    picture_width: int
    text_depth: int = 0
    vision_depth: int = 0
    joint_depth: int = 4
    vocabulary: int = BASE_VOCABULARY
    length: int = CONTEXT_LENGTH
    width: int = 96
    heads: int = 4
    hidden: int = 384
    outputs: int = len(ANSWERS)

    def __post_init__(self):
        depths = (self.text_depth, self.vision_depth, self.joint_depth)
        if min(depths) < 0 or not sum(depths):
            raise ValueError(f"the depths for words, for patches and for both must be 0 or more, one above 0: {depths}")


class WordEmbedding(nn.Module):
    """Token ids in, a vector for each token at its place out: word plus position, normalised, as in BERT."""

    def __init__(self, vocabulary: int, length: int, width: int):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return a vector for each token; raise `ValueError` for a wrong shape or type and for unknown tokens."""
        vocabulary, length = self.words.num_embeddings, len(self.positions)
        if tokens.ndim != 2 or tokens.is_floating_point() or not 1 <= tokens.shape[1] <= length:
            raise ValueError(
                f"this model takes integer tokens of shape [batch, length], from 1 to {length} long, not "
                f"{tokens.dtype} of shape {list(tokens.shape)}"
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < vocabulary:
            raise UnknownWordError(f"this model knows the tokens 0 to {vocabulary - 1}, and no others")
        return self.norm(self.words(tokens) + self.positions[: tokens.shape[1]])


class RegionEmbedding(nn.Module):
    """Vectors of a picture's patches in, vectors of the model's width that also know where they are out.

    The box of each patch is projected and added (Lu et al. 2019, section 2.2).
    """

    def __init__(self, picture_width: int, width: int):
        super().__init__()
        self.features = nn.Linear(picture_width, width)
        self.box = nn.Linear(BOX, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Float[Tensor, "batch patches picture_width"]) -> Float[Tensor, "batch patches width"]:
        """Return a vector for each patch."""
        return self.norm(self.features(patches) + self.box(boxes(patches)))


class AnswerHead(nn.Module):
    """Words and patches that have seen each other, or not, in; scores out.

    What <start> holds and the mean over patches are multiplied, number by number, and two layers answer (Lu et al.
    2019, section 3.2).
    """

    def __init__(self, width: int, vision_width: int, outputs: int):
        super().__init__()
        self.words, self.patches = nn.Linear(width, width), nn.Linear(vision_width, width)
        self.answer = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, outputs))

    def forward(
        self, words: Float[Tensor, "batch length width"], patches: Float[Tensor, "batch patches vision_width"]
    ) -> Float[Tensor, "batch outputs"]:
        """Return the scores of each row."""
        return self.answer(self.words(words[:, 0]) * self.patches(patches.mean(dim=1)))


class JointTransformer(nn.Module):
    """A question and the patch vectors of a picture in, a score for each answer out.

    `patches` are those of a vision tower that stays as it is, such as `patch_features` gives, so that a picture is
    encoded once however many questions are asked about it.
    """

    def __init__(self, config: JointConfig):
        super().__init__()
        self.config = config
        self.words = WordEmbedding(config.vocabulary, config.length, config.width)
        self.patches = RegionEmbedding(config.picture_width, config.width)
        self.text_blocks, self.vision_blocks, self.joint_blocks = (
            nn.ModuleList(EncoderBlock(config.width, config.heads, config.hidden) for _ in range(depth))
            for depth in (config.text_depth, config.vision_depth, config.joint_depth)
        )
        self.head = AnswerHead(config.width, config.width, config.outputs)
        initialise(self)

    def towers(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch all width"], Bool[Tensor, "batch all"]]:
        """Return words and patches in one sequence, before any has seen the other kind, and which are no padding."""
        check_rows(tokens, patches, self.config.picture_width)
        words, is_word = self.words(tokens), tokens != PAD
        for block in self.text_blocks:
            words = block(words, is_word)
        seen, is_patch = self.patches(patches), everywhere(patches)
        for block in self.vision_blocks:
            seen = block(seen, is_patch)
        return torch.cat([words, seen], dim=1), torch.cat([is_word, is_patch], dim=1)

    def encode(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> tuple[Float[Tensor, "batch length width"], Float[Tensor, "batch patches width"]]:
        """Return a vector for each token and one for each patch, after all layers."""
        x, is_there = self.towers(tokens, patches)
        for block in self.joint_blocks:
            x = block(x, is_there)
        return x[:, : tokens.shape[1]], x[:, tokens.shape[1] :]

    def forward(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch outputs"]:
        """Return a score for each answer, for each question about the picture in its row."""
        return self.head(*self.encode(tokens, patches))

    @torch.no_grad()
    def looks(
        self, tokens: Int[Tensor, "batch length"], patches: Float[Tensor, "batch patches picture_width"]
    ) -> Float[Tensor, "batch layers heads length patches"]:
        """Return how much each token looks at each patch, in each joint layer and head.

        The rest, to 1, goes to the words. Raises `ValueError` where there is no joint layer.
        """
        if not self.joint_blocks:
            raise ValueError("in late fusion no word ever looks at a patch: joint_depth is 0")
        (x, is_there), length, maps = self.towers(tokens, patches), tokens.shape[1], []
        for block in self.joint_blocks:
            maps.append(block.attention.weights(x, is_there)[..., :length, length:])
            x = block(x, is_there)
        return torch.stack(maps, dim=1)


def boxes(patches: Float[Tensor, "batch patches picture_width"]) -> Float[Tensor, "patches 4"]:
    """Return left, top, right and bottom of each patch of a square picture in reading order, from 0 to 1."""
    side = math.isqrt(patches.shape[1])
    if side**2 != patches.shape[1]:
        raise ValueError(f"the patches of a square picture are a square number, such as 16, and not {patches.shape[1]}")
    row, column = torch.meshgrid(*[torch.arange(side, device=patches.device)] * 2, indexing="ij")
    corners = torch.stack([column, row, column + 1, row + 1], dim=-1).flatten(0, 1)
    return corners.to(patches.dtype) / side


def everywhere(x: Float[Tensor, "batch length width"]) -> Bool[Tensor, "batch length"]:
    """Return the mask that leaves nothing out: a picture has no padding."""
    return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)


def check_rows(tokens: Tensor, patches: Tensor, picture_width: int) -> None:
    """Raise `ValueError` unless there is a picture, of patches of `picture_width`, for each row of `tokens`."""
    if patches.ndim != 3 or patches.shape[2] != picture_width or len(patches) != len(tokens):
        raise ValueError(
            f"patches must be [{len(tokens)}, patches, {picture_width}], one picture for each row of tokens, not "
            f"{list(patches.shape)}"
        )
