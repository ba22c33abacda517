"""One world, every modality: a scene is a small record of objects, and each modality is a rendering of it.

A new modality is one new module here, with a function `render_...(scenes)` beside `render_pictures` and
`render_captions`, and one entry in `utils.world.modalities.RENDERINGS`.
"""

from utils.world.batching import batches
from utils.world.cad import CAD_VOCABULARY, ProgramError, render_programs, tokenize_programs
from utils.world.captions import NUMBERS, describe, noun_phrase, relation, render_captions
from utils.world.depth import render_depth_maps
from utils.world.digits import Digits, digit_caption, handwritten_digits
from utils.world.faces import EMOTIONS, Faces, render_faces, sample_faces
from utils.world.languages import describe_in_welsh, read_welsh, render_welsh_captions
from utils.world.lidar import render_lidar_sweeps
from utils.world.modalities import MODALITIES, RENDERINGS, Modality
from utils.world.photographs import PHOTOGRAPHS, fit, load_picture, photograph
from utils.world.pictures import BACKGROUND, RGB, render_pictures
from utils.world.points import centred, load_points, render_points
from utils.world.questions import ANSWERS, KINDS, Questions, ask, true_answer
from utils.world.recordings import load_recording
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
from utils.world.sketches import render_sketches
from utils.world.sound import render_sounds, shift_sounds
from utils.world.speech import SAMPLE_RATE, SpeechArchiveError, render_speech, spoken_emotions, spoken_words
from utils.world.tokenizer import CONTEXT_LENGTH, VOCABULARY, UnknownWordError, detokenize, tokenize
from utils.world.touch import render_touch_maps
from utils.world.videos import describe_action, load_video, render_action_captions, render_videos

__all__ = [
    "ANSWERS",
    "BACKGROUND",
    "CAD_VOCABULARY",
    "COLOURS",
    "CONTEXT_LENGTH",
    "EMOTIONS",
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
    "RENDERINGS",
    "RGB",
    "SAMPLE_RATE",
    "SEEN_PAIRS",
    "SHAPES",
    "SIZES",
    "SOUNDS",
    "VOCABULARY",
    "Digits",
    "Faces",
    "Modality",
    "ProgramError",
    "Questions",
    "Scene",
    "Scenes",
    "SpeechArchiveError",
    "Thing",
    "UnknownWordError",
    "ask",
    "batches",
    "centred",
    "decode_records",
    "describe",
    "describe_action",
    "describe_in_welsh",
    "detokenize",
    "digit_caption",
    "encode_records",
    "fit",
    "from_table",
    "handwritten_digits",
    "load_picture",
    "load_points",
    "load_recording",
    "load_video",
    "noun_phrase",
    "photograph",
    "places",
    "read_welsh",
    "relation",
    "render_action_captions",
    "render_captions",
    "render_depth_maps",
    "render_faces",
    "render_lidar_sweeps",
    "render_pictures",
    "render_points",
    "render_programs",
    "render_sketches",
    "render_sounds",
    "render_speech",
    "render_touch_maps",
    "render_videos",
    "render_welsh_captions",
    "sample_faces",
    "sample_scenes",
    "shift_sounds",
    "spoken_emotions",
    "spoken_words",
    "to_table",
    "tokenize",
    "tokenize_programs",
    "true_answer",
]
