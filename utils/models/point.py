"""The point encoder: a cloud of points read as a set, in which order means nothing.

Qi et al. 2017, "PointNet: deep learning on point sets for 3D classification and segmentation", equation 1: one network
for each point alone, and then the greatest of what it says of any of them. Applied twice, first around some centres and
then to all of these, as in Qi et al. 2017, "PointNet++", section 3.2, so that a form is the same wherever it stands.
Layer normalisation of what was pooled stands in place of batch normalisation: what is said of a cloud does not depend
on its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.models.blocks import initialise


@dataclass(frozen=True)
class PointConfig:
    """Sizes of a point encoder: how many groups a cloud is read in, and how many points are in a group.

    `features` is how many numbers a point has beside its three coordinates, such as 3 for colour. `radius` is about how
    far a group reaches: distances within it are measured in radii, so that they are about 1 (Qian et al. 2022,
    "PointNeXt", section 3.2).
    """

    features: int = 0
    groups: int = 16
    neighbours: int = 32
    radius: float = 0.25
    local_width: int = 64
    hidden: int = 64
    width: int = 96

    def __post_init__(self):
        if self.groups < 1 or self.neighbours < 1:
            raise ValueError(f"groups and neighbours must be at least 1, not {self.groups} and {self.neighbours}")


class SharedMLP(nn.Sequential):
    """Two linear layers with a GELU between them, which treat every point alone and all alike."""

    def __init__(self, width_in: int, hidden: int, width_out: int):
        super().__init__(nn.Linear(width_in, hidden), nn.GELU(), nn.Linear(hidden, width_out))


class PointEncoder(nn.Module):
    """A point cloud in, one vector for the whole and one for each group out."""

    def __init__(self, config: PointConfig):
        super().__init__()
        self.config = config
        self.local = SharedMLP(config.features + 3, config.hidden, config.local_width)
        self.norm_forms = nn.LayerNorm(config.local_width)
        self.whole = SharedMLP(config.local_width + 3, config.hidden, config.width)
        self.norm_out = nn.LayerNorm(config.width)
        initialise(self)

    def forward(
        self, points: Float[Tensor, "batch points features"], first: int | None = None
    ) -> Float[Tensor, "batch tokens width"]:
        """Return the vector of the whole cloud at position 0 and then one for each group.

        Coordinates come first in `points`, -1 to 1 across the room, and there may be any number of points. Whoever
        reads only the `first` of the vectors may say so, as of a ViT.
        """
        size = 3 + self.config.features
        if points.ndim != 3 or points.shape[2] != size or not points.shape[1]:
            raise ValueError(
                f"this point encoder takes points of shape [batch, points, {size}], at least one, "
                f"not {list(points.shape)}"
            )
        if not points.isfinite().all():
            raise ValueError("some points have coordinates that are NaN or infinite: remove them first")
        positions, features = points[..., :3], points[..., 3:]
        centres = gather(positions, farthest_points(positions, self.config.groups))
        near = nearest_points(centres, positions, self.config.neighbours)
        offsets = (gather(positions, near) - centres.unsqueeze(2)) / self.config.radius
        forms = self.norm_forms(self.local(torch.cat([gather(features, near), offsets], dim=-1)).amax(2))
        groups = self.whole(torch.cat([forms, centres], dim=-1))
        return self.norm_out(torch.cat([groups.amax(1, keepdim=True), groups], dim=1)[:, :first])


@dataclass(frozen=True)
class PointClassifierConfig:
    """Sizes of a point encoder, and the names of the classes."""

    encoder: PointConfig
    classes: tuple[str, ...]


class PointClassifier(nn.Module):
    """A point encoder that names what stands there: a linear layer on the vector of the whole cloud."""

    def __init__(self, config: PointClassifierConfig):
        super().__init__()
        self.config = config
        self.encoder = PointEncoder(config.encoder)
        self.head = nn.Linear(config.encoder.width, len(config.classes))
        initialise(self.head)

    def forward(self, points: Float[Tensor, "batch points features"]) -> Float[Tensor, "batch classes"]:
        """Return a score for each class; `points` as `PointEncoder` takes them."""
        return self.head(self.encoder(points, first=1)[:, 0])


def gather(values: Float[Tensor, "batch points width"], chosen: Int[Tensor, "batch ..."]) -> Tensor:
    """Return the rows of `values` with the numbers `chosen`, batch by batch, [batch, ..., width]."""
    rows = torch.arange(len(values), device=values.device).view(-1, *(1 for _ in chosen.shape[1:]))
    return values[rows, chosen]


@torch.no_grad()
def farthest_points(positions: Float[Tensor, "batch points 3"], number: int) -> Int[Tensor, "batch number"]:
    """Return the numbers of points that are spread over the whole cloud.

    The first is the one farthest from the mean, and each next one the farthest from all before (Eldar et al. 1997, "The
    farthest point strategy"; PointNet++, section 3.2), so the order of the points does not matter. Where a cloud has
    fewer points than that, some come again.
    """
    distance = (positions - positions.mean(1, keepdim=True)).square().sum(2)
    chosen = [distance.argmax(1)]
    nearest = torch.full_like(distance, torch.inf)
    while len(chosen) < number:
        last = gather(positions, chosen[-1].unsqueeze(1))
        nearest = torch.minimum(nearest, (positions - last).square().sum(2))
        chosen.append(nearest.argmax(1))
    return torch.stack(chosen, dim=1)


@torch.no_grad()
def nearest_points(
    centres: Float[Tensor, "batch centres 3"], positions: Float[Tensor, "batch points 3"], number: int
) -> Int[Tensor, "batch centres number"]:
    """Return for each centre the numbers of the `number` points nearest to it, or of all where there are fewer."""
    distance = torch.cdist(centres, positions)
    return distance.topk(min(number, positions.shape[1]), dim=2, largest=False, sorted=False).indices
