"""Puzzles: what they ask can be answered from what they show, and from nothing less."""

from __future__ import annotations

import pytest
import torch

from utils.world.puzzles import (
    DEEPEST,
    DOMINOES,
    FORMS,
    MEANINGS,
    NEW_WORDS,
    balanced_shots,
    binding_episodes,
    chain_answers,
    chain_prompts,
    consistent_orders,
    domino_chains,
    last_words,
    make_album,
    row_prompts,
    rows_of_things,
    token,
)
from utils.world.scenes import COLOURS, HELD_OUT_PAIRS, PAIRS, SEEN_PAIRS
from utils.world.tokenizer import END, IMAGE, PAD, START, VOCABULARY


@pytest.fixture(scope="module", params=["seen", "held_out"])
def album(request):
    return make_album(request.param, 3, seed=1)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def things(album, numbers):
    """The shape-colour pair of each picture."""
    return [(thing.shape, thing.colour) for thing in (album.scenes[int(i)].things[0] for i in numbers)]


# ---- the album


def test_an_album_holds_as_many_pictures_of_each_pair_of_its_split(album):
    shown = [PAIRS[i] for i in album.shown.nonzero().flatten()]
    assert set(shown) in (set(SEEN_PAIRS), set(HELD_OUT_PAIRS))
    for i in album.shown.nonzero().flatten().tolist():
        assert things(album, album.rows[i]) == [PAIRS[i]] * 3
    assert len(album.pictures) == 3 * len(shown) == len(album.scenes)


def test_an_album_of_another_split_is_refused():
    with pytest.raises(ValueError, match="pairs must be one of"):
        make_album("new", 3, seed=1)


# ---- new words


@pytest.mark.parametrize("meaning", MEANINGS)
def test_a_word_names_what_its_pictures_have_in_common_and_the_other_has_not(album, generator, meaning):
    episodes = binding_episodes(album, balanced_shots(60, 3, generator), generator, meaning=meaning)
    of = {
        "pair": lambda pair: pair,
        "colour": lambda pair: pair[1],
        "shape": lambda pair: pair[0],
    }[meaning]
    for numbers, which in zip(episodes.pictures, episodes.which.tolist(), strict=True):
        named = [{of(pair) for pair, w in zip(things(album, numbers), which, strict=True) if w == k} for k in (0, 1)]
        assert len(named[0]) == len(named[1]) == 1
        assert named[0] != named[1]


def test_the_tokens_interleave_pictures_and_new_words_and_end_with_the_answer(album, generator):
    episodes = binding_episodes(album, balanced_shots(8, 2, generator), generator)
    tokens = episodes.tokens
    assert tokens.shape == (8, 11)
    assert (tokens[:, 0] == START).all()
    assert (tokens[:, 1::2] == IMAGE).all()
    assert {VOCABULARY[i] for i in tokens[:, 2::2].flatten().tolist()} <= set(NEW_WORDS)
    assert torch.equal(tokens[:, -1], episodes.words.gather(1, episodes.answer[:, None])[:, 0])
    assert (episodes.words[:, 0] != episodes.words[:, 1]).all()


def test_the_words_say_nothing_by_themselves(generator):
    album = make_album("held_out", 2, seed=1)
    episodes = binding_episodes(album, balanced_shots(4000, 0, generator), generator)
    first_word = episodes.words.min(dim=1).values == episodes.words.gather(1, episodes.answer[:, None])[:, 0]
    assert first_word.float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_shots_are_balanced_and_the_question_is_not_told_by_them(generator):
    which = balanced_shots(2000, 4, generator)
    assert (which[:, :-1].sum(1) == 4).all()
    assert which[:, -1].float().mean().item() == pytest.approx(0.5, abs=0.04)


def test_half_of_the_second_pairs_resemble_the_first(generator):
    album = make_album("seen", 2, seed=1)
    which = torch.tensor([[0, 1]]).expand(1000, 2)
    episodes = binding_episodes(album, which, generator, meaning="pair")
    alike = [len({*a, *b}) == 3 for a, b in (things(album, numbers) for numbers in episodes.pictures)]
    assert 0.5 < sum(alike) / len(alike) < 0.75


def test_an_unknown_meaning_is_refused(album, generator):
    with pytest.raises(ValueError, match="meaning must be one of pair, colour, shape, not 'size'"):
        binding_episodes(album, balanced_shots(1, 1, generator), generator, meaning="size")


