"""What stands in each part of a picture: a lesson for a vision tower that so far knows pictures as wholes.

CLIP learns one vector for a whole picture. A model that describes pictures reads the vectors of patches, which CLIP has
never asked for anything. A region loss asks them: what stands in each quarter? RegionCLIP (Zhong et al. 2022) and GLIP
(Li et al. 2022) teach towers so.

From pairs of shape and colour of which some are missing, a tower would learn the pairs, and take a ring in a new colour
for some other shape. So half of the pictures come with their colours mixed (colour distortion: Chen et al. 2020, "A
simple framework for contrastive learning", section 3), and of these nobody asks the colour: what a ring is then has
nothing to do with its colour.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.llava import patch_features
from utils.models.reader import PARTS, UNASKED, contents, quarters, reading_loss
from utils.models.vit import ViT
from utils.training.device import has_fast_mode
from utils.training.loop import History, fit
from utils.world.batching import batches
from utils.world.pictures import render_pictures
from utils.world.scenes import sample_scenes

SCENES, BATCH = 10_000, 128
COLOUR = 1  # where `contents` holds it, between shape and size


class RegionReader(nn.Module):
    """A vision tower, and a head that says what stands in each quarter of a picture: scores as `Reader` gives them."""

    def __init__(self, vision: ViT):
        super().__init__()
        self.vision = vision
        self.norm = nn.LayerNorm(vision.config.width)
        self.head = nn.Linear(vision.config.width, sum(PARTS))

    def forward(self, pictures: Tensor) -> tuple[Float[Tensor, "batch 4 values"], ...]:
        """Return the scores for shape, colour and size of each quarter; the last of each is for nothing there."""
        return self.head(self.norm(quarters(patch_features(self.vision, pictures)))).split(PARTS, dim=-1)


def mix_colours(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures, uint8 [batch, 3, height, width], each with its channels mixed by random shares that sum to 1."""
    shares = torch.rand(len(pictures), 3, 3, generator=generator)
    shares = (shares / shares.sum(dim=-1, keepdim=True)).to(pictures.device)
    mixed = torch.einsum("b o i, b i h w -> b o h w", shares, pictures.float())
    return mixed.round().to(pictures.dtype)


def learn_regions(vision: ViT, *, seed: int, steps: int = 400) -> History:
    """Teach `vision`, in place, what stands in each quarter of a picture of one or two objects, and return how it went.

    Only shape-colour pairs of the seen split are shown. Half a minute on one core.
    """
    device = next(vision.parameters()).device
    scenes = sample_scenes(SCENES, seed=seed)
    examples = batches(
        render_pictures(scenes), contents(scenes), batch_size=BATCH, seed=seed, steps=steps, device=device
    )
    torch.manual_seed(seed)
    model = RegionReader(vision).to(device)
    return fit(
        model,
        _half_mixed(examples, torch.Generator().manual_seed(seed)),
        reading_loss,
        steps=steps,
        learning_rate=1e-3,
        fast=has_fast_mode(device),
        description="regions",
    )


def _half_mixed(
    examples: Iterator[tuple[Tensor, Tensor]], generator: torch.Generator
) -> Iterator[tuple[Tensor, Int[Tensor, "batch 4 3"]]]:
    """The examples, with the colours of the first half of each batch mixed and not asked for."""
    for pictures, wanted in examples:
        half = len(pictures) // 2
        wanted = wanted.clone()
        wanted[:half, :, COLOUR] = UNASKED
        yield torch.cat([mix_colours(pictures[:half], generator), pictures[half:]]), wanted
