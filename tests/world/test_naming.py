"""New words told in words: what stands where, and what is never told."""

from __future__ import annotations

import pytest
import torch

from utils.world.naming import (
    DIRECTIONS,
    TELLING_WORDS,
    attribute_words,
    make_films,
    motion_episodes,
    tell,
    text_episodes,
)
from utils.world.puzzles import NEW_WORDS, binding_episodes, make_album, token
from utils.world.scenes import COLOURS, SHAPES
from utils.world.tokenizer import IMAGE, START, VOCABULARY

NEW = [token(word) for word in NEW_WORDS]


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def which(episodes=50, things=9):
    return torch.randint(2, (episodes, things), generator=drawn(1))


def test_in_a_text_episode_each_thing_keeps_its_name():
    episodes = text_episodes(which(), drawn())
    assert (episodes.tokens[:, 0] == START).all()
    for row, kind, words in zip(episodes.tokens, episodes.which, episodes.words, strict=True):
        things, said = row[1::2], row[2::2]
        assert said.tolist() == words[kind].tolist()
        assert set(said.tolist()) <= set(NEW)
        for one in (0, 1):
            assert len(set(things[kind == one].tolist())) <= 1
        assert not set(things[kind == 0].tolist()) & set(things[kind == 1].tolist())
        assert {VOCABULARY[i] for i in things.tolist()} <= set(TELLING_WORDS)
    assert torch.equal(episodes.answer, episodes.which[:, -1])


def test_no_new_word_and_no_marker_tells_a_thing():
    assert not set(TELLING_WORDS) & {*NEW_WORDS, "<image>", "<start>", "<pad>", "<end>", "<mask>"}
    assert {*COLOURS, *SHAPES, "left", "right", "up", "down"} <= set(TELLING_WORDS)


def test_what_is_untold_is_an_image():
    all_hidden = text_episodes(which(), drawn(), untold=1.0)
    assert (all_hidden.tokens[:, 1::2] == IMAGE).all()
    some = text_episodes(which(400), drawn(), untold=0.2).tokens[:, 1::2] == IMAGE
    assert 0.17 < some.float().mean() < 0.23


@pytest.mark.parametrize(("meaning", "names"), [("colour", COLOURS), ("shape", SHAPES)])
def test_a_told_picture_is_told_by_what_the_new_word_means(meaning, names):
    album = make_album("seen", 3, seed=0)
    episodes = binding_episodes(album, which(), drawn(), meaning=meaning)
    words = attribute_words(album, episodes)
    for row, pictures, kind in zip(words, episodes.pictures, episodes.which, strict=True):
        things = [album.scenes[int(picture)].things[0] for picture in pictures]
        assert [VOCABULARY[i] for i in row.tolist()] == [getattr(thing, meaning) for thing in things]
        assert len({*row[kind == 0].tolist()}) <= 1
    assert {VOCABULARY[i] for i in words.unique().tolist()} <= set(names)


def test_a_pair_is_not_told_by_one_word():
    album = make_album("seen", 2, seed=0)
    with pytest.raises(ValueError, match="not a pair"):
        attribute_words(album, binding_episodes(album, which(), drawn(), meaning="pair"))


def test_words_stand_for_the_told_and_the_rest_stays_shown_in_order():
    album = make_album("seen", 3, seed=0)
    episodes = binding_episodes(album, which(), drawn(), meaning="shape")
    names, told = attribute_words(album, episodes), torch.arange(9) % 3 == 0
    tokens, shown = tell(episodes, names, told)
    assert torch.equal(shown, episodes.pictures[:, ~told])
    assert torch.equal(tokens[:, 1::2][:, told], names[:, told])
    assert (tokens[:, 1::2][:, ~told] == IMAGE).all()
    assert torch.equal(tokens[:, 2::2], episodes.tokens[:, 2::2])
    assert (episodes.tokens[:, 1::2] == IMAGE).all(), "the episodes themselves stay as they are"
    with pytest.raises(ValueError, match=r"not \[50, 9\] and \[8\]"):
        tell(episodes, names, told[:8])


def test_a_motion_is_told_by_its_direction_and_shown_by_a_video_of_it():
    films = make_films("seen", 3, seed=0)
    assert films.videos.shape[:2] == (12, 4)
    episodes, names = motion_episodes(films, which(), drawn())
    directions = [motion.split()[-1] for motion in DIRECTIONS]
    for row, videos, kind in zip(names, episodes.pictures, episodes.which, strict=True):
        shown = [directions[int((films.rows == video).nonzero()[0, 0])] for video in videos]
        assert [VOCABULARY[i] for i in row.tolist()] == shown
        assert not set(row[kind == 0].tolist()) & set(row[kind == 1].tolist())
    assert (episodes.tokens[:, 1::2] == IMAGE).all()


def test_a_seed_gives_the_same_episodes():
    album, films = make_album("seen", 2, seed=0), make_films("seen", 2, seed=0)
    for draw in (
        lambda generator: text_episodes(which(), generator, untold=0.2).tokens,
        lambda generator: binding_episodes(album, which(), generator).pictures,
        lambda generator: motion_episodes(films, which(), generator)[1],
    ):
        assert torch.equal(draw(drawn(3)), draw(drawn(3)))
        assert not torch.equal(draw(drawn(3)), draw(drawn(4)))
