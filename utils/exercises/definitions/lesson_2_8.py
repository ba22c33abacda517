"""The exercises of lesson 2.8, generation and dialogue."""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal
from utils.world.captions import OPPOSITES, same_meaning

COLOURS = ("red", "blue", "green", "black")
SHAPES = ("circle", "square", "star", "ring")
SIZES = ("small", "large")
RELATIONS = ("above", "below", "left of", "right of")

# 2.8.1 -------------------------------------------------------------------------------------------------------------


def next_token_chances(logits, temperature):
    """A softmax, or all on the largest."""
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    return (logits / temperature).softmax(dim=-1)


def _chances_by_hand(logits, temperature):
    if temperature == 0:
        chances = torch.zeros_like(logits)
        return chances.scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    votes = torch.exp((logits - logits.max(dim=-1, keepdim=True).values) / temperature)
    return votes / votes.sum(dim=-1, keepdim=True)


def _chances_by_log_softmax(logits, temperature):
    if not temperature:
        return torch.stack([torch.eye(logits.shape[1])[row.argmax()] for row in logits])
    return (logits / temperature).log_softmax(dim=1).exp()


def _multiplied_by_temperature(logits, temperature):
    return (logits * temperature).softmax(dim=-1)


def _divides_by_zero(logits, temperature):
    return (logits / temperature).softmax(dim=-1)


def _never_uses_temperature(logits, temperature):
    return logits.softmax(dim=-1)


def _softmax_over_the_batch(logits, temperature):
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    return (logits / temperature).softmax(dim=0)


def _even_at_zero(logits, temperature):
    if temperature == 0:
        return torch.full_like(logits, 1 / logits.shape[-1])
    return (logits / temperature).softmax(dim=-1)


def _chances_cooled_afterwards(logits, temperature):
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    return logits.softmax(dim=-1) / temperature


def _chances_cases(rng):
    return [Case(args=(2 * normal(rng, 3, 6), temperature)) for temperature in (0.5, 2.0, 0.0)]


CHANCES = Exercise(
    id="2.8.1",
    title="Which word comes next",
    kind="function",
    entry="next_token_chances",
    points=2,
    difficulty=2,
    importance=4,
    minutes=6,
    reference=next_token_chances,
    alternatives=(_chances_by_hand, _chances_by_log_softmax),
    cases=_chances_cases,
    misconceptions=(
        Misconception(
            name="multiplied by the temperature",
            sentence="You multiplied by the temperature, so that a low one makes all words alike. Divide: the colder, "
            "the surer.",
            answer=_multiplied_by_temperature,
        ),
        Misconception(
            name="divides by zero",
            sentence="At temperature 0 your numbers are not numbers: nothing can be divided by 0. There the likeliest word "
            "gets 1, and all others 0.",
            answer=_divides_by_zero,
        ),
        Misconception(
            name="temperature forgotten",
            sentence="Your chances are those at temperature 1: the second argument is not used.",
            answer=_never_uses_temperature,
        ),
        Misconception(
            name="softmax over the batch",
            sentence="Your columns sum to 1: the texts of the batch compete for a word. Each row, one text's words, must "
            "sum to 1.",
            answer=_softmax_over_the_batch,
        ),
        Misconception(
            name="even at zero",
            sentence="At temperature 0 you made all words equally likely; that is what an endlessly high one does.",
            answer=_even_at_zero,
        ),
        Misconception(
            name="divided after the softmax",
            sentence="You divided the chances, and they no longer sum to 1. The logits are what the temperature divides, "
            "before the softmax.",
            answer=_chances_cooled_afterwards,
        ),
    ),
    hints=(
        "In 2.3 a temperature made a softmax surer or less sure. Where did it stand?",
        "`(logits / temperature).softmax(dim=-1)`, unless the temperature is 0.",
        "if temperature == 0: return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()",
    ),
)

# 2.8.2 -------------------------------------------------------------------------------------------------------------


def _meaning_by_split(told, true):
    parts = [re.split(r" (above|below|left of|right of) ", text) for text in (told, true)]
    if any(len(part) != 3 for part in parts):
        return told == true
    (a, r, b), (c, s, d) = parts
    return (a, r, b) == (c, s, d) or (a, r, b) == (d, OPPOSITES[s], c)


