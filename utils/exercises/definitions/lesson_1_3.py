"""The exercises of lesson 1.3, from LLM to MLLM."""

from __future__ import annotations

import torch

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 1.3.1 -------------------------------------------------------------------------------------------------------------


def next_tokens(logits, tokens):
    """The likeliest token at each row's own last position."""
    last = (tokens != 0).sum(dim=1) - 1
    return logits[torch.arange(len(tokens)), last].argmax(dim=-1)


def _next_tokens_in_a_loop(logits, tokens):
    return torch.stack([scores[int((row != 0).sum()) - 1].argmax() for scores, row in zip(logits, tokens, strict=True)])


def _next_tokens_by_gather(logits, tokens):
    last = (tokens != 0).sum(dim=1, keepdim=True) - 1
    return logits.argmax(dim=-1).gather(1, last)[:, 0]


def _after_the_padding(logits, tokens):
    return logits[:, -1].argmax(dim=-1)


def _one_too_far(logits, tokens):
    lengths = (tokens != 0).sum(dim=1).clamp(max=tokens.shape[1] - 1)
    return logits[torch.arange(len(tokens)), lengths].argmax(dim=-1)


def _one_too_early(logits, tokens):
    return logits[torch.arange(len(tokens)), (tokens != 0).sum(dim=1) - 2].argmax(dim=-1)


def _at_the_first(logits, tokens):
    return logits[:, 0].argmax(dim=-1)


def _like_the_shortest(logits, tokens):
    return logits[:, (tokens != 0).sum(dim=1).min() - 1].argmax(dim=-1)


def _next_tokens_cases(rng):
    def case(rows, width, vocabulary):
        lengths = rng.permutation([2, 3, width, *rng.integers(2, width + 1, rows - 3)])
        tokens = integers(rng, 1, vocabulary, rows, width)
        tokens[torch.arange(width) >= torch.as_tensor(lengths)[:, None]] = 0
        return Case(args=(normal(rng, rows, width, vocabulary), tokens))

    return [case(5, 7, 30), case(6, 6, 40), case(8, 9, 50)]


NEXT_TOKENS = Exercise(
    id="1.3.1",
    title="The word after the last",
    kind="bug",
    entry="next_tokens",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=next_tokens,
    alternatives=(_next_tokens_in_a_loop, _next_tokens_by_gather),
    cases=_next_tokens_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="what follows the padding",
            sentence="`logits[:, -1]` is what the model would write after <pad>, for every prompt that is shorter than the "
            "longest. Read each row at its own last word.",
            answer=_after_the_padding,
            planted=True,
        ),
        Misconception(
            name="one place too far",
            sentence="You read at position `length`, which is the first <pad>: positions count from 0, so the last word "
            "stands at `length - 1`.",
            answer=_one_too_far,
        ),
        Misconception(
            name="the word before the last",
            sentence="You read one place too early: what you get is the model's guess of the last word, which is already "
            "there.",
            answer=_one_too_early,
        ),
        Misconception(
            name="at the first word",
            sentence="You read what follows <start>; the model has then seen nothing of the prompt.",
            answer=_at_the_first,
        ),
        Misconception(
            name="every row like the shortest",
            sentence="You read all rows at the length of the shortest, in the midst of the longer prompts. Each row has a "
            "length of its own.",
            answer=_like_the_shortest,
        ),
    ),
    hints=(
        "Row 1 of the two prompts is shorter. What stands in its last place?",
        "`(tokens != 0).sum(dim=1)` counts the words of each row; `logits[rows, places]` takes one place of each row.",
        "last = (tokens != 0).sum(dim=1) - 1, then logits[torch.arange(len(tokens)), last].argmax(dim=-1)",
    ),
)

# 1.3.2 -------------------------------------------------------------------------------------------------------------


def transformer_parameters(vocabulary, length, width, depth):
    """Embeddings, then block by block."""
    embeddings = (vocabulary + length) * width
    attention = 4 * (width * width + width)
    feed_forward = width * 4 * width + 4 * width + 4 * width * width + width
    norm = 2 * width
    return embeddings + depth * (attention + feed_forward + 2 * norm) + norm


def _parameters_in_closed_form(vocabulary, length, width, depth):
    return (vocabulary + length + 2) * width + depth * (12 * width**2 + 13 * width)


def _parameters_from_shapes(vocabulary, length, width, depth):
    block = 4 * [(width, width), (width,)] + [(width, 4 * width), (4 * width,), (4 * width, width)] + 5 * [(width,)]
    shapes = [(vocabulary, width), (length, width), (width,), (width,), *(depth * block)]
    return sum(int(torch.Size(shape).numel()) for shape in shapes)


