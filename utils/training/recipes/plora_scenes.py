"""The checkpoint "plora_scenes": a language model of notes, and three readers of pictures that began with it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from utils.models.gpt import GPT, GPTConfig, next_token_loss
from utils.models.llava import picture_prompt
from utils.models.picture_readers import METHODS, SOFT_TOKENS, PictureReader, PictureReaders, PictureReadersConfig
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import set_seed
from utils.training.loop import History, fit
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.recipe import Recipe
from utils.training.regions import learn_regions
from utils.world import VOCABULARY, Scenes, batches, noun_phrase, render_pictures, sample_scenes
from utils.world.conversations import Text, knowledge
from utils.world.notes import notes_and_phrases, text_rows

THINGS, SEED, BATCH, LANGUAGE_STEPS = 3000, 3, 64, 400


def facts() -> list[Text]:
    """Return what the language model knows besides: which words are colours, shapes and sizes."""
    return [text for text in knowledge() if not text[0].startswith("which")]


def picture_texts(scenes: Scenes) -> list[Text]:
    """Return for each scene of one object a text of two parts: a picture's place, and the phrase."""
    place = picture_prompt("<image>", SOFT_TOKENS)
    return [(place, noun_phrase(scene.things[0])) for scene in scenes]


def language_step(model: GPT, tokens: Tensor, learnt: Tensor) -> Tensor:
    """Return the loss of one batch of texts: what `fit` makes small."""
    return next_token_loss(model(tokens), tokens, learnt)


def reading_step(model: PictureReader, tokens: Tensor, learnt: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one batch of pictures with their phrases: what `fit` makes small."""
    return next_token_loss(model(tokens, features), tokens, learnt)


def build(fields: dict[str, Any]) -> PictureReaders:
    """Return untrained readers of the configuration that a model card holds as plain data."""
    return PictureReaders(
        PictureReadersConfig(
            **{**fields, "vision": ViTConfig(**fields["vision"]), "language": GPTConfig(**fields["language"])}
        )
    )


def train(recipe: Recipe) -> tuple[PictureReaders, History]:
    """Train the vision tower, the language model on text alone, and each reader on the same pictures: two minutes.

    The text tells of all pairs of shape and colour, as text does of most things; pictures show the seen split only.
    The history is that of the readers; its losses are those of the last.
    """
    vision = load_checkpoint("clip_scenes")[0].vision
    learn_regions(vision, seed=recipe.seed)
    told = sample_scenes(THINGS, seed=SEED + 1, objects=(1, 1), pairs="all")
    texts = notes_and_phrases(told, seed=recipe.seed) + 20 * facts()
    set_seed(recipe.seed)
    language = GPT(recipe.config.language)
    data = batches(*text_rows(texts), batch_size=BATCH, seed=recipe.seed, steps=LANGUAGE_STEPS)
    fit(language, data, language_step, steps=LANGUAGE_STEPS, learning_rate=5e-3, description="language model")
    model = PictureReaders(recipe.config, vision, language)
    shown = sample_scenes(THINGS, seed=SEED, objects=(1, 1))
    reading, features, history = text_rows(picture_texts(shown)), model.see(render_pictures(shown)), History()
    for method in METHODS:  # the same batches in the same order
        data = batches(*reading, features, batch_size=BATCH, seed=recipe.seed, steps=recipe.steps)
        one = fit(
            model.readers[method],
            data,
            reading_step,
            steps=recipe.steps,
            learning_rate=1e-2,
            description=method,
        )
        history = History(one.losses, history.samples + one.samples, history.seconds + one.seconds)
    return model.eval(), history


RECIPE = Recipe(
    name="plora_scenes",
    description="a language model of notes that learns to read pictures, by partial LoRA and otherwise (lesson 2.6)",
    data=(
        f"{THINGS} notes of 1 object, seed {SEED + 1}, of all shape-colour pairs, and questions about words; {THINGS} "
        f"pictures of 1 object, seed {SEED}, only pairs of the seen split"
    ),
    seed=0,
    steps=400,
    architecture="PictureReaders",
    config=PictureReadersConfig(
        vision=CLIP_CONFIG.vision,
        language=GPTConfig(vocabulary=len(VOCABULARY), length=16, width=64, depth=3, heads=2, hidden=256),
    ),
    vocabulary=len(VOCABULARY),
    build=build,
    train=train,
)
