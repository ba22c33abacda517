"""The exercises of lesson 3.5, mixture of experts."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, normal

# 3.5.1 -------------------------------------------------------------------------------------------------------------


def route(logits, top_k):
    """A softmax over the best, zero for the rest."""
    best, chosen = logits.topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(1, chosen, best.softmax(dim=-1))


def _route_by_masking(logits, top_k):
    last = logits.topk(top_k, dim=-1).values[:, -1:]
    return logits.masked_fill(logits < last, float("-inf")).softmax(dim=-1)


def _route_by_sharing_out_again(logits, top_k):
    shares = logits.softmax(dim=-1)
    kept = torch.zeros_like(shares)
    for token, row in enumerate(shares):
        for expert in row.topk(top_k).indices:
            kept[token, expert] = row[expert]
    return kept / kept.sum(dim=-1, keepdim=True)


def _not_shared_out_again(logits, top_k):
    shares, chosen = logits.softmax(dim=-1).topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(1, chosen, shares)


def _everyone_is_asked(logits, top_k):
    return logits.softmax(dim=-1)


def _the_worst_experts(logits, top_k):
    worst, chosen = logits.topk(top_k, dim=-1, largest=False)
    return torch.zeros_like(logits).scatter(1, chosen, worst.softmax(dim=-1))


def _equal_votes(logits, top_k):
    chosen = logits.topk(top_k, dim=-1).indices
    return torch.zeros_like(logits).scatter(1, chosen, 1 / top_k)


def _logits_as_weights(logits, top_k):
    best, chosen = logits.topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(1, chosen, best)


def _softmax_over_tokens(logits, top_k):
    best, chosen = logits.topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(1, chosen, best.softmax(dim=0))


def _experts_choose_tokens(logits, top_k):
    return route(logits.T, top_k).T


def _route_cases(rng):
    return [Case(args=(normal(rng, *shape), top_k)) for shape, top_k in (((6, 4), 2), ((5, 8), 3), ((9, 6), 2))]


ROUTE = Exercise(
    id="3.5.1",
    title="Send each token to its experts",
    kind="function",
    entry="route",
    points=3,
    difficulty=2,
    importance=5,
    minutes=10,
    reference=route,
    alternatives=(_route_by_masking, _route_by_sharing_out_again),
    cases=_route_cases,
    misconceptions=(
        Misconception(
            name="not shared out again",
            sentence="The weights that you keep do not sum to 1: what the others had is lost. Take the softmax over the "
            "chosen alone.",
            answer=_not_shared_out_again,
        ),
        Misconception(
            name="everyone is asked",
            sentence="No weight of yours is zero, so every expert would have to work for every token, and nothing is saved.",
            answer=_everyone_is_asked,
        ),
        Misconception(
            name="the worst experts",
            sentence="You chose the lowest scores; a high one says that the expert suits the token.",
            answer=_the_worst_experts,
        ),
        Misconception(
            name="equal votes",
            sentence="Your chosen experts count alike, whatever their scores. Then no gradient would reach the router, and "
            "it could not learn.",
            answer=_equal_votes,
        ),
        Misconception(
            name="scores as weights",
            sentence="You used the scores themselves, which may be negative and sum to anything; a softmax makes shares of "
            "them.",
            answer=_logits_as_weights,
        ),
        Misconception(
            name="softmax over the tokens",
            sentence="Your softmax runs down the tokens, so that they compete with one another. Each token shares out its "
            "own 1: dim=-1.",
            answer=_softmax_over_tokens,
        ),
        Misconception(
            name="the experts choose",
            sentence="You let each expert pick its tokens, along dim=0. Here each token, a row, picks its experts.",
            answer=_experts_choose_tokens,
        ),
    ),
    hints=(
        "How many numbers of each row may stay, and what must they sum to?",
        "`logits.topk(top_k, dim=-1)` gives the best scores and where they stood; `scatter` puts numbers back there.",
        "best, chosen = logits.topk(top_k, dim=-1), then torch.zeros_like(logits).scatter(1, chosen, best.softmax(dim=-1))",
    ),
)

# 3.5.2 -------------------------------------------------------------------------------------------------------------

ACTIVE = Exercise(
    id="3.5.2",
    title="What one token meets",
    kind="number",
    entry="active_numbers",
    points=2,
    difficulty=2,
    importance=4,
    minutes=5,
    reference=32 * 2 * 3 * 4096 * 14_336,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="all experts",
            sentence="Those are the numbers of all eight experts. They must be stored, but a token meets two of them.",
            answer=32 * 8 * 3 * 4096 * 14_336,
        ),
        Misconception(
            name="one layer",
            sentence="That is one layer; a token passes through all 32 and is sent anew in each.",
            answer=2 * 3 * 4096 * 14_336,
        ),
        Misconception(
            name="one expert",
            sentence="That is one expert in each layer; a token goes to two.",
            answer=32 * 3 * 4096 * 14_336,
        ),
        Misconception(
            name="two matrices",
            sentence="You counted two matrices an expert, as our own have; Mixtral's experts have three.",
            answer=32 * 2 * 2 * 4096 * 14_336,
        ),
        Misconception(
            name="one matrix",
            sentence="You counted one matrix an expert; each has three of this shape.",
            answer=32 * 2 * 4096 * 14_336,
        ),
    ),
    hints=(
        "What does one expert hold, and how many experts does a token meet on its way through the whole network?",
        "Three matrices an expert, two experts a layer, 32 layers.",
        "32 * 2 * 3 * 4096 * 14_336",
    ),
)

# 3.5.3 -------------------------------------------------------------------------------------------------------------


def load_balancing_loss(probabilities, chosen):
    """Experts times the sum of share sent and mean probability."""
    experts = probabilities.shape[1]
    sent = F.one_hot(chosen, experts).sum(dim=1).float().mean(dim=0)
    return experts * (sent * probabilities.mean(dim=0)).sum()


def _loss_by_bincount(probabilities, chosen):
    tokens, experts = probabilities.shape
    load = torch.bincount(chosen.flatten(), minlength=experts)
    return experts * (load / tokens) @ probabilities.mean(dim=0)


def _loss_in_a_loop(probabilities, chosen):
    tokens, experts = probabilities.shape
    total = 0.0
    for expert in range(experts):
        sent = sum(expert in row for row in chosen.tolist()) / tokens
        total = total + sent * probabilities[:, expert].mean()
    return experts * total


def _no_factor(probabilities, chosen):
    return load_balancing_loss(probabilities, chosen) / probabilities.shape[1]


def _counts_not_shares(probabilities, chosen):
    return load_balancing_loss(probabilities, chosen) * len(chosen)


def _shares_of_all_choices(probabilities, chosen):
    return load_balancing_loss(probabilities, chosen) / chosen.shape[1]


def _loads_squared(probabilities, chosen):
    experts = probabilities.shape[1]
    sent = F.one_hot(chosen, experts).sum(dim=1).float().mean(dim=0)
    return experts * sent.square().sum()


def _probabilities_squared(probabilities, chosen):
    return probabilities.shape[1] * probabilities.mean(dim=0).square().sum()


def _first_choice_only(probabilities, chosen):
    return load_balancing_loss(probabilities, chosen[:, :1])


def _multiplied_token_by_token(probabilities, chosen):
    return probabilities.shape[1] * probabilities.gather(1, chosen).sum(dim=1).mean()


def _balance_cases(rng):
    def case(tokens, experts, top_k):
        # one expert is liked by all, so that the load is far from even
        probabilities = (normal(rng, tokens, experts) + 1.5 * F.one_hot(torch.tensor(1), experts)).softmax(dim=-1)
        return Case(args=(probabilities, probabilities.topk(top_k, dim=-1).indices))

    return [case(12, 4, 2), case(20, 6, 2), case(9, 5, 3)]


LOAD_BALANCING = Exercise(
    id="3.5.3",
    title="The price of a favourite",
    kind="function",
    entry="load_balancing_loss",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=load_balancing_loss,
    alternatives=(_loss_by_bincount, _loss_in_a_loop),
    cases=_balance_cases,
    misconceptions=(
        Misconception(
            name="no factor",
            sentence="The number of experts is missing. With it the balanced value is the same for 4 experts and for 64.",
            answer=_no_factor,
        ),
        Misconception(
            name="counts, not shares",
            sentence="You counted the tokens of each expert, so the loss grows with the batch: divide by how many tokens "
            "there are.",
            answer=_counts_not_shares,
        ),
        Misconception(
            name="shares of all choices",
            sentence="Your shares sum to 1. A token that chose two experts counts for both here, so they sum to top_k.",
            answer=_shares_of_all_choices,
        ),
        Misconception(
            name="loads squared",
            sentence="You squared the loads. They come from a choice, and a choice has no gradient: multiply them with the "
            "mean probabilities, which have one.",
            answer=_loads_squared,
        ),
        Misconception(
            name="probabilities squared",
            sentence="You squared the mean probabilities, which may be even while the choices are not: who is second by a "
            "hair gets no token.",
            answer=_probabilities_squared,
        ),
        Misconception(
            name="first choice only",
            sentence="You looked at the first column of `chosen` only; every choice fills an expert.",
            answer=_first_choice_only,
        ),
        Misconception(
            name="multiplied token by token",
            sentence="You multiplied first and averaged then, which says how sure the tokens are. Average both over the "
            "tokens, then multiply.",
            answer=_multiplied_token_by_token,
        ),
    ),
    hints=(
        "For each expert two numbers are needed: which share of the tokens chose it, and how probable was it on average?",
        "`F.one_hot(chosen, experts)` has shape [tokens, top_k, experts]: sum over the choices, average over the tokens.",
        "sent = F.one_hot(chosen, experts).sum(dim=1).float().mean(dim=0), then "
        "experts * (sent * probabilities.mean(dim=0)).sum()",
    ),
)

# 3.5.4 -------------------------------------------------------------------------------------------------------------


def balance_of_layers(probabilities, chosen):
    """Each layer's own loss, then their mean."""
    experts = probabilities.shape[-1]
    sent = F.one_hot(chosen, experts).float().mean(dim=1)
    return (experts * (sent * probabilities.mean(dim=1)).sum(dim=-1)).mean()


