"""The exercises of lesson 2.2, audio, video and 3D encoders."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from utils.exercises.definition import Case, Exercise, Misconception, exact, normal

# 2.2.1 -------------------------------------------------------------------------------------------------------------


def power_spectrum(samples):
    """Turn with each frequency, and see how far the sum gets."""
    n = len(samples)
    angles = 2 * math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n
    return (angles.cos() @ samples) ** 2 + (angles.sin() @ samples) ** 2


def _spectrum_by_fft(samples):
    return torch.fft.rfft(samples).abs().square()


def _spectrum_in_a_loop(samples):
    n, power = len(samples), []
    for k in range(n // 2 + 1):
        wave = torch.exp(-2j * math.pi * k * torch.arange(n) / n)
        power.append((wave * samples).sum().abs() ** 2)
    return torch.stack(power)


def _cosines_only(samples):
    n = len(samples)
    angles = 2 * math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n
    return (angles.cos() @ samples) ** 2


def _no_square(samples):
    return power_spectrum(samples).sqrt()


def _half_turns(samples):
    n = len(samples)
    angles = math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n
    return (angles.cos() @ samples) ** 2 + (angles.sin() @ samples) ** 2


def _sum_then_square(samples):
    n = len(samples)
    angles = 2 * math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n
    return (angles.cos() @ samples + angles.sin() @ samples) ** 2


def _all_of_them(samples):
    return torch.fft.fft(samples).abs().square()


def _one_missing(samples):
    return power_spectrum(samples)[:-1]


POWER_SPECTRUM = Exercise(
    id="2.2.1",
    title="Fourier by hand",
    kind="function",
    entry="power_spectrum",
    points=3,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=power_spectrum,
    alternatives=(_spectrum_by_fft, _spectrum_in_a_loop),
    cases=lambda rng: [Case(args=(normal(rng, n),)) for n in (8, 16, 20)],
    misconceptions=(
        Misconception(
            name="cosines only",
            sentence="You asked the cosines and not the sines. A tone that begins a quarter of a period later would then "
            "be missed: square and add both.",
            answer=_cosines_only,
        ),
        Misconception(
            name="not squared",
            sentence="Yours is the amplitude, the square root of the power: leave the squares as they are.",
            answer=_no_square,
        ),
        Misconception(
            name="half a turn",
            sentence="Wave k must go around k whole times in n samples, so its angle is 2 pi k t / n; yours turns half as "
            "fast.",
            answer=_half_turns,
        ),
        Misconception(
            name="added before squaring",
            sentence="You added cosine and sine and then squared. They stand at a right angle, as in Pythagoras: square "
            "each, then add.",
            answer=_sum_then_square,
        ),
        Misconception(
            name="every frequency twice",
            sentence="You returned n numbers. Above n / 2 the waves are those below it once more, mirrored: stop at n // 2.",
            answer=_all_of_them,
        ),
        Misconception(
            name="the last one missing",
            sentence="From 0 up to and including n // 2 there are n // 2 + 1 frequencies; yours lacks the last.",
            answer=_one_missing,
        ),
    ),
    hints=(
        "In the loop above, which two numbers are made for each k, and how do they become one?",
        "A table of angles, a row for each k and a column for each t; then `angles.cos() @ samples`.",
        "angles = 2 * math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n; then the squares of "
        "angles.cos() @ samples and of angles.sin() @ samples, added",
    ),
)

# 2.2.2 -------------------------------------------------------------------------------------------------------------

COLUMNS = Exercise(
    id="2.2.2",
    title="How many columns?",
    kind="number",
    entry="columns",
    points=1,
    difficulty=2,
    importance=3,
    minutes=4,
    reference=1 + (6400 - 256) // 160,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="windows that stick out",
            sentence="That is how many windows begin within the sound; the last of them has not enough samples left.",
            answer=6400 // 160,
        ),
        Misconception(
            name="no overlap",
            sentence="That is how many windows fit side by side. A new one begins every 160 samples, before the last one "
            "ends.",
            answer=6400 // 256,
        ),
        Misconception(
            name="the first one forgotten",
            sentence="(6,400 - 256) // 160 counts how often the window moves on. It also stands once before it has moved.",
            answer=(6400 - 256) // 160,
        ),
        Misconception(
            name="frequencies, not columns",
            sentence="That is how many frequencies a window of 256 samples tells apart: the height of the picture, not "
            "its width.",
            answer=129,
        ),
    ),
    hints=(
        "Where does the last window begin, if it must end with the sound?",
        "The first sample of a window may be 0, 160, 320, ... and at most 6,400 - 256.",
        "1 + (6400 - 256) // 160",
    ),
)

# 2.2.3 -------------------------------------------------------------------------------------------------------------


def log_mel(power, filters):
    """Into bands, into powers of ten, and nothing more than 80 dB below the loudest."""
    loudness = (filters @ power).clamp(min=1e-10).log10()
    return torch.maximum(loudness, loudness.max() - 8)


def _log_mel_by_einsum(power, filters):
    mel = torch.einsum("mf,ft->mt", filters, power)
    loudness = torch.log10(torch.where(mel < 1e-10, 1e-10, mel))
    return loudness.clamp(min=float(loudness.max()) - 8)


def _log_mel_by_natural_log(power, filters):
    mel = torch.matmul(filters, power)
    loudness = mel.clamp(min=1e-10).log() / math.log(10)
    lowest = loudness.amax() - 8
    return torch.where(loudness < lowest, lowest, loudness)


def _natural_log(power, filters):
    loudness = (filters @ power).clamp(min=1e-10).log()
    return torch.maximum(loudness, loudness.max() - 8)


def _log_before_bands(power, filters):
    loudness = filters @ power.clamp(min=1e-10).log10()
    return torch.maximum(loudness, loudness.max() - 8)


def _no_floor(power, filters):
    return (filters @ power).clamp(min=1e-10).log10()


def _floor_by_column(power, filters):
    loudness = (filters @ power).clamp(min=1e-10).log10()
    return torch.maximum(loudness, loudness.amax(0, keepdim=True) - 8)


def _decibels(power, filters):
    return 10 * log_mel(power, filters)


def _no_clamp(power, filters):
    return (filters @ power).log10()


def _mel_cases(rng):
    def case(mels, each, frames):
        # a band takes in `each` frequencies; how loud they are differs within it, and far more from cell to cell
        level = torch.from_numpy(rng.uniform(-3, 3, (mels, frames))).float()
        level[:2, 0] = torch.tensor([3.5, -6.0])  # loud beside quiet
        level[:, 1] -= 6  # a quiet moment
        within = torch.from_numpy(rng.uniform(-1, 0, (mels * each, frames))).float()
        power = 10 ** (level.repeat_interleave(each, dim=0) + within)
        power[:each, 2] = 0
        filters = torch.block_diag(*torch.from_numpy(rng.uniform(0.2, 1, (mels, 1, each))).float())
        return Case(args=(power, filters))

    return [case(4, 3, 5), case(6, 2, 8), case(5, 4, 6)]


LOG_MEL = Exercise(
    id="2.2.3",
    title="Log-mel",
    kind="function",
    entry="log_mel_energies",
    points=3,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=log_mel,
    alternatives=(_log_mel_by_einsum, _log_mel_by_natural_log),
    cases=_mel_cases,
    misconceptions=(
        Misconception(
            name="natural logarithm",
            sentence="Your steps are powers of e; here loudness is counted in powers of ten: `log10`.",
            answer=_natural_log,
        ),
        Misconception(
            name="logarithm before the bands",
            sentence="You took the logarithm first and added logarithms up. What adds up within a band is power: filters "
            "first, logarithm last.",
            answer=_log_before_bands,
        ),
        Misconception(
            name="no floor",
            sentence="What lies more than 8 below the loudest cell of the clip must be lifted to that floor, or a model "
            "reads the noise of the microphone.",
            answer=_no_floor,
        ),
        Misconception(
            name="a floor for each column",
            sentence="Each of your columns has a floor of its own, so silence is lifted as if it were speech. The floor "
            "is that of the loudest cell of all.",
            answer=_floor_by_column,
        ),
        Misconception(
            name="decibels",
            sentence="Yours are decibels, ten times too large; powers of ten are asked for.",
            answer=_decibels,
        ),
        Misconception(
            name="logarithm of zero",
            sentence="Silence has power 0, and its logarithm is minus infinity: keep powers at 1e-10 or more.",
            answer=_no_clamp,
        ),
    ),
    hints=(
        "Which of the three comes first: adding up frequencies, taking logarithms, cutting off?",
        "`filters @ power` has a row for each band; `.clamp(min=1e-10).log10()`; then `torch.maximum` with a floor.",
        "loudness = (filters @ power).clamp(min=1e-10).log10(); torch.maximum(loudness, loudness.max() - 8)",
    ),
)

# 2.2.4 -------------------------------------------------------------------------------------------------------------


def pool(features, scores):
    """A softmax over the times of each clip, then a weighted mean."""
    weights = scores.softmax(dim=1)
    return (weights.unsqueeze(2) * features).sum(dim=1)


def _pool_by_einsum(features, scores):
    return torch.einsum("bt,btw->bw", F.softmax(scores, dim=-1), features)


def _pool_in_a_loop(features, scores):
    return torch.stack([vectors.T @ values.softmax(0) for vectors, values in zip(features, scores, strict=True)])


def _softmax_over_clips(features, scores):
    return (scores.softmax(dim=0).unsqueeze(2) * features).sum(dim=1)


def _plain_mean(features, scores):
    return features.mean(dim=1)


def _scores_as_weights(features, scores):
    return (scores.unsqueeze(2) * features).sum(dim=1)


def _mean_of_weighted(features, scores):
    return (scores.softmax(dim=1).unsqueeze(2) * features).mean(dim=1)


def _softmax_over_everything(features, scores):
    weights = scores.flatten().softmax(dim=0).view_as(scores)
    return (weights.unsqueeze(2) * features).sum(dim=1)


def _only_the_best(features, scores):
    return features[torch.arange(len(features)), scores.argmax(dim=1)]


def _pool_cases(rng):
    return [Case(args=(normal(rng, b, t, w), 2 * normal(rng, b, t))) for b, t, w in ((3, 5, 4), (4, 4, 6), (6, 3, 2))]


POOL = Exercise(
    id="2.2.4",
    title="The word that listens to its neighbours",
    kind="bug",
    entry="pool",
    points=2,
    difficulty=3,
    importance=4,
    minutes=6,
    reference=pool,
    alternatives=(_pool_by_einsum, _pool_in_a_loop),
    cases=_pool_cases,
    misconceptions=(
        Misconception(
            name="clips compete with one another",
            sentence="The softmax runs over the clips, so how much a moment counts depends on who else is in the batch. "
            "The moments of one clip must share the attention.",
            answer=_softmax_over_clips,
            planted=True,
        ),
        Misconception(
            name="the mean",
            sentence="That is the plain mean: the scores no longer say which moment matters.",
            answer=_plain_mean,
        ),
        Misconception(
            name="scores as weights",
            sentence="You weighted by the scores themselves, which may be negative and do not sum to one: take their "
            "softmax.",
            answer=_scores_as_weights,
        ),
        Misconception(
            name="divided twice",
            sentence="The weights of a clip sum to one already, so sum the weighted vectors; their mean divides once more.",
            answer=_mean_of_weighted,
        ),
        Misconception(
            name="one softmax over all",
            sentence="All moments of all clips share one softmax, so clips still depend on one another: one softmax a clip.",
            answer=_softmax_over_everything,
        ),
        Misconception(
            name="the winner alone",
            sentence="You took the moment with the highest score and dropped the others; a softmax mixes them all.",
            answer=_only_the_best,
        ),
    ),
    hints=(
        "Hear one clip alone, and then in a batch with others. Should its vector change?",
        "`scores` is [clips, times]. Along which of the two must the weights sum to one?",
        "scores.softmax(dim=1)",
    ),
)

# 2.2.5 -------------------------------------------------------------------------------------------------------------


def tubelets(video, depth, size):
    """Cut time, rows and columns, and lay out each piece."""
    return rearrange(video, "(t f) c (r p) (k q) -> t (r k) (f c p q)", f=depth, p=size, q=size)


def _tubelets_by_unfolding(video, depth, size):
    pieces = video.unfold(0, depth, depth).unfold(2, size, size).unfold(3, size, size)
    times, channels, rows, columns = pieces.shape[:4]
    pieces = pieces.permute(0, 2, 3, 4, 1, 5, 6)
    return pieces.reshape(times, rows * columns, depth * channels * size * size)


def _tubelets_in_a_loop(video, depth, size):
    frames, _, height, width = video.shape
    times = []
    for t in range(0, frames, depth):
        corners = [(y, x) for y in range(0, height, size) for x in range(0, width, size)]
        times.append([video[t : t + depth, :, y : y + size, x : x + size].flatten() for y, x in corners])
    return torch.stack([torch.stack(row) for row in times])


def _just_reshaped(video, depth, size):
    frames, channels, height, width = video.shape
    patches = (height // size) * (width // size)
    return video.reshape(frames // depth, patches, depth * channels * size * size)


def _frames_far_apart(video, depth, size):
    return rearrange(video, "(f t) c (r p) (k q) -> t (r k) (f c p q)", f=depth, p=size, q=size)


def _column_by_column(video, depth, size):
    return rearrange(video, "(t f) c (r p) (k q) -> t (k r) (f c p q)", f=depth, p=size, q=size)


def _channels_last(video, depth, size):
    return rearrange(video, "(t f) c (r p) (k q) -> t (r k) (f p q c)", f=depth, p=size, q=size)


def _interleaved_pixels(video, depth, size):
    return rearrange(video, "(t f) c (p r) (q k) -> t (r k) (f c p q)", f=depth, p=size, q=size)


def _times_and_patches_in_one(video, depth, size):
    return tubelets(video, depth, size).flatten(0, 1)


def _tubelet_cases(rng):
    return [
        Case(args=(normal(rng, 4, 3, 8, 12), 2, 4)),
        Case(args=(normal(rng, 6, 1, 6, 4), 3, 2)),
        Case(args=(normal(rng, 4, 2, 9, 6), 2, 3)),
    ]


TUBELETS = Exercise(
    id="2.2.5",
    title="Cut a video into tubelets",
    kind="function",
    entry="tubelets",
    points=3,
    difficulty=3,
    importance=4,
    minutes=10,
    reference=tubelets,
    alternatives=(_tubelets_by_unfolding, _tubelets_in_a_loop),
    cases=_tubelet_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="only reshaped",
            sentence="The shape is right and the numbers are dealt out in the order in which they lay: your patches are "
            "strips of rows. The axes must be split and moved.",
            answer=_just_reshaped,
        ),
        Misconception(
            name="frames far apart",
            sentence="Your tubelets join frames from far apart. Neighbours in time belong together: `(t f)`, not `(f t)`.",
            answer=_frames_far_apart,
        ),
        Misconception(
            name="column by column",
            sentence="Your patches are numbered down the columns; reading order goes along the rows.",
            answer=_column_by_column,
        ),
        Misconception(
            name="channels last",
            sentence="Within a tubelet the order is frame, channel, row, column; yours ends with the channel.",
            answer=_channels_last,
        ),
        Misconception(
            name="combed pixels",
            sentence="Your patches take pixels at a distance from one another, like a comb, and not neighbours: `(r p)`, not "
            "`(p r)`.",
            answer=_interleaved_pixels,
        ),
        Misconception(
            name="times and places in one row",
            sentence="You strung all tubelets into one row; keep one row for each time: [times, patches, numbers].",
            answer=_times_and_patches_in_one,
        ),
    ),
    hints=(
        "Each of three axes is cut in two. Which of the six pieces number a tubelet, and which lie inside it?",
        'In einops, "(t f) c (r p) (k q)" cuts; the right-hand side says what goes where.',
        'rearrange(video, "(t f) c (r p) (k q) -> t (r k) (f c p q)", f=depth, p=size, q=size)',
    ),
)

# 2.2.6 -------------------------------------------------------------------------------------------------------------

LOOKS = Exercise(
    id="2.2.6",
    title="What dividing saves",
    kind="number",
    entry="looks",
    points=1,
    difficulty=2,
    importance=3,
    minutes=4,
    reference=16 * 4 * (4 + 16),
    compare=exact(),
    misconceptions=(
        Misconception(
            name="joint attention",
            sentence="That is what it costs when every tubelet looks at every other. Divided, the looks are added, 4 and then "
            "16, and not multiplied.",
            answer=64 * 64,
        ),
        Misconception(
            name="one tubelet only",
            sentence="That is what one tubelet looks at; there are 64 of them.",
            answer=20,
        ),
        Misconception(
            name="space only",
            sentence="That is the look across space; the one along time is missing.",
            answer=64 * 16,
        ),
        Misconception(
            name="time only",
            sentence="That is the look along time; the one across space is missing.",
            answer=64 * 4,
        ),
    ),
    hints=(
        "At how many does one tubelet look in the first step? In the second?",
        "4 times at its own place, then 16 places at its own time; and there are 16 * 4 tubelets.",
        "16 * 4 * (4 + 16)",
    ),
)

# 2.2.7 -------------------------------------------------------------------------------------------------------------

ORDER = Exercise(
    id="2.2.7",
    title="What needs order?",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=5,
    reference=("b", 2),
    options={
        "a": "Whether it grows or shrinks.",
        "b": "Whether it blinks.",
        "c": "Whether it moves left or right.",
        "d": "None of these.",
    },
    reasons=(
        "Sizes and places that differ from frame to frame can be seen in any order.",
        "That the thing is missing from some of the frames can be seen in any order.",
        "Without order, a video is no more than one frame.",
        "Attention treats its inputs as a set, so the frames come back into order.",
    ),
    misconceptions=(
        Misconception(
            name="a change is no direction",
            sentence="Out of order you can still see that it changes, and not which way: growing and shrinking, left and "
            "right, hold the same frames.",
            answer=("a", 1),
            when=lambda answer: answer[0] in ("a", "c"),
        ),
        Misconception(
            name="a set is more than one",
            sentence="Eight frames in any order are still eight frames: a set tells what differs within it.",
            answer=("d", 3),
            when=lambda answer: answer[0] == "d",
        ),
    ),
    hints=(
        "Lay the eight frames on a table as photographs, and mix them. What can you still say?",
        "Play the video backwards: for which of the three is the answer another one?",
        "Look for what is the same forwards and backwards.",
    ),
)

# 2.2.8 -------------------------------------------------------------------------------------------------------------


class SetEncoder(nn.Module):
    """The same two layers for every point, then the greatest of each number."""

    def __init__(self, features: int, hidden: int, width: int):
        super().__init__()
        self.expand = nn.Linear(features, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, points):
        """Return one vector for each cloud."""
        return self.contract(F.relu(self.expand(points))).amax(dim=1)


class _SetEncoderByMax(SetEncoder):
    def forward(self, points):
        each = [self.contract(self.expand(points[:, i]).clamp(min=0)) for i in range(points.shape[1])]
        return torch.stack(each).max(dim=0).values


class _SetEncoderByMatmul(SetEncoder):
    def forward(self, points):
        hidden = torch.relu(points @ self.expand.weight.T + self.expand.bias)
        return (hidden @ self.contract.weight.T + self.contract.bias).max(dim=-2)[0]


class _SetEncoderByMean(SetEncoder):
    def forward(self, points):
        return self.contract(F.relu(self.expand(points))).mean(dim=1)


class _SetEncoderPoolsFirst(SetEncoder):
    def forward(self, points):
        return self.contract(F.relu(self.expand(points.amax(dim=1))))


class _SetEncoderPoolsHidden(SetEncoder):
    def forward(self, points):
        return self.contract(F.relu(self.expand(points)).amax(dim=1))


class _SetEncoderWithoutRelu(SetEncoder):
    def forward(self, points):
        return self.contract(self.expand(points)).amax(dim=1)


class _SetEncoderOverWidth(SetEncoder):
    def forward(self, points):
        return self.contract(F.relu(self.expand(points))).amax(dim=2)


class _SetEncoderFirstPoint(SetEncoder):
    def forward(self, points):
        return self.contract(F.relu(self.expand(points[:, 0])))


def _set_cases(rng):
    def case(clouds, points, **init):
        return Case(init=init, weights=int(rng.integers(2**31)), args=(normal(rng, clouds, points, init["features"]),))

    return [case(4, 9, features=3, hidden=8, width=5), case(2, 7, features=6, hidden=10, width=4)]


SET_ENCODER = Exercise(
    id="2.2.8",
    title="An encoder of sets",
    kind="module",
    entry="SetEncoder",
    points=3,
    difficulty=2,
    importance=5,
    minutes=8,
    reference=SetEncoder,
    alternatives=(_SetEncoderByMax, _SetEncoderByMatmul),
    cases=_set_cases,
    misconceptions=(
        Misconception(
            name="the mean",
            sentence="A mean does not depend on the order either, and yet it drowns the one point that sticks out among "
            "all the others. PointNet takes the greatest.",
            answer=_SetEncoderByMean,
        ),
        Misconception(
            name="pooled before the layers",
            sentence="You took the greatest coordinates first: of the whole cloud you keep one corner of its box. Layers "
            "first, for each point, then the greatest.",
            answer=_SetEncoderPoolsFirst,
        ),
        Misconception(
            name="pooled between the layers",
            sentence="You pooled after the first layer. Both belong to each point; pooling comes last.",
            answer=_SetEncoderPoolsHidden,
        ),
        Misconception(
            name="no ReLU",
            sentence="Without something bent between them, two linear layers are one linear layer: put a ReLU in between.",
            answer=_SetEncoderWithoutRelu,
        ),
        Misconception(
            name="greatest along the wrong axis",
            sentence="You took the greatest number of each point. It is over the points, dim=1, that the greatest of each "
            "number is taken.",
            answer=_SetEncoderOverWidth,
        ),
        Misconception(
            name="one point only",
            sentence="You read the first point and no other; who stands first means nothing.",
            answer=_SetEncoderFirstPoint,
        ),
    ),
    hints=(
        "What may not change when the points come in another order, and which operations do not mind the order?",
        "`nn.Linear` treats all points alike by itself; then `amax` over the axis of the points.",
        "self.contract(F.relu(self.expand(points))).amax(dim=1)",
    ),
)

EXERCISES = (POWER_SPECTRUM, COLUMNS, LOG_MEL, POOL, TUBELETS, LOOKS, ORDER, SET_ENCODER)
