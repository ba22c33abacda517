"""The exercises of lesson 2.6, fine-tuning and partial LoRA."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from utils.exercises.definition import Case, Exercise, Misconception, exact, normal

# 2.6.1 -------------------------------------------------------------------------------------------------------------


class LoRALinear(nn.Module):
    """A frozen weight and a low-rank update."""

    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float):
        super().__init__()
        self.rank, self.alpha = rank, alpha
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5, requires_grad=False)
        self.lora_A = nn.Parameter(torch.randn(rank, inputs) * inputs**-0.5)
        self.lora_B = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x):
        """Return W x + (alpha / rank) B A x."""
        return x @ self.weight.T + self.alpha / self.rank * (x @ self.lora_A.T @ self.lora_B.T)


class _LoRAByMerging(LoRALinear):
    def forward(self, x):
        return F.linear(x, self.weight + self.alpha / self.rank * self.lora_B @ self.lora_A)


class _LoRAByEinsum(LoRALinear):
    def forward(self, x):
        small = torch.einsum("ri,...i->...r", self.lora_A, x)
        update = torch.einsum("or,...r->...o", self.lora_B, small)
        return torch.einsum("oi,...i->...o", self.weight, x) + update * (self.alpha / self.rank)


class _LoRAWithoutScale(LoRALinear):
    def forward(self, x):
        return x @ self.weight.T + x @ self.lora_A.T @ self.lora_B.T


class _LoRAWithoutRank(LoRALinear):
    def forward(self, x):
        return x @ self.weight.T + self.alpha * (x @ self.lora_A.T @ self.lora_B.T)


class _LoRAWithoutWeight(LoRALinear):
    def forward(self, x):
        return self.alpha / self.rank * (x @ self.lora_A.T @ self.lora_B.T)


class _LoRAOnTheWrongSide(LoRALinear):
    def forward(self, x):
        return self.alpha / self.rank * (x @ self.weight.T + x @ self.lora_A.T @ self.lora_B.T)


class _LoRAScaledUpsideDown(LoRALinear):
    def forward(self, x):
        return x @ self.weight.T + self.rank / self.alpha * (x @ self.lora_A.T @ self.lora_B.T)


class _LoRAWithActivation(LoRALinear):
    def forward(self, x):
        return x @ self.weight.T + self.alpha / self.rank * (F.gelu(x @ self.lora_A.T) @ self.lora_B.T)


def _lora_cases(rng):
    def case(*shape, **init):
        return Case(init=init, weights=int(rng.integers(2**31)), args=(normal(rng, *shape, init["inputs"]),))

    return [
        case(5, inputs=6, outputs=4, rank=2, alpha=6.0),
        case(2, 3, inputs=8, outputs=8, rank=3, alpha=1.5),
    ]


LORA_LINEAR = Exercise(
    id="2.6.1",
    title="A layer with a low-rank update",
    kind="module",
    entry="LoRALinear",
    points=3,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=LoRALinear,
    alternatives=(_LoRAByMerging, _LoRAByEinsum),
    cases=_lora_cases,
    misconceptions=(
        Misconception(
            name="alpha forgotten",
            sentence="Your update comes in as it is; LoRA scales it by alpha / rank, so that another rank needs no other "
            "learning rate.",
            answer=_LoRAWithoutScale,
        ),
        Misconception(
            name="not divided by the rank",
            sentence="You scaled by alpha alone. A sum over more ranks grows with them: divide by the rank.",
            answer=_LoRAWithoutRank,
        ),
        Misconception(
            name="rank / alpha",
            sentence="Your scale is upside down: it is alpha / rank.",
            answer=_LoRAScaledUpsideDown,
        ),
        Misconception(
            name="the weight is missing",
            sentence="That is the update alone. It is added to what the frozen weight makes of x.",
            answer=_LoRAWithoutWeight,
        ),
        Misconception(
            name="the weight is scaled too",
            sentence="You scaled the frozen weight's part as well; alpha / rank belongs to the update alone.",
            answer=_LoRAOnTheWrongSide,
        ),
        Misconception(
            name="an activation between A and B",
            sentence="There is nothing between A and B: with a GELU there, B A would be no matrix, and could never be "
            "merged into W.",
            answer=_LoRAWithActivation,
        ),
    ),
    hints=(
        "Which shapes has x after A, and after B? Which has it after W?",
        "With features last, a matrix M of shape [outputs, inputs] acts as x @ M.T; A comes first, then B.",
        "x @ self.weight.T + self.alpha / self.rank * (x @ self.lora_A.T @ self.lora_B.T)",
    ),
)

# 2.6.2 -------------------------------------------------------------------------------------------------------------


def start_update(noise, outputs):
    """A is Gaussian and B zero."""
    rank, inputs = noise.shape
    return noise * inputs**-0.5, torch.zeros(outputs, rank)


def _start_by_division(noise, outputs):
    return noise / noise.shape[1] ** 0.5, noise.new_zeros((outputs, noise.shape[0]))


def _start_by_full(noise, outputs):
    rank, inputs = noise.shape
    lora_A = torch.empty_like(noise).copy_(noise).div_(float(inputs) ** 0.5)
    return lora_A, torch.full((outputs, rank), 0.0)


def _start_both_at_zero(noise, outputs):
    rank, inputs = noise.shape
    return torch.zeros(rank, inputs), torch.zeros(outputs, rank)


def _start_both_at_random(noise, outputs):
    rank, inputs = noise.shape
    generator = torch.Generator().manual_seed(0)
    return noise * inputs**-0.5, torch.randn(outputs, rank, generator=generator) * rank**-0.5


def _start_with_raw_noise(noise, outputs):
    return noise.clone(), torch.zeros(outputs, len(noise))


def _start_scaled_by_rank(noise, outputs):
    return noise * len(noise) ** -0.5, torch.zeros(outputs, len(noise))


def _start_transposed(noise, outputs):
    rank, inputs = noise.shape
    return noise * inputs**-0.5, torch.zeros(rank, outputs)


def _start_cases(rng):
    return [Case(args=(normal(rng, 2, 9), 5)), Case(args=(normal(rng, 4, 16), 6)), Case(args=(normal(rng, 3, 5), 7))]


START_UPDATE = Exercise(
    id="2.6.2",
    title="The update that never learns",
    kind="bug",
    entry="start_update",
    points=2,
    difficulty=3,
    importance=4,
    minutes=7,
    reference=start_update,
    alternatives=(_start_by_division, _start_by_full),
    cases=_start_cases,
    misconceptions=(
        Misconception(
            name="both at zero",
            sentence="The gradient of A passes through B, and that of B through A: with both at zero neither ever moves.",
            answer=_start_both_at_zero,
            planted=True,
        ),
        Misconception(
            name="B does not start at zero",
            sentence="With both at random B A is not zero, so the model is disturbed before it has learnt anything. B "
            "starts at zero.",
            answer=_start_both_at_random,
            when=lambda output: isinstance(output, tuple) and len(output) == 2 and bool(output[1].any()),
        ),
        Misconception(
            name="noise as it comes",
            sentence="Your A is the noise itself: with many inputs A x gets large. Divide by the root of the inputs.",
            answer=_start_with_raw_noise,
        ),
        Misconception(
            name="scaled by the rank",
            sentence="You divided by the root of the rank; each row of A sums over the inputs, so it is their number that "
            "counts.",
            answer=_start_scaled_by_rank,
        ),
        Misconception(
            name="B lies on its side",
            sentence="Your B is [rank, outputs]; it maps from the rank to the outputs, [outputs, rank].",
            answer=_start_transposed,
        ),
    ),
    hints=(
        "Which of the two gradients above is zero? What would have to be different for just one of them?",
        "d loss / d B contains A x, and d loss / d A contains B. Only one of them may be zero.",
        "lora_A = noise * inputs**-0.5, and lora_B stays torch.zeros(outputs, rank)",
    ),
)

# 2.6.3 -------------------------------------------------------------------------------------------------------------

LORA_PARAMETERS = Exercise(
    id="2.6.3",
    title="LoRA for GPT-3",
    kind="number",
    entry="lora_parameters",
    points=1,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=96 * 2 * 8 * (12_288 + 12_288),
    compare=exact(),
    misconceptions=(
        Misconception(
            name="one layer",
            sentence="That is one of the 96 layers.",
            answer=2 * 8 * (12_288 + 12_288),
        ),
        Misconception(
            name="half of them",
            sentence="That is half: query and value both have an update, and each update is an A, [8, 12288], and a B, "
            "[12288, 8].",
            answer=96 * 2 * 8 * 12_288,
        ),
        Misconception(
            name="the whole weights",
            sentence="That is how many numbers the query and value weights hold, which full fine-tuning would change.",
            answer=96 * 2 * 12_288 * 12_288,
        ),
        Misconception(
            name="all four weights",
            sentence="That is for query, key, value and output; here only query and value have an update.",
            answer=96 * 4 * 8 * (12_288 + 12_288),
        ),
    ),
    hints=(
        "How many numbers hold A and B of one square weight?",
        "A is [rank, inputs] and B is [outputs, rank]: together rank * (inputs + outputs).",
        "96 layers * 2 weights * 8 * (12288 + 12288)",
    ),
)

# 2.6.4 -------------------------------------------------------------------------------------------------------------


def merge(weight, lora_A, lora_B, alpha):
    """W + (alpha / rank) B A."""
    return weight + alpha / len(lora_A) * lora_B @ lora_A


def _merge_rank_by_rank(weight, lora_A, lora_B, alpha):
    merged = weight.clone()
    for row, column in zip(lora_A, lora_B.T, strict=True):
        merged += alpha / len(lora_A) * torch.outer(column, row)
    return merged


def _merge_by_einsum(weight, lora_A, lora_B, alpha):
    return weight + torch.einsum("or,ri->oi", lora_B, lora_A) * (alpha / lora_B.shape[1])


def _merge_without_scale(weight, lora_A, lora_B, alpha):
    return weight + lora_B @ lora_A


def _merge_by_alpha(weight, lora_A, lora_B, alpha):
    return weight + alpha * lora_B @ lora_A


def _merge_update_alone(weight, lora_A, lora_B, alpha):
    return alpha / len(lora_A) * lora_B @ lora_A


def _merge_backwards(weight, lora_A, lora_B, alpha):
    return weight - alpha / len(lora_A) * lora_B @ lora_A


def _merge_transposed(weight, lora_A, lora_B, alpha):
    return weight + alpha / len(lora_A) * (lora_B @ lora_A).T


def _merge_by_inputs(weight, lora_A, lora_B, alpha):
    return weight + alpha / lora_A.shape[1] * lora_B @ lora_A


def _merge_cases(rng):
    def case(side, rank, alpha):
        return Case(args=(normal(rng, side, side), normal(rng, rank, side), normal(rng, side, rank), alpha))

    return [case(5, 2, 6.0), case(7, 3, 1.5), case(4, 1, 2.0)]


MERGE = Exercise(
    id="2.6.4",
    title="Merge and forget the extra work",
    kind="function",
    entry="merge",
    points=2,
    difficulty=2,
    importance=4,
    minutes=5,
    reference=merge,
    alternatives=(_merge_rank_by_rank, _merge_by_einsum),
    cases=_merge_cases,
    misconceptions=(
        Misconception(
            name="alpha forgotten",
            sentence="You added B A as it is; the layer adds alpha / rank times as much, and the merged one must too.",
            answer=_merge_without_scale,
        ),
        Misconception(
            name="not divided by the rank",
            sentence="You scaled by alpha; it is alpha / rank, and the rank is the number of A's rows.",
            answer=_merge_by_alpha,
        ),
        Misconception(
            name="divided by the inputs",
            sentence="A is [rank, inputs]: you divided by its columns; the rank is the number of its rows.",
            answer=_merge_by_inputs,
        ),
        Misconception(
            name="the update alone",
            sentence="That is the update; the merged weight is the old one plus it.",
            answer=_merge_update_alone,
        ),
        Misconception(
            name="subtracted",
            sentence="You took the update away: that is how one gets the old weight back from a merged one.",
            answer=_merge_backwards,
        ),
        Misconception(
            name="transposed",
            sentence="Your update lies on its side: B A is [outputs, inputs] already, as the weight is.",
            answer=_merge_transposed,
        ),
    ),
    hints=(
        "W x + s B A x = (?) x",
        "(W + s B A) x, with s = alpha / rank; `@` multiplies matrices.",
        "weight + alpha / len(lora_A) * lora_B @ lora_A",
    ),
)

# 2.6.5 -------------------------------------------------------------------------------------------------------------


def partial_lora(x, weight, lora_A, lora_B, scale, image_mask):
    """The update at image tokens, and nothing of it at text."""
    unchanged = x @ weight.T
    updated = unchanged + scale * (x @ lora_A.T @ lora_B.T)
    return torch.where(image_mask[..., None], updated, unchanged)


def _partial_by_indexing(x, weight, lora_A, lora_B, scale, image_mask):
    out = x @ weight.T
    out[image_mask] += scale * (x[image_mask] @ lora_A.T @ lora_B.T)
    return out


def _partial_by_multiplying(x, weight, lora_A, lora_B, scale, image_mask):
    return x @ weight.T + scale * image_mask.unsqueeze(-1).to(x.dtype) * (x @ (lora_B @ lora_A).T)


def _partial_everywhere(x, weight, lora_A, lora_B, scale, image_mask):
    return x @ weight.T + scale * (x @ lora_A.T @ lora_B.T)


def _partial_on_text(x, weight, lora_A, lora_B, scale, image_mask):
    return partial_lora(x, weight, lora_A, lora_B, scale, ~image_mask)


def _partial_instead(x, weight, lora_A, lora_B, scale, image_mask):
    return torch.where(image_mask[..., None], scale * (x @ lora_A.T @ lora_B.T), x @ weight.T)


def _partial_without_text(x, weight, lora_A, lora_B, scale, image_mask):
    return image_mask[..., None] * _partial_everywhere(x, weight, lora_A, lora_B, scale, image_mask)


def _partial_without_scale(x, weight, lora_A, lora_B, scale, image_mask):
    return partial_lora(x, weight, lora_A, lora_B, 1.0, image_mask)


def _partial_by_batch(x, weight, lora_A, lora_B, scale, image_mask):
    """Rows that hold any picture are changed as a whole."""
    return partial_lora(x, weight, lora_A, lora_B, scale, image_mask.any(dim=1, keepdim=True).expand_as(image_mask))


def _partial_cases(rng):
    def case(batch, length, inputs, outputs, rank, scale):
        mask = torch.zeros(batch, length, dtype=torch.bool)
        for row in range(batch - 1):  # the last row is text alone
            start = int(rng.integers(0, length - 2))
            mask[row, start : start + 2] = True
        tensors = normal(rng, outputs, inputs), normal(rng, rank, inputs), normal(rng, outputs, rank)
        return Case(args=(normal(rng, batch, length, inputs), *tensors, scale, mask))

    return [case(3, 5, 6, 4, 2, 2.0), case(2, 7, 5, 5, 1, 0.5)]


PARTIAL_LORA = Exercise(
    id="2.6.5",
    title="Partial LoRA",
    kind="function",
    entry="partial_lora",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=partial_lora,
    alternatives=(_partial_by_indexing, _partial_by_multiplying),
    cases=_partial_cases,
    misconceptions=(
        Misconception(
            name="everywhere",
            sentence="Your update reaches every position: that is plain LoRA. Text must pass as if there were none.",
            answer=_partial_everywhere,
        ),
        Misconception(
            name="on text instead of pictures",
            sentence="Your mask is inverted: text is changed, and the image tokens pass as before.",
            answer=_partial_on_text,
        ),
        Misconception(
            name="whole rows",
            sentence="You changed every token of a row that holds a picture. The words of its question are text too.",
            answer=_partial_by_batch,
        ),
        Misconception(
            name="instead of the weight",
            sentence="At image tokens you have the update alone; it is added to what the weight makes of them.",
            answer=_partial_instead,
        ),
        Misconception(
            name="text is lost",
            sentence="Your text positions are zero. They keep what the weight makes of them, without the update.",
            answer=_partial_without_text,
        ),
        Misconception(
            name="scale forgotten",
            sentence="Your update is not multiplied by `scale`.",
            answer=_partial_without_scale,
        ),
    ),
    hints=(
        "What should come out where the mask is False? And where it is True?",
        "Compute both for all positions; `torch.where(image_mask[..., None], updated, unchanged)` chooses.",
        "unchanged = x @ weight.T; updated = unchanged + scale * (x @ lora_A.T @ lora_B.T); then torch.where",
    ),
)

# 2.6.6 -------------------------------------------------------------------------------------------------------------

WHICH_METHOD = Exercise(
    id="2.6.6",
    title="Which method, and why",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=4,
    reference=("d", 2),
    options={
        "a": "Train a new model from scratch on letters and X-rays",
        "b": "Fine-tune the whole language model on the X-rays",
        "c": "Give it LoRA on all tokens, train on the X-rays, and merge",
        "d": "Give it a projector and partial LoRA on the image tokens",
    },
    reasons=(
        "it trains the fewest numbers of all",
        "text alone passes through the old weights only, so every answer stays as it was approved",
        "a low-rank update forgets little enough",
        "once merged it costs no more than before",
    ),
    misconceptions=(
        Misconception(
            name="little is not nothing",
            sentence="You measured it: LoRA forgets less, but its answers to text do change, and each would have to be "
            "approved again.",
            answer=("c", 3),
        ),
        Misconception(
            name="speed is not the question",
            sentence="Merging is free at run time, but what is merged acts on text as well, and the letters would be "
            "answered by another model.",
            answer=("c", 4),
        ),
        Misconception(
            name="right, but not for its size",
            sentence="Partial LoRA it is, yet not for its size: plain LoRA of the same rank is as small. What does the mask "
            "promise?",
            answer=("d", 1),
        ),
        Misconception(
            name="partial LoRA cannot be merged",
            sentence="Partial LoRA cannot be merged: one weight cannot serve image tokens and leave text alone.",
            answer=("d", 4),
        ),
        Misconception(
            name="forgets most",
            sentence="Full fine-tuning moved the old answers most of all.",
            answer=("b", 3),
        ),
    ),
    hints=(
        "What did the clinic's approval cover, word for word?",
        "Which of the methods leaves the logits of a text without a picture the same to the last bit?",
        "The one whose update is masked; and the reason is the mask, not the size.",
    ),
)

EXERCISES = (LORA_LINEAR, START_UPDATE, LORA_PARAMETERS, MERGE, PARTIAL_LORA, WHICH_METHOD)
