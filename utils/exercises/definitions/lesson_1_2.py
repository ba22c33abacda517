"""The exercises of lesson 1.2, why multimodal?"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import reduce

from utils.exercises.definition import Case, Exercise, Misconception, close, exact, normal

# 1.2.1 -------------------------------------------------------------------------------------------------------------


def loudness(sound, frames):
    """The root of the mean square of each frame's samples."""
    return sound.unflatten(-1, (frames, -1)).square().mean(dim=-1).sqrt()


def _loudness_by_einops(sound, frames):
    return reduce(sound**2, "n (f s) -> n f", "mean", f=frames) ** 0.5


def _loudness_by_loop(sound, frames):
    return torch.stack([part.norm(dim=-1) / part.shape[-1] ** 0.5 for part in sound.chunk(frames, dim=-1)], dim=1)


def _mean_of_samples(sound, frames):
    return sound.unflatten(-1, (frames, -1)).mean(dim=-1)


def _without_the_root(sound, frames):
    return sound.unflatten(-1, (frames, -1)).square().mean(dim=-1)


def _sum_of_squares(sound, frames):
    return sound.unflatten(-1, (frames, -1)).square().sum(dim=-1).sqrt()


def _dealt_out_like_cards(sound, frames):
    return sound.unflatten(-1, (-1, frames)).square().mean(dim=-2).sqrt()


def _mean_of_magnitudes(sound, frames):
    return sound.unflatten(-1, (frames, -1)).abs().mean(dim=-1)


def _loudest_sample(sound, frames):
    return sound.unflatten(-1, (frames, -1)).abs().amax(dim=-1)


def _loudness_cases(rng):
    def case(sounds, frames, samples):
        swell = torch.rand(sounds, frames, 1, generator=torch.Generator().manual_seed(int(rng.integers(2**31)))) + 0.1
        return Case(args=((normal(rng, sounds, frames, samples) * swell).flatten(1), frames))

    return [case(3, 4, 20), case(2, 8, 15), case(5, 3, 40)]


LOUDNESS = Exercise(
    id="1.2.1",
    title="How loud is each frame?",
    kind="function",
    entry="loudness",
    points=2,
    difficulty=2,
    importance=3,
    minutes=6,
    reference=loudness,
    alternatives=(_loudness_by_einops, _loudness_by_loop),
    cases=_loudness_cases,
    misconceptions=(
        Misconception(
            name="the mean of the samples",
            sentence="A sound swings to both sides of zero, so its samples average to about nothing however loud it is. "
            "Square them first.",
            answer=_mean_of_samples,
        ),
        Misconception(
            name="no root",
            sentence="That is the power: a sound twice as loud gets four times the number. Take the square root.",
            answer=_without_the_root,
        ),
        Misconception(
            name="a sum, not a mean",
            sentence="You summed the squares, so long frames are louder than short ones. Take their mean.",
            answer=_sum_of_squares,
        ),
        Misconception(
            name="dealt out like cards",
            sentence="You gave every frame samples from the whole sound, one here, one there. A frame's samples lie next to "
            "one another: frames come first, `(frames, -1)`.",
            answer=_dealt_out_like_cards,
        ),
        Misconception(
            name="mean of magnitudes",
            sentence="You averaged the magnitudes. That is a loudness too, but the one asked for squares, averages and takes "
            "the root.",
            answer=_mean_of_magnitudes,
        ),
        Misconception(
            name="the loudest sample",
            sentence="You took each frame's largest sample; one click would do. Take all of them into account.",
            answer=_loudest_sample,
        ),
    ),
    hints=(
        "How can one tensor of samples become a tensor with a row for each frame?",
        "`sound.unflatten(-1, (frames, -1))` cuts the sound into frames; then square, mean over the last dimension, root.",
        "return sound.unflatten(-1, (frames, -1)).square().mean(dim=-1).sqrt()",
    ),
)

# 1.2.2 -------------------------------------------------------------------------------------------------------------


def agreement(heard, seen):
    """The correlation over time of what is heard with each thing that is seen."""
    heard = heard - heard.mean(dim=1, keepdim=True)
    seen = seen - seen.mean(dim=1, keepdim=True)
    return F.cosine_similarity(heard.unsqueeze(2), seen, dim=1)


def _agreement_by_einsum(heard, seen):
    heard = (heard - heard.mean(1, keepdim=True)) / heard.std(1, keepdim=True, correction=0)
    seen = (seen - seen.mean(1, keepdim=True)) / seen.std(1, keepdim=True, correction=0)
    return torch.einsum("nf,nft->nt", heard, seen) / heard.shape[1]


