"""The exercises of lesson 3.1, the dual encoder."""

from __future__ import annotations

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 3.1.1 -------------------------------------------------------------------------------------------------------------

PICTURES, SEARCHES, KEPT = 10_000, 300, 50

ENCODER_RUNS = Exercise(
    id="3.1.1",
    title="What a day of searching costs",
    kind="number",
    entry="runs",
    points=1,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=PICTURES + SEARCHES + SEARCHES * KEPT,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="every pair",
            sentence="That is a cross-encoder on every search and every picture. Here it reads only what the towers "
            "have kept.",
            answer=PICTURES * SEARCHES,
        ),
        Misconception(
            name="the towers alone",
            sentence="That is what the two towers run; each search also has its kept pictures read by the cross-encoder.",
            answer=PICTURES + SEARCHES,
        ),
        Misconception(
            name="ranked anew once",
            sentence="You had one search ranked anew. Each of them keeps pictures of its own.",
            answer=PICTURES + SEARCHES + KEPT,
        ),
        Misconception(
            name="pictures not counted",
            sentence="Before anybody can search, each picture has to go through its tower, once.",
            answer=SEARCHES + SEARCHES * KEPT,
        ),
        Misconception(
            name="searches not counted",
            sentence="The sentence of each search goes through its tower too.",
            answer=PICTURES + SEARCHES * KEPT,
        ),
        Misconception(
            name="pictures encoded for each search",
            sentence="You encoded the pictures again for each search. They do not change: their vectors are kept.",
            answer=SEARCHES * (PICTURES + 1 + KEPT),
        ),
    ),
    hints=(
        "What has to be run once, what once a search, and what for each picture that a search keeps?",
        "The picture tower runs for each picture, the text tower for each search; then the cross-encoder.",
        "10_000 + 300 + 300 * 50",
    ),
)

# 3.1.2 -------------------------------------------------------------------------------------------------------------


def win_rates(right, wrong):
    """The share of pictures whose true caption has the higher score, a tie for a half, for each kind of wrong one."""
    return ((right[:, None] > wrong).float() + 0.5 * (right[:, None] == wrong).float()).mean(dim=0)


def _win_rates_by_signs(right, wrong):
    return ((right.unsqueeze(1) - wrong).sign() / 2 + 0.5).mean(dim=0)


def _win_rates_in_loops(right, wrong):
    rates = []
    for column in wrong.T.tolist():
        won = [1.0 if r > w else 0.5 if r == w else 0.0 for r, w in zip(right.tolist(), column, strict=True)]
        rates.append(sum(won) / len(won))
    return torch.tensor(rates)


def _ties_are_wins(right, wrong):
    return (right[:, None] >= wrong).float().mean(dim=0)


def _ties_are_losses(right, wrong):
    return (right[:, None] > wrong).float().mean(dim=0)


def _by_picture(right, wrong):
    return ((right[:, None] > wrong).float() + 0.5 * (right[:, None] == wrong).float()).mean(dim=1)


def _wrong_ones_win(right, wrong):
    return 1 - win_rates(right, wrong)


def _margins(right, wrong):
    return (right[:, None] - wrong).mean(dim=0)


def _above_zero(right, wrong):
    return ((right[:, None] > 0) & (wrong < 0)).float().mean(dim=0)


def _rate_cases(rng):
    def case(pictures, kinds):
        # whole numbers tie often, and each kind of caption is told apart less well than the one before it
        right = integers(rng, 0, 4, pictures).float()
        wrong = torch.stack([integers(rng, -3, 3 + kind, pictures).float() for kind in range(kinds)], dim=1)
        wrong[:2, 0], wrong[2, 0] = right[:2], right[2] + 1  # at least two ties and one loss
        return Case(args=(right, wrong))

    return [case(12, 2), case(30, 4), case(7, 3)]


