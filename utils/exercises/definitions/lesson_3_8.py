"""The exercises of lesson 3.8, alignment tuning."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, close, normal

# 3.8.1 -------------------------------------------------------------------------------------------------------------


def chair_rates(mentioned, there):
    """Of the captions and of the mentions, the share that is made up."""
    wrong = [[name not in real for name in said] for said, real in zip(mentioned, there, strict=True)]
    mentions = sum(len(row) for row in wrong)
    return sum(any(row) for row in wrong) / len(wrong), sum(sum(row) for row in wrong) / mentions


def _chair_with_sets(mentioned, there):
    captions = made_up = mentions = 0
    for said, real in zip(mentioned, there, strict=True):
        captions += not set(said) <= set(real)
        made_up += len([name for name in said if name not in real])
        mentions += len(said)
    return captions / len(mentioned), made_up / mentions


def _chair_with_tensors(mentioned, there):
    pairs = list(zip(mentioned, there, strict=True))
    one_list = torch.tensor([float(name not in real) for said, real in pairs for name in said])
    captions = torch.tensor([float(bool(set(said) - set(real))) for said, real in pairs])
    return captions.mean().item(), one_list.mean().item()


def _chair_turned_round(mentioned, there):
    return tuple(reversed(chair_rates(mentioned, there)))


def _chair_mean_of_captions(mentioned, there):
    rows = [[name not in real for name in said] for said, real in zip(mentioned, there, strict=True)]
    return chair_rates(mentioned, there)[0], sum(sum(row) / len(row) for row in rows) / len(rows)


def _chair_of_what_is_there(mentioned, there):
    captions, _ = chair_rates(mentioned, there)
    made_up = sum(name not in real for said, real in zip(mentioned, there, strict=True) for name in said)
    return captions, made_up / sum(len(real) for real in there)


def _chair_of_what_is_missed(mentioned, there):
    return chair_rates(there, mentioned)


def _chair_of_what_is_right(mentioned, there):
    captions, mentions = chair_rates(mentioned, there)
    return 1 - captions, 1 - mentions


def _chair_each_name_once(mentioned, there):
    once = [sorted(set(said)) for said in mentioned]
    return chair_rates(once, there)


def _chair_per_caption(mentioned, there):
    captions, _ = chair_rates(mentioned, there)
    made_up = sum(name not in real for said, real in zip(mentioned, there, strict=True) for name in said)
    return captions, made_up / len(mentioned)


def _chair_cases(rng):
    names = ("red ring", "blue star", "green cross", "black square", "cyan circle", "orange triangle")

    def pick(number):
        return [names[i] for i in rng.permutation(len(names))[:number]]

    def case(captions):
        there, mentioned = [], []
        for i in range(captions):
            real = pick(1 + int(rng.integers(3)))
            others = [name for name in names if name not in real]
            said = real[: 1 + int(rng.integers(len(real)))]
            if i % 3 == 0:
                said = [*said, *others[: 1 + int(rng.integers(2))]]
            if i % 3 == 1:
                said = [*said, said[0]]  # the same thing twice is two mentions
            there.append(real)
            mentioned.append(said)
        # of what is there one thing is missed, and one caption makes up the same thing twice
        there[1], mentioned[1] = list(names[:3]), [names[0]] * 2
        there[0], mentioned[0] = list(names[:2]), [names[0], names[4], names[4]]
        return Case(args=(mentioned, there))

    return [case(captions) for captions in (3, 5, 8)]


CHAIR = Exercise(
    id="3.8.1",
    title="How much is made up",
    kind="function",
    entry="chair_rates",
    points=2,
    difficulty=2,
    importance=4,
    minutes=8,
    reference=chair_rates,
    alternatives=(_chair_with_sets, _chair_with_tensors),
    cases=_chair_cases,
    misconceptions=(
        Misconception(
            name="the two exchanged",
            sentence="Your two rates are in the other order: first that of the captions, then that of the mentions.",
            answer=_chair_turned_round,
        ),
        Misconception(
            name="a mean of means",
            sentence="You took each caption's share and averaged those, so that a mention in a short caption weighs more. "
            "Count over all mentions of all captions, then divide once.",
            answer=_chair_mean_of_captions,
        ),
        Misconception(
            name="divided by what is there",
            sentence="You divided by the number of objects in the pictures. The question is what share of what was *said* "
            "is made up.",
            answer=_chair_of_what_is_there,
        ),
        Misconception(
            name="what was missed",
            sentence="You counted objects that are there and were not mentioned. That is a fault too, of recall; "
            "hallucination is the reverse.",
            answer=_chair_of_what_is_missed,
        ),
        Misconception(
            name="what is right",
            sentence="Your shares are those that are true; CHAIR counts those that are not.",
            answer=_chair_of_what_is_right,
        ),
        Misconception(
            name="each name once",
            sentence="You counted a thing that is mentioned twice once. Two mentions are two.",
            answer=_chair_each_name_once,
        ),
        Misconception(
            name="made-up mentions a caption",
            sentence="Your second number is made-up mentions for each caption, and can exceed 1. Divide by the mentions.",
            answer=_chair_per_caption,
        ),
    ),
    hints=(
        "What are the two things of which a share is made up: of what list is each share taken?",
        "For each caption make a list of True and False: `[name not in real for name in said]`.",
        "sum(any(row) for row in wrong) / len(wrong), and sum(sum(row) for row in wrong) / (number of all mentions)",
    ),
)

# 3.8.2 -------------------------------------------------------------------------------------------------------------


def dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """Minus the logarithm of the chance that the chosen one wins by the implicit rewards."""
    chosen = beta * (policy_chosen - reference_chosen)
    rejected = beta * (policy_rejected - reference_rejected)
    return -F.logsigmoid(chosen - rejected).mean()


def _dpo_by_ratios(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    ratios = (policy_chosen - policy_rejected) - (reference_chosen - reference_rejected)
    return F.softplus(-beta * ratios).mean()


def _dpo_by_cross_entropy(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    rewards = beta * torch.stack([policy_chosen - reference_chosen, policy_rejected - reference_rejected], dim=1)
    return F.cross_entropy(rewards, torch.zeros(len(rewards), dtype=torch.long))


def _dpo_without_reference(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * (policy_chosen - policy_rejected)).mean()


def _dpo_turned_round(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return dpo_loss(policy_rejected, policy_chosen, reference_rejected, reference_chosen, beta)


def _dpo_without_beta(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, 1.0)


def _dpo_beta_outside(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return beta * dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, 1.0)


def _dpo_divided_by_beta(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, 1 / beta)


def _dpo_without_logarithm(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    margin = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)
    return -torch.sigmoid(beta * margin).mean()


def _dpo_without_minus(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    return -dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta)


def _dpo_summed(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    loss = dpo_loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta)
    return len(policy_chosen) * loss


def _dpo_cases(rng):
    def case(pairs, beta):
        chosen, rejected = (-6 + 2 * normal(rng, pairs) for _ in range(2))
        return Case(args=(chosen + normal(rng, pairs), rejected - 1 + normal(rng, pairs), chosen, rejected, beta))

    return [case(2, 0.1), case(5, 0.5), case(9, 0.3)]


DPO_LOSS = Exercise(
    id="3.8.2",
    title="The loss of direct preference optimisation",
    kind="function",
    entry="dpo_loss",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=dpo_loss,
    alternatives=(_dpo_by_ratios, _dpo_by_cross_entropy),
    cases=_dpo_cases,
    misconceptions=(
        Misconception(
            name="no reference",
            sentence="The reference does not occur in your numbers. Without it nothing says where the model came from, and "
            "a caption that was always likely counts as one that was learnt.",
            answer=_dpo_without_reference,
        ),
        Misconception(
            name="the wrong one wins",
            sentence="You reward the rejected caption: this loss falls when the worse one becomes likelier.",
            answer=_dpo_turned_round,
        ),
        Misconception(
            name="beta forgotten",
            sentence="Your numbers are those at beta 1: the last argument is not used.",
            answer=_dpo_without_beta,
        ),
        Misconception(
            name="beta outside",
            sentence="You multiplied the loss by beta, which only makes steps smaller. It belongs inside the sigmoid: it "
            "says how far the model must move before the loss is content.",
            answer=_dpo_beta_outside,
        ),
        Misconception(
            name="divided by beta",
            sentence="You divided by beta. A reward is beta *times* the difference of the logarithms.",
            answer=_dpo_divided_by_beta,
        ),
        Misconception(
            name="no logarithm",
            sentence="You took the probability itself. The loss is minus its logarithm: `F.logsigmoid`.",
            answer=_dpo_without_logarithm,
        ),
        Misconception(
            name="no minus",
            sentence="Your loss is negative, and making it small makes the chosen captions lose: a minus is missing.",
            answer=_dpo_without_minus,
        ),
        Misconception(
            name="summed over the pairs",
            sentence="You summed over the pairs, so that the loss grows with the batch; take the mean.",
            answer=_dpo_summed,
        ),
    ),
    hints=(
        "What is the reward of one caption, if it is beta times how much likelier the model has become to say it?",
        "Both arguments are logarithms, so that a ratio is a difference: `beta * (policy_chosen - reference_chosen)`.",
        "-F.logsigmoid(chosen - rejected).mean(), with the two rewards",
    ),
)

# 3.8.3 -------------------------------------------------------------------------------------------------------------

FIRST_LOSS = Exercise(
    id="3.8.3",
    title="The first loss",
    kind="number",
    entry="first_loss",
    points=1,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=math.log(2),
    compare=close(rtol=2e-2),
    misconceptions=(
        Misconception(
            name="nothing to lose",
            sentence="The rewards are 0, and the loss is not: it is the surprise that the chosen one won, when both had "
            "the same reward.",
            answer=0.0,
        ),
        Misconception(
            name="the probability",
            sentence="That is the chance that the chosen one wins. The loss is minus its natural logarithm.",
            answer=0.5,
        ),
        Misconception(
            name="in bits",
            sentence="That is the surprise in bits. The course, as PyTorch, takes natural logarithms.",
            answer=1.0,
        ),
        Misconception(
            name="a minus forgotten",
            sentence="That is the logarithm of a chance, and negative. The loss is minus that.",
            answer=-math.log(2),
        ),
        Misconception(
            name="with beta",
            sentence="You multiplied by beta 0.1. It stands inside the sigmoid, where it multiplies a difference of 0.",
            answer=0.1 * math.log(2),
        ),
    ),
    hints=(
        "Before its first step the policy is the reference. What is the implicit reward of any caption then?",
        "Both rewards are 0, so that the sigmoid is taken of 0: a fair coin.",
        "math.log(2)",
    ),
)

# 3.8.4 -------------------------------------------------------------------------------------------------------------


def reward_loss(chosen, rejected):
    """The mean surprise that the chosen one won."""
    return -F.logsigmoid(chosen - rejected).mean()


def _reward_loss_by_hand(chosen, rejected):
    return torch.log(1 + torch.exp(rejected - chosen)).sum() / len(chosen)


def _reward_loss_by_softmax(chosen, rejected):
    return -torch.stack([chosen, rejected]).log_softmax(dim=0)[0].mean()


def _reward_turned_round(chosen, rejected):
    return -F.logsigmoid(rejected - chosen).mean()


def _reward_each_alone(chosen, rejected):
    return -(F.logsigmoid(chosen) + F.logsigmoid(-rejected)).mean()


def _reward_difference(chosen, rejected):
    return (rejected - chosen).mean()


def _reward_of_probabilities(chosen, rejected):
    return -F.logsigmoid(torch.sigmoid(chosen) - torch.sigmoid(rejected)).mean()


def _reward_mean_first(chosen, rejected):
    return -F.logsigmoid(chosen.mean() - rejected.mean())


def _reward_squared(chosen, rejected):
    return (1 - torch.sigmoid(chosen - rejected)).square().mean()


def _reward_summed(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).sum()


def _reward_cases(rng):
    return [Case(args=(1 + 2 * normal(rng, pairs), 2 * normal(rng, pairs))) for pairs in (2, 4, 7)]


REWARD_LOSS = Exercise(
    id="3.8.4",
    title="A judge learns from pairs",
    kind="function",
    entry="reward_loss",
    points=2,
    difficulty=2,
    importance=4,
    minutes=7,
    reference=reward_loss,
    alternatives=(_reward_loss_by_hand, _reward_loss_by_softmax),
    cases=_reward_cases,
    misconceptions=(
        Misconception(
            name="the wrong one wins",
            sentence="You take the sigmoid of rejected less chosen: a judge that learns so gives its highest rewards to "
            "what people like least.",
            answer=_reward_turned_round,
        ),
        Misconception(
            name="each by itself",
            sentence="You ask each reward to be right by itself, chosen above 0 and rejected below. People said only which "
            "of two is better: only the difference counts.",
            answer=_reward_each_alone,
        ),
        Misconception(
            name="only the difference",
            sentence="You took the difference itself, which can be made ever smaller by ever larger rewards. The sigmoid "
            "and its logarithm make it a chance, which is content once it is near 1.",
            answer=_reward_difference,
        ),
        Misconception(
            name="a sigmoid too many",
            sentence="You squeezed each reward by a sigmoid before comparing. The sigmoid belongs round the difference, "
            "once.",
            answer=_reward_of_probabilities,
        ),
        Misconception(
            name="the mean first",
            sentence="You averaged the rewards first and compared the means. Each pair is a comparison of its own.",
            answer=_reward_mean_first,
        ),
        Misconception(
            name="squared",
            sentence="You squared how far the chance is from 1. The loss is minus its logarithm.",
            answer=_reward_squared,
        ),
        Misconception(
            name="summed over the pairs",
            sentence="You summed over the pairs, so that the loss grows with the batch; take the mean.",
            answer=_reward_summed,
        ),
    ),
    hints=(
        "Bradley and Terry: the chance that A beats B is the sigmoid of what?",
        "Of the difference of their rewards. The loss is the mean of minus the logarithm of that chance.",
        "-F.logsigmoid(chosen - rejected).mean()",
    ),
)

# 3.8.5 -------------------------------------------------------------------------------------------------------------


def advantages(rewards, policy, reference, beta):
    """Penalised rewards, less the mean of the other samples of the same picture."""
    penalised = rewards - beta * (policy - reference)
    others = (penalised.sum(dim=1, keepdim=True) - penalised) / (penalised.shape[1] - 1)
    return penalised - others


def _advantages_by_scaling(rewards, policy, reference, beta):
    penalised = rewards + beta * (reference - policy)
    samples = rewards.shape[1]
    return (penalised - penalised.mean(dim=1, keepdim=True)) * samples / (samples - 1)


def _advantages_in_a_loop(rewards, policy, reference, beta):
    penalised, found = rewards - beta * (policy - reference), torch.empty_like(rewards)
    for i in range(rewards.shape[0]):
        for j in range(rewards.shape[1]):
            others = torch.cat([penalised[i, :j], penalised[i, j + 1 :]])
            found[i, j] = penalised[i, j] - others.mean()
    return found


def _rewarded_for_leaving(rewards, policy, reference, beta):
    penalised = rewards + beta * (policy - reference)
    others = (penalised.sum(dim=1, keepdim=True) - penalised) / (penalised.shape[1] - 1)
    return penalised - others


def _no_penalty(rewards, policy, reference, beta):
    return advantages(rewards, policy, reference, 0.0)


def _not_held_to_the_reference(rewards, policy, reference, beta):
    return advantages(rewards, policy, torch.zeros_like(reference), beta)


def _also_itself(rewards, policy, reference, beta):
    penalised = rewards - beta * (policy - reference)
    return penalised - penalised.mean(dim=1, keepdim=True)


def _no_baseline(rewards, policy, reference, beta):
    return rewards - beta * (policy - reference)


def _of_all_pictures(rewards, policy, reference, beta):
    penalised = rewards - beta * (policy - reference)
    return penalised - (penalised.sum() - penalised) / (penalised.numel() - 1)


def _along_the_pictures(rewards, policy, reference, beta):
    return advantages(rewards.T, policy.T, reference.T, beta).T


def _punished_for_size(rewards, policy, reference, beta):
    penalised = rewards - beta * (policy - reference).abs()
    others = (penalised.sum(dim=1, keepdim=True) - penalised) / (penalised.shape[1] - 1)
    return penalised - others


def _advantage_cases(rng):
    def case(pictures, samples, beta):
        reference = -6 + normal(rng, pictures, samples)
        return Case(args=(normal(rng, pictures, samples), reference + normal(rng, pictures, samples), reference, beta))

    return [case(3, 4, 0.5), case(2, 6, 0.2), case(5, 3, 1.0)]


ADVANTAGES = Exercise(
    id="3.8.5",
    title="Nothing holds it",
    kind="bug",
    entry="advantages",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=advantages,
    alternatives=(_advantages_by_scaling, _advantages_in_a_loop),
    cases=_advantage_cases,
    misconceptions=(
        Misconception(
            name="rewarded for leaving",
            sentence="This adds what should be taken away: a caption that the policy has come to like more than the "
            "reference gets a bonus, so that it runs away from the reference instead of being held.",
            answer=_rewarded_for_leaving,
            planted=True,
        ),
        Misconception(
            name="no penalty",
            sentence="Now nothing holds the policy to the reference: your numbers are those at beta 0.",
            answer=_no_penalty,
        ),
        Misconception(
            name="the reference left out",
            sentence="You penalise captions for being likely. What is to be penalised is being likelier than under the "
            "reference.",
            answer=_not_held_to_the_reference,
        ),
        Misconception(
            name="its own baseline",
            sentence="You compare a caption with a mean in which it is itself. Leave it out: the *others* of its picture "
            "are the baseline.",
            answer=_also_itself,
        ),
        Misconception(
            name="no baseline",
            sentence="You left the baseline out: now an easy picture makes all of its captions likelier, also the worse "
            "ones.",
            answer=_no_baseline,
        ),
        Misconception(
            name="other pictures for a baseline",
            sentence="Your baseline is a mean over the captions of all pictures. Only captions of the same picture, in "
            "the same row, can be compared.",
            answer=_of_all_pictures,
        ),
        Misconception(
            name="columns for rows",
            sentence="You compare along the columns, across pictures. The samples of a picture stand in a row.",
            answer=_along_the_pictures,
        ),
        Misconception(
            name="the size of the difference",
            sentence="You penalise also captions that have become *less* likely. Their logarithm is negative, and it "
            "must count as it is: its mean over samples is the KL divergence.",
            answer=_punished_for_size,
        ),
    ),
    hints=(
        "Follow one caption that the policy likes more than the reference does. Does its reward go up or down?",
        "The penalty is beta times log(policy / reference), which is `policy - reference`. What is done with a penalty?",
        "penalised = rewards - beta * (policy - reference)",
    ),
)

# 3.8.6 -------------------------------------------------------------------------------------------------------------

WHEN_TO_STOP = Exercise(
    id="3.8.6",
    title="The reward is rising",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("c", 3),
    options={
        "a": "Go on: the reward has not stopped rising.",
        "b": "Go on, with a larger learning rate, to get there sooner.",
        "c": "Stop, take the model of the day before yesterday, and have people judge fresh captions.",
        "d": "Go on, and give the reward model more layers without new comparisons.",
    },
    reasons=(
        "The reward is what the model is trained for, so it is what counts.",
        "A larger network judges any caption rightly.",
        "The reward is a guess at what people want, learnt from captions of another model than the present one.",
        "The KL divergence has to grow for a model to become better.",
    ),
    misconceptions=(
        Misconception(
            name="the reward is the aim",
            sentence="What people want is the aim, and the reward only stands for it. You saw the two part: past a point, "
            "one rises while the other falls.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="faster",
            sentence="Faster along the same road ends in the same place. The road itself leads away from what people want.",
            answer=("b", 4),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="a larger judge",
            sentence="No layer tells the judge about captions of a kind that nobody has compared. It needs fresh "
            "comparisons, of what the policy writes now.",
            answer=("d", 2),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="right, for a wrong reason",
            sentence="Stopping is right. The reason is what the reward is: a guess, learnt from other captions than those "
            "that it now has to judge.",
            answer=("c", 1),
            when=lambda answer: answer[0] == "c" and answer[1] != 3,
        ),
    ),
    hints=(
        "Which of the two curves in the widget would you be shown, if you did not have the world's own eye?",
        "Whose captions were compared when the reward model learnt?",
        "Look for the option that asks people again.",
    ),
)

EXERCISES = (CHAIR, DPO_LOSS, FIRST_LOSS, REWARD_LOSS, ADVANTAGES, WHEN_TO_STOP)
