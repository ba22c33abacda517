"""Hypothesis strategies over the world, shared by the tests of this folder."""

from hypothesis import settings
from hypothesis import strategies as st

from utils.world import COLOURS, SHAPES, SIZES, Scene, Thing, places, sample_scenes

some_examples = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)


@st.composite
def sampled(draw, least=1, most=4, pairs=("seen", "held_out", "all"), number=8):
    """Scenes as `sample_scenes` gives them, on either grid."""
    fewest = draw(st.integers(least, most))
    return sample_scenes(
        number,
        seed=draw(seeds),
        objects=(fewest, draw(st.integers(fewest, most))),
        pairs=draw(st.sampled_from(pairs)),
        grid=draw(st.sampled_from((2, 3))),
    )


@st.composite
def by_hand(draw, most=4):
    """One scene as a learner may write it: one object a cell at most, and perhaps several that look the same."""
    grid = draw(st.sampled_from((2, 3)))
    cells = draw(st.lists(st.sampled_from(places(grid)), max_size=most, unique=True))
    word = {name: st.sampled_from(words) for name, words in (("shape", SHAPES), ("colour", COLOURS), ("size", SIZES))}
    things = (Thing.at(draw(word["shape"]), draw(word["colour"]), draw(word["size"]), cell, grid) for cell in cells)
    return Scene(tuple(things), grid)
