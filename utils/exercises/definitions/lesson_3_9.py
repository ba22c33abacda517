"""The exercises of lesson 3.9, Models in the world."""

from __future__ import annotations

import math
import statistics

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact

# 3.9.1 -------------------------------------------------------------------------------------------------------------


def median_sizes(models):
    """The median of the sizes that are given; families without any are left out."""
    sizes = {}
    for model in models:
        if model["parameters"] is not None:
            sizes.setdefault(model["family"], []).append(model["parameters"])
    return {family: torch.tensor(found, dtype=torch.float64).quantile(0.5).item() for family, found in sizes.items()}


def _medians_by_statistics(models):
    families = {model["family"] for model in models if model["parameters"] is not None}
    return {
        family: float(statistics.median(m["parameters"] for m in models if m["family"] == family and m["parameters"]))
        for family in families
    }


def _medians_of_sorted(models):
    result = {}
    for family in sorted({model["family"] for model in models}):
        sizes = sorted(m["parameters"] for m in models if m["family"] == family and m["parameters"] is not None)
        if sizes:
            result[family] = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2
    return result


def _empty_as_nought(models):
    return median_sizes([{**model, "parameters": model["parameters"] or 0} for model in models])


def _families_with_gaps_left_out(models):
    gaps = {model["family"] for model in models if model["parameters"] is None}
    return median_sizes([model for model in models if model["family"] not in gaps])


def _nought_for_unknown_families(models):
    return {model["family"]: 0.0 for model in models} | median_sizes(models)


def _means(models):
    groups = {}
    for model in models:
        if model["parameters"] is not None:
            groups.setdefault(model["family"], []).append(model["parameters"])
    return {family: sum(found) / len(found) for family, found in groups.items()}


def _filled_with_the_overall_median(models):
    known = statistics.median(model["parameters"] for model in models if model["parameters"] is not None)
    return median_sizes([
        {**model, "parameters": known if model["parameters"] is None else model["parameters"]} for model in models
    ])  # fmt: skip


def _one_median_for_all(models):
    known = statistics.median(model["parameters"] for model in models if model["parameters"] is not None)
    return {family: float(known) for family in median_sizes(models)}


def _median_cases(rng):
    def case(*families):
        """A family is a name, how many models give a size, and how many do not."""
        models = []
        for place, (name, given, silent) in enumerate(families):
            start = 1000 * (place + 1)
            steps = [int(number) for number in rng.integers(1, 90, given)]
            sizes = [start + sum(steps[: i + 1]) ** 2 for i in range(given)]
            models += [{"family": name, "parameters": size} for size in sizes]
            models += [{"family": name, "parameters": None}] * silent
        return Case(args=([models[int(i)] for i in rng.permutation(len(models))],))

    return [
        case(("fusion", 4, 2), ("generator", 3, 0), ("dual encoder", 0, 2)),
        case(("end-to-end", 5, 3), ("fusion", 0, 1), ("mixture of experts", 3, 1), ("generator", 4, 0)),
    ]


MEDIAN_SIZES = Exercise(
    id="3.9.1",
    title="Empty is not nought",
    kind="bug",
    entry="median_sizes",
    points=2,
    difficulty=2,
    importance=4,
    minutes=5,
    reference=median_sizes,
    alternatives=(_medians_by_statistics, _medians_of_sorted),
    cases=_median_cases,
    misconceptions=(
        Misconception(
            name="empty as nought",
            sentence="`or 0` turns a size that nobody gives into a size of nought, and pulls the median down. Leave such a "
            "model out.",
            answer=_empty_as_nought,
            planted=True,
        ),
        Misconception(
            name="families with gaps left out",
            sentence="You dropped a family as soon as one of its models is silent. The others still have a size: leave out "
            "models, not families.",
            answer=_families_with_gaps_left_out,
        ),
        Misconception(
            name="nought for a family without sizes",
            sentence="A family in which nobody gives a size has no median, and yours is 0. It should not be in the result.",
            answer=_nought_for_unknown_families,
        ),
        Misconception(
            name="mean, not median",
            sentence="The gaps are handled well, but that is the mean, which one giant can pull anywhere.",
            answer=_means,
        ),
        Misconception(
            name="gaps filled with a guess",
            sentence="You filled the gaps with the median of all models. A guess is no fact: leave them out.",
            answer=_filled_with_the_overall_median,
        ),
        Misconception(
            name="one median for all",
            sentence="Each family has the same number: you took the median of all models together.",
            answer=_one_median_for_all,
        ),
    ),
    hints=(
        "What does `None or 0` give, and what does that do to a median?",
        "Append a size only where there is one: `if model['parameters'] is not None`.",
        "if model['parameters'] is not None: sizes.setdefault(model['family'], []).append(model['parameters'])",
    ),
)