def _meaning_by_normal_form(told, true):
    def normal_form(text):
        for relation in ("below", "right of"):
            first, found, second = text.partition(f" {relation} ")
            if found:
                return f"{second} {OPPOSITES[relation]} {first}"
        return text

    return normal_form(told) == normal_form(true)


def _letter_by_letter(told, true):
    return told == true


def _same_words(told, true):
    return sorted(told.split()) == sorted(true.split())


def _same_objects(told, true):
    def objects(text):
        return sorted(re.split(r" above | below | left of | right of ", text))

    return objects(told) == objects(true)


def _exchanged_only(told, true):
    for relation in OPPOSITES:
        first, found, second = true.partition(f" {relation} ")
        if found and told == f"{second} {relation} {first}":
            return True
    return told == true


def _opposite_only(told, true):
    for relation, opposite in OPPOSITES.items():
        first, found, second = true.partition(f" {relation} ")
        if found and told == f"{first} {opposite} {second}":
            return True
    return told == true


def _meaning_cases(rng):
    def pick(words):
        return words[int(rng.integers(len(words)))]

    def thing(not_this=""):
        while True:
            found = f"a {pick(SIZES)} {pick(COLOURS)} {pick(SHAPES)}"
            if found.split()[1:] != not_this.split()[1:] and found.split()[2:] != not_this.split()[2:]:
                return found

    cases = []
    for relation in (pick(("above", "below")), pick(("left of", "right of"))):
        first = thing()
        second = thing(first)
        true = f"{first} {relation} {second}"
        for told in (
            true,
            f"{second} {OPPOSITES[relation]} {first}",
            f"{second} {relation} {first}",
            f"{first} {OPPOSITES[relation]} {second}",
            f"{thing(first)} {relation} {second}",
        ):
            cases.append(Case(args=(told, true)))
    # the same words, and the sizes have changed hands
    true = f"a small {pick(COLOURS[:2])} {pick(SHAPES[:2])} {pick(RELATIONS)} a large {pick(COLOURS[2:])} {pick(SHAPES[2:])}"
    told = " ".join({"small": "large", "large": "small"}.get(word, word) for word in true.split())
    cases.append(Case(args=(told, true)))
    alone = f"{thing()} in the top left"
    cases += [Case(args=(alone, alone)), Case(args=(alone.replace("left", "right"), alone))]
    return [cases[i] for i in rng.permutation(len(cases))]  # in one order, yes and no could be learnt by heart


SAME_MEANING = Exercise(
    id="2.8.2",
    title="Two ways to say it",
    kind="function",
    entry="same_meaning",
    points=3,
    difficulty=3,
    importance=4,
    minutes=12,
    reference=same_meaning,
    alternatives=(_meaning_by_split, _meaning_by_normal_form),
    cases=_meaning_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="letter by letter",
            sentence="You take only the very same sentence. “A above B” and “B below A” tell of one and the same picture, "
            "and a model that says the other is not wrong.",
            answer=_letter_by_letter,
        ),
        Misconception(
            name="a bag of words",
            sentence="You compare which words occur. “A above B” and “B above A” have the same words and show two "
            "different pictures.",
            answer=_same_words,
        ),
        Misconception(
            name="the relation does not count",
            sentence="You compare the two objects and not how they stand to each other.",
            answer=_same_objects,
        ),
        Misconception(
            name="exchanged without turning the relation",
            sentence="You let the objects change places and kept the relation: then the upper one becomes the lower one.",
            answer=_exchanged_only,
        ),
        Misconception(
            name="the relation turned without exchanging",
            sentence="You let “above” become “below” while the objects stay in their order: that is another picture.",
            answer=_opposite_only,
        ),
    ),
    hints=(
        "Draw “a ring above a star”. In how many ways can you tell what you drew?",
        'Split the sentence at its relation: `first, found, second = true.partition(" above ")`.',
        'told == f"{second} {opposite} {first}", with the opposite of the relation, for each of the four',
    ),
)

# 2.8.3 -------------------------------------------------------------------------------------------------------------


def flow_example(noise, picture, time):
    """A point of the straight line, and the line's direction."""
    t = time[:, None]
    return (1 - t) * noise + t * picture, picture - noise


