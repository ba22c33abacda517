"""One world, every modality: a scene is a small record of objects, and each modality is a rendering of it.

A new modality is one new module here, with a function `render_...(scenes)` beside `render_pictures` and
`render_captions`, and one entry in `utils.world.modalities.MODALITIES`.
"""

from utils.world.captions import describe, noun_phrase, relation, render_captions
from utils.world.pictures import BACKGROUND, RGB, render_pictures
from utils.world.scenes import (
    COLOURS,
    HELD_OUT_PAIRS,
    PAIRS,
    PICTURE_SIZE,
    SEEN_PAIRS,
    SHAPES,
    SIZES,
    Scene,
    Scenes,
    Thing,
    places,
    sample_scenes,
)
from utils.world.tokenizer import CONTEXT_LENGTH, VOCABULARY, UnknownWordError, detokenize, tokenize

__all__ = [
    "BACKGROUND",
    "COLOURS",
    "CONTEXT_LENGTH",
    "HELD_OUT_PAIRS",
    "PAIRS",
    "PICTURE_SIZE",
    "RGB",
    "SEEN_PAIRS",
    "SHAPES",
    "SIZES",
    "VOCABULARY",
    "Scene",
    "Scenes",
    "Thing",
    "UnknownWordError",
    "describe",
    "detokenize",
    "noun_phrase",
    "places",
    "relation",
    "render_captions",
    "render_pictures",
    "sample_scenes",
    "tokenize",
]