# 3.9.2 -------------------------------------------------------------------------------------------------------------

PROJECTOR_SIZE = Exercise(
    id="3.9.2",
    title="How little is a projector?",
    kind="number",
    entry="projector_size",
    points=1,
    difficulty=1,
    importance=3,
    minutes=3,
    reference=(1024 * 4096 + 4096) + (4096 * 4096 + 4096),
    compare=exact(),
    misconceptions=(
        Misconception(
            name="no biases",
            sentence="Those are the two matrices. Each layer also has a bias, one number for each of its outputs.",
            answer=1024 * 4096 + 4096 * 4096,
        ),
        Misconception(
            name="one layer",
            sentence="That is the first layer. The second goes from 4,096 to 4,096, and is four times as large.",
            answer=1024 * 4096 + 4096,
        ),
        Misconception(
            name="the narrow layer first",
            sentence="Your first layer stays at CLIP's width. Here it already carries to the language model's.",
            answer=(1024 * 1024 + 1024) + (1024 * 4096 + 4096),
        ),
        Misconception(
            name="a bias for each input",
            sentence="A bias belongs to an output: 4,096 of them in both layers.",
            answer=(1024 * 4096 + 1024) + (4096 * 4096 + 4096),
        ),
        Misconception(
            name="once for each patch",
            sentence="All patches go through the same projector: its parameters count once.",
            answer=576 * ((1024 * 4096 + 4096) + (4096 * 4096 + 4096)),
        ),
    ),
    hints=(
        "A linear layer from a to b has a matrix and a bias. How many numbers is that?",
        "a * b + b, once with a = 1024 and b = 4096, once with both 4096.",
        "(1024 * 4096 + 4096) + (4096 * 4096 + 4096)",
    ),
)

# 3.9.3 -------------------------------------------------------------------------------------------------------------


def expert_parameters(width, hidden, layers, routed, chosen, shared):
    """All experts are stored; a token meets the chosen, the shared, and the router."""
    expert = 3 * width * hidden
    router = width * routed
    total = layers * ((routed + shared) * expert + router)
    active = layers * ((chosen + shared) * expert + router)
    return total, active


def _experts_in_loops(width, hidden, layers, routed, chosen, shared):
    total = active = 0
    for _ in range(layers):
        total += width * routed
        active += width * routed
        for place in range(routed + shared):
            size = width * hidden + width * hidden + hidden * width
            total += size
            active += size if place < chosen or place >= routed else 0
    return total, active


def _active_by_what_sleeps(width, hidden, layers, routed, chosen, shared):
    total = layers * width * (3 * hidden * (routed + shared) + routed)
    return total, total - layers * (routed - chosen) * 3 * width * hidden


def _two_matrices(width, hidden, layers, routed, chosen, shared):
    total, active = expert_parameters(width, hidden, layers, routed, chosen, shared)
    return total - layers * (routed + shared) * width * hidden, active - layers * (chosen + shared) * width * hidden


def _no_router(width, hidden, layers, routed, chosen, shared):
    return tuple(n - layers * width * routed for n in expert_parameters(width, hidden, layers, routed, chosen, shared))


def _router_not_active(width, hidden, layers, routed, chosen, shared):
    total, active = expert_parameters(width, hidden, layers, routed, chosen, shared)
    return total, active - layers * width * routed


def _shared_not_active(width, hidden, layers, routed, chosen, shared):
    total, active = expert_parameters(width, hidden, layers, routed, chosen, shared)
    return total, active - layers * shared * 3 * width * hidden


def _shared_among_the_routed(width, hidden, layers, routed, chosen, shared):
    return expert_parameters(width, hidden, layers, routed, chosen, 0)


def _active_by_share(width, hidden, layers, routed, chosen, shared):
    total, _ = expert_parameters(width, hidden, layers, routed, chosen, shared)
    return total, round(total * chosen / routed)