def _flow_by_lerp(noise, picture, time):
    return torch.lerp(noise, picture, time.unsqueeze(-1).expand_as(noise)), picture - noise


def _flow_in_a_loop(noise, picture, time):
    points = [start + t * (end - start) for start, end, t in zip(noise, picture, time, strict=True)]
    return torch.stack(points), torch.stack([end - start for start, end in zip(noise, picture, strict=True)])


def _velocity_backwards(noise, picture, time):
    return flow_example(noise, picture, time)[0], noise - picture


def _aims_at_the_picture(noise, picture, time):
    return flow_example(noise, picture, time)[0], picture


def _time_backwards(noise, picture, time):
    return flow_example(noise, picture, 1 - time)[0], picture - noise


def _what_is_left(noise, picture, time):
    point, _ = flow_example(noise, picture, time)
    return point, picture - point


def _aims_at_the_noise(noise, picture, time):
    return flow_example(noise, picture, time)[0], noise


def _adds_noise_only(noise, picture, time):
    t = time[:, None]
    return picture + (1 - t) * noise, picture - noise


def _flow_cases(rng):
    def time(n):
        return torch.from_numpy(rng.uniform(0.1, 0.4, n)).float()

    return [Case(args=(normal(rng, n, d), 2 + normal(rng, n, d), time(n))) for n, d in ((3, 4), (5, 2), (4, 12))]


FLOW_EXAMPLE = Exercise(
    id="2.8.3",
    title="A point on the way",
    kind="function",
    entry="flow_example",
    points=2,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=flow_example,
    alternatives=(_flow_by_lerp, _flow_in_a_loop),
    cases=_flow_cases,
    misconceptions=(
        Misconception(
            name="the wrong way round",
            sentence="Your velocity leads from the picture to the noise. End less beginning: the picture is the end.",
            answer=_velocity_backwards,
        ),
        Misconception(
            name="the picture for the velocity",
            sentence="You gave the place where the line ends. A velocity is a difference of two places.",
            answer=_aims_at_the_picture,
        ),
        Misconception(
            name="time runs backwards",
            sentence="Your point is the picture at time 0. Here noise is at time 0 and the picture at time 1.",
            answer=_time_backwards,
        ),
        Misconception(
            name="what is left of the way",
            sentence="You gave what is left of the way from the point. The velocity of a straight line is the same all the "
            "way: the whole line in one unit of time.",
            answer=_what_is_left,
        ),
        Misconception(
            name="the noise for the target",
            sentence="You gave the noise. Diffusion models may be trained to name it, but this one is to name the velocity, "
            "the picture less the noise.",
            answer=_aims_at_the_noise,
        ),
        Misconception(
            name="noise on top",
            sentence="You added noise to the whole picture. On the straight line the picture's share is `time`, and what is "
            "noise is the rest.",
            answer=_adds_noise_only,
        ),
    ),
    hints=(
        "Walk from A to B in one hour at a steady pace. Where are you after a quarter of an hour, and how fast?",
        "The point is a mixture of both ends; `time[:, None]` gives each row its own time.",
        "(1 - t) * noise + t * picture, and picture - noise",
    ),
)

# 2.8.4 -------------------------------------------------------------------------------------------------------------


def guided_step(x, with_text, without_text, guidance, steps):
    """One step of Euler's method along the guided velocity."""
    return x + (without_text + guidance * (with_text - without_text)) / steps


def _guided_by_mixture(x, with_text, without_text, guidance, steps):
    return x + (1.0 / steps) * (guidance * with_text + (1 - guidance) * without_text)


def _guided_by_lerp(x, with_text, without_text, guidance, steps):
    return torch.lerp(without_text, with_text, guidance) / steps + x


def _exchanged(x, with_text, without_text, guidance, steps):
    return guided_step(x, without_text, with_text, guidance, steps)


def _guidance_forgotten(x, with_text, without_text, guidance, steps):
    return x + with_text / steps


def _whole_way(x, with_text, without_text, guidance, steps):
    return x + without_text + guidance * (with_text - without_text)


def _only_the_difference(x, with_text, without_text, guidance, steps):
    return x + guidance * (with_text - without_text) / steps


def _on_top_of_the_text(x, with_text, without_text, guidance, steps):
    return x + (with_text + guidance * (with_text - without_text)) / steps


