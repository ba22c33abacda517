"""Alignment: a language model learns from which of two answers is preferred, or from what a reward model gives.

`dpo_loss`             learns from pairs of answers at once (Rafailov et al. 2023, "Direct preference optimization")
`bradley_terry_loss`   teaches a reward model the same pairs (Ouyang et al. 2022, "Training language models to follow
                       instructions with human feedback" (InstructGPT), equation 1)
`ppo_clip_loss`        raises the probability of sampled answers that were better than others to the same prompt, with
                       `penalised_rewards` and `leave_one_out`

All take the log-probabilities of whole answers from `sequence_log_probabilities`, so that an answer is one action.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.world.tokenizer import END, IMAGE, PAD


def answer_tokens(tokens: Int[Tensor, "batch length"], prompt: Int[Tensor, " batch"]) -> Bool[Tensor, "batch length"]:
    """Return which tokens are the answer: all behind the first `prompt` tokens of their row but <pad> and <image>."""
    behind = torch.arange(tokens.shape[1], device=tokens.device) >= prompt.unsqueeze(1)
    return behind & (tokens != PAD) & (tokens != IMAGE)


def join_answers(
    prompts: Int[Tensor, "batch length"], answers: Int[Tensor, "batch new"]
) -> tuple[Int[Tensor, "batch whole"], Int[Tensor, " batch"]]:
    """Return each answer, as `generate` gives it, behind its prompt, and how many tokens each prompt has.

    Prompts may have <pad> behind their last token. An answer ends with its first <end>; a model that drew <pad>, which
    no text holds, is taken to have ended there.
    """
    stop = (answers == END) | (answers == PAD)
    ended = stop.cumsum(dim=1) > stop.long()
    lengths = (prompts != PAD).sum(dim=1)
    places = lengths.unsqueeze(1) + torch.arange(answers.shape[1], device=answers.device)
    answers = answers.masked_fill(stop, END).masked_fill(ended, PAD)
    return F.pad(prompts, (0, answers.shape[1]), value=PAD).scatter(1, places, answers), lengths


@dataclass(frozen=True)
class PreferencePairs:
    """Two answers to each prompt, the first of which is preferred: rows of a prompt and an answer, then <pad>.

    `prompt` says how many tokens of each row are the prompt. Raises `ValueError`, naming rows, for pairs whose prompts
    differ, whose answers are identical, from which nothing can be learnt, or of which an answer has no token.
    """

    chosen: Int[Tensor, "pairs length"]
    rejected: Int[Tensor, "pairs length"]
    prompt: Int[Tensor, " pairs"]

    def __post_init__(self):
        if self.chosen.ndim != 2 or self.chosen.shape != self.rejected.shape or len(self.prompt) != len(self.chosen):
            raise ValueError(
                "chosen and rejected must be [pairs, length] alike, and prompt one number a pair, not "
                f"{list(self.chosen.shape)}, {list(self.rejected.shape)} and {list(self.prompt.shape)}"
            )
        same = self.chosen == self.rejected
        in_prompt = torch.arange(self.chosen.shape[1], device=self.chosen.device) < self.prompt.unsqueeze(1)
        _none_of((~same & in_prompt).any(dim=1), "the prompts of both answers differ")
        _none_of(same.all(dim=1), "the chosen and the rejected answer are identical: nothing is preferred")
        for name, learnt in (("chosen", self.chosen_learnt), ("rejected", self.rejected_learnt)):
            _none_of(~learnt.any(dim=1), f"the {name} answer has no token behind its prompt")

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def chosen_learnt(self) -> Bool[Tensor, "pairs length"]:
        """Which tokens of `chosen` are the answer."""
        return answer_tokens(self.chosen, self.prompt)

    @property
    def rejected_learnt(self) -> Bool[Tensor, "pairs length"]:
        """Which tokens of `rejected` are the answer."""
        return answer_tokens(self.rejected, self.prompt)


def sequence_log_probabilities(
    logits: Float[Tensor, "batch length vocabulary"],
    tokens: Int[Tensor, "batch length"],
    learnt: Bool[Tensor, "batch length"],
) -> Float[Tensor, " batch"]:
    """Return log p(answer | prompt) of each row, in nats: the sum over its `learnt` tokens, each given all before it.

    As in `next_token_loss`, <pad>, <image> and the first token of a row never count. Raises `ValueError` for shapes
    that do not go together, and if a row has no token that counts.
    """
    if tokens.ndim != 2 or logits.shape[:-1] != tokens.shape or learnt.shape != tokens.shape:
        raise ValueError(
            "logits [batch, length, vocabulary] go with tokens and learnt [batch, length], not "
            f"{list(logits.shape)} with {list(tokens.shape)} and {list(learnt.shape)}"
        )
    if learnt.dtype != torch.bool:
        raise ValueError(f"learnt says True or False of each token, and holds {learnt.dtype}; write learnt.bool()")
    counted = (learnt & (tokens != PAD) & (tokens != IMAGE))[:, 1:]
    _none_of(~counted.any(dim=1), "no token is learnt, so there is no answer whose probability could be told")
    said = logits[:, :-1].log_softmax(dim=-1).gather(-1, tokens[:, 1:].unsqueeze(-1)).squeeze(-1)
    return said.masked_fill(~counted, 0.0).sum(dim=1)


def bradley_terry_loss(chosen: Float[Tensor, " pairs"], rejected: Float[Tensor, " pairs"]) -> Float[Tensor, ""]:
    """Return the mean surprise, in nats, that the chosen of two rewards won (Bradley and Terry 1952).

    The probability that it wins is the sigmoid of the difference (Ouyang et al. 2022, equation 1), so that equal
    rewards cost ln 2, and only differences are ever learnt.
    """
    if chosen.ndim != 1 or chosen.shape != rejected.shape or not len(chosen):
        raise ValueError(
            f"rewards are one number a pair, of one pair or more, not {list(chosen.shape)} and {list(rejected.shape)}"
        )
    return -F.logsigmoid(chosen - rejected).mean()


def implicit_rewards(
    policy: Float[Tensor, " answers"], reference: Float[Tensor, " answers"], beta: float
) -> Float[Tensor, " answers"]:
    """Return the reward that a model gives to answers by having become likelier to say them than the reference.

    Rafailov et al. 2023, section 4: beta times the difference of both models' log-probabilities.
    """
    _check_beta(beta)
    return beta * (policy - reference)


def dpo_loss(
    policy_chosen: Float[Tensor, " pairs"],
    policy_rejected: Float[Tensor, " pairs"],
    reference_chosen: Float[Tensor, " pairs"],
    reference_rejected: Float[Tensor, " pairs"],
    beta: float = 0.1,
) -> Float[Tensor, ""]:
    """Return the loss of direct preference optimisation, in nats (Rafailov et al. 2023, equation 7).

    All are log-probabilities of whole answers, those of the `reference` without a gradient. It is the loss of a reward
    model, of `implicit_rewards`; a policy that is still the reference pays ln 2. A larger `beta` holds it closer.
    """
    return bradley_terry_loss(
        implicit_rewards(policy_chosen, reference_chosen, beta),
        implicit_rewards(policy_rejected, reference_rejected, beta),
    )


def penalised_rewards(
    rewards: Float[Tensor, " answers"],
    policy: Float[Tensor, " answers"],
    reference: Float[Tensor, " answers"],
    beta: float,
) -> Float[Tensor, " answers"]:
    """Return the rewards of sampled answers less beta times log(policy / reference), without a gradient.

    Over samples of the policy the mean of that logarithm is its KL divergence from the reference, so that raising the
    mean of what is returned keeps the policy near it (Ziegler et al. 2019, "Fine-tuning language models from human
    preferences", equation 2). With `beta` 0 nothing holds it.
    """
    if beta:
        _check_beta(beta)
    return (rewards - beta * (policy - reference)).detach()


def leave_one_out(rewards: Float[Tensor, "prompts samples"]) -> Float[Tensor, "prompts samples"]:
    """Return how much better each answer is than the mean of the others to the same prompt: its advantage.

    Kool et al. 2019, "Buy 4 REINFORCE samples, get a baseline for free!": the samples are each other's baseline, and no
    second model has to learn one.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(f"give two samples or more of each prompt, [prompts, samples], not {list(rewards.shape)}")
    samples = rewards.shape[1]
    return (rewards - rewards.mean(dim=1, keepdim=True)) * samples / (samples - 1)


def ppo_clip_loss(
    policy: Float[Tensor, " answers"],
    sampled: Float[Tensor, " answers"],
    advantages: Float[Tensor, " answers"],
    clip: float = 0.2,
) -> Float[Tensor, ""]:
    """Return the loss by which better answers become likelier, and worse ones less likely.

    Schulman et al. 2017, "Proximal policy optimization algorithms", equation 7, with its sign turned. `sampled` are the
    log-probabilities that the answers had when they were drawn, without a gradient. Where the `policy` still is the one
    that drew them, its gradient is that of REINFORCE (Williams 1992), -advantage x gradient of the log-probability;
    once its ratio to `sampled` has left 1 - clip to 1 + clip, going on is not rewarded.
    """
    if policy.ndim != 1 or not policy.shape == sampled.shape == advantages.shape or not len(policy):
        raise ValueError(
            "policy, sampled and advantages are one number an answer, of one answer or more, not "
            f"{list(policy.shape)}, {list(sampled.shape)} and {list(advantages.shape)}"
        )
    if not 0 < clip < 1:
        raise ValueError(f"clip is how far a ratio of probabilities may leave 1, between 0 and 1, not {clip}")
    ratio = (policy - sampled).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def _check_beta(beta: float) -> None:
    if not 0 < beta < math.inf:
        raise ValueError(f"beta says how close the model is held to its reference, a positive number, not {beta}")


def _none_of(wrong: Bool[Tensor, " rows"], why: str) -> None:
    """Raise `ValueError` if `wrong` holds of any row, and name the first of them."""
    rows = wrong.nonzero().flatten().tolist()
    if rows:
        shown = ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
        raise ValueError(f"{why}, in {len(rows)} of {len(wrong)} rows: {shown}")
