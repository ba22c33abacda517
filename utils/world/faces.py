"""Faces with an expression: drawn people who show an emotion, 32 x 32 pixels.

A person is a set of features that say nothing about how they feel: the shape and colour of the head, the hair, where
and how large the eyes are. An expression moves mouth, brows and eyelids, after Ekman and Friesen's action units (1978,
"Facial action coding system"). Some people are never seen in training, so a model must read the expression and cannot
learn the people by heart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from utils.world.pictures import BACKGROUND
from utils.world.scenes import PICTURE_SIZE

EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised")
PEOPLE = 80
SEEN_PEOPLE, HELD_OUT_PEOPLE = range(64), range(64, PEOPLE)
PEOPLE_SPLITS = {"seen": SEEN_PEOPLE, "held_out": HELD_OUT_PEOPLE, "all": range(PEOPLE)}
# What each expression does, at full strength: the corners of the mouth go up (1) or down (-1), the mouth opens, the
# inner and outer ends of the brows go up or down, the eyes widen or narrow (action units 12 and 15; 26; 1, 2, 4; 5, 7).
ACTIONS = ("smile", "open", "inner brow", "outer brow", "eyes")
_EXPRESSIONS = {
    "neutral": (0.0, 0.0, 0.0, 0.0, 0.0),
    "happy": (1.0, 0.15, 0.1, 0.1, -0.2),
    "sad": (-0.9, 0.0, 0.8, -0.4, -0.3),
    "angry": (-0.6, 0.1, -1.0, 0.4, -0.2),
    "surprised": (0.0, 1.0, 0.9, 0.9, 0.9),
}
# The features of a person, each between two bounds; lengths in units of the head's half height.
_FEATURES = {
    "head width": (0.72, 0.95),
    "eye height": (-0.22, -0.05),
    "eye distance": (0.30, 0.42),
    "eye size": (0.09, 0.13),
    "mouth height": (0.42, 0.56),
    "mouth width": (0.26, 0.42),
    "mouth rest": (-0.2, 0.2),  # some look a little glad or sour when they are neither
    "brow height": (0.24, 0.34),
    "hair line": (-0.75, -0.45),
}
_SKIN = ((255, 224, 196), (241, 194, 150), (214, 160, 110), (176, 122, 82), (146, 98, 68), (122, 84, 62))
_HAIR = ((30, 25, 25), (90, 55, 30), (200, 150, 70), (150, 60, 30), (150, 150, 155), (235, 230, 225))
_DARK, _MOUTH, _WHITE = (25, 20, 25), (175, 30, 45), (250, 250, 250)
_SUPERSAMPLING = 2
_HEAD = 13.0  # pixels; half the height of a head


@dataclass(frozen=True)
class Faces:
    """Many faces, a number each: `emotion` indexes `EMOTIONS`, `person` says whose face it is, 0 to `PEOPLE` - 1.

    `strength` is how much of the expression shows, 0 (nothing) to 1; `x` and `y` are the middle of the head in pixels.
    """

    emotion: Int[Tensor, " faces"]
    person: Int[Tensor, " faces"]
    strength: Float[Tensor, " faces"]
    x: Float[Tensor, " faces"]
    y: Float[Tensor, " faces"]

    def __len__(self) -> int:
        return len(self.emotion)

    def __getitem__(self, index) -> Faces:
        """Return the faces that a slice, a mask or a list of indices picks."""
        return Faces(*(getattr(self, field.name)[index] for field in fields(self)))


def sample_faces(number: int, *, seed: int, people: str = "seen", strength: tuple[float, float] = (0.5, 1.0)) -> Faces:
    """Return `number` random faces, with every emotion and person equally likely.

    `people` says whose: "seen" (those of training), "held_out" (whom training never shows) or "all". `strength` is the
    least and the greatest strength of an expression: the weaker, the more often a face says nothing.
    """
    if people not in PEOPLE_SPLITS:
        raise ValueError(f"people must be one of {', '.join(PEOPLE_SPLITS)}, not {people!r}")
    least, most = strength
    if not 0 <= least <= most <= 1:
        raise ValueError(f"strength must be (least, greatest) with 0 <= least <= greatest <= 1, not {strength}")
    generator = torch.Generator().manual_seed(seed)
    chosen = PEOPLE_SPLITS[people]
    emotion = torch.randint(len(EMOTIONS), (number,), generator=generator)
    person = torch.randint(chosen.start, chosen.stop, (number,), generator=generator)
    shares = torch.rand(3, number, generator=generator)
    x, y = ((PICTURE_SIZE - 1) / 2 + 2 * shares[:2] - 1).unbind()
    return Faces(emotion, person, least + (most - least) * shares[2], x, y)


def render_faces(faces: Faces) -> UInt8[Tensor, "faces 3 height width"]:
    """Return the picture of each face, channels first, 0 to 255, as `render_pictures` does of scenes."""
    batches = [_draw(faces[start : start + 1000]) for start in range(0, len(faces), 1000)]  # a gigabyte less at once
    return torch.cat(batches) if batches else torch.empty(0, 3, PICTURE_SIZE, PICTURE_SIZE, dtype=torch.uint8)


def _draw(faces: Faces) -> UInt8[Tensor, "faces 3 height width"]:
    features, skin, hair = _people()
    person = {name: features[faces.person, i].view(-1, 1, 1) for i, name in enumerate(_FEATURES)}
    actions = torch.tensor(list(_EXPRESSIONS.values()))[faces.emotion] * faces.strength.unsqueeze(1)
    smile, opened, inner, outer, eyes = actions.view(-1, len(ACTIONS), 1, 1).unbind(1)

    fine = PICTURE_SIZE * _SUPERSAMPLING
    axis = (torch.arange(fine) + 0.5) / _SUPERSAMPLING - 0.5
    x = (axis.view(1, 1, -1) - faces.x.view(-1, 1, 1)) / _HEAD  # -1 to 1 over the height of the head
    y = (axis.view(1, -1, 1) - faces.y.view(-1, 1, 1)) / _HEAD
    side = x.abs()  # a face is the same on both sides

    canvas = torch.tensor(BACKGROUND, dtype=torch.float32).view(1, 3, 1, 1).repeat(len(faces), 1, fine, fine)

    def paint(where: Tensor, colour: Tensor | tuple[int, int, int]) -> None:
        colour = torch.as_tensor(colour, dtype=torch.float32).view(-1, 3, 1, 1)
        torch.where(where.unsqueeze(1), colour, canvas, out=canvas)

    head = (x / person["head width"]) ** 2 + y**2 <= 1
    paint(head, skin[faces.person])
    paint(head & (y < person["hair line"] + 0.25 * side), hair[faces.person])

    height = person["eye size"] * (1 + 0.6 * eyes)
    from_eye = side - person["eye distance"], y - person["eye height"]
    paint((from_eye[0] / (1.4 * person["eye size"])) ** 2 + (from_eye[1] / (1.4 * height)) ** 2 <= 1, _WHITE)
    paint((from_eye[0] / (0.8 * person["eye size"])) ** 2 + (from_eye[1] / height) ** 2 <= 1, _DARK)

    outward = (from_eye[0] / 0.17).clamp(-1, 1)  # -1 at the inner end of the brow, 1 at the outer
    raised = (inner * (1 - outward) + outer * (1 + outward)) / 2
    brow = person["eye height"] - person["brow height"] - 0.13 * raised
    paint((from_eye[0].abs() <= 0.17) & ((y - brow).abs() <= 0.045), _DARK)

    width = person["mouth width"] * (1 + 0.2 * smile - 0.35 * opened)
    along = (x / width).clamp(-1, 1)
    curve = person["mouth height"] + 0.16 * (smile + person["mouth rest"]) * (0.5 - along**2)
    gape = 0.05 + 0.2 * opened * (1 - along**2).sqrt()
    paint((side <= width) & ((y - curve).abs() <= gape), _MOUTH)
    pictures = torch.nn.functional.avg_pool2d(canvas, _SUPERSAMPLING)
    return pictures.round().byte()


def _people() -> tuple[Float[Tensor, "people features"], Float[Tensor, "people 3"], Float[Tensor, "people 3"]]:
    """The features, the colour of skin and the colour of hair of every person: the same people for ever."""
    generator = torch.Generator().manual_seed(0)
    bounds = torch.tensor(list(_FEATURES.values()))
    features = bounds[:, 0] + torch.rand(PEOPLE, len(_FEATURES), generator=generator) * (bounds[:, 1] - bounds[:, 0])
    skin, hair = (
        torch.tensor(colours, dtype=torch.float32)[torch.randint(len(colours), (PEOPLE,), generator=generator)]
        for colours in (_SKIN, _HAIR)
    )
    return features, skin, hair
