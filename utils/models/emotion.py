"""Emotion from a face, a voice and words: an encoder for each, one space for all three, one head.

Feature-level fusion at its plainest: each encoder ends in a vector of the same width, the vectors of those modalities
that are there are added, and a linear head reads the sum. So the head cannot know from which modality a feature came,
one that is missing is simply not added, and each alone can be read by the same head. Which are there is drawn anew for
each training sample, so that the model learns to do with any (Neverova et al. 2016, "ModDrop: adaptive multi-modal
gesture recognition", section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from utils.models.audio import log_mel
from utils.world.faces import render_faces
from utils.world.moments import Moments, tokenize_remarks
from utils.world.speech import perturb

SENSES = ("face", "voice", "words")


@dataclass(frozen=True)
class EmotionConfig:
    """Sizes: words known, emotions, bands of the spectrogram, width of the joint space; and which senses it has."""

    words: int
    emotions: int = 5
    mels: int = 40
    width: int = 32
    dropout: float = 0.2
    senses: tuple[str, ...] = SENSES


class FaceEncoder(nn.Sequential):
    """Pictures, 0 to 255, to vectors: three convolutions that each halve the sides, and a linear layer."""

    def __init__(self, width: int):
        super().__init__(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, width),
        )

    def forward(self, pictures: UInt8[Tensor, "batch 3 32 32"]) -> Float[Tensor, "batch width"]:
        """Return a vector for each face."""
        return super().forward(pictures.float() / 127.5 - 1)


class VoiceEncoder(nn.Module):
    """Log-mel spectrograms to vectors: two convolutions over time, and their mean and spread over the whole clip."""

    def __init__(self, mels: int, width: int, hidden: int = 48):
        super().__init__()
        self.conv_1 = nn.Conv1d(mels, hidden, kernel_size=7, stride=4, padding=3)
        self.conv_2 = nn.Conv1d(hidden, hidden, kernel_size=5, stride=2, padding=2)
        self.project = nn.Linear(2 * hidden, width)

    def forward(self, mel: Float[Tensor, "batch mels frames"]) -> Float[Tensor, "batch width"]:
        """Return a vector for each clip."""
        x = F.gelu(self.conv_2(F.gelu(self.conv_1(mel))))
        return self.project(torch.cat([x.mean(dim=2), x.std(dim=2)], dim=1))


class EmotionModel(nn.Module):
    """Up to three encoders into one space, the sum of what they say, and a head that names the emotion.

    A model may be built of some `senses` only, such as ("face",): it is then a specialist, with the same head.
    """

    def __init__(self, config: EmotionConfig):
        super().__init__()
        unknown = set(config.senses) - set(SENSES)
        if unknown or not config.senses:
            raise ValueError(f"senses are some of {', '.join(SENSES)}, not {config.senses!r}")
        self.config = config
        encoders = {
            "face": lambda: FaceEncoder(config.width),
            "voice": lambda: VoiceEncoder(config.mels, config.width),
            "words": lambda: nn.EmbeddingBag(config.words, config.width, mode="sum", padding_idx=0),
        }
        self.encoders = nn.ModuleDict({sense: encoders[sense]() for sense in config.senses})
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.emotions)

    def encode(self, inputs: Mapping[str, Tensor]) -> Float[Tensor, "batch senses width"]:
        """Return the vector of each modality that is among the `inputs`, in their order.

        `inputs` are some of "face" (pictures, uint8 [batch, 3, 32, 32]), "voice" (log-mel, [batch, mels, frames]) and
        "words" (ids, [batch, length]). Raises `ValueError` for none, and for one that this model has no encoder for.
        """
        unknown = [sense for sense in inputs if sense not in self.encoders]
        if unknown or not inputs:
            have = ", ".join(self.encoders)
            raise ValueError(f"this model takes at least one of {have}, and not {', '.join(unknown) or 'nothing'}")
        return torch.stack([self.encoders[sense](values) for sense, values in inputs.items()], dim=1)

    def forward(
        self, inputs: Mapping[str, Tensor], there: Bool[Tensor, "batch senses"] | None = None
    ) -> Float[Tensor, "batch emotions"]:
        """Return a score for each emotion; `there` says which of the `inputs` each sample keeps, by default all."""
        vectors = self.encode(inputs)
        if there is not None:
            vectors = vectors * there.unsqueeze(-1)
        return self.head(self.dropout(vectors).sum(dim=1))


def read_moments(moments: Moments, *, perturbed: int | None = None) -> dict[str, Tensor]:
    """Return moments as the model takes them: a tensor for each of `SENSES`.

    With a seed in `perturbed`, every voice is changed a little, as training wants it when voices are few.
    """
    mel = []
    for start, part in enumerate(moments.voices().split(1000)):  # bounds the memory that it takes
        mel.append(log_mel(part if perturbed is None else perturb(part, seed=perturbed + start, speed=0.08)))
    return {
        "face": render_faces(moments.faces),
        "voice": torch.cat(mel),
        "words": tokenize_remarks(moments.remarks),
    }


@torch.no_grad()
def clearest(model: EmotionModel, inputs: Mapping[str, Tensor], emotion: Int[Tensor, " batch"]) -> dict[str, list[int]]:
    """Return for each modality the row, for each emotion, from which that modality alone tells it most surely."""
    rows = {}
    for sense, values in inputs.items():
        sure = model({sense: values}).softmax(dim=1)
        right = F.one_hot(emotion, sure.shape[1])
        rows[sense] = (sure * right).argmax(dim=0).tolist()
    return rows


@torch.no_grad()
def mixtures(model: EmotionModel, inputs: Mapping[str, Tensor]) -> Float[Tensor, "*options emotions"]:
    """Return how likely each emotion is for every mixture of the rows of `inputs`, each modality taken from any row.

    There is an axis for each modality, in the order of `inputs`, and one for the emotions. The last index of a modality
    stands for its absence, so that each axis is one longer than there are rows.
    """
    total = torch.zeros(model.config.width)
    for axis, (sense, values) in enumerate(inputs.items()):
        options = F.pad(model.encode({sense: values})[:, 0], (0, 0, 0, 1))
        total = total + options.view(*[1] * axis, -1, *[1] * (len(inputs) - axis - 1), model.config.width)
    return model.head(total).softmax(dim=-1)


def draw_present(
    number: int, share: float, senses: int = len(SENSES), generator: torch.Generator | None = None
) -> Bool[Tensor, "number senses"]:
    """Return which modalities each of `number` samples keeps: each with the probability `share`, and at least one."""
    there = torch.rand(number, senses, generator=generator) < share
    kept = torch.randint(senses, (number,), generator=generator)
    return there | F.one_hot(kept, senses).bool()
