"""Real handwriting: the digits that scikit-learn bundles, as pictures of the course's size with captions in words.

They are 1,797 digits by 13 people, of 8 x 8 pixels each: the test set of E. Alpaydin and C. Kaynak, Optical Recognition
of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from utils.world.captions import NUMBERS
from utils.world.pictures import BACKGROUND, RGB
from utils.world.scenes import PICTURE_SIZE

SPLIT_SEED = 0
TEST_SHARE = 0.25  # of the pictures of each digit
_INK_LEVELS = 16  # the data set counts dark pixels of a 4 x 4 block: 0 is paper, 16 is all ink


@dataclass(frozen=True)
class Digits:
    """Handwritten digits: row i of `pictures` (0 to 255, channels first) shows the digit `labels[i]`."""

    pictures: UInt8[Tensor, "digits 3 height width"]
    labels: Int[Tensor, " digits"]
    captions: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def digit_caption(digit: int) -> str:
    """Return the caption of a digit's picture, such as "a handwritten seven"."""
    return f"a handwritten {NUMBERS[digit]}"


def handwritten_digits(split: str = "train") -> Digits:
    """Return the digits of one split, "train" or "test", in the order of the data set.

    A quarter of each digit's pictures, drawn once with `SPLIT_SEED`, is the test split. Who wrote which is not
    recorded, so the same hands occur in both.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", not {split!r}')
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    labels = torch.from_numpy(targets).long()
    chosen = (_is_test(labels) == (split == "test")).nonzero().squeeze(1)
    ink = torch.from_numpy(images).float().view(-1, 1, 8, 8)[chosen] / _INK_LEVELS
    labels = labels[chosen]
    return Digits(_ink_on_paper(ink), labels, [digit_caption(digit) for digit in labels.tolist()])


def _is_test(labels: Int[Tensor, " digits"]) -> Tensor:
    generator = torch.Generator().manual_seed(SPLIT_SEED)
    test = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        rows = (labels == digit).nonzero().squeeze(1)
        shuffled = rows[torch.randperm(len(rows), generator=generator)]
        test[shuffled[: round(TEST_SHARE * len(rows))]] = True
    return test


def _ink_on_paper(ink: Tensor) -> UInt8[Tensor, "digits 3 height width"]:
    """Colour the coverage `ink`, 0 to 1, smoothly enlarged, with a margin so that no stroke ends at the edge."""
    ink = torch.nn.functional.pad(ink, (1, 1, 1, 1))
    size = (PICTURE_SIZE, PICTURE_SIZE)
    ink = torch.nn.functional.interpolate(ink, size=size, mode="bicubic", align_corners=False).clamp(0, 1)
    paper, black = (torch.tensor(colour).float().view(1, 3, 1, 1) for colour in (BACKGROUND, RGB["black"]))
    return torch.lerp(paper, black, ink).round().byte()
