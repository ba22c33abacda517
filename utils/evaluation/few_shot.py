"""Whether a language model, with or without eyes, calls a thing by the right one of two new words."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.models.flamingo import Flamingo
from utils.models.gpt import GPT
from utils.world.naming import Films, TextEpisodes, attribute_words, motion_episodes, tell, text_episodes
from utils.world.puzzles import MEANINGS, Album, Episodes, balanced_shots, binding_episodes
from utils.world.scenes import COLOURS


@torch.no_grad()
def album_latents(model: Flamingo, shown: Tensor) -> Float[Tensor, "number latents width"]:
    """Return the latents of pictures [number, 3, h, w] or videos [number, frames, 3, h, w], 0 to 255."""
    return torch.cat([model.resample(model.features(some.unsqueeze(1)))[:, 0] for some in shown.split(256)])


@torch.no_grad()
def naming_hits(
    model: Flamingo,
    tokens: Int[Tensor, "n length"],
    latents: Float[Tensor, "n shown latents width"],
    words: Int[Tensor, "n 2"],
    answer: Int[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """Return for each row whether the right one of its two `words` is the likelier; its last token is the answer."""
    logits = model.read(tokens[:, :-1], latents)[:, -1]
    return (logits.gather(1, words).argmax(dim=1) == answer).float()


def shot_hits(
    model: Flamingo, episodes: Episodes, latents: Float[Tensor, "album latents width"]
) -> Float[Tensor, " episodes"]:
    """Return the same for episodes that are all pictures, or all videos, given the latents of the album."""
    return naming_hits(model, episodes.tokens, latents[episodes.pictures], episodes.words, episodes.answer)


def told_hits(
    model: Flamingo, episodes: Episodes, names: Tensor, latents: Float[Tensor, "album latents width"]
) -> Float[Tensor, " episodes"]:
    """Return the same for episodes whose examples are told by `names` [episodes, pictures]; only the last is shown."""
    told = torch.arange(names.shape[1]) < names.shape[1] - 1
    tokens, shown = tell(episodes, names, told)
    return naming_hits(model, tokens, latents[shown], episodes.words, episodes.answer)


@torch.no_grad()
def language_hits(
    model: GPT, episodes: Episodes | TextEpisodes, tokens: Int[Tensor, "episodes length"] | None = None
) -> Float[Tensor, " episodes"]:
    """Return the same for a language model by itself, to which an <image> is a token like any other.

    It reads the episodes' own tokens, or `tokens` in their place.
    """
    logits = model((episodes.tokens if tokens is None else tokens)[:, :-1])[:, -1]
    return (logits.gather(1, episodes.words).argmax(dim=1) == episodes.answer).float()


def text_shots(number: int, shots: int, *, seed: int) -> TextEpisodes:
    """Return test episodes in words, with `shots` examples of each of two new words."""
    generator = torch.Generator().manual_seed(seed)
    return text_episodes(balanced_shots(number, shots, generator), generator)


def told_shots(album: Album, number: int, shots: int, meaning: str, *, seed: int) -> tuple[Episodes, Tensor]:
    """Return test episodes whose words mean a "colour" or a "shape", and the word that tells each picture."""
    generator = torch.Generator().manual_seed(seed)
    episodes = binding_episodes(album, balanced_shots(number, shots, generator), generator, meaning=meaning)
    return episodes, attribute_words(album, episodes)


def motion_shots(films: Films, number: int, shots: int, *, seed: int) -> tuple[Episodes, Tensor]:
    """Return test episodes whose words mean directions of motion, and the word that tells each video."""
    generator = torch.Generator().manual_seed(seed)
    return motion_episodes(films, balanced_shots(number, shots, generator), generator)


def given_away(album: Album, episodes: Episodes) -> Bool[Tensor, "episodes pictures"]:
    """Return which pictures a reader could name by the quality that their word does not mean.

    Where words mean colours, it is a shape of which the `album` has one only of the episode's two colours; where they
    mean shapes, a colour that comes in one only of the two. Episodes whose words mean pairs have no such quality.
    """
    shape, colour = album.scenes.shape[episodes.pictures, 0], album.scenes.colour[episodes.pictures, 0]
    colours = (episodes.meaning == MEANINGS.index("colour"))[:, None]
    meant, other = torch.where(colours, colour, shape), torch.where(colours, shape, colour)
    both = meant[:, :1].repeat(1, 2).scatter(1, episodes.which, meant)
    opposite = both.gather(1, 1 - episodes.which)
    turned = torch.where(colours, other * len(COLOURS) + opposite, opposite * len(COLOURS) + other)
    return (album.rows[turned, 0] < 0) & (episodes.meaning != MEANINGS.index("pair"))[:, None]
