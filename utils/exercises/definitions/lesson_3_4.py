"""The exercises of lesson 3.4, Flamingo."""

from __future__ import annotations

import math

import torch
from torch import nn

from utils.exercises.definition import Case, Exercise, Misconception, exact, integers, normal

# 3.4.1 -------------------------------------------------------------------------------------------------------------


def look(latents, features, times):
    """Tell each patch its frame, join the latents to the keys, and let the latents look."""
    patches = (features + times[:, None]).flatten(1, 2)
    asking = latents.expand(len(features), -1, -1)
    keys = torch.cat([patches, asking], dim=1)
    shares = (asking @ keys.mT / latents.shape[1] ** 0.5).softmax(dim=-1)
    return asking + shares @ keys


def _look_video_by_video(latents, features, times):
    looked = []
    for video in features:
        keys = [frame + time for frame, time in zip(video, times, strict=True)]
        keys = torch.cat([*keys, latents])
        looked.append(latents + torch.softmax(latents @ keys.T / math.sqrt(latents.shape[1]), dim=1) @ keys)
    return torch.stack(looked)


def _look_by_library(latents, features, times):
    asking = latents.repeat(len(features), 1, 1)
    keys = torch.cat([(features + times.view(1, len(times), 1, -1)).flatten(1, 2), asking], dim=1)
    return asking + nn.functional.scaled_dot_product_attention(asking, keys, keys)


def _without_times(latents, features, times):
    return look(latents, features, torch.zeros_like(times))


def _latents_not_among_the_keys(latents, features, times):
    keys = (features + times[:, None]).flatten(1, 2)
    asking = latents.expand(len(features), -1, -1)
    return asking + (asking @ keys.mT / latents.shape[1] ** 0.5).softmax(dim=-1) @ keys


def _softmax_over_the_latents(latents, features, times):
    asking = latents.expand(len(features), -1, -1)
    keys = torch.cat([(features + times[:, None]).flatten(1, 2), asking], dim=1)
    return asking + (asking @ keys.mT / latents.shape[1] ** 0.5).softmax(dim=1) @ keys


def _look_not_scaled(latents, features, times):
    asking = latents.expand(len(features), -1, -1)
    keys = torch.cat([(features + times[:, None]).flatten(1, 2), asking], dim=1)
    return asking + (asking @ keys.mT).softmax(dim=-1) @ keys


def _latents_replaced(latents, features, times):
    return look(latents, features, times) - latents


def _frames_averaged_first(latents, features, times):
    return look(latents, (features + times[:, None]).mean(dim=1, keepdim=True), torch.zeros_like(times[:1]))


def _look_cases(rng):
    def case(videos, frames, patches, latents, width):
        return Case(
            args=(
                1.5 * normal(rng, latents, width),
                normal(rng, videos, frames, patches, width),
                normal(rng, frames, width),
            )
        )

    return [case(2, 3, 4, 3, 8), case(3, 2, 9, 2, 6), case(1, 4, 4, 5, 8)]


RESAMPLER_LOOK = Exercise(
    id="3.4.1",
    title="A few questions for every picture",
    kind="function",
    entry="look",
    points=3,
    difficulty=3,
    importance=5,
    minutes=12,
    reference=look,
    alternatives=(_look_video_by_video, _look_by_library),
    cases=_look_cases,
    misconceptions=(
        Misconception(
            name="frames not told apart",
            sentence="Your patches do not know their frame: played backwards, the video would give the same. Add `times` to "
            "the patches of each frame first.",
            answer=_without_times,
        ),
        Misconception(
            name="the latents see only patches",
            sentence="Your keys are the patches alone. The latents look at one another as well: join them to the keys.",
            answer=_latents_not_among_the_keys,
        ),
        Misconception(
            name="softmax along the wrong axis",
            sentence="Your softmax shares each patch out among the latents. It is each latent that shares its attention out "
            "among the keys: the last axis.",
            answer=_softmax_over_the_latents,
        ),
        Misconception(
            name="not scaled",
            sentence="You left out the division by the root of the width, so that every softmax is too sharp.",
            answer=_look_not_scaled,
        ),
        Misconception(
            name="the latents replaced",
            sentence="You return what the latents saw, and the latents themselves are lost: add it to them.",
            answer=_latents_replaced,
        ),
        Misconception(
            name="frames averaged",
            sentence="You averaged the frames before anybody looked. All patches of all frames are keys; which of them "
            "matter, attention decides.",
            answer=_frames_averaged_first,
        ),
    ),
    hints=(
        "Who asks, and who is asked? How many keys are there for a video?",
        "`(features + times[:, None]).flatten(1, 2)` is every patch of every frame; `torch.cat` joins the latents.",
        "shares = (asking @ keys.mT / width ** 0.5).softmax(dim=-1); then asking + shares @ keys",
    ),
)

