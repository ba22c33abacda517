import re
from collections import Counter, defaultdict

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from world_strategies import by_hand, sampled, seeds, some_examples

from utils.world import (
    ANSWERS,
    COLOURS,
    CONTEXT_LENGTH,
    HELD_OUT_PAIRS,
    KINDS,
    NUMBERS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    ask,
    places,
    sample_scenes,
    tokenize,
    true_answer,
)

ANSWERS_OF = {
    "colour": COLOURS,
    "shape": SHAPES,
    "size": SIZES,
    "count": NUMBERS,
    "place": places(2) + places(3),
    "relation": ("yes", "no", *COLOURS, *SHAPES, *SIZES),
    "comparison": ("yes", "no", *COLOURS, *SHAPES),
    "existence": ("yes", "no"),
}
PAIR = re.compile(rf"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})\b")


@some_examples
@given(sampled(), seeds, st.integers(1, 4))
def test_the_oracle_gives_every_question_the_answer_that_came_with_it(scenes, seed, each):
    asked = ask(scenes, seed=seed, each=each)
    assert len(asked) > 0
    for i, question, answer, kind in zip(asked.scene, asked.questions, asked.answers, asked.kinds, strict=True):
        assert true_answer(scenes[i], question) == answer
        assert answer in ANSWERS_OF[kind]


@some_examples
@given(by_hand(), seeds)
def test_scenes_with_objects_that_look_alike_get_no_ambiguous_question(scene, seed):
    asked = ask([scene], seed=seed, each=6)
    assert len(asked) > 0, "even of an empty scene one can ask how many things there are"
    for question, answer in zip(asked.questions, asked.answers, strict=True):
        assert true_answer(scene, question) == answer


@some_examples
@given(sampled(), seeds)
def test_questions_fit_the_context_and_use_only_known_words(scenes, seed):
    asked = ask(scenes, seed=seed, each=4)
    assert tokenize(asked.questions).shape == (len(asked), CONTEXT_LENGTH)
    assert tokenize(asked.answers).shape[0] == len(asked)


@some_examples
@given(sampled(pairs=("seen",)), seeds)
def test_questions_about_training_scenes_never_name_a_held_out_pair(scenes, seed):
    named = {
        (shape, colour)
        for question in ask(scenes, seed=seed, each=8).questions
        for colour, shape in PAIR.findall(question)
    }
    assert not named & set(HELD_OUT_PAIRS)


@some_examples
@given(sampled(), seeds)
def test_what_is_asked_for_is_not_in_the_question(scenes, seed):
    asked = ask(scenes, seed=seed, kinds=("colour", "shape", "size", "place"))
    for question, answer in zip(asked.questions, asked.answers, strict=True):
        assert not re.search(rf"\b{answer}\b", question)


@some_examples
@given(sampled(), seeds, st.sets(st.sampled_from(KINDS), min_size=1), st.integers(1, 5))
def test_only_the_kinds_asked_for_come_and_no_scene_gets_a_question_twice(scenes, seed, kinds, each):
    asked = ask(scenes, seed=seed, kinds=sorted(kinds), each=each)
    assert set(asked.kinds) <= kinds
    assert len(asked.questions) == len(asked.answers) == len(asked.kinds) == len(asked.scene)
    numbered = list(zip(asked.scene.tolist(), asked.questions, strict=True))
    assert len(set(numbered)) == len(numbered)
    assert max(Counter(asked.scene.tolist()).values(), default=0) <= each


def test_one_question_about_each_scene_of_two_objects():
    asked = ask(sample_scenes(500, seed=0, objects=(2, 2)), seed=0)
    assert asked.scene.tolist() == list(range(500))


def test_relations_leave_out_scenes_of_one_object():
    scenes = sample_scenes(200, seed=0)
    asked = ask(scenes, seed=0, kinds="relation")
    assert asked.scene.tolist() == (scenes.count == 2).nonzero().flatten().tolist()


@some_examples
@given(sampled(), seeds)
def test_a_seed_gives_the_same_questions_again(scenes, seed):
    first, again = ask(scenes, seed=seed), ask(scenes, seed=seed)
    assert (first.questions, first.answers, first.kinds) == (again.questions, again.answers, again.kinds)
    assert torch.equal(first.scene, again.scene)


def test_another_seed_gives_other_questions():
    scenes = sample_scenes(50, seed=0)
    assert ask(scenes, seed=0).questions != ask(scenes, seed=1).questions


def form(question):
    """The question without what names objects."""
    words = [word for word in question.split() if word not in (*COLOURS, *SHAPES, *SIZES, "a", "an", "the", "thing")]
    return " ".join(words[:2] if words[1] == "there" else words)


@pytest.mark.parametrize(("grid", "objects"), [(2, (1, 2)), (2, (2, 2)), (3, (1, 4))])
def test_yes_and_no_are_about_equally_frequent_in_every_form(grid, objects):
    scenes = sample_scenes(6000, seed=1, objects=objects, grid=grid)
    asked = ask(scenes, seed=1, kinds=("existence", "relation", "comparison"))
    forms = defaultdict(Counter)
    for question, answer in zip(asked.questions, asked.answers, strict=True):
        if answer in ("yes", "no"):
            forms[form(question)][answer] += 1
    frequent = {name: count for name, count in forms.items() if count.total() >= 100}
    assert {"is there", "is above", "is left of", "are and same size"} <= set(frequent)
    for name, count in frequent.items():
        spread = 2 * count.total() ** -0.5  # four standard deviations of a fair coin
        assert abs(count["yes"] / count.total() - 0.5) < 0.05 + spread, (name, count)


