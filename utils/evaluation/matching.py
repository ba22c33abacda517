"""How well a model tells the caption of a picture from wrong ones, and finds pictures by captions.

`model` is whatever scores each row of `model(tokens, quarters)`: a cross-encoder, or a dual encoder. The quarters are
those that `look` sees of a picture.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.retrieval import hits_at_k
from utils.training.answering import look
from utils.training.checkpoints import Figure, load_checkpoint
from utils.training.matching import LENGTH, caption_tokens
from utils.world import BACKGROUND, Scenes, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.candidates import retrieval_scenes
from utils.world.tokenizer import BASE_VOCABULARY
from utils.world.wrong_captions import WRONG_WAYS, matching_scenes

ROWS = 512  # read at a time
NUMBER, SETS, CANDIDATES, KEPT = 500, 4, 64, 8  # scenes of the tests; of 64 candidates eight are ranked anew


@torch.no_grad()
def match_scores(
    model: nn.Module,
    tokens: Int[Tensor, "pictures captions length"],
    quarters: Float[Tensor, "pictures quarters width"],
) -> Float[Tensor, "pictures captions"]:
    """Return how well each of a picture's own captions fits it."""
    captions = tokens.shape[1]
    rows = tokens.flatten(0, 1).split(ROWS), quarters.repeat_interleave(captions, dim=0).split(ROWS)
    return torch.cat([model(*some)[:, 0] for some in zip(*rows, strict=True)]).view(-1, captions)


def every_pair(
    model: nn.Module, tokens: Int[Tensor, "captions length"], quarters: Float[Tensor, "pictures quarters width"]
) -> Float[Tensor, "captions pictures"]:
    """Return how well each caption (rows) fits each picture: the model runs captions times pictures."""
    return torch.stack([match_scores(model, row.expand(len(quarters), 1, -1), quarters)[:, 0] for row in tokens])


def wins(scores: Float[Tensor, "pictures captions"]) -> dict[str, Float[Tensor, " pictures"]]:
    """Return for each of `WRONG_WAYS` 1 where the true caption, the first, has the higher score, else 0.

    Equal scores are half a win, so that a model which cannot tell the two apart is at a coin's 0.5.
    """
    right, wrong = scores[:, :1], scores[:, 1:]
    values = (right > wrong).float() + 0.5 * (right == wrong).float()
    return dict(zip(WRONG_WAYS, values.T, strict=True))


def without_eyes(
    practice: Int[Tensor, "scenes captions length"], tokens: Int[Tensor, "pictures captions length"]
) -> Float[Tensor, " pictures"]:
    """Return 1 where the caption that sounds most like a true one is the true one, the first, else 0.

    A logistic regression on which word stands at which place learns from the captions of `practice` how true ones
    sound. It is the best that can be said from such captions alone, without any picture.
    """

    def heard(some: Tensor) -> Tensor:
        return F.one_hot(some.flatten(0, 1), BASE_VOCABULARY).flatten(1).float()

    is_true = torch.zeros(practice.shape[:2], dtype=torch.bool)
    is_true[:, 0] = True
    reader = LogisticRegression(max_iter=200).fit(heard(practice), is_true.flatten())
    sounds = torch.from_numpy(reader.decision_function(heard(tokens))).view(tokens.shape[:2])
    return (sounds.argmax(dim=1) == 0).float()


def with_twins(scenes: Scenes) -> Scenes:
    """Return the scenes and, after them, each once more with its two things exchanged."""
    return Scenes.of([*scenes, *scenes.swapped()])


def reranked_hits(
    first: Float[Tensor, "captions pictures"], second: Float[Tensor, "captions pictures"], kept: int
) -> Bool[Tensor, " captions"]:
    """Say for each caption whether its own picture wins by `second` among the `kept` best by `first`.

    Of `second` only the scores of those `kept` are used.
    """
    candidates = first.topk(kept, dim=1).indices
    best = second.gather(1, candidates).argmax(dim=1, keepdim=True)
    return candidates.gather(1, best)[:, 0] == torch.arange(len(first))


def empty_pictures(number: int) -> Tensor:
    """Return pictures without any object, uint8 [number, 3, height, width]."""
    shape = render_pictures(sample_scenes(1, seed=0)).shape[1:]
    return torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(number, *shape)


def of_five(scores: Float[Tensor, "pictures captions"]) -> Float[Tensor, " pictures"]:
    """Return 1 where the true caption, the first, has the highest score of all, else 0."""
    return (scores.argmax(dim=1) == 0).float()


def matching_figures(
    model: nn.Module, bars: dict[str, float], below: Collection[str], *, number: int = NUMBER
) -> dict[str, Figure]:
    """Return how often the true caption beats the wrong ones, on pairs that training never shows.

    By kind of wrong caption; and among all five with the true, an exchanged and a blank picture, and without any. Bars
    are by the titles of the figures; `below` are those that must not be passed.
    """
    scenes = matching_scenes(number, pairs="held_out", seed=4100)
    tokens, quarters = caption_tokens(scenes, seed=4100), look(render_pictures(scenes))
    on = f"{number} scenes of 2 objects, only shape-colour pairs that training never shows"
    scores = match_scores(model, tokens, quarters)
    practice = sample_scenes(2000, seed=4101, objects=(2, 2))
    values = {f"beats {way}": found for way, found in wins(scores).items()} | {
        "true caption of five": of_five(scores),
        "true caption of five, exchanged pictures": of_five(match_scores(model, tokens, quarters[derangement(number)])),
        "true caption of five, blank pictures": of_five(
            match_scores(model, tokens, look(empty_pictures(1)).expand_as(quarters))
        ),
        "true caption of five, words alone": without_eyes(caption_tokens(practice, seed=4101, pairs="seen"), tokens),
    }
    return {title: figure_of(found, bars[title], on, at_most=title in below) for title, found in values.items()}


def search_figures(
    model: nn.Module, bars: dict[str, float], below: Collection[str], *, sets: int = SETS
) -> dict[str, Figure]:
    """Return recall@1 among 64, without and with the twin of each picture, by the model, by CLIP, and by both in turn.

    Bars are by the titles of the figures; `below` are those that must not be passed.
    """
    clip, _ = load_checkpoint("clip_scenes")
    hits: dict[str, list[Tensor]] = {title: [] for title in bars if title.startswith("recall@1")}
    for i in range(sets):
        single = retrieval_scenes(CANDIDATES, pairs="one_held_out", seed=4200 + i)
        twins = with_twins(retrieval_scenes(CANDIDATES // 2, pairs="one_held_out", seed=4300 + i))
        for scenes, words in ((single, ""), (twins, ", twins among them")):
            pictures, tokens = render_pictures(scenes), tokenize(render_captions(scenes), LENGTH)
            with torch.no_grad():
                images, texts = clip(pictures, tokens)
            fast, slow = texts @ images.T, every_pair(model, tokens, look(pictures))
            for title, found in (
                ("every pair", hits_at_k(slow)),
                ("CLIP alone", hits_at_k(fast)),
                (f"CLIP, {KEPT} ranked anew", reranked_hits(fast, slow, KEPT)),
            ):
                if f"recall@1{words}, {title}" in hits:
                    hits[f"recall@1{words}, {title}"].append(found)
    on = (
        f"{sets} sets of {CANDIDATES} scenes of 2 objects, caption to picture, a pair in each that training never shows"
    )
    return {
        title: figure_of(torch.cat(found).float(), bars[title], on, at_most=title in below)
        for title, found in hits.items()
    }
