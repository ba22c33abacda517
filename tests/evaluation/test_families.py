"""The exam of the four families, and what is told of their costs."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict

import pytest
import torch

from utils.evaluation import families
from utils.evaluation.families import (
    CONDITIONS,
    Costs,
    Result,
    conditions,
    exam,
    flops_of_an_answer,
    match,
    measure_family,
    result,
    right,
    store_results,
    stored_results,
    train_families,
    training_memory,
    training_seconds,
)
from utils.models.blocks import count_parameters
from utils.training import families as training
from utils.training.answering import lessons, training_questions, training_scenes
from utils.training.families import FAMILIES, Material, Writing, captions_of, checkpoint_of
from utils.world import KINDS, sample_scenes
from utils.world.scenes import SPLITS
from utils.world.tokenizer import PAD

SCENES, PICTURES = 40, 8
by_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@pytest.fixture(autouse=True)
def untrained_language(monkeypatch):
    """Flamingo's language model need not have read anything here: that takes a minute."""
    torch.manual_seed(5)
    language = training.new_language(training.LANGUAGE).requires_grad_(False)
    monkeypatch.setattr(training, "language_that_has_read", lambda: language)


@pytest.fixture(scope="module")
def small_exam():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "GALLERY", PICTURES)
        return exam(60)


@pytest.fixture
def little(monkeypatch, small_exam):
    """Little to learn, and a small exam."""
    captions = [caption for scenes in training_scenes(SCENES) for caption in captions_of(scenes)]
    given = Material(lessons(SCENES), training_questions(SCENES), captions)
    for module in (families, training):
        monkeypatch.setattr(module, "material", lambda: given)
    monkeypatch.setattr(families, "exam", lambda: small_exam)
    monkeypatch.setattr(families, "training_seconds", lambda family, model: 12.34)
    return given


class Sure:
    """Stands for `family.logits`: certain of the true next token in some rows, and of another one in the others."""

    def __init__(self, knows):
        self.knows = knows

    def __call__(self, model, tokens, learnt, quarters):
        wanted = torch.where(self.knows(quarters)[:, None], tokens.roll(-1, dims=1), PAD)
        return torch.nn.functional.one_hot(wanted, len(training.VOCABULARY)) * 20.0


def test_the_gallery_has_sixty_four_pictures():
    assert len(exam(100).captions) == families.GALLERY == 64


def test_the_exam_is_of_pairs_never_shown_and_its_gallery_has_no_twins(small_exam):
    shown = sample_scenes(60, seed=families.SEED, pairs="held_out")
    pairs = {(thing.shape, thing.colour) for scene in shown for thing in scene.things}
    assert pairs <= set(SPLITS["held_out"])
    assert set(small_exam.asked.kinds) == set(KINDS)
    assert len(set(small_exam.captions)) == len(small_exam.captions) == len(small_exam.gallery) == PICTURES
    captions = captions_of(shown)
    for caption, picture in zip(small_exam.captions[:5], small_exam.gallery, strict=False):
        scene = captions.index(caption)
        asked = (small_exam.asked.scene == scene).nonzero().flatten()
        assert all(torch.equal(small_exam.quarters[i], picture) for i in asked)


@pytest.mark.parametrize("family", [f for f in FAMILIES if isinstance(f, Writing)], ids=lambda family: family.name)
def test_an_answer_counts_if_every_token_of_it_is_the_likeliest(family, monkeypatch, small_exam):
    marked = small_exam.quarters.clone()
    marked[::3] = 0.0
    monkeypatch.setattr(family, "logits", Sure(lambda quarters: quarters.flatten(1).any(dim=1)))
    found = right(family, torch.nn.Identity(), small_exam.asked, marked)
    assert torch.equal(found, torch.arange(len(found)).remainder(3).ne(0).float())