def _parameters(vocabularies=1, positions=1, matrices=4, hidden=4, biases=9, norms=4, last=2):
    """What one gets with each part counted so many times; `biases` and `norms` are vectors of `width` in a block."""

    def count(vocabulary, length, width, depth):
        block = (matrices + 2 * hidden) * width**2 + (biases + norms) * width
        return (vocabularies * vocabulary + positions * length + last) * width + depth * block

    return count


def _one_block(vocabulary, length, width, depth):
    return transformer_parameters(vocabulary, length, width, 1)


def _parameters_cases(rng):
    def case():
        vocabulary, length = int(rng.integers(1000, 60_000)), int(rng.integers(100, 3000))
        return Case(args=(vocabulary, length, 64 * int(rng.integers(2, 40)), int(rng.integers(2, 60))))

    return [case(), case(), case()]


PARAMETERS = Exercise(
    id="1.3.2",
    title="How large is large?",
    kind="function",
    entry="transformer_parameters",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=transformer_parameters,
    alternatives=(_parameters_in_closed_form, _parameters_from_shapes),
    cases=_parameters_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="the head counted again",
            sentence="You counted a matrix for the scores of the next word. It is the token embedding itself, used a second "
            "time.",
            answer=_parameters(vocabularies=2),
        ),
        Misconception(
            name="no positions",
            sentence="The tokens have vectors, and so have the positions: `length` of them.",
            answer=_parameters(positions=0),
        ),
        Misconception(
            name="no biases",
            sentence="You counted the matrices and left out their biases: four times `width` in attention, and `4 * width` "
            "and `width` in the feed-forward network.",
            answer=_parameters(biases=0),
        ),
        Misconception(
            name="three matrices in attention",
            sentence="Query, key and value are three; the output of attention passes through a fourth matrix.",
            answer=_parameters(matrices=3, biases=8),
        ),
        Misconception(
            name="no normalisation in the blocks",
            sentence="Each block normalises twice, and each normalisation has a gain and a bias for each of the `width` "
            "features.",
            answer=_parameters(norms=0),
        ),
        Misconception(
            name="no last normalisation",
            sentence="One normalisation is missing: the one behind the last block.",
            answer=_parameters(last=0),
        ),
        Misconception(
            name="a single block",
            sentence="That is one block. There are `depth` of them, each with parameters of its own.",
            answer=_one_block,
        ),
        Misconception(
            name="a feed-forward network as narrow as the rest",
            sentence="The feed-forward network widens to `4 * width` and comes back: two matrices of `width` times "
            "`4 * width`.",
            answer=_parameters(hidden=1, biases=6),
        ),
    ),
    hints=(
        "Go through the model from its input to its output: which tensors does each part hold?",
        "A linear layer from a to b holds a * b weights and b biases. A block: four of them from width to width, one to "
        "4 * width, one back, and two normalisations of 2 * width.",
        "(vocabulary + length) * width + depth * (12 * width**2 + 13 * width) + 2 * width",
    ),
)

# 1.3.3 -------------------------------------------------------------------------------------------------------------

GROWTH = Exercise(
    id="1.3.3",
    title="Twice as sharp",
    kind="number",
    entry="growth",
    points=1,
    difficulty=2,
    importance=4,
    minutes=3,
    reference=16,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one side only",
            sentence="That is how the side grows. A picture has two sides, and attention takes every pair of patches.",
            answer=2,
        ),
        Misconception(
            name="the patches, not the pairs",
            sentence="That is how the number of patches grows. Attention compares every patch with every patch, so square "
            "it once more.",
            answer=4,
        ),
        Misconception(
            name="twice the patches",
            sentence="Eight is 2 to the third. Count: four times the patches, and as many times more again for the pairs.",
            answer=8,
        ),
        Misconception(
            name="squared once too often",
            sentence="You squared three times; the side enters the pairs to the fourth power.",
            answer=256,
        ),
    ),
    hints=(
        "A picture of 4 by 4 patches becomes one of 8 by 8. How many patches were there, how many are there now?",
        "16 patches make 16 * 16 pairs, and 64 patches make 64 * 64.",
        "(64 * 64) / (16 * 16)",
    ),
)

# 1.3.4 -------------------------------------------------------------------------------------------------------------


def transformer_flops(tokens, width, hidden, depth):
    """Products with weights, then the two of attention."""
    weights = 4 * width * width + 2 * width * hidden
    pairs = 2 * tokens * tokens * width
    return 2 * depth * (tokens * weights + pairs)


def _flops_layer_by_layer(tokens, width, hidden, depth):
    linear = [(width, width)] * 4 + [(width, hidden), (hidden, width)]
    block = sum(2 * tokens * inputs * outputs for inputs, outputs in linear)
    block += 2 * tokens * width * tokens + 2 * tokens * tokens * width
    return sum([block] * depth)


