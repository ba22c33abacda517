"""A reader of pictures, and the judgement that rests on it."""

from __future__ import annotations

import pytest
import torch

from utils.evaluation.drawings import judge_drawings, read_scene
from utils.models.cnn import CNNConfig
from utils.models.reader import NOTHING, Reader, ReaderConfig, contents, reading_loss
from utils.training.loop import overfit
from utils.world import COLOURS, SHAPES, SIZES, Scene, Scenes, Thing, render_pictures, sample_scenes

CONFIG = ReaderConfig(cnn=CNNConfig(stem=8, stages=(8, 16, 16), depth=1))


def scene(*things):
    return Scenes.of([Scene(tuple(Thing.at(*thing) for thing in things))])


RING = ("ring", "red", "large", "top left")
STAR = ("star", "blue", "small", "bottom right")


class Perfect:
    """A reader that reads what it was told."""

    def __init__(self, *scenes):
        self.found = torch.cat([contents(one) for one in scenes])

    def read(self, pictures):
        return self.found


def judged(drawn, asked):
    result = judge_drawings(Perfect(drawn), torch.zeros(1), asked)
    return result.objects.item(), result.size.item(), result.where.item()


def test_contents_are_shape_colour_and_size_of_each_quarter():
    (found,) = contents(scene(RING, STAR))
    assert found[0].tolist() == [SHAPES.index("ring"), COLOURS.index("red"), SIZES.index("large")]
    assert found[3].tolist() == [SHAPES.index("star"), COLOURS.index("blue"), SIZES.index("small")]
    assert (found[1:3] == NOTHING).all()


def test_contents_of_random_scenes_are_what_the_scenes_say():
    scenes = sample_scenes(50, seed=1, objects=(1, 4))
    for found, one in zip(contents(scenes), scenes, strict=True):
        again = read_scene(found)
        assert {(t.shape, t.colour, t.size, one.place(t)) for t in one.things} == {
            (t.shape, t.colour, t.size, again.place(t)) for t in again.things
        }


def test_scenes_on_another_grid_are_refused():
    with pytest.raises(ValueError, match="grid of 2, not 3"):
        contents(sample_scenes(2, seed=0, grid=3))


def test_a_reader_learns_a_few_pictures_by_heart():
    scenes = sample_scenes(16, seed=2)
    torch.manual_seed(0)
    model = Reader(CONFIG)
    history = overfit(model, (render_pictures(scenes), contents(scenes)), reading_loss, steps=80, learning_rate=1e-2)
    assert history.losses[0] > 1
    assert history.losses[-1] < 0.1


def test_what_it_reads_has_nothing_where_nothing_wins():
    model = Reader(CONFIG).eval()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
        model.head.bias[[0, len(SHAPES) + 1 + len(COLOURS), -2]] = 5.0  # a shape, no colour, a size
    (found,) = model.read(render_pictures(sample_scenes(1, seed=0)))
    assert found.tolist() == [[0, NOTHING, len(SIZES) - 1]] * 4
    assert read_scene(found).things == (), "a thing without a colour is none"


@pytest.mark.parametrize(
    ("drawn", "verdict"),
    [
        ([RING], (True, True, True)),
        ([("ring", "red", "large", "top right")], (True, True, False)),
        ([("ring", "red", "small", "top left")], (True, False, False)),
        ([("ring", "blue", "large", "top left")], (False, False, False)),
        ([("star", "red", "large", "top left")], (False, False, False)),
        ([], (False, False, False)),
        ([RING, STAR], (False, False, False)),
    ],
)
def test_one_object_is_right_in_looks_in_size_and_in_place(drawn, verdict):
    empty = Scenes.of([Scene(()), Scene(())])[:1]
    assert judged(scene(*drawn) if drawn else empty, scene(RING)) == verdict


def test_two_objects_may_stand_anywhere_in_the_relation_that_was_asked_for():
    asked = scene(RING, STAR)  # the ring above the star
    assert judged(scene(("star", "blue", "small", "bottom left"), ("ring", "red", "large", "top right")), asked) == (
        True,
        True,
        True,
    )
    below = scene(("ring", "red", "large", "bottom left"), ("star", "blue", "small", "top right"))
    assert judged(below, asked) == (True, True, False)
    sizes = scene(("ring", "red", "small", "top left"), ("star", "blue", "large", "bottom right"))
    assert judged(sizes, asked) == (True, False, False)
    colours = scene(("ring", "blue", "large", "top left"), ("star", "red", "small", "bottom right"))
    assert judged(colours, asked) == (False, False, False), "colours that have changed hands are wrong"


def test_all_is_right_only_if_every_part_is():
    asked = scene(RING)
    assert judge_drawings(Perfect(asked), torch.zeros(1), asked).right.tolist() == [True]
    other = scene(("ring", "red", "large", "top right"))
    assert judge_drawings(Perfect(other), torch.zeros(1), asked).right.tolist() == [False]