def test_a_dual_encoder_answers_with_the_answer_that_scores_highest(small_exam):
    class Knows(torch.nn.Module):
        def forward(self, tokens, quarters):
            return torch.nn.functional.one_hot(small_exam.asked.labels, 50).float()

    assert right(FAMILIES[0], Knows(), small_exam.asked, small_exam.quarters).all()


@by_family
def test_matching_gives_a_score_to_every_picture_and_caption(family, small_exam):
    scores = match(family, family.begin(0).eval(), small_exam.captions[:3], small_exam.gallery[:5])
    assert scores.shape == (5, 3)
    assert len(scores[0].unique()) == 3
    again = match(family, family.begin(0).eval(), small_exam.captions[1:2], small_exam.gallery[2:3])
    torch.testing.assert_close(again[0, 0], scores[2, 1], atol=1e-4, rtol=1e-4)


def test_an_untrained_flamingo_finds_nothing_since_its_gates_are_closed(small_exam):
    family = next(family for family in FAMILIES if family.name == "end-to-end")
    scores = match(family, family.begin(0).eval(), small_exam.captions[:4], small_exam.gallery[:4])
    assert torch.equal(scores, scores[:1].expand(4, 4))


@by_family
def test_the_three_pictures_of_grounding_are_true_another_and_none(family, small_exam, monkeypatch):
    seen = []

    def spy(family, model, asked, quarters):
        seen.append(quarters)
        return torch.ones(len(asked))

    monkeypatch.setattr(families, "right", spy)
    assert tuple(conditions(family, torch.nn.Identity(), small_exam)) == CONDITIONS
    true, shuffled, blank = seen
    assert torch.equal(true, small_exam.quarters)
    assert not (shuffled == true).flatten(1).all(dim=1).all()
    assert torch.equal(shuffled.sum(dim=0), true[families.derangement(len(true))].sum(dim=0))
    assert (blank == blank[0]).all()


@by_family
def test_costs_are_those_of_the_model_and_frozen_parts_have_no_gradient_to_keep(family, little):
    model = family.begin(0)
    of = families.costs(family, model)
    assert of.parameters == sum(x.numel() for x in model.parameters())
    assert of.trained == count_parameters(model)
    assert of.active <= of.parameters
    assert (of.active < of.parameters) == (family.name == "mixture of experts")
    assert of.seconds == 12.3
    weights = 4 * of.parameters + 12 * of.trained
    assert training_memory(family, model, little) > weights
    assert of.memory == round(training_memory(family, model, little) / 1e6, 1)


@by_family
def test_timing_leaves_the_model_as_it_is(family, little):
    model = family.begin(0).eval()
    before = copy.deepcopy(model.state_dict())
    twice, once = (training_seconds(family, model, steps=steps) for steps in (16, 8))
    assert 0.2 < twice / once < 5, "the time of all of training does not depend on how many steps were timed"
    assert all(torch.equal(before[name], x) for name, x in model.state_dict().items())
    assert not model.training


@by_family
def test_an_answer_costs_more_than_two_operations_a_weight_it_meets(family, little):
    model = family.begin(0)
    embeddings = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Embedding))
    assert flops_of_an_answer(family, model) > 2 * (families.costs(family, model).active - embeddings)
    assert all(
        x.requires_grad == y.requires_grad
        for x, y in zip(model.parameters(), family.begin(0).parameters(), strict=False)
    )


@by_family
def test_a_card_has_answers_with_three_pictures_and_finds_both_ways(family, little):
    figures = measure_family(family, family.begin(0).eval(), bar=0.9, recall_bar=0.5)
    assert {name: figure.at_most for name, figure in figures.items()} == {
        "answers held_out": False,
        "answers held_out, shuffled pictures": True,
        "answers held_out, blank pictures": True,
        "captions found held_out": False,
        "pictures found held_out": False,
    }
    assert not figures["answers held_out"].met, "an untrained model cannot reach the bar"


