"""The checkpoint "described_scenes": a LLaVA after its first stage, which describes pictures and does nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.training.loop import History
from utils.training.recipes import clip_scenes
from utils.training.recipes.llava_scenes import PICTURE, behind_tower, build, in_reading_order, learn_texts, twice
from utils.training.recipes.recipe import Recipe
from utils.world import Scene, Scenes, render_pictures, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import Text, tell
from utils.world.tokenizer import VOCABULARY

SCENES, SEED, BATCH = 4000, 61, 64


def descriptions(scenes: Iterable[Scene]) -> list[Text]:
    """Return a text for each scene: its picture, and what stands where, in reading order."""
    return [(PICTURE, tell(in_reading_order(scene))) for scene in scenes]


def examples(model: LLaVA, scenes: Scenes, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, what is learnt of them, and what the tower sees of each picture, described `twice`."""
    return twice(model, descriptions(scenes), render_pictures(scenes).unsqueeze(1), seed)


def begin(seed: int) -> LLaVA:
    """Return the model as it is before all training, behind the frozen tower of "region_scenes"."""
    return behind_tower(RECIPE.config, seed)


def train(recipe: Recipe) -> tuple[LLaVA, History]:
    """Train projector and language model on descriptions: about a minute on two cores."""
    model = begin(recipe.seed)
    data = examples(model, sample_scenes(SCENES, seed=SEED), SEED)
    return learn_texts(recipe, model, batches(*data, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps))


RECIPE = Recipe(
    name="described_scenes",
    description="a language model that describes pictures, before it is taught to follow instructions (lesson 3.7)",
    data=(
        f"descriptions of {SCENES} pictures of 1 or 2 objects, seed {SEED}, only shape-colour pairs of "
        "the seen split; each also with mixed colours and without the words for them; the vision tower is that of "
        "region_scenes"
    ),
    seed=0,
    steps=1000,
    architecture="LLaVA",
    config=LLaVAConfig(
        vision=clip_scenes.CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=64, depth=3, heads=4, hidden=256),
        merge=2,
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
    tower="region_scenes",
)
