"""Learning which caption belongs to a picture, from wrong captions that are written for the purpose.

Image-text matching (Li et al. 2021, "Align before fuse", section 3.2) asks of each pair: do these two belong together,
yes or no? Captions of other pictures are easily told to be wrong. So each picture comes with its true caption and one
caption that is wrong in each of `WRONG_WAYS`, the hardest of which uses the same words.

From yes and no alone a model that reads both together learns nothing for thousands of steps: it would have to know
already what word goes with what it sees. So, as in that paper, each model has a second task, after its kind, that says
more about each word: a cross-encoder fills gaps in captions, two towers sort the pictures and captions of a batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.bert import mask_words
from utils.models.dual import DualEncoder
from utils.models.joint import JointTransformer
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode
from utils.training.features import see
from utils.training.loop import History, fit
from utils.training.objectives import info_nce
from utils.world import Scenes, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.wrong_captions import WRONG_WAYS, wrong_scenes

SCENES, SCENES_SEED, BATCH = 15_000, 81, 32  # a batch is so many pictures, each with all of its captions
CAPTIONS = 1 + len(WRONG_WAYS)  # for each picture; the first is true
LENGTH = 12  # tokens of the longest caption of two things, with <start> and <end>


def caption_tokens(scenes: Scenes, *, seed: int, pairs: str = "all") -> Int[Tensor, "scenes captions length"]:
    """Return the tokens of each scene's true caption and, after it, of one wrong in each of `WRONG_WAYS`."""
    told = [scenes, *wrong_scenes(scenes, seed=seed, pairs=pairs).values()]
    return torch.stack([tokenize(render_captions(some), LENGTH) for some in told], dim=1)


def matching_loss(
    model: nn.Module,
    tokens: Int[Tensor, "pictures captions length"],
    patches: Float[Tensor, "pictures patches width"],
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of "does this caption belong to this picture", in nats: what `fit` makes small.

    `model(tokens, patches)` gives the log-odds of each row; the first caption of each picture is the true one.
    """
    captions = tokens.shape[1]
    logits = model(tokens.flatten(0, 1), patches.repeat_interleave(captions, dim=0)).view(-1, captions)
    match = torch.zeros_like(logits)
    match[:, 0] = 1
    return F.binary_cross_entropy_with_logits(logits, match)


class FillingGaps(nn.Module):
    """A cross-encoder's second task: say which words were hidden in a caption, from the others and the picture."""

    def __init__(self, model: JointTransformer):
        super().__init__()
        self.model = model
        self.words = nn.Linear(model.config.width, model.config.vocabulary)

    def forward(
        self, tokens: Int[Tensor, "pictures length"], patches: Float[Tensor, "pictures patches width"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the hidden words, in nats; the captions are true ones."""
        with_gaps, hidden = mask_words(tokens.cpu(), share=0.3)  # on the CPU, whose random numbers are seeded
        hidden = hidden.to(tokens.device)
        words, _ = self.model.encode(with_gaps.to(tokens.device), patches)
        return F.cross_entropy(self.words(words[hidden]), tokens[hidden])


class SortingABatch(nn.Module):
    """Two towers' second task, CLIP's own: find each picture's caption among those of the batch, and the reverse."""

    def __init__(self, model: DualEncoder):
        super().__init__()
        self.model = model

    def forward(
        self, tokens: Int[Tensor, "pictures length"], patches: Float[Tensor, "pictures patches width"]
    ) -> Float[Tensor, ""]:
        """Return `info_nce` of the batch, in nats; the captions are true ones."""
        cosines = self.model.encode_patches(patches) @ self.model.encode_text(tokens).T
        return info_nce(self.model.logit_scale.exp() * cosines)


def both_losses(
    task: FillingGaps | SortingABatch,
    tokens: Int[Tensor, "pictures captions length"],
    patches: Float[Tensor, "pictures patches width"],
) -> Float[Tensor, ""]:
    """Return the sum of `matching_loss` and the second task's loss: what `fit` makes small."""
    return matching_loss(task.model, tokens, patches) + task(tokens[:, 0], patches)


def learn_matching(
    task: FillingGaps | SortingABatch, *, seed: int, steps: int, learning_rate: float, description: str
) -> History:
    """Teach `task.model`, in place, which captions belong to pictures of two things, and return how it went.

    The pictures are seen by the tower of "region_scenes". Only shape-colour pairs of the seen split are shown or told.
    """
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SCENES_SEED, objects=(2, 2))
    tokens = caption_tokens(scenes, seed=SCENES_SEED, pairs="seen")
    vision, _ = load_checkpoint("region_scenes")
    patches = see(vision.to(device), render_pictures(scenes))
    words = task.model.words
    for vectors in (words.words.weight, words.positions):
        nn.init.normal_(vectors)  # the size that the layer norm behind them gives them, so that none turns in one step
    task.to(device)
    history = fit(
        task,
        batches(tokens.to(device), patches, batch_size=BATCH, seed=seed, steps=steps),
        both_losses,
        steps=steps,
        learning_rate=learning_rate,
        fast=has_fast_mode(device),
        description=description,
    )
    task.cpu()
    return history
