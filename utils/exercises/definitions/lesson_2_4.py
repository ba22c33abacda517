"""The exercises of lesson 2.4, attention and fusion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 2.4.1 -------------------------------------------------------------------------------------------------------------


def cross_attention(queries, keys, values):
    """Softmax over the patches of the scaled dot products, then a mixture of the values."""
    scores = queries @ keys.T / keys.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ values


def _attention_of_torch(queries, keys, values):
    return F.scaled_dot_product_attention(queries[None], keys[None], values[None])[0]


def _attention_in_a_loop(queries, keys, values):
    mixtures = []
    for query in queries:
        votes = torch.stack([(query @ key / len(key) ** 0.5).exp() for key in keys])
        shares = votes / votes.sum()
        mixtures.append(sum(share * value for share, value in zip(shares, values, strict=True)))
    return torch.stack(mixtures)


def _attention_by_einsum(queries, keys, values):
    scores = torch.einsum("wd,pd->wp", queries, keys) / keys.shape[-1] ** 0.5
    return torch.einsum("wp,pe->we", torch.softmax(scores, dim=1), values)


def _softmax_over_the_words(queries, keys, values):
    return (queries @ keys.T / keys.shape[-1] ** 0.5).softmax(dim=0) @ values


def _not_scaled(queries, keys, values):
    return (queries @ keys.T).softmax(dim=-1) @ values


def _scaled_by_the_width(queries, keys, values):
    return (queries @ keys.T / keys.shape[-1]).softmax(dim=-1) @ values


def _scaled_by_the_patches(queries, keys, values):
    return (queries @ keys.T / len(keys) ** 0.5).softmax(dim=-1) @ values


def _no_softmax(queries, keys, values):
    return queries @ keys.T / keys.shape[-1] ** 0.5 @ values


def _winner_takes_all(queries, keys, values):
    return values[(queries @ keys.T).argmax(dim=-1)]


def _all_alike(queries, keys, values):
    return values.mean(dim=0).expand(len(queries), -1)


def _attention_cases(rng):
    def case(words, patches, depth, width):
        return Case(args=(normal(rng, words, depth), normal(rng, patches, depth), normal(rng, patches, width)))

    return [case(3, 4, 6, 5), case(5, 9, 9, 3), case(4, 16, 12, 12)]


CROSS_ATTENTION = Exercise(
    id="2.4.1",
    title="Words that look at patches",
    kind="function",
    entry="cross_attention",
    points=3,
    difficulty=2,
    importance=5,
    minutes=10,
    reference=cross_attention,
    alternatives=(_attention_of_torch, _attention_in_a_loop, _attention_by_einsum),
    cases=_attention_cases,
    misconceptions=(
        Misconception(
            name="softmax over the words",
            sentence="Your shares sum to 1 over the words: each patch shares itself out. It is each word that shares out "
            "its attention, so the softmax runs along the patches, dim=-1.",
            answer=_softmax_over_the_words,
        ),
        Misconception(
            name="not scaled",
            sentence="Your scores are plain dot products. They grow with the width, and the softmax turns hard; divide by "
            "the square root of the width of a key.",
            answer=_not_scaled,
        ),
        Misconception(
            name="divided by the width",
            sentence="You divided by the width itself; a sum of `width` random products is as large as its square root.",
            answer=_scaled_by_the_width,
        ),
        Misconception(
            name="divided by the number of patches",
            sentence="You divided by the square root of how many patches there are; what counts is how many numbers a key "
            "has.",
            answer=_scaled_by_the_patches,
        ),
        Misconception(
            name="no softmax",
            sentence="You mixed by the raw scores: they may be negative and sum to anything. Make shares of them first.",
            answer=_no_softmax,
        ),
        Misconception(
            name="the best patch takes all",
            sentence="You gave each word the value of its best patch alone. That choice has no gradient; a softmax shares "
            "out, and can be learnt.",
            answer=_winner_takes_all,
        ),
        Misconception(
            name="every patch alike",
            sentence="Every word got the mean of all values: nobody looked at anything in particular.",
            answer=_all_alike,
        ),
    ),
    hints=(
        "In the loop above, what runs over the words, and what over the patches?",
        "`queries @ keys.T` holds every word's score for every patch; scale it, then `softmax(dim=-1)`, then mix.",
        "(queries @ keys.T / keys.shape[-1] ** 0.5).softmax(dim=-1) @ values",
    ),
)

# 2.4.2 -------------------------------------------------------------------------------------------------------------


def shares_of_words(scores, padding):
    """Padding gets minus infinity before the softmax, and so a share of zero."""
    return scores.masked_fill(padding, float("-inf")).softmax(dim=-1)


def _shares_made_to_sum_again(scores, padding):
    votes = scores.softmax(dim=-1) * (~padding).to(scores.dtype)
    return votes / votes.sum(dim=-1, keepdim=True)


def _shares_of_the_words_alone(scores, padding):
    shares = torch.zeros_like(scores)
    shares[:, ~padding] = scores[:, ~padding].softmax(dim=-1)
    return shares


def _masked_after_the_softmax(scores, padding):
    return scores.softmax(dim=-1).masked_fill(padding, 0.0)


def _mask_dropped(scores, padding):
    return scores.softmax(dim=-1)


def _mask_turned_round(scores, padding):
    return scores.masked_fill(~padding, float("-inf")).softmax(dim=-1)


def _zero_before_the_softmax(scores, padding):
    return scores.masked_fill(padding, 0.0).softmax(dim=-1)


def _softmax_along_the_patches(scores, padding):
    return scores.softmax(dim=0).masked_fill(padding, 0.0)


def _mask_cases(rng):
    def case(patches, words, padded):
        return Case(args=(2 * normal(rng, patches, words), torch.arange(words) >= words - padded))

    return [case(4, 6, 2), case(9, 5, 3), case(16, 12, 4)]


SHARES_OF_WORDS = Exercise(
    id="2.4.2",
    title="Nobody should listen to padding",
    kind="bug",
    entry="shares_of_words",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=shares_of_words,
    alternatives=(_shares_made_to_sum_again, _shares_of_the_words_alone),
    cases=_mask_cases,
    misconceptions=(
        Misconception(
            name="masked after the softmax",
            sentence="The padding gets no share in the end, but it took part in the vote: what is left does not sum to 1. "
            "Mask the scores, before the softmax.",
            answer=_masked_after_the_softmax,
            planted=True,
        ),
        Misconception(
            name="mask dropped",
            sentence="Your shares sum to 1, and some of them go to padding: every patch listens to words that nobody said.",
            answer=_mask_dropped,
        ),
        Misconception(
            name="mask turned round",
            sentence="You silenced the words and kept the padding: `padding` is True where there is no word.",
            answer=_mask_turned_round,
        ),
        Misconception(
            name="zero before the softmax",
            sentence="A score of 0 is a vote like any other: exp(0) is 1. Only minus infinity gets no share.",
            answer=_zero_before_the_softmax,
        ),
        Misconception(
            name="softmax along the patches",
            sentence="Your columns sum to 1, not your rows: each patch shares out its attention over the words, dim=-1.",
            answer=_softmax_along_the_patches,
        ),
    ),
    hints=(
        "Add up a row of what the code returns. Is it 1? Where did the rest go?",
        "A share of zero must be the result of the softmax, not a correction of it: which score becomes exactly 0?",
        'scores.masked_fill(padding, float("-inf")).softmax(dim=-1)',
    ),
)

# 2.4.3 -------------------------------------------------------------------------------------------------------------


def hide_patch(picture, patch, size, colour):
    """Paint a square of `size` pixels; patches are counted in reading order."""
    row, column = divmod(patch, picture.shape[2] // size)
    hidden = picture.clone()
    hidden[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = colour[:, None, None]
    return hidden


def _hide_by_a_mask(picture, patch, size, colour):
    _, height, width = picture.shape
    number = torch.arange(height)[:, None] // size * (width // size) + torch.arange(width)[None] // size
    return torch.where(number == patch, colour[:, None, None], picture)


def _hide_in_a_loop(picture, patch, size, colour):
    hidden, columns = picture.clone(), picture.shape[2] // size
    for y in range(size):
        for x in range(size):
            hidden[:, patch // columns * size + y, patch % columns * size + x] = colour
    return hidden


def _rows_and_columns_exchanged(picture, patch, size, colour):
    column, row = divmod(patch, picture.shape[2] // size)
    hidden = picture.clone()
    hidden[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = colour[:, None, None]
    return hidden


def _counted_down_the_columns(picture, patch, size, colour):
    column, row = divmod(patch, picture.shape[1] // size)
    hidden = picture.clone()
    hidden[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = colour[:, None, None]
    return hidden


def _counted_from_one(picture, patch, size, colour):
    return hide_patch(picture, patch - 1, size, colour)


def _a_pixel_for_a_patch(picture, patch, size, colour):
    row, column = divmod(patch, picture.shape[2] // size)
    hidden = picture.clone()
    hidden[:, row : row + size, column : column + size] = colour[:, None, None]
    return hidden


def _a_whole_row(picture, patch, size, colour):
    row = patch // (picture.shape[2] // size)
    hidden = picture.clone()
    hidden[:, row * size : (row + 1) * size] = colour[:, None, None]
    return hidden


def _hide_cases(rng):
    def case(rows, columns, size, row, column):
        picture = integers(rng, 0, 256, 3, rows * size, columns * size).to(torch.uint8)
        return Case(args=(picture, row * columns + column, size, integers(rng, 0, 256, 3).to(torch.uint8)))

    return [case(4, 5, 4, 1, 2), case(3, 4, 8, 1, 3), case(5, 4, 4, 2, 1)]


HIDE_PATCH = Exercise(
    id="2.4.3",
    title="A thumb on the picture",
    kind="function",
    entry="hide_patch",
    points=2,
    difficulty=2,
    importance=3,
    minutes=7,
    reference=hide_patch,
    alternatives=(_hide_by_a_mask, _hide_in_a_loop),
    cases=_hide_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="rows and columns exchanged",
            sentence="You hid the patch at its mirror place. `divmod(patch, columns)` gives the row first, and a picture's "
            "axes are channel, row, column.",
            answer=_rows_and_columns_exchanged,
        ),
        Misconception(
            name="counted down the columns",
            sentence="Reading order runs along the first row, then along the second; you counted down the first column.",
            answer=_counted_down_the_columns,
        ),
        Misconception(
            name="counted from one",
            sentence="You hid the patch before it: the first patch is number 0.",
            answer=_counted_from_one,
        ),
        Misconception(
            name="a pixel for a patch",
            sentence="Your square starts at row and column counted in patches; in pixels they are `size` times as far.",
            answer=_a_pixel_for_a_patch,
        ),
        Misconception(
            name="a whole row of patches",
            sentence="You hid every patch of the row; the columns need their limits too.",
            answer=_a_whole_row,
        ),
    ),
    hints=(
        "With four patches in a row, in which row and column is patch number 6?",
        "`divmod(patch, picture.shape[2] // size)` is (row, column); a slice of `size` pixels starts at row * size.",
        "hidden = picture.clone(); hidden[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = "
        "colour[:, None, None]",
    ),
)

# 2.4.4 -------------------------------------------------------------------------------------------------------------


class GatedFusion(nn.Module):
    """A share between 0 and 1 for each number says how much of it comes from the question."""

    def __init__(self, width: int):
        super().__init__()
        self.gate = nn.Linear(2 * width, width)

    def forward(self, question, picture):
        """Return the two vectors, mixed number by number."""
        share = torch.sigmoid(self.gate(torch.cat([question, picture], dim=-1)))
        return share * question + (1 - share) * picture


class _GateByLerp(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1)).sigmoid()
        return torch.lerp(picture, question, share)


class _GateInHalves(GatedFusion):
    def forward(self, question, picture):
        width = question.shape[-1]
        for_question, for_picture = self.gate.weight.split(width, dim=1)
        share = 1 / (1 + torch.exp(-(question @ for_question.T + picture @ for_picture.T + self.gate.bias)))
        return picture + share * (question - picture)


class _GateOpenEnded(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1))
        return share * question + (1 - share) * picture


class _GateTurnedRound(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1)).sigmoid()
        return share * picture + (1 - share) * question


class _GateOnBoth(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1)).sigmoid()
        return share * (question + picture)


class _GateBySoftmax(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1)).softmax(dim=-1)
        return share * question + (1 - share) * picture


class _GateReadsTheOtherWay(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([picture, question], dim=-1)).sigmoid()
        return share * question + (1 - share) * picture


class _GateOnThePictureAlone(GatedFusion):
    def forward(self, question, picture):
        share = self.gate(torch.cat([question, picture], dim=-1)).sigmoid()
        return question + share * picture


def _gate_cases(rng):
    def case(batch, width):
        vectors = normal(rng, batch, width), normal(rng, batch, width)
        return Case(init={"width": width}, weights=int(rng.integers(2**31)), args=vectors)

    return [case(4, 6), case(3, 9)]


GATED_FUSION = Exercise(
    id="2.4.4",
    title="A gate between two modalities",
    kind="module",
    entry="GatedFusion",
    points=2,
    difficulty=2,
    importance=3,
    minutes=8,
    reference=GatedFusion,
    alternatives=(_GateByLerp, _GateInHalves),
    cases=_gate_cases,
    misconceptions=(
        Misconception(
            name="a gate without a sigmoid",
            sentence="Your share can be 3 or -2, which is no share: a sigmoid keeps it between 0 and 1.",
            answer=_GateOpenEnded,
        ),
        Misconception(
            name="the gate turned round",
            sentence="Your share goes to the picture; it is the question's, and the picture gets the rest.",
            answer=_GateTurnedRound,
        ),
        Misconception(
            name="one share for both",
            sentence="You multiplied both by the same share. What one gets, the other must lose: the picture gets 1 - share.",
            answer=_GateOnBoth,
        ),
        Misconception(
            name="softmax instead of sigmoid",
            sentence="Your shares sum to 1 over the numbers of the vector, so they compete with one another; each number "
            "needs a gate of its own.",
            answer=_GateBySoftmax,
        ),
        Misconception(
            name="picture before question",
            sentence="The gate reads the question first and then the picture; you put them the other way round, so each "
            "meets the other's weights.",
            answer=_GateReadsTheOtherWay,
        ),
        Misconception(
            name="the question comes whole",
            sentence="You let the whole question through and gated only the picture: the question gets `share`, no more.",
            answer=_GateOnThePictureAlone,
        ),
    ),
    hints=(
        "Which numbers may a share take, and what makes any number such a one?",
        "`self.gate` reads both vectors side by side, `torch.cat([question, picture], dim=-1)`; then a sigmoid.",
        "share = torch.sigmoid(self.gate(torch.cat([question, picture], dim=-1))); "
        "share * question + (1 - share) * picture",
    ),
)

# 2.4.5 -------------------------------------------------------------------------------------------------------------

WHEN_TO_FUSE = Exercise(
    id="2.4.5",
    title="When should they meet?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("a", 2),
    options={
        "a": "Late: one vector each, compared by a dot product.",
        "b": "In the middle: one vector each, multiplied, then a network that answers.",
        "c": "Early: the words of the question look at the patches, layer by layer.",
    },
    reasons=(
        "The more often two modalities meet, the better every answer; cost is no matter.",
        "All pictures can be encoded before any question is known, and then only vectors are compared.",
        "A product of two vectors can be computed ahead of time for every question.",
        "Attention is the only way in which a text can be compared with a picture.",
    ),
    misconceptions=(
        Misconception(
            name="early whatever it costs",
            sentence="It would answer best, and it would have to run the whole model a hundred million times for every "
            "search. What can be done before the question is known?",
            answer=("c", 1),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="a product ahead of time",
            sentence="The product needs the question, which nobody knows yet; and the network behind it would run once for "
            "every picture.",
            answer=("b", 3),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="late for no reason of time",
            sentence="Late is right. But what makes it so is not how good the answer is: count what has to be computed when "
            "the search comes in.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a" and answer[1] != 2,
        ),
    ),
    hints=(
        "How much of the work can be done before anybody types a search?",
        "Which of the three needs the words before it can begin with the picture?",
        "The pictures' vectors wait in a table; only the late meeting leaves the table as it is.",
    ),
)

# 2.4.6 -------------------------------------------------------------------------------------------------------------

SOFT_TOKENS = Exercise(
    id="2.4.6",
    title="What a picture costs in tokens",
    kind="number",
    entry="soft_tokens",
    points=1,
    difficulty=1,
    importance=4,
    minutes=3,
    reference=(336 // 14) ** 2,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one side only",
            sentence="That is how many patches stand along one side; a picture has two.",
            answer=336 // 14,
        ),
        Misconception(
            name="with the class token",
            sentence="You counted the class token, which the vision encoder adds and LLaVA leaves out: only patches become "
            "soft tokens.",
            answer=(336 // 14) ** 2 + 1,
        ),
        Misconception(
            name="pixels divided by the side of a patch",
            sentence="You divided all pixels by 14; a patch holds 14 times 14 of them.",
            answer=336 * 336 // 14,
        ),
        Misconception(
            name="a token for every pixel",
            sentence="That is the number of pixels. A soft token stands for a patch, not for a pixel.",
            answer=336 * 336,
        ),
        Misconception(
            name="a token for every colour",
            sentence="The three colours of a patch go into one vector together: do not multiply by 3.",
            answer=3 * (336 // 14) ** 2,
        ),
    ),
    hints=(
        "How many patches of 14 pixels stand along a side of 336?",
        "Patches along a side, times patches along the other.",
        "(336 // 14) ** 2",
    ),
)

# 2.4.7 -------------------------------------------------------------------------------------------------------------


def splice(embeddings, tokens, soft, image):
    """Put the soft tokens, in order, where the token ids are `image`."""
    spliced = embeddings.clone()
    spliced[tokens == image] = soft
    return spliced


def _splice_by_scatter(embeddings, tokens, soft, image):
    return embeddings.masked_scatter((tokens == image)[:, None], soft)


def _splice_in_a_loop(embeddings, tokens, soft, image):
    waiting, rows = iter(soft), []
    for token, embedding in zip(tokens.tolist(), embeddings, strict=True):
        rows.append(next(waiting) if token == image else embedding)
    return torch.stack(rows)


def _always_the_first(embeddings, tokens, soft, image):
    return torch.where((tokens == image)[:, None], soft[0], embeddings)


def _added_to_the_placeholder(embeddings, tokens, soft, image):
    spliced = embeddings.clone()
    spliced[tokens == image] += soft
    return spliced


def _put_in_front(embeddings, tokens, soft, image):
    spliced = embeddings.clone()
    spliced[: len(soft)] = soft
    return spliced


def _moved_to_the_front(embeddings, tokens, soft, image):
    return torch.cat([soft, embeddings[tokens != image]])


def _in_reverse(embeddings, tokens, soft, image):
    return splice(embeddings, tokens, soft.flip(0), image)


def _only_the_text_kept(embeddings, tokens, soft, image):
    spliced = torch.zeros_like(embeddings)
    spliced[tokens == image] = soft
    return spliced


def _splice_cases(rng):
    def case(length, first, patches, width):
        tokens = integers(rng, 4, 90, length)
        tokens[first : first + patches] = 99
        return Case(args=(normal(rng, length, width), tokens, normal(rng, patches, width), 99))

    two = case(12, 2, 3, 5)
    two.args[1][8:10] = 99
    soft = normal(rng, 5, 5)
    return [case(9, 1, 4, 6), case(10, 3, 4, 3), Case(args=(*two.args[:2], soft, 99))]


SPLICE = Exercise(
    id="2.4.7",
    title="A picture in the sentence",
    kind="function",
    entry="splice",
    points=2,
    difficulty=2,
    importance=5,
    minutes=6,
    reference=splice,
    alternatives=(_splice_by_scatter, _splice_in_a_loop),
    cases=_splice_cases,
    misconceptions=(
        Misconception(
            name="the first one everywhere",
            sentence="Every place got the same soft token, the first. They come one after the other, in reading order.",
            answer=_always_the_first,
        ),
        Misconception(
            name="added to the placeholder",
            sentence="You added the soft tokens to the embedding of <image>. It is only a placeholder: replace it.",
            answer=_added_to_the_placeholder,
        ),
        Misconception(
            name="put in front",
            sentence="You overwrote the first vectors, <start> among them; the soft tokens belong where <image> stands.",
            answer=_put_in_front,
        ),
        Misconception(
            name="moved to the front",
            sentence="The picture now comes before all words. It may stand anywhere in the sentence: keep its place.",
            answer=_moved_to_the_front,
        ),
        Misconception(
            name="in reverse",
            sentence="Your soft tokens stand in the right places and in the wrong order: the last patch came first.",
            answer=_in_reverse,
        ),
        Misconception(
            name="the words are gone",
            sentence="The picture is in place, and every word has become zeros: start from a copy of the embeddings.",
            answer=_only_the_text_kept,
        ),
    ),
    hints=(
        "Which rows of `embeddings` belong to <image>? Make a tensor of True and False.",
        "Copy the embeddings, then assign to the rows where `tokens == image`.",
        "spliced = embeddings.clone(); spliced[tokens == image] = soft",
    ),
)

EXERCISES = (
    CROSS_ATTENTION,
    SHARES_OF_WORDS,
    HIDE_PATCH,
    GATED_FUSION,
    WHEN_TO_FUSE,
    SOFT_TOKENS,
    SPLICE,
)
