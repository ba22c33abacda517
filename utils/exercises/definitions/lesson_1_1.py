"""The exercises of lesson 1.1, what is a modality?"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers
from utils.world import COLOURS, SHAPES, SIZES, VOCABULARY, noun_phrase, places
from utils.world.scenes import Thing
from utils.world.tokenizer import SPECIAL, WORDS

# 1.1.1 -------------------------------------------------------------------------------------------------------------


def encode_caption(caption, vocabulary, length):
    """<start>, the words, <end>, then <pad> up to the length."""
    words = ["<start>", *caption.split(), "<end>"]
    words += ["<pad>"] * (length - len(words))
    return torch.tensor([vocabulary.index(word) for word in words])


def _encode_by_dictionary(caption, vocabulary, length):
    number = {word: i for i, word in enumerate(vocabulary)}
    ids = torch.full((length,), number["<pad>"])
    for place, word in enumerate(f"<start> {caption} <end>".split()):
        ids[place] = number[word]
    return ids


def _encode_by_padding(caption, vocabulary, length):
    ids = torch.tensor([vocabulary.index(word) for word in ("<start>", *caption.split(), "<end>")])
    return F.pad(ids, (0, length - len(ids)), value=vocabulary.index("<pad>"))


def _numbers(words, vocabulary):
    return torch.tensor([vocabulary.index(word) for word in words])


def _without_start_and_end(caption, vocabulary, length):
    words = caption.split()
    return _numbers(words + ["<pad>"] * (length - len(words)), vocabulary)


def _without_start(caption, vocabulary, length):
    words = [*caption.split(), "<end>"]
    return _numbers(words + ["<pad>"] * (length - len(words)), vocabulary)


def _without_end(caption, vocabulary, length):
    words = ["<start>", *caption.split()]
    return _numbers(words + ["<pad>"] * (length - len(words)), vocabulary)


def _not_padded(caption, vocabulary, length):
    return _numbers(["<start>", *caption.split(), "<end>"], vocabulary)


def _padded_in_front(caption, vocabulary, length):
    words = ["<start>", *caption.split(), "<end>"]
    return _numbers(["<pad>"] * (length - len(words)) + words, vocabulary)


def _end_after_the_padding(caption, vocabulary, length):
    words = ["<start>", *caption.split()]
    return _numbers([*words, *["<pad>"] * (length - len(words) - 1), "<end>"], vocabulary)


def _filled_up_with_end(caption, vocabulary, length):
    words = ["<start>", *caption.split()]
    return _numbers(words + ["<end>"] * (length - len(words)), vocabulary)


def _every_word_once(caption, vocabulary, length):
    return encode_caption(" ".join(dict.fromkeys(caption.split())), vocabulary, length)


def _in_the_vocabularys_order(caption, vocabulary, length):
    return encode_caption(" ".join(sorted(caption.split(), key=vocabulary.index)), vocabulary, length)


def _counted_from_one(caption, vocabulary, length):
    return encode_caption(caption, vocabulary, length) + 1


def _caption_cases(rng):
    def pick(words):
        return words[int(rng.integers(len(words)))]

    def thing(place):
        return noun_phrase(Thing.at(pick(SHAPES), pick(COLOURS), pick(SIZES), place))

    def case(caption, length):
        # the words in another order than the course's, so that only the vocabulary that is given will do
        vocabulary = (*SPECIAL, *(WORDS[i] for i in rng.permutation(len(WORDS))))
        return Case(args=(caption, vocabulary, length))

    place = pick(places())
    return [
        case(f"{thing(place)} in the {place}", 14),
        case(f"{thing('top left')} above {thing('bottom left')}", 16),
        case(f"{thing('top left')} left of {thing('top right')}", 20),
    ]


ENCODE_CAPTION = Exercise(
    id="1.1.1",
    title="A sentence as numbers",
    kind="function",
    entry="encode_caption",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=encode_caption,
    alternatives=(_encode_by_dictionary, _encode_by_padding),
    cases=_caption_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="no start, no end",
            sentence="You numbered the words alone. A model needs <start> to begin with and <end> to know that the rest "
            "is padding.",
            answer=_without_start_and_end,
        ),
        Misconception(
            name="no start",
            sentence="The words and <end> are there; <start> comes before them.",
            answer=_without_start,
        ),
        Misconception(
            name="no end",
            sentence="Nothing says where your sentence stops: <end> comes after the last word.",
            answer=_without_end,
        ),
        Misconception(
            name="not padded",
            sentence="Your tensor is as long as its sentence, so captions of different lengths will not stack into one "
            "tensor. Fill it up with <pad> to `length`.",
            answer=_not_padded,
        ),
        Misconception(
            name="padded in front",
            sentence="You filled up in front, so the same word stands at another place in every sentence. Here the padding "
            "comes last.",
            answer=_padded_in_front,
        ),
        Misconception(
            name="the end after the padding",
            sentence="Your <end> stands at the very end of the tensor. It belongs after the last word: it says that only "
            "padding follows.",
            answer=_end_after_the_padding,
        ),
        Misconception(
            name="filled up with ends",
            sentence="You filled up with <end>. A sentence ends once; the rest is <pad>, which models learn to skip.",
            answer=_filled_up_with_end,
        ),
        Misconception(
            name="every word once",
            sentence="A word that occurs twice is there once: you made a set of words. A sentence is a sequence, and each "
            "`a` counts.",
            answer=_every_word_once,
        ),
        Misconception(
            name="in the vocabulary's order",
            sentence="The right words, sorted by their numbers. A circle above a square would then read like a square "
            "above a circle.",
            answer=_in_the_vocabularys_order,
        ),
        Misconception(
            name="counted from one",
            sentence="Every number is one too high: the first word of the vocabulary has number 0.",
            answer=_counted_from_one,
        ),
    ),
    hints=(
        "Written as words, what should stand at each place of the tensor, from the first to the last?",
        "`caption.split()` gives the words and `vocabulary.index(word)` a word's number; `torch.tensor(numbers)` comes last.",
        'words = ["<start>", *caption.split(), "<end>"], then words += ["<pad>"] * (length - len(words)), then the number '
        "of each",
    ),
)

# 1.1.2 -------------------------------------------------------------------------------------------------------------


def to_tensor(pixels):
    """Move the channels to the front, then scale to 0..1."""
    return pixels.permute(2, 0, 1).float() / 255


def _to_tensor_by_stacking(pixels):
    return torch.stack([pixels[:, :, channel] for channel in range(3)]).float() / 255


def _to_tensor_by_moving(pixels):
    return (pixels.double() / 255).movedim(-1, 0)


def _reshaped(pixels):
    height, width, _ = pixels.shape
    return pixels.reshape(3, height, width).float() / 255


def _height_and_width_exchanged(pixels):
    return pixels.transpose(0, 2).float() / 255


def _channels_last(pixels):
    return pixels.float() / 255


def _not_scaled(pixels):
    return pixels.permute(2, 0, 1).float()


def _bytes_only(pixels):
    return pixels.permute(2, 0, 1)


def _scaled_by_256(pixels):
    return pixels.permute(2, 0, 1).float() / 256


def _whole_division(pixels):
    return (pixels.permute(2, 0, 1) // 255).float()


def _scaled_by_its_own_maximum(pixels):
    return pixels.permute(2, 0, 1).float() / pixels.max()


def _from_minus_one(pixels):
    return pixels.permute(2, 0, 1).float() / 127.5 - 1


def _blue_first(pixels):
    return to_tensor(pixels).flip(0)


def _pixel_cases(rng):
    def case(low, high, height, width):
        return Case(args=(integers(rng, low, high, height, width, 3).to(torch.uint8),))

    # dark ones too: in a bright picture the largest number is 255 anyway
    return [case(0, 256, 4, 6), case(0, 120, 5, 3), case(0, 200, 6, 6)]


TO_TENSOR = Exercise(
    id="1.1.2",
    title="From a file's order to a model's",
    kind="function",
    entry="to_tensor",
    points=2,
    difficulty=2,
    importance=5,
    minutes=5,
    reference=to_tensor,
    alternatives=(_to_tensor_by_stacking, _to_tensor_by_moving),
    cases=_pixel_cases,
    misconceptions=(
        Misconception(
            name="reshape instead of permute",
            sentence="`reshape` pours the same numbers, in the same order, into a new shape: the first third of the rows "
            "becomes red, whatever colour it had. `permute` moves the axes.",
            answer=_reshaped,
        ),
        Misconception(
            name="height and width exchanged",
            sentence="You exchanged the first axis with the last, which also lays the picture on its side. The channels "
            "move to the front; height stays before width.",
            answer=_height_and_width_exchanged,
        ),
        Misconception(
            name="channels still last",
            sentence="The numbers are scaled, but in the file's order, height by width by channel. The channels go first.",
            answer=_channels_last,
        ),
        Misconception(
            name="still from 0 to 255",
            sentence="The order is right, and so are the floats. Divide by 255, so that they run from 0 to 1.",
            answer=_not_scaled,
        ),
        Misconception(
            name="still bytes",
            sentence="The order is right, but these are bytes, and in 0.1 you saw what arithmetic does to bytes. Make "
            "them floats and divide by 255.",
            answer=_bytes_only,
        ),
        Misconception(
            name="divided by 256",
            sentence="The largest byte is 255, so white divided by 256 is not quite 1.",
            answer=_scaled_by_256,
        ),
        Misconception(
            name="whole division",
            sentence="`//` throws the fraction away, so only pure white survives. Use `/`.",
            answer=_whole_division,
        ),
        Misconception(
            name="each picture its own white",
            sentence="You divided by this picture's largest number, so every picture becomes equally bright. White is 255 "
            "in all of them.",
            answer=_scaled_by_its_own_maximum,
        ),
        Misconception(
            name="from -1 to 1",
            sentence="Your numbers run from -1 to 1. Some models like that; here they run from 0 to 1.",
            answer=_from_minus_one,
        ),
        Misconception(
            name="blue first",
            sentence="Your channels are blue, green, red. The file has red first, and it should stay so.",
            answer=_blue_first,
        ),
    ),
    hints=(
        "The axes are height, width, channel, numbered 0, 1, 2. In which order are they wanted?",
        "`permute` takes the old axes in their new order; `.float()` and `/ 255` do the rest.",
        "return pixels.permute(2, 0, 1).float() / 255",
    ),
)

# 1.1.3 -------------------------------------------------------------------------------------------------------------

PHOTO_BYTES = Exercise(
    id="1.1.3",
    title="What a photograph weighs",
    kind="number",
    entry="photo_bytes",
    points=1,
    difficulty=1,
    importance=3,
    minutes=3,
    reference=4000 * 3000 * 3 * 4,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one number a pixel",
            sentence="Each pixel holds three numbers: red, green and blue.",
            answer=4000 * 3000 * 4,
        ),
        Misconception(
            name="one byte a number",
            sentence="That is the picture as uint8, and it is how files count. A float32 takes 32 bits, which is four bytes.",
            answer=4000 * 3000 * 3,
        ),
        Misconception(
            name="pixels, not bytes",
            sentence="That is how many pixels there are. Each holds three numbers, and each number takes four bytes.",
            answer=4000 * 3000,
        ),
        Misconception(
            name="bits, not bytes",
            sentence="Those are bits: 32 for each number. Eight bits are one byte.",
            answer=4000 * 3000 * 3 * 32,
        ),
        Misconception(
            name="megabytes",
            sentence="Right, in megabytes. The question asks for bytes: a million times as many.",
            answer=144,
        ),
        Misconception(
            name="at the course's size",
            sentence="That is one of the course's little pictures; the phone's has 4,000 by 3,000 pixels.",
            answer=32 * 32 * 3 * 4,
        ),
    ),
    hints=(
        "How many pixels are there, how many numbers in each, and how many bytes in each number?",
        "float32 means 32 bits for each number, and a byte has 8.",
        "4000 * 3000 pixels * 3 channels * 4 bytes",
    ),
)

# 1.1.4 -------------------------------------------------------------------------------------------------------------


def encode_row(row, columns):
    """For each column a one at the place of its word, all in a line."""
    numbers = []
    for name, words in columns.items():
        numbers += [1.0 if word == row[name] else 0.0 for word in words]
    return torch.tensor(numbers)


def _encode_row_by_one_hot(row, columns):
    parts = [F.one_hot(torch.tensor(words.index(row[name])), len(words)) for name, words in columns.items()]
    return torch.cat(parts).float()


def _encode_row_by_offsets(row, columns):
    numbers, start = torch.zeros(sum(map(len, columns.values()))), 0
    for name, words in columns.items():
        numbers[start + words.index(row[name])] = 1
        start += len(words)
    return numbers


def _places_not_ones(row, columns):
    return torch.tensor([float(words.index(row[name])) for name, words in columns.items()])


def _place_in_place_of_the_one(row, columns):
    numbers = [
        float(i) if word == row[name] else 0.0 for name, words in columns.items() for i, word in enumerate(words)
    ]
    return torch.tensor(numbers)


def _in_the_rows_order(row, columns):
    return encode_row(row, {name: columns[name] for name in row})


def _one_word_late(row, columns):
    late = {name: (words[-1], *words[:-1]) for name, words in columns.items()}
    return encode_row(row, late)


def _zeros_and_ones_exchanged(row, columns):
    return 1 - encode_row(row, columns)


def _a_matrix(row, columns):
    width = max(map(len, columns.values()))
    return torch.stack(
        [F.one_hot(torch.tensor(words.index(row[name])), width) for name, words in columns.items()]
    ).float()


def _columns_added_up(row, columns):
    return _a_matrix(row, columns).sum(0)


def _row_cases(rng):
    def case(**kept):
        columns = {}
        for name, (words, number) in kept.items():
            columns[name] = tuple(words[int(i)] for i in rng.permutation(len(words))[:number])
        row = {name: words[int(rng.integers(2, len(words)))] for name, words in columns.items()}
        # a record may name its columns in any order
        return Case(args=({name: row[name] for name in reversed(row)}, columns))

    return [
        case(shape=(SHAPES, 6), colour=(COLOURS, 8), place=(places(), 4)),
        case(colour=(COLOURS, 5), shape=(SHAPES, 4)),
        case(place=(places(), 3), shape=(SHAPES, 5), colour=(COLOURS, 7)),
    ]


ENCODE_ROW = Exercise(
    id="1.1.4",
    title="A record as ones and zeros",
    kind="function",
    entry="encode_row",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=encode_row,
    alternatives=(_encode_row_by_one_hot, _encode_row_by_offsets),
    cases=_row_cases,
    misconceptions=(
        Misconception(
            name="a number for a word",
            sentence="You gave each word the number of its place, as if a ring were more than a circle. Give every word a "
            "place of its own, with a 1 for the one that holds.",
            answer=_places_not_ones,
        ),
        Misconception(
            name="the place where a one belongs",
            sentence="The right places are filled, but with the word's number. Whichever word it is, put a 1.",
            answer=_place_in_place_of_the_one,
        ),
        Misconception(
            name="in the row's order",
            sentence="You went through the row, and a row may name its columns in any order. Go through `columns`, so that "
            "a number means the same in every record.",
            answer=_in_the_rows_order,
        ),
        Misconception(
            name="one place late",
            sentence="Your ones stand one place too late: the first word of a column has place 0.",
            answer=_one_word_late,
        ),
        Misconception(
            name="zeros and ones exchanged",
            sentence="You marked the words that do not hold. The 1 belongs to the one that does.",
            answer=_zeros_and_ones_exchanged,
        ),
        Misconception(
            name="a matrix",
            sentence="You made a row for each column. They belong in one line, one column after the other: `torch.cat` "
            "joins pieces of different lengths.",
            answer=_a_matrix,
        ),
        Misconception(
            name="columns added up",
            sentence="All your columns share the same places, so the first shape and the first colour cannot be told apart. "
            "Give each column places of its own.",
            answer=_columns_added_up,
        ),
    ),
    hints=(
        "How many numbers does one column need, if each of its words has a place of its own?",
        "Go through `columns.items()`; for each word of the column, append 1.0 if the row has it there, else 0.0.",
        "for name, words in columns.items(): numbers += [1.0 if word == row[name] else 0.0 for word in words]",
    ),
)

# 1.1.5 -------------------------------------------------------------------------------------------------------------

SECOND_SOURCE = Exercise(
    id="1.1.5",
    title="Whom to ask",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=2,
    importance=5,
    minutes=4,
    reference=("b", 3),
    options={
        "a": "The record.",
        "b": "The shadow.",
        "c": "Either: two sources know more than one.",
        "d": "Neither: each of them alone is worse than the caption.",
    },
    reasons=(
        "It agrees with the caption, so the two confirm each other.",
        "It holds more numbers than any other.",
        "It knows just what the caption leaves out.",
        "A source that is nearly always wrong by itself only adds noise.",
    ),
    misconceptions=(
        Misconception(
            name="agreement",
            sentence="The record agrees with the caption because it says the same again. Two witnesses who missed the same "
            "thing have missed it.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="more is more",
            sentence="Which second source it is matters more than that there is one: the record repeats what the caption "
            "says.",
            answer=("c", 1),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="bad alone, bad together",
            sentence="The shadow is wrong by itself since it has no colour, and it never has to say one: the caption does. "
            "What matters is whether they fail at different things.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="many numbers",
            sentence="The right source, but not for that: a shadow of an empty ground has just as many numbers. What do "
            "they tell you that the caption does not?",
            answer=("b", 2),
        ),
        Misconception(
            name="the right source, as a second opinion",
            sentence="The right source, but the two cannot confirm each other: one knows the colour only, the other the "
            "shape only.",
            answer=("b", 1),
        ),
    ),
    hints=(
        "What does the caption not know?",
        "Of the other two, one lacks the same attribute as the caption, and the other lacks another one.",
        "Choose the source that shows the shape, and the reason that speaks of what is missing.",
    ),
)

# 1.1.6 -------------------------------------------------------------------------------------------------------------


def shuffle_pairs(first, second, seed):
    """One order for both."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(first), generator=generator)
    return first[order], second[order]


