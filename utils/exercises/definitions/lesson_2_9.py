"""The exercises of lesson 2.9, spatial reasoning."""

from __future__ import annotations

import numpy as np
import torch

from utils.exercises.definition import Case, Exercise, Misconception, close

# 2.9.1 -------------------------------------------------------------------------------------------------------------


def build(commands):
    """Add is or, cut is and not, keep is and; line by line."""
    solid = torch.zeros_like(commands[0][1])
    for operation, filled in commands:
        if operation == "add":
            solid = solid | filled
        elif operation == "cut":
            solid = solid & ~filled
        else:
            solid = solid & filled
    return solid


def _build_by_logic(commands):
    solid = torch.zeros_like(commands[0][1])
    for operation, filled in commands:
        match operation:
            case "add":
                solid = torch.logical_or(solid, filled)
            case "cut":
                solid = torch.where(filled, False, solid)
            case "keep":
                solid = torch.logical_and(solid, filled)
    return solid


def _build_with_numbers(commands):
    solid = np.zeros(commands[0][1].shape, dtype=int)
    for operation, filled in commands:
        one = filled.numpy().astype(int)
        solid = {"add": np.maximum(solid, one), "cut": solid * (1 - one), "keep": solid * one}[operation]
    return torch.from_numpy(solid.astype(bool))


def _with(commands, **changed):
    """Run commands with one operation understood otherwise."""
    steps = {"add": torch.logical_or, "cut": lambda s, f: s & ~f, "keep": torch.logical_and} | changed
    solid = torch.zeros_like(commands[0][1])
    for operation, filled in commands:
        solid = steps[operation](solid, filled)
    return solid


def _cut_is_xor(commands):
    return _with(commands, cut=torch.logical_xor)


def _cut_the_wrong_way(commands):
    return _with(commands, cut=lambda solid, filled: filled & ~solid)


def _keep_is_add(commands):
    return _with(commands, keep=torch.logical_or)


def _keep_is_left_out(commands):
    return _with(commands, keep=lambda solid, filled: solid)


def _add_replaces(commands):
    return _with(commands, add=lambda solid, filled: filled)


def _cuts_come_last(commands):
    return _with(sorted(commands, key=lambda command: command[0] == "cut"))


def _program_cases(rng):
    def blocks(share):
        return torch.from_numpy(rng.random((4, 5, 6)) < share)

    def case(*operations):
        shares = {"add": 0.4, "cut": 0.35, "keep": 0.7}
        return Case(args=([(operation, blocks(shares[operation])) for operation in operations],))

    return [case("add", "cut", "add"), case("add", "add", "keep", "cut"), case("add", "keep", "cut", "add", "cut")]


BUILD = Exercise(
    id="2.9.1",
    title="Run a program",
    kind="function",
    entry="build",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=build,
    alternatives=(_build_by_logic, _build_with_numbers),
    cases=_program_cases,
    misconceptions=(
        Misconception(
            name="cut fills what was empty",
            sentence="Where there is nothing to cut, your cut puts something (that is an exclusive or): what it takes away "
            "must have been there.",
            answer=_cut_is_xor,
        ),
        Misconception(
            name="cut the wrong way round",
            sentence="You kept what is in the new part and not in the solid: a cut keeps the solid, without the new part.",
            answer=_cut_the_wrong_way,
        ),
        Misconception(
            name="keep adds",
            sentence="Your `keep` unites. It should leave only what lies in both the solid and the new part.",
            answer=_keep_is_add,
        ),
        Misconception(
            name="keep does nothing",
            sentence="Your solid is the same before and after `keep`; it should lose all that lies outside the new part.",
            answer=_keep_is_left_out,
        ),
        Misconception(
            name="add replaces",
            sentence="With each `add` you forget what was there. An `add` unites the new part with the solid.",
            answer=_add_replaces,
        ),
        Misconception(
            name="all cuts at the end",
            sentence="You cut after everything was added. Lines run in order: what is added after a cut is not cut by it.",
            answer=_cuts_come_last,
        ),
    ),
    hints=(
        "Each voxel is True or False. After a cut, when is it True?",
        "`|` unites, `&` keeps what is in both, `~` turns True into False; begin with a solid that is empty.",
        "add: solid | filled; cut: solid & ~filled; keep: solid & filled",
    ),
)

# 2.9.2 -------------------------------------------------------------------------------------------------------------


def fill_box(centre, sizes, side):
    """The grid is [depth, height, width], so its axes are z, y, x."""
    axis = torch.arange(side)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    near = ((x - centre[0]).abs() <= sizes[0]) & ((y - centre[1]).abs() <= sizes[1])
    return near & ((z - centre[2]).abs() <= sizes[2])