def test_a_result_is_stored_and_read_as_it_was(tmp_path, monkeypatch, little):
    family = FAMILIES[1]
    model, blind = family.begin(0).eval(), family.begin(1).eval()
    one = result(family, model, blind)
    assert set(one.answers) == set(CONDITIONS)
    assert set(one.kinds) == set(KINDS)
    monkeypatch.setattr(families, "FIGURES", tmp_path / "new" / "families.json")
    store_results({family.name: [one, one]}, families.FIGURES)
    assert stored_results() == {family.name: [one, one]}


def test_the_twin_without_eyes_is_what_text_only_is_of(little, small_exam):
    family = FAMILIES[1]
    model, blind = family.begin(0).eval(), family.begin(1).eval()
    one = result(family, model, blind)
    empty = families.nothing_seen().expand_as(small_exam.quarters)
    assert one.text_only == pytest.approx(right(family, blind, small_exam.asked, empty).mean().item(), abs=1e-4)
    assert one.answers["blank"] == pytest.approx(right(family, model, small_exam.asked, empty).mean().item(), abs=1e-4)


def test_all_families_are_trained_from_all_seeds_and_the_first_is_saved(tmp_path, monkeypatch, little):
    monkeypatch.setattr(families, "SEEDS", range(2))
    monkeypatch.setattr(families, "BLIND_STEPS", 1)
    monkeypatch.setattr(training, "STEPS", 1)
    asked = []
    learn = families.learn

    def short(family, seed, *, given=None, steps=1):
        asked.append((family.name, seed, given is not None))
        return learn(family, seed, given=given or little, steps=1)

    monkeypatch.setattr(families, "learn", short)
    monkeypatch.setattr(families.held_out, "make_checkpoint", lambda name, folder: _quick(name, folder, little))
    results = train_families(tmp_path)
    assert list(results) == [family.name for family in FAMILIES]
    assert all(len(some) == 2 for some in results.values())
    assert sorted(path.stem for path in tmp_path.glob("*.safetensors")) == sorted(map(checkpoint_of, FAMILIES))
    blind = [(family.name, seed, True) for seed in range(2) for family in FAMILIES]
    seeing = [(family.name, 1, False) for family in FAMILIES]
    assert sorted(asked) == sorted(blind + seeing)


def _quick(name, folder, given):
    """Saves the checkpoint after one step, with a card of which no figure was measured."""
    from utils.training.checkpoints import ModelCard, save_checkpoint
    from utils.training.recipes import find_recipe

    recipe = find_recipe(name)
    family = next(family for family in FAMILIES if checkpoint_of(family) == name)
    model, history = training.learn(family, 0, given=given, steps=1)
    card = ModelCard(
        name=name,
        architecture=recipe.architecture,
        config=asdict(recipe.config),
        recipe=f"course train {name}",
        seed=0,
        data=recipe.data,
        steps=1,
        seconds=history.seconds,
        parameters=1,
        vocabulary=recipe.vocabulary,
        figures={},
    )
    save_checkpoint(model, card, folder)
    return card


# --- the stored table of lesson 3.6


@pytest.fixture(scope="module")
def stored():
    return stored_results()


def test_the_stored_table_has_every_family_and_every_seed(stored):
    assert list(stored) == [family.name for family in FAMILIES]
    assert all(len(some) == len(families.SEEDS) for some in stored.values())


def test_every_stored_family_is_twenty_points_above_its_twin_without_eyes(stored):
    for name, some in stored.items():
        for one in some:
            assert one.answers["true"] - one.text_only >= 0.20, name


def test_the_stored_table_is_of_these_models(stored):
    for family in FAMILIES:
        model = family.begin(0)
        for one in stored[family.name]:
            assert one.costs.parameters == sum(x.numel() for x in model.parameters())
            assert one.costs.visual_tokens == family.visual_tokens


def test_the_file_holds_nothing_but_the_results():
    plain = json.loads(families.FIGURES.read_text(encoding="utf-8"))
    for some in plain.values():
        for one in some:
            assert set(one) == set(Result.__dataclass_fields__)
            assert set(one["costs"]) == set(Costs.__dataclass_fields__)
