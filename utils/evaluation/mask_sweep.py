"""What a causal mask over picture and question costs a small LLaVA, on the questions of lesson 3.2.

Twice the same LLaVA learns all that is behind its frozen tower, at once and from nothing, from the questions, pictures
and number of steps of `utils.training.answering`. Once nothing is seen before its turn. Once picture and question are a
prefix, which is seen all at once (PaliGemma: Beyer et al. 2024, section 3.1). The sweep takes minutes, so that lesson
3.3 draws its stored figures:

    python -m utils.evaluation.mask_sweep
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from utils.evaluation.answering import Exam, exam
from utils.evaluation.held_out.plora_scenes import right
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.gpt import GPTConfig, before_reply, draw_words, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig
from utils.training.answering import BATCH, MERGE, STEPS, Lessons, eyes, lessons, training_questions
from utils.training.families import WORDS, Fusion, question_tokens
from utils.training.loop import fit
from utils.world import KINDS, VOCABULARY, Questions, batches

FIGURES = ASSETS / "measurements" / "mask_sweep.json"
MASKS = {"causal": False, "prefix": True}
SEEDS = range(2)
LANGUAGE = GPTConfig(vocabulary=len(VOCABULARY), length=32, width=64, depth=4, heads=4, hidden=256)
PLACES = Fusion.places  # of a picture in a text


def begin(seed: int) -> LLaVA:
    """Return a LLaVA of which only the tower has learnt anything, which is frozen."""
    torch.manual_seed(seed)
    model = LLaVA(LLaVAConfig(eyes().config, LANGUAGE, MERGE, projector_layers=1, projector_norm=True), eyes())
    draw_words(model.language, WORDS)
    return model


def lessons_with_words(given: Lessons, asked: Questions, seed: int, steps: int) -> Iterator[tuple[Tensor, ...]]:
    """Yield tokens, which of them are to be written, and quarters: half of those that can be have mixed colours."""
    tokens, learnt = question_tokens(asked, PLACES)
    generator = torch.Generator().manual_seed(seed)
    for (rows,) in batches(torch.arange(len(tokens)), batch_size=BATCH, steps=steps, generator=generator):
        mix = given.colourless[rows] & (torch.rand(len(rows), generator=generator) < 0.5)
        scene = given.scene[rows]
        quarters = torch.where(mix[:, None, None], given.mixed[scene], given.seen[scene])
        yield tokens[rows], learnt[rows], quarters


def logits_of(model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor, prefix: bool) -> Tensor:
    """Return the logits of each next token, behind either mask."""
    vectors = model.embed(tokens, model.projector(quarters))
    return model.language.decode(vectors, before_reply(tokens, learnt) if prefix else None)


def loss_of(model: LLaVA, tokens: Tensor, learnt: Tensor, quarters: Tensor, prefix: bool) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of the answers, in nats a token."""
    return next_token_loss(logits_of(model, tokens, learnt, quarters, prefix), tokens, learnt)


def learn(model: LLaVA, given: Lessons, asked: Questions, *, prefix: bool, seed: int, steps: int = STEPS) -> None:
    """Teach `model`, in place, to answer."""
    supply = lessons_with_words(given, asked, seed, steps)
    fit(model, supply, partial(loss_of, prefix=prefix), steps=steps, learning_rate=3e-3, description="LLaVA")


@torch.no_grad()
def answered(model: LLaVA, test: Exam, *, prefix: bool) -> Float[Tensor, " questions"]:
    """Return 1 for each question that is answered rightly, else 0."""
    rows = zip(*(part.split(500) for part in (*question_tokens(test.asked, PLACES), test.quarters)), strict=True)
    return torch.cat([right(logits_of(model.eval(), *batch, prefix=prefix), *batch[:2]) for batch in rows])


def sweep() -> dict[str, dict[str, list[float]]]:
    """Return the share of right answers by mask, of all and by kind, for each seed; some minutes."""
    test, found = exam(), {mask: {name: [] for name in ("all", *KINDS)} for mask in MASKS}
    for seed in SEEDS:
        for mask, prefix in MASKS.items():
            model = begin(seed)
            learn(model, lessons(), training_questions(), prefix=prefix, seed=seed)
            shares = answered(model, test, prefix=prefix)
            for name, values in found[mask].items():
                values.append(round(shares[test.of(name) if name in KINDS else slice(None)].mean().item(), 4))
    return found


def stored_masks() -> dict[str, dict[str, Interval]]:
    """Return the stored shares of right answers by mask, of all and by kind, each with its interval over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {
        mask: {kind: bootstrap(torch.tensor(shares)) for kind, shares in kinds.items()}
        for mask, kinds in stored.items()
    }


def main() -> None:
    """Run the sweep and store its figures."""
    store(sweep(), FIGURES)


if __name__ == "__main__":
    main()
