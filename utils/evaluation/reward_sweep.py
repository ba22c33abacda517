"""Over-optimisation: what becomes of a captioner that chases the rewards of a judge for longer and longer.

The judge learnt from few pairs, of captions that the captioner wrote at first. How far the captioner has gone since is
its KL divergence from what it was; at several such distances the judge's reward is stored beside what the captions are
truly worth, as Gao et al. 2023, "Scaling laws for reward model overoptimization", figure 1, show it.

The sweep takes minutes, so that lesson 3.8 draws its stored figures:

    python -m utils.evaluation.reward_sweep
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import torch

from utils.evaluation.hallucination import chair
from utils.evaluation.storing import store
from utils.lessons import ASSETS
from utils.models.joint import JointTransformer
from utils.models.llava import LLaVA
from utils.training.alignment import (
    chase_rewards,
    compare_captions,
    divergence,
    learn_rewards,
    reward,
    write_captions,
)
from utils.training.checkpoints import load_checkpoint
from utils.training.recipes.llava_scenes import seen
from utils.world import Scene, Scenes, render_pictures
from utils.world.companions import company_scenes
from utils.world.mentions import made_up, worth

FIGURES = ASSETS / "measurements" / "reward_sweep.json"
BETAS, SEEDS = (0.0, 1.0), range(2)
COMPARED, COMPARED_SEED = 300, 3830  # pictures whose captions are compared
PROMPTS, PROMPTS_SEED = 1000, 3831  # pictures that captions are written of while rewards are chased
TESTED, TESTED_SEED = 250, 3832  # pictures of held-out pairs, on which all is measured
STEPS, MEASURED = 70, (0, 5, 10, 15, 20, 25, 30, 40, 55, 70)
SHOWN = (0, 1, 2)  # of the tested pictures, those of which captions are stored


@dataclass(frozen=True)
class Moment:
    """One point of a way: how far the captioner is from the reference (KL, nats), and what its captions then are.

    `reward` is the mean of the judge's rewards, `worth` the mean of what captions are truly worth, `made_up` the share
    of captions with an object that is not there, `recall` that of objects mentioned. `captions` are those of `SHOWN`.
    """

    step: int
    kl: float
    reward: float
    worth: float
    made_up: float
    recall: float
    captions: list[str]


def measured_scenes() -> Scenes:
    """Return the scenes, of shape-colour pairs that no training shows, on which the ways are measured."""
    return company_scenes(TESTED, seed=TESTED_SEED, pairs="held_out")


@torch.no_grad()
def moment(policy: LLaVA, reference: LLaVA, judge: JointTransformer, scenes: Scenes, step: int) -> Moment:
    """Return what `policy` writes of `scenes`, and what that is worth to the judge and in truth."""
    pictures = render_pictures(scenes)
    features = seen(reference, pictures)
    written = write_captions(policy, pictures, seed=step)
    found = chair(written.texts, scenes)
    truth = torch.tensor([worth(text, scene) for text, scene in zip(written.texts, scenes, strict=True)])
    figures = {
        "kl": divergence(policy, reference, written, features).mean(),
        "reward": reward(judge, written.tokens, written.prompt, features).mean(),
        "worth": truth.float().mean(),
        "made_up": found.sentences.mean(),
        "recall": found.recall.mean(),
    }
    return Moment(
        step=step,
        **{name: round(value.item(), 4) for name, value in figures.items()},
        captions=[written.texts[i] for i in SHOWN],
    )


def pieces(caption: str, scene: Scene) -> list[tuple[str, bool]]:
    """Return the things that a caption lists, each with whether it is there; words that name none are not."""
    parts = caption.split(" and ") if caption else []
    return [(part, made_up(part, scene) == [False]) for part in parts]


def way(captioner: LLaVA, judge: JointTransformer, *, beta: float, seed: int) -> list[Moment]:
    """Return the moments of one captioner's way, held to its reference by `beta`."""
    scenes = measured_scenes()
    moments = [moment(captioner, captioner, judge, scenes, 0)]
    prompts = company_scenes(PROMPTS, seed=PROMPTS_SEED)
    for step, policy in enumerate(chase_rewards(captioner, judge, prompts, beta=beta, steps=STEPS, seed=seed), start=1):
        if step in MEASURED:
            moments.append(moment(policy, captioner, judge, scenes, step))
    return moments


def sweep() -> dict[str, list[list[dict]]]:
    """Return the moments by beta, a list over the seeds; some minutes."""
    captioner, _ = load_checkpoint("hearsay_captioner")
    ways: dict[str, list[list[dict]]] = {str(beta): [] for beta in BETAS}
    for seed in SEEDS:
        compared = compare_captions(captioner, company_scenes(COMPARED, seed=COMPARED_SEED + seed), seed=seed)
        judge, _ = learn_rewards(captioner, compared, seed=seed)
        for beta in BETAS:
            ways[str(beta)].append([asdict(one) for one in way(captioner, judge, beta=beta, seed=seed)])
    return ways


def stored_ways() -> dict[float, list[list[Moment]]]:
    """Return the stored ways by beta, a list over the seeds."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {float(beta): [[Moment(**one) for one in way] for way in ways] for beta, ways in stored.items()}


def main() -> None:
    """Run the sweep and store its figures."""
    store(sweep(), FIGURES)


if __name__ == "__main__":
    main()
