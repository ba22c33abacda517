"""Learning which caption belongs to a picture, from wrong captions that are written for the purpose.

Captions of other pictures are easily told to be wrong. So each picture comes with its true caption and one caption that
is wrong in each of `WRONG_WAYS`, the hardest of which uses the same words. From these two models learn, each by its own
kind of loss:

    cross-encoder   image-text matching: do these two belong together, yes or no? And, beside it, the words that are
                    hidden in a true caption (Li et al. 2021, "Align before fuse", section 3.2)
    dual encoder    CLIP's sorting of a batch, with the wrong captions among those to choose from (Yuksekgonul et al.
                    2023, "When and why vision-language models behave like bags-of-words", section 4)

Yes and no are little to learn from, if one does not know already what word goes with what one sees, and hidden words
need nobody to know who stands where. So the cross-encoder begins as the model that has learnt to answer questions, and
the towers, which begin with nothing, have the steps of both trainings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.bert import mask_words
from utils.models.dual import DualEncoder
from utils.models.joint import JointConfig, JointTransformer
from utils.training.answering import CONFIGS, look
from utils.training.answering import STEPS as ANSWERING_STEPS
from utils.training.checkpoints import load_checkpoint
from utils.training.device import choose_device, has_fast_mode
from utils.training.loop import History, fit
from utils.world import Scenes, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.wrong_captions import WRONG_WAYS, wrong_scenes

SCENES, SCENES_SEED, BATCH = 10_000, 81, 32  # a batch is so many pictures, each with all of its captions
READING_STEPS, LEARNING_RATE = 1000, 2e-3
SORTING_STEPS = READING_STEPS + ANSWERING_STEPS  # of the dual encoder, which begins with nothing
CAPTIONS = 1 + len(WRONG_WAYS)  # for each picture; the first is true
LENGTH = 12  # tokens of the longest caption of two things, with <start> and <end>
SIZES: dict[str, Any] = {
    name: getattr(CONFIGS["early"], name) for name in ("picture_width", "length", "width", "heads", "hidden")
}
DATA = (
    f"{SCENES} scenes of 2 objects, seed {SCENES_SEED}, each with its caption and {CAPTIONS - 1} wrong ones, {BATCH} "
    "scenes a batch, only shape-colour pairs of the seen split; seen by region_scenes, which stays as it is"
)


def caption_tokens(scenes: Scenes, *, seed: int, pairs: str = "all") -> Int[Tensor, "scenes captions length"]:
    """Return the tokens of each scene's true caption and, after it, of one wrong in each of `WRONG_WAYS`."""
    told = [scenes, *wrong_scenes(scenes, seed=seed, pairs=pairs).values()]
    return torch.stack([tokenize(render_captions(some), LENGTH) for some in told], dim=1)


def begin_reading(config: JointConfig) -> JointTransformer:
    """Return a cross-encoder that knows what "early_fusion_scenes" knows, but for the last layer, which is new."""
    model = JointTransformer(config)
    new, known = model.state_dict(), load_checkpoint("early_fusion_scenes")[0].state_dict()
    last = f"head.answer.{len(model.head.answer) - 1}."
    model.load_state_dict({name: new[name] if name.startswith(last) else known[name] for name in new})
    return model


def matching_loss(
    model: nn.Module,
    tokens: Int[Tensor, "pictures captions length"],
    quarters: Float[Tensor, "pictures quarters width"],
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of "does this caption belong to this picture", in nats: what `fit` makes small.

    `model(tokens, quarters)` gives the log-odds of each row; the first caption of each picture is the true one.
    """
    captions = tokens.shape[1]
    logits = model(tokens.flatten(0, 1), quarters.repeat_interleave(captions, dim=0)).view(-1, captions)
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
        self, tokens: Int[Tensor, "pictures length"], quarters: Float[Tensor, "pictures quarters width"]
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the hidden words, in nats; the captions are true ones."""
        with_gaps, hidden = mask_words(tokens.cpu(), share=0.3)  # on the CPU, whose random numbers are seeded
        hidden = hidden.to(tokens.device)
        words, _ = self.model.encode(with_gaps.to(tokens.device), quarters)
        return F.cross_entropy(self.words(words[hidden]), tokens[hidden])


def reading_loss(
    task: FillingGaps,
    tokens: Int[Tensor, "pictures captions length"],
    quarters: Float[Tensor, "pictures quarters width"],
) -> Float[Tensor, ""]:
    """Return `matching_loss` and, beside it, the loss of words hidden in the true captions, in nats."""
    return matching_loss(task.model, tokens, quarters) + task(tokens[:, 0], quarters)


def sorting_loss(
    model: DualEncoder,
    tokens: Int[Tensor, "pictures captions length"],
    quarters: Float[Tensor, "pictures quarters width"],
) -> Float[Tensor, ""]:
    """Return CLIP's loss of the batch, in nats, where each picture chooses among all captions, the wrong ones too.

    A true caption still chooses among the pictures of the batch: no picture was drawn for a wrong caption.
    """
    pictures, captions = tokens.shape[:2]
    texts = model.encode_text(tokens.flatten(0, 1)).view(pictures, captions, -1)
    texts = texts.transpose(0, 1).flatten(0, 1)  # the true captions of all pictures first
    logits = model.logit_scale.exp() * model.encode_patches(quarters) @ texts.T
    right = torch.arange(pictures, device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits[:, :pictures].T, right)) / 2


def learn_captions(
    model: nn.Module, loss: Callable[..., Tensor], *, seed: int, steps: int, description: str = "captions"
) -> History:
    """Teach `model`, in place, which captions belong to pictures of two things, and return how it went.

    Only shape-colour pairs of the seen split are shown or told.
    """
    device = choose_device()
    scenes = sample_scenes(SCENES, seed=SCENES_SEED, objects=(2, 2))
    tokens, quarters = caption_tokens(scenes, seed=SCENES_SEED, pairs="seen"), look(render_pictures(scenes))
    history = fit(
        model.to(device),
        batches(tokens.to(device), quarters.to(device), batch_size=BATCH, seed=seed, steps=steps),
        loss,
        steps=steps,
        learning_rate=LEARNING_RATE,
        fast=has_fast_mode(device),
        description=description,
    )
    model.cpu()
    return history