# 3.4.2 -------------------------------------------------------------------------------------------------------------

TOKENS_READ = Exercise(
    id="3.4.2",
    title="What nine pictures cost here",
    kind="number",
    entry="tokens_read",
    points=1,
    difficulty=1,
    importance=3,
    minutes=4,
    reference=1 + 9 + 8,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="patches as soft tokens",
            sentence="That is the count for a model that puts its patches into the sequence, as in 2.7. Here a picture "
            "stands beside the text, and only its <image> stands in it.",
            answer=1 + 9 * 16 + 8,
        ),
        Misconception(
            name="latents as soft tokens",
            sentence="You put the four latents of each picture into the sequence. They stay outside: the gated layers look "
            "at them there.",
            answer=1 + 9 * 4 + 8,
        ),
        Misconception(
            name="one short",
            sentence="One short: there are <start>, nine times <image>, and eight words.",
            answer=9 + 8,
        ),
        Misconception(
            name="counts the answer",
            sentence="The ninth word is the answer: it is not there yet when the model is asked.",
            answer=1 + 9 + 9,
        ),
        Misconception(
            name="the pictures cost nothing",
            sentence="Each picture still takes one token, its <image>: it says where in the text the picture stands.",
            answer=1 + 8,
        ),
    ),
    hints=(
        "Which of these stand in the sequence of the language model: patches, latents, or a marker?",
        "<start>, a marker for each picture, a word for each example.",
        "1 + 9 + 8",
    ),
)

# 3.4.3 -------------------------------------------------------------------------------------------------------------


class Gate(nn.Module):
    """What was seen, times the tanh of a number that begins at zero."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x, seen):
        """Return the text's vectors and what they saw."""
        return x + self.gate.tanh() * seen


class _GateByFunction(Gate):
    def forward(self, x, seen):
        return torch.lerp(x, x + seen, torch.tanh(self.gate))


class _GateByExponentials(Gate):
    def forward(self, x, seen):
        twice = torch.exp(2 * self.gate)
        return x + seen * (twice - 1) / (twice + 1)


class _GateOpenAtFirst(Gate):
    def __init__(self):
        super().__init__()
        nn.init.ones_(self.gate)


class _GateWithoutTanh(Gate):
    def forward(self, x, seen):
        return x + self.gate * seen


class _GateWithSigmoid(Gate):
    def forward(self, x, seen):
        return x + self.gate.sigmoid() * seen


class _GateOnTheText(Gate):
    def forward(self, x, seen):
        return self.gate.tanh() * x + seen


class _GateThatMixes(Gate):
    def forward(self, x, seen):
        share = self.gate.tanh()
        return (1 - share) * x + share * seen


class _GateOnBoth(Gate):
    def forward(self, x, seen):
        return self.gate.tanh() * (x + seen)


def _gate_cases(rng):
    def case(weights, *shape):
        return Case(args=(normal(rng, *shape), normal(rng, *shape)), weights=weights)

    return [case(None, 2, 3, 4), case(int(rng.integers(1000)), 2, 5, 6), case(int(rng.integers(1000)), 1, 4, 8)]


