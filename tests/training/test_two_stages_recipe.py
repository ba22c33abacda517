"""What each stage of lesson 3.3 is shown, what of it teaches, and which weights it leaves alone."""

from __future__ import annotations

import pytest
import torch

from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVAConfig
from utils.models.two_stages import TwoStages
from utils.models.vit import ViTConfig
from utils.training.recipes.llava_scenes import PICTURE, encode, llava_step
from utils.training.recipes.two_stages import (
    IN_NUMBERS,
    KINDS,
    QUESTIONS,
    RECIPE,
    build,
    captioned,
    instructed,
    language_rows,
    learn_stage,
    rows_of,
    talks,
    tellings,
)
from utils.training.stages import fingerprint
from utils.world import HELD_OUT_PAIRS, sample_scenes, true_answer
from utils.world.boxes import box_of, overlap, words_box
from utils.world.conversations import replies
from utils.world.tokenizer import END, IMAGE, PAD, VOCABULARY

SMALL = LLaVAConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=72, width=24, depth=1, heads=2, hidden=48),
    merge=2,
)


@pytest.fixture
def stages():
    torch.manual_seed(0)
    return TwoStages(SMALL)


def test_talks_are_answered_from_their_own_scene_and_a_box_is_that_of_its_thing():
    scenes = sample_scenes(60, seed=1)
    texts, about = talks(scenes, 1, PICTURE, boxes=True)
    boxes = 0
    for text, i in zip(texts, about, strict=True):
        assert text[0] == PICTURE
        asked = [question for question in text[1::2] if not question.endswith(IN_NUMBERS)]
        assert 1 <= len(asked) <= QUESTIONS
        for question, answer in zip(text[1::2], text[2::2], strict=True):
            if question.endswith(IN_NUMBERS):
                boxes += 1
                place = true_answer(scenes[i], question.removesuffix(f" {IN_NUMBERS}"))
                (thing,) = (thing for thing in scenes[i].things if scenes[i].place(thing) == place)
                assert overlap(words_box(answer), box_of(thing)) > 0.5
            else:
                assert answer == true_answer(scenes[i], question)
    assert boxes > 5


def test_only_replies_teach_and_no_place_of_a_picture():
    texts, _ = talks(sample_scenes(40, seed=2), 2, PICTURE, boxes=True)
    tokens, learnt = encode(texts, 4)
    assert not learnt[(tokens == IMAGE) | (tokens == PAD)].any()
    for text, row, flags in zip(texts, tokens, learnt, strict=True):
        said = " ".join(VOCABULARY[i] for i in row[flags].tolist() if i != END)
        assert said == " ".join(part for part, reply in zip(text, replies(text), strict=True) if reply)


def test_tellings_say_what_the_document_says_in_reading_order():
    scenes = sample_scenes(30, seed=3, objects=(2, 2))
    for document, _, told in tellings(scenes):
        assert set(document.split(" and ")) == set(told.split(" and "))
        places = [part.split(" in the ")[1] for part in told.split(" and ")]
        assert places == sorted(places, key=["top left", "top right", "bottom left", "bottom right"].index)


def test_texts_tell_of_all_pairs_and_pictures_show_the_seen_ones_only():
    shown = {
        (thing.shape, thing.colour) for _, scenes in (captioned(), instructed()) for s in scenes for thing in s.things
    }
    assert not shown & set(HELD_OUT_PAIRS)
    tokens, _ = language_rows()
    for shape, colour in HELD_OUT_PAIRS:
        first, second = VOCABULARY.index(colour), VOCABULARY.index(shape)
        assert ((tokens[:, :-1] == first) & (tokens[:, 1:] == second)).any()


def test_every_text_fits_the_language_model():
    length = RECIPE.config.language.length
    texts = captioned()[0] + instructed()[0]
    assert language_rows()[0].shape[1] <= length
    assert encode(texts, RECIPE.config.soft_tokens)[0].shape[1] <= length


@pytest.mark.parametrize(("stage", "learns"), [("stage 1", {"projector"}), ("stage 2", {"projector", "language"})])
def test_a_stage_leaves_what_is_frozen_to_the_last_bit(stages, stage, learns):
    model, scenes = stages.after_stage_2(), sample_scenes(20, seed=4)
    before = {name: fingerprint(part) for name, part in model.named_children()}
    history = learn_stage(model, stage, rows_of(model, tellings(scenes, PICTURE), scenes), seed=0, steps=3)
    assert len(history.losses) == 3
    assert {name for name, part in model.named_children() if fingerprint(part) != before[name]} == learns


def test_nothing_is_taught_at_the_places_of_the_picture_and_of_the_prompt(stages):
    model, scenes = stages.after_stage_2(), sample_scenes(4, seed=5)
    tokens, learnt, features = rows_of(model, tellings(scenes, PICTURE), scenes)
    logits = []
    decode = model.language.decode
    model.language.decode = lambda vectors: logits.append(decode(vectors).detach().requires_grad_()) or logits[0]
    llava_step(model, tokens, learnt, features).backward()
    taught = logits[0].grad.abs().sum(dim=2) > 0
    assert torch.equal(taught[:, :-1], learnt[:, 1:])
    assert not taught[:, -1].any()


def test_the_moments_share_a_tower_and_differ_in_the_rest(stages):
    before, first, second = stages.untrained(), stages.after_stage_1(), stages.after_stage_2()
    assert before.vision is first.vision is second.vision
    assert before.language is first.language is stages.language
    assert first.projector is stages.projector
    assert second.projector is not first.projector
    assert second.language is not first.language


def test_a_card_builds_models_that_hold_its_weights():
    import dataclasses

    fields = dataclasses.asdict(RECIPE.config)
    one, other = build(fields), build(fields)
    other.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(other)
    assert set(RECIPE.config.language.__dict__) == set(fields["language"])
    assert set(KINDS) >= {"colour", "shape", "place"}
