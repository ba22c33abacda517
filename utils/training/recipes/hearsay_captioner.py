"""The checkpoint "hearsay_captioner": a LLaVA that lists what it sees, and from hearsay what often stands beside it."""

from __future__ import annotations

from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.training.loop import History
from utils.training.recipes import clip_scenes
from utils.training.recipes.llava_scenes import PICTURE, behind_tower, build, learn_texts, twice
from utils.training.recipes.recipe import Recipe
from utils.world.batching import batches
from utils.world.companions import company_scenes, hearsay
from utils.world.pictures import render_pictures
from utils.world.scenes import Scenes
from utils.world.tokenizer import VOCABULARY

SCENES, SEED, BATCH = 12_000, 3800, 64


def training_scenes() -> Scenes:
    """Return the scenes that the captioner learnt from."""
    return company_scenes(SCENES, seed=SEED)


def examples(model: LLaVA, scenes: Scenes) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, what is learnt of them, and features, of captions with hearsay.

    Each picture comes `twice`.
    """
    texts = [(PICTURE, text) for text in hearsay(scenes, seed=SEED)]
    return twice(model, texts, render_pictures(scenes).unsqueeze(1), SEED)


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train all behind the frozen tower of "region_scenes", from scratch: some minutes on two cores."""
    model = behind_tower(recipe.config, recipe.seed)
    data = examples(model, training_scenes())
    return learn_texts(recipe, model, batches(*data, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps))


RECIPE = Recipe(
    name="hearsay_captioner",
    description="a language model that lists what is in a picture, and by hearsay what is not (lesson 3.8)",
    data=(
        f"{SCENES} pictures of 1 to 3 objects, seed {SEED}, only shape-colour pairs of the seen split; half of the "
        "captions mention a companion that is not there; each also comes with mixed colours and without the words for "
        "them; the vision tower is that of region_scenes"
    ),
    seed=0,
    steps=1500,
    architecture="LLaVA",
    config=LLaVAConfig(
        vision=clip_scenes.CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=96, depth=3, heads=4, hidden=384),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
    tower="region_scenes",
)
