"""The exercises of lesson 2.1, text and image encoders."""

from __future__ import annotations

import math
import string
from collections import Counter
from itertools import pairwise

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, normal

# 2.1.1 -------------------------------------------------------------------------------------------------------------


def best_pair(words):
    """Count neighbours within each word; the most frequent pair and how often it occurs."""
    counts = Counter(pair for word in words for pair in pairwise(word))
    (left, right), count = counts.most_common(1)[0]
    return left, right, count


def _best_pair_by_index(words):
    counts = {}
    for word in words:
        for i in range(len(word) - 1):
            pair = (word[i], word[i + 1])
            counts[pair] = counts.get(pair, 0) + 1
    best = max(counts, key=counts.get)
    return best[0], best[1], counts[best]


def _best_pair_by_sorting(words):
    pairs = sorted(pair for word in words for pair in pairwise(word))
    best = max(pairs, key=pairs.count)
    return (*best, pairs.count(best))


def _across_words(words):
    return best_pair([[token for word in words for token in word]])


def _each_word_once(words):
    return best_pair([list(word) for word in dict.fromkeys(map(tuple, words))])


def _in_either_order(words):
    counts = Counter(tuple(sorted(pair)) for word in words for pair in pairwise(word))
    (left, right), count = counts.most_common(1)[0]
    return left, right, count


def _once_a_word(words):
    counts = Counter(pair for word in words for pair in dict.fromkeys(pairwise(word)))
    (left, right), count = counts.most_common(1)[0]
    return left, right, count


def _every_other_pair(words):
    counts = Counter(pair for word in words for pair in zip(word[::2], word[1::2], strict=False))
    (left, right), count = counts.most_common(1)[0]
    return left, right, count


def _rarest_pair(words):
    counts = Counter(pair for word in words for pair in pairwise(word))
    (left, right), count = counts.most_common()[-1]
    return left, right, count


def _pair_cases(rng):
    def letters(number):
        return [string.ascii_lowercase[i] for i in rng.permutation(26)[:number]]

    a, b, c, d, *others = letters(10)
    between_words = [[d, other, c] for other in others] + [[a, b]] * 4
    a, b, c, d, *others = letters(9)
    # the right pair stands at an odd place; two others are one pair to whoever takes no heed of order
    turned = [[other, a, b] for other in others] + [[c, d], [d, c]] * 3
    a, b, c, d = letters(4)
    within_a_word = [[c, a, b, a, b]] * 2 + [[d, c]] * 3 + [[b, d]]
    return [Case(args=(words,)) for words in (between_words, turned, within_a_word)]


BEST_PAIR = Exercise(
    id="2.1.1",
    title="The pair that stands together most",
    kind="function",
    entry="best_pair",
    points=2,
    difficulty=2,
    importance=4,
    minutes=7,
    reference=best_pair,
    alternatives=(_best_pair_by_index, _best_pair_by_sorting),
    cases=_pair_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="pairs across words",
            sentence="You counted the last token of a word and the first of the next as neighbours. Merged, they would make "
            "tokens that span two words; count within each word.",
            answer=_across_words,
        ),
        Misconception(
            name="each word once",
            sentence="A word that stands in the text five times counts five times; you counted each different word once.",
            answer=_each_word_once,
        ),
        Misconception(
            name="in either order",
            sentence="You took (a, b) and (b, a) for the same pair. Their merges are different tokens: ab and ba.",
            answer=_in_either_order,
        ),
        Misconception(
            name="once a word",
            sentence="You counted the words that hold a pair. A pair that stands twice in a word counts twice.",
            answer=_once_a_word,
        ),
        Misconception(
            name="every other pair",
            sentence="You stepped by two, so half of the pairs were skipped: each token but the last begins a pair.",
            answer=_every_other_pair,
        ),
        Misconception(
            name="the rarest",
            sentence="That is the rarest pair; the most frequent one saves most tokens.",
            answer=_rarest_pair,
        ),
    ),
    hints=(
        "Which pairs of neighbours has the word [r, i, n, g]?",
        "`itertools.pairwise(word)` gives them; a `collections.Counter` counts them over all words.",
        "counts = Counter(pair for word in words for pair in pairwise(word)); then counts.most_common(1)",
    ),
)

# 2.1.2 -------------------------------------------------------------------------------------------------------------