def _fill_by_broadcasting(centre, sizes, side):
    x, y, z = ((torch.arange(side) - c).abs() <= s for c, s in zip(centre, sizes, strict=True))
    return z[:, None, None] & y[None, :, None] & x[None, None, :]


def _fill_in_a_loop(centre, sizes, side):
    box = torch.zeros(side, side, side, dtype=torch.bool)
    for z in range(side):
        for y in range(side):
            for x in range(side):
                box[z, y, x] = all(abs(a - c) <= s for a, c, s in zip((x, y, z), centre, sizes, strict=True))
    return box


def _axes_exchanged(centre, sizes, side):
    return fill_box(centre[::-1], sizes[::-1], side)


def _x_and_y_exchanged(centre, sizes, side):
    return fill_box(tuple(centre[i] for i in (1, 0, 2)), tuple(sizes[i] for i in (1, 0, 2)), side)


def _x_y_indexing(centre, sizes, side):
    return fill_box(centre, sizes, side).permute(1, 2, 0)  # [height, width, depth]


def _sizes_from_side_to_side(centre, sizes, side):
    return fill_box(centre, tuple(size / 2 for size in sizes), side)


def _y_upwards(centre, sizes, side):
    return fill_box((centre[0], side - 1 - centre[1], centre[2]), sizes, side)


def _from_the_corner(centre, sizes, side):
    return fill_box(tuple(c + s / 2 for c, s in zip(centre, sizes, strict=True)), tuple(s / 2 for s in sizes), side)


def _box_cases(rng):
    def case(side):
        # three different sizes, and a middle that no exchange of axes leaves where it is
        sizes = tuple(float(size) for size in rng.permutation([1, 2, 3]))
        low = side // 2 - 4
        centre = tuple(float(low + c) for c in rng.permutation([1, 3, 5]))
        return Case(args=(centre, sizes, side))

    return [case(12), case(14), case(16)]


FILL_BOX = Exercise(
    id="2.9.2",
    title="A box that stands on its side",
    kind="bug",
    entry="fill_box",
    points=2,
    difficulty=3,
    importance=4,
    minutes=8,
    reference=fill_box,
    alternatives=(_fill_by_broadcasting, _fill_in_a_loop),
    cases=_box_cases,
    misconceptions=(
        Misconception(
            name="axes exchanged",
            sentence="Your first axis runs along x. In a grid `[depth, height, width]` the first axis is z and the last is "
            "x, so what should be wide comes out deep.",
            answer=_axes_exchanged,
            planted=True,
        ),
        Misconception(
            name="x and y exchanged",
            sentence="Depth is right now, but what should be wide is high: the second axis is y, the last is x.",
            answer=_x_and_y_exchanged,
        ),
        Misconception(
            name="x and y in front",
            sentence="Your grid is `[height, width, depth]`, which is what `indexing='xy'` makes of x, y, z: depth must come "
            "first.",
            answer=_x_y_indexing,
        ),
        Misconception(
            name="sizes from side to side",
            sentence="Your boxes are half as large as they should be: sizes reach from the centre to a side, not from side "
            "to side.",
            answer=_sizes_from_side_to_side,
        ),
        Misconception(
            name="y upwards",
            sentence="Your boxes stand upside down: y grows downwards here, as in pictures.",
            answer=_y_upwards,
        ),
        Misconception(
            name="a corner, not the centre",
            sentence="Your box begins at the point that should be its centre.",
            answer=_from_the_corner,
        ),
    ),
    hints=(
        "Which of the grid's three axes does `indexing='ij'` give to the first name?",
        "The grid is `[depth, height, width]`: the first axis is z, the second y, the third x.",
        "z, y, x = torch.meshgrid(axis, axis, axis, indexing='ij')",
    ),
)

# 2.9.3 -------------------------------------------------------------------------------------------------------------


def iou(one, other):
    """Both over either; two empty solids are equal."""
    both, either = (one & other).sum().item(), (one | other).sum().item()
    return both / either if either else 1.0


def _iou_from_volumes(one, other):
    both = float(torch.logical_and(one, other).sum())
    either = float(one.sum() + other.sum()) - both
    return 1.0 if either == 0 else both / either


def _iou_in_numpy(one, other):
    a, b = one.numpy().ravel(), other.numpy().ravel()
    return 1.0 if not (a | b).any() else float((a & b)[a | b].mean())


def _dice(one, other):
    total = (one.sum() + other.sum()).item()
    return 2 * (one & other).sum().item() / total if total else 1.0


def _share_of_the_first(one, other):
    return (one & other).sum().item() / one.sum().item() if one.any() else 1.0


def _share_of_the_second(one, other):
    return _share_of_the_first(other, one)


def _equal_pixels(one, other):
    return (one == other).float().mean().item()


def _counted_twice(one, other):
    return _dice(one, other) / 2 if (one | other).any() else 1.0


