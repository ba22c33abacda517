"""The checkpoint "dpo_captioner": the captioner of "hearsay_captioner", after comparisons of its own captions."""

from __future__ import annotations

from utils.models.llava import LLaVA
from utils.training.alignment import align, also_in_other_colours, compare_captions
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import History
from utils.training.recipes import hearsay_captioner
from utils.training.recipes.llava_scenes import build
from utils.training.recipes.recipe import Recipe
from utils.world.companions import company_scenes

SCENES, SEED = 800, 3860


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Let the captioner write, have its captions compared, and learn from that by DPO: a minute on one core."""
    captioner, _ = load_checkpoint("hearsay_captioner")
    compared = compare_captions(captioner, company_scenes(SCENES, seed=SEED), seed=recipe.seed)
    both = also_in_other_colours(compared, seed=recipe.seed)
    return align(captioner, both, steps=recipe.steps, seed=recipe.seed)


RECIPE = Recipe(
    name="dpo_captioner",
    description="the captioner of hearsay_captioner, which makes less up after DPO (lesson 3.8)",
    data=(
        f"pairs of captions that hearsay_captioner wrote of {SCENES} pictures, seed {SEED}, only shape-colour pairs of "
        "the seen split; the better by what it tells rightly less what it makes up, and one pair in ten turned round; "
        "each also comes with mixed colours and without the words for them"
    ),
    seed=0,
    steps=200,
    architecture="LLaVA",
    config=hearsay_captioner.RECIPE.config,
    vocabulary=hearsay_captioner.RECIPE.vocabulary,
    build=build,
    train=train,
    tower="region_scenes",
)