def _agreement_by_corrcoef(heard, seen):
    rows = []
    for one, things in zip(heard, seen, strict=True):
        rows.append(torch.corrcoef(torch.cat([one[None], things.T]))[0, 1:])
    return torch.stack(rows)


def _not_centred(heard, seen):
    return F.cosine_similarity(heard.unsqueeze(2), seen, dim=1)


def _not_scaled(heard, seen):
    heard = heard - heard.mean(dim=1, keepdim=True)
    seen = seen - seen.mean(dim=1, keepdim=True)
    return torch.einsum("nf,nft->nt", heard, seen)


def _centred_over_the_batch(heard, seen):
    return F.cosine_similarity((heard - heard.mean(0)).unsqueeze(2), seen - seen.mean(0), dim=1)


def _centred_as_a_whole(heard, seen):
    return F.cosine_similarity((heard - heard.mean()).unsqueeze(2), seen - seen.mean(), dim=1)


def _distance(heard, seen):
    return -(heard.unsqueeze(2) - seen).square().mean(dim=1)


def _agreement_cases(rng):
    def case(scenes, frames, things):
        # loud and bright all along, so that what matters is how they change
        return Case(args=(normal(rng, scenes, frames).abs() + 2, 5 * normal(rng, scenes, frames, things).abs() + 3))

    return [case(4, 8, 2), case(3, 16, 2), case(5, 10, 3)]


AGREEMENT = Exercise(
    id="1.2.2",
    title="Do ear and eye agree?",
    kind="function",
    entry="agreement",
    points=3,
    difficulty=3,
    importance=5,
    minutes=8,
    reference=agreement,
    alternatives=(_agreement_by_einsum, _agreement_by_corrcoef),
    cases=_agreement_cases,
    misconceptions=(
        Misconception(
            name="not centred",
            sentence="You compared without taking the means away. A sound that is always on then agrees with a thing that is "
            "always there, although neither tells of the other.",
            answer=_not_centred,
        ),
        Misconception(
            name="not scaled",
            sentence="You centred and multiplied, but large things still win because they are large. Divide by both lengths: "
            "a correlation lies between -1 and 1.",
            answer=_not_scaled,
        ),
        Misconception(
            name="centred over the scenes",
            sentence="You took away the mean of each frame over all scenes. What counts is how each scene changes over its "
            "own frames: dimension 1.",
            answer=_centred_over_the_batch,
        ),
        Misconception(
            name="one mean for all",
            sentence="You took one mean of everything away. Each row, and each thing, has a mean of its own over time.",
            answer=_centred_as_a_whole,
        ),
        Misconception(
            name="a distance",
            sentence="You measured how far apart the numbers are. Loudness and brightness have different units, so only "
            "whether they rise and fall together can be compared.",
            answer=_distance,
        ),
    ),
    hints=(
        "What must be taken away so that only the rise and fall is left, and what must be divided by?",
        "Subtract the mean over frames (`dim=1, keepdim=True`) from both, then take the cosine over frames.",
        "F.cosine_similarity(heard.unsqueeze(2), seen, dim=1), after centring both",
    ),
)

# 1.2.3 -------------------------------------------------------------------------------------------------------------

BEST_SHARE = Exercise(
    id="1.2.3",
    title="What is the most that anyone can reach?",
    kind="number",
    entry="best_share",
    points=2,
    difficulty=3,
    importance=4,
    minutes=5,
    reference=15 / 16,
    compare=close(rtol=1e-3),
    misconceptions=(
        Misconception(
            name="perfect",
            sentence="Where both blink together, the sound fits both, and nobody can tell whose it is.",
            answer=1.0,
        ),
        Misconception(
            name="never right when they blink together",
            sentence="Who cannot tell still guesses, and between two a guess is right half of the time.",
            answer=7 / 8,
        ),
        Misconception(
            name="a guess",
            sentence="That is a guess between two. When the two blink differently, the sound says which.",
            answer=0.5,
        ),
        Misconception(
            name="one particular start",
            sentence="You took one case of 64 for blinking together. That is for one particular start; any of the eight "
            "will do, so it is one case of eight.",
            answer=1 - 1 / 64 / 2,
        ),
        Misconception(
            name="percent",
            sentence="Right, in percent. The question asks for a share between 0 and 1.",
            answer=93.75,
        ),
    ),
    hints=(
        "In which share of the scenes do the two blink together, and how often is a guess right there?",
        "7 of 8 scenes can be told; of the rest, half are guessed rightly.",
        "7 / 8 + 1 / 8 * 1 / 2",
    ),
)

