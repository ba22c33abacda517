"""The checkpoint "flamingo_scenes": a language model that learns words from words, frozen, and its eyes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from utils.models.flamingo import Flamingo, FlamingoConfig, PerceiverResampler, ResamplerConfig
from utils.models.gpt import GPT, GPTConfig, draw_words, next_token_loss
from utils.models.reader import UNASKED
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.device import set_seed
from utils.training.loop import History, fit
from utils.training.recipes.clip_scenes import CONFIG as CLIP_CONFIG
from utils.training.recipes.recipe import Recipe
from utils.training.regions import COLOUR, mix_colours
from utils.world.batching import batches
from utils.world.naming import (
    DIRECTIONS,
    UNTOLD,
    Films,
    attribute_words,
    make_films,
    motion_episodes,
    tell,
    text_episodes,
)
from utils.world.puzzles import MEANINGS, Album, Episodes, binding_episodes, make_album
from utils.world.scenes import COLOURS, SEEN_PAIRS, SHAPES
from utils.world.tokenizer import IMAGE

THINGS = 9  # in an episode: four shots of each of two words, and one to be asked
TEXT_BATCH, TEXT_STEPS = 64, 1500
BATCH, EACH, FILMS = 48, 60, 150  # episodes; pictures of each pair; videos of each direction
FRAMES = 4
ASKING_BATCH, ASKING_STEPS = 96, 120  # of the resampler's first lesson
TOLD_STEPS = 1500  # at first, every episode tells some of its things in words

_SEEN = torch.tensor([[(shape, colour) in SEEN_PAIRS for colour in COLOURS] for shape in SHAPES])


def new_words(tokens: Tensor) -> Tensor:
    """Return which tokens of an episode are learnt: the new word behind each thing, and never the thing itself."""
    learnt = torch.zeros_like(tokens, dtype=torch.bool)
    learnt[:, 2::2] = True
    return learnt


def text_step(model: GPT, tokens: Tensor) -> Tensor:
    """Return the loss of one batch of text: what `fit` makes small."""
    return next_token_loss(model(tokens), tokens, new_words(tokens))


def looking_step(model: Flamingo, tokens: Tensor, features: Tensor) -> Tensor:
    """Return the loss of one batch of text with pictures or videos, given their features."""
    return next_token_loss(model.read(tokens, model.resample(features)), tokens, new_words(tokens))


def train_language(config: GPTConfig, seed: int) -> tuple[GPT, History]:
    """Train the language model on text alone: a minute and a half on one core.

    It begins with words and positions of length 1: at GPT-2's 0.02 what comes before what is found several times later.
    """
    generator = torch.Generator().manual_seed(seed)

    def episodes() -> Iterator[tuple[Tensor]]:
        while True:
            which = torch.randint(2, (TEXT_BATCH, THINGS), generator=generator)
            yield (text_episodes(which, generator, untold=UNTOLD).tokens,)

    set_seed(seed)
    model = GPT(config)
    draw_words(model, std=config.width**-0.5)
    return model, fit(model, episodes(), text_step, steps=TEXT_STEPS, learning_rate=3e-3, description="language model")


class Asking(nn.Module):
    """A resampler, and one layer that reads shape, colour and direction of motion off the mean of its latents."""

    parts = (len(SHAPES), len(COLOURS), len(DIRECTIONS))

    def __init__(self, resampler: PerceiverResampler):
        super().__init__()
        self.resampler = resampler
        self.head = nn.Linear(resampler.latents.shape[1], sum(self.parts))

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the scores for shape, colour and direction of each picture or video, given its features."""
        return self.head(self.resampler(features).mean(dim=1)).split(self.parts, dim=-1)


def asking_step(model: Asking, features: Tensor, answers: Tensor) -> Tensor:
    """Return the loss of one batch of the resampler's first lesson; what is UNASKED costs nothing.

    A picture's colour is asked among those in which its shape comes: that a circle is never red is nothing to learn.
    """
    shape, colour, direction = model(features)
    if answers[0, COLOUR] != UNASKED:
        colour = colour.masked_fill(~_SEEN[answers[:, 0]], float("-inf"))
    together = zip((shape, colour, direction), answers.T, strict=True)
    asked = [(scores, right) for scores, right in together if right[0] != UNASKED]
    return torch.stack([F.cross_entropy(scores, right) for scores, right in asked]).sum()