@pytest.fixture(scope="module")
def comparisons():
    return ask(sample_scenes(10_000, seed=2, objects=(2, 3), grid=3), seed=2, kinds="comparison")


@pytest.mark.parametrize("attribute", ["colour", "shape", "size"])
def test_as_many_comparisons_are_of_things_alike_as_of_unlike_ones(attribute, comparisons):
    alike = [
        (answer == "yes") == ("the same" in question)
        for question, answer in zip(comparisons.questions, comparisons.answers, strict=True)
        if question.endswith((f"the same {attribute}", f"different in {attribute}"))
    ]
    assert len(alike) > 100
    assert abs(sum(alike) / len(alike) - 0.5) < 0.15


def test_words_alone_tell_little_of_a_count():
    asked = ask(sample_scenes(6000, seed=1, objects=(1, 4)), seed=1, kinds="count")
    shares = Counter(asked.answers)
    assert max(shares.values()) < 0.5 * len(asked)
    assert set(shares) == {"zero", "one", "two", "three", "four"}
    for words in ("things are there", "large things are there"):
        answers = Counter(a for q, a in zip(asked.questions, asked.answers, strict=True) if q == f"how many {words}")
        assert max(answers.values()) < 0.6 * answers.total()


def test_kinds_that_every_scene_admits_are_equally_frequent():
    kinds = ("colour", "shape", "size", "count", "place", "existence")
    asked = ask(sample_scenes(6000, seed=0), seed=0, kinds=kinds)
    for kind, count in Counter(asked.kinds).items():
        assert abs(count / len(asked) - 1 / 6) < 0.03, kind


def test_labels_number_the_answers():
    asked = ask(sample_scenes(100, seed=0), seed=0)
    assert len(set(ANSWERS)) == len(ANSWERS)
    assert [ANSWERS[label] for label in asked.labels] == asked.answers


SCENE = Scene(
    (
        Thing.at("circle", "red", "large", "top left", 3),
        Thing.at("circle", "blue", "small", "middle", 3),
        Thing.at("star", "blue", "large", "bottom left", 3),
    ),
    grid=3,
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What colour is the star?", "blue"),
        ("what shape is the red thing", "circle"),
        ("what shape is the thing in the middle", "circle"),
        ("what size is the blue circle", "small"),
        ("how big is the star", "large"),
        ("where is the small thing", "middle"),
        ("where is the red circle", "top left"),
        ("how many things are there", "three"),
        ("how many circles are there", "two"),
        ("how many blue things are there", "two"),
        ("how many small red things are there", "zero"),
        ("how many large blue stars are there", "one"),
        ("is there an orange thing", "no"),
        ("is there a red star", "no"),
        ("is there a blue star", "yes"),
        ("is there a circle in the top left", "yes"),
        ("is there a star in the top left", "no"),
        ("is the red circle above the blue circle", "yes"),
        ("is the red circle left of the blue circle", "yes"),
        ("is the red circle left of the star", "no"),
        ("is the red circle right of the star", "no"),
        ("is the star below the small thing", "yes"),
        ("what colour is the thing above the blue circle", "red"),
        ("what shape is the thing below the blue circle", "star"),
        ("is the star larger than the blue circle", "yes"),
        ("is the star larger than the red circle", "no"),
        ("is the blue circle smaller than the star", "yes"),
        ("which is smaller the blue circle or the star", "circle"),
        ("which is larger the blue circle or the red circle", "red"),
        ("are the star and the small circle the same colour", "yes"),
        ("are the star and the small circle the same size", "no"),
        ("are the star and the small circle different in shape", "yes"),
        ("are the star and the red circle different in size", "no"),
    ],
)
def test_the_oracle_answers_as_a_person_would(question, answer):
    assert true_answer(SCENE, question) == answer


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("what colour is the circle", "'the circle' fits 2 objects"),
        ("where is the green ring", "'the green ring' fits no object"),
        ("what colour is the thing left of the blue circle", "'the thing left of the blue circle' fits 2 objects"),
        ("what colour is the thing above the red circle", "'the thing above the red circle' fits no object"),
        ("which is larger the star or the red circle", "have the same size"),
        ("which is larger the star or the small thing", "no one word"),
        ("why is the star blue", "not a question that this world can answer; ask for example"),
        ("", "not a question"),
    ],
)
def test_a_question_without_one_answer_is_refused_with_the_reason(question, message):
    with pytest.raises(ValueError, match=message):
        true_answer(SCENE, question)


@some_examples
@given(by_hand(), st.sampled_from(("above", "below", "left of", "right of")))
def test_relations_and_their_opposites_agree(scene, relation):
    opposite = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}[relation]
    assume(len(scene.things) >= 2)
    first, second = (f"the thing in the {scene.place(thing)}" for thing in scene.things[:2])
    assert true_answer(scene, f"is {first} {relation} {second}") == true_answer(
        scene, f"is {second} {opposite} {first}"
    )


@pytest.mark.parametrize("wrong", [{"kinds": ("colour", "smell")}, {"kinds": ()}, {"kinds": "taste"}, {"each": 0}])
def test_unknown_kinds_and_no_questions_at_all_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        ask(sample_scenes(2, seed=0), seed=0, **wrong)