GATE = Exercise(
    id="3.4.3",
    title="A door that begins closed",
    kind="module",
    entry="Gate",
    points=2,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=Gate,
    alternatives=(_GateByFunction, _GateByExponentials),
    cases=_gate_cases,
    misconceptions=(
        Misconception(
            name="open at first",
            sentence="Your gate starts open: before any training the language model is given noise. Begin at zero.",
            answer=_GateOpenAtFirst,
        ),
        Misconception(
            name="no tanh",
            sentence="Your gate is the number itself, without bounds. Its tanh stays between -1 and 1, and is 0 at 0.",
            answer=_GateWithoutTanh,
        ),
        Misconception(
            name="a sigmoid",
            sentence="A sigmoid of zero is one half: your gate stands half open before any training. The tanh of zero is 0.",
            answer=_GateWithSigmoid,
        ),
        Misconception(
            name="the gate on the text",
            sentence="Your gate is on the text, so that at zero the language model's own vectors are lost. It belongs on "
            "what was seen.",
            answer=_GateOnTheText,
        ),
        Misconception(
            name="a mixture",
            sentence="You let what was seen take the place of the text. It is added, and the text stays whole.",
            answer=_GateThatMixes,
        ),
        Misconception(
            name="the gate on both",
            sentence="Your gate closes the text off as well: at zero nothing is left. Only what was seen goes through it.",
            answer=_GateOnBoth,
        ),
    ),
    hints=(
        "At a gate of zero, what must come out?",
        "Which of tanh and sigmoid is 0 at 0? And is it on `x`, on `seen`, or on both?",
        "return x + self.gate.tanh() * seen, with a gate of nn.Parameter(torch.zeros(()))",
    ),
)

# 3.4.4 -------------------------------------------------------------------------------------------------------------


def sees(tokens, number, image):
    """Count the <image> up to and with each token: that is the one that it looks at."""
    latest = (tokens == image).cumsum(dim=1)
    return latest.unsqueeze(2) == torch.arange(1, number + 1)


def _sees_in_a_loop(tokens, number, image):
    shown = torch.zeros(*tokens.shape, number, dtype=torch.bool)
    for row, ids in enumerate(tokens.tolist()):
        latest = -1
        for position, token in enumerate(ids):
            latest += token == image
            if latest >= 0:
                shown[row, position, latest] = True
    return shown


def _sees_by_differences(tokens, number, image):
    begun = (tokens == image).cumsum(dim=1)[..., None] > torch.arange(number)
    later = torch.cat([begun[..., 1:], torch.zeros_like(begun[..., :1])], dim=-1)
    return begun & ~later


def _all_pictures_so_far(tokens, number, image):
    return (tokens == image).cumsum(dim=1).unsqueeze(2) >= torch.arange(1, number + 1)


def _one_picture_ahead(tokens, number, image):
    return (tokens == image).cumsum(dim=1).unsqueeze(2) == torch.arange(number)


def _image_looks_back(tokens, number, image):
    here = (tokens == image).long()
    return (here.cumsum(dim=1) - here).unsqueeze(2) == torch.arange(1, number + 1)


def _only_the_markers(tokens, number, image):
    return sees(tokens, number, image) & (tokens == image).unsqueeze(2)


def _every_picture(tokens, number, image):
    return torch.ones(*tokens.shape, number, dtype=torch.bool)


def _all_but_the_last(tokens, number, image):
    return (tokens == image).cumsum(dim=1).unsqueeze(2) > torch.arange(1, number + 1)


def _sees_cases(rng):
    def case(batch, length, number, image):
        tokens = integers(rng, 10, 40, batch, length)
        for row in tokens:  # word, <image>, word, and then the others somewhere
            row[1] = image
            row[3 + torch.from_numpy(rng.permutation(length - 3)[: number - 1])] = image
        return Case(args=(tokens, number, image))

    return [case(2, 8, 2, 99), case(3, 10, 3, 77), case(2, 12, 4, 5)]