def picture_answers(album: Album) -> Int[Tensor, "pictures 3"]:
    """Return shape and colour of each picture; a picture's motion is UNASKED."""
    shape, colour = album.scenes.shape[:, 0], album.scenes.colour[:, 0]
    return torch.stack([shape, colour, torch.full_like(shape, UNASKED)], dim=1)


def without_colour(answers: Int[Tensor, "pictures 3"]) -> Int[Tensor, "pictures 3"]:
    """Return the answers of the same pictures with their colours mixed: which colour they have is UNASKED."""
    answers = answers.clone()
    answers[:, COLOUR] = UNASKED
    return answers


def film_answers(films: Films) -> Int[Tensor, "videos 3"]:
    """Return the direction of each video; what it is that moves is UNASKED."""
    direction = torch.arange(len(films.rows)).repeat_interleave(films.rows.shape[1])
    unasked = torch.full_like(direction, UNASKED)
    return torch.stack([unasked, unasked, direction], dim=1)


def teach_resampler(
    model: Flamingo, *shown: tuple[Tensor, Tensor], seed: int, steps: int = ASKING_STEPS, description: str = "resampler"
) -> History:
    """Teach a new resampler, by itself, to keep what tells pictures and videos apart, and return how it went.

    `shown` are pairs of features and answers, one batch from each in turn. A new resampler's latents are nearly the
    same for every picture; with such, the gates were measured to stay at zero for 1,600 steps. BLIP-2 too teaches what
    stands between two frozen models before the language model has a part in it (Li et al. 2023, section 3.2).
    """
    supplies = [batches(*some, batch_size=ASKING_BATCH, seed=seed, steps=steps) for some in shown]
    return fit(
        Asking(model.resampler),
        (batch for together in zip(*supplies, strict=True) for batch in together),
        asking_step,
        steps=steps,
        learning_rate=3e-3,
        description=description,
    )


@torch.no_grad()
def keep_features(model: Flamingo, shown: Tensor) -> Tensor:
    """Return the features of pictures [number, 3, h, w] or videos [number, frames, 3, h, w]: they never change."""
    return torch.cat([model.features(some.unsqueeze(1))[:, 0] for some in shown.split(256)])


def fair_episodes(
    album: Album, which: Int[Tensor, "episodes pictures"], generator: torch.Generator, meaning: str
) -> Episodes:
    """Return `binding_episodes` in which a thing's shape does not tell its colour, or its colour its shape.

    In an album without red circles, a circle among red and blue things is always blue, and who learns that takes a red
    circle for blue. So where words mean colours, both are drawn in shapes that come in both, and so for shapes.
    """
    episodes = binding_episodes(album, which, generator, meaning=meaning)
    if meaning == "pair":
        return episodes
    shape, colour = album.scenes.shape[episodes.pictures, 0], album.scenes.colour[episodes.pictures, 0]
    shown = album.shown.bool().view(len(SHAPES), len(COLOURS))
    meant, with_others = (colour, shown.T) if meaning == "colour" else (shape, shown)
    both = meant[:, :1].repeat(1, 2).scatter(1, which, meant)
    fair = with_others[both].all(dim=1).float()
    other = torch.multinomial(fair, which.shape[1], replacement=True, generator=generator)
    shape, colour = (other, colour) if meaning == "colour" else (shape, other)
    return replace(episodes, pictures=album.draw(shape * len(COLOURS) + colour, generator))


