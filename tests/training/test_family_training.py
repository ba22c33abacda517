"""Four families: each begins, learns and is stored alike, and none can see what it should not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from utils.models.gpt import before_reply
from utils.models.moe import active_parameters, mixtures
from utils.training import families
from utils.training.answering import lessons, training_questions, training_scenes
from utils.training.families import (
    EVERY,
    FAMILIES,
    DualEncoderFamily,
    EndToEnd,
    Fusion,
    Material,
    MixtureOfExpertsFamily,
    caption_tokens,
    captions_of,
    checkpoint_of,
    draw,
    learn,
    question_tokens,
    recipe_of,
)
from utils.training.recipes import NAMES, find_recipe
from utils.world import COLOURS, sample_scenes
from utils.world.tokenizer import PAD, VOCABULARY

SCENES = 40
WRITERS = tuple(family for family in FAMILIES if isinstance(family, families.Writing))


@pytest.fixture(scope="module")
def given():
    captions = [caption for scenes in training_scenes(SCENES) for caption in captions_of(scenes)]
    return Material(lessons(SCENES), training_questions(SCENES), captions)


@pytest.fixture(autouse=True)
def untrained_language(monkeypatch):
    """Flamingo's language model need not have read anything here: that takes a minute."""
    torch.manual_seed(5)
    language = families.new_language(families.LANGUAGE).requires_grad_(False)
    monkeypatch.setattr(families, "language_that_has_read", lambda: language)


def by_name(items):
    return pytest.mark.parametrize("family", items, ids=lambda family: family.name)


@by_name(FAMILIES)
def test_its_checkpoint_has_a_recipe_that_builds_it_from_plain_data(family):
    recipe = find_recipe(checkpoint_of(family))
    model = recipe.build(dataclasses.asdict(recipe.config))
    assert {name: list(x.shape) for name, x in model.state_dict().items()} == {
        name: list(x.shape) for name, x in family.begin(0).state_dict().items()
    }
    assert recipe.architecture == type(model).__name__
    assert not any(name.startswith("vision.") for name in model.state_dict()), "the tower is stored elsewhere"


def test_there_is_a_checkpoint_for_each_family_and_no_other():
    assert {name for name in NAMES if name.startswith("family_")} == set(map(checkpoint_of, FAMILIES))


def test_only_the_recipe_of_flamingo_tells_of_texts_read_before():
    told = {family.name: "has read" in recipe_of(family).data for family in FAMILIES}
    assert told == {family.name: isinstance(family, EndToEnd) for family in FAMILIES}


def test_a_configuration_of_another_size_builds_a_model_of_that_size():
    fields = dataclasses.asdict(Fusion.config)
    fields["language"]["width"] = 32
    assert Fusion().build(fields).language.config.width == 32
    mixed = dataclasses.asdict(MixtureOfExpertsFamily.config) | {"experts": 6, "blocks": [0]}
    (mixture,) = mixtures(MixtureOfExpertsFamily().build(mixed))
    assert len(mixture.experts) == 6


def test_every_eighth_batch_is_of_captions_and_all_families_see_the_same_pictures(given):
    taught = {family.name: family.batches(given, seed=3) for family in FAMILIES}
    drawn = draw(given, seed=3)
    for step in range(1, 2 * EVERY + 1):
        asks, _, _, quarters = next(drawn)
        assert asks == (step % EVERY != 0)
        for name, supply in taught.items():
            batch = next(supply)
            seen = batch[1] if name == DualEncoderFamily.name else batch[2]
            assert torch.equal(seen, quarters), f"{name} sees other pictures at step {step}"


def test_only_what_speaks_of_no_colour_is_shown_with_mixed_colours(given):
    drawn, some = draw(given, seed=1), False
    for _ in range(EVERY - 1):
        _, rows, mixed, quarters = next(drawn)
        assert not (mixed & ~given.lessons.colourless[rows]).any()
        assert torch.equal(quarters[~mixed], given.lessons.seen[given.lessons.scene[rows[~mixed]]])
        some |= bool(mixed.any())
    assert some


