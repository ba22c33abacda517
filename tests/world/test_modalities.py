import pytest
import torch
from hypothesis import given
from world_strategies import sampled, some_examples

from utils.style import MODALITY_COLOURS
from utils.world import MODALITIES, RENDERINGS, describe, detokenize, encode_records, render_pictures, sample_scenes


def test_each_modality_is_known_by_its_name_and_has_the_colour_of_the_course():
    assert list(MODALITIES) == ["text", "image", "structured"], "lesson 1.1 prints them"
    assert list(RENDERINGS)[:3] == list(MODALITIES)
    for name, modality in RENDERINGS.items():
        assert modality.name == name
        assert modality.colour == MODALITY_COLOURS[modality.kind or name]
        assert modality.description.endswith(".")
        assert modality.unit


@pytest.mark.parametrize("name", RENDERINGS)
@some_examples
@given(scenes=sampled(number=4))
def test_every_modality_renders_every_scene_and_counts_its_numbers(name, scenes):
    modality = RENDERINGS[name]
    rendered = modality.render(scenes[:1])
    assert len(modality.render(scenes)) == len(scenes)
    assert modality.numbers(scenes) == rendered[0].numel()
    assert modality.bytes(scenes) == rendered[0].numpy().nbytes


def test_all_modalities_tell_of_the_same_scene():
    scenes = sample_scenes(5, seed=0)
    assert [detokenize(row) for row in MODALITIES["text"].render(scenes)] == [describe(scene) for scene in scenes]
    assert torch.equal(MODALITIES["image"].render(scenes), render_pictures(scenes))
    assert torch.equal(MODALITIES["structured"].render(scenes), encode_records(scenes))
    assert MODALITIES["image"].bytes(scenes) == 32 * 32 * 3
