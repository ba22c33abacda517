"""Retrieval and zero-shot classification in a joint space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.evaluation.intervals import Interval, bootstrap


@dataclass(frozen=True)
class Retrieval:
    """Recall@k both ways: the share of pictures whose text is among the k best, and of texts whose picture is."""

    image_to_text: Interval
    text_to_image: Interval
    k: int

    @property
    def worse(self) -> float:
        """The lower of the two means, which is the one to hold against a bar."""
        return min(self.image_to_text.mean, self.text_to_image.mean)


def hits_at_k(similarity: Float[Tensor, "queries candidates"], k: int = 1) -> Bool[Tensor, " queries"]:
    """Say for each row whether its own candidate, the one on the diagonal, is among the `k` most similar.

    Candidates exactly as similar as the right one count as better than it, so that a model which gives every pair the
    same score, or no number at all, finds nothing.
    """
    if similarity.ndim != 2 or similarity.shape[0] > similarity.shape[1]:
        raise ValueError(
            f"hits_at_k takes queries by candidates, each query's own among them, not {list(similarity.shape)}"
        )
    if not 1 <= k <= similarity.shape[1]:
        raise ValueError(f"k must be from 1 to the number of candidates, {similarity.shape[1]}, not {k}")
    return _rank(similarity, similarity.diagonal()) <= k


def recall_at_k(similarity: Float[Tensor, "pictures texts"], k: int = 1) -> Retrieval:
    """Return recall@k both ways for a square matrix of similarities whose pairs stand on the diagonal."""
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"recall_at_k takes a square matrix, pictures by their texts, not {list(similarity.shape)}")
    ways = (hits_at_k(matrix, k).float() for matrix in (similarity, similarity.T))
    return Retrieval(*map(bootstrap, ways), k)


@torch.no_grad()
def class_embeddings(
    encode: Callable[[list[str]], Float[Tensor, "texts width"]], prompts: Sequence[Sequence[str]]
) -> Float[Tensor, "classes width"]:
    """Return a unit vector for each class: the mean of its prompts' vectors, normalised again.

    `prompts[c]` are the texts for class c. Averaging many of them is prompt ensembling (Radford et al. 2021, section
    3.1.4).
    """
    return torch.stack([F.normalize(encode(list(texts)).mean(0), dim=-1) for texts in prompts])


def zero_shot_correct(
    images: Float[Tensor, "pictures width"],
    classes: Float[Tensor, "classes width"],
    labels: Int[Tensor, " pictures"],
) -> Float[Tensor, " pictures"]:
    """Return 1 for each picture that is nearer to its label's class than to any other and 0 for the others."""
    scores = images @ classes.T
    return (_rank(scores, scores.gather(1, labels.unsqueeze(1)).squeeze(1)) == 1).float()


def _rank(scores: Float[Tensor, "queries candidates"], right: Float[Tensor, " queries"]) -> Int[Tensor, " queries"]:
    """The place, from 1, of the right candidate's score; `not <` puts ties and NaN before it, where `>=` would not."""
    return (~(scores < right.unsqueeze(1))).sum(1)