def merge_pair(tokens, pair):
    """From left to right, each occurrence of the pair becomes one token."""
    merged, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def _merge_by_looking_back(tokens, pair):
    merged, free = [], False  # free: the last token may still be the left half of a pair
    for token in tokens:
        if free and (merged[-1], token) == tuple(pair):
            merged[-1] += token
            free = False
        else:
            merged.append(token)
            free = True
    return merged


def _merge_by_deleting(tokens, pair):
    merged, i = list(tokens), 0
    while i < len(merged) - 1:
        if merged[i] == pair[0] and merged[i + 1] == pair[1]:
            merged[i : i + 2] = [pair[0] + pair[1]]
        i += 1
    return merged


def _merge_the_first_only(tokens, pair):
    for i in range(len(tokens) - 1):
        if tuple(tokens[i : i + 2]) == tuple(pair):
            return [*tokens[:i], tokens[i] + tokens[i + 1], *tokens[i + 2 :]]
    return list(tokens)


def _merge_in_a_string(tokens, pair):
    return " ".join(tokens).replace(" ".join(pair), "".join(pair)).split(" ")


def _merge_from_the_right(tokens, pair):
    turned = merge_pair([token[::-1] for token in tokens[::-1]], (pair[1][::-1], pair[0][::-1]))
    return [token[::-1] for token in turned[::-1]]


def _merge_and_keep_the_right(tokens, pair):
    merged = []
    for i, token in enumerate(tokens):
        together = tuple(tokens[i : i + 2]) == tuple(pair)
        merged.append(token + tokens[i + 1] if together else token)
    return merged


def _merge_in_either_order(tokens, pair):
    merged, i = [], 0
    while i < len(tokens):
        if sorted(tokens[i : i + 2]) == sorted(pair):
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged


def _merge_cases(rng):
    a, b, c, d, e = (string.ascii_lowercase[i] for i in rng.permutation(26)[:5])
    return [
        Case(args=([c, a, b, d, a, b, b, a, c], (a, b))),
        Case(args=([d, a, a, a, c], (a, a))),  # of three, the first two
        Case(args=([e, d + a, b, c, a, b + c], (a, b))),  # da and b are no such pair, nor are a and bc
        Case(args=([a, b + c, e, a, b + c, a, b], (a, b + c))),
    ]


MERGE_PAIR = Exercise(
    id="2.1.2",
    title="Two become one",
    kind="function",
    entry="merge_pair",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=merge_pair,
    alternatives=(_merge_by_looking_back, _merge_by_deleting),
    cases=_merge_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="the first only",
            sentence="You stopped after the first occurrence; all of them become one token.",
            answer=_merge_the_first_only,
        ),
        Misconception(
            name="by replacing in a string",
            sentence="In a string one no longer sees where a token begins and ends: with the pair (a, b), the tokens xa and b "
            "were merged too. Compare whole tokens.",
            answer=_merge_in_a_string,
        ),
        Misconception(
            name="from the right",
            sentence="Of three equal tokens in a row you merged the last two. The order is from left to right, or the same "
            "text could be cut in two ways.",
            answer=_merge_from_the_right,
        ),
        Misconception(
            name="the right half is still there",
            sentence="After a merge your right half appears once more: step over both tokens.",
            answer=_merge_and_keep_the_right,
        ),
        Misconception(
            name="in either order",
            sentence="You merged (b, a) as well as (a, b); they are different pairs.",
            answer=_merge_in_either_order,
        ),
    ),
    hints=(
        "You stand at place i. Which two tokens do you compare with the pair?",
        "After a merge go two places on, otherwise one; a `while` loop lets you choose the step.",
        "if tokens[i] == pair[0] and tokens[i + 1 : i + 2] == [pair[1]]: append the joined token and add 2 to i",
    ),
)

# 2.1.3 -------------------------------------------------------------------------------------------------------------


def attention(q, k, v):
    """softmax(q k^T / sqrt(depth)) v."""
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v


def _attention_fused(q, k, v):
    return F.scaled_dot_product_attention(q[None], k[None], v[None])[0]


def _attention_in_a_loop(q, k, v):
    rows = []
    for query in q:
        weights = torch.exp((k * query).sum(1) / len(query) ** 0.5)
        rows.append(((weights / weights.sum())[:, None] * v).sum(0))
    return torch.stack(rows)