SEES = Exercise(
    id="3.4.4",
    title="Which picture a word looks at",
    kind="function",
    entry="sees",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=sees,
    alternatives=(_sees_in_a_loop, _sees_by_differences),
    cases=_sees_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="all pictures so far",
            sentence="Your words look at every picture that stood before them. Flamingo's look at the last one only: "
            "equal, not greater or equal.",
            answer=_all_pictures_so_far,
        ),
        Misconception(
            name="one picture ahead",
            sentence="Your words look at the picture that comes next, and would be told of what they have not reached. "
            "Behind the first <image> the count is 1, and that is picture 0.",
            answer=_one_picture_ahead,
        ),
        Misconception(
            name="<image> looks at the picture before",
            sentence="An <image> already looks at its own picture: its position is where the next word is predicted. Count "
            "with it, not up to it.",
            answer=_image_looks_back,
        ),
        Misconception(
            name="only the markers look",
            sentence="Only your <image> look at anything. The words behind one look at its picture too, up to the next.",
            answer=_only_the_markers,
        ),
        Misconception(
            name="no mask at all",
            sentence="Everything sees everything, later pictures too.",
            answer=_every_picture,
        ),
        Misconception(
            name="all but the last",
            sentence="With `>` a word looks at the pictures before its own, and never at its own.",
            answer=_all_but_the_last,
        ),
    ),
    hints=(
        "How many <image> stand up to and with a token? Say it for each token of: the <image> red <image> blue.",
        "`(tokens == image).cumsum(dim=1)` is that number; picture 0 is the one where it is 1.",
        "latest.unsqueeze(2) == torch.arange(1, number + 1)",
    ),
)

# 3.4.5 -------------------------------------------------------------------------------------------------------------

DIAGNOSIS = Exercise(
    id="3.4.5",
    title="What ails patient C?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=6,
    reference=("b", 4),
    options={
        "a": "It is taught to predict <image>.",
        "b": "Its mask is dropped after the first layer.",
        "c": "Its layers have no gates.",
        "d": "Its mask says >= where it should say ==.",
    },
    reasons=(
        "With its gates at zero it is not the language model.",
        "Already in the first layer a word looks at all pictures so far.",
        "Part of its loss is about where pictures stand.",
        "A word looks at one picture in the first layer, and at all of them, later ones too, in the last.",
    ),
    misconceptions=(
        Misconception(
            name="takes the leak for an open gate",
            sentence="With its gates at zero C is the language model to the last bit, so its gates are there. Look at which "
            "pictures a word reads.",
            answer=("c", 1),
            when=lambda answer: answer[0] == "c",
        ),
        Misconception(
            name="takes it for >=",
            sentence="With >= a word would look at all pictures so far in every layer, and never at a later one. C's first "
            "layer is sound.",
            answer=("d", 2),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="blames the loss",
            sentence="None of C's loss is about <image>: that column is as in a healthy model.",
            answer=("a", 3),
            when=lambda answer: answer[0] == "a",
        ),
    ),
    hints=(
        "Compare C's row with the healthy one: in which columns do they differ?",
        "A fault of the mask itself shows in every layer. In which layers does C's show?",
        "The letter names what happens after the first layer; the number names what you see there.",
    ),
)

# 3.4.6 -------------------------------------------------------------------------------------------------------------


def read(x, pictures, shown, gates):
    """Every layer is told what may be seen."""
    for gate in gates:
        x = _layer(x, pictures, gate, shown)
    return x


def _layer(x, pictures, gate, shown=None):
    scores = x @ pictures.T / x.shape[1] ** 0.5
    if shown is None:
        return x + math.tanh(gate) * scores.softmax(dim=-1) @ pictures
    return x + math.tanh(gate) * (scores.masked_fill(~shown, -1e9).softmax(dim=-1) * shown) @ pictures