def _exchanged(width, hidden, layers, routed, chosen, shared):
    return expert_parameters(width, hidden, layers, routed, chosen, shared)[::-1]


def _one_layer(width, hidden, layers, routed, chosen, shared):
    return expert_parameters(width, hidden, 1, routed, chosen, shared)


def _expert_cases(rng):
    def case(routed, chosen, shared):
        width, hidden = (8 * int(number) for number in rng.integers(2, 9, 2))
        names = ("width", "hidden", "layers", "routed", "chosen", "shared")
        return Case(args=tuple(dict(zip(names, (width, hidden, 3, routed, chosen, shared), strict=True)).values()))

    return [case(8, 2, 1), case(4, 2, 0), case(16, 3, 2)]


EXPERT_PARAMETERS = Exercise(
    id="3.9.3",
    title="Stored, and met",
    kind="function",
    entry="expert_parameters",
    points=3,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=expert_parameters,
    alternatives=(_experts_in_loops, _active_by_what_sleeps),
    cases=_expert_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="two matrices",
            sentence="Your experts have two matrices each. These are gated: two matrices up, and one down.",
            answer=_two_matrices,
        ),
        Misconception(
            name="no router",
            sentence="The experts are right; the router is missing. Each layer has its own, `width` times `routed`.",
            answer=_no_router,
        ),
        Misconception(
            name="the router is not met",
            sentence="Your total is right. But every token meets the whole router, since it scores all the experts: it "
            "belongs to the active number too.",
            answer=_router_not_active,
        ),
        Misconception(
            name="the shared are not met",
            sentence="Your total is right. A shared expert works on every token, so it is always active.",
            answer=_shared_not_active,
        ),
        Misconception(
            name="the shared left out",
            sentence="You left the shared experts out. They stand beside the routed ones, in both numbers.",
            answer=_shared_among_the_routed,
        ),
        Misconception(
            name="a share of everything",
            sentence="You took the share chosen / routed of the total. But the router and the shared experts are met whole.",
            answer=_active_by_share,
        ),
        Misconception(
            name="the two exchanged",
            sentence="Total first, then active: you have the two exchanged.",
            answer=_exchanged,
        ),
        Misconception(
            name="one layer",
            sentence="That is one layer. There are `layers` of them, each with experts and a router of its own.",
            answer=_one_layer,
        ),
    ),
    hints=(
        "How large is one expert, and how large one router? Then: how many of each are stored, and how many met?",
        "An expert has 3 * width * hidden numbers, a router width * routed. Stored are routed + shared experts, met are "
        "chosen + shared.",
        "layers * ((routed + shared) * 3 * width * hidden + width * routed), and the same with chosen for routed in the "
        "first bracket",
    ),
)

# 3.9.4 -------------------------------------------------------------------------------------------------------------