def _layer_by_layer(probabilities, chosen):
    losses = []
    for layer, choice in zip(probabilities, chosen, strict=True):
        experts = layer.shape[1]
        load = torch.bincount(choice, minlength=experts) / len(choice)
        losses.append(experts * (load * layer.mean(dim=0)).sum())
    return torch.stack(losses).mean()


def _layers_in_one_heap(probabilities, chosen):
    experts = probabilities.shape[-1]
    probabilities, chosen = probabilities.flatten(0, 1), chosen.flatten()
    sent = F.one_hot(chosen, experts).float().mean(dim=0)
    return experts * (sent * probabilities.mean(dim=0)).sum()


def _summed_over_layers(probabilities, chosen):
    return balance_of_layers(probabilities, chosen) * len(probabilities)


def _last_layer_only(probabilities, chosen):
    return balance_of_layers(probabilities[-1:], chosen[-1:])


def _mean_over_experts(probabilities, chosen):
    return balance_of_layers(probabilities, chosen) / probabilities.shape[-1]


def _worst_layer(probabilities, chosen):
    return max(balance_of_layers(p[None], c[None]) for p, c in zip(probabilities, chosen, strict=True))


def _layer_cases(rng):
    def case(layers, tokens, experts):
        # each layer has a favourite of its own, and in the heap no expert stands out
        favourite = torch.from_numpy(rng.permutation(experts))[torch.arange(layers) % experts]
        liked = torch.linspace(4, 1, layers)[:, None, None] * F.one_hot(favourite, experts)[:, None]
        probabilities = (normal(rng, layers, tokens, experts) + liked).softmax(dim=-1)
        return Case(args=(probabilities, probabilities.argmax(dim=-1)))

    return [case(4, 12, 4), case(2, 9, 3), case(3, 10, 6)]


