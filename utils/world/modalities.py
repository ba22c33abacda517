"""The modalities of the world: each is a way to render the same scenes as numbers.

To add one (audio, video, 3d): a module here with its `render_...(scenes)`, and an entry in `MODALITIES` whose name is
a key of `utils.style.MODALITY_COLOURS`. Whatever runs over `MODALITIES` then shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from utils.style import MODALITY_COLOURS
from utils.world.captions import render_captions
from utils.world.pictures import render_pictures
from utils.world.records import encode_records
from utils.world.scenes import Scenes
from utils.world.tokenizer import CONTEXT_LENGTH, encode, tokenize


@dataclass(frozen=True)
class Modality:
    """One way to render scenes: `render` gives a tensor with a row a scene, `unit` says what one number in it is."""

    name: str
    description: str
    unit: str
    render: Callable[[Scenes], Tensor]

    @property
    def colour(self) -> str:
        """The modality's colour in every figure of the course."""
        return MODALITY_COLOURS[self.name]

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