@by_name(FAMILIES)
def test_captions_of_mixed_pictures_name_no_colour(family, given):
    supply = family.batches(given, seed=0)
    for _ in range(EVERY):
        batch = next(supply)
    colours = torch.tensor([VOCABULARY.index(colour) for colour in COLOURS])
    named = torch.isin(batch[0], colours).any(dim=1)
    assert not named[: len(named) // 2].any()
    assert named[len(named) // 2 :].all()


@by_name(FAMILIES)
def test_what_learns_has_a_gradient_and_what_is_frozen_stays(family, given):
    model, supply = family.begin(0), family.batches(given, seed=0)
    frozen = {name: x.clone() for name, x in model.named_parameters() if not x.requires_grad}
    for _ in range(EVERY):
        family.loss(model, *next(supply)).backward()
    assert all(x.grad is not None for name, x in model.named_parameters() if x.requires_grad)
    assert any(name.startswith("language.") for name in frozen) == isinstance(family, EndToEnd)
    trained, history = learn(family, 0, given=given, steps=2)
    assert len(history.losses) == 2
    assert all(torch.equal(trained.state_dict()[name], x) for name, x in frozen.items())


@by_name(FAMILIES)
def test_a_seed_decides_what_is_learnt(family, given):
    one, again, other = (learn(family, seed, given=given, steps=2)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_two_active_experts_are_together_as_large_as_the_network_they_replace():
    dense, sparse = Fusion().begin(0), MixtureOfExpertsFamily().begin(0)
    routers = sum(mixture.router.linear.weight.numel() for mixture in mixtures(sparse))
    biases = len(mixtures(sparse)) * dense.config.language.width  # of the output, one more for the second expert
    assert active_parameters(sparse) == active_parameters(dense) + routers + biases


def test_flamingo_begins_blind_and_its_language_model_is_the_one_that_read(given):
    family = EndToEnd()
    model, (tokens, learnt) = family.begin(0), question_tokens(given.questions, family.places)
    quarters = given.lessons.seen[given.lessons.scene]
    with torch.no_grad():
        seen = family.logits(model, tokens[:4], learnt[:4], quarters[:4])
        words = families.language_that_has_read()(tokens[:4], before_reply(tokens[:4], learnt[:4]))
    assert torch.equal(seen, words)


@by_name(WRITERS)
def test_no_answer_is_seen_before_it_is_written(family, given):
    model, (tokens, learnt) = family.begin(1), caption_tokens(given.captions[:6], family.places)
    quarters, first = given.lessons.seen[:6], learnt.float().argmax(dim=1)
    changed = tokens.clone()
    changed[learnt] = VOCABULARY.index("ring")
    with torch.no_grad():
        before, after = (family.logits(model, some, learnt, quarters) for some in (tokens, changed))
    for row, start in enumerate(first.tolist()):
        torch.testing.assert_close(before[row, :start], after[row, :start])
        assert not torch.allclose(before[row, start:], after[row, start:], atol=1e-3)


def test_the_prefix_is_all_that_stands_before_the_answer(given):
    tokens, learnt = question_tokens(given.questions, 4)
    prefix = before_reply(tokens, learnt)
    assert not (prefix & learnt).any()
    assert not (prefix & (tokens == PAD)).any()
    assert torch.equal(prefix | learnt | (tokens == PAD), torch.ones_like(prefix))


def test_a_blinded_family_learns_from_empty_pictures_alone(given):
    nothing = torch.full_like(given.lessons.seen[0], 7.0)
    blind = given.blinded(nothing)
    *_, quarters = next(draw(blind, seed=0))
    assert (quarters == 7.0).all()
    assert blind.captions == given.captions
    assert torch.equal(blind.lessons.tokens, given.lessons.tokens)


def test_captions_name_no_pair_that_is_held_out_and_come_in_reading_order():
    scenes = sample_scenes(50, seed=9, objects=(2, 2))
    for scene, caption in zip(scenes, captions_of(scenes), strict=True):
        first = min(scene.things, key=scene.cell)
        assert caption.startswith(f"a {first.size} {first.colour} {first.shape}")


def test_texts_teach_a_language_model_that_reads_them_at_once():
    model, history = families.read_texts(steps=3)
    assert len(history.losses) == 3
    assert history.losses[-1] < history.losses[0]
    assert model.config == families.LANGUAGE