def _shuffled_with_the_seed_set_twice(first, second, seed):
    return tuple(x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))] for x in (first, second))


def _shuffled_one_by_one(first, second, seed):
    order = torch.randperm(len(second), generator=torch.Generator().manual_seed(seed)).tolist()
    return torch.stack([first[i] for i in order]), torch.stack([second[i] for i in order])


def _an_order_for_each(first, second, seed):
    generator = torch.Generator().manual_seed(seed)
    first = first[torch.randperm(len(first), generator=generator)]
    second = second[torch.randperm(len(second), generator=generator)]
    return first, second


def _not_shuffled(first, second, seed):
    return first.clone(), second.clone()


def _only_the_first(first, second, seed):
    return shuffle_pairs(first, second, seed)[0], second.clone()


def _only_the_second(first, second, seed):
    return first.clone(), shuffle_pairs(first, second, seed)[1]


def _drawn_with_replacement(first, second, seed):
    rows = torch.randint(len(first), (len(first),), generator=torch.Generator().manual_seed(seed))
    return first[rows], second[rows]


def _there_and_back(first, second, seed):
    order = torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))
    return first[order], second[order.argsort()]


def _pair_cases(rng):
    def case(pairs, width):
        pictures = integers(rng, 0, 256, pairs, 3, 2, 2).to(torch.uint8)
        tokens = integers(rng, 0, len(VOCABULARY), pairs, width)
        return Case(args=(pictures, tokens, int(rng.integers(2**31))))

    return [case(12, 5), case(16, 4), case(20, 6)]


