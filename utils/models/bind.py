"""One space for many modalities: towers of sound, video and points, each bound to the pictures of a trained CLIP.

Girdhar et al. 2023, "ImageBind: one embedding space to bind them all", section 3: a picture and text tower that share a
space stay as they are, and every further tower learns, from pairs of its own modality with pictures alone, to give what
belongs to a picture that picture's vector. Two modalities that were never seen together then meet at the pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from utils.models.audio import AudioConfig, AudioEncoder, MelConfig, log_mel
from utils.models.clip import CLIP, CLIPConfig
from utils.models.point import PointConfig, PointEncoder
from utils.models.video import VideoConfig, VideoTransformer
from utils.models.vit import ViTConfig

# A hum does not change within its 0.8 s: long windows, which tell pitches apart, and few of them.
HUM = MelConfig(window=512, hop=400, mels=40)


@dataclass(frozen=True)
class BindConfig:
    """The CLIP whose pictures are the anchor, the encoder of each bound modality, and the temperature to begin with.

    The audio encoder reads two ears, so its `mels` are twice those of `HUM`.
    """

    anchor: CLIPConfig = field(default_factory=CLIPConfig)
    audio: AudioConfig = field(
        default_factory=lambda: AudioConfig(mels=2 * HUM.mels, frames=16, width=64, depth=2, heads=2, hidden=128)
    )
    video: VideoConfig = field(
        default_factory=lambda: VideoConfig(frame=ViTConfig(width=64, depth=2, heads=2, hidden=128), tubelet=4)
    )
    points: PointConfig = field(default_factory=lambda: PointConfig(features=3, groups=12, neighbours=24))
    temperature: float = 0.07


class Tower(nn.Module):
    """An encoder, the mean of what it says, and a projection into the space of the anchor.

    `logit_scale` is the logarithm of 1 / temperature, as in CLIP; only training uses it.
    """

    def __init__(self, encoder: nn.Module, encoder_width: int, width: int, temperature: float):
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Linear(encoder_width, width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))
        nn.init.normal_(self.projection.weight, std=encoder_width**-0.5)

    def forward(self, inputs: Tensor) -> Float[Tensor, "batch width"]:
        """Return a unit vector for each of the inputs, which are such as the encoder takes."""
        return F.normalize(self.projection(self.encoder(inputs).mean(dim=1)), dim=-1)

    def similarity(
        self, vectors: Float[Tensor, "batch width"], anchors: Float[Tensor, "pictures width"]
    ) -> Float[Tensor, "batch pictures"]:
        """Return the logits of each vector for each of the anchor's pictures."""
        return vectors @ anchors.T * self.logit_scale.exp()


class ImageBind(nn.Module):
    """A frozen CLIP and a tower for each further modality: "audio", "video" and "3d"."""

    MODALITIES = ("text", "image", "audio", "video", "3d")

    def __init__(self, config: BindConfig):
        super().__init__()
        self.config = config
        self.anchor = CLIP(config.anchor).requires_grad_(False)
        encoders = {
            "audio": (AudioEncoder(config.audio), config.audio.width),
            "video": (VideoTransformer(config.video), config.video.frame.width),
            "3d": (PointEncoder(config.points), config.points.width),
        }
        self.towers = nn.ModuleDict(
            {name: Tower(*encoder, config.anchor.width, config.temperature) for name, encoder in encoders.items()}
        )

    def encode(self, modality: str, inputs: Tensor) -> Float[Tensor, "batch width"]:
        """Return a unit vector for each input of a modality.

        "text" takes token ids, "image" pictures, "audio" waveforms [batch, 2, samples], "video" videos [batch, frames,
        3, height, width] and "3d" points with colour [batch, points, 6]. Raises `ValueError` for any other modality.
        """
        match modality:
            case "text":
                return self.anchor.encode_text(inputs)
            case "image":
                return self.anchor.encode_image(inputs)
            case "audio":
                return self.towers["audio"](hear(inputs))
            case "video" | "3d":
                return self.towers[modality](inputs)
        raise ValueError(f"modality must be one of {', '.join(self.MODALITIES)}, not {modality!r}")


def hear(sounds: Float[Tensor, "batch 2 samples"]) -> Float[Tensor, "batch mels frames"]:
    """Return what the audio tower reads: the log-mel spectrograms of the left and the right ear, one above the other.

    Raises `ValueError` for sounds that are not in stereo.
    """
    if sounds.ndim != 3 or sounds.shape[1] != 2:
        raise ValueError(f"sounds must be in stereo, [batch, 2, samples], not {list(sounds.shape)}")
    return log_mel(sounds, HUM).flatten(1, 2)