# ---- dominoes


def test_the_dominoes_lead_along_the_chain(album, generator):
    chains = domino_chains(album, 20, generator)
    for tiles, chain in zip(chains.tiles, chains.chain.tolist(), strict=True):
        halves = [[COLOURS.index(colour) for _, colour in things(album, domino)] for domino in tiles]
        after = dict(halves)
        assert len(after) == DOMINOES
        walked = [chain[0]]
        while len(walked) <= DEEPEST:
            walked.append(after[walked[-1]])
        assert walked == chain
        assert len(set(chain)) == DEEPEST + 1


def test_prompts_and_answers_say_what_is_asked_and_each_step_or_the_last(album, generator):
    chains, depth = domino_chains(album, 4, generator), torch.tensor([1, 2, 5, 6])
    prompts = chain_prompts(chains, depth)
    assert prompts.shape == (4, 1 + DOMINOES + 2)
    assert (prompts[:, 1 : 1 + DOMINOES] == IMAGE).all()
    assert [VOCABULARY[i] for i in prompts[:, -2]] == ["one", "two", "five", "six"]
    steps, at_once = chain_answers(chains, depth, steps=True), chain_answers(chains, depth, steps=False)
    for row, deep in enumerate(depth.tolist()):
        colours = [token(COLOURS[i]) for i in chains.chain[row, 1 : deep + 1]]
        assert steps[row].tolist() == [*colours, END] + [PAD] * (DEEPEST - deep)
        assert at_once[row].tolist() == [colours[-1], END]


@pytest.mark.parametrize("dominoes", [2, 5])
def test_a_smaller_ring_has_fewer_colours_and_steps(album, generator, dominoes):
    chains = domino_chains(album, 10, generator, dominoes=dominoes)
    assert chains.tiles.shape == (10, dominoes, 2)
    assert chains.deepest == dominoes - 1
    depth = torch.full((10,), chains.deepest)
    assert (chain_prompts(chains, depth) == IMAGE).sum(1).tolist() == [dominoes] * 10
    answers = chain_answers(chains, depth, steps=True)
    assert answers.shape == (10, dominoes)
    assert (answers[:, -1] == END).all()


def test_too_few_or_too_many_dominoes_are_refused(album, generator):
    for dominoes in (1, 9):
        with pytest.raises(ValueError, match="a puzzle has 2 to 8 dominoes"):
            domino_chains(album, 1, generator, dominoes=dominoes)


def test_the_last_word_is_the_one_before_the_end():
    rows = torch.tensor([[20, 21, END, PAD], [20, END, PAD, PAD], [20, 21, 22, 23], [END, PAD, PAD, PAD]])
    assert last_words(rows).tolist() == [21, 20, 23, END]


# ---- rows


@pytest.mark.parametrize("form", FORMS)
def test_the_clues_and_the_picture_together_leave_one_order_and_without_it_two(album, generator, form):
    things_in_row = FORMS[form]
    rows = rows_of_things(album, 12, things_in_row, generator)
    prompts, pictures = row_prompts(rows, form, generator)
    for i in range(12):
        words = [VOCABULARY[j] for j in prompts[i].tolist() if j not in (START, IMAGE)]
        names, text = words[:things_in_row], words[things_in_row:-1]
        clues = [(text[j + 1], text[j + 2]) for j in range(0, len(text), 3)]
        row = tuple(COLOURS[j] for j in rows.colours[i])
        shown = [tuple(colour for _, colour in things(album, tiles)) for tiles in pictures[i]]
        if form == "clue in a picture":
            assert len(consistent_orders(clues, names)) == 2
            clues += shown
        assert consistent_orders(clues, names) == [row]
        if form == "sketch":
            assert (*shown[0], *shown[1]) == row
        assert VOCABULARY[rows.answers[i]] == row[rows.place[i]]
        assert words[-1] == ("one", "two", "three", "four")[rows.place[i]]
    assert (prompts == IMAGE).sum(1).tolist() == [pictures.shape[1]] * 12


def test_an_unknown_form_is_refused(album, generator):
    rows = rows_of_things(album, 1, 4, generator)
    with pytest.raises(ValueError, match="form must be one of words, clue in a picture, sketch"):
        row_prompts(rows, "film", generator)


def test_one_seed_gives_the_same_puzzles(album):
    first, second = (domino_chains(album, 5, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.tiles, second.tiles)
    assert torch.equal(first.chain, second.chain)