def _flops_a_token(tokens, width, hidden, depth):
    one = depth * (8 * width**2 + 4 * width * hidden + 4 * tokens * width)
    return tokens * one


def _flops(weights=1.0, pairs=1.0, matrices=4):
    """What one gets with each part counted so many times too often, or another number of matrices."""

    def count(tokens, width, hidden, depth):
        products = tokens * (matrices * width * width + 2 * width * hidden)
        return int(2 * depth * (weights * products + pairs * 2 * tokens * tokens * width))

    return count


def _flops_of_one_block(tokens, width, hidden, depth):
    return transformer_flops(tokens, width, hidden, 1)


def _flops_without_the_width(tokens, width, hidden, depth):
    return 2 * depth * (tokens * (4 * width * width + 2 * width * hidden) + 2 * tokens * tokens)


def _flops_cases(rng):
    def case():
        width = 16 * int(rng.integers(2, 40))
        return Case(
            args=(int(rng.integers(10, 3000)), width, width * int(rng.integers(2, 6)), int(rng.integers(2, 40)))
        )

    return [case(), case(), case()]


FLOPS = Exercise(
    id="1.3.4",
    title="What reading costs",
    kind="function",
    entry="transformer_flops",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=transformer_flops,
    alternatives=(_flops_layer_by_layer, _flops_a_token),
    cases=_flops_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="multiplications only",
            sentence="Your number is half of what is asked: each multiplication is followed by an addition, and both count.",
            answer=_flops(0.5, 0.5),
        ),
        Misconception(
            name="no attention",
            sentence="You counted the weights only. Attention multiplies tokens with tokens, without any weight: the scores, "
            "and the mixture of the values.",
            answer=_flops(pairs=0),
        ),
        Misconception(
            name="scores without the mixture",
            sentence="You counted the scores of all pairs. Then the values are mixed by these scores, which costs as much "
            "again.",
            answer=_flops(pairs=0.5),
        ),
        Misconception(
            name="pairs without their width",
            sentence="A score is a product of two vectors, not of two numbers: each pair costs `width` multiplications.",
            answer=_flops_without_the_width,
        ),
        Misconception(
            name="three matrices in attention",
            sentence="Query, key and value are three; the output of attention passes through a fourth matrix.",
            answer=_flops(matrices=3),
        ),
        Misconception(
            name="one block",
            sentence="That is one block, and there are `depth` of them.",
            answer=_flops_of_one_block,
        ),
    ),
    hints=(
        "A vector of length a, times a matrix of a by b: how many multiplications, and how many additions?",
        "Each token meets 4 * width**2 + 2 * width * hidden weights in a block; each pair of tokens costs width for its "
        "score and width for its share of the mixture.",
        "2 * depth * (tokens * (4 * width**2 + 2 * width * hidden) + 2 * tokens**2 * width)",
    ),
)

# 1.3.5 -------------------------------------------------------------------------------------------------------------

MULTIMODAL = Exercise(
    id="1.3.5",
    title="Which one is multimodal?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=2,
    importance=5,
    minutes=4,
    reference=("b", 2),
    options={
        "a": "GPT-3, which has read much about pictures.",
        "b": "The small model that has just answered from a picture.",
        "c": "The small language model, which knows English and Welsh.",
        "d": "A language model whose window holds a million tokens.",
    },
    reasons=(
        "It has the most parameters.",
        "It takes in more than one kind of signal, and its answer depends on each.",
        "It speaks more than one language.",
        "It could read a picture's numbers, written out as digits.",
    ),
    misconceptions=(
        Misconception(
            name="large is multimodal",
            sentence="Size says how many parameters there are, not what may come in. A model that takes only text is blind at "
            "any size; somebody else must look for it.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="two languages are two modalities",
            sentence="English and Welsh are both rows of words: one modality, in two languages.",
            answer=("c", 3),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="room is sight",
            sentence="A window says how much text fits. Nobody has taught that model what a row of pixel values means.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="the right model, for its size",
            sentence="The right one, but it is the smallest of the four. What did it get that the others did not?",
            answer=("b", 1),
        ),
        Misconception(
            name="the right model, for its languages",
            sentence="The right one, but its languages are those of the model that could not see. What was added?",
            answer=("b", 3),
        ),
        Misconception(
            name="the right model, reading digits",
            sentence="The right one, but it reads no digits: its picture comes as soft tokens through a projector.",
            answer=("b", 4),
        ),
    ),
    hints=(
        "Multi-modal: how many kinds of signal does each of the four take in?",
        "Grounding is the test: for which of them does another picture change the answer?",
        "Choose the one that was given a picture, and the reason that speaks of kinds of signal.",
    ),
)

EXERCISES = (NEXT_TOKENS, PARAMETERS, GROWTH, FLOPS, MULTIMODAL)
