import re

from hypothesis import given
from world_strategies import by_hand, sampled, some_examples

from utils.world import (
    CONTEXT_LENGTH,
    NUMBERS,
    VOCABULARY,
    Scene,
    Thing,
    describe,
    relation,
    render_captions,
    tokenize,
)

OBJECT = r"a (\w+) (\w+) (\w+)"


def looks(scene):
    return [(thing.size, thing.colour, thing.shape) for thing in scene.things]


def offset(scene):
    (row, column), (other_row, other_column) = (divmod(scene.cell(thing), scene.grid) for thing in scene.things)
    return row - other_row, column - other_column


@some_examples
@given(sampled())
def test_a_caption_read_back_is_true_of_its_scene(scenes):
    for scene, caption in zip(scenes, render_captions(scenes), strict=True):
        assert re.findall(OBJECT, caption) == looks(scene)
        if len(scene.things) == 2:
            word = re.fullmatch(rf"{OBJECT} (above|below|left of|right of) {OBJECT}", caption)[4]
            row, column = offset(scene)
            assert {"above": row < 0, "below": row > 0, "left of": column < 0, "right of": column > 0}[word]
            assert row == 0 or word in ("above", "below"), "the row wins"
        else:
            assert re.findall(r"in the ((?:\w+ ?){1,2})(?= and|$)", caption) == [
                scene.place(thing) for thing in scene.things
            ]


@some_examples
@given(sampled(least=2))
def test_swapping_keeps_the_words_of_the_caption(scenes):
    for before, after in zip(render_captions(scenes), render_captions(scenes.swapped()), strict=True):
        assert sorted(before.split()) == sorted(after.split())
        assert before != after


@some_examples
@given(by_hand())
def test_every_word_of_a_caption_is_in_the_vocabulary(scene):
    assert set(describe(scene).split()) <= set(VOCABULARY)


@some_examples
@given(sampled(most=2))
def test_a_caption_of_two_objects_fits_the_context(scenes):
    assert tokenize(render_captions(scenes)).shape[1] == CONTEXT_LENGTH


def test_captions_as_written_out_by_hand():
    circle, square = Thing.at("circle", "red", "large", "top left"), Thing.at("square", "blue", "small", "top right")
    assert describe(Scene((circle,))) == "a large red circle in the top left"
    assert describe(Scene((circle, square))) == "a large red circle left of a small blue square"
    assert describe(Scene(())) == "nothing"
    assert relation(Scene((circle, square)), square, circle) == "right of"
    assert NUMBERS[7] == "seven"