# 1.2.4 -------------------------------------------------------------------------------------------------------------


def realign(sound, late, frames):
    """The sound turned back by as many samples as `late` frames take."""
    return sound.roll(-late * sound.shape[-1] // frames, dims=-1)


def _realigned_by_cat(sound, late, frames):
    by = (late * (sound.shape[-1] // frames)) % sound.shape[-1]
    return torch.cat([sound[..., by:], sound[..., :by]], dim=-1)


def _realigned_by_index(sound, late, frames):
    samples = sound.shape[-1]
    return sound[..., (torch.arange(samples) + late * samples // frames) % samples]


def _later_still(sound, late, frames):
    return sound.roll(late * sound.shape[-1] // frames, dims=-1)


def _frames_as_samples(sound, late, frames):
    return sound.roll(-late, dims=-1)


def _rolled_channels(sound, late, frames):
    return sound.roll(-late * sound.shape[-1] // frames, dims=-2)


def _filled_with_silence(sound, late, frames):
    by = late * sound.shape[-1] // frames
    turned = sound.roll(-by, dims=-1)
    if by > 0:
        turned[..., -by:] = 0
    elif by < 0:
        turned[..., :-by] = 0
    return turned


def _not_moved(sound, late, frames):
    return sound.clone()


def _reversed(sound, late, frames):
    return sound.flip(-1)


def _realign_cases(rng):
    def case(sounds, frames, samples, late):
        return Case(args=(normal(rng, sounds, 2, frames * samples), late, frames))

    return [case(2, 8, 10, int(rng.integers(1, 4))), case(3, 16, 6, -int(rng.integers(1, 7))), case(2, 10, 5, 3)]


REALIGN = Exercise(
    id="1.2.4",
    title="Put it back in time",
    kind="bug",
    entry="realign",
    points=2,
    difficulty=2,
    importance=4,
    minutes=4,
    reference=realign,
    alternatives=(_realigned_by_cat, _realigned_by_index),
    cases=_realign_cases,
    compare=exact(),
    misconceptions=(
        Misconception(
            name="later still",
            sentence="A positive roll moves a sound later, so what was late is now twice as late. Roll by a negative number.",
            answer=_later_still,
            planted=True,
        ),
        Misconception(
            name="frames taken for samples",
            sentence="You rolled by `late` samples. A frame lasts many samples: `sound.shape[-1] / frames` of them.",
            answer=_frames_as_samples,
        ),
        Misconception(
            name="the channels rolled",
            sentence="You rolled the channels, so left and right may have changed sides, and time stands still. Time is the "
            "last dimension.",
            answer=_rolled_channels,
        ),
        Misconception(
            name="filled with silence",
            sentence="You put silence where the sound was turned round. Here its end came first, and belongs at the end "
            "again: nothing was lost.",
            answer=_filled_with_silence,
        ),
        Misconception(
            name="not moved",
            sentence="Now nothing moves. The sound is `late` frames late and must go back by so many.",
            answer=_not_moved,
        ),
        Misconception(
            name="backwards",
            sentence="You play it backwards. It only has to begin earlier.",
            answer=_reversed,
        ),
    ),
    hints=(
        "Which way does `roll` with a positive number move a sound: earlier or later?",
        "A sound that is late must go back, to a smaller place in time.",
        "return sound.roll(-late * sound.shape[-1] // frames, dims=-1)",
    ),
)

# 1.2.5 -------------------------------------------------------------------------------------------------------------


def combine(beliefs):
    """The product of the beliefs, made to sum to one."""
    together = beliefs.prod(dim=0)
    return together / together.sum(dim=-1, keepdim=True)


def _combined_by_logarithms(beliefs):
    return beliefs.log().sum(0).softmax(-1)


def _combined_one_by_one(beliefs):
    together = torch.ones_like(beliefs[0])
    for one in beliefs:
        together = together * one
        together = together / together.sum(-1, keepdim=True)
    return together


def _averaged(beliefs):
    return beliefs.mean(dim=0)


def _not_normalised(beliefs):
    return beliefs.prod(dim=0)


def _normalised_over_the_batch(beliefs):
    together = beliefs.prod(dim=0)
    return together / together.sum(dim=0, keepdim=True)


def _softmax_of_the_product(beliefs):
    return beliefs.prod(dim=0).softmax(-1)


def _the_surest(beliefs):
    return beliefs.amax(dim=0) / beliefs.amax(dim=0).sum(-1, keepdim=True)


def _softmax_of_the_sum(beliefs):
    return beliefs.sum(0).softmax(-1)


def _belief_cases(rng):
    def case(senses, moments, classes):
        return Case(args=((1.5 * normal(rng, senses, moments, classes)).softmax(-1),))

    return [case(2, 4, 5), case(3, 6, 5), case(3, 3, 4)]


COMBINE = Exercise(
    id="1.2.5",
    title="Three beliefs into one",
    kind="function",
    entry="combine",
    points=2,
    difficulty=2,
    importance=5,
    minutes=6,
    reference=combine,
    alternatives=(_combined_by_logarithms, _combined_one_by_one),
    cases=_belief_cases,
    misconceptions=(
        Misconception(
            name="averaged",
            sentence="You averaged. Then a witness who knows nothing makes a sure one less sure, and two who lean the same "
            "way are no surer than one. Multiply.",
            answer=_averaged,
        ),
        Misconception(
            name="not normalised",
            sentence="Your products do not sum to one. Divide each row by its sum.",
            answer=_not_normalised,
        ),
        Misconception(
            name="normalised over the moments",
            sentence="You divided by sums over the moments. It is the classes of one moment whose shares must sum to one.",
            answer=_normalised_over_the_batch,
        ),
        Misconception(
            name="a softmax of probabilities",
            sentence="A softmax takes scores, and these are probabilities already: it flattens them almost to nothing. "
            "Divide by the sum instead.",
            answer=_softmax_of_the_product,
        ),
        Misconception(
            name="the surest wins",
            sentence="You took the largest share of each class, as if only the loudest witness counted. All of them do.",
            answer=_the_surest,
        ),
        Misconception(
            name="a softmax of the sum",
            sentence="Adding and then softmax would be right for logarithms of probabilities. These are the probabilities "
            "themselves.",
            answer=_softmax_of_the_sum,
        ),
    ),
    hints=(
        "Two witnesses who know nothing of one another: how likely is what both of them say?",
        "Multiply over the first dimension, `beliefs.prod(dim=0)`; then make each row sum to one.",
        "together = beliefs.prod(dim=0), then together / together.sum(dim=-1, keepdim=True)",
    ),
)

# 1.2.6 -------------------------------------------------------------------------------------------------------------

SARCASM = Exercise(
    id="1.2.6",
    title="A wonderful meeting",
    kind="choice",
    entry="choice",
    points=2,
    difficulty=3,
    importance=4,
    minutes=4,
    reference=("c", 2),
    options={
        "a": "Make the model larger.",
        "b": "Always trust the face.",
        "c": "Train on moments in which words and face do contradict.",
        "d": "Leave the words out.",
    },
    reasons=(
        "A sum of more numbers can tell more.",
        "What a contradiction means is nowhere in its data, and it weighs each modality as if the others did not exist.",
        "Words are wrong more often than faces.",
        "Faces cannot lie.",
    ),
    misconceptions=(
        Misconception(
            name="more of the same",
            sentence="A larger model learns the same lesson better, and the lesson was that all three always mean one thing.",
            answer=("a", 1),
            when=lambda answer: answer[0] == "a",
        ),
        Misconception(
            name="trust the face",
            sentence="People smile out of politeness, and a weak expression says little. Which one to trust depends on the "
            "others: that has to be learnt.",
            answer=("b", 4),
            when=lambda answer: answer[0] == "b",
        ),
        Misconception(
            name="without words",
            sentence="Then every honest remark is lost as well, and alone the words were the best of the three.",
            answer=("d", 3),
            when=lambda answer: answer[0] == "d",
        ),
        Misconception(
            name="the right cure for size",
            sentence="The right cure, but not for that reason: more numbers of the same agreeing moments would not teach it.",
            answer=("c", 1),
        ),
        Misconception(
            name="the right cure, words blamed",
            sentence="The right cure, but words are no more wrong than faces here. It is the contradiction itself that means "
            "something.",
            answer=("c", 3),
        ),
    ),
    hints=(
        "In which of its training moments did words and face mean different things?",
        "A model can only learn what a contradiction means from contradictions.",
        "Choose the option that changes the data, and the reason that says what they lack.",
    ),
)

EXERCISES = (LOUDNESS, AGREEMENT, BEST_SHARE, REALIGN, COMBINE, SARCASM)