def _unscaled(q, k, v):
    return (q @ k.T).softmax(dim=-1) @ v


def _divided_by_the_depth(q, k, v):
    return (q @ k.T / q.shape[-1]).softmax(dim=-1) @ v


def _scaled_by_the_words(q, k, v):
    return (q @ k.T / math.sqrt(len(k))).softmax(dim=-1) @ v


def _softmax_over_the_queries(q, k, v):
    return (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=0) @ v


def _without_softmax(q, k, v):
    return q @ k.T / math.sqrt(q.shape[-1]) @ v


def _scaled_after_the_softmax(q, k, v):
    return (q @ k.T).softmax(dim=-1) / math.sqrt(q.shape[-1]) @ v


def _only_the_best(q, k, v):
    return v[(q @ k.T).argmax(dim=-1)]


def _attention_cases(rng):
    return [
        Case(args=(2 * normal(rng, n, depth), normal(rng, m, depth), normal(rng, m, width)))
        for n, m, depth, width in ((3, 3, 2, 2), (4, 6, 9, 3), (1, 5, 3, 7))
    ]


ATTENTION = Exercise(
    id="2.1.3",
    title="Attention, vectorised",
    kind="function",
    entry="attention",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=attention,
    alternatives=(_attention_fused, _attention_in_a_loop),
    cases=_attention_cases,
    misconceptions=(
        Misconception(
            name="not scaled",
            sentence="Your numbers are those without the division by the root of the depth. Long vectors then give large "
            "scores, and the softmax gives nearly all to one word.",
            answer=_unscaled,
        ),
        Misconception(
            name="divided by the depth",
            sentence="You divided by the depth itself. It is the root of it: that keeps the spread of the scores the same "
            "whatever the depth.",
            answer=_divided_by_the_depth,
        ),
        Misconception(
            name="scaled by the number of words",
            sentence="You took the root of the number of words; it is that of the depth, the length of one query.",
            answer=_scaled_by_the_words,
        ),
        Misconception(
            name="softmax over the queries",
            sentence="Your columns sum to 1, so the queries compete for each word. Each query shares itself out over the "
            "words: dim=-1.",
            answer=_softmax_over_the_queries,
        ),
        Misconception(
            name="no softmax",
            sentence="Your scores are used as they are, some of them negative. The softmax makes shares of them.",
            answer=_without_softmax,
        ),
        Misconception(
            name="scaled after the softmax",
            sentence="You divided the shares, so they no longer sum to 1. Divide the scores, before the softmax.",
            answer=_scaled_after_the_softmax,
        ),
        Misconception(
            name="the best word only",
            sentence="You took the value of the one word that fits best. Attention mixes all values by their shares, and so "
            "can be learnt.",
            answer=_only_the_best,
        ),
    ),
    hints=(
        "Row i, column j of the scores is the dot product of which query with which key?",
        "Scores `q @ k.T`, divided by `math.sqrt(q.shape[-1])`, a softmax over each row, then times `v`.",
        "(q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1) @ v",
    ),
)

# 2.1.4 -------------------------------------------------------------------------------------------------------------


def causal_shares(scores):
    """Minus infinity before the softmax is a share of zero after it."""
    may_look = torch.ones_like(scores).tril().bool()
    return scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1)


def _shares_made_anew(scores):
    weights = scores.exp().tril()
    return weights / weights.sum(dim=-1, keepdim=True)


def _shares_in_a_loop(scores):
    shares = torch.zeros_like(scores)
    for i in range(len(scores)):
        shares[i, : i + 1] = scores[i, : i + 1].softmax(dim=0)
    return shares


def _zero_scores(scores):
    return (scores * torch.ones_like(scores).tril()).softmax(dim=-1)


def _masked_after_the_softmax(scores):
    return scores.softmax(dim=-1).tril()


def _looks_ahead(scores):
    return scores.masked_fill(torch.ones_like(scores).tril(-1).bool(), float("-inf")).softmax(dim=-1)


def _shares_of_columns(scores):
    return scores.masked_fill(torch.ones_like(scores).triu(1).bool(), float("-inf")).softmax(dim=0)


def _hides_the_next_word_only(scores):
    following = torch.ones_like(scores).triu(1).tril(1).bool()
    return scores.masked_fill(following, float("-inf")).softmax(dim=-1)


