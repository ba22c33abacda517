"""The language model: a decoder-only Transformer that says, at every position, which token comes next.

Radford et al. 2019, "Language models are unsupervised multitask learners" (GPT-2), section 2.3: pre-norm blocks that
look only back, learnt positions, one more normalisation at the end, and a head that is the token embedding itself. The
GELU is exact, as in the whole course; GPT-2's is its approximation by tanh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.models.blocks import Block, initialise
from utils.world.tokenizer import BASE_VOCABULARY, CONTEXT_LENGTH, END, IMAGE, PAD, VOCABULARY, UnknownWordError


@dataclass(frozen=True)
class GPTConfig:
    """Sizes of a language model. It knows the first `vocabulary` tokens and reads at most `length` of them."""

    vocabulary: int = BASE_VOCABULARY
    length: int = 2 * CONTEXT_LENGTH  # a question and its answer, or a picture's soft tokens and a text
    width: int = 96
    depth: int = 4
    heads: int = 4
    hidden: int = 384

    @property
    def shape(self) -> TransformerShape:
        """The sizes on which the number of parameters depends."""
        return TransformerShape(self.vocabulary, self.length, self.width, self.depth, self.hidden)


class GPT(nn.Module):
    """Token ids in, scores for the next token out, at every position.

    `forward` is `decode(embed(tokens))`: what is not text, such as a picture's soft tokens, joins in between the two.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.zeros(config.length, config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.hidden, causal=True) for _ in range(config.depth)
        )
        self.norm_out = nn.LayerNorm(config.width)
        initialise(self)
        nn.init.normal_(self.positions, std=0.02)
        with torch.no_grad():  # each block adds two terms, whose sum must not grow with depth (section 2.3)
            for block in self.blocks:
                block.attention.output.weight /= (2 * config.depth) ** 0.5
                block.feed_forward.contract.weight /= (2 * config.depth) ** 0.5

    def embed(self, tokens: Int[Tensor, "batch length"]) -> Float[Tensor, "batch length width"]:
        """Return the vector of each token, which does not yet know its position.

        Raises `ValueError` for another shape or type, and `UnknownWordError` for tokens outside the vocabulary.
        """
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise ValueError(
                f"this language model takes integer tokens of shape [batch, length], not {tokens.dtype} "
                f"of shape {list(tokens.shape)}"
            )
        unknown = tokens[(tokens < 0) | (tokens >= self.config.vocabulary)].unique().tolist()
        if unknown:
            names = (f"{i} ({VOCABULARY[i]!r})" if 0 <= i < len(VOCABULARY) else str(i) for i in unknown)
            raise UnknownWordError(
                f"this language model knows the tokens 0 to {self.config.vocabulary - 1}, and not {', '.join(names)}; "
                "for all words of the course make it with GPTConfig(vocabulary=len(VOCABULARY))"
            )
        return self.embedding(tokens)

    def decode(
        self,
        embeddings: Float[Tensor, "batch length width"],
        prefix: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each vector; a position is given to every vector in turn.

        With a `prefix`, such as a picture and the question about it, all of it is seen from everywhere: only what
        follows is written with an eye to the past alone (Raffel et al. 2020, "Exploring the limits of transfer
        learning", section 3.2.1: prefix language model).
        """
        config = self.config
        if embeddings.ndim != 3 or embeddings.shape[2] != config.width or not 1 <= embeddings.shape[1] <= config.length:
            raise ValueError(
                f"this language model reads from 1 to {config.length} vectors of width {config.width} a sequence, "
                f"[batch, length, {config.width}], not {list(embeddings.shape)}"
            )
        x, mask = embeddings + self.positions[: embeddings.shape[1]], None if prefix is None else prefix_mask(prefix)
        for block in self.blocks:
            x = block(x, mask=mask)
        return F.linear(self.norm_out(x), self.embedding.weight)

    def forward(
        self, tokens: Int[Tensor, "batch length"], prefix: Bool[Tensor, "batch length"] | None = None
    ) -> Float[Tensor, "batch length vocabulary"]:
        """Return the logits of the token that follows each token; they depend on it and on those before it."""
        return self.decode(self.embed(tokens), prefix)

    @torch.no_grad()
    def generate(
        self,
        prompt: Int[Tensor, "batch length"],
        max_new: int,
        *,
        temperature: float = 0.0,
        seed: int = 0,
        embed: Callable[[Int[Tensor, "batch length"]], Float[Tensor, "batch length width"]] | None = None,
    ) -> Int[Tensor, "batch new"]:
        """Return what follows each prompt: at most `max_new` tokens, with <pad> behind <end>.

        Prompts of different lengths are padded with <pad> on the right, where no earlier position sees it. The model
        goes on after the prompt's last token, so a text that is to be completed comes without its <end>. At
        temperature 0 the likeliest token is taken, otherwise one is drawn from softmax(logits / temperature). `embed`
        turns the tokens so far into vectors, as the method of this name does unless another is given: a multimodal
        model puts its soft tokens there.

        Raises `ValueError` for a prompt without a token, for <pad> inside one, and if all does not fit the model.
        """
        word = prompt != PAD
        if prompt.ndim != 2 or not len(prompt) or not word.any(dim=1).all() or (word[:, 1:] & ~word[:, :-1]).any():
            raise ValueError(
                "prompts are rows of [batch, length], each with at least one token, such as <start>, and <pad> only "
                f"behind its last; these are {list(prompt.shape)}"
            )
        if max_new < 1 or not 0 <= temperature < float("inf"):
            raise ValueError(f"max_new must be 1 or more, not {max_new}, and temperature 0 or more, not {temperature}")
        embed, lengths = embed or self.embed, word.sum(dim=1)
        if lengths.max() + max_new > self.config.length:
            raise ValueError(
                f"a prompt of {lengths.max()} and {max_new} new tokens do not fit this language model, which reads "
                f"{self.config.length}; shorten the prompt or lower max_new"
            )
        generator = torch.Generator(prompt.device).manual_seed(seed)
        rows = torch.arange(len(prompt), device=prompt.device)
        tokens, ended = F.pad(prompt, (0, max_new), value=PAD), torch.zeros_like(rows, dtype=torch.bool)
        new = prompt.new_full((len(prompt), max_new), PAD)
        for step in range(max_new):
            logits = self.decode(embed(tokens[:, : lengths.max()]))[rows, lengths - 1]
            if temperature == 0:
                token = logits.argmax(dim=-1)
            else:
                token = torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator)[:, 0]
            new[:, step] = tokens[rows, lengths] = token.masked_fill(ended, PAD)
            lengths += 1
            ended |= token == END
            if ended.all():
                break
        return new


def prefix_mask(prefix: Bool[Tensor, "batch length"]) -> Bool[Tensor, "batch length length"]:
    """Return which positions each one may look at: all of the prefix, itself, and what stands before it."""
    length = prefix.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=prefix.device).tril()
    return before | prefix[:, None]


def before_reply(
    tokens: Int[Tensor, "texts length"], learnt: Bool[Tensor, "texts length"]
) -> Bool[Tensor, "texts length"]:
    """Return which tokens stand before the first that is learnt: the prefix of a text that ends in a reply."""
    return (tokens != PAD) & (learnt.cumsum(dim=1) == 0)


def draw_words(model: GPT, std: float) -> None:
    """Draw the vectors of words and of positions anew, each number with a standard deviation of `std`.

    At GPT-2's 0.02 they are short beside what else a small model reads, and it learns late what belongs to what.
    """
    for vectors in (model.embedding.weight, model.positions):
        nn.init.normal_(vectors, std=std)


def next_token_loss(
    logits: Float[Tensor, "batch length vocabulary"],
    tokens: Int[Tensor, "batch length"],
    learnt: Bool[Tensor, "batch length"] | None = None,
) -> Float[Tensor, ""]:
    """Return the mean cross-entropy of each token given those before it, in nats a token.

    Left out are the first token, <pad>, <image>, where a picture stands in the sequence, and every token that is not
    `learnt`, such as those of a prompt. Raises `ValueError` for shapes that differ, and if nothing is
    left to learn.
    """
    learnt = torch.ones_like(tokens, dtype=torch.bool) if learnt is None else learnt
    if tokens.ndim != 2 or logits.shape[:-1] != tokens.shape or learnt.shape != tokens.shape:
        raise ValueError(
            "logits [batch, length, vocabulary] go with tokens and learnt [batch, length], not "
            f"{list(logits.shape)} with {list(tokens.shape)} and {list(learnt.shape)}"
        )
    if learnt.dtype != torch.bool:
        raise ValueError(f"learnt says True or False of each token, and holds {learnt.dtype}; write learnt.bool()")
    counted = (tokens != PAD) & (tokens != IMAGE) & learnt
    if not counted[:, 1:].any():
        raise ValueError("no token is left to learn: all but the first of each row are <pad>, <image> or not learnt")
    return F.cross_entropy(logits[:, :-1][counted[:, 1:]], tokens[:, 1:][counted[:, 1:]])


@dataclass(frozen=True)
class TransformerShape:
    """The sizes on which a Transformer's number of parameters depends; its number of heads is not among them.

    BERT has besides a vector for each of two `segments`, and a linear layer on its class token, the `pooler`.
    """

    vocabulary: int
    length: int
    width: int
    depth: int
    hidden: int
    segments: int = 0
    pooler: bool = False


PUBLISHED_SHAPES = {
    # Devlin et al. 2019, section 3, with the 30,522 word pieces and 512 positions of the models that were released
    "BERT-base": TransformerShape(30_522, 512, 768, 12, 4 * 768, segments=2, pooler=True),
    "BERT-large": TransformerShape(30_522, 512, 1024, 24, 4 * 1024, segments=2, pooler=True),
    # Brown et al. 2020, section 2.1 and table 2.1, with GPT-2's 50,257 tokens
    "GPT-3 175B": TransformerShape(50_257, 2048, 12_288, 96, 4 * 12_288),
}


def parameters_of(shape: TransformerShape) -> int:
    """Return how many parameters a Transformer of this shape has, without making it.

    The head is the token embedding, and counts once. One normalisation stands outside the blocks: GPT's behind them,
    BERT's before them.
    """
    width, hidden = shape.width, shape.hidden
    embeddings = (shape.vocabulary + shape.length + shape.segments) * width
    attention = 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    norm = 2 * width
    pooler = width * width + width if shape.pooler else 0
    return embeddings + shape.depth * (attention + feed_forward + 2 * norm) + norm + pooler


def flops_of(shape: TransformerShape, tokens: int) -> int:
    """Return the floating-point operations of one forward pass over `tokens` tokens, two for each multiply-add.

    Counted are the matrix products: those with weights, which grow with the tokens, and the two of attention, scores
    and mixture, which grow with their square. Biases, normalisations and softmax are small beside them (Kaplan et al.
    2020, "Scaling laws for neural language models", section 2.1). A causal model is counted like any other, as
    libraries compute the whole square. BERT's pooler is left out.
    """
    weights = shape.depth * (4 * shape.width**2 + 2 * shape.width * shape.hidden) + shape.width * shape.vocabulary
    pairs = shape.depth * 2 * shape.width * tokens**2
    return 2 * (tokens * weights + pairs)
