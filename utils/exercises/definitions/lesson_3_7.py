"""The exercises of lesson 3.7, pretraining and instruction tuning."""

from __future__ import annotations

import re

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers

COLOURS = ("red", "blue", "green", "black", "orange")
SHAPES = ("circle", "square", "star", "ring", "cross")
SIZES = ("small", "large")
PLACES = ("top left", "top right", "bottom left", "bottom right")


def _pick(rng, words):
    return words[rng.integers(len(words))]


def _two(rng, words):
    first, second = rng.choice(len(words), 2, replace=False)
    return words[first], words[second]


# 3.7.1 -------------------------------------------------------------------------------------------------------------


def place_in(description, words):
    """The place of the one part that holds all the words."""
    for part in description.split(" and "):
        name, _, place = part.partition(" in the ")
        if set(words) <= set(name.split()):
            return place
    return ""


def _place_by_pattern(description, words):
    found = re.findall(r"a (\w+ \w+ \w+) in the (top left|top right|bottom left|bottom right)", description)
    fitting = [place for name, place in found if all(word in name.split() for word in words)]
    return fitting[0] if fitting else ""


def _place_by_counting(description, words):
    said, found = description.split(), ""
    for start in range(0, len(said), 9):  # a size colour shape in the row column and
        if not set(words) - set(said[start + 1 : start + 4]):
            found = found or " ".join(said[start + 6 : start + 8])
    return found


def _first_place(description, words):
    return description.split(" and ")[0].partition(" in the ")[2]


def _last_place(description, words):
    return description.split(" and ")[-1].partition(" in the ")[2]


def _any_word_will_do(description, words):
    for part in description.split(" and "):
        name, _, place = part.partition(" in the ")
        if set(words) & set(name.split()):
            return place
    return ""


def _first_if_none(description, words):
    return place_in(description, words) or _first_place(description, words)


def _last_word_only(description, words):
    return place_in(description, words[-1:])


def _with_its_name(description, words):
    for part in description.split(" and "):
        if set(words) <= set(part.partition(" in the ")[0].split()):
            return part
    return ""


def _row_only(description, words):
    return place_in(description, words).split(" ")[0]


def _place_cases(rng):
    def case(say, alike=False):
        size, other_size = _two(rng, SIZES)
        colour, other_colour = _two(rng, COLOURS)
        shape, other_shape = _two(rng, SHAPES)
        here, there = _two(rng, PLACES)
        if alike:
            other_size, other_shape = size, shape
            second = f"a {size} {other_colour} {shape}"
        else:
            second = f"a {other_size} {colour} {other_shape}"
        words = {"size": size, "other size": other_size, "colour": colour, "other colour": other_colour}
        words |= {"shape": shape, "other shape": other_shape}
        text = f"a {size} {colour} {shape} in the {here} and {second} in the {there}"
        return Case(args=(text, [words[name] for name in say]))

    return [
        case(["colour", "other shape"]),
        case(["other size", "other shape"]),
        case(["size", "shape"]),
        case(["other colour", "shape"], alike=True),
        case(["other colour", "shape"]),  # there is none
    ]


PLACE_IN = Exercise(
    id="3.7.1",
    title="Read a place off a description",
    kind="function",
    entry="place_in",
    points=2,
    difficulty=2,
    importance=3,
    minutes=10,
    reference=place_in,
    alternatives=(_place_by_pattern, _place_by_counting),
    cases=_place_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="always the first",
            sentence="You gave the place of the first object, whichever is meant.",
            answer=_first_place,
        ),
        Misconception(
            name="always the last",
            sentence="You gave the place of the last object, whichever is meant.",
            answer=_last_place,
        ),
        Misconception(
            name="any word will do",
            sentence="One matching word is not enough for you to be sure: both objects may be red. All the words must fit "
            "the same object.",
            answer=_any_word_will_do,
        ),
        Misconception(
            name="a guess if none fits",
            sentence='Where no object fits you name a place all the same. A check that guesses is none: return "" there.',
            answer=_first_if_none,
        ),
        Misconception(
            name="the last word only",
            sentence="You looked for the last word alone; two rings differ in what stands before it.",
            answer=_last_word_only,
        ),
        Misconception(
            name="the object with its place",
            sentence='You return the object\'s name too. Wanted is what follows "in the".',
            answer=_with_its_name,
        ),
        Misconception(
            name="the row only",
            sentence="A place has two words, the row and the column.",
            answer=_row_only,
        ),
    ),
    hints=(
        "What stands between two objects in a description, and what between an object and its place?",
        'Split at " and ", and each part with `part.partition(" in the ")`.',
        'name, _, place = part.partition(" in the "); if set(words) <= set(name.split()): return place',
    ),
)

# 3.7.2 -------------------------------------------------------------------------------------------------------------

SIDES = {"left": "right", "right": "left"}


def _turned(text):
    return " ".join(SIDES.get(word, word) for word in text.split())


def mirrored(picture, question, answer):
    """The columns in reverse, and left for right in both texts."""
    return picture.flip(-1), _turned(question), _turned(answer)