def tile_tokens(width, height, tile, per_tile, whole):
    """Rows and columns are rounded up, each for itself."""
    columns = -(-width // tile)
    rows = -(-height // tile)
    return columns * rows * per_tile + whole


def _tile_tokens_by_ceil(width, height, tile, per_tile, whole):
    return math.ceil(width / tile) * math.ceil(height / tile) * per_tile + whole


def _tile_tokens_by_ranges(width, height, tile, per_tile, whole):
    return len(range(0, width, tile)) * len(range(0, height, tile)) * per_tile + whole


def _rounded_down(width, height, tile, per_tile, whole):
    return (width // tile) * (height // tile) * per_tile + whole


def _by_area(width, height, tile, per_tile, whole):
    return math.ceil(width * height / tile**2) * per_tile + whole


def _without_the_whole(width, height, tile, per_tile, whole):
    return tile_tokens(width, height, tile, per_tile, 0)


def _whole_for_each_tile(width, height, tile, per_tile, whole):
    return tile_tokens(width, height, tile, per_tile + whole, 0)


def _one_more_each(width, height, tile, per_tile, whole):
    return (width // tile + 1) * (height // tile + 1) * per_tile + whole


def _rows_plus_columns(width, height, tile, per_tile, whole):
    return (-(-width // tile) + -(-height // tile)) * per_tile + whole


def _square_of_the_width(width, height, tile, per_tile, whole):
    return tile_tokens(width, width, tile, per_tile, whole)


def _tile_cases(rng):
    def case(columns, rows, over=True):
        tile = 8 * int(rng.integers(10, 60))
        short = [int(number) for number in rng.integers(1, tile // 2, 2)] if over else [0, 0]
        per_tile, whole = (int(number) for number in rng.integers(50, 600, 2))
        # most of the last row's and column's tiles sticks out, so that the area alone would need fewer
        width, height = (
            (n - 1) * tile + part if over else n * tile for n, part in zip((columns, rows), short, strict=True)
        )
        return Case(args=(width, height, tile, per_tile, whole))

    return [case(4, 3), case(2, 5), case(3, 2, over=False)]


TILE_TOKENS = Exercise(
    id="3.9.4",
    title="A picture by the tile",
    kind="function",
    entry="tile_tokens",
    points=2,
    difficulty=1,
    importance=4,
    minutes=5,
    reference=tile_tokens,
    alternatives=(_tile_tokens_by_ceil, _tile_tokens_by_ranges),
    cases=_tile_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="rounded down",
            sentence="`//` rounds down, so a strip at the right and at the bottom is never seen. Round up.",
            answer=_rounded_down,
        ),
        Misconception(
            name="by the area",
            sentence="You divided the areas. Tiles stand in rows and columns, so round each side up for itself.",
            answer=_by_area,
        ),
        Misconception(
            name="without the whole",
            sentence="The tiles are right. The small view of the whole is missing.",
            answer=_without_the_whole,
        ),
        Misconception(
            name="the whole for each tile",
            sentence="You pay for the view of the whole with every tile; it is shown once.",
            answer=_whole_for_each_tile,
        ),
        Misconception(
            name="always one more",
            sentence="You added a row and a column even where the picture is a whole number of tiles.",
            answer=_one_more_each,
        ),
        Misconception(
            name="rows plus columns",
            sentence="You added rows and columns. Every row has all the columns: multiply.",
            answer=_rows_plus_columns,
        ),
        Misconception(
            name="as high as wide",
            sentence="You took the width for both sides; few pictures are square.",
            answer=_square_of_the_width,
        ),
    ),
    hints=(
        "How many tiles does it take to cover one row of pixels?",
        "Round up: `-(-width // tile)` or `math.ceil(width / tile)`, and the same for the height.",
        "-(-width // tile) * -(-height // tile) * per_tile + whole",
    ),
)

# 3.9.5 -------------------------------------------------------------------------------------------------------------

WHICH_FAMILY = Exercise(
    id="3.9.5",
    title="Which family?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=4,
    reference=("d", 3),
    options={
        "a": "A dual encoder.",
        "b": "A fusion model.",
        "c": "An end-to-end model, and nothing more.",
        "d": "A mixture of experts.",
    },
    reasons=(
        "It has one network for the picture and another for the text.",
        "Patches and words stand in one sequence, which a language model reads.",
        "For each token something chooses which weights it meets.",
        "It was trained in stages, and parts of it were frozen.",
    ),
    misconceptions=(
        Misconception(
            name="two networks, so dual",
            sentence="In a dual encoder the two meet only when their vectors are compared. Here one reads what the other "
            "saw, and answers in words.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="they meet, so fusion",
            sentence="They do meet, but in no layer that was made for it: patches are read like words. ViLBERT and LXMERT "
            "have layers in which two streams attend to each other.",
            answer=("b", 2),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="the last sentence overlooked",
            sentence="Right as far as the projector goes: that is LLaVA. But four networks stand where one stood, and "
            "something picks two of them for each token.",
            answer=("c", 2),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="the right family, for how the picture comes in",
            sentence="The right family, but LLaVA has one sequence too and is no mixture of experts. What is new here?",
            answer=("d", 2),
        ),
        Misconception(
            name="the right family, for its two networks",
            sentence="The right family, but nearly every multimodal model has a network for each. Which are the experts?",
            answer=("d", 1),
        ),
        Misconception(
            name="the right family, for its training",
            sentence="The right family, but the report says nothing of training. What happens to one token?",
            answer=("d", 4),
        ),
    ),
    hints=(
        "Which sentence of the report would be missing from a report on LLaVA?",
        "Four networks, two picked for each token: what is the small matrix called?",
        "The small matrix is a router; choose the family that has one, and the reason that speaks of choosing.",
    ),
)

EXERCISES = (MEDIAN_SIZES, PROJECTOR_SIZE, EXPERT_PARAMETERS, TILE_TOKENS, WHICH_FAMILY)