def _only_longer(x, with_text, without_text, guidance, steps):
    return x + guidance * with_text / steps


def _walks_back(x, with_text, without_text, guidance, steps):
    return x - (without_text + guidance * (with_text - without_text)) / steps


def _step_cases(rng):
    return [
        Case(args=(normal(rng, 3, 5), normal(rng, 3, 5), normal(rng, 3, 5), guidance, int(integers(rng, 4, 20))))
        for guidance in (1.0, 2.0, 3.5)
    ]


GUIDED_STEP = Exercise(
    id="2.8.4",
    title="A step with guidance",
    kind="function",
    entry="guided_step",
    points=2,
    difficulty=3,
    importance=4,
    minutes=8,
    reference=guided_step,
    alternatives=(_guided_by_mixture, _guided_by_lerp),
    cases=_step_cases,
    misconceptions=(
        Misconception(
            name="the two exchanged",
            sentence="You walk away from what the text asks for: the difference must point from the velocity without text "
            "to the one with it.",
            answer=_exchanged,
        ),
        Misconception(
            name="guidance forgotten",
            sentence="This is the step at guidance 1: `without_text` and `guidance` are not used.",
            answer=_guidance_forgotten,
        ),
        Misconception(
            name="the whole way at once",
            sentence="You walked for a whole unit of time. There are `steps` steps, and each takes 1/steps of it.",
            answer=_whole_way,
        ),
        Misconception(
            name="only the difference",
            sentence="You follow only what the text adds. What pictures look like at all, the velocity without text, is "
            "missing: at guidance 0 that is what should be left.",
            answer=_only_the_difference,
        ),
        Misconception(
            name="starts at the text's velocity",
            sentence="At guidance 1 yours is already beyond the text's velocity: start from the one without text.",
            answer=_on_top_of_the_text,
        ),
        Misconception(
            name="the same way, only faster",
            sentence="You made the step longer, and it still leads where it led. Guidance changes the direction: away from "
            "what would be drawn without a text.",
            answer=_only_longer,
        ),
        Misconception(
            name="walks back",
            sentence="You subtract the velocity, which leads back towards noise.",
            answer=_walks_back,
        ),
    ),
    hints=(
        "At guidance 1 only the text's velocity should count, and at 0 only the other. Which straight line joins the two?",
        "velocity = without_text + guidance * (with_text - without_text)",
        "x + velocity / steps",
    ),
)


ROUND_TRIP = Exercise(
    id="2.8.5",
    title="A closed circle",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=5,
    reference=("b", 3),
    options={
        "a": "Both are good: the words survive the way to the picture and back.",
        "b": "It shows that the two agree with each other, and not yet that either is right.",
        "c": "Neither is any good: no number about two models can say something about one.",
    },
    reasons=(
        "A picture that can be described must have been drawn well.",
        "Both models have seen the same training pairs, so they cannot disagree.",
        "If one draws rings for stars and the other calls rings stars, every caption comes back.",
        "Only people can judge pictures.",
    ),
    misconceptions=(
        Misconception(
            name="agreement taken for truth",
            sentence="Two errors that cancel each other also bring every caption back. Someone who had no part in either "
            "model must look at the picture.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="throws it all away",
            sentence="It does say something: were one of them bad and the other good, few captions would come back. What "
            "it cannot see is an error that both share.",
            answer=("c", 4),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="the same pairs, so the same mind",
            sentence="They share their data, and still learn different things from it. Look for the reason that makes up "
            "two models which are wrong and agree.",
            answer=("b", 2),
            when=lambda answer: answer[0] == "b" and answer[1] != 3,
        ),
    ),
    hints=(
        "Make up two models that are wrong, such that every caption still comes back.",
        "What if “ring” and “star” were exchanged in both?",
        "The option that speaks of agreement, and the reason with rings and stars.",
    ),
)

# 2.8.6 -------------------------------------------------------------------------------------------------------------


def conversation(picture, turns, question, context, room):
    """The picture, as many of the last turns as fit, the question; room for the answer is kept free."""
    used = 1 + len(picture) + len(question) + room
    kept = []
    for turn in reversed(turns):
        if used + len(turn) > context:
            break
        kept.insert(0, turn)
        used += len(turn)
    return list(picture) + [word for turn in kept for word in turn] + list(question)


