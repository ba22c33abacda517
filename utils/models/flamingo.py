"""Flamingo: a frozen language model that looks at pictures through gated layers between its own.

Alayrac et al. 2022, "Flamingo: a visual language model for few-shot learning": a perceiver resampler turns the patch
features of a picture, or of all frames of a video, into a fixed number of latents (section 2.1, figure 5). Before each
block of the language model stands a new layer that looks at them, behind a gate of tanh(0) = 0 at the start (2.2). Of
several pictures each token looks at the last one before it only (2.3). The layers are those of IDEFICS (Laurençon et
al. 2023, "OBELICS"): no biases, RMSNorm and SwiGLU in the gated layers, LayerNorm and ReLU in the resampler.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import initialise
from utils.models.gpt import GPT, GPTConfig, prefix_mask
from utils.models.llava import patch_features
from utils.models.swiglu import SwiGLU
from utils.models.vit import ViT, ViTConfig
from utils.world.tokenizer import END, IMAGE, PAD


@dataclass(frozen=True)
class ResamplerConfig:
    """Sizes of a perceiver resampler: it turns up to `frames` frames into `latents` vectors of the same width."""

    latents: int = 4
    depth: int = 1
    heads: int = 4
    frames: int = 8


@dataclass(frozen=True)
class FlamingoConfig:
    """Sizes of the two frozen models, of which the language model must know the token <image>, and of the resampler."""

    vision: ViTConfig
    language: GPTConfig
    resampler: ResamplerConfig

    def __post_init__(self):
        if self.language.vocabulary <= IMAGE:
            raise ValueError(
                f"the language model knows {self.language.vocabulary} tokens, and <image> is token {IMAGE}; make it "
                f"with GPTConfig(vocabulary={IMAGE + 1}) or more"
            )


class LookingAttention(nn.Module):
    """Multi-head cross-attention without biases, in which `x` may be kept from seeing all of `context`."""

    def __init__(self, width: int, heads: int, context_width: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} must be a multiple of the number of heads, {heads}")
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(context_width, width, bias=False)
        self.value = nn.Linear(context_width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def weights(self, x: Tensor, context: Tensor, allowed: Tensor | None) -> Float[Tensor, "batch heads length keys"]:
        """Return what `forward` mixes by: shares that sum to 1, or zeros for a position that may see nothing."""
        q, k = self._heads(self.query(x)), self._heads(self.key(context))
        scores = q @ k.mT / q.shape[-1] ** 0.5
        if allowed is None:
            return scores.softmax(dim=-1)
        closed = ~allowed.unsqueeze(1)  # not to minus infinity: a softmax over nothing else is not a number
        return scores.masked_fill(closed, torch.finfo(scores.dtype).min).softmax(dim=-1).masked_fill(closed, 0.0)

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        context: Float[Tensor, "batch keys context_width"],
        allowed: Bool[Tensor, "batch length keys"] | None = None,
    ) -> Float[Tensor, "batch length width"]:
        """Return for each position of `x` a mixture of the values that it is `allowed` to see, by default all."""
        mixed = self.weights(x, context, allowed) @ self._heads(self.value(context))
        return self.output(rearrange(mixed, "b h n d -> b n (h d)"))

    def _heads(self, x: Tensor) -> Tensor:
        return rearrange(x, "b n (h d) -> b h n d", h=self.heads)


class ResamplerBlock(nn.Module):
    """One layer of the resampler: the latents look at the features and at one another, then feed-forward."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm_features = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.attention = LookingAttention(width, heads, width)
        self.norm_2 = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.ReLU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(
        self, latents: Float[Tensor, "batch latents width"], features: Float[Tensor, "batch places width"]
    ) -> Float[Tensor, "batch latents width"]:
        """Return the latents after one look."""
        asking = self.norm_latents(latents)
        latents = latents + self.attention(asking, torch.cat([self.norm_features(features), asking], dim=1))
        return latents + self.feed_forward(self.norm_2(latents))


class PerceiverResampler(nn.Module):
    """Any number of features in, a fixed number of latents out: learnt questions that every picture is asked."""

    def __init__(self, config: ResamplerConfig, width: int):
        super().__init__()
        self.config = config
        self.latents = nn.Parameter(torch.randn(config.latents, width))
        self.times = nn.Parameter(0.02 * torch.randn(config.frames, width))
        self.blocks = nn.ModuleList(ResamplerBlock(width, config.heads) for _ in range(config.depth))
        self.norm_out = nn.LayerNorm(width)
        initialise(self.blocks)

    def forward(self, features: Float[Tensor, "batch frames patches width"]) -> Float[Tensor, "batch latents width"]:
        """Return the latents of each video, whose patches are told their frame; a picture is a video of one frame."""
        frames, width = self.times.shape
        if features.ndim != 4 or features.shape[3] != width or not 1 <= features.shape[1] <= frames:
            wanted = f"[batch, 1 to {frames} frames, patches, {width}]"
            raise ValueError(f"this resampler takes features {wanted}, not {list(features.shape)}")
        features = (features + self.times[: features.shape[1], None]).flatten(1, 2)
        latents = self.latents.expand(len(features), -1, -1)
        for block in self.blocks:
            latents = block(latents, features)
        return self.norm_out(latents)