def _nothing_hidden(scores):
    return scores.softmax(dim=-1)


def _score_cases(rng):
    return [Case(args=(2 * normal(rng, n, n),)) for n in (3, 4, 6)]


CAUSAL_SHARES = Exercise(
    id="2.1.4",
    title="A mask that lets light through",
    kind="bug",
    entry="causal_shares",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=causal_shares,
    alternatives=(_shares_made_anew, _shares_in_a_loop),
    cases=_score_cases,
    misconceptions=(
        Misconception(
            name="a score of zero is not a share of zero",
            sentence="The hidden scores become 0, and e to the power 0 is 1: words that must not be seen still get a share. "
            "Which score has a share of nothing?",
            answer=_zero_scores,
            planted=True,
        ),
        Misconception(
            name="masked after the softmax",
            sentence="The hidden shares are gone now, but the others no longer sum to 1: they were shared out before. Hide "
            "the scores before the softmax.",
            answer=_masked_after_the_softmax,
        ),
        Misconception(
            name="looks ahead",
            sentence="You hid what comes before. Word i may look at itself and at the words before it: columns up to i.",
            answer=_looks_ahead,
        ),
        Misconception(
            name="shares of columns",
            sentence="Your columns sum to 1. Each row is a word that shares itself out, so the softmax goes along dim=-1.",
            answer=_shares_of_columns,
        ),
        Misconception(
            name="only the next word is hidden",
            sentence="You hid the next word, and the words behind it are still in sight; all that follow must go.",
            answer=_hides_the_next_word_only,
        ),
        Misconception(
            name="nothing is hidden",
            sentence="Now the mask does nothing at all: every word sees all words.",
            answer=_nothing_hidden,
        ),
    ),
    hints=(
        "What does a softmax make of a score of 0? And of a score of -1000?",
        "`scores.masked_fill(hidden, float('-inf'))` puts minus infinity wherever `hidden` is true.",
        "return scores.masked_fill(~may_look, float('-inf')).softmax(dim=-1)",
    ),
)

# 2.1.5 -------------------------------------------------------------------------------------------------------------

POSITIONS = Exercise(
    id="2.1.5",
    title="Why it cannot tell who stands on top",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=4,
    reference=("b", 3),
    options={
        "a": "It is too small: with more layers it would find the order.",
        "b": "Nothing that enters it says where a word stands.",
        "c": "The mean at its end throws the order away.",
        "d": "It never looks at the word above or below.",
    },
    reasons=(
        "Each layer of attention sees a little more of the order than the one before.",
        "A mean is the same whatever the order of what it is taken of.",
        "Attention adds up what it takes from each word, and a sum is the same in any order.",
        "Such short words get small weights.",
    ),
    misconceptions=(
        Misconception(
            name="blames the depth",
            sentence="However many layers follow, each gets the same set of vectors for both captions, and makes the same "
            "set of them again.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="blames the mean",
            sentence="The third model takes the very same mean and is right every time: with positions, the vectors "
            "themselves know their place before they are averaged.",
            answer=("c", 2),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="blames a word",
            sentence="Even with the word above in plain sight, it could not say which of the two things stood before it.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="the right place, for a reason of the mean",
            sentence="Right, positions are what it lacks. But the model that has them takes that mean too; look for what "
            "attention itself does with the order.",
            answer=("b", 2),
        ),
    ),
    hints=(
        "What do the second model and the third have in common, and in what alone do they differ?",
        "Write out what one word takes from the others: a sum of shares times values. Now exchange two of the words.",
        "Choose the option that speaks of what enters, and the reason that speaks of a sum.",
    ),
)

# 2.1.6 -------------------------------------------------------------------------------------------------------------