def _mirrored_by_indices(picture, question, answer):
    columns = torch.arange(picture.shape[-1] - 1, -1, -1)
    texts = [re.sub("left|right", lambda side: SIDES[side.group()], text) for text in (question, answer)]
    return picture[:, :, columns], *texts


def _mirrored_by_a_third_word(picture, question, answer):
    def turn(text):
        return text.replace("left", "<side>").replace("right", "left").replace("<side>", "right")

    return torch.flip(picture, (2,)), turn(question), turn(answer)


def _words_as_they_were(picture, question, answer):
    return picture.flip(-1), question, answer


def _answer_only(picture, question, answer):
    return picture.flip(-1), question, _turned(answer)


def _question_only(picture, question, answer):
    return picture.flip(-1), _turned(question), answer


def _upside_down(picture, question, answer):
    return picture.flip(-2), _turned(question), _turned(answer)


def _replaced_twice(picture, question, answer):
    def turn(text):
        return text.replace("left", "right").replace("right", "left")

    return picture.flip(-1), turn(question), turn(answer)


def _replaced_once(picture, question, answer):
    return picture.flip(-1), question.replace("left", "right"), answer.replace("left", "right")


def _colours_reversed(picture, question, answer):
    return picture.flip(0), _turned(question), _turned(answer)


def _picture_as_it_was(picture, question, answer):
    return picture, _turned(question), _turned(answer)


def _mirror_cases(rng):
    def case(question, answer, height, width):
        return Case(args=(integers(rng, 0, 256, 3, height, width).to(torch.uint8), question, answer))

    row, other = _two(rng, ("top", "bottom"))
    return [
        case(f"what colour is the thing in the {row} left", _pick(rng, COLOURS), 4, 6),
        case(f"where is the {_pick(rng, SHAPES)}", f"{other} right", 6, 6),
        case(f"is the thing in the {row} right left of the {_pick(rng, COLOURS)} one", f"no the {other} left", 5, 8),
    ]


MIRRORED = Exercise(
    id="3.7.2",
    title="Two examples out of one",
    kind="function",
    entry="mirrored",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=mirrored,
    alternatives=(_mirrored_by_indices, _mirrored_by_a_third_word),
    cases=_mirror_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="words as they were",
            sentence="You turned the picture and left the words: what was true on the left is now told of the wrong side.",
            answer=_words_as_they_were,
        ),
        Misconception(
            name="only the answer",
            sentence="The question may name a side too, and then asks for something else in the mirrored picture.",
            answer=_answer_only,
        ),
        Misconception(
            name="only the question",
            sentence="You changed the question and not the answer, which may be a place.",
            answer=_question_only,
        ),
        Misconception(
            name="upside down",
            sentence="You flipped the rows, dim=-2, so that top and bottom change places. Left and right are in the "
            "columns, the last dimension.",
            answer=_upside_down,
        ),
        Misconception(
            name="replaced there and back",
            sentence="You replaced left by right, and then every right by left, the new ones too. Exchange both at once, "
            "word by word.",
            answer=_replaced_twice,
        ),
        Misconception(
            name="left only",
            sentence="Every left became right, and no right became left.",
            answer=_replaced_once,
        ),
        Misconception(
            name="colours reversed",
            sentence="You flipped the first dimension, which holds red, green and blue: the shapes stand where they stood.",
            answer=_colours_reversed,
        ),
        Misconception(
            name="picture as it was",
            sentence="The words are those of the mirror image, and the picture is not mirrored.",
            answer=_picture_as_it_was,
        ),
    ),
    hints=(
        "Which dimension of [3, height, width] runs from left to right? And in which of the two texts can a side be named?",
        "`picture.flip(-1)`; go through the words of a text with a dictionary of the two sides.",
        '" ".join({"left": "right", "right": "left"}.get(word, word) for word in text.split()), for both texts',
    ),
)

# 3.7.3 -------------------------------------------------------------------------------------------------------------


def for_validation(pictures, originals):
    """Every fourth original, with its mirror image, in all of its rows."""
    return (pictures % originals) % 4 == 0


def _validation_by_list(pictures, originals):
    kept = set(range(0, originals, 4))
    kept |= {originals + number for number in kept}
    return torch.tensor([number in kept for number in pictures.tolist()])


def _validation_by_subtraction(pictures, originals):
    original = torch.where(pictures >= originals, pictures - originals, pictures)
    return original.remainder(4) == 0


def _every_fourth_row(pictures, originals):
    return torch.arange(len(pictures)) % 4 == 0


def _mirrors_by_their_own_number(pictures, originals):
    return pictures % 4 == 0


def _mirrors_in_training(pictures, originals):
    return (pictures < originals) & (pictures % 4 == 0)


def _the_mirrors(pictures, originals):
    return pictures >= originals


def _the_training_rows(pictures, originals):
    return ~for_validation(pictures, originals)


def _the_first_quarter(pictures, originals):
    return (pictures % originals) < originals // 4