WIN_RATES = Exercise(
    id="3.1.2",
    title="Who beats a coin?",
    kind="function",
    entry="win_rates",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=win_rates,
    alternatives=(_win_rates_by_signs, _win_rates_in_loops),
    cases=_rate_cases,
    misconceptions=(
        Misconception(
            name="a tie counts as won",
            sentence="You count equal scores as won: then a model that gives every caption the same score is perfect. A "
            "tie is a coin: half.",
            answer=_ties_are_wins,
        ),
        Misconception(
            name="a tie counts as lost",
            sentence="You count equal scores as lost: then a model that ignores the order of words looks worse than a "
            "coin. A tie is half.",
            answer=_ties_are_losses,
        ),
        Misconception(
            name="a rate for each picture",
            sentence="You averaged over the kinds of caption; average over the pictures, dim=0, and keep the kinds.",
            answer=_by_picture,
        ),
        Misconception(
            name="the wrong ones win",
            sentence="You count how often the wrong caption wins.",
            answer=_wrong_ones_win,
        ),
        Misconception(
            name="how far apart, not how often",
            sentence="That is the mean distance between the scores; one picture with a huge one would hide many mistakes. "
            "Count who wins.",
            answer=_margins,
        ),
        Misconception(
            name="a threshold at zero",
            sentence="Whether a score is above zero does not matter here: a caption wins if its score is the higher one.",
            answer=_above_zero,
        ),
    ),
    hints=(
        "A model gives both captions the very same score. How often would it choose rightly?",
        "`right[:, None] > wrong` compares each true caption with all the wrong ones of its picture; `==` finds ties.",
        "((right[:, None] > wrong).float() + 0.5 * (right[:, None] == wrong).float()).mean(dim=0)",
    ),
)

# 3.1.3 -------------------------------------------------------------------------------------------------------------

_OPPOSITES = {"above": "below", "below": "above", "left": "right", "right": "left"}
_RELATIONS = ("above", "below", "left of", "right of")


def exchange_things(caption):
    """The two things in each other's places, the relation as it was."""
    words = caption.split()
    first, relation, second = words[:4], words[4:-4], words[-4:]
    return " ".join(second + relation + first)


def _exchange_by_partition(caption):
    for relation in _RELATIONS:
        first, found, second = caption.partition(f" {relation} ")
        if found:
            return second + found + first
    raise ValueError(caption)


def _exchange_by_rotation(caption):
    words = caption.split()
    middle = len(words) - 8
    return " ".join([words[i] for i in (*range(4 + middle, 8 + middle), *range(4, 4 + middle), *range(4))])


def _relation_turned_too(caption):
    words = caption.split()
    relation = [_OPPOSITES.get(word, word) for word in words[4:-4]]
    return " ".join(words[-4:] + relation + words[:4])


def _only_the_relation_turned(caption):
    return " ".join(_OPPOSITES.get(word, word) for word in caption.split())


def _as_it_was(caption):
    return caption


def _read_backwards(caption):
    return " ".join(reversed(caption.split()))


def _only_the_shapes(caption):
    words = caption.split()
    words[3], words[-1] = words[-1], words[3]
    return " ".join(words)


def _relation_lost(caption):
    words = caption.split()
    return " ".join(words[-4:] + words[:4])


def _exchange_cases(rng):
    def case(relation):
        shapes, colours = (
            ["circle", "square", "triangle", "cross", "ring", "star"],
            ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "black"],
        )
        sizes = ["small", "large"] if rng.integers(2) else ["large", "small"]
        first, second = (
            f"a {size} {colour} {shape}"
            for size, colour, shape in zip(
                sizes, rng.permutation(colours)[:2], rng.permutation(shapes)[:2], strict=True
            )
        )
        return Case(args=(f"{first} {relation} {second}",))

    return [case(relation) for relation in _RELATIONS]


