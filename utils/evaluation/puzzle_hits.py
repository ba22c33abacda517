"""Which puzzles a model solves: new words, chains of dominoes and rows of things, each 1 for a right answer, else 0."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from utils.models.interleaved import InterleavedGPT
from utils.world.puzzles import (
    DEEPEST,
    FORMS,
    Album,
    Chains,
    Episodes,
    balanced_shots,
    binding_episodes,
    chain_answers,
    chain_prompts,
    domino_chains,
    interleave,
    last_words,
    row_prompts,
    rows_of_things,
    token,
)
from utils.world.scenes import COLOURS
from utils.world.tokenizer import detokenize


@torch.no_grad()
def word_shares(
    model: InterleavedGPT, tokens: Int[Tensor, "n length"], features: Float[Tensor, "n pictures width"], words: Tensor
) -> Float[Tensor, "n 2"]:
    """Return the probability of each of the two `words` [n, 2] after the last picture; `tokens` hold no answer."""
    return model(tokens, features)[:, -1].softmax(dim=-1).gather(1, words)


def episodes_of(
    album: Album, number: int, shots: int, *, seed: int, meaning: str | None = "pair", labels: str = "true"
) -> Episodes:
    """Return test episodes with `shots` examples of each of two words.

    With shuffled `labels` the words of the examples are dealt out anew among them, so that they teach nothing.
    """
    if labels not in ("true", "shuffled"):
        raise ValueError(f"labels must be true or shuffled, not {labels!r}")
    generator = torch.Generator().manual_seed(seed)
    episodes = binding_episodes(album, balanced_shots(number, shots, generator), generator, meaning=meaning)
    if labels == "shuffled":
        order = torch.rand(number, 2 * shots, generator=generator).argsort(1)
        dealt = episodes.which[:, :-1].gather(1, order)
        which = torch.cat([dealt, episodes.which[:, -1:]], dim=1)
        episodes = Episodes(episodes.pictures, which, episodes.words, episodes.meaning)
    return episodes


def binding_hits(
    model: InterleavedGPT, episodes: Episodes, features: Float[Tensor, "album width"]
) -> Float[Tensor, " episodes"]:
    """Return for each episode whether the right one of its two words is the likelier for the last picture."""
    shares = word_shares(model, episodes.tokens[:, :-1], features[episodes.pictures], episodes.words)
    return (shares.argmax(dim=1) == episodes.answer).float()


def chains_of(album: Album, number: int, depth: int, *, seed: int) -> tuple[Chains, Int[Tensor, " puzzles"]]:
    """Return test puzzles of dominoes and the number of steps that each asks for, which is `depth` for all."""
    return domino_chains(album, number, torch.Generator().manual_seed(seed)), torch.full((number,), depth)


def chain_hits(
    model: InterleavedGPT, chains: Chains, depth: Int[Tensor, " puzzles"], features: Float[Tensor, "album width"]
) -> Float[Tensor, " puzzles"]:
    """Return for each puzzle whether the last word that the model generates is the colour at the end of the chain."""
    written = model.generate(chain_prompts(chains, depth), features[chains.tiles].flatten(2), int(depth.max()) + 1)
    right = chain_answers(chains, depth, steps=False)[:, 0]
    return (last_words(written) == right).float()


@torch.no_grad()
def row_hits(
    model: InterleavedGPT,
    album: Album,
    number: int,
    form: str,
    features: Float[Tensor, "album width"],
    *,
    seed: int,
) -> Float[Tensor, " puzzles"]:
    """Return for each of `number` test rows whether the model names the thing at the place that is asked."""
    generator = torch.Generator().manual_seed(seed)
    rows = rows_of_things(album, number, FORMS[form], generator)
    prompts, pictures = row_prompts(rows, form, generator)
    logits = model(prompts, features[pictures].flatten(2))[:, -1]
    return (logits.argmax(dim=-1) == rows.answers).float()


@torch.no_grad()
def board_shares(
    model: InterleavedGPT,
    shots: Float[Tensor, "shots width"],
    asked: Float[Tensor, "asked width"],
    words: Int[Tensor, " 2"],
) -> Float[Tensor, "asked states 2"]:
    """Return the probability of both words for each picture asked, in every state of the shots.

    In a state each shot is called by the first word, by the second, or left out; they come in the order of
    `itertools.product(range(3), repeat=shots)`.
    """
    states = torch.cartesian_prod(*[torch.arange(3)] * len(shots)).view(-1, len(shots))
    shares = torch.empty(len(asked), len(states), 2)
    count = (states < 2).sum(dim=1)
    for kept in range(len(shots) + 1):
        chosen = (count == kept).nonzero()[:, 0]
        places = (states[chosen] < 2).nonzero()[:, 1].view(len(chosen), kept)
        said = torch.cat([words[states[chosen].gather(1, places)], words[:1].expand(len(chosen), 1)], dim=1)
        for i, picture in enumerate(asked):
            seen = torch.cat([shots[places], picture.expand(len(chosen), 1, -1)], dim=1)
            both = words.expand(len(chosen), 2)
            shares[i, chosen] = word_shares(model, interleave(said)[:, :-1], seen, both)
    return shares


def continuations(
    model: InterleavedGPT,
    prompt: Int[Tensor, "1 length"],
    features: Float[Tensor, "1 pictures width"],
    steps: list[str],
) -> list[dict[str, list[str]]]:
    """Return for each step, and each colour that may be put in its place, what the model writes after it.

    The steps before are `steps`, the model's own.
    """
    found = []
    for i in range(len(steps)):
        before = torch.cat([prompt, torch.tensor([[token(word) for word in steps[:i]]], dtype=torch.long)], dim=1)
        put = torch.tensor([[token(colour)] for colour in COLOURS])
        prompts = torch.cat([before.expand(len(COLOURS), -1), put], dim=1)
        written = model.generate(prompts, features.expand(len(COLOURS), -1, -1), DEEPEST - i)
        found.append({colour: detokenize(row).split() for colour, row in zip(COLOURS, written, strict=True)})
    return found