def _empty_is_wrong(one, other):
    return iou(one, other) if (one | other).any() else 0.0


def _iou_cases(rng):
    def pair(*shape):
        return Case(args=tuple(torch.from_numpy(rng.random(shape) < share) for share in (0.6, 0.35)))

    empty = torch.zeros(3, 4, 5, dtype=torch.bool)
    return [pair(4, 5, 6), pair(8, 8, 8), pair(3, 9, 5), Case(args=(empty, empty.clone()))]


IOU = Exercise(
    id="2.9.3",
    title="How alike are two solids?",
    kind="function",
    entry="iou",
    points=2,
    difficulty=2,
    importance=5,
    minutes=6,
    reference=iou,
    alternatives=(_iou_from_volumes, _iou_in_numpy),
    cases=_iou_cases,
    misconceptions=(
        Misconception(
            name="Dice's coefficient",
            sentence="You divided twice the overlap by the sum of both volumes. That is Dice's coefficient, which is kinder "
            "than IoU; here the overlap is divided by what either fills.",
            answer=_dice,
        ),
        Misconception(
            name="share of the first",
            sentence="You divided by the first solid alone, so that a second one which fills the whole room would be perfect.",
            answer=_share_of_the_first,
        ),
        Misconception(
            name="share of the second",
            sentence="You divided by the second solid alone, so that a first one which fills the whole room would be perfect.",
            answer=_share_of_the_second,
        ),
        Misconception(
            name="empty space counts as agreement",
            sentence="You counted the voxels in which both are empty as agreement, and most of a room is empty: even "
            "two solids that never touch would score well.",
            answer=_equal_pixels,
        ),
        Misconception(
            name="overlap counted twice",
            sentence="You added the two volumes, and the overlap is in both: take it off once.",
            answer=_counted_twice,
        ),
        Misconception(
            name="two empty solids differ",
            sentence="Two empty solids are the same solid: they score 1.",
            answer=_empty_is_wrong,
        ),
    ),
    hints=(
        "Which voxels are filled in both solids, and which in at least one of them?",
        "`(one & other).sum()` and `(one | other).sum()`; mind that the second may be 0.",
        "both / either if either else 1.0",
    ),
)

# 2.9.4 -------------------------------------------------------------------------------------------------------------

ONE_PIXEL_OFF = Exercise(
    id="2.9.4",
    title="One pixel off",
    kind="number",
    entry="one_pixel_off",
    points=1,
    difficulty=2,
    importance=3,
    minutes=4,
    reference=9**3 / (2 * 10**3 - 9**3),
    compare=close(rtol=0.01),
    misconceptions=(
        Misconception(
            name="overlap over one cube",
            sentence="That is how much of one cube the other covers. IoU divides by what either fills, and that is more.",
            answer=9**3 / 10**3,
        ),
        Misconception(
            name="overlap over both cubes",
            sentence="You divided by the two volumes together, in which the overlap is counted twice.",
            answer=9**3 / (2 * 10**3),
        ),
        Misconception(
            name="moved along one axis",
            sentence="That is the IoU for a cube that is moved along one axis; this one is off along all three.",
            answer=900 / 1100,
        ),
        Misconception(
            name="moved along two axes",
            sentence="That is the IoU of two squares, or of cubes that are off along two axes; this one is off along three.",
            answer=810 / 1190,
        ),
    ),
    hints=(
        "How long are the sides of the part that both cubes fill?",
        "The overlap is 9 × 9 × 9. What either fills is the two volumes less the overlap.",
        "9**3 / (2 * 10**3 - 9**3)",
    ),
)

# 2.9.5 -------------------------------------------------------------------------------------------------------------