def _validation_cases(rng):
    def case(originals, wordings):
        rows = torch.arange(2 * originals).repeat(wordings)
        return Case(args=(rows[torch.from_numpy(rng.permutation(len(rows)))], originals))

    return [case(6, 2), case(9, 3), case(13, 2)]


SPLIT = Exercise(
    id="3.7.3",
    title="A score too good to be true",
    kind="bug",
    entry="for_validation",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=for_validation,
    alternatives=(_validation_by_list, _validation_by_subtraction),
    cases=_validation_cases,
    misconceptions=(
        Misconception(
            name="every fourth row",
            sentence="This takes rows, and of each picture some rows stay in training: the model has learnt the answer in "
            "another wording.",
            answer=_every_fourth_row,
            planted=True,
        ),
        Misconception(
            name="mirror images by their own number",
            sentence="You go by the number of the picture, and a mirror image has another than its original: it may stay "
            "behind in training.",
            answer=_mirrors_by_their_own_number,
        ),
        Misconception(
            name="mirror images in training",
            sentence="You leave all mirror images in training, those of the validation pictures too.",
            answer=_mirrors_in_training,
        ),
        Misconception(
            name="the mirror images",
            sentence="You put all mirror images into validation, whose originals are in training.",
            answer=_the_mirrors,
        ),
        Misconception(
            name="the training rows",
            sentence="You marked the rows for training; wanted are the others.",
            answer=_the_training_rows,
        ),
        Misconception(
            name="the first quarter",
            sentence="Pictures and mirror images stay together, well done; but wanted is every fourth original, from number "
            "0 on.",
            answer=_the_first_quarter,
        ),
    ),
    hints=(
        "What do two rows have in common that differ only in wording? And a picture with its mirror image?",
        "The mirror image of picture i has number originals + i: `pictures % originals` gives i for both.",
        "return (pictures % originals) % 4 == 0",
    ),
)

# 3.7.4 -------------------------------------------------------------------------------------------------------------

PRICE = Exercise(
    id="3.7.4",
    title="For the price of a few",
    kind="number",
    entry="synthesised_number",
    points=1,
    difficulty=1,
    importance=3,
    minutes=4,
    reference=64 * 90 / 3600 * 20 * 500,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="seconds as minutes",
            sentence="You divided seconds by 60, which gives minutes, and the wage is paid by the hour: there are 3,600 "
            "seconds in one.",
            answer=64 * 90 / 60 * 20 * 500,
        ),
        Misconception(
            name="the price itself",
            sentence="That is what the people are paid. How many does the model write for it, 500 for each unit?",
            answer=64 * 90 / 3600 * 20,
        ),
        Misconception(
            name="one instruction",
            sentence="That is what the model writes for the price of one; there are 64.",
            answer=90 / 3600 * 20 * 500,
        ),
        Misconception(
            name="hours, not money",
            sentence="You took the hours for money; an hour costs 20.",
            answer=64 * 90 / 3600 * 500,
        ),
    ),
    hints=(
        "How many hours do the people work, and what are they paid for them?",
        "64 instructions of 90 seconds are 64 * 90 / 3600 hours.",
        "64 * 90 / 3600 * 20 * 500",
    ),
)

# 3.7.5 -------------------------------------------------------------------------------------------------------------

WHERE_FROM = Exercise(
    id="3.7.5",
    title="Where should they come from?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("c", 2),
    options={
        "a": "A reader of X-rays. A language model writes its data from the two-word labels in the archive, plenty of it.",
        "b": "A judge of paintings. Ten examples by one expert are put into a thousand wordings.",
        "c": "A guide through a museum. A language model writes questions and answers from the curators' full descriptions; "
        "people check some of them, and write those that visitors word strangely.",
        "d": "A reader of street signs. What a language model wrote is cleaned: kept is whatever a second model finds "
        "probable, and that one cannot read either.",
    },
    reasons=(
        "A filter takes out mistakes, whoever applies it.",
        "A teacher can be trusted with what its source tells; people are few, and belong where it tells nothing.",
        "What counts in the end is the number of examples.",
        "Wordings are what a model must learn, and pictures come by themselves.",
    ),
    misconceptions=(
        Misconception(
            name="more is better",
            sentence="Two words tell little of an X-ray, and the teacher makes up the rest. More of it teaches the made-up "
            "part more firmly.",
            answer=("a", 3),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="wordings for pictures",
            sentence="A thousand wordings of ten examples are still ten pictures: the model hears every question and has "
            "hardly seen anything.",
            answer=("b", 4),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="any filter cleans",
            sentence="A filter that cannot see the mistake lets it pass, as a score of whole pictures did with places here.",
            answer=("d", 1),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "For each of them: does anyone in the chain see what the answer depends on?",
        "A teacher without eyes knows what its source says, and makes up the rest.",
        "Look for the one whose source tells much, and whose people do what the source cannot.",
    ),
)

EXERCISES = (PLACE_IN, MIRRORED, SPLIT, PRICE, WHERE_FROM)
