"""The exercises of lesson 3.6, four families side by side."""

from __future__ import annotations

from utils.exercises.definition import Case, Exercise, Misconception, close, exact, integers

# 3.6.1 -------------------------------------------------------------------------------------------------------------


def front(models):
    """The names of those whom no other beats."""

    def beats(other, one):
        at_least_as_good = other[1] >= one[1] and other[2] <= one[2]
        return at_least_as_good and other[1:] != one[1:]

    return [one[0] for one in models if not any(beats(other, one) for other in models)]


def _front_by_the_cheaper_ones(models):
    names = []
    for name, accuracy, cost in models:
        cheaper = [other for _, other, price in models if price < cost]
        as_cheap = [other for _, other, price in models if price == cost]
        if all(other < accuracy for other in cheaper) and max(as_cheap) == accuracy:
            names.append(name)
    return names


def _front_by_removal(models):
    left = list(models)
    for _, accuracy, cost in models:
        left = [
            one for one in left if not (accuracy >= one[1] and cost <= one[2] and (accuracy > one[1] or cost < one[2]))
        ]
    return [one[0] for one in left]


def _only_both_better(models):
    return [n for n, a, c in models if not any(other > a and price < c for _, other, price in models)]


def _costs_upside_down(models):
    return front([(name, accuracy, -cost) for name, accuracy, cost in models])


def _the_two_ends(models):
    most, least = max(one[1] for one in models), min(one[2] for one in models)
    return [name for name, accuracy, cost in models if accuracy == most or cost == least]


def _one_winner(models):
    best = max(accuracy / cost for _, accuracy, cost in models)
    return [name for name, accuracy, cost in models if accuracy / cost == best]


def _most_accurate(models):
    most = max(one[1] for one in models)
    return [name for name, accuracy, _ in models if accuracy == most]


def _the_beaten(models):
    kept = front(models)
    return [name for name, _, _ in models if name not in kept]


def _equals_beat_each_other(models):
    return [
        name
        for i, (name, accuracy, cost) in enumerate(models)
        if not any(other >= accuracy and price <= cost for j, (_, other, price) in enumerate(models) if j != i)
    ]


def _beats_itself(models):
    return [n for n, a, c in models if not any(other >= a and price <= c for _, other, price in models)]


def _front_cases(rng):
    def case(steps):
        """A staircase of `steps` models, a twin of one, and four that are beaten: three of them by a tie."""
        accuracies = [round(0.3 + 0.1 * i + 0.01 * int(rng.integers(0, 5)), 2) for i in range(steps)]
        costs = [10 * (i + 1) + int(rng.integers(0, 5)) for i in range(steps)]
        points = list(zip(accuracies, costs, strict=True))
        twin, (accuracy, cost) = points[1], points[int(rng.integers(1, steps - 1))]
        beaten = [
            (round(accuracy - 0.03, 2), cost),
            (accuracy, cost + 3),
            (round(accuracy - 0.02, 2), cost + 2),
            (points[-1][0], cost + 60),
        ]
        order = rng.permutation(steps + 1 + len(beaten)).tolist()
        mixed = [[*points, twin, *beaten][i] for i in order]
        names = rng.permutation(list("abcdefghijklmnopqrstuvwxyz")).tolist()
        return Case(args=([(name, *point) for name, point in zip(names, mixed, strict=False)],))

    return [case(3), case(4), case(5)]


