"""Welsh captions: sentences as a grammar has them, true of their scenes, and read back."""

import itertools

import pytest
from hypothesis import given
from world_strategies import by_hand, sampled, some_examples

from utils.world import (
    COLOURS,
    CONTEXT_LENGTH,
    SHAPES,
    SIZES,
    VOCABULARY,
    Scene,
    Thing,
    UnknownWordError,
    describe,
    detokenize,
    relation,
    sample_scenes,
    tokenize,
)
from utils.world.languages import describe_in_welsh, read_welsh, render_welsh_captions, welsh_noun_phrase


def thing(words, place="top left", grid=2):
    size, colour, shape = words.split()
    return Thing.at(shape, colour, size, place, grid)


def looks(scene):
    return [(thing.size, thing.colour, thing.shape) for thing in scene.things]


# ---- the grammar, written out by hand


@pytest.mark.parametrize(
    ("english", "welsh"),
    [
        ("large red circle", "cylch mawr coch"),
        ("small blue square", "sgwâr bach glas"),
        ("small black triangle", "triongl bach du"),
        ("large green triangle", "triongl mawr gwyrdd"),
        ("large yellow square", "sgwâr mawr melyn"),
        ("large cyan circle", "cylch mawr gwyrddlas"),
        # feminine: soft mutation of both adjectives, and two have a form of their own
        ("large red star", "seren fawr goch"),
        ("small black cross", "croes fach ddu"),
        ("large yellow star", "seren fawr felen"),
        ("small green cross", "croes fach werdd"),
        ("small blue ring", "modrwy fach las"),
        ("large purple ring", "modrwy fawr borffor"),
        ("large orange cross", "croes fawr oren"),
        ("small cyan star", "seren fach wyrddlas"),
    ],
)
def test_adjectives_follow_the_noun_and_agree_with_its_gender(english, welsh):
    assert welsh_noun_phrase(thing(english)) == welsh


@pytest.mark.parametrize(
    ("first", "second", "places", "welsh"),
    [
        (
            "large red circle",
            "large black circle",
            ("top left", "bottom left"),
            "cylch mawr coch uwchben cylch mawr du",
        ),
        ("large red star", "small blue circle", ("bottom left", "top left"), "seren fawr goch o dan gylch bach glas"),
        ("large red star", "small blue cross", ("bottom left", "top left"), "seren fawr goch o dan groes fach las"),
        (
            "small red circle",
            "large green triangle",
            ("top left", "top right"),
            "cylch bach coch i'r chwith o driongl mawr gwyrdd",
        ),
        (
            "small red circle",
            "large black ring",
            ("top right", "top left"),
            "cylch bach coch i'r dde o fodrwy fawr ddu",
        ),
        ("small red circle", "large red star", ("top right", "top left"), "cylch bach coch i'r dde o seren fawr goch"),
        ("small red circle", "large red square", ("bottom left", "top left"), "cylch bach coch o dan sgwâr mawr coch"),
    ],
)
def test_of_and_below_soften_the_noun_after_them_and_above_does_not(first, second, places, welsh):
    scene = Scene((thing(first, places[0]), thing(second, places[1])))
    assert describe_in_welsh(scene) == welsh


def test_and_brings_the_aspirate_mutation_and_only_to_p_t_and_c():
    looks = ["small red star", "large blue circle", "small black triangle", "large green cross"]
    corners = ["top left", "top right", "bottom left", "bottom right"]
    scene = Scene(tuple(thing(words, place) for words, place in zip(looks, corners, strict=True)))
    assert describe_in_welsh(scene) == (
        "seren fach goch ar y brig ar y chwith a chylch mawr glas ar y brig ar y dde "
        "a thriongl bach du ar y gwaelod ar y chwith a chroes fawr werdd ar y gwaelod ar y dde"
    )
    scene = Scene((*(thing(f"small red {shape}") for shape in ("circle", "square", "ring", "star")),))
    assert [words.split()[0] for words in describe_in_welsh(scene).split(" a ")] == [
        "cylch",
        "sgwâr",
        "modrwy",
        "seren",
    ]


def test_places_on_the_larger_grid_and_nothing():
    names = {"middle": "yn y canol", "top middle": "ar y brig yn y canol", "middle right": "yn y canol ar y dde"}
    for place, words in names.items():
        assert describe_in_welsh(Scene((thing("small red circle", place, 3),), 3)) == f"cylch bach coch {words}"
    assert describe_in_welsh(Scene(())) == "dim byd"


