"""What a Flamingo looks at while it reads, and what it says with its gates more or less open."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.models.flamingo import Flamingo


def with_gates(model: Flamingo, opening: float) -> Flamingo:
    """Return a copy whose gates let through `opening`, from 0 (nothing) to 1 (all), of what the model's do."""
    if not 0 <= opening <= 1:
        raise ValueError(f"gates open from 0 to 1 of what was learnt, not {opening}")
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for gated in changed.gated:
            for gate in (gated.attention_gate, gated.feed_forward_gate):
                gate.copy_(torch.atanh(opening * gate.tanh()) if opening < 1 else gate)
    return changed


@torch.no_grad()
def patch_shares(model: Flamingo, pictures: Tensor) -> Float[Tensor, "number latents patches"]:
    """Return how each latent of each picture shares its look out among the patches, in the resampler's last layer.

    Pictures are [number, 3, height, width], 0 to 255. What goes to the latents themselves is left out, so that the
    shares sum to 1; heads are averaged.
    """
    asked: list[tuple[Tensor, Tensor]] = []
    attention = model.resampler.blocks[-1].attention
    handle = attention.register_forward_pre_hook(lambda _layer, given: asked.append(given))
    try:
        features = model.features(pictures.unsqueeze(1))
        model.resample(features)
    finally:
        handle.remove()
    ((latents, keys),) = asked
    shares = attention.weights(latents, keys, None).mean(dim=1)[..., : features.shape[3]]
    return shares / shares.sum(dim=-1, keepdim=True)


@torch.no_grad()
def latent_shares(
    model: Flamingo, tokens: Int[Tensor, "batch length"], latents: Float[Tensor, "batch number latents width"]
) -> Float[Tensor, "layers batch length number latents"]:
    """Return what each token looks at in each gated layer: shares over all latents of its row, heads averaged.

    They sum to 1, and for a token that may see nothing to 0.
    """
    found: list[Tensor] = []

    def keep(layer, given) -> None:
        found.append(layer.weights(*given).mean(dim=1))

    handles = [gated.attention.register_forward_pre_hook(keep) for gated in model.gated]
    try:
        model.read(tokens, latents)
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(found).unflatten(-1, latents.shape[1:3])


@torch.no_grad()
def picture_looks(
    model: Flamingo, tokens: Int[Tensor, "1 length"], pictures: Tensor
) -> Float[Tensor, "length patches"]:
    """Return where in its picture each token of one text looks: shares over the patches, or zeros before any picture.

    `pictures` [number, 3, height, width] are the text's, in order. A token looks at latents, and those have looked at
    patches: the two shares are multiplied, and the gated layers averaged.
    """
    latents = model.resample(model.features(pictures.unsqueeze(0)))
    through = latent_shares(model, tokens, latents).mean(dim=0)[0]
    return torch.einsum("t n l, n l p -> t p", through, patch_shares(model, pictures))


@torch.no_grad()
def shares_by_opening(
    model: Flamingo,
    tokens: Int[Tensor, "1 length"],
    pictures: Tensor,
    words: Int[Tensor, " words"],
    openings: list[float],
) -> Float[Tensor, "openings length words"]:
    """Return the probability of each of `words` behind each token of one text, at each opening of the gates."""
    latents = model.resample(model.features(pictures.unsqueeze(0)))
    return torch.stack(
        [with_gates(model, opening).read(tokens, latents)[0].softmax(dim=-1)[:, words] for opening in openings]
    )