def examples(
    album: Album, films: Films, pictures: Tensor, mixed: Tensor, videos: Tensor, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches from easy to hard, given the features of `album`, of the same with colours mixed, and of `films`.

    What stands in words ties the pictures to what the language model can already do. So for the first `TOLD_STEPS` the
    first four things are told: shapes for a third of them, then shapes, colours and directions in turn. After that
    come, in turn, two batches of pictures alone, one of pictures and one of videos among words, told anywhere. Where
    words mean shapes, half of the pictures have their colours mixed, as when the tower learnt (see `mix_colours`).
    """
    generator = torch.Generator().manual_seed(seed)
    first_four = torch.arange(THINGS) < 4

    def draw() -> Tensor:
        return torch.randint(2, (BATCH, THINGS), generator=generator)

    def one_of(meanings: tuple[str, ...]) -> str:
        return meanings[int(torch.randint(len(meanings), (1,), generator=generator))]

    def anywhere() -> Tensor:
        told = torch.rand(THINGS, generator=generator) < 0.5
        told[torch.randint(THINGS, (1,), generator=generator)] = False  # one is always to be seen
        return told

    def look(shown: Tensor, meaning: str) -> Tensor:
        if meaning != "shape":
            return pictures[shown]
        half = torch.rand(shown.shape, generator=generator) < 0.5
        return torch.where(half[:, :, None, None, None], mixed[shown], pictures[shown])

    def alone(meaning: str) -> tuple[Tensor, Tensor]:
        episodes = fair_episodes(album, draw(), generator, meaning)
        return episodes.tokens, look(episodes.pictures, meaning)

    def things(meaning: str, told: Tensor) -> tuple[Tensor, Tensor]:
        episodes = fair_episodes(album, draw(), generator, meaning)
        tokens, shown = tell(episodes, attribute_words(album, episodes), told)
        return tokens, look(shown, meaning)

    def motions(told: Tensor) -> tuple[Tensor, Tensor]:
        tokens, shown = tell(*motion_episodes(films, draw(), generator), told)
        return tokens, videos[shown]

    for _ in range(TOLD_STEPS // 3):
        yield things("shape", first_four)
    for step in range(TOLD_STEPS // 3, TOLD_STEPS):
        turn = step % 3
        yield motions(first_four) if turn == 2 else things(("shape", "colour")[turn], first_four)
    while True:
        for _ in range(2):
            yield alone(one_of(MEANINGS))
        yield things(one_of(("shape", "colour")), anywhere())
        yield motions(anywhere())


def config_of(fields: dict[str, Any]) -> FlamingoConfig:
    """Return the configuration that a model card holds as plain data."""
    return FlamingoConfig(
        ViTConfig(**fields["vision"]), GPTConfig(**fields["language"]), ResamplerConfig(**fields["resampler"])
    )


def build(fields: dict[str, Any]) -> Flamingo:
    """Return an untrained model of the configuration that a model card holds as plain data."""
    return Flamingo(config_of(fields))


def train(recipe: Recipe) -> tuple[Flamingo, History]:
    """Train the language model on text, freeze it, and train what looks: seven minutes on one core.

    The history is that of the last part; its seconds are those of all. All pictures and videos are of the seen split.
    """
    language, first = train_language(recipe.config.language, recipe.seed)
    vision, _ = load_checkpoint("region_scenes")
    set_seed(recipe.seed)
    model = Flamingo(recipe.config, vision, language)
    album, films = make_album("seen", EACH, seed=1), make_films("seen", FILMS, seed=1, frames=FRAMES)
    recoloured = mix_colours(album.pictures, torch.Generator().manual_seed(recipe.seed))
    pictures, mixed, videos = (keep_features(model, shown) for shown in (album.pictures, recoloured, films.videos))
    answers = picture_answers(album)
    second = teach_resampler(
        model,
        (pictures, answers),
        (mixed, without_colour(answers)),
        (videos, film_answers(films)),
        seed=recipe.seed,
    )
    history = fit(
        model,
        examples(album, films, pictures, mixed, videos, recipe.seed),
        looking_step,
        steps=recipe.steps,
        learning_rate=3e-3,
        warm_up=0.02,  # what the resampler has learnt does not last for hundreds of steps behind closed gates
        description=recipe.name,
    )
    history.seconds += first.seconds + second.seconds
    return model, history


CONFIG = FlamingoConfig(
    vision=CLIP_CONFIG.vision,
    language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=64, depth=3, heads=4, hidden=256),
    resampler=ResamplerConfig(latents=4, depth=1, heads=4, frames=FRAMES),
)
RECIPE = Recipe(
    name="flamingo_scenes",
    description="A frozen language model that learns new words from pictures and videos among words (lesson 3.4)",
    data=f"episodes of {THINGS} things and two new words of eight, drawn anew: {TEXT_STEPS} batches of {TEXT_BATCH} of "
    f"any two words, in text alone; then, after {ASKING_STEPS} batches of {ASKING_BATCH} for the resampler by itself, "
    f"pictures, {EACH} of each pair, and videos, {FILMS} of each direction, seed 1, only shape-colour pairs of the "
    "seen split; where words mean shapes, half of the pictures with their colours mixed; vision from region_scenes",
    seed=0,
    steps=3600,
    architecture="Flamingo",
    config=CONFIG,
    vocabulary=CONFIG.language.vocabulary,
    build=build,
    train=train,
    tower="region_scenes",
)
