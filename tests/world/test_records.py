import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from world_strategies import by_hand, sampled, some_examples

from utils.world import (
    FARTHEST,
    FEATURES,
    MOTIONS,
    NEAREST,
    SOUNDS,
    Scene,
    Scenes,
    Thing,
    decode_records,
    encode_records,
    from_table,
    sample_scenes,
    to_table,
)
from utils.world.records import EVERY_COLUMN


@some_examples
@given(sampled(), st.integers(0, 4))
def test_a_record_decoded_is_its_scene(scenes, spare):
    records = encode_records(scenes, slots=scenes.shape.shape[1] + spare)
    assert list(decode_records(records, scenes.grid)) == list(scenes)


@some_examples
@given(by_hand())
def test_a_table_read_back_is_its_scene(scene):
    table = to_table(scene)
    assert list(table.columns) == ["shape", "colour", "size", "place", "x", "y"]
    assert len(table) == len(scene.things)
    assert from_table(table, scene.grid) == scene
    assert from_table(table.drop(columns="place"), scene.grid) == scene


def test_a_table_of_every_column_carries_depth_motion_and_sound():
    (scene,) = sample_scenes(1, seed=0, objects=(2, 2), depths=(NEAREST, FARTHEST), motions=MOTIONS[1:], sounds=SOUNDS)
    table = to_table(scene, EVERY_COLUMN)
    assert list(table.columns) == ["shape", "colour", "size", "place", "x", "y", "depth", "motion", "sound"]
    assert from_table(table) == scene
    assert {thing.motion for thing in from_table(to_table(scene)).things} == {"still"}


@some_examples
@given(sampled())
def test_a_row_has_one_one_for_each_word_and_coordinates_from_zero_to_one(scenes):
    records = encode_records(scenes)
    assert records.dtype == torch.float32
    assert records.shape[-1] == len(FEATURES) == 18
    full = scenes.shape >= 0
    assert torch.equal(records[..., :16].sum(-1), 3.0 * full)
    assert ((records[..., :16] == 0) | (records[..., :16] == 1)).all()
    assert records[~full].eq(0).all()
    assert records.min() >= 0
    assert records.max() <= 1


def test_features_name_the_columns_of_an_encoded_row():
    scenes = Scenes.of([Scene((Thing("star", "blue", "small", 0, 31),))])
    row = dict(zip(FEATURES, encode_records(scenes)[0, 0].tolist(), strict=True))
    assert {name for name, value in row.items() if value} == {"shape star", "colour blue", "size small", "y"}
    assert (row["x"], row["y"]) == (0.0, 1.0)


@some_examples
@given(sampled(), st.integers(0, 2**32))
def test_noise_of_a_model_does_not_change_what_is_decoded(scenes, seed):
    records = encode_records(scenes)
    noise = torch.rand(records.shape, generator=torch.Generator().manual_seed(seed)) - 0.5
    assert list(decode_records(records + 0.03 * noise, scenes.grid)) == list(scenes)


def test_an_object_after_an_empty_slot_is_found():
    scenes = sample_scenes(4, seed=0, objects=(1, 1))
    records = torch.cat([torch.zeros(4, 2, len(FEATURES)), encode_records(scenes)], dim=1)
    decoded = decode_records(records)
    assert list(decoded) == list(scenes)
    assert (decoded.shape[:, 0] >= 0).all(), "objects come before empty places"


def test_a_changed_cell_of_the_table_changes_the_scene():
    scene = sample_scenes(1, seed=0)[0]
    table = to_table(scene)
    table.loc[0, "colour"] = "green"
    assert from_table(table).things[0].colour == "green"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: encode_records(sample_scenes(3, seed=0, objects=(2, 2)), slots=1), "has 2 objects.*room for 1"),
        (lambda: decode_records(torch.zeros(3, 17)), r"\[scenes, slots, 18\], not \[3, 17\]"),
        (lambda: decode_records(torch.zeros(1, 2, 18), grid=5), "grid must be"),
        (lambda: from_table(to_table(sample_scenes(1, seed=0)[0]).drop(columns="size")), "no column size"),
        (lambda: from_table(to_table(sample_scenes(1, seed=0)[0]).assign(x=40)), "from 0 to 31; see row 0"),
        (lambda: from_table(to_table(sample_scenes(1, seed=0)[0]).assign(colour="pink")), "'pink' is not in"),
    ],
)
def test_records_of_another_world_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()