# ---- round trips


@some_examples
@given(sampled())
def test_a_welsh_caption_read_back_says_what_the_english_one_says(scenes):
    for scene, welsh in zip(scenes, render_welsh_captions(scenes), strict=True):
        back = read_welsh(welsh, scene.grid)
        assert looks(back) == looks(scene)
        assert describe(back) == describe(scene)
        assert describe_in_welsh(back) == welsh


@some_examples
@given(by_hand())
def test_any_scene_that_a_learner_writes_survives_the_round_trip(scene):
    back = read_welsh(describe_in_welsh(scene), scene.grid)
    assert describe(back) == describe(scene)


def test_every_pair_in_every_relation_and_gender_survives_the_round_trip():
    corners = [("top left", "bottom left"), ("bottom right", "top right"), ("top left", "top right")]
    corners.append(("bottom right", "bottom left"))
    for places, first, second in itertools.product(corners, SHAPES, SHAPES):
        for number, (size, colour) in enumerate(itertools.product(SIZES, COLOURS)):
            other = COLOURS[number % len(COLOURS) - 3]
            scene = Scene((Thing.at(first, colour, size, places[0]), Thing.at(second, other, "small", places[1])))
            back = read_welsh(describe_in_welsh(scene))
            assert looks(back) == looks(scene)
            assert relation(back, *back.things) == relation(scene, *scene.things)


@some_examples
@given(sampled(most=2))
def test_a_welsh_caption_is_tokens_of_the_course_and_fits_its_context(scenes):
    captions = render_welsh_captions(scenes)
    tokens = tokenize(captions, vocabulary=len(VOCABULARY))
    assert tokens.shape[1] == CONTEXT_LENGTH
    assert [detokenize(row) for row in tokens] == captions


def test_different_scenes_have_different_captions_just_where_english_has():
    scenes = sample_scenes(2000, seed=1)
    both = {(describe(scene), describe_in_welsh(scene)) for scene in scenes}
    assert len(both) == len({english for english, _ in both}) == len({welsh for _, welsh in both})


def test_every_form_in_the_vocabulary_occurs_and_none_is_missing():
    scenes = sample_scenes(20_000, seed=1, objects=(1, 3), pairs="all", grid=3)
    spoken = {word for caption in render_welsh_captions(scenes) for word in caption.split()} | {"dim", "byd"}
    first = VOCABULARY.index("welsh") + 1
    assert set(VOCABULARY[first:135]) | {"a"} == spoken


# ---- bad input


def test_capitals_punctuation_and_a_curly_apostrophe_do_not_matter():
    text = "Cylch mawr coch i’r chwith o seren fach las."
    assert looks(read_welsh(text)) == [("large", "red", "circle"), ("small", "blue", "star")]


def test_unknown_words_are_named_with_the_nearest_known_ones():
    with pytest.raises(UnknownWordError, match=r"'pinc'.*, 'cylhc' \(did you mean cylch") as error:
        read_welsh("sgwâr bach pinc o dan cylhc mawr coch")
    assert "words of the Welsh captions" in str(error.value)
    assert "'sgwâr'" not in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("seren mawr coch ar y brig ar y dde", "seren fawr goch ar y brig ar y dde"),
        ("cylch fawr goch ar y brig ar y dde", "cylch mawr coch ar y brig ar y dde"),
        ("cylch mawr coch o dan croes fach las", "cylch mawr coch o dan groes fach las"),
        ("cylch mawr coch uwchben groes fach las", "cylch mawr coch uwchben croes fach las"),
        ("seren fawr felyn ar y brig ar y dde", "seren fawr felen ar y brig ar y dde"),
    ],
)
def test_a_wrong_gender_or_mutation_is_refused_with_what_is_right(wrong, right):
    with pytest.raises(ValueError, match=f"is not how Welsh says it: '{right}'"):
        read_welsh(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cylch",
        "coch mawr cylch ar y brig ar y dde",
        "cylch mawr coch",
        "cylch mawr coch ar y brig",
        "cylch mawr coch uwchben",
        "a cylch mawr coch ar y brig ar y dde",
        "cylch mawr coch ar y brig ar y dde seren fach las ar y brig ar y chwith",
    ],
)
def test_known_words_in_no_order_of_a_caption_are_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"is no Welsh caption: give an object|is not how Welsh says it"):
        read_welsh(text)