EXCHANGE_THINGS = Exercise(
    id="3.1.3",
    title="A wrong caption that is right",
    kind="bug",
    entry="exchange_things",
    points=3,
    difficulty=3,
    importance=4,
    minutes=8,
    reference=exchange_things,
    alternatives=(_exchange_by_partition, _exchange_by_rotation),
    cases=_exchange_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="true after all",
            sentence="A circle above a square is a square below a circle: the two things have changed places and the "
            "relation has turned, so the caption is still true.",
            answer=_relation_turned_too,
            planted=True,
        ),
        Misconception(
            name="another word",
            sentence="Your caption is wrong, but it holds a word that the true one does not: a bag of words could tell "
            "them apart. Keep the relation and exchange the things.",
            answer=_only_the_relation_turned,
        ),
        Misconception(
            name="nothing exchanged",
            sentence="Your caption is the one that was given.",
            answer=_as_it_was,
        ),
        Misconception(
            name="read backwards",
            sentence="You turned round the order of all words: that is no sentence any more, and easily seen to be wrong.",
            answer=_read_backwards,
        ),
        Misconception(
            name="only the shapes",
            sentence="You exchanged the shapes alone; each thing takes its size and its colour along.",
            answer=_only_the_shapes,
        ),
        Misconception(
            name="relation lost",
            sentence="Your caption says what there is and no longer where: the relation is missing.",
            answer=_relation_lost,
        ),
    ),
    hints=(
        "Draw what the given code returns for *a red circle above a blue square*. Is it another picture?",
        "Two changes undo each other here. Which of the two may stay?",
        'return " ".join(second + relation + first), with the relation as it was',
    ),
)

# 3.1.4 -------------------------------------------------------------------------------------------------------------


def rerank(candidates, scores):
    """The numbers of the kept pictures, best first by the new scores."""
    return candidates.gather(1, scores.argsort(dim=1, descending=True))


def _rerank_in_a_loop(candidates, scores):
    rows = []
    for numbers, values in zip(candidates.tolist(), scores.tolist(), strict=True):
        rows.append([numbers[i] for i in sorted(range(len(numbers)), key=lambda i: -values[i])])
    return torch.tensor(rows)


def _rerank_by_topk(candidates, scores):
    order = scores.topk(scores.shape[1], dim=1).indices
    return torch.take_along_dim(candidates, order, dim=1)


def _places_not_pictures(candidates, scores):
    return scores.argsort(dim=1, descending=True)


def _worst_first(candidates, scores):
    return candidates.gather(1, scores.argsort(dim=1))


def _as_they_came(candidates, scores):
    return candidates.clone()


def _numbers_sorted(candidates, scores):
    return candidates.sort(dim=1).values


def _order_of_the_first_search(candidates, scores):
    return candidates[:, scores[0].argsort(descending=True)]


def _sorted_across_searches(candidates, scores):
    return candidates.gather(0, scores.argsort(dim=0, descending=True))


def _rerank_cases(rng):
    def case(searches, kept, pictures):
        candidates = torch.stack([torch.from_numpy(rng.permutation(pictures))[:kept] for _ in range(searches)])
        return Case(args=(candidates + 20, normal(rng, searches, kept)))  # no picture's number is a place

    return [case(4, 5, 30), case(6, 8, 100), case(3, 12, 50)]


RERANK = Exercise(
    id="3.1.4",
    title="Ranked anew",
    kind="function",
    entry="rerank",
    points=3,
    difficulty=3,
    importance=5,
    minutes=8,
    reference=rerank,
    alternatives=(_rerank_in_a_loop, _rerank_by_topk),
    cases=_rerank_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="places, not pictures",
            sentence="You return which of the kept ones is best, 0 to k - 1; what is wanted are the numbers of the pictures "
            "that stand at these places.",
            answer=_places_not_pictures,
        ),
        Misconception(
            name="worst first",
            sentence="Your order rises, so the picture that fits least stands first: sort descending.",
            answer=_worst_first,
        ),
        Misconception(
            name="as they came",
            sentence="That is the towers' own order; the new scores have changed nothing.",
            answer=_as_they_came,
        ),
        Misconception(
            name="picture numbers sorted",
            sentence="You sorted the numbers of the pictures themselves; it is their scores that decide.",
            answer=_numbers_sorted,
        ),
        Misconception(
            name="one order for all searches",
            sentence="You gave every search the order of the first; each row has scores of its own.",
            answer=_order_of_the_first_search,
        ),
        Misconception(
            name="sorted across the searches",
            sentence="You sorted down the columns, so that searches exchange their pictures: sort each row, dim=1.",
            answer=_sorted_across_searches,
        ),
    ),
    hints=(
        "Which of its kept pictures does the first search want to see first, and what is that picture's number?",
        "`scores.argsort(dim=1, descending=True)` holds places in the row; `candidates.gather(1, ...)` looks up what "
        "stands there.",
        "candidates.gather(1, scores.argsort(dim=1, descending=True))",
    ),
)