FRONT = Exercise(
    id="3.6.1",
    title="Whom nobody beats",
    kind="function",
    entry="front",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=front,
    alternatives=(_front_by_the_cheaper_ones, _front_by_removal),
    cases=_front_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="only who is better in both",
            sentence="You keep whoever is as accurate as another and costs more. To be beaten it is enough to be worse in one, "
            "and no better in the other.",
            answer=_only_both_better,
        ),
        Misconception(
            name="more cost is better",
            sentence="Your front prefers the expensive: of two that are equally accurate, the cheaper one stays.",
            answer=_costs_upside_down,
        ),
        Misconception(
            name="only the two ends",
            sentence="You keep the most accurate and the cheapest. Between them stands whoever is more accurate than all that "
            "cost less: also worth choosing.",
            answer=_the_two_ends,
        ),
        Misconception(
            name="accuracy for the money",
            sentence="You chose by accuracy divided by cost. That is one taste among many, and it nearly always says: the "
            "cheapest. The front is what is left before anybody's taste is asked.",
            answer=_one_winner,
        ),
        Misconception(
            name="the most accurate",
            sentence="You looked at accuracy alone. A front has two directions.",
            answer=_most_accurate,
        ),
        Misconception(
            name="the beaten",
            sentence="These are the ones that are beaten; return the others.",
            answer=_the_beaten,
        ),
        Misconception(
            name="equals beat each other",
            sentence="Two that are equal in both have thrown each other out. Nobody is beaten by an equal: something must be "
            "better.",
            answer=_equals_beat_each_other,
        ),
        Misconception(
            name="beaten by itself",
            sentence="Nobody is left, since each was compared with itself and is at least as good. Something must be *better*.",
            answer=_beats_itself,
        ),
    ),
    hints=(
        "Take one model. What must be true of another so that nobody would ever choose the first?",
        "Write `beats(other, one)`: at least as accurate, at most as costly, and not equal in both.",
        "[one[0] for one in models if not any(beats(other, one) for other in models)]",
    ),
)

# 3.6.2 -------------------------------------------------------------------------------------------------------------


def gains(scores, twins):
    """The mean over seeds of what the picture is worth."""
    return (scores - twins).mean(dim=1)


def _gains_of_the_means(scores, twins):
    return scores.mean(dim=1) - twins.mean(dim=1)


def _gains_in_loops(scores, twins):
    totals = scores.new_zeros(len(scores))
    for family in range(len(scores)):
        for seed in range(scores.shape[1]):
            totals[family] += (scores[family, seed] - twins[family, seed]) / scores.shape[1]
    return totals


def _best_seed(scores, twins):
    return scores.max(dim=1).values - twins.mean(dim=1)


def _best_against_best(scores, twins):
    return scores.max(dim=1).values - twins.max(dim=1).values


def _best_against_worst(scores, twins):
    return scores.max(dim=1).values - twins.min(dim=1).values


def _largest_gain(scores, twins):
    return (scores - twins).max(dim=1).values


def _first_seed(scores, twins):
    return scores[:, 0] - twins[:, 0]


def _share_of_the_twin(scores, twins):
    return scores.mean(dim=1) / twins.mean(dim=1) - 1


def _no_twin(scores, twins):
    return scores.mean(dim=1)


def _one_twin_for_all(scores, twins):
    return scores.mean(dim=1) - twins.mean()


def _gain_cases(rng):
    def case(families, seeds):
        scores, twins = (
            integers(rng, 500, 1000, families, seeds) / 1000,
            integers(rng, 200, 450, families, seeds) / 1000,
        )
        return Case(args=(scores, twins))

    return [case(4, 3), case(3, 5), case(5, 4)]


GAINS = Exercise(
    id="3.6.2",
    title="Three chances",
    kind="bug",
    entry="gains",
    points=2,
    difficulty=2,
    importance=5,
    minutes=6,
    reference=gains,
    alternatives=(_gains_of_the_means, _gains_in_loops),
    cases=_gain_cases,
    misconceptions=(
        Misconception(
            name="the best seed",
            sentence="The family may throw the dice three times and keep the best, its twin must take the average. That is a "
            "head start made of luck.",
            answer=_best_seed,
            planted=True,
        ),
        Misconception(
            name="best against best",
            sentence="Now both keep their best. Even so it is the maximum of what was thrown that counts, and it grows with "
            "every further seed.",
            answer=_best_against_best,
        ),
        Misconception(
            name="best against worst",
            sentence="The best of the family against the worst of its twins: the largest difference that can be found, not the "
            "one to expect.",
            answer=_best_against_worst,
        ),
        Misconception(
            name="the largest gain",
            sentence="You take the seed with the largest gain: choosing by the result, once more.",
            answer=_largest_gain,
        ),
        Misconception(
            name="the first seed",
            sentence="One seed was chosen, and the others were trained for nothing. Average over all.",
            answer=_first_seed,
        ),
        Misconception(
            name="a share of the twin",
            sentence="You divided by the twin's score. A gain here is a difference, in shares of the questions.",
            answer=_share_of_the_twin,
        ),
        Misconception(
            name="no twin",
            sentence="These are the scores. What words alone would have reached must be taken off.",
            answer=_no_twin,
        ),
        Misconception(
            name="one twin for all",
            sentence="You took the average twin of all families off each. Each family has twins of its own.",
            answer=_one_twin_for_all,
        ),
    ),
    hints=(
        "How often may the family try, and how often its twin?",
        "Which function of the seeds does not grow when there are more of them?",
        "scores.mean(dim=1)",
    ),
)

