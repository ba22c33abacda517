"""Rectified flow: a network that turns noise into the picture which a text describes, along straight lines.

Liu et al. 2023, "Flow straight and fast: learning to generate and transfer data with rectified flow", equation 1; the
same as Lipman et al. 2023, "Flow matching for generative modeling", with the optimal-transport path (section 4.1). The
network is a small U-Net (Ronneberger et al. 2015) that is told the time by scaling and shifting its features (Perez et
al. 2018, FiLM; Ho et al. 2020), and the text by cross-attention (Rombach et al. 2022, section 3.3). Guidance is that
of Ho and Salimans 2022, "Classifier-free diffusion guidance", equation 6. Times are drawn evenly: with most near the
middle, as Stable Diffusion 3 draws them (Esser et al. 2024, section 3.1), colours and shapes came out as well, and
places at chance, since where an object goes is settled at the very beginning.

Pictures are worked on as 16 x 16 places of 12 numbers, the pixels of a 2 x 2 block, as differences from the ground.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from utils.models.blocks import CrossAttention, initialise
from utils.models.text import TextConfig, TextEncoder
from utils.world.pictures import BACKGROUND
from utils.world.scenes import PICTURE_SIZE
from utils.world.tokenizer import CONTEXT_LENGTH, tokenize

BLOCK = 2  # pixels a side that become one place
SCALE = 80.0  # grey levels that count as 1: about the standard deviation of an object's pixels from the ground


@dataclass(frozen=True)
class FlowConfig:
    """Sizes of a flow: its text encoder, and the channels of the U-Net's upper level; the lower has twice as many."""

    text: TextConfig
    channels: int = 48

    @property
    def side(self) -> int:
        """How many places a picture has in a row."""
        return PICTURE_SIZE // BLOCK


class TimedResidualBlock(nn.Module):
    """Two convolutions added to what came in; between them the condition scales and shifts every channel."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.norm_1 = nn.GroupNorm(8, channels)
        self.convolution_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2 = nn.GroupNorm(8, channels)
        self.convolution_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale_and_shift = nn.Linear(width, 2 * channels)
        for layer in (self.convolution_2, self.scale_and_shift):  # at first each block passes on what came in
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], condition: Float[Tensor, "batch condition"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the map after both convolutions."""
        scale, shift = self.scale_and_shift(condition)[:, :, None, None].chunk(2, dim=1)
        h = self.norm_2(self.convolution_1(F.silu(self.norm_1(x))))
        return x + self.convolution_2(F.silu(h * (1 + scale) + shift))


