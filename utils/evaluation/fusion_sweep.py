"""Five ways to fuse words and patches, each trained from two seeds on one budget: how well do they answer?

The sweep takes minutes, so that lesson 3.2 draws its stored figures:

    python -m utils.evaluation.fusion_sweep
"""

from __future__ import annotations

import json
from dataclasses import asdict

import torch
from torch import Tensor

from utils.evaluation.answering import Exam, by_words_alone, conditions, exam
from utils.evaluation.intervals import Interval, bootstrap
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.training.answering import WAYS, begin, learn_answers
from utils.world import KINDS

FIGURES = ASSETS / "measurements" / "fusion_sweep.json"
SEEDS = range(2)
WORDS_ALONE = "words alone"
Scores = dict[str, dict[str, Interval]]  # by picture, "true", "shuffled" or "blank", then by kind of question or "all"


def by_kind(right: Tensor, test: Exam) -> dict[str, Interval]:
    """Return the share of right answers to all questions and to those of each kind, with intervals over the runs.

    `right` is [runs, questions].
    """
    chosen = {"all": torch.ones(right.shape[1], dtype=torch.bool), **{kind: test.of(kind) for kind in KINDS}}
    return {name: bootstrap(right[:, these].mean(dim=1)) for name, these in chosen.items()}


def sweep() -> dict[str, Scores]:
    """Return the scores of each way, over all seeds, and what words alone are worth; some minutes."""
    test, scores = exam(), {}
    for way in WAYS:
        runs = []
        for seed in SEEDS:
            model = begin(way, seed)
            learn_answers(model, seed=seed, description=f"{way}, seed {seed}")
            runs.append(conditions(model.eval(), test))
        scores[way] = {name: by_kind(torch.stack([run[name] for run in runs]), test) for name in runs[0]}
    scores[WORDS_ALONE] = {"true": by_kind(by_words_alone(test)[None], test)}
    return scores


def stored_sweep() -> dict[str, Scores]:
    """Return the stored scores, as `sweep` gives them."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {
        way: {picture: {kind: Interval(**value) for kind, value in kinds.items()} for picture, kinds in found.items()}
        for way, found in stored.items()
    }


def main() -> None:
    """Run the sweep and store its figures."""
    figures = {
        way: {
            picture: {kind: {k: round(v, 4) for k, v in asdict(value).items()} for kind, value in kinds.items()}
            for picture, kinds in found.items()
        }
        for way, found in sweep().items()
    }
    store(figures, FIGURES)


if __name__ == "__main__":
    main()
