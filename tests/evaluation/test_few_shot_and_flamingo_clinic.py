"""What a Flamingo looks at, says and suffers from, measured on small untrained models."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.few_shot import (
    album_latents,
    given_away,
    language_hits,
    motion_shots,
    naming_hits,
    shot_hits,
    text_shots,
    told_hits,
    told_shots,
)
from utils.evaluation.flamingo_clinic import examine, images_too, patients, words_only
from utils.evaluation.flamingo_sight import latent_shares, patch_shares, picture_looks, shares_by_opening, with_gates
from utils.evaluation.held_out import flamingo_scenes
from utils.evaluation.puzzle_hits import episodes_of
from utils.models.flamingo import Flamingo, FlamingoConfig, ResamplerConfig, sees
from utils.models.gpt import GPTConfig
from utils.models.vit import ViTConfig
from utils.training.recipes.flamingo_scenes import keep_features, looking_step, new_words
from utils.world.naming import make_films
from utils.world.puzzles import MEANINGS, Episodes, interleave, make_album, token
from utils.world.scenes import HELD_OUT_PAIRS, PAIRS
from utils.world.tokenizer import IMAGE, START

CONFIG = FlamingoConfig(
    vision=ViTConfig(width=16, depth=2, heads=2, hidden=32, patch_size=16, clip_style=True),
    language=GPTConfig(vocabulary=IMAGE + 1, length=24, width=24, depth=2, heads=2, hidden=48),
    resampler=ResamplerConfig(latents=3, depth=2, heads=2, frames=4),
)
WORD = 4  # the position of a word between the second picture and the third


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = Flamingo(CONFIG).eval()
    with torch.no_grad():
        for gated in model.gated:
            gated.attention_gate.fill_(0.8)
            gated.feed_forward_gate.fill_(-0.5)
    return model


@pytest.fixture(scope="module")
def album():
    return make_album("held_out", 3, seed=0)


@pytest.fixture
def tokens():
    return interleave(torch.tensor([[20, 21, 20, 21]]))[:, :-1]


@pytest.fixture
def pictures(album):
    return album.pictures[:4]


def test_gates_open_in_proportion(model, tokens, pictures):
    shown = pictures.unsqueeze(0)
    closed, open_ = with_gates(model, 0.0), with_gates(model, 1.0)
    assert torch.equal(closed(tokens, shown), model.language(tokens))
    assert torch.equal(open_(tokens, shown), model(tokens, shown))
    half = with_gates(model, 0.5).gated[0].attention_gate.tanh()
    assert torch.isclose(half, 0.5 * model.gated[0].attention_gate.tanh())
    with pytest.raises(ValueError, match="from 0 to 1"):
        with_gates(model, 1.2)


def test_shares_by_opening_begin_with_the_language_model_and_end_with_the_whole(model, tokens, pictures):
    words = torch.tensor([20, 21])
    shares = shares_by_opening(model, tokens, pictures, words, [0.0, 0.5, 1.0])
    assert shares.shape == (3, tokens.shape[1], 2)
    assert torch.allclose(shares[0], model.language(tokens)[0].softmax(-1)[:, words])
    assert torch.allclose(shares[2], model(tokens, pictures.unsqueeze(0))[0].softmax(-1)[:, words])


def test_looks_are_shares_over_the_patches_of_the_own_picture(model, tokens, pictures):
    patches = patch_shares(model, pictures)
    assert patches.shape == (4, 3, 4)
    assert torch.allclose(patches.sum(-1), torch.ones(4, 3))
    latents = model.resample(model.features(pictures.unsqueeze(0)))
    through = latent_shares(model, tokens, latents)
    assert through.shape == (2, 1, tokens.shape[1], 4, 3)
    assert torch.equal(through[0, 0].sum(-1) > 0, sees(tokens, 4)[0])
    looks = picture_looks(model, tokens, pictures)
    assert torch.allclose(looks.sum(-1), sees(tokens, 4)[0].any(-1).float(), atol=1e-5)


def test_each_patient_is_told_by_its_own_examination(model, tokens, pictures):
    latents = model.resample(model.features(pictures.unsqueeze(0)))
    found = {name: list(examine(p, tokens, latents, WORD).values()) for name, p in patients(model).items()}
    assert found["healthy"] == [0.0, 1, 1, 0.0]
    assert found["A"][0] > 0.01
    assert found["A"][1:] == [1, 1, 0.0]
    assert found["B"] == [0.0, 2, 2, 0.0]
    assert found["C"] == [0.0, 1, 4, 0.0]
    assert found["D"][:3] == [0.0, 1, 1]
    assert found["D"][3] == pytest.approx(4 / 7)


def test_patients_keep_the_weights_and_spoil_no_other(model, tokens, pictures):
    before = model(tokens, pictures.unsqueeze(0))
    for name, patient in patients(model).items():
        theirs = patient.model.state_dict()
        assert all(torch.equal(value, theirs[key]) for key, value in model.state_dict().items())
        same = torch.equal(patient.model(tokens, pictures.unsqueeze(0)), before)
        assert same == (name in ("healthy", "D"))
    assert words_only(tokens).tolist() != images_too(tokens).tolist()


def test_hits_count_the_likelier_of_two_words(model, tokens, pictures):
    latents = album_latents(model, pictures)
    assert latents.shape == (4, 3, 16)
    asked = torch.cat([tokens, tokens[:, :1]], dim=1)
    logits = model.read(tokens, latents.unsqueeze(0))[0, -1]
    words = torch.tensor([[20, 21]])
    right = torch.tensor([int(logits[21] > logits[20])])
    assert naming_hits(model, asked, latents.unsqueeze(0), words, right).tolist() == [1.0]
    assert naming_hits(model, asked, latents.unsqueeze(0), words, 1 - right).tolist() == [0.0]


def test_every_kind_of_episode_can_be_asked(model, album):
    latents = album_latents(model, album.pictures)
    films = make_films("held_out", 2, seed=0)
    moving = album_latents(model, films.videos)
    episodes, names = told_shots(album, 6, 2, "colour", seed=0)
    motions, directions = motion_shots(films, 6, 2, seed=0)
    for hits in (
        shot_hits(model, episodes_of(album, 6, 0, seed=0), latents),
        shot_hits(model, episodes_of(album, 6, 4, seed=0), latents),
        told_hits(model, episodes, names, latents),
        shot_hits(model, motions, moving),
        told_hits(model, motions, directions, moving),
        language_hits(model.language, text_shots(6, 4, seed=0)),
        language_hits(model.language, episodes_of(album, 6, 4, seed=0)),
    ):
        assert hits.shape == (6,)
        assert set(hits.tolist()) <= {0.0, 1.0}


def test_a_quality_gives_a_word_away_where_the_album_has_it_on_one_side_only():
    album = make_album("seen", 2, seed=0)
    picture = {pair: int(row[0]) for pair, row in zip(PAIRS, album.rows, strict=True)}
    assert ("circle", "red") in HELD_OUT_PAIRS

    def given(which, meaning, *pairs):
        numbers, said = torch.tensor([[picture[pair] for pair in pairs]]), torch.zeros(1, 2, dtype=torch.long)
        episodes = Episodes(numbers, torch.tensor([which]), said, torch.tensor([MEANINGS.index(meaning)]))
        return given_away(album, episodes).tolist()

    red, circle, ring = ("square", "red"), ("circle", "blue"), ("ring", "blue")
    assert given([0, 1, 1], "colour", red, circle, ring) == [[False, True, False]], "a circle cannot be red"
    assert given([1, 0, 0], "colour", red, circle, ring) == [[False, True, False]]
    assert given([0, 1], "shape", red, circle) == [[True, False]], "what is red is no circle"
    assert given([0, 1], "pair", red, circle) == [[False, False]]
    assert given([0, 0], "colour", red, red) == [[False, False]], "nothing else is in it"


def test_kept_features_teach_the_same_as_pictures(model, album):
    episodes = episodes_of(album, 4, 1, seed=0)
    features = keep_features(model, album.pictures)[episodes.pictures]
    assert torch.equal(features, model.features(album.pictures[episodes.pictures]))
    looking_step(model, episodes.tokens, features).backward()
    assert model.language.embedding.weight.grad is None
    assert all(gated.attention_gate.grad is not None for gated in model.gated)


def test_only_the_new_words_are_learnt():
    tokens = interleave(torch.tensor([[token("byd"), token("dim")]]))
    assert tokens[new_words(tokens)].tolist() == [token("byd"), token("dim")]
    assert tokens[~new_words(tokens)].tolist() == [START, IMAGE, IMAGE]


def test_the_figures_of_the_checkpoint_have_bars_and_say_on_what(model, monkeypatch):
    monkeypatch.setattr(flamingo_scenes, "EPISODES", 40)
    figures = flamingo_scenes.measure(model)
    assert figures["held_out, 4 shots less no shots"].bar == 0.25
    assert all(figure.low <= figure.value <= figure.high for figure in figures.values())
    assert all("40 episodes" in figure.on for figure in figures.values())
    controls = [name for name, figure in figures.items() if figure.at_most]
    assert len(controls) == 11
    missed = {name for name, figure in figures.items() if not figure.met}
    assert {"held_out, 4 shots of each word", "held_out, 4 shots less no shots"} <= missed, "it has learnt nothing"
