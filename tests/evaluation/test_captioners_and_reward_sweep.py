"""What the captioners' measures count, and the moments of a way, on an untrained captioner."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from utils.evaluation import reward_sweep
from utils.evaluation.held_out import dpo_captioner, hearsay_captioner
from utils.evaluation.held_out.hearsay_captioner import companions_told, held_out_scenes, things_told
from utils.evaluation.reward_sweep import MEASURED, STEPS, measured_scenes, moment, pieces, stored_ways, way
from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig
from utils.models.vit import ViTConfig
from utils.training.alignment import new_reward_model
from utils.world import SEEN_PAIRS, VOCABULARY, Scene, Scenes, Thing
from utils.world.companions import company_scenes, hearsay, list_things

CONFIG = LLaVAConfig(
    vision=ViTConfig(width=12, depth=2, heads=2, hidden=24, clip_style=True),
    language=GPTConfig(vocabulary=len(VOCABULARY), length=48, width=16, depth=1, heads=2, hidden=32),
    merge=2,
)
RING = Thing.at("ring", "cyan", "small", "top left")  # a held-out pair
CROSS = Thing.at("cross", "purple", "large", "bottom right")  # its companion
BOTH = Scenes.of([Scene((RING, CROSS)), Scene((RING,))])


@pytest.fixture
def captioner():
    torch.manual_seed(0)
    return LLaVA(CONFIG).eval()


def test_companions_and_things_are_counted_apart():
    captions = ["a small cyan ring", "a small cyan ring and a large purple cross"]
    assert companions_told(captions, BOTH).tolist() == [0.0]
    assert companions_told([list_things((RING, CROSS)), ""], BOTH).tolist() == [1.0]
    assert things_told(captions, BOTH).tolist() == [0.5, 1.0]
    assert things_told(["", "a large red ring"], BOTH).tolist() == [0.0, 0.0]


def test_what_is_measured_on_is_held_out_and_holds_companions():
    scenes = held_out_scenes(200)
    assert all(any((t.shape, t.colour) not in SEEN_PAIRS for t in scene.things) for scene in scenes)
    told = companions_told(hearsay(scenes, seed=1, share=0.0), scenes)
    assert told.mean() == 1.0
    assert 50 < len(told) < 110


def test_an_untrained_captioner_misses_the_bars_of_both(captioner, monkeypatch):
    monkeypatch.setattr(hearsay_captioner, "NUMBER", 40)
    monkeypatch.setattr(hearsay_captioner, "held_out_scenes", lambda: held_out_scenes(40))
    for measure in (hearsay_captioner.measure, dpo_captioner.measure):
        figures = measure(captioner)
        assert not figures["objects told of"].met


def test_pieces_of_a_caption_are_its_things_each_with_whether_it_is_there():
    scene = BOTH[0]
    assert pieces("a small cyan ring and a large purple cross", scene) == [
        ("a small cyan ring", True),
        ("a large purple cross", True),
    ]
    assert pieces("a small red ring and a and a large purple cross", scene) == [
        ("a small red ring", False),
        ("a", False),
        ("a large purple cross", True),
    ]
    assert pieces("", scene) == []


def test_a_way_begins_at_the_reference_and_is_measured_where_asked(captioner, monkeypatch):
    monkeypatch.setattr(reward_sweep, "STEPS", 4)
    monkeypatch.setattr(reward_sweep, "MEASURED", (0, 2, 4))
    monkeypatch.setattr(reward_sweep, "TESTED", 12)
    monkeypatch.setattr(reward_sweep, "PROMPTS", 30)
    judge = new_reward_model(CONFIG.vision.width * CONFIG.merge**2)
    found = way(captioner, judge, beta=0.1, seed=0)
    assert [one.step for one in found] == [0, 2, 4]
    assert found[0].kl == 0.0
    assert all(len(one.captions) == len(reward_sweep.SHOWN) for one in found)


def test_worth_falls_with_what_is_made_up(captioner, monkeypatch):
    scenes = company_scenes(30, seed=2)
    judge = new_reward_model(CONFIG.vision.width * CONFIG.merge**2)

    monkeypatch.setattr(reward_sweep, "divergence", lambda *args: torch.zeros(1))
    monkeypatch.setattr(reward_sweep, "reward", lambda *args: torch.zeros(1))
    worths = []
    for share in (0.0, 1.0):
        told = SimpleNamespace(texts=hearsay(scenes, seed=1, share=share), tokens=None, prompt=None)
        monkeypatch.setattr(reward_sweep, "write_captions", lambda *args, told=told, **kwargs: told)
        found = moment(captioner, captioner, judge, scenes, 0)
        worths.append(found.worth)
        assert found.recall == 1.0
        assert (found.made_up == 0.0) == (share == 0.0)
    assert worths[0] > worths[1]


def test_stored_ways_have_all_moments_and_the_reward_outlives_the_worth():
    ways = stored_ways()
    assert len(measured_scenes()) == reward_sweep.TESTED
    assert MEASURED[-1] == STEPS
    for moments in ways.values():
        assert len(moments) == len(reward_sweep.SEEDS)
        assert all([one.step for one in way] == list(MEASURED) for way in moments)
    for free in ways[0.0]:
        best = max(free, key=lambda one: one.worth)
        assert free[-1].worth < best.worth - 0.2
        assert free[-1].reward > best.reward
