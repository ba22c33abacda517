"""The exercises of lesson 2.7, reasoning."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 2.7.1 -------------------------------------------------------------------------------------------------------------

PROMPT_LENGTH = Exercise(
    id="2.7.1",
    title="What eight examples cost",
    kind="number",
    entry="tokens_in_prompt",
    points=1,
    difficulty=1,
    importance=3,
    minutes=4,
    reference=1 + 9 * 16 + 8,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one token a picture",
            sentence="That is the count for one soft token a picture. This model spends sixteen on each.",
            answer=1 + 9 + 8,
        ),
        Misconception(
            name="forgets the picture that is asked",
            sentence="You counted the eight examples. The ninth picture, the one to be named, stands in the prompt as well.",
            answer=1 + 8 * 16 + 8,
        ),
        Misconception(
            name="forgets the words",
            sentence="Every example also holds a word, and each word is a token.",
            answer=1 + 9 * 16,
        ),
        Misconception(
            name="forgets <start>",
            sentence="Nearly: the sequence begins with <start>.",
            answer=9 * 16 + 8,
        ),
        Misconception(
            name="counts the answer",
            sentence="The ninth word is the answer: it is not there yet when the model is asked.",
            answer=1 + 9 * 16 + 9,
        ),
    ),
    hints=(
        "Write down the sequence in words: what comes first, and what comes last before the answer?",
        "Nine pictures, but only eight words.",
        "1 + 9 * 16 + 8",
    ),
)

# 2.7.2 -------------------------------------------------------------------------------------------------------------


def interleaved_episode(said, image, start):
    """Put <image> before each word and <start> in front; learn the words alone."""
    pairs = torch.stack([torch.full_like(said, image), said], dim=2).flatten(1)
    tokens = torch.cat([torch.full_like(said[:, :1], start), pairs], dim=1)
    learnt = torch.zeros_like(tokens, dtype=torch.bool)
    learnt[:, 2::2] = True
    return tokens, learnt


def _episode_by_slices(said, image, start):
    n, pictures = said.shape
    tokens = torch.full((n, 1 + 2 * pictures), image)
    tokens[:, 0] = start
    tokens[:, 2::2] = said
    return tokens, (torch.arange(1 + 2 * pictures) % 2 == 0).expand(n, -1) & (tokens != start)


def _episode_in_a_loop(said, image, start):
    rows = [[start] + [token for word in row for token in (image, word)] for row in said.tolist()]
    learnt = [[False] + [False, True] * said.shape[1] for _ in rows]
    return torch.tensor(rows), torch.tensor(learnt)


def _learns_everything(said, image, start):
    tokens, learnt = interleaved_episode(said, image, start)
    return tokens, torch.ones_like(learnt)


def _learns_the_pictures(said, image, start):
    tokens, _ = interleaved_episode(said, image, start)
    return tokens, tokens == image


def _learns_the_last_word_only(said, image, start):
    tokens, learnt = interleaved_episode(said, image, start)
    learnt[:, :-1] = False
    return tokens, learnt


def _word_before_its_picture(said, image, start):
    pairs = torch.stack([said, torch.full_like(said, image)], dim=2).flatten(1)
    tokens = torch.cat([torch.full_like(said[:, :1], start), pairs], dim=1)
    learnt = torch.zeros_like(tokens, dtype=torch.bool)
    learnt[:, 1::2] = True
    return tokens, learnt


def _pictures_first(said, image, start):
    tokens = torch.cat([torch.full_like(said[:, :1], start), torch.full_like(said, image), said], dim=1)
    return tokens, torch.arange(tokens.shape[1]).expand_as(tokens) > said.shape[1]


def _without_start(said, image, start):
    tokens, learnt = interleaved_episode(said, image, start)
    return tokens[:, 1:], learnt[:, 1:]


def _episode_cases(rng):
    return [Case(args=(integers(rng, 10, 60, *shape), 99, 1)) for shape in ((2, 3), (3, 5), (4, 2))]


INTERLEAVED_EPISODE = Exercise(
    id="2.7.2",
    title="Picture, word, picture, word",
    kind="function",
    entry="interleaved_episode",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=interleaved_episode,
    alternatives=(_episode_by_slices, _episode_in_a_loop),
    cases=_episode_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="learns every position",
            sentence="Your mask is True everywhere: the model would be trained to predict <image>, which is no word that it "
            "should ever say.",
            answer=_learns_everything,
        ),
        Misconception(
            name="learns the pictures",
            sentence="Your mask marks the pictures. They are what is given; the words behind them are what is learnt.",
            answer=_learns_the_pictures,
        ),
        Misconception(
            name="learns the last word only",
            sentence="Your mask marks the last word alone. Every earlier word is a question too, with fewer examples before "
            "it: mark them all.",
            answer=_learns_the_last_word_only,
        ),
        Misconception(
            name="the word before its picture",
            sentence="In your sequence each word stands before its picture, so the model would have to name what it has not "
            "seen yet.",
            answer=_word_before_its_picture,
        ),
        Misconception(
            name="all pictures, then all words",
            sentence="You put all pictures first and all words after them. Interleaved means that each word follows its own "
            "picture.",
            answer=_pictures_first,
        ),
        Misconception(
            name="without <start>",
            sentence="Your sequences lack <start> in front, and so does their mask.",
            answer=_without_start,
        ),
    ),
    hints=(
        "At which positions do the words stand if <start> is position 0?",
        "`torch.stack([pictures, words], dim=2).flatten(1)` deals two rows out alternately; then put <start> in front.",
        "learnt = torch.zeros_like(tokens, dtype=torch.bool); learnt[:, 2::2] = True",
    ),
)

# 2.7.3 -------------------------------------------------------------------------------------------------------------


def two_way_accuracy(logits, words, answers):
    """Let only the two words of each episode compete."""
    return (logits.gather(1, words).argmax(dim=1) == answers).float().mean().item()


def _two_way_by_comparing(logits, words, answers):
    rows = torch.arange(len(logits))
    second = (logits[rows, words[:, 1]] > logits[rows, words[:, 0]]).long()
    return float((second == answers).double().mean())


def _two_way_in_a_loop(logits, words, answers):
    hits = 0
    for row, (first, second), answer in zip(logits, words.tolist(), answers.tolist(), strict=True):
        hits += (0 if row[first] > row[second] else 1) == answer
    return hits / len(logits)


def _whole_vocabulary(logits, words, answers):
    return (logits.argmax(dim=1) == words.gather(1, answers[:, None])[:, 0]).float().mean().item()


def _count_of_hits(logits, words, answers):
    return round(two_way_accuracy(logits, words, answers) * len(logits))


def _mean_share(logits, words, answers):
    return logits.gather(1, words).softmax(dim=1).gather(1, answers[:, None]).mean().item()


def _the_unlikelier_word(logits, words, answers):
    return (logits.gather(1, words).argmin(dim=1) == answers).float().mean().item()


def _answers_as_columns(logits, words, answers):
    return (logits[:, :2].argmax(dim=1) == answers).float().mean().item()


def _two_way_cases(rng):
    def case(n, right):
        vocabulary = 12
        words = torch.stack([torch.from_numpy(rng.permutation(vocabulary)[:2]) for _ in range(n)])
        # both words occur as the answer, and the model is right on a known number, so that no count is its own mirror
        answers = torch.tensor([0, 1] * (n // 2))
        logits = normal(rng, n, vocabulary)
        logits[:, 11] += 1.5  # a word that belongs to few episodes is often the likeliest of all
        told = torch.where(torch.arange(n) < right, answers, 1 - answers)
        pair = torch.stack([normal(rng, n), normal(rng, n)], dim=1).sort(dim=1).values
        pair = torch.where(told[:, None] == 1, pair, pair.flip(1))
        return Case(args=(logits.scatter(1, words, pair), words, answers))

    # how many are right is drawn too: else the answers could be learnt by heart
    return [case(n, int(rng.integers(low, high))) for n, low, high in ((20, 13, 18), (30, 18, 26), (24, 15, 21))]


TWO_WAY_ACCURACY = Exercise(
    id="2.7.3",
    title="Which of two words",
    kind="function",
    entry="two_way_accuracy",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=two_way_accuracy,
    alternatives=(_two_way_by_comparing, _two_way_in_a_loop),
    cases=_two_way_cases,
    misconceptions=(
        Misconception(
            name="the whole vocabulary competes",
            sentence="You let all words compete. With no examples the model cannot know which two words the episode has, and "
            "chance would not be one half: pick the logits of `words` first.",
            answer=_whole_vocabulary,
        ),
        Misconception(
            name="a count, not a share",
            sentence="You counted the hits; divide by how many episodes there are.",
            answer=_count_of_hits,
        ),
        Misconception(
            name="mean probability",
            sentence="That is the mean probability of the right word. Accuracy asks how often it is the likelier of the two.",
            answer=_mean_share,
        ),
        Misconception(
            name="the unlikelier word",
            sentence="You took the word with the smaller logit; the model means the larger.",
            answer=_the_unlikelier_word,
        ),
        Misconception(
            name="the first two columns",
            sentence="You compared the logits of tokens 0 and 1. Which two words compete is told by `words`, row by row.",
            answer=_answers_as_columns,
        ),
    ),
    hints=(
        "Each row has its own two words. How do you pick the logits of just those two?",
        "`logits.gather(1, words)` is [n, 2]; its argmax is 0 or 1, and so is the answer.",
        "(logits.gather(1, words).argmax(dim=1) == answers).float().mean().item()",
    ),
)

# 2.7.4 -------------------------------------------------------------------------------------------------------------


def answer_loss(logits, tokens, learnt):
    """Position t predicts token t + 1, where that token is to be learnt."""
    wanted = learnt[:, 1:]
    return F.cross_entropy(logits[:, :-1][wanted], tokens[:, 1:][wanted])


def _answer_loss_by_weights(logits, tokens, learnt):
    shares = logits[:, :-1].log_softmax(dim=-1).gather(2, tokens[:, 1:, None])[..., 0]
    return -(shares * learnt[:, 1:]).sum() / learnt[:, 1:].sum()


def _answer_loss_in_a_loop(logits, tokens, learnt):
    total, count = 0.0, 0
    for row in range(len(tokens)):
        for t in range(1, tokens.shape[1]):
            if learnt[row, t]:
                total = total + torch.logsumexp(logits[row, t - 1], dim=0) - logits[row, t - 1, tokens[row, t]]
                count += 1
    return total / count


def _not_shifted(logits, tokens, learnt):
    return F.cross_entropy(logits[learnt], tokens[learnt])


def _shifted_the_other_way(logits, tokens, learnt):
    wanted = learnt[:, :-1]
    return F.cross_entropy(logits[:, 1:][wanted], tokens[:, :-1][wanted])


def _mask_not_shifted(logits, tokens, learnt):
    wanted = learnt[:, :-1]
    return F.cross_entropy(logits[:, :-1][wanted], tokens[:, 1:][wanted])


def _mask_forgotten(logits, tokens, learnt):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def _summed(logits, tokens, learnt):
    return answer_loss(logits, tokens, learnt) * learnt[:, 1:].sum()


def _answer_loss_cases(rng):
    def case(batch, length, prompt, vocabulary):
        learnt = torch.zeros(batch, length, dtype=torch.bool)
        learnt[:, prompt:-1] = True
        return Case(
            args=(2 * normal(rng, batch, length, vocabulary), integers(rng, 0, vocabulary, batch, length), learnt)
        )

    return [case(2, 6, 3, 7), case(3, 8, 4, 5), case(4, 7, 2, 9)]


ANSWER_LOSS = Exercise(
    id="2.7.4",
    title="Too good to be true",
    kind="bug",
    entry="answer_loss",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=answer_loss,
    alternatives=(_answer_loss_by_weights, _answer_loss_in_a_loop),
    cases=_answer_loss_cases,
    misconceptions=(
        Misconception(
            name="the answer is in the input",
            sentence="At position t the model has already read token t, and this loss asks it for token t: it can copy. A "
            "language model is asked for the token that comes next.",
            answer=_not_shifted,
            planted=True,
        ),
        Misconception(
            name="shifted the other way",
            sentence="You ask each position for the token before it, which it has read as well: drop the last logits and the "
            "first tokens, not the other way round.",
            answer=_shifted_the_other_way,
        ),
        Misconception(
            name="the mask stayed behind",
            sentence="Logits and tokens are shifted, but the mask is not: it belongs to the tokens, so it loses its first "
            "column as they do.",
            answer=_mask_not_shifted,
        ),
        Misconception(
            name="the mask forgotten",
            sentence="You learn every token, those of the question too. Only where `learnt` is True does the loss count.",
            answer=_mask_forgotten,
        ),
        Misconception(
            name="summed",
            sentence="You summed over the tokens; take their mean, or long answers weigh more.",
            answer=_summed,
        ),
    ),
    hints=(
        "When the model writes logits[:, 5], which is the last token that it has read?",
        "logits[:, :-1] speak of tokens[:, 1:]; which columns of `learnt` go with those tokens?",
        "wanted = learnt[:, 1:], then the cross-entropy of logits[:, :-1][wanted] and tokens[:, 1:][wanted]",
    ),
)

# 2.7.5 -------------------------------------------------------------------------------------------------------------

WHY_STEPS_HELP = Exercise(
    id="2.7.5",
    title="Why the steps help",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("b", 3),
    options={
        "a": "The model that answers at once has not learnt to read the dominoes.",
        "b": "Each look at the dominoes needs the result of the one before, and one pass has room for few.",
        "c": "The model with steps has more parameters to remember chains with.",
        "d": "Longer texts are easier to predict, whatever they say.",
    },
    reasons=(
        "Its loss counts more tokens, so it was trained for longer.",
        "At one step, too, it answers far worse than the other.",
        "Both read single dominoes equally well, and a wrong step is carried on to the end.",
        "The chains of the test occurred in training.",
    ),
    misconceptions=(
        Misconception(
            name="blames the eyes",
            sentence="At one step both models are right nearly always, so both can read a domino.",
            answer=("a", 2),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="blames the memory",
            sentence="The two have the same configuration, number for number, and the test's dominoes were never shown.",
            answer=("c", 4),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="blames the length",
            sentence="If words as such helped, a wrong step would do no harm. You saw that the answer follows it.",
            answer=("d", 1),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "At which number of steps are the two models equally good, and what does that rule out?",
        "To find the third domino you must know where the second one ended. Can that be done in one look?",
        "Look for the option that speaks of one look after another, and the reason that you saw in the widget.",
    ),
)

# 2.7.6 -------------------------------------------------------------------------------------------------------------


def count_orders(clues, things):
    """Try every order, and keep those in which each clue is a pair of neighbours."""
    fits = 0
    for order in itertools.permutations(things):
        neighbours = list(itertools.pairwise(order))
        fits += all(tuple(clue) in neighbours for clue in clues)
    return fits


def _orders_of_blocks(clues, things):
    follows = dict(clues)
    followed = set(follows.values())
    return math.factorial(sum(thing not in followed for thing in things))


def _orders_by_places(clues, things):
    orders = itertools.permutations(range(len(things)))
    places = [dict(zip(things, order, strict=True)) for order in orders]
    return sum(all(place[right] - place[left] == 1 for left, right in clues) for place in places)


def _anywhere_to_the_left(clues, things):
    orders = list(itertools.permutations(things))
    return sum(all(order.index(left) < order.index(right) for left, right in clues) for order in orders)


def _all_orders(clues, things):
    return math.factorial(len(things))


def _either_side(clues, things):
    orders = list(itertools.permutations(things))
    return sum(all(abs(order.index(left) - order.index(right)) == 1 for left, right in clues) for order in orders)


def _any_clue(clues, things):
    fits = 0
    for order in itertools.permutations(things):
        neighbours = list(itertools.pairwise(order))
        fits += any(tuple(clue) in neighbours for clue in clues)
    return fits


def _one_if_there_is_any(clues, things):
    return 1


def _order_cases(rng):
    def case(number, dropped):
        names = ["red", "orange", "yellow", "green", "cyan", "blue"]
        row = [names[i] for i in rng.permutation(6)[:number]]
        clues = list(itertools.pairwise(row))
        kept = rng.permutation(number - 1)[dropped:]
        return Case(args=([clues[i] for i in kept], [row[i] for i in rng.permutation(number)]))

    # how many clues are dropped decides the count, so it is drawn anew, and often
    dropped = [1, 2, 2, *rng.integers(1, 4, 5).tolist()]
    return [case(4 if few < 2 else 5, few) for few in rng.permutation(dropped).tolist()]


COUNT_ORDERS = Exercise(
    id="2.7.6",
    title="How many rows are possible",
    kind="function",
    entry="count_orders",
    points=2,
    difficulty=2,
    importance=4,
    minutes=10,
    reference=count_orders,
    alternatives=(_orders_of_blocks, _orders_by_places),
    cases=_order_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="anywhere to the left",
            sentence="You count orders in which the first thing stands anywhere to the left; here it stands directly left.",
            answer=_anywhere_to_the_left,
        ),
        Misconception(
            name="no clue used",
            sentence="That is the number of all orders; the clues rule most of them out.",
            answer=_all_orders,
        ),
        Misconception(
            name="either side",
            sentence="You count orders in which the two are neighbours, on either side: left must be left.",
            answer=_either_side,
        ),
        Misconception(
            name="any clue will do",
            sentence="You keep an order as soon as one clue holds; all of them must.",
            answer=_any_clue,
        ),
        Misconception(
            name="always one",
            sentence="With a clue missing, more than one order is left. Count them.",
            answer=_one_if_there_is_any,
        ),
    ),
    hints=(
        "Four things have 24 orders. Could you look at each of them?",
        "`itertools.permutations(things)` yields the orders; `zip(order, order[1:])` the neighbours in one of them.",
        "sum(all(clue in list(zip(order, order[1:])) for clue in clues) for order in itertools.permutations(things))",
    ),
)

EXERCISES = (PROMPT_LENGTH, INTERLEAVED_EPISODE, TWO_WAY_ACCURACY, ANSWER_LOSS, WHY_STEPS_HELP, COUNT_ORDERS)
