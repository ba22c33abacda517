"""Texts for a language model: what each task looks like, that answers are true, and that nothing held out slips in."""

from __future__ import annotations

import pytest

from utils.world import HELD_OUT_PAIRS, UnknownWordError, detokenize, read_welsh, sample_scenes, true_answer
from utils.world.captions import render_captions
from utils.world.conversations import (
    SUMMARY,
    answers,
    captions,
    dialogues,
    is_caption,
    knowledge,
    prompts,
    replies,
    summaries,
    tell,
    text_ids,
    translations,
)
from utils.world.tokenizer import END, PAD, START

SCENES = sample_scenes(60, seed=5)
TWO = sample_scenes(60, seed=6, objects=(2, 2))


def test_a_document_tells_each_object_with_its_place():
    scene = TWO[0]
    for thing, sentence in zip(scene.things, tell(scene).split(" and "), strict=True):
        assert sentence == f"a {thing.size} {thing.colour} {thing.shape} in the {scene.place(thing)}"


def test_a_translation_says_the_same_both_ways():
    there, back = translations(SCENES, "welsh"), translations(SCENES, "english")
    assert [text[::2] for text in there] == [text[::-2] for text in back]
    for text in there:
        read_welsh(text[2])
    with pytest.raises(ValueError, match="not 'latin'"):
        translations(SCENES, "latin")


def test_a_summary_is_the_caption_of_its_document():
    assert [(text[0], text[2]) for text in summaries(SCENES)] == [
        (tell(scene), caption) for scene, caption in zip(SCENES, render_captions(SCENES), strict=True)
    ]
    assert {text[1] for text in summaries(SCENES)} == {SUMMARY}


def test_answers_are_true_of_their_documents():
    scenes = {tell(scene): scene for scene in SCENES}
    for document, question, answer in answers(SCENES, seed=0):
        assert true_answer(scenes[document], question) == answer
    assert all(len(text) == 2 for text in answers(SCENES, seed=0, document=False))


def test_a_follow_up_asks_the_same_of_the_other_object():
    scenes = {tell(scene): scene for scene in TWO}
    found = dialogues(TWO, seed=0)
    assert len(found) > 40
    for document, first, answer, follow_up, other_answer, last, last_answer in found:
        scene = scenes[document]
        asked = first[: first.index(" is ") + 4]
        full = asked + follow_up.removeprefix("and ")
        assert full.startswith(asked + "the ")
        assert [true_answer(scene, question) for question in (first, full, last)] == [answer, other_answer, last_answer]
        where = [true_answer(scene, "where is " + question.removeprefix(asked)) for question in (first, full)]
        assert where[0] != where[1]


def test_dialogues_come_from_the_seed():
    assert dialogues(TWO, seed=1) == dialogues(TWO, seed=1) != dialogues(TWO, seed=2)
    assert dialogues(sample_scenes(5, seed=0, objects=(1, 1)), seed=1) == []


def test_every_number_pair_is_asked_in_one_split_only():
    seen, held_out = set(knowledge()), set(knowledge("held_out"))
    assert not seen & held_out
    assert len([text for text in seen | held_out if text[0].startswith("which")]) == 180
    swapped = {
        (" ".join([*words[:3], words[5], "or", words[3]]), answer)
        for words, answer in ((question.split(), answer) for question, answer in held_out)
    }
    assert swapped == held_out
    with pytest.raises(ValueError, match="seen or held_out"):
        knowledge("all")


def test_texts_of_seen_scenes_name_no_held_out_pair():
    pairs = {f"{colour} {shape}" for shape, colour in HELD_OUT_PAIRS}
    everything = [*captions(SCENES), *summaries(SCENES), *answers(SCENES, seed=1), *dialogues(TWO, seed=1)]
    assert not [text for text in everything for part in text for pair in pairs if pair in part]


def test_prompts_end_where_the_model_is_to_go_on():
    tokens = prompts([("a red ring", "what is red"), ("what is red",), ()])
    assert tokens[0].tolist() == text_ids(("a red ring", "what is red"))
    assert tokens[1].tolist()[:5] == [*text_ids(("what is red",))]
    assert tokens[1, 5:].eq(PAD).all()
    assert tokens[2, 0] == START
    assert tokens[2, 1:].eq(PAD).all()
    begun = prompts([("a large red",)], begun=True)
    assert detokenize(begun[0]) == "a large red"
    assert END not in begun
    with pytest.raises(UnknownWordError, match="crimson"):
        prompts([("a crimson ring",)])


def test_a_model_writes_the_replies_and_reads_the_rest():
    assert replies(("caption",)) == [True]
    assert replies(("question", "answer")) == [False, True]
    assert replies(("document", "question", "answer")) == [False, False, True]
    assert replies(("document", "q", "a", "and", "a")) == [False, False, True, False, True]


def test_sentences_of_this_world_are_captions():
    assert all(map(is_caption, render_captions(SCENES)))
    assert all(map(is_caption, map(tell, SCENES)))
    assert is_caption("nothing")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a large red",
        "a red large ring in the top left",
        "a large red ring in the top",
        "a large red ring above a small red ring",
        "a large red ring in the top left and a small blue star in the top left",
        "a large red ring above a small blue star above a small green cross",
        "a large red ring in the top left and",
    ],
)
def test_other_word_orders_are_not(text):
    assert not is_caption(text)
