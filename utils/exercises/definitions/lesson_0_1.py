"""The exercises of lesson 0.1, start here."""

from __future__ import annotations

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers

# 0.1.1 -------------------------------------------------------------------------------------------------------------


def brightness(picture):
    """Floats first, then the mean, then the share of the most that a byte holds."""
    return picture.float().mean().item() / 255


def _brightness_by_sum(picture):
    return int(picture.sum()) / (255 * picture.numel())


def _brightness_by_numpy(picture):
    return float((picture.numpy() / 255).mean())


def _mean_of_bytes(picture):
    return picture.mean()


def _divides_in_place(picture):
    picture /= 255
    return picture.mean().item()


def _not_divided(picture):
    return picture.float().mean().item()


def _divided_by_256(picture):
    return picture.float().mean().item() / 256


def _whole_division(picture):
    return (picture // 255).float().mean().item()


def _share_of_its_own_maximum(picture):
    return (picture.float() / picture.max()).mean().item()


def _one_channel(picture):
    return picture[0].float().mean().item() / 255


def _sum_not_mean(picture):
    return picture.float().sum().item() / 255


def _bytes_added_to_bytes(picture):
    return ((picture[0] + picture[1] + picture[2]) / 3).mean().item() / 255


def _picture_not_number(picture):
    return picture.float() / 255


def _brightness_cases(rng):
    def case(low, high, height, width):
        return Case(args=(integers(rng, low, high, 3, height, width).to(torch.uint8),))

    return [case(0, 256, 8, 8), case(0, 90, 6, 9), case(200, 256, 5, 4)]


BRIGHTNESS = Exercise(
    id="0.1.1",
    title="How bright it is",
    kind="function",
    entry="brightness",
    points=2,
    difficulty=1,
    importance=4,
    minutes=4,
    reference=brightness,
    alternatives=(_brightness_by_sum, _brightness_by_numpy),
    cases=_brightness_cases,
    misconceptions=(
        Misconception(
            name="the mean of bytes",
            sentence="A mean is seldom a whole number, so `mean()` refuses bytes. Turn them into floats first: "
            "`picture.float()`.",
            answer=_mean_of_bytes,
        ),
        Misconception(
            name="floats into a place for bytes",
            sentence="`/=` writes the fractions back into the picture, which only has room for whole bytes. Make a new "
            "tensor: `picture.float() / 255`.",
            answer=_divides_in_place,
        ),
        Misconception(
            name="still from 0 to 255",
            sentence="Your mean is right, on the scale of bytes. Divide by 255, so that white becomes 1.",
            answer=_not_divided,
        ),
        Misconception(
            name="divided by 256",
            sentence="A byte has 256 values, but the largest is 255: divided by 256, white would not quite reach 1.",
            answer=_divided_by_256,
        ),
        Misconception(
            name="whole division",
            sentence="`//` throws the fraction away, so every byte below 255 became 0. Use `/`.",
            answer=_whole_division,
        ),
        Misconception(
            name="each picture its own white",
            sentence="You divided by the brightest number of this very picture, so a picture taken at night looks as "
            "bright as one at noon. White is 255 in every picture.",
            answer=_share_of_its_own_maximum,
        ),
        Misconception(
            name="red light only",
            sentence="You averaged the first channel, red; green and blue light count as well.",
            answer=_one_channel,
        ),
        Misconception(
            name="sum, not mean",
            sentence="You added up all the light, so a larger picture counts as brighter. Take the mean.",
            answer=_sum_not_mean,
        ),
        Misconception(
            name="bytes added to bytes",
            sentence="You added the channels while they were bytes, and a byte that goes past 255 begins again at 0. "
            "Turn the picture into floats before you add.",
            answer=_bytes_added_to_bytes,
        ),
        Misconception(
            name="a picture, not a number",
            sentence="You return every number of the picture, rightly scaled. One is asked for: their mean.",
            answer=_picture_not_number,
        ),
    ),
    hints=(
        "If every number were 255, what should come out? And what does the mean of the numbers give?",
        "`picture.float()` turns bytes into floats, `.mean()` averages them, `.item()` makes a plain Python number.",
        "return picture.float().mean().item() / 255",
    ),
)

# 0.1.2 -------------------------------------------------------------------------------------------------------------

OVERFLOW = Exercise(
    id="0.1.2",
    title="The byte that went too far",
    kind="number",
    entry="byte",
    points=1,
    difficulty=1,
    importance=3,
    minutes=2,
    reference=4,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="no limit",
            sentence="That is what the sum would be; a byte cannot hold it, since it ends at 255.",
            answer=260,
            when=lambda number: number > 255,
        ),
        Misconception(
            name="stops at white",
            sentence="It would be kind to stop at 255, and some programs do (`clamp`). A plain byte does not stop: it begins "
            "again at 0.",
            answer=255,
        ),
        Misconception(
            name="one step too many",
            sentence="One too many: after 255 comes 0, and that step counts too. A byte has 256 values.",
            answer=5,
        ),
        Misconception(
            name="one step too few",
            sentence="Count again: 255 is five steps up from 250, and 0 is the sixth.",
            answer=3,
        ),
        Misconception(
            name="the result of the other sum",
            sentence="That was 200 + 100; here it is 250 + 10.",
            answer=44,
        ),
    ),
    hints=(
        "Count upwards from 250. What comes after 255?",
        "250 + 10 is more than 255, so take away the 256 values that a byte has.",
        "250 + 10 - 256",
    ),
)

# 0.1.3 -------------------------------------------------------------------------------------------------------------

NUDGE = Exercise(
    id="0.1.3",
    title="Who notices a nudge",
    kind="choice",
    entry="choice",
    points=1,
    difficulty=1,
    importance=4,
    minutes=2,
    reference=("b", 1),
    options={
        "a": "The picture, the sentence and the record all change.",
        "b": "The picture and the record change; the sentence stays.",
        "c": "Only the picture changes.",
        "d": "Only the record changes.",
    },
    reasons=(
        "The sentence names one of a few places; the other two say where, to the pixel.",
        "All three are made from one scene, so a change of the scene shows in each.",
        "A record holds words, and words do not move.",
        "A pixel is too small to matter to a picture.",
    ),
    misconceptions=(
        Misconception(
            name="all say everything",
            sentence="They do come from one scene, but each tells only part of it. Move the slider and read the sentence.",
            answer=("a", 2),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="a record is only words",
            sentence="Look at the end of the record: x and y are numbers, and they move.",
            answer=("c", 3),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="too small to see",
            sentence="Move it by one and look at the edges of the thing: the pixels there do change.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "Which of the three could you tell from a copy made before the nudge?",
        "Try it: move the slider by one, and look at each of the three in turn.",
        "Choose the option in which one of the three does not change, and the reason that says how coarse it is.",
    ),
)

EXERCISES = (BRIGHTNESS, OVERFLOW, NUDGE)
