"""The exercises of lesson 2.5, one space for all."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 2.5.1 -------------------------------------------------------------------------------------------------------------

EMERGENT_PAIRS = Exercise(
    id="2.5.1",
    title="Pairs that nobody collects",
    kind="number",
    entry="never_collected",
    points=1,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=6 * 5 // 2 - 5,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="all pairs",
            sentence="That is how many pairs six modalities make; those with pictures in them are collected.",
            answer=15,
        ),
        Misconception(
            name="those that are collected",
            sentence="That is how many pairs are collected, pictures with each of the others. The question asks for the rest.",
            answer=5,
        ),
        Misconception(
            name="each pair twice",
            sentence="You counted sound with text and text with sound as two; a collection of them serves both ways.",
            answer=20,
        ),
        Misconception(
            name="ordered pairs, less the collected ones",
            sentence="You counted each pair in both orders: six modalities make 6 * 5 / 2 pairs.",
            answer=25,
        ),
        Misconception(
            name="a modality with itself",
            sentence="You counted each modality with itself as a pair too; it needs no collecting.",
            answer=21 - 5,
        ),
    ),
    hints=(
        "How many pairs can be made of six things? And how many of these have pictures in them?",
        "n things make n(n - 1) / 2 pairs; n - 1 of them hold the anchor.",
        "6 * 5 // 2 - 5",
    ),
)

# 2.5.2 -------------------------------------------------------------------------------------------------------------

WHY_IT_EMERGES = Exercise(
    id="2.5.2",
    title="Why they meet",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("c", 4),
    options={
        "a": "The sound tower has learnt what words mean.",
        "b": "The scenes in training were the same for sounds and for sentences.",
        "c": "Sound and sentence were each drawn to the same frozen pictures.",
        "d": "All good towers end up in the same space, whatever they are trained with.",
    },
    reasons=(
        "A contrastive loss always teaches words.",
        "Who saw the same scenes must give the same vectors.",
        "There is only one way to lay out shapes and sizes on a sphere.",
        "What lies near one and the same place lies near each other, and the stranger's place is another.",
    ),
    misconceptions=(
        Misconception(
            name="it learnt words",
            sentence="The sound tower met no word in training: its batches held spectrograms and pictures' vectors, and "
            "nothing else.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="the same scenes",
            sentence="The scenes were others. And the stranger's tower saw the very same scenes as yours, and still finds no "
            "sentence.",
            answer=("b", 2),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="one space for all good towers",
            sentence="The stranger's tower was as good at its own pictures, and it finds no sentence: a space can be laid out in "
            "many ways, each turned against the other.",
            answer=("d", 3),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="right, for another reason",
            sentence="The right cause; but what does the stranger's tower show? It learnt just as well, at another place.",
            answer=("c", 2),
            when=lambda answer: answer[0] == "c",
        ),
    ),
    hints=(
        "What did the two trainings have in common, and what was the only difference?",
        "Both towers learnt to find pictures. Only one found sentences. Whose pictures had met sentences?",
        "Look for the option that speaks of the pictures, and the reason that speaks of places.",
    ),
)

# 2.5.3 -------------------------------------------------------------------------------------------------------------


def nearest_across(vectors, kinds):
    """The most similar vector among those of another kind."""
    similarities = vectors @ vectors.T
    own = kinds[:, None] == kinds[None, :]
    return similarities.masked_fill(own, -math.inf).argmax(dim=1)


def _nearest_across_in_a_loop(vectors, kinds):
    nearest = []
    for vector, kind in zip(vectors, kinds, strict=True):
        others = [i for i in range(len(vectors)) if kinds[i] != kind]
        nearest.append(max(others, key=lambda i, vector=vector: float(vectors[i] @ vector)))
    return torch.tensor(nearest)


def _nearest_across_by_distance(vectors, kinds):
    distances = torch.cdist(vectors.double(), vectors.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return (distances + 10.0 * (kinds.view(-1, 1) == kinds)).argmin(dim=1)


def _nothing_left_out(vectors, kinds):
    return (vectors @ vectors.T).argmax(dim=1)


def _only_itself_left_out(vectors, kinds):
    return (vectors @ vectors.T).fill_diagonal_(-math.inf).argmax(dim=1)


def _own_kind_set_to_zero(vectors, kinds):
    others = kinds[:, None] != kinds[None, :]
    return (vectors @ vectors.T * others).argmax(dim=1)


def _own_kind_kept(vectors, kinds):
    others = kinds[:, None] != kinds[None, :]
    return (vectors @ vectors.T).masked_fill(others, -math.inf).fill_diagonal_(-math.inf).argmax(dim=1)


def _farthest_across(vectors, kinds):
    own = kinds[:, None] == kinds[None, :]
    return (vectors @ vectors.T).masked_fill(own, math.inf).argmin(dim=1)


def _kind_of_the_nearest(vectors, kinds):
    return kinds[nearest_across(vectors, kinds)]


def _similarity_of_the_nearest(vectors, kinds):
    own = kinds[:, None] == kinds[None, :]
    return (vectors @ vectors.T).masked_fill(own, -math.inf).amax(dim=1)


def _neighbour_cases(rng):
    def case(each, kinds, width, gap):
        # a gap between the kinds: one's own kind lies near, and the others so far that their cosines are negative
        labels = torch.arange(kinds).repeat_interleave(each)[torch.as_tensor(rng.permutation(each * kinds))]
        middles = normal(rng, 1, width) * torch.tensor([[1.0], [-1.0], [0.0]])[:kinds]
        vectors = F.normalize(normal(rng, each * kinds, width) + gap * middles[labels], dim=-1)
        return Case(args=(vectors, labels))

    return [case(5, 2, 6, 3.0), case(4, 3, 8, 0.5), case(6, 3, 5, 1.0)]


NEAREST_ACROSS = Exercise(
    id="2.5.3",
    title="Nearest of another kind",
    kind="function",
    entry="nearest_across",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=nearest_across,
    alternatives=(_nearest_across_in_a_loop, _nearest_across_by_distance),
    cases=_neighbour_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="everything finds itself",
            sentence="Everything is most similar to itself, and you left nothing out. Its own kind must not compete.",
            answer=_nothing_left_out,
        ),
        Misconception(
            name="its own kind competes",
            sentence="You left out each vector itself, but the rest of its kind still competes: a sound finds other sounds.",
            answer=_only_itself_left_out,
        ),
        Misconception(
            name="zero instead of minus infinity",
            sentence="You set the similarities of the own kind to zero, and zero wins wherever all others are negative. Set "
            "them to minus infinity.",
            answer=_own_kind_set_to_zero,
        ),
        Misconception(
            name="the wrong ones left out",
            sentence="You kept the own kind and left out the others: the mask is the wrong way round.",
            answer=_own_kind_kept,
        ),
        Misconception(
            name="farthest instead of nearest",
            sentence="You took the smallest similarity, which is the farthest; a large cosine means near.",
            answer=_farthest_across,
        ),
        Misconception(
            name="the kind, not the place",
            sentence="You return of which kind the nearest is. Asked for is its place, the number of its row.",
            answer=_kind_of_the_nearest,
        ),
        Misconception(
            name="how near, not which",
            sentence="You return how similar the nearest is; `argmax` says which one it is.",
            answer=_similarity_of_the_nearest,
        ),
    ),
    hints=(
        "Who must not compete to be a sound's neighbour? What similarity would keep them from ever winning?",
        "`kinds[:, None] == kinds[None, :]` marks the cells of one kind; `masked_fill` puts a number there.",
        "(vectors @ vectors.T).masked_fill(kinds[:, None] == kinds[None, :], -math.inf).argmax(dim=1)",
    ),
)

# 2.5.4 -------------------------------------------------------------------------------------------------------------


def close_the_gap(vectors, kinds):
    """Each kind less its own mean, then length 1 again."""
    moved = vectors.clone()
    for kind in kinds.unique():
        own = kinds == kind
        moved[own] = vectors[own] - vectors[own].mean(dim=0)
    return F.normalize(moved, dim=-1)


def _close_the_gap_by_one_hot(vectors, kinds):
    members = F.one_hot(kinds).to(vectors.dtype)
    means = members.T @ vectors / members.sum(dim=0)[:, None].clamp(min=1)
    moved = vectors - means[kinds]
    return moved / moved.norm(dim=-1, keepdim=True)


def _close_the_gap_in_a_loop(vectors, kinds):
    rows = []
    for vector, kind in zip(vectors, kinds, strict=True):
        moved = vector - vectors[kinds == kind].mean(dim=0)
        rows.append(moved / moved.square().sum().sqrt())
    return torch.stack(rows)


def _one_mean_for_all(vectors, kinds):
    return F.normalize(vectors - vectors.mean(dim=0), dim=-1)


def _length_forgotten(vectors, kinds):
    moved = vectors.clone()
    for kind in kinds.unique():
        moved[kinds == kind] -= vectors[kinds == kind].mean(dim=0)
    return moved


def _moves_to_the_common_mean(vectors, kinds):
    moved = vectors.clone()
    for kind in kinds.unique():
        moved[kinds == kind] -= vectors[kinds == kind].mean(dim=0)
    return F.normalize(moved + vectors.mean(dim=0), dim=-1)


def _mean_added(vectors, kinds):
    moved = vectors.clone()
    for kind in kinds.unique():
        moved[kinds == kind] += vectors[kinds == kind].mean(dim=0)
    return F.normalize(moved, dim=-1)


def _mean_of_each_vector(vectors, kinds):
    return F.normalize(vectors - vectors.mean(dim=1, keepdim=True), dim=-1)


def _mean_of_length_one(vectors, kinds):
    moved = vectors.clone()
    for kind in kinds.unique():
        moved[kinds == kind] -= F.normalize(vectors[kinds == kind].mean(dim=0), dim=0)
    return F.normalize(moved, dim=-1)


def _gap_cases(rng):
    def case(number, kinds, width):
        # every kind at least twice, so that none is nothing but its own mean
        labels = torch.cat([torch.arange(kinds).repeat(2), integers(rng, 0, kinds, number - 2 * kinds)])
        labels = labels[torch.as_tensor(rng.permutation(number))]
        vectors = F.normalize(normal(rng, number, width) + 1.5 * normal(rng, kinds, width)[labels], dim=-1)
        return Case(args=(vectors, labels))

    return [case(9, 2, 6), case(14, 3, 5), case(20, 5, 8)]


CLOSE_THE_GAP = Exercise(
    id="2.5.4",
    title="The gap that would not close",
    kind="bug",
    entry="close_the_gap",
    points=3,
    difficulty=3,
    importance=4,
    minutes=8,
    reference=close_the_gap,
    alternatives=(_close_the_gap_by_one_hot, _close_the_gap_in_a_loop),
    cases=_gap_cases,
    misconceptions=(
        Misconception(
            name="one mean for all",
            sentence="All kinds are moved by the same mean, so they stay as far apart as they were. Each must lose a mean of "
            "its own.",
            answer=_one_mean_for_all,
            planted=True,
        ),
        Misconception(
            name="length forgotten",
            sentence="The gap is closed, but the moved vectors have lost their length 1, so dot products are no cosines.",
            answer=_length_forgotten,
        ),
        Misconception(
            name="moved to the common mean",
            sentence="You moved every kind to the common mean. That closes the gap too, but leaves all vectors pointing one "
            "way; here the middle is zero.",
            answer=_moves_to_the_common_mean,
        ),
        Misconception(
            name="mean added",
            sentence="You added each kind's mean, which drives the kinds further apart: subtract it.",
            answer=_mean_added,
        ),
        Misconception(
            name="mean over the wrong dimension",
            sentence="You subtracted from each vector the mean of its own numbers (dim=1). The mean of a kind runs over its "
            "vectors, dim=0.",
            answer=_mean_of_each_vector,
        ),
        Misconception(
            name="mean stretched to length 1",
            sentence="You gave the mean length 1 before subtracting it, which moves the kind too far. Its length is how far "
            "off it lies.",
            answer=_mean_of_length_one,
        ),
    ),
    hints=(
        "Two groups stand five metres apart, and everyone takes the same step. How far apart are they now?",
        "In the loop, whose mean is subtracted? `own` marks the rows of the kind at hand.",
        "moved[own] = vectors[own] - vectors[own].mean(dim=0)",
    ),
)

# 2.5.5 -------------------------------------------------------------------------------------------------------------


def mix(sounds, words, weight):
    """A weighted sum, length 1."""
    return F.normalize((1 - weight) * sounds + weight * words, dim=-1)


def _mix_by_lerp(sounds, words, weight):
    between = torch.lerp(sounds, words, weight)
    return between / between.norm(dim=-1, keepdim=True)


def _mix_in_a_loop(sounds, words, weight):
    rows = []
    for sound, word in zip(sounds, words, strict=True):
        row = sound - weight * sound + weight * word
        rows.append(row / row.square().sum().sqrt())
    return torch.stack(rows)


def _weights_exchanged(sounds, words, weight):
    return mix(sounds, words, 1 - weight)


def _mix_not_normalised(sounds, words, weight):
    return (1 - weight) * sounds + weight * words


def _weight_ignored(sounds, words, weight):
    return F.normalize(sounds + words, dim=-1)


def _only_the_word_weighted(sounds, words, weight):
    return F.normalize(sounds + weight * words, dim=-1)


def _multiplied(sounds, words, weight):
    return F.normalize(sounds * words, dim=-1)


def _normalised_down_the_batch(sounds, words, weight):
    return F.normalize((1 - weight) * sounds + weight * words, dim=0)


def _mix_cases(rng):
    def case(number, width, weight):
        return Case(args=(*(F.normalize(normal(rng, number, width), dim=-1) for _ in range(2)), weight))

    return [case(3, 6, 0.3), case(5, 4, 0.7), case(4, 8, 0.6)]


MIX = Exercise(
    id="2.5.5",
    title="A sound and a word",
    kind="function",
    entry="mix",
    points=2,
    difficulty=1,
    importance=3,
    minutes=5,
    reference=mix,
    alternatives=(_mix_by_lerp, _mix_in_a_loop),
    cases=_mix_cases,
    misconceptions=(
        Misconception(
            name="weights exchanged",
            sentence="Your weight falls on the sound; at weight 1 the word alone should speak.",
            answer=_weights_exchanged,
        ),
        Misconception(
            name="not normalised",
            sentence="The sum of two arrows is not of length 1, least so where they disagree. Normalise it.",
            answer=_mix_not_normalised,
        ),
        Misconception(
            name="weight ignored",
            sentence="You added the two as they are: the weight is not used.",
            answer=_weight_ignored,
        ),
        Misconception(
            name="only the word weighted",
            sentence="You weighed the word but not the sound, so that at weight 1 the sound still speaks: it takes 1 - weight.",
            answer=_only_the_word_weighted,
        ),
        Misconception(
            name="multiplied",
            sentence="You multiplied number by number, which points at neither. A sum lies between the two.",
            answer=_multiplied,
        ),
        Misconception(
            name="normalised down the batch",
            sentence="Your columns have length 1; it is each row, each query, that must.",
            answer=_normalised_down_the_batch,
        ),
    ),
    hints=(
        "What should come out at weight 0, and what at weight 1?",
        "(1 - weight) times the one plus weight times the other, then length 1 along the last dimension.",
        "F.normalize((1 - weight) * sounds + weight * words, dim=-1)",
    ),
)

# 2.5.6 -------------------------------------------------------------------------------------------------------------


def _weight_measure(settings, rng):
    """Share of queries, a shape heard and a colour said, whose nearest of 48 things has both."""
    weight = settings["weight"]
    if not (isinstance(weight, int | float) and 0 <= weight <= 1):
        raise ValueError("the weight must be a number from 0 to 1")
    shapes, colours, every = F.normalize(normal(rng, 6, 48), dim=-1), F.normalize(normal(rng, 8, 48), dim=-1), 10
    things = F.normalize(shapes[:, None] + colours[None] + 0.06 * normal(rng, 6, 8, 48), dim=-1).flatten(0, 1)
    # a sound says its shape clearly; a word is one voice among much that all words share, so its colour is faint
    sounds = F.normalize(shapes[:, None, None] + 0.03 * normal(rng, 6, 8, every, 48), dim=-1)
    words = F.normalize(0.6 * colours[None, :, None] + 0.09 * normal(rng, 6, 8, every, 48), dim=-1)
    nearest = (mix(sounds.expand_as(words), words, weight) @ things.T).argmax(dim=-1)
    return (nearest == torch.arange(48).view(6, 8, 1)).float().mean().item()


WEIGHT = Exercise(
    id="2.5.6",
    title="How much sound, how much word",
    kind="tune",
    entry="settings",
    points=2,
    difficulty=2,
    importance=3,
    minutes=5,
    reference={"weight": 0.57},
    measure=_weight_measure,
    target=0.9,
    direction="at least",
    misconceptions=(
        Misconception(
            name="all sound",
            sentence="With so little word in it the query is a sound, and a sound has no colour: the shape is right, the colour "
            "a guess. Give the word more weight.",
            answer={"weight": 0.1},
            when=lambda settings: 0 <= settings["weight"] < 0.5,
        ),
        Misconception(
            name="all word",
            sentence="With so little sound in it the query is a word, and a word of colour has no shape. Give the sound more "
            "weight.",
            answer={"weight": 0.95},
            when=lambda settings: 0.6 < settings["weight"] <= 1,
        ),
        Misconception(
            name="not a share",
            sentence="A weight runs from 0, the sound alone, to 1, the word alone; beyond that, one of them is subtracted.",
            answer={"weight": 1.5},
            when=lambda settings: not 0 <= settings["weight"] <= 1,
        ),
    ),
    hints=(
        "In the widget above, what goes wrong at the left end of the slider, and what at the right?",
        "Somewhere between a third and four fifths both are heard. Try the middle of that.",
        "Between 0.5 and 0.6 both speak equally clearly.",
    ),
)

EXERCISES = (EMERGENT_PAIRS, WHY_IT_EMERGES, NEAREST_ACROSS, CLOSE_THE_GAP, MIX, WEIGHT)