def _read_by_exponentials(x, pictures, shown, gates):
    for gate in gates:
        weights = torch.exp(x @ pictures.T / math.sqrt(x.shape[1])) * shown
        shares = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
        x = x + math.tanh(gate) * shares @ pictures
    return x


def _read_word_by_word(x, pictures, shown, gates):
    rows = []
    for word, mine in zip(x, shown, strict=True):
        for gate in gates:
            if mine.any():
                own = pictures[mine]
                word = word + math.tanh(gate) * (own @ word / len(word) ** 0.5).softmax(dim=0) @ own
        rows.append(word)
    return torch.stack(rows)


def _mask_in_the_first_layer_only(x, pictures, shown, gates):
    x = _layer(x, pictures, gates[0], shown)
    for gate in gates[1:]:
        x = _layer(x, pictures, gate)
    return x


def _mask_in_the_later_layers_only(x, pictures, shown, gates):
    x = _layer(x, pictures, gates[0])
    for gate in gates[1:]:
        x = _layer(x, pictures, gate, shown)
    return x


def _no_mask_anywhere(x, pictures, shown, gates):
    for gate in gates:
        x = _layer(x, pictures, gate)
    return x


def _first_layer_only(x, pictures, shown, gates):
    return _layer(x, pictures, gates[0], shown)


def _first_gate_everywhere(x, pictures, shown, gates):
    for _ in gates:
        x = _layer(x, pictures, gates[0], shown)
    return x


def _mask_turned_round(x, pictures, shown, gates):
    return read(x, pictures, ~shown, gates)


def _read_cases(rng):
    def case(length, number, width, layers):
        latest = integers(rng, 0, number + 1, length).sort().values  # 0 is for words before the first picture
        latest[0], latest[-1] = 1, number  # a word of each end, so that dropping the mask always shows
        shown = latest.sort().values[:, None] == torch.arange(1, number + 1)
        gates = [float(gate) for gate in rng.uniform(0.5, 1.2, layers)]
        return Case(args=(normal(rng, length, width), normal(rng, number, width), shown, gates))

    return [case(6, 3, 8, 2), case(8, 4, 6, 3), case(5, 2, 8, 4)]


MEND_THE_MASK = Exercise(
    id="3.4.6",
    title="Mend patient C",
    kind="bug",
    entry="read",
    points=3,
    difficulty=3,
    importance=5,
    minutes=10,
    reference=read,
    alternatives=(_read_by_exponentials, _read_word_by_word),
    cases=_read_cases,
    misconceptions=(
        Misconception(
            name="the mask stops at the first layer",
            sentence="From the second layer on every word sees every picture, later ones too: the mask has to be passed to "
            "every layer, and Python did not miss it.",
            answer=_mask_in_the_first_layer_only,
            planted=True,
        ),
        Misconception(
            name="the mask begins at the second layer",
            sentence="Now the later layers are masked, and the first is not. Every layer needs the mask.",
            answer=_mask_in_the_later_layers_only,
        ),
        Misconception(
            name="no mask in any layer",
            sentence="Now no layer has the mask: words see pictures that have not come yet.",
            answer=_no_mask_anywhere,
        ),
        Misconception(
            name="the later layers left out",
            sentence="Your words look once. Each gate belongs to a layer, and every one of them looks.",
            answer=_first_layer_only,
        ),
        Misconception(
            name="one gate for all",
            sentence="You use the first layer's gate in every layer; each has its own.",
            answer=_first_gate_everywhere,
        ),
        Misconception(
            name="the mask turned round",
            sentence="Your words look at all pictures but their own: `shown` is True where a word may look.",
            answer=_mask_turned_round,
        ),
    ),
    hints=(
        "How often is `layer` called, and with which arguments each time?",
        "An argument with the default None is easily forgotten: nothing complains.",
        "for gate in gates: x = layer(x, gate, shown)",
    ),
)

EXERCISES = (RESAMPLER_LOOK, TOKENS_READ, GATE, SEES, DIAGNOSIS, MEND_THE_MASK)