SHUFFLE_PAIRS = Exercise(
    id="1.1.6",
    title="Two that belong together",
    kind="bug",
    entry="shuffle_pairs",
    points=2,
    difficulty=2,
    importance=5,
    minutes=4,
    reference=shuffle_pairs,
    alternatives=(_shuffled_with_the_seed_set_twice, _shuffled_one_by_one),
    cases=_pair_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="an order for each",
            sentence="Each call of `randperm` draws another order, so every picture ends up beside someone else's caption.",
            answer=_an_order_for_each,
            planted=True,
        ),
        Misconception(
            name="nothing shuffled",
            sentence="Now the pairs hold, but they come in their old order. Shuffle both, with one order.",
            answer=_not_shuffled,
        ),
        Misconception(
            name="only the first shuffled",
            sentence="The first moved and the second stayed, so the pairs are still apart. Use the same order for both.",
            answer=_only_the_first,
        ),
        Misconception(
            name="only the second shuffled",
            sentence="The second moved and the first stayed, so the pairs are still apart. Use the same order for both.",
            answer=_only_the_second,
        ),
        Misconception(
            name="drawn with replacement",
            sentence="`randint` draws some rows twice and leaves others out. `randperm` takes each just once.",
            answer=_drawn_with_replacement,
        ),
        Misconception(
            name="there and back",
            sentence="You shuffled one and undid the shuffle on the other, which is another order again. Index both with "
            "`order` itself.",
            answer=_there_and_back,
        ),
    ),
    hints=(
        "Row 0 of the first and row 0 of the second were a pair. Where does each of them go?",
        "How often is an order drawn here, and how often should it be?",
        "order = torch.randperm(len(first), generator=generator), once, then first[order] and second[order]",
    ),
)

EXERCISES = (ENCODE_CAPTION, TO_TENSOR, PHOTO_BYTES, ENCODE_ROW, SECOND_SOURCE, SHUFFLE_PAIRS)