TWO_MEASURES = Exercise(
    id="2.9.5",
    title="Why the two measures part",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=("b", 1),
    options={
        "a": "IoU is the coarser measure, because it works on voxels.",
        "b": "Equal words measure how a solid is written down, and not what it is.",
        "c": "Programs are too short for a share of words to mean anything.",
        "d": "The vocabulary has too many numbers.",
    },
    reasons=(
        "Many programs build one solid, and a single wrong number can move a whole part.",
        "Rounding to pixels hides what the numbers say exactly.",
        "A mean over few words is noisy, and more of them would bring it to the IoU.",
        "With fewer numbers to choose from, fewer would be wrong.",
    ),
    misconceptions=(
        Misconception(
            name="blames the pixels",
            sentence="One wrong number loses most of the solid, and the lines in another order meet each of its voxels: that "
            "is no matter of rounding.",
            answer=("a", 2),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="blames the length",
            sentence="A program of a thousand lines may be written in another order too, and none of its words need stand "
            "where it stood.",
            answer=("c", 3),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="blames the numbers",
            sentence="In the last program every number is right: only the order of its lines is another.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "Of the last program, which words are wrong, and what is wrong with its solid?",
        "Is there only one program for a solid? Is one wrong word always a small mistake?",
        "Look for the option that tells writing from what is written, and the reason that says both.",
    ),
)

# 2.9.6 -------------------------------------------------------------------------------------------------------------


def outline_scores(solids, outline):
    """The IoU of each solid's outline, seen along the depth, with that of the picture."""
    fronts = solids.any(dim=1)
    both = (fronts & outline).sum(dim=(1, 2))
    either = (fronts | outline).sum(dim=(1, 2))
    return both / either


def _scores_in_a_loop(solids, outline):
    scores = []
    for solid in solids:
        front = solid.sum(dim=0) > 0
        scores.append((front & outline).sum().item() / (front | outline).sum().item())
    return torch.tensor(scores)


def _scores_by_amax(solids, outline):
    fronts, wanted = solids.float().amax(dim=1).flatten(1), outline.float().flatten()
    both = fronts @ wanted
    return both / (fronts.sum(1) + wanted.sum() - both)


def _ratio(fronts, outline):
    return (fronts & outline).sum(dim=(1, 2)) / (fronts | outline).sum(dim=(1, 2))


def _seen_from_above(solids, outline):
    return _ratio(solids.any(dim=2), outline)


def _seen_from_the_side(solids, outline):
    return _ratio(solids.any(dim=3), outline)


def _a_slice(solids, outline):
    return _ratio(solids[:, solids.shape[1] // 2], outline)


def _all_the_way_through(solids, outline):
    return _ratio(solids.all(dim=1), outline)


def _covered_share(solids, outline):
    return (solids.any(dim=1) & outline).sum(dim=(1, 2)) / outline.sum()


def _right_share(solids, outline):
    fronts = solids.any(dim=1)
    return (fronts & outline).sum(dim=(1, 2)) / fronts.sum(dim=(1, 2))


def _equal_spots(solids, outline):
    return (solids.any(dim=1) == outline).float().mean(dim=(1, 2))


def _outline_cases(rng):
    def case(tries, side):
        # blocks on the room's floor, such that they differ from every side and none reaches all the way through
        solids = rng.random((tries, side, side, side)) < 0.12
        solids[:, side // 2, 0, 0] = True
        solids[:, :-1, 1, 1] = True
        solids[:, :, 1, 1] |= rng.random((tries, side)) < 0.5
        outline = torch.from_numpy(rng.random((side, side)) < 0.5)
        outline[1, 1] = True
        return Case(args=(torch.from_numpy(solids), outline))

    return [case(3, 6), case(8, 7), case(5, 8)]


OUTLINE_SCORES = Exercise(
    id="2.9.6",
    title="A judge that needs no truth",
    kind="function",
    entry="outline_scores",
    points=3,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=outline_scores,
    alternatives=(_scores_in_a_loop, _scores_by_amax),
    cases=_outline_cases,
    misconceptions=(
        Misconception(
            name="seen from above",
            sentence="You looked along the height: the picture is what one sees along the depth, which is `dim=1` here.",
            answer=_seen_from_above,
        ),
        Misconception(
            name="seen from the side",
            sentence="You looked along the width: the picture is what one sees along the depth, which is `dim=1` here.",
            answer=_seen_from_the_side,
        ),
        Misconception(
            name="one slice only",
            sentence="You compared one slice through the middle. What stands before or behind it is seen too.",
            answer=_a_slice,
        ),
        Misconception(
            name="filled all the way through",
            sentence="You counted a spot only if the solid fills the whole depth behind it; one voxel is enough to be "
            "seen.",
            answer=_all_the_way_through,
        ),
        Misconception(
            name="too much is free",
            sentence="You measured how much of the picture's outline is covered; a solid that fills the whole room would "
            "win. Divide by what either outline fills.",
            answer=_covered_share,
        ),
        Misconception(
            name="too little is free",
            sentence="You measured how much of the solid's outline lies within the picture's; a single voxel in the right "
            "place would win. Divide by what either outline fills.",
            answer=_right_share,
        ),
        Misconception(
            name="empty ground counts as agreement",
            sentence="You counted the ground that is empty in both as agreement; IoU leaves it out.",
            answer=_equal_spots,
        ),
    ),
    hints=(
        "From the front, when does one see something of a solid at a certain spot of the picture?",
        "`solids.any(dim=1)` is what each looks like from the front, `[tries, height, width]`; then it is IoU in the plane.",
        "fronts = solids.any(dim=1); (fronts & outline).sum(dim=(1, 2)) / (fronts | outline).sum(dim=(1, 2))",
    ),
)

EXERCISES = (BUILD, FILL_BOX, IOU, ONE_PIXEL_OFF, TWO_MEASURES, OUTLINE_SCORES)