LAYERS = Exercise(
    id="3.5.4",
    title="A loss that is content too soon",
    kind="bug",
    entry="balance_of_layers",
    points=3,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=balance_of_layers,
    alternatives=(_layer_by_layer,),
    cases=_layer_cases,
    misconceptions=(
        Misconception(
            name="all layers in one heap",
            sentence="This throws the tokens of all layers together: a layer that sends everything to expert 0 and one that "
            "sends everything to expert 1 look balanced.",
            answer=_layers_in_one_heap,
            planted=True,
        ),
        Misconception(
            name="summed over the layers",
            sentence="Your loss grows with the number of layers, and with it its weight against the answer's loss: take the "
            "mean.",
            answer=_summed_over_layers,
        ),
        Misconception(
            name="one layer only",
            sentence="That is the loss of the last layer; the others may collapse unseen.",
            answer=_last_layer_only,
        ),
        Misconception(
            name="averaged over the experts",
            sentence="You took the mean over the experts where the sum belongs, so that the balanced value is no longer 1.",
            answer=_mean_over_experts,
        ),
        Misconception(
            name="the worst layer",
            sentence="You took the worst layer alone, so that only one layer at a time learns from the loss: take the mean "
            "of all.",
            answer=_worst_layer,
        ),
    ),
    hints=(
        "Two layers: one sends all its tokens to expert 0, the other all to expert 1. What does the code call their load?",
        "The layers must stay apart until the very end: average over the tokens, dim=1, not over all there is.",
        "Leave the flatten out, take both means over dim=1, sum over the experts with dim=-1, and then the mean.",
    ),
)

# 3.5.5 -------------------------------------------------------------------------------------------------------------


def served(chosen, experts, room):
    """A token's number in its expert's queue, and whether there is room for it."""
    queue = F.one_hot(chosen, experts).cumsum(dim=0)
    return queue.gather(1, chosen[:, None])[:, 0] <= room