class GatedCrossAttention(nn.Module):
    """The inserted layer: text looks at pictures, then feed-forward, each times the tanh of a gate that begins at 0."""

    def __init__(self, width: int, heads: int, hidden: int, context_width: int):
        super().__init__()
        self.norm_1 = nn.RMSNorm(width, eps=1e-6)
        self.attention = LookingAttention(width, heads, context_width)
        self.attention_gate = nn.Parameter(torch.zeros(()))
        self.norm_2 = nn.RMSNorm(width, eps=1e-6)
        self.feed_forward = SwiGLU(width, hidden)
        self.feed_forward_gate = nn.Parameter(torch.zeros(()))

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        latents: Float[Tensor, "batch keys context_width"],
        allowed: Bool[Tensor, "batch length keys"],
    ) -> Float[Tensor, "batch length width"]:
        """Return `x` and what its tokens saw in the latents `allowed` to them (figure 4); at gates of 0, `x` itself."""
        x = x + self.attention_gate.tanh() * self.attention(self.norm_1(x), latents, allowed)
        return x + self.feed_forward_gate.tanh() * self.feed_forward(self.norm_2(x))


class Flamingo(nn.Module):
    """Token ids with an <image> before the text of each picture or video, and these; scores for the next token out.

    Give a trained `vision` encoder and `language` model: both are frozen here, and the resampler and the gated layers
    learn. `forward` is `read(tokens, resample(features(pictures)))`: the features never change and can be kept.
    """

    def __init__(self, config: FlamingoConfig, vision: ViT | None = None, language: GPT | None = None):
        super().__init__()
        self.config = config
        self.vision = (vision or ViT(config.vision)).requires_grad_(False)
        self.language = (language or GPT(config.language)).requires_grad_(False)
        self.resampler = PerceiverResampler(config.resampler, config.vision.width)
        width, heads, hidden = config.language.width, config.language.heads, config.language.hidden
        self.gated = nn.ModuleList(
            GatedCrossAttention(width, heads, hidden, config.vision.width) for _ in range(config.language.depth)
        )
        initialise(self.gated)

    def features(self, pictures: Tensor) -> Float[Tensor, "batch number frames patches vision_width"]:
        """Return a vector for each patch of each frame (0 to 255); pictures come without the axis of frames."""
        frames = pictures.unsqueeze(2) if pictures.ndim == 5 else pictures
        if frames.ndim != 6:
            raise ValueError(
                f"pictures are [batch, number, (frames,) channels, height, width], not {list(frames.shape)}"
            )
        return patch_features(self.vision, frames.flatten(0, 2)).unflatten(0, frames.shape[:3])

    def resample(
        self, features: Float[Tensor, "batch number frames patches vision_width"]
    ) -> Float[Tensor, "batch number latents vision_width"]:
        """Return the latents of each picture or video; those of both kinds can be joined along `number`."""
        return self.resampler(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def read(
        self,
        tokens: Int[Tensor, "batch length"],
        latents: Float[Tensor, "batch number latents vision_width"],
        prefix: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token, given the latents of its row's pictures in order.

        What a `prefix` is, `GPT.decode` says.
        Raises `ValueError` for a row with another number of <image> than of pictures, and for too many tokens.
        """
        language, markers = self.language, (tokens == IMAGE).sum(dim=1)
        x = language.embed(tokens)
        if tokens.shape[1] > language.config.length:
            raise ValueError(f"this language model reads {language.config.length} tokens, not {tokens.shape[1]}")
        if len(latents) != len(tokens) or (markers != latents.shape[1]).any():
            raise ValueError(
                f"{len(latents)} rows of {latents.shape[1]} pictures or videos go with as many rows of tokens, each "
                f"with an <image> for each of them; these hold {markers.tolist()}"
            )
        allowed = sees(tokens, latents.shape[1]).repeat_interleave(latents.shape[2], dim=2)
        x, looked_at = x + language.positions[: tokens.shape[1]], latents.flatten(1, 2)
        mask = None if prefix is None else prefix_mask(prefix)
        for gated, block in zip(self.gated, language.blocks, strict=True):
            x = block(gated(x, looked_at, allowed), mask=mask)
        return F.linear(language.norm_out(x), language.embedding.weight)

    def forward(
        self, tokens: Int[Tensor, "batch length"], pictures: Tensor
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token; `pictures` as `features` takes them."""
        return self.read(tokens, self.resample(self.features(pictures)))

    @torch.no_grad()
    def generate(self, prompt: Int[Tensor, "batch length"], pictures: Tensor, max_new: int) -> Int[Tensor, "batch new"]:
        """Return the likeliest continuation of each prompt, as `GPT.generate` does; no <image> is written into it."""
        lengths, longest = (prompt != PAD).sum(dim=1), self.language.config.length
        gaps = (prompt[:, :-1] == PAD) & (prompt[:, 1:] != PAD)
        if not lengths.all() or gaps.any() or max_new < 1 or prompt.shape[1] + max_new > longest:
            raise ValueError(
                f"prompts of one or more tokens, <pad> only behind the last, and {max_new} (one or more) new ones must "
                f"fit this language model, which reads {longest}; the prompts are {list(prompt.shape)}"
            )
        latents = self.resample(self.features(pictures))
        rows, ended = torch.arange(len(prompt), device=prompt.device), torch.zeros_like(lengths, dtype=torch.bool)
        tokens, new = F.pad(prompt, (0, max_new), value=PAD), prompt.new_full((len(prompt), max_new), PAD)
        for step in range(max_new):
            logits = self.read(tokens, latents)[rows, lengths + step - 1]
            logits[:, IMAGE] = float("-inf")
            new[:, step] = tokens[rows, lengths + step] = logits.argmax(dim=-1).masked_fill(ended, PAD)
            ended |= new[:, step] == END
        return new


def sees(tokens: Int[Tensor, "batch length"], number: int) -> Bool[Tensor, "batch length number"]:
    """Return which of its row's pictures each token looks at: the one whose <image> stands last, at it or before it.

    It sees the earlier ones through the tokens that stand between (section 2.3). Before the first <image> it sees none.
    """
    latest = (tokens == IMAGE).cumsum(dim=1)
    return latest.unsqueeze(2) == torch.arange(1, number + 1, device=tokens.device)
