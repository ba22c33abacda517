"""One world, every modality: a scene is a small record of objects, and each modality is a rendering of it.

A new modality is one new module here, with a function `render_...(scenes)` beside `render_pictures` and
`render_captions`, and one entry in `utils.world.modalities.MODALITIES`.
"""

from utils.world.batching import batches
from utils.world.captions import NUMBERS, describe, noun_phrase, relation, render_captions
from utils.world.digits import Digits, digit_caption, handwritten_digits
from utils.world.modalities import MODALITIES, Modality
from utils.world.photographs import PHOTOGRAPHS, fit, load_picture, photograph
from utils.world.pictures import BACKGROUND, RGB, render_pictures
from utils.world.questions import ANSWERS, KINDS, Questions, ask, true_answer
from utils.world.records import FEATURES, decode_records, encode_records, from_table, to_table
from utils.world.scenes import (
    COLOURS,
    FARTHEST,
    HELD_OUT_PAIRS,
    MIDDLE,
    MOTIONS,
    NEAREST,
    PAIRS,
    PICTURE_SIZE,
    SEEN_PAIRS,
    SHAPES,
    SIZES,
    SOUNDS,
    Scene,
    Scenes,
    Thing,
    places,
    sample_scenes,
)
from utils.world.tokenizer import CONTEXT_LENGTH, VOCABULARY, UnknownWordError, detokenize, tokenize

__all__ = [
    "ANSWERS",
    "BACKGROUND",
    "COLOURS",
    "CONTEXT_LENGTH",
    "FARTHEST",
    "FEATURES",
    "HELD_OUT_PAIRS",
    "KINDS",
    "MIDDLE",
    "MODALITIES",
    "MOTIONS",
    "NEAREST",
    "NUMBERS",
    "PAIRS",
    "PHOTOGRAPHS",
    "PICTURE_SIZE",
    "RGB",
    "SEEN_PAIRS",
    "SHAPES",
    "SIZES",
    "SOUNDS",
    "VOCABULARY",
    "Digits",
    "Modality",
    "Questions",
    "Scene",
    "Scenes",
    "Thing",
    "UnknownWordError",
    "ask",
    "batches",
    "decode_records",
    "describe",
    "detokenize",
    "digit_caption",
    "encode_records",
    "fit",
    "from_table",
    "handwritten_digits",
    "load_picture",
    "noun_phrase",
    "photograph",
    "places",
    "relation",
    "render_captions",
    "render_pictures",
    "sample_scenes",
    "to_table",
    "tokenize",
    "true_answer",
]