class LookAtText(nn.Module):
    """Cross-attention from every place of a map to every word; a place knows where it is."""

    def __init__(self, channels: int, side: int, heads: int, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.positions = nn.Parameter(0.3 * torch.randn(side * side, channels))
        self.cross_attention = CrossAttention(channels, heads, width)
        nn.init.zeros_(self.cross_attention.output.weight)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], words: Float[Tensor, "batch words condition"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Return the map with what its places have read added."""
        places = rearrange(x, "b c row column -> b (row column) c")
        read = self.cross_attention(self.norm(places) + self.positions, words)
        return x + rearrange(read, "b (row column) c -> b c row column", row=x.shape[2])


class Flow(nn.Module):
    """The velocity of every number of a half-made picture, given the time and a text."""

    def __init__(self, config: FlowConfig):
        super().__init__()
        self.config = config
        width, heads, c, side = config.text.width, config.text.heads, config.channels, config.side
        places = 3 * BLOCK * BLOCK
        self.text = TextEncoder(config.text)
        self.clock = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        initialise(self.clock)
        self.enter = nn.Conv2d(places, c, 3, padding=1)
        self.places = nn.Parameter(0.3 * torch.randn(c, side, side))
        self.above = nn.ModuleList(TimedResidualBlock(c, width) for _ in range(2))
        self.down = nn.Conv2d(c, 2 * c, 2, stride=2)
        self.below = nn.ModuleList(TimedResidualBlock(2 * c, width) for _ in range(4))
        self.look = nn.ModuleList(LookAtText(2 * c, side // 2, heads, width) for _ in range(2))
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.join = nn.Conv2d(2 * c, c, 1)
        self.again = nn.ModuleList(TimedResidualBlock(c, width) for _ in range(2))
        self.leave = nn.Conv2d(c, places, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(
        self,
        x: Float[Tensor, "batch places side side"],
        time: Float[Tensor, " batch"],
        tokens: Int[Tensor, "batch length"],
    ) -> Float[Tensor, "batch places side side"]:
        """Return the velocity at each `time` (0 is noise, 1 is a picture), per unit of time, in units of `x`."""
        words = self.text(tokens)
        condition = F.silu(self.clock(waves(time)) + self.text.pool(tokens, words))
        x = self.enter(x) + self.places
        for block in self.above:
            x = block(x, condition)
        skip, x = x, self.down(x)
        for i, look in enumerate(self.look):
            x = self.below[2 * i + 1](look(self.below[2 * i](x, condition), words), condition)
        x = self.join(torch.cat([self.up(x), skip], dim=1))
        for block in self.again:
            x = block(x, condition)
        return self.leave(x)


def waves(time: Float[Tensor, " batch"]) -> Float[Tensor, "batch 64"]:
    """Return each time as sines and cosines of 32 frequencies from 2 to 2,000 radians."""
    angles = time[:, None] * torch.logspace(math.log10(2), math.log10(2000), 32, device=time.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def to_places(pictures: Tensor) -> Float[Tensor, "batch places side side"]:
    """Return pictures (0 to 255) as the numbers that a flow works on; bare ground is 0."""
    ground = torch.tensor(BACKGROUND, device=pictures.device).view(3, 1, 1)
    differences = (pictures.float() - ground) / SCALE
    return rearrange(differences, "b c (row p) (column q) -> b (c p q) row column", p=BLOCK, q=BLOCK)


def to_picture(x: Float[Tensor, "batch places side side"]) -> UInt8[Tensor, "batch 3 height width"]:
    """Return the pictures (0 to 255) that a flow's numbers stand for; what is too bright or too dark is cut off."""
    ground = torch.tensor(BACKGROUND, device=x.device).view(3, 1, 1)
    pixels = rearrange(x, "b (c p q) row column -> b c (row p) (column q)", p=BLOCK, q=BLOCK) * SCALE + ground
    return pixels.round().clamp(0, 255).to(torch.uint8)


def no_text(tokens: Int[Tensor, "batch length"]) -> Int[Tensor, "batch length"]:
    """Return the tokens of the empty text, which asks for nothing in particular."""
    return tokenize([""], tokens.shape[1]).to(tokens.device).expand_as(tokens)


def rectified_flow_loss(
    model: Flow, pictures: Tensor, tokens: Int[Tensor, "batch length"], without_text: float = 0.1
) -> Float[Tensor, ""]:
    """Return the mean squared error of the velocity, at a random time on each straight line from noise to picture.

    The velocity of a straight line is its end less its beginning, at every time. For a share `without_text` of the
    pictures the text is left out, so that the model also learns pictures as such, which guidance needs.
    """
    picture = to_places(pictures)
    noise = torch.randn_like(picture)
    time = torch.rand(len(picture), device=picture.device)
    left_out = torch.rand(len(picture), device=picture.device) < without_text
    tokens = torch.where(left_out[:, None], no_text(tokens), tokens)
    t = time.view(-1, 1, 1, 1)
    velocity = model((1 - t) * noise + t * picture, time, tokens)
    return (velocity.float() - (picture - noise)).square().mean()


@torch.no_grad()
def flow_path(
    model: Flow, tokens: Int[Tensor, "batch length"], *, steps: int = 8, guidance: float = 2.0, seed: int = 0
) -> Iterator[Float[Tensor, "batch places side side"]]:
    """Yield the noise, and the half-made pictures after each of `steps` equal steps of Euler's method.

    `guidance` 1 follows the text's velocity, 0 that without a text; beyond 1 it goes further away from the latter.
    Raises `ValueError` for fewer than 1 steps and a guidance that is not finite.
    """
    if steps < 1 or not math.isfinite(guidance):
        raise ValueError(f"a flow takes 1 or more steps and a finite guidance, not {steps} and {guidance}")
    side = model.config.side
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(tokens), 3 * BLOCK * BLOCK, side, side, generator=generator).to(tokens.device)
    yield x
    for step in range(steps):
        time = torch.full((len(tokens),), step / steps, device=tokens.device)
        velocity = model(x, time, tokens)
        if guidance != 1:
            free = model(x, time, no_text(tokens))
            velocity = free + guidance * (velocity - free)
        x = x + velocity / steps
        yield x


def draw(
    model: Flow, captions: list[str], *, steps: int = 8, guidance: float = 2.0, seed: int = 0
) -> UInt8[Tensor, "captions 3 height width"]:
    """Return a picture (0 to 255) for each caption. Raises what `tokenize` and `flow_path` raise."""
    *_, x = flow_path(model, tokenize(captions, CONTEXT_LENGTH), steps=steps, guidance=guidance, seed=seed)
    return to_picture(x)