def _served_in_a_loop(chosen, experts, room):
    taken, answer = [0] * experts, []
    for expert in chosen.tolist():
        answer.append(taken[expert] < room)
        taken[expert] += 1
    return torch.tensor(answer)


def _served_by_pairs(chosen, experts, room):
    before = (chosen[:, None] == chosen[None, :]).tril(diagonal=-1).sum(dim=1)
    return before < room


def _one_too_few(chosen, experts, room):
    return served(chosen, experts, room - 1)


def _one_too_many(chosen, experts, room):
    return served(chosen, experts, room + 1)


def _the_last_are_served(chosen, experts, room):
    return served(chosen.flip(0), experts, room).flip(0)


def _one_queue_for_all(chosen, experts, room):
    return torch.arange(len(chosen)) < experts * room


def _overfull_serves_nobody(chosen, experts, room):
    return torch.bincount(chosen, minlength=experts)[chosen] <= room


def _the_dropped(chosen, experts, room):
    return ~served(chosen, experts, room)


def _served_cases(rng):
    def case(loads, room):
        queue = torch.tensor([expert for expert, load in enumerate(loads) for _ in range(load)])
        return Case(args=(queue[torch.from_numpy(rng.permutation(len(queue)))], len(loads), room))

    return [case((7, 5, 2, 1), 3), case((4, 9, 0, 6), 4), case((2, 3, 8), 2)]


SERVED = Exercise(
    id="3.5.5",
    title="Who finds room",
    kind="function",
    entry="served",
    points=2,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=served,
    alternatives=(_served_in_a_loop, _served_by_pairs),
    cases=_served_cases,
    misconceptions=(
        Misconception(
            name="one too few",
            sentence="You turn away the token that would have taken the last place: number `room` in the queue still fits.",
            answer=_one_too_few,
        ),
        Misconception(
            name="one too many",
            sentence="You serve one token more than there is room for. Does your queue count from 0?",
            answer=_one_too_many,
        ),
        Misconception(
            name="the last are served",
            sentence="You serve those who come last. Then a token could be dropped because of tokens behind it, and a causal "
            "model would look ahead.",
            answer=_the_last_are_served,
        ),
        Misconception(
            name="one queue for all",
            sentence="You filled all experts as if they were one. Each has a queue of its own: one can be full while another "
            "is idle.",
            answer=_one_queue_for_all,
        ),
        Misconception(
            name="a full expert serves nobody",
            sentence="An expert that too many choose serves the first of them; you turned all of them away.",
            answer=_overfull_serves_nobody,
        ),
        Misconception(
            name="the dropped",
            sentence="You marked the tokens that are dropped; the question is who is served.",
            answer=_the_dropped,
        ),
    ),
    hints=(
        "You stand in the queue of your expert. How many who chose the same expert came before you?",
        "`F.one_hot(chosen, experts).cumsum(dim=0)` counts, for each expert, how many have come so far; `gather` takes each "
        "token's own expert.",
        "queue = F.one_hot(chosen, experts).cumsum(dim=0), then queue.gather(1, chosen[:, None])[:, 0] <= room",
    ),
)

# 3.5.6 -------------------------------------------------------------------------------------------------------------

WHEN = Exercise(
    id="3.5.6",
    title="Who should buy experts",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=5,
    minutes=5,
    reference=("b", 1),
    options={
        "a": "A museum guide on a phone: its memory is full, its processor has time to spare.",
        "b": "A museum guide on a server: memory to spare, every millisecond counts, and it knows too few of the works.",
        "c": "A solver of puzzles: it has all the facts, and loses its way in long chains of reasoning.",
        "d": "A reader of rare manuscripts: two hundred pages are all there is to learn from.",
    },
    reasons=(
        "It holds more parameters and computes no more for each token; all of them must be kept in memory.",
        "Experts that are not chosen need no memory.",
        "A token that meets two experts is thought about twice as deeply.",
        "Each expert learns from its own few examples, so fewer are needed.",
    ),
    misconceptions=(
        Misconception(
            name="idle experts are free",
            sentence="The next token may choose any of them, so all must be at hand: a mixture saves computation, and costs "
            "memory.",
            answer=("a", 2),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="experts think deeper",
            sentence="The experts of a layer work side by side, on the same step. What they add is room for what is known, "
            "not steps.",
            answer=("c", 3),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="experts need less data",
            sentence="It is the other way round: each expert sees only its share of the tokens, so a mixture needs more of "
            "them.",
            answer=("d", 4),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "Which of these lacks what a mixture gives, and has what it costs?",
        "It gives parameters; it costs memory and data, and nearly no computation.",
        "Look for the one that has memory to spare and knows too little.",
    ),
)

EXERCISES = (ROUTE, ACTIVE, LOAD_BALANCING, LAYERS, SERVED, WHEN)
