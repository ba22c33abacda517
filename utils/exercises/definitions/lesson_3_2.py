"""The exercises of lesson 3.2, fusion."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, normal

# 3.2.1 -------------------------------------------------------------------------------------------------------------


def may_look(words, patches, together):
    """Everybody at everybody, or each kind at its own."""
    is_word = torch.arange(words + patches) < words
    return together | (is_word[:, None] == is_word[None, :])


def _may_look_by_blocks(words, patches, together):
    if together:
        return torch.ones(words + patches, words + patches, dtype=torch.bool)
    return torch.block_diag(torch.ones(words, words), torch.ones(patches, patches)).bool()


def _may_look_in_loops(words, patches, together):
    everybody = range(words + patches)
    return torch.tensor([[together or (i < words) == (j < words) for j in everybody] for i in everybody])


def _turned_round(words, patches, together):
    return ~(torch.arange(words + patches)[:, None] < words).eq(torch.arange(words + patches) < words) | (not together)


def _only_the_other_kind(words, patches, together):
    is_word = torch.arange(words + patches) < words
    return is_word[:, None] != is_word[None, :] if together else is_word[:, None] == is_word[None, :]


def _words_look_at_patches_only(words, patches, together):
    is_word = torch.arange(words + patches) < words
    return (is_word[:, None] == is_word[None, :]) | (together & is_word[:, None])


def _patches_first(words, patches, together):
    return may_look(patches, words, together)


def _only_back(words, patches, together):
    return may_look(words, patches, together).tril()


def _nobody_at_himself(words, patches, together):
    return may_look(words, patches, together) & ~torch.eye(words + patches, dtype=torch.bool)


def _look_cases(rng):
    sizes = [(int(w), int(p)) for w, p in zip(rng.integers(3, 6, 4), rng.integers(6, 10, 4), strict=True)]
    return [
        Case(args=(*size, together))
        for size, together in zip(sizes, rng.permutation([True, False] * 2).tolist(), strict=True)
    ]


MAY_LOOK = Exercise(
    id="3.2.1",
    title="Who may look at whom",
    kind="function",
    entry="may_look",
    points=2,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=may_look,
    alternatives=(_may_look_by_blocks, _may_look_in_loops),
    cases=_look_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="turned round",
            sentence="You let them look at each other while they are apart, and not once they are together.",
            answer=_turned_round,
        ),
        Misconception(
            name="only at the other kind",
            sentence="Once they share a sequence, a word still looks at words, and a patch at patches; only the walls fall.",
            answer=_only_the_other_kind,
        ),
        Misconception(
            name="patches never look at words",
            sentence="You let words look at patches, and not patches at words. That is cross-attention, one way; in a shared "
            "sequence both look.",
            answer=_words_look_at_patches_only,
        ),
        Misconception(
            name="patches first",
            sentence="Your blocks have changed places: the words come first in the sequence.",
            answer=_patches_first,
        ),
        Misconception(
            name="only backwards",
            sentence="You let each position look only at those before it, as a language model does. A question and a picture "
            "are known from the start: both directions.",
            answer=_only_back,
        ),
        Misconception(
            name="nobody at himself",
            sentence="Every position may look at itself too: the diagonal is True.",
            answer=_nobody_at_himself,
        ),
    ),
    hints=(
        "Draw the table for two words and three patches: which of the four blocks are True while they are apart?",
        "`is_word = torch.arange(words + patches) < words` says of each position what it is; compare it with itself.",
        "together | (is_word[:, None] == is_word[None, :])",
    ),
)

# 3.2.2 -------------------------------------------------------------------------------------------------------------


def co_attention(words, patches):
    """Both look at the other as it came in, and add what they find."""
    scale = words.shape[-1] ** 0.5
    scores = words @ patches.T / scale
    return words + scores.softmax(dim=1) @ patches, patches + scores.T.softmax(dim=1) @ words


def _co_attention_by_pytorch(words, patches):
    seen = F.scaled_dot_product_attention(words[None], patches[None], patches[None])[0]
    read = F.scaled_dot_product_attention(patches[None], words[None], words[None])[0]
    return words + seen, patches + read


def _co_attention_in_loops(words, patches):
    def one_way(asking, asked):
        rows = []
        for query in asking:
            shares = torch.stack([query @ key for key in asked]).div(len(query) ** 0.5).softmax(dim=0)
            rows.append(query + sum(share * value for share, value in zip(shares, asked, strict=True)))
        return torch.stack(rows)

    return one_way(words, patches), one_way(patches, words)


def _one_after_the_other(words, patches):
    scale = words.shape[-1] ** 0.5
    words = words + (words @ patches.T / scale).softmax(dim=1) @ patches
    return words, patches + (patches @ words.T / scale).softmax(dim=1) @ words


def _patches_first_then_words(words, patches):
    scale = words.shape[-1] ** 0.5
    patches = patches + (patches @ words.T / scale).softmax(dim=1) @ words
    return words + (words @ patches.T / scale).softmax(dim=1) @ patches, patches


def _one_softmax_for_both(words, patches):
    shares = (words @ patches.T / words.shape[-1] ** 0.5).softmax(dim=1)
    return words + shares @ patches, patches + shares.T @ words


def _softmax_over_those_who_ask(words, patches):
    scores = words @ patches.T / words.shape[-1] ** 0.5
    return words + scores.softmax(dim=0) @ patches, patches + scores.T.softmax(dim=0) @ words


def _nothing_kept(words, patches):
    both = co_attention(words, patches)
    return both[0] - words, both[1] - patches


def _unscaled(words, patches):
    scores = words @ patches.T
    return words + scores.softmax(dim=1) @ patches, patches + scores.T.softmax(dim=1) @ words


def _one_way_only(words, patches):
    return co_attention(words, patches)[0], patches


def _self_attention(words, patches):
    def alone(x):
        return x + (x @ x.T / x.shape[-1] ** 0.5).softmax(dim=1) @ x

    return alone(words), alone(patches)


def _co_attention_cases(rng):
    return [Case(args=(normal(rng, w, d), normal(rng, p, d))) for w, p, d in ((3, 5, 8), (7, 4, 6), (5, 9, 4))]


CO_ATTENTION = Exercise(
    id="3.2.2",
    title="Both look at once",
    kind="function",
    entry="co_attention",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=co_attention,
    alternatives=(_co_attention_by_pytorch, _co_attention_in_loops),
    cases=_co_attention_cases,
    misconceptions=(
        Misconception(
            name="one after the other",
            sentence="Your patches look at words that have just looked at the patches. In a co-attentional layer both see the "
            "other as it came in: do not overwrite `words` too soon.",
            answer=_one_after_the_other,
        ),
        Misconception(
            name="patches first",
            sentence="Your words look at patches that have just looked at the words. Both must see the other as it came in.",
            answer=_patches_first_then_words,
        ),
        Misconception(
            name="one softmax for both",
            sentence="You shared out once and used the shares both ways. A patch shares out its own 1 over the words: it "
            "needs a softmax of its own, over the transposed scores.",
            answer=_one_softmax_for_both,
        ),
        Misconception(
            name="softmax over those who ask",
            sentence="Your softmax runs over those who ask, so that they compete for what is looked at. Each asker shares out "
            "its own 1: the last dimension.",
            answer=_softmax_over_those_who_ask,
        ),
        Misconception(
            name="nothing kept",
            sentence="You return what was found and not what was there: add it to what came in.",
            answer=_nothing_kept,
        ),
        Misconception(
            name="not scaled",
            sentence="The scores lack their divisor, the square root of the width.",
            answer=_unscaled,
        ),
        Misconception(
            name="one way only",
            sentence="Your patches are as they came in. In co-attention they look at the words as well.",
            answer=_one_way_only,
        ),
        Misconception(
            name="each at itself",
            sentence="Your words look at words, and your patches at patches: that is self-attention, twice.",
            answer=_self_attention,
        ),
    ),
    hints=(
        "Two questions are asked at the same moment. What may neither of the answers know of yet?",
        "`words @ patches.T` and its transpose are the scores of both directions; each gets its own softmax.",
        "scores = words @ patches.T / width ** 0.5, then words + scores.softmax(dim=1) @ patches, and the same with "
        "scores.T for the patches",
    ),
)

# 3.2.3 -------------------------------------------------------------------------------------------------------------

PICTURES, QUESTIONS = 1000, 50  # each question is asked about each picture
HYBRID_RUNS = Exercise(
    id="3.2.3",
    title="What need not be done again",
    kind="number",
    entry="runs",
    points=2,
    difficulty=3,
    importance=5,
    minutes=6,
    reference=PICTURES + QUESTIONS + PICTURES * QUESTIONS * 2,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="everything anew for each pair",
            sentence="You ran all four layers for every pair. What a layer for words alone makes of a question is the same "
            "beside every picture: once is enough.",
            answer=PICTURES * QUESTIONS * 4,
        ),
        Misconception(
            name="late fusion",
            sentence="That is late fusion, which has no layer for both. In hybrid fusion two layers read each pair.",
            answer=2 * PICTURES + 2 * QUESTIONS,
        ),
        Misconception(
            name="the layers for both run once",
            sentence="What the layers for both make of a picture depends on the question: they run for each *pair*.",
            answer=(PICTURES + QUESTIONS) * 3,
        ),
        Misconception(
            name="only the pairs",
            sentence="You left out what is done beforehand: each picture and each question goes through its own layer once.",
            answer=PICTURES * QUESTIONS * 2,
        ),
        Misconception(
            name="one layer for both",
            sentence="You ran one layer for each pair; this hybrid has two.",
            answer=PICTURES + QUESTIONS + PICTURES * QUESTIONS,
        ),
        Misconception(
            name="questions read anew",
            sentence="You read each question again beside every picture. Until they meet, it does not know the picture.",
            answer=PICTURES + PICTURES * QUESTIONS * 3,
        ),
    ),
    hints=(
        "Which layers know only the picture, which only the question, and which know both?",
        "A layer for pictures alone runs once a picture; one for both runs once a pair.",
        "1000 + 50 + 1000 * 50 * 2",
    ),
)

# 3.2.4 -------------------------------------------------------------------------------------------------------------


def heads_look(queries, keys, values):
    """Each head of each word shares out its 1 over the patches."""
    scores = torch.einsum("b w h d, b p h d -> b w p h", queries, keys) / queries.shape[-1] ** 0.5
    return torch.einsum("b w p h, b p h d -> b w h d", scores.softmax(dim=2), values)


def _heads_look_by_pytorch(queries, keys, values):
    heads_first = [x.transpose(1, 2) for x in (queries, keys, values)]
    return F.scaled_dot_product_attention(*heads_first).transpose(1, 2)


def _heads_look_in_loops(queries, keys, values):
    mixed = torch.zeros_like(queries)
    for b in range(queries.shape[0]):
        for h in range(queries.shape[2]):
            shares = (queries[b, :, h] @ keys[b, :, h].T / queries.shape[3] ** 0.5).softmax(dim=1)
            mixed[b, :, h] = shares @ values[b, :, h]
    return mixed


def _looks_along(dim):
    def look(queries, keys, values):
        scores = torch.einsum("b w h d, b p h d -> b w p h", queries, keys) / queries.shape[-1] ** 0.5
        return torch.einsum("b w p h, b p h d -> b w h d", scores.softmax(dim=dim), values)

    return look


def _over_heads(queries, keys, values):
    return _looks_along(3)(queries, keys, values)


def _over_words(queries, keys, values):
    return _looks_along(1)(queries, keys, values)


def _over_rows(queries, keys, values):
    return _looks_along(0)(queries, keys, values)


def _over_patches_and_heads(queries, keys, values):
    scores = torch.einsum("b w h d, b p h d -> b w p h", queries, keys) / queries.shape[-1] ** 0.5
    shares = scores.flatten(2).softmax(dim=2).view(scores.shape)
    return torch.einsum("b w p h, b p h d -> b w h d", shares, values)


def _heads_not_scaled(queries, keys, values):
    return heads_look(queries * queries.shape[-1] ** 0.5, keys, values)


def _scaled_by_the_heads(queries, keys, values):
    return heads_look(queries * (queries.shape[-1] / queries.shape[-2]) ** 0.5, keys, values)


def _no_softmax(queries, keys, values):
    scores = torch.einsum("b w h d, b p h d -> b w p h", queries, keys) / queries.shape[-1] ** 0.5
    return torch.einsum("b w p h, b p h d -> b w h d", scores, values)


def _axis_cases(rng):
    def case(batch, words, patches, heads, depth):
        return Case(
            args=(
                normal(rng, batch, words, heads, depth),
                normal(rng, batch, patches, heads, depth),
                normal(rng, batch, patches, heads, depth),
            )
        )

    return [case(2, 5, 4, 3, 8), case(3, 4, 6, 2, 4), case(2, 3, 5, 4, 6)]


AXIS = Exercise(
    id="3.2.4",
    title="Shared out, but over what?",
    kind="bug",
    entry="heads_look",
    points=3,
    difficulty=3,
    importance=5,
    minutes=8,
    reference=heads_look,
    alternatives=(_heads_look_by_pytorch, _heads_look_in_loops),
    cases=_axis_cases,
    misconceptions=(
        Misconception(
            name="shared out over the heads",
            sentence="The last dimension of these scores is the heads, so each patch shares itself out among them. A head "
            "shares out its own 1 over the patches.",
            answer=_over_heads,
            planted=True,
        ),
        Misconception(
            name="shared out over the words",
            sentence="Your softmax runs over the words, so that they compete for a patch, padding too. Each word shares out "
            "its own 1.",
            answer=_over_words,
        ),
        Misconception(
            name="shared out over the batch",
            sentence="Your softmax runs over the batch: what one question sees would depend on the others.",
            answer=_over_rows,
        ),
        Misconception(
            name="patches and heads together",
            sentence="Your shares sum to 1 over patches and heads together, so heads take from one another. Each has a 1 of "
            "its own.",
            answer=_over_patches_and_heads,
        ),
        Misconception(
            name="not scaled",
            sentence="The scores lost their divisor, the square root of a head's depth.",
            answer=_heads_not_scaled,
        ),
        Misconception(
            name="scaled by the number of heads",
            sentence="You divided by the square root of the number of heads; it is the depth of a head, the last dimension of "
            "the queries.",
            answer=_scaled_by_the_heads,
        ),
        Misconception(
            name="no softmax",
            sentence="Without a softmax the scores are no shares: they may be negative, and sum to anything.",
            answer=_no_softmax,
        ),
    ),
    hints=(
        "Print the shape of the scores beside the letters b w p h. Over which of them must the shares sum to 1?",
        "dim=-1 is a habit from where the patches stand last. Here they do not.",
        "scores.softmax(dim=2)",
    ),
)

# 3.2.5 -------------------------------------------------------------------------------------------------------------

WHICH = Exercise(
    id="3.2.5",
    title="Who should fuse late",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("c", 2),
    options={
        "a": "A visual examiner: for each picture one long question, about which of many things stands nearest to which.",
        "b": "A robot: one picture every second, and one order that says what to grasp among things that look alike.",
        "c": "An archive: ten million pictures, and each new question is put to all of them before lunch.",
        "d": "A reader of memes: the joke is only in the meeting of the picture with its line of text.",
    },
    reasons=(
        "It has fewer parameters.",
        "What a picture becomes does not depend on the question, so it can be computed once and kept.",
        "Words that come late to the picture disturb it less, so each layer learns more.",
        "Attention over one long sequence knows no difference between words and patches.",
    ),
    misconceptions=(
        Misconception(
            name="late fusion is smaller",
            sentence="Our models have nearly the same number of parameters, whenever they fuse. What differs is what can be "
            "kept.",
            answer=("c", 1),
            when=lambda answer: answer[1] == 1,
        ),
        Misconception(
            name="meeting is a disturbance",
            sentence="Where the answer hangs on which of many things, words and patches should meet early: you measured what "
            "is lost if they do not.",
            answer=("a", 3),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="one picture, one question",
            sentence="Each picture is asked about once, so there is nothing to keep for later; and it matters *which* thing.",
            answer=("b", 2),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="read apart, no joke",
            sentence="If the meaning is only in the meeting, towers that read apart have each thrown away half of it.",
            answer=("d", 2),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "What can be done before the question is known?",
        "Who asks the most questions about pictures that stay the same?",
        "Ten million pictures, read once and kept.",
    ),
)

EXERCISES = (MAY_LOOK, CO_ATTENTION, HYBRID_RUNS, AXIS, WHICH)
