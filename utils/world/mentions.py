"""What a text mentions, and whether it is there: how an annotator who sees the whole scene judges a caption."""

from __future__ import annotations

from utils.world.scenes import COLOURS, SHAPES, SIZES, Scene, Thing
from utils.world.tokenizer import split_words


def mentions(text: str) -> list[frozenset[str]]:
    """Return for each object that `text` names the words of size, colour and shape that it is named by, in order.

    A name ends with a shape, or with "thing", and begins where a word of another kind stood before it. What a text
    says of places is left out, and so are sizes and colours of nothing.
    """
    found, said = [], set()
    for word in split_words(text):
        if word in SIZES or word in COLOURS:
            said.add(word)
            continue
        if word in SHAPES or word == "thing":
            found.append(frozenset(said | {word} - {"thing"}))
        said = set()
    return found


def made_up(text: str, scene: Scene) -> list[bool]:
    """Return for each object that `text` mentions whether it is *not* in the scene.

    An object with any wrong word is one that is not there: where a large red circle and a blue square stand, that is
    true of a small circle, of a green one and of a blue one.
    """
    return [not any(said <= _words(thing) for thing in scene.things) for said in mentions(text)]


def recalled(text: str, scene: Scene) -> list[bool]:
    """Return for each object of the scene whether `text` mentions its shape and colour, without a wrong word."""
    told = mentions(text)
    return [any({thing.shape, thing.colour} <= said <= _words(thing) for said in told) for thing in scene.things]


def worth(text: str, scene: Scene) -> int:
    """Return what a caption is worth to who wants all objects, each once, and nothing else.

    One for each object of the scene that it mentions, less one for each mention that adds none: of what is not there,
    or of what was mentioned before.
    """
    right = sum(recalled(text, scene))
    return right - (len(mentions(text)) - right)


def _words(thing: Thing) -> set[str]:
    return {thing.size, thing.colour, thing.shape}