VIT_TOKENS = Exercise(
    id="2.1.6",
    title="A picture as a sentence",
    kind="number",
    entry="vit_tokens",
    points=1,
    difficulty=1,
    importance=4,
    minutes=3,
    reference=(224 // 16) ** 2 + 1,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="no class token",
            sentence="Those are the patches. One token more is read along with them: the class token, which stands for the "
            "whole picture.",
            answer=(224 // 16) ** 2,
        ),
        Misconception(
            name="patches along one side",
            sentence="That many patches fit along one side; there are as many rows of them.",
            answer=224 // 16,
        ),
        Misconception(
            name="a side and the class token",
            sentence="You counted the patches along one side and the class token; there are as many rows of patches.",
            answer=224 // 16 + 1,
        ),
        Misconception(
            name="pixels of a patch",
            sentence="That is how many pixels one patch holds; the question is how many patches there are.",
            answer=16 * 16,
        ),
        Misconception(
            name="a token for each channel",
            sentence="A patch is cut through all three channels at once: its red, green and blue make one token.",
            answer=3 * (224 // 16) ** 2 + 1,
        ),
        Misconception(
            name="a token for each pixel",
            sentence="That would be a token for each pixel. Patches are there to avoid it: attention compares all with all.",
            answer=224 * 224 + 1,
        ),
    ),
    hints=(
        "How many patches of 16 pixels fit along a side of 224?",
        "As many rows as columns, and one token that is no patch.",
        "(224 // 16) ** 2 + 1",
    ),
)

# 2.1.7 -------------------------------------------------------------------------------------------------------------


def receptive_field(layers):
    """Each layer widens the view by kernel - 1 steps, and a step grows with every stride before it."""
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side


def _receptive_field_from_the_end(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


def _receptive_field_by_products(layers):
    return 1 + sum((kernel - 1) * math.prod(stride for _, stride in layers[:i]) for i, (kernel, _) in enumerate(layers))


def _strides_forgotten(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def _kernels_added(layers):
    side, step = 0, 1
    for kernel, stride in layers:
        side += kernel * step
        step *= stride
    return side


def _own_stride_first(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


def _kernels_multiplied(layers):
    return math.prod(kernel for kernel, _ in layers)


def _only_the_last(layers):
    return layers[-1][0] * math.prod(stride for _, stride in layers[:-1])


def _begins_at_zero(layers):
    return receptive_field(layers) - 1


def _layer_cases(rng):
    def case(number):
        layers = [[int(rng.choice([3, 5])), int(rng.integers(1, 3))] for _ in range(number)]
        layers[0][1] = layers[-1][1] = 2  # a stride before other layers, and one behind all
        return Case(args=([tuple(layer) for layer in layers],))

    return [case(3), case(4), case(6)]


RECEPTIVE_FIELD = Exercise(
    id="2.1.7",
    title="How far a place can see",
    kind="function",
    entry="receptive_field",
    points=2,
    difficulty=3,
    importance=3,
    minutes=8,
    reference=receptive_field,
    alternatives=(_receptive_field_from_the_end, _receptive_field_by_products),
    cases=_layer_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="strides forgotten",
            sentence="You added kernel - 1 for each layer. Behind a stride of 2 neighbouring places lie two pixels apart, so "
            "what follows widens the view by twice as much.",
            answer=_strides_forgotten,
        ),
        Misconception(
            name="kernels added",
            sentence="A kernel of 3 adds two to the side, not three: the place in its middle was seen already.",
            answer=_kernels_added,
        ),
        Misconception(
            name="its own stride too early",
            sentence="A layer's stride spreads the places that it makes, not those that it reads: widen the view first, then "
            "multiply the step.",
            answer=_own_stride_first,
        ),
        Misconception(
            name="kernels multiplied",
            sentence="Two kernels of 3 in a row see 5 pixels, not 9: the second begins where the first ends, and they "
            "overlap.",
            answer=_kernels_multiplied,
        ),
        Misconception(
            name="only the last layer",
            sentence="You counted what the last layer reads, as if each place that it reads saw a block of its own. They "
            "see further, and overlap.",
            answer=_only_the_last,
        ),
        Misconception(
            name="begins at zero",
            sentence="One too few: before any layer a place sees one pixel, itself.",
            answer=_begins_at_zero,
        ),
    ),
    hints=(
        "Before any layer a place sees 1 pixel. One convolution of 3: how many? Two in a row?",
        "Keep two numbers: the side of the view, and the step, how many pixels apart two neighbouring places lie.",
        "for each layer: side += (kernel - 1) * step, then step *= stride; both begin at 1",
    ),
)

EXERCISES = (BEST_PAIR, MERGE_PAIR, ATTENTION, CAUSAL_SHARES, POSITIONS, VIT_TOKENS, RECEPTIVE_FIELD)
