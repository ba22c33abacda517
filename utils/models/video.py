"""The video Transformer: patches that look along time first, and then across space.

Bertasius et al. 2021, "Is space-time attention all you need for video understanding?" (TimeSformer), with their divided
space-time attention (section 3, figure 2): each patch first looks at itself at the other times, and then at the other
patches of its own time, so at N + T places instead of N times T. A patch is a tubelet, a few frames deep (Arnab et al.
2021, "ViViT", section 3.2), so that what changes from one frame to the next can be seen by its first linear layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from utils.models.blocks import Attention, FeedForward, initialise
from utils.models.vit import PatchEmbedding, ViTConfig, to_pixels


@dataclass(frozen=True)
class VideoConfig:
    """Sizes of a video Transformer: those of a ViT for each time, `frames`, and how many of them make a `tubelet`."""

    frame: ViTConfig = field(default_factory=lambda: ViTConfig(width=64, depth=2, heads=4, hidden=128))
    frames: int = 8
    tubelet: int = 2

    @property
    def times(self) -> int:
        """How many tubelets follow one another."""
        return self.frames // self.tubelet

    def __post_init__(self):
        if self.frame.clip_style:
            raise ValueError("the video Transformer is a plain ViT at each time: leave out clip_style")
        if self.frames % self.tubelet:
            raise ValueError(f"frames {self.frames} must be a multiple of tubelet {self.tubelet}")


class DividedBlock(nn.Module):
    """One layer: attention along time, attention across space, feed-forward, each added to what came in.

    Attention along time is for patches only, and passes through one more linear layer. Across space, the class token
    looks at every time by itself, and what it found is averaged over the times.
    """

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.norm_time = nn.LayerNorm(width)
        self.time = Attention(width, heads)
        self.time_output = nn.Linear(width, width)
        self.norm_space = nn.LayerNorm(width)
        self.space = Attention(width, heads)
        self.norm_out = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, hidden)

    def forward(
        self, class_token: Float[Tensor, "batch 1 width"], patches: Float[Tensor, "batch times patches width"]
    ) -> tuple[Float[Tensor, "batch 1 width"], Float[Tensor, "batch times patches width"]]:
        """Return the class token and the patches after one layer."""
        batch, times, number, _ = patches.shape
        along_time = rearrange(self.norm_time(patches), "b t n w -> (b n) t w")
        found = self.time_output(self.time(along_time))
        patches = patches + rearrange(found, "(b n) t w -> b t n w", n=number)

        with_class = torch.cat([repeat(class_token, "b 1 w -> b t 1 w", t=times), patches], dim=2)
        found = self.space(rearrange(self.norm_space(with_class), "b t m w -> (b t) m w"))
        found = rearrange(found, "(b t) m w -> b t m w", b=batch)
        class_token = class_token + found[:, :, 0].mean(1, keepdim=True)
        patches = patches + found[:, :, 1:]

        class_token = class_token + self.feed_forward(self.norm_out(class_token))
        return class_token, patches + self.feed_forward(self.norm_out(patches))


class VideoTransformer(nn.Module):
    """A TimeSformer without a head: a video in, one vector for it and one for each patch at each time out."""

    def __init__(self, config: VideoConfig):
        super().__init__()
        self.config = config
        frame = config.frame
        self.patch_embedding = PatchEmbedding(replace(frame, channels=frame.channels * config.tubelet))
        self.class_token = nn.Parameter(torch.zeros(frame.width))
        self.positions = nn.Parameter(torch.zeros(1 + frame.patches, frame.width))
        self.times = nn.Parameter(torch.zeros(config.times, frame.width))
        self.blocks = nn.ModuleList(DividedBlock(frame.width, frame.heads, frame.hidden) for _ in range(frame.depth))
        self.norm_out = nn.LayerNorm(frame.width)
        initialise(self)
        for parameter in (self.class_token, self.positions, self.times):
            nn.init.normal_(parameter, std=0.02)

    def forward(self, videos: Tensor) -> Float[Tensor, "batch tokens width"]:
        """Return the class token's vector at position 0, then one vector a patch, time by time, normalised.

        `videos` is [batch, frames, channels, height, width], 0 to 255 (uint8) or -1 to 1 (float).
        """
        config, frame = self.config, self.config.frame
        expected = (config.frames, frame.channels, frame.image_size, frame.image_size)
        if videos.shape[1:] != expected:
            raise ValueError(
                f"this model takes videos of shape [batch, {', '.join(map(str, expected))}], not {list(videos.shape)}"
            )
        pixels = videos if videos.is_floating_point() else to_pixels(videos).to(self.class_token.dtype)
        tubelets = rearrange(pixels, "b (t f) c h w -> (b t) (f c) h w", f=config.tubelet)
        patches = rearrange(self.patch_embedding(tubelets), "(b t) n w -> b t n w", t=config.times)
        patches = patches + self.positions[1:] + self.times.unsqueeze(1)
        class_token = (self.class_token + self.positions[0]).expand(len(videos), 1, -1)
        for block in self.blocks:
            class_token, patches = block(class_token, patches)
        return self.norm_out(torch.cat([class_token, rearrange(patches, "b t n w -> b (t n) w")], dim=1))


@dataclass(frozen=True)
class VideoClassifierConfig:
    """Sizes of a video Transformer, and the names of the classes."""

    encoder: VideoConfig
    classes: tuple[str, ...]


class VideoClassifier(nn.Module):
    """A video Transformer that names what happens: a linear layer on its class token."""

    def __init__(self, config: VideoClassifierConfig):
        super().__init__()
        self.config = config
        self.encoder = VideoTransformer(config.encoder)
        self.head = nn.Linear(config.encoder.frame.width, len(config.classes))
        initialise(self.head)

    def forward(self, videos: Tensor) -> Float[Tensor, "batch classes"]:
        """Return a score for each class; `videos` as `VideoTransformer` takes them."""
        return self.head(self.encoder(videos)[:, 0])
