"""One toy exercise of each kind, small enough to read at a glance, for the tests of the engine."""

import torch

from utils.exercises import Case, Exercise, Misconception, exact, integers, normal

COMMON = {
    "points": 3,
    "difficulty": 2,
    "importance": 4,
    "minutes": 10,
    "hints": ("What should each row sum to?", "Look at softmax.", "logits.softmax(dim=-1)"),
}


def attention(query, key, scale):
    return (scale * query @ key.T).softmax(dim=-1)


def attention_by_hand(query, key, scale):
    logits = torch.einsum("i d, j d -> i j", query, key) * scale
    weights = (logits - logits.max(dim=1, keepdim=True).values).exp()
    return weights / weights.sum(dim=1, keepdim=True)


def attention_in_a_loop(query, key, scale):
    return torch.stack([torch.softmax(torch.stack([scale * (q @ k) for k in key]), dim=0) for q in query])


def forgets_the_scale(query, key, scale):
    return (query @ key.T).softmax(dim=-1)


def wrong_axis(query, key, scale):
    return (scale * query @ key.T).softmax(dim=0)


def no_softmax(query, key, scale):
    return scale * query @ key.T


def forgets_to_transpose(query, key, scale):
    return (scale * query @ key).softmax(dim=-1)


def attention_cases(rng):
    return [
        Case(args=(normal(rng, 4, 8), normal(rng, 5, 8)), kwargs={"scale": 0.5}, group="few"),
        Case(args=(normal(rng, 6, 3), normal(rng, 7, 3)), kwargs={"scale": 2.0}, group="many"),
    ]


FUNCTION = Exercise(
    id="0.1.91",
    title="Attention, vectorised",
    kind="function",
    entry="attention",
    reference=attention,
    alternatives=(attention_by_hand, attention_in_a_loop),
    cases=attention_cases,
    misconceptions=(
        Misconception(name="no scale", sentence="Your numbers are those without the scale.", answer=forgets_the_scale),
        Misconception(name="wrong axis", sentence="Your columns sum to one, not your rows.", answer=wrong_axis),
        Misconception(name="no softmax", sentence="Your rows do not sum to one.", answer=no_softmax),
        Misconception(name="no transpose", sentence="The shapes do not fit.", answer=forgets_to_transpose),
    ),
    time_limit=1.0,
    **COMMON,
)


class Gate(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = torch.nn.Linear(width, width)
        self.gate = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + torch.tanh(self.gate) * self.up(x)


class GateWritten(Gate):
    def forward(self, x):
        return torch.nn.functional.linear(x, self.up.weight, self.up.bias) * self.gate.tanh() + x


class GateWithoutResidual(Gate):
    def forward(self, x):
        return torch.tanh(self.gate) * self.up(x)


class GateWithoutTanh(Gate):
    def forward(self, x):
        return x + self.gate * self.up(x)


class GateOnBoth(Gate):
    def forward(self, x):
        return torch.tanh(self.gate) * (x + self.up(x))


class GateWithoutBias(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = torch.nn.Linear(width, width, bias=False)
        self.gate = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + torch.tanh(self.gate) * self.up(x)


def gate_cases(rng):
    return [
        Case(init={"width": 4}, weights=int(rng.integers(2**31)), args=(normal(rng, 2, 4),), group="trained"),
        Case(init={"width": 6}, weights=None, args=(normal(rng, 3, 6),), group="at first"),
    ]


MODULE = Exercise(
    id="0.1.92",
    title="A gate",
    kind="module",
    entry="Gate",
    reference=Gate,
    alternatives=(GateWritten,),
    cases=gate_cases,
    misconceptions=(
        Misconception(name="no residual", sentence="The input is lost.", answer=GateWithoutResidual),
        Misconception(name="no tanh", sentence="The gate is unbounded.", answer=GateWithoutTanh),
        Misconception(name="gates the input", sentence="The input goes through the gate too.", answer=GateOnBoth),
        Misconception(name="no bias", sentence="The layer needs its bias.", answer=GateWithoutBias),
    ),
    **COMMON,
)

NUMBER = Exercise(
    id="0.1.93",
    title="How many numbers?",
    kind="number",
    entry="numbers",
    reference=3072,
    compare=exact(),
    misconceptions=(
        Misconception(name="one channel", sentence="A picture has three colours.", answer=1024),
        Misconception(
            name="in the millions", sentence="That would be a photograph.", answer=3e6, when=lambda n: n > 1e6
        ),
    ),
    **{**COMMON, "points": 1},
)

CHOICE = Exercise(
    id="0.1.94",
    title="What fails?",
    kind="choice",
    entry="choice",
    reference=("b", 3),
    options={"a": "The text tower", "b": "Relations <between> objects", "c": "Nothing"},
    reasons=("It is too small", "It saw no text", "One vector holds a bag of words"),
    misconceptions=(
        Misconception(name="blames the size", sentence="Size is not the limit.", answer=("b", 1)),
        Misconception(name="blames text", sentence="It did.", answer=("a", 2), when=lambda pair: pair[0] == "a"),
    ),
    **COMMON,
)


def mean_of_rows(table):
    return table.float().mean(dim=1)


def planted_mean(table):
    return table.float().mean(dim=0)


BUG = Exercise(
    id="0.1.95",
    title="A mean gone wrong",
    kind="bug",
    entry="mean_of_rows",
    reference=mean_of_rows,
    alternatives=(lambda table: table.float().sum(dim=1) / table.shape[1],),
    cases=lambda rng: [Case(args=(integers(rng, 0, 9, 4, 4),)) for _ in range(3)],
    misconceptions=(
        Misconception(name="as given", sentence="This is the bug.", answer=planted_mean, planted=True),
        Misconception(name="mean of all", sentence="One mean for each row.", answer=lambda t: t.float().mean()),
        Misconception(name="sum", sentence="A sum, not a mean.", answer=lambda t: t.float().sum(dim=1)),
        Misconception(name="kept axis", sentence="The axis stayed.", answer=lambda t: t.float().mean(1, keepdim=True)),
    ),
    **COMMON,
)


def accuracy(settings, rng):
    if settings["temperature"] <= 0:
        raise ValueError("the temperature must be above 0")
    return 1 - abs(settings["temperature"] - 0.1) + 0.001 * rng.random()


TUNE = Exercise(
    id="0.1.96",
    title="Find the temperature",
    kind="tune",
    entry="settings",
    reference={"temperature": 0.1, "steps": 100},
    measure=accuracy,
    target=0.9,
    misconceptions=(
        Misconception(
            name="too hot",
            sentence="All pairs look alike.",
            answer={"temperature": 1.0, "steps": 100},
            when=lambda settings: settings["temperature"] > 0.5,
        ),
        Misconception(
            name="too cold",
            sentence="Only the nearest counts.",
            answer={"temperature": -1.0, "steps": 100},
            when=lambda settings: settings["temperature"] < 0.01,
        ),
    ),
    **COMMON,
)

TOYS = (FUNCTION, MODULE, NUMBER, CHOICE, BUG, TUNE)