# 3.6.3 -------------------------------------------------------------------------------------------------------------


def vit_flops(side, patch, width, depth):
    """Those of all linear layers, and those of attention between all pairs of patches."""
    tokens = (side // patch) ** 2
    return 24 * tokens * width**2 * depth, 4 * tokens**2 * width * depth


def _flops_part_by_part(side, patch, width, depth):
    tokens = (side // patch) * (side // patch)
    projections = 4 * 2 * tokens * width * width
    feed_forward = 2 * 2 * tokens * width * 4 * width
    scores, mixing = 2 * tokens * tokens * width, 2 * tokens * tokens * width
    return depth * (projections + feed_forward), depth * (scores + mixing)


def _flops_layer_by_layer(side, patch, width, depth):
    tokens, weights, attention = side * side // (patch * patch), 0, 0
    for _ in range(depth):
        weights += 2 * tokens * 12 * width * width
        attention += 2 * (2 * tokens * tokens * width)
    return weights, attention


def _patches_of_one_side(side, patch, width, depth):
    tokens = side // patch
    return 24 * tokens * width**2 * depth, 4 * tokens**2 * width * depth


def _patch_not_squared(side, patch, width, depth):
    tokens = side**2 // patch
    return 24 * tokens * width**2 * depth, 4 * tokens**2 * width * depth


def _one_a_pair(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return weights // 2, attention // 2


def _values_forgotten(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return weights, attention // 2


def _feed_forward_forgotten(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return weights // 3, attention


def _projections_forgotten(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return weights * 2 // 3, attention


def _one_layer(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return weights // depth, attention // depth


def _exchanged(side, patch, width, depth):
    weights, attention = vit_flops(side, patch, width, depth)
    return attention, weights


def _flops_cases(rng):
    def case(patch):
        tokens, width = int(rng.integers(3, 40)), 64 * int(rng.integers(1, 13))
        return Case(args=(tokens * patch, patch, width, int(rng.integers(2, 13))))

    return [case(8), case(14), case(16), case(32)]


VIT_FLOPS = Exercise(
    id="3.6.3",
    title="The price of a picture",
    kind="function",
    entry="vit_flops",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=vit_flops,
    alternatives=(_flops_part_by_part, _flops_layer_by_layer),
    cases=_flops_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="patches along one side",
            sentence="You count the patches along one side. A picture has two: square it.",
            answer=_patches_of_one_side,
        ),
        Misconception(
            name="the patch not squared",
            sentence="A patch takes `patch` × `patch` pixels: divide by both.",
            answer=_patch_not_squared,
        ),
        Misconception(
            name="a multiplication and an addition counted as one",
            sentence="Each weight is multiplied, and the product is added: two operations.",
            answer=_one_a_pair,
        ),
        Misconception(
            name="the values forgotten",
            sentence="Attention works twice on each pair of patches: query times key, and then share times value.",
            answer=_values_forgotten,
        ),
        Misconception(
            name="no feed-forward network",
            sentence="You counted the four matrices of attention. The feed-forward network has two thirds of a layer's weights: "
            "two matrices of width × 4 width.",
            answer=_feed_forward_forgotten,
        ),
        Misconception(
            name="no projections",
            sentence="You counted the feed-forward network. Queries, keys, values and the output have a matrix each, too, of "
            "width × width.",
            answer=_projections_forgotten,
        ),
        Misconception(
            name="one layer",
            sentence="That is one layer; there are `depth` of them.",
            answer=_one_layer,
        ),
        Misconception(
            name="the two exchanged",
            sentence="The weights come first, then attention.",
            answer=_exchanged,
        ),
    ),
    hints=(
        "How many patches are there? How many weights does each meet in a layer? How many pairs of patches are there?",
        "A layer has 4 width² weights in attention's projections and 8 width² in the feed-forward network.",
        "weights: 2 * tokens * 12 * width**2 * depth; attention: 2 * 2 * tokens**2 * width * depth",
    ),
)

# 3.6.4 -------------------------------------------------------------------------------------------------------------

SIDE, PATCH, HEADS, BYTES = 1024, 16, 12, 4
_TOKENS = (SIDE // PATCH) ** 2
TABLE = Exercise(
    id="3.6.4",
    title="A table of all pairs",
    kind="number",
    entry="megabytes",
    points=2,
    difficulty=2,
    importance=4,
    minutes=5,
    reference=HEADS * _TOKENS**2 * BYTES / 1e6,
    compare=close(rtol=0.01),
    misconceptions=(
        Misconception(
            name="one head",
            sentence="Each of the 12 heads has a table of its own.",
            answer=_TOKENS**2 * BYTES / 1e6,
        ),
        Misconception(
            name="numbers, not bytes",
            sentence="That is millions of numbers; each takes four bytes.",
            answer=HEADS * _TOKENS**2 / 1e6,
        ),
        Misconception(
            name="patches along one side",
            sentence="You took 64 patches, those along one side. The picture has 64 × 64.",
            answer=HEADS * (SIDE // PATCH) ** 2 * BYTES / 1e6,
        ),
        Misconception(
            name="each pair once",
            sentence="You counted each pair of patches once. How much a looks at b is another number than how much b looks at "
            "a.",
            answer=HEADS * _TOKENS * (_TOKENS - 1) / 2 * BYTES / 1e6,
        ),
        Misconception(
            name="all layers",
            sentence="You counted all 12 layers. Asked is what one of them holds.",
            answer=12 * HEADS * _TOKENS**2 * BYTES / 1e6,
        ),
        Misconception(
            name="bits",
            sentence="32 bits are four bytes; you counted bits.",
            answer=HEADS * _TOKENS**2 * BYTES * 8 / 1e6,
        ),
        Misconception(
            name="mebibytes",
            sentence="You divided by 1024 × 1024. Here a megabyte has a million bytes.",
            answer=HEADS * _TOKENS**2 * BYTES / 2**20,
        ),
    ),
    hints=(
        "How many patches are there in all, and how many numbers say who looks at whom?",
        "(1024 / 16)² patches; a table has its square, and each head has one.",
        "12 * 4096**2 * 4 / 1e6",
    ),
)

# 3.6.5 -------------------------------------------------------------------------------------------------------------

CHOOSE = Exercise(
    id="3.6.5",
    title="Choose a family",
    kind="choice",
    entry="choice",
    points=3,
    difficulty=3,
    importance=5,
    minutes=6,
    reference=("c", 3),
    options={
        "a": "A photo archive, ten million pictures, each search among all of them: fusion.",
        "b": "A warehouse that asks which box stands to the left of which: a dual encoder.",
        "c": "A publisher whose language model is licensed, tested and must not change in one number: end-to-end.",
        "d": "A watch with very little memory, one question an hour: a mixture of experts.",
    },
    reasons=(
        "It costs least for each request.",
        "Only a part of its parameters is active, so only that part must be there.",
        "What it learns about pictures stands in new layers between the old ones.",
        "It answered more of our questions rightly than the dual encoder.",
    ),
    misconceptions=(
        Misconception(
            name="the best in the exam, in the wrong place",
            sentence="It does well in the exam. But it must read each picture together with each search: ten million passes for "
            "one sentence. Two towers read each picture once.",
            answer=("a", 4),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="cheap, and deaf to relations",
            sentence="It is cheap. Yet its towers meet in one product, and a product does not say what stands left of what: "
            "look at its column in the table.",
            answer=("b", 1),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="idle experts take no room",
            sentence="An expert that sleeps now is called by the next token: all must lie in memory. Experts save computing, "
            "and a watch that is asked once an hour has no lack of that.",
            answer=("d", 2),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="the right family, for another reason",
            sentence="The publisher should choose it. But why? Think of what must not change.",
            answer=("c", 1),
            when=lambda answer: answer[0] == "c" and answer[1] != 3,
        ),
    ),
    hints=(
        "For each team: which single thing must not go wrong?",
        "Which family can be added to a model of somebody else's, and taken off again?",
        "Flamingo's gated layers are new, and everything else is frozen.",
    ),
)

EXERCISES = (FRONT, GAINS, VIT_FLOPS, TABLE, CHOOSE)