# 3.1.5 -------------------------------------------------------------------------------------------------------------

GALLERY, MILLISECONDS, PATIENCE = 1000, 4.0, 200.0


def _patience_measure(settings, rng):
    """The share of 400 searches that show the right picture first, in time: `kept` pairs of 4 ms each within 200 ms.

    The towers rank the right picture behind eight look-alikes on average; the cross-encoder errs in one search of fifty.
    """
    kept = settings["kept"]
    if isinstance(kept, bool) or not isinstance(kept, int) or not 1 <= kept <= GALLERY:
        raise ValueError(f"kept must be a whole number from 1 to {GALLERY}, the number of pictures")
    rank = rng.exponential(8.0, size=400)
    reliable = rng.random(400) > 0.02
    return float(((rank < kept) & reliable).mean()) if kept * MILLISECONDS <= PATIENCE else 0.0


KEEP = Exercise(
    id="3.1.5",
    title="How many to keep",
    kind="tune",
    entry="settings",
    points=2,
    difficulty=2,
    importance=4,
    minutes=5,
    reference={"kept": 45},
    measure=_patience_measure,
    target=0.90,
    direction="at least",
    misconceptions=(
        Misconception(
            name="too few kept",
            sentence="What the towers drop, nobody can bring back: with so few kept, the right picture is often not among "
            "them. Keep more.",
            answer={"kept": 5},
            when=lambda settings: 1 <= settings["kept"] <= 12,
        ),
        Misconception(
            name="too slow",
            sentence="So many pairs take longer than people wait, and an answer that comes too late is none. Multiply by "
            "the time of a pair.",
            answer={"kept": 500},
            when=lambda settings: settings["kept"] > PATIENCE / MILLISECONDS,
        ),
        Misconception(
            name="no such number",
            sentence="At least one picture has to be kept, or there is nothing to show.",
            answer={"kept": 0},
            when=lambda settings: settings["kept"] < 1,
        ),
    ),
    hints=(
        "How many pairs can be read in the time that people wait?",
        "Divide 200 milliseconds by those of a pair: you may keep no more than that. And hardly fewer are enough.",
        "Any number from 30 to 50 does.",
    ),
)

# 3.1.6 -------------------------------------------------------------------------------------------------------------

CEILING = Exercise(
    id="3.1.6",
    title="It is not among them",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("b", 3),
    options={
        "a": "Train the cross-encoder for longer.",
        "b": "Let the towers keep more pictures.",
        "c": "Let the cross-encoder read each kept pair twice and take the mean.",
        "d": "Give the towers' scores another temperature.",
    },
    reasons=(
        "A cross-encoder can find any picture if it is good enough.",
        "A colder temperature makes the right picture win.",
        "Ranking anew changes the order of what was kept, and nothing else.",
        "Reading twice halves the mistakes.",
    ),
    misconceptions=(
        Misconception(
            name="a better judge",
            sentence="However good, it never sees the picture: the towers have dropped it before.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="a judge who looks twice",
            sentence="It would look twice at the same kept pictures, and the right one is still not among them.",
            answer=("c", 4),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="another temperature",
            sentence="A temperature stretches all scores alike; the order, and so what is kept, stays as it is.",
            answer=("d", 2),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "Which model decides whether a picture is read by the cross-encoder at all?",
        "Recall at k of the towers is a ceiling. What raises it?",
        "Look for the option that lets the right picture in, and the reason that says why nothing else can.",
    ),
)

EXERCISES = (ENCODER_RUNS, WIN_RATES, EXCHANGE_THINGS, RERANK, KEEP, CEILING)
