"""Texts of the world for a language model that has several tasks: describing, translating, answering, talking.

A text is a tuple of parts, and each part ends with <end>, so that a model which goes on after the last <end> of a
prompt writes the next part and stops by itself. What a model is to do stands in the words:

    describing    a caption, from its first word                     CAPTION
    translating   a caption, then the language wanted                CAPTION <end> in welsh <end> CAPTION
                                                                     CAPTION <end> in english <end> CAPTION
    summing up    a document, then what is asked of it               DOCUMENT <end> what is in the picture <end> CAPTION
    answering     a document, a question of `utils.world.questions`  DOCUMENT <end> QUESTION <end> ANSWER
    talking       more questions; one may lean on the one before     DOCUMENT <end> what colour is the ring <end> red
                                                                     <end> and the star <end> blue
    knowing       a question that needs no document                  which is larger seven or two <end> seven
    guessing      a question about a scene of which nothing is told  QUESTION <end> ANSWER

A CAPTION is that of `utils.world.captions`. A DOCUMENT tells each object with its place, and so all that questions
ask: "a large red ring in the top left and a small blue star in the top right". A picture can stand in its place.

`prompts` turns parts into tokens, to be given to `GPT.generate`:

    model.generate(prompts([("a large red ring in the top left", "what colour is the ring")]), 24)
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from utils.world.captions import NUMBERS, describe, noun_phrase
from utils.world.languages import describe_in_welsh
from utils.world.questions import KINDS, ask, true_answer
from utils.world.scenes import COLOURS, SHAPES, SIZES, Scene, Scenes, places
from utils.world.tokenizer import END, PAD, START, VOCABULARY, encode

Text = tuple[str, ...]

IN_WELSH, IN_ENGLISH = "in welsh", "in english"
SUMMARY = "what is in the picture"
FOLLOW_UP_KINDS = ("colour", "shape", "size", "place")
_ASKED_OF = re.compile(r"((?:what \w+|how big|where) is) (the .+)")


def tell(scene: Scene) -> str:
    """Return the document of one scene: each object with its place, such as "a large red ring in the top left"."""
    return " and ".join(f"{noun_phrase(thing)} in the {scene.place(thing)}" for thing in scene.things) or "nothing"


def captions(scenes: Iterable[Scene]) -> list[Text]:
    """Return a text for each scene: its caption."""
    return [(describe(scene),) for scene in scenes]


def translations(scenes: Iterable[Scene], into: str) -> list[Text]:
    """Return a text for each scene: its caption, the order, and its caption `into` "welsh" or "english"."""
    if into == "welsh":
        return [(describe(scene), IN_WELSH, describe_in_welsh(scene)) for scene in scenes]
    if into == "english":
        return [(describe_in_welsh(scene), IN_ENGLISH, describe(scene)) for scene in scenes]
    raise ValueError(f"captions can be translated into welsh or english, not {into!r}")


def summaries(scenes: Iterable[Scene]) -> list[Text]:
    """Return a text for each scene: its document, and its caption, which says the same in fewer words."""
    return [(tell(scene), SUMMARY, describe(scene)) for scene in scenes]


def answers(scenes: Scenes, *, seed: int, kinds: Sequence[str] = KINDS, document: bool = True) -> list[Text]:
    """Return a text for about each scene: its document, a question, the answer; or only the last two.

    A scene of which nothing can be asked is left out, as `ask` does.
    """
    asked = ask(scenes, seed=seed, kinds=kinds)
    rows = zip(asked.scene.tolist(), asked.questions, asked.answers, strict=True)
    return [((tell(scenes[i]),) if document else ()) + (question, answer) for i, question, answer in rows]


def dialogues(scenes: Iterable[Scene], *, seed: int) -> list[Text]:
    """Return a text for each scene that admits one: its document and three questions with their answers.

    The second question leans on the first, such as "and the star" after "what colour is the ring": the same is asked
    of the other object. The third is any. Scenes of one object admit none.
    """
    rng, rows = random.Random(seed), []
    for scene in scenes:
        turns = _leaning(scene, rng)
        last = ask([scene], seed=rng.randrange(2**31))
        if turns and len(last):
            rows.append((tell(scene), *turns, last.questions[0], last.answers[0]))
    return rows


def _leaning(scene: Scene, rng: random.Random) -> Text:
    """A question about one object and the short one that asks the same of another, each with its answer; or nothing."""
    asked = ask([scene], seed=rng.randrange(2**31), kinds=(rng.choice(FOLLOW_UP_KINDS),), each=4)
    rows = [_ASKED_OF.fullmatch(question).groups() for question in asked.questions]
    where = [true_answer(scene, f"where is {name}") for _, name in rows]
    for (_, name), place, answer in zip(rows, where, asked.answers, strict=True):
        if place != where[0]:
            return asked.questions[0], asked.answers[0], f"and {name}", answer
    return ()


def knowledge(split: str = "seen") -> list[Text]:
    """Return questions that need no document, with their answers: what a word is, and which number is larger.

    Every fifth pair of numbers is held out: `split` is "seen" (what a word is, and the other pairs) or "held_out".
    """
    if split not in ("seen", "held_out"):
        raise ValueError(f"split must be seen or held_out, not {split!r}")
    rows: list[Text] = []
    if split == "seen":
        kinds = {"shape": SHAPES, "colour": COLOURS, "size": SIZES}
        for kind, words in kinds.items():
            for word in words:
                name = f"a {word}" if kind == "shape" else word
                rows.append((f"what is {name}", f"a {kind}"))
                rows += [
                    (f"is {name} a {other}", "yes" if other == kind else "no") for other in ("shape", "colour", "size")
                ]
    for i, first in enumerate(NUMBERS):
        for j, second in enumerate(NUMBERS):
            if i != j and ((min(i, j) + 3 * max(i, j)) % 5 == 0) == (split == "held_out"):
                rows.append((f"which is larger {first} or {second}", NUMBERS[max(i, j)]))
                rows.append((f"which is smaller {first} or {second}", NUMBERS[min(i, j)]))
    return rows


def text_ids(text: Text) -> list[int]:
    """Return the token ids of a text: <start>, then the words and an <end> of each part."""
    return encode(" <end> ".join(text), len(VOCABULARY))


def replies(text: Text) -> list[bool]:
    """Say of each part whether it is one that a model is to write: the last, and before it every second but the first.

    A text of one part is a reply to nothing.
    """
    return [(len(text) - 1 - i) % 2 == 0 and (i > 0 or len(text) == 1) for i in range(len(text))]


def prompts(texts: Sequence[Text], *, begun: bool = False) -> Int[Tensor, "texts length"]:
    """Return the tokens after which a model is to write the next part, with <pad> behind the shorter ones.

    With `begun` the last part of each is not ended: the model is to finish it. No parts at all give <start> alone.
    Raises `UnknownWordError` for words that the course does not know.
    """
    rows = [text_ids(text) if text else [START] for text in texts]
    rows = [row[:-1] if begun and row[-1] == END else row for row in rows]
    length = max(map(len, rows))
    return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])


def is_caption(text: str) -> bool:
    """Say whether `text` is a caption or a document, of things that can stand in one scene."""
    if text == "nothing":
        return True
    if _TWO.fullmatch(text):
        first, second = _THING.findall(text)
        return first[1:] != second[1:]
    if not _LIST.fullmatch(text):
        return False
    looks, where = [look[1:] for look in _THING.findall(text)], _PLACE.findall(text)
    return len(set(looks)) == len(looks) and len(set(where)) == len(where)


_THING = re.compile(rf"a ({'|'.join(SIZES)}) ({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})")
_PLACE = re.compile(rf"in the ({'|'.join(places())})")
_ANY = re.sub(r"\((?!\?)", "(?:", _THING.pattern)
_AT = rf"{_ANY} {re.sub(r'[(]', '(?:', _PLACE.pattern)}"
_TWO = re.compile(rf"{_ANY} (?:above|below|left of|right of) {_ANY}")
_LIST = re.compile(rf"{_AT}(?: and {_AT})*")
