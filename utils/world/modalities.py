"""The modalities of the world: each is a way to render the same scenes as numbers.

`MODALITIES` are the three that lesson 1.1 begins with, `RENDERINGS` are all there are. To add one: a module here with
its `render_...(scenes)`, and an entry in `RENDERINGS` whose `kind` is a key of `utils.style.MODALITY_COLOURS`. Whatever
runs over `RENDERINGS` then shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from utils.style import MODALITY_COLOURS
from utils.world.cad import CAD_LENGTH, encode_program, render_programs, tokenize_programs
from utils.world.captions import render_captions
from utils.world.depth import render_depth_maps
from utils.world.languages import render_welsh_captions
from utils.world.lidar import render_lidar_sweeps
from utils.world.pictures import render_pictures
from utils.world.points import render_points
from utils.world.records import encode_records
from utils.world.scenes import Scenes
from utils.world.sketches import render_sketches
from utils.world.sound import render_sounds
from utils.world.speech import render_speech
from utils.world.tokenizer import CONTEXT_LENGTH, VOCABULARY, encode, tokenize
from utils.world.touch import render_touch_maps
from utils.world.videos import render_videos


@dataclass(frozen=True)
class Modality:
    """One way to render scenes: `render` gives a tensor with a row a scene, `unit` says what one number in it is.

    `kind` is the modality that it is one of, as a sketch is an image; left out, it is a kind of its own.
    """

    name: str
    description: str
    unit: str
    render: Callable[[Scenes], Tensor]
    kind: str = ""

    @property
    def colour(self) -> str:
        """The colour of the modality's kind in every figure of the course."""
        return MODALITY_COLOURS[self.kind or self.name]

    def numbers(self, scenes: Scenes) -> int:
        """How many numbers one of these scenes takes."""
        return self.render(scenes[:1]).numel()

    def bytes(self, scenes: Scenes) -> int:
        """How many bytes one of these scenes takes in memory."""
        rendered = self.render(scenes[:1])
        return rendered.numel() * rendered.element_size()


def render_tokens(scenes: Scenes) -> Tensor:
    """Return the caption of each scene as token ids, [scenes, length].

    The length is `CONTEXT_LENGTH`, or that of the longest caption where scenes of many objects need more.
    """
    captions = render_captions(scenes)
    return tokenize(captions, max([CONTEXT_LENGTH, *(len(encode(caption)) for caption in captions)]))


def render_welsh_tokens(scenes: Scenes) -> Tensor:
    """Return the Welsh caption of each scene as token ids, [scenes, length], with a length found as for English."""
    captions = render_welsh_captions(scenes)
    lengths = [len(encode(caption, len(VOCABULARY))) for caption in captions]
    return tokenize(captions, max([CONTEXT_LENGTH, *lengths]), len(VOCABULARY))


def render_spoken_captions(scenes: Scenes) -> Tensor:
    """Return the caption of each scene spoken, [scenes, samples], each voice drawn from those of training."""
    return render_speech(scenes).waveforms


def render_program_tokens(scenes: Scenes) -> Tensor:
    """Return the CAD program of each scene as token ids, [scenes, length], with a length found as for captions."""
    programs = render_programs(scenes)
    return tokenize_programs(programs, max([CAD_LENGTH, *(len(encode_program(program)) for program in programs)]))


MODALITIES = {
    modality.name: modality
    for modality in (
        Modality(
            name="text",
            description="A sentence in English, as the numbers of its words in a vocabulary.",
            unit="the number of a word in the vocabulary",
            render=render_tokens,
        ),
        Modality(
            name="image",
            description="A picture of 32 x 32 pixels, as the brightness of its red, green and blue light.",
            unit="the brightness of one colour at one pixel, from 0 to 255",
            render=render_pictures,
        ),
        Modality(
            name="structured",
            description="A table with a row for each object, as ones and zeros for its words and scaled coordinates.",
            unit="whether a word holds for an object, 1 or 0, or a coordinate of its centre from 0 to 1",
            render=encode_records,
        ),
    )
}

RENDERINGS = MODALITIES | {
    modality.name: modality
    for modality in (
        Modality(
            name="Welsh caption",
            kind="text",
            description="The same sentence in a rarer language, as the numbers of its words in the vocabulary.",
            unit="the number of a word in the vocabulary",
            render=render_welsh_tokens,
        ),
        Modality(
            name="sketch",
            kind="image",
            description="A line drawing of 32 x 32 pixels: the outlines of the objects, without colour.",
            unit="the brightness of one pixel, from 0 (black) to 255 (white)",
            render=render_sketches,
        ),
        Modality(
            name="depth map",
            kind="3d",
            description="What a depth camera measures: how far it is to the first surface, at each pixel.",
            unit="a distance from the viewer, in pixels",
            render=render_depth_maps,
        ),
        Modality(
            name="lidar sweep",
            kind="3d",
            description="How far 64 beams of light go, around the middle of the picture, until they meet an object.",
            unit="a distance from the sensor, in pixels",
            render=render_lidar_sweeps,
        ),
        Modality(
            name="touch map",
            kind="3d",
            description="What a soft pad feels that is laid on the objects.",
            unit="the pressure at one pixel of the pad, from 0 to 1",
            render=render_touch_maps,
        ),
        Modality(
            name="point cloud",
            kind="3d",
            description="256 points on the surfaces of solid objects: balls, cubes, cones, washers and plates.",
            unit="a coordinate of a point, from -1 to 1 across the room",
            render=render_points,
        ),
        Modality(
            name="CAD program",
            kind="3d",
            description="The commands that build the solid objects, as the numbers of their words in a vocabulary.",
            unit="the number of a word in the vocabulary of programs",
            render=render_program_tokens,
        ),
        Modality(
            name="spoken caption",
            kind="audio",
            description="The sentence, spoken by one of many voices.",
            unit="the pressure of the air at one of 8000 moments a second, from -1 to 1",
            render=render_spoken_captions,
        ),
        Modality(
            name="sound",
            kind="audio",
            description="The tones that the objects make, in the left and in the right ear.",
            unit="the pressure of the air at one of 8000 moments a second, from -1 to 1",
            render=render_sounds,
        ),
        Modality(
            name="video",
            description="8 pictures one after the other, in which the objects move.",
            unit="the brightness of one colour at one pixel of one picture, from 0 to 255",
            render=render_videos,
        ),
    )
}