def _conversation_by_start(picture, turns, question, context, room):
    start = 0
    while 1 + len(picture) + sum(map(len, turns[start:])) + len(question) + room > context and start < len(turns):
        start += 1
    words = [word for turn in turns[start:] for word in turn]
    return list(picture) + words + list(question)


def _keeps_the_oldest(picture, turns, question, context, room):
    used = 1 + len(picture) + len(question) + room
    kept = []
    for turn in turns:
        if used + len(turn) > context:
            break
        kept.append(turn)
        used += len(turn)
    return list(picture) + [word for turn in kept for word in turn] + list(question)


def _cuts_the_picture(picture, turns, question, context, room):
    words = list(picture) + [word for turn in turns for word in turn] + list(question)
    return words[-(context - 1 - room) :]


def _no_room_for_the_answer(picture, turns, question, context, room):
    return conversation(picture, turns, question, context, 0)


def _forgets_all(picture, turns, question, context, room):
    return list(picture) + list(question)


def _latest_first(picture, turns, question, context, room):
    used = 1 + len(picture) + len(question) + room
    kept = []
    for turn in reversed(turns):
        if used + len(turn) > context:
            break
        kept.append(turn)
        used += len(turn)
    return list(picture) + [word for turn in kept for word in turn] + list(question)


def _start_not_counted(picture, turns, question, context, room):
    return conversation(picture, turns, question, context + 1, room)


def _conversation_cases(rng):
    words = ("what", "colour", "shape", "is", "the", "ring", "star", "red", "blue", "<end>")

    def said(n):
        return [words[int(i)] for i in rng.integers(0, len(words), n)]

    cases = []
    for number, fitting in ((4, 1), (5, 2), (6, 3)):
        turns = [said(int(rng.integers(3, 6))) for _ in range(number)]
        turns[0], turns[-1] = said(2), said(9)  # so that it matters which turns are kept
        question, room = said(5), int(rng.integers(6, 9))
        picture = ["<image>"] * int(rng.integers(3, 6)) + ["<end>"]
        # one place too few for one turn more
        needed = 1 + len(picture) + len(question) + room + sum(map(len, turns[-fitting - 1 :]))
        cases.append(Case(args=(picture, turns, question, needed - 1, room)))
    return [*cases, Case(args=(["<image>"] * 3, [said(5), said(6)], said(4), 60, 8))]


CONVERSATION = Exercise(
    id="2.8.6",
    title="The forgetful conversation",
    kind="bug",
    entry="conversation",
    points=3,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=conversation,
    alternatives=(_conversation_by_start,),
    cases=_conversation_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="keeps the oldest turns",
            sentence="When it gets long, this keeps how the conversation began and drops what was said last; yet “and the "
            "star?” leans on the latest turn.",
            answer=_keeps_the_oldest,
            planted=True,
        ),
        Misconception(
            name="cuts off the picture",
            sentence="You keep the last words, whatever they are, and so the first thing to go is the picture that all is "
            "about.",
            answer=_cuts_the_picture,
        ),
        Misconception(
            name="no room for the answer",
            sentence="You fill the context to the brim: the model has no place left in which to answer. Count `room` as used.",
            answer=_no_room_for_the_answer,
        ),
        Misconception(
            name="forgets all",
            sentence="You keep no turn at all, so that every question is the first.",
            answer=_forgets_all,
        ),
        Misconception(
            name="the latest turn first",
            sentence="You keep the right turns and in the wrong order: the latest must stand last, next to the question.",
            answer=_latest_first,
        ),
        Misconception(
            name="<start> not counted",
            sentence="You are one token over: every sequence begins with <start>, which takes a place too.",
            answer=_start_not_counted,
        ),
    ),
    hints=(
        "Ten turns were said and three fit. Which three does “and the star?” need?",
        "Go through the turns from the last to the first, and stop at the one that no longer fits.",
        "for turn in reversed(turns): ... kept.insert(0, turn)",
    ),
)

# 2.8.5 -------------------------------------------------------------------------------------------------------------


EXERCISES = (CHANCES, SAME_MEANING, FLOW_EXAMPLE, GUIDED_STEP, ROUND_TRIP, CONVERSATION)
