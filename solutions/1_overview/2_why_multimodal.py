# %% [markdown]
# # 1.2 Why multimodal?
#
# **What does a second modality tell that the first cannot, and what if the two do not fit together?**
#
# *The meeting was wonderful*, somebody says. You look up, see the face, hear the voice, and know better. Below is a
# model that has all three, of people, voices and sentences that it never met. Exchange any of them.

# %% tags=["setup"]
import itertools
import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from sklearn.linear_model import Ridge
from torch import Tensor

from utils.evaluation import bootstrap, grounding, report
from utils.evaluation.held_out.emotion import emotion_correct
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_intervals, show_pictures
from utils.models.blocks import count_parameters
from utils.models.emotion import SENSES, EmotionConfig, EmotionModel, clearest, draw_present, mixtures, read_moments
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.widgets import Channel, FusionMixer, Predict, Question, Quiz, ShiftPlayer
from utils.world import BACKGROUND, COLOURS, EMOTIONS, RGB, SAMPLE_RATE, SHAPES, VOCABULARY
from utils.world import render_captions, render_pictures, render_sounds, render_videos, sample_scenes, shift_sounds
from utils.world import tokenize
from utils.world.batching import batches
from utils.world.moments import WORDS, sample_moments, tokenize_remarks
from utils.world.sound import SOUND_SECONDS
from utils.world.videos import pose

# %% [markdown]
# It begins with an angry face, an angry voice, and happy words.

# %% tags=["widget"] concepts=["A1.8"]
trained, card = load_checkpoint("emotion")
some = sample_moments(300, seed=3, split="held_out")
told = read_moments(some)
rows = clearest(trained, told, some.emotion)
shares = mixtures(trained, {sense: told[sense][rows[sense]] for sense in SENSES})
faces, voices = told["face"][rows["face"]], some.voices()[rows["voice"]]
remarks = [some.remarks[row] for row in rows["words"]]
channels = [
    Channel("face", "picture", dict(zip(EMOTIONS, faces, strict=True)), start=3),
    Channel("voice", "sound", dict(zip(EMOTIONS, voices, strict=True)), SAMPLE_RATE, start=3),
    Channel("words", "text", dict(zip(EMOTIONS, remarks, strict=True)), start=1),
]
FusionMixer(channels, EMOTIONS, shares, fused="all three")

# %% [markdown]
# **You will be able to** say when a second modality helps, and measure it with intervals · tell when sound and picture
# have come apart in time, and mend it · fuse a face, a voice and words · say what a fused model does when one of them
# is missing, or contradicts.
#
# **Time** about {{minutes}} minutes · **builds on** 1.1, modalities as tensors and linear probes.
#
# ## A word that only the picture explains
#
# *A red star and a blue ring. It is small.* What is *it*? Grammar allows both: the sentence has an
# {{term ambiguity}}. Here are scenes of which just that could be said.

# %% concepts=["A1.5"]
pairs = sample_scenes(3000, seed=6, objects=(2, 2), pairs="all")
pairs = pairs[(pairs.size[:, 0] != pairs.size[:, 1]) & (pairs.colour[:, 0] != pairs.colour[:, 1])]
remarks = [
    f"a {COLOURS[c1]} {SHAPES[s1]} and a {COLOURS[c2]} {SHAPES[s2]}; it is small"
    for (s1, s2), (c1, c2) in zip(pairs.shape.tolist(), pairs.colour.tolist(), strict=True)
]
four = render_pictures(pairs[:4])
show_pictures(four, remarks[:4], columns=4, inches=1.7, wrap=26, alt="Four pictures of a large and a small thing each.")

# %% [markdown]
# A reader of the sentence alone can only take one of the two. A reader of the picture looks for both colours, and sees
# which of the two fills fewer rows.


# %% concepts=["A1.5"]
def rows_filled(pictures, colour):
    paint = torch.tensor([RGB[name] for name in COLOURS])[colour].view(-1, 3, 1, 1)
    near = (pictures - paint).abs().amax(dim=1) < 60
    return near.any(dim=2).sum(dim=1)


drawn = render_pictures(pairs)
heights = torch.stack([rows_filled(drawn, pairs.colour[:, i]) for i in (0, 1)], dim=1)
it = pairs.size.argmin(dim=1)  # "small" comes before "large"
report("the sentence alone, the first one named", (it == 0).float().mean().item(), at_most=0.60)
report("the sentence and the picture", (heights.argmin(dim=1) == it).float().mean().item(), bar=0.95)

# %% [markdown]
# Neither is enough: the sentence does not know which, and the picture does not know what was asked. That is
# {{term complementary information}}, which you met in 1.1.
#
# ## Two poor witnesses
#
# In 1.1, two modalities that say the same were no better than one. That holds where they are sure. Now a thing stands
# in the *fog*, it hums in the *wind*, and the caption again calls everything *a thing*.


# %%
def vague_captions(scenes):
    words = [text.split() for text in render_captions(scenes)]
    return [" ".join("thing" if word in SHAPES else word for word in text) for text in words]


def in_fog(scenes, seed):
    contrast = (render_pictures(scenes) - torch.tensor(BACKGROUND).view(3, 1, 1)).abs().amax(dim=1, keepdim=True)
    fog = 0.5 * torch.randn(contrast.shape, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(contrast / contrast.amax(dim=(2, 3), keepdim=True) + fog, 2)


few = sample_scenes(5, seed=12, objects=(1, 1))
foggy = (240 * (1 - in_fog(few, seed=0)).clamp(0, 1)).byte().expand(-1, 3, -1, -1)
show_pictures(foggy, vague_captions(few), columns=5, alt="Five shadows that are hard to make out behind grey specks.")

# %% [markdown]
# Each shape has its own *timbre*: how loud its overtones are, the multiples of its pitch. We measure ten
# of them, at multiples of 220 hertz, with the wind on top.


# %%
def in_wind(scenes, seed):
    sound = render_sounds(scenes).mean(dim=1)
    sound = sound + 0.15 * torch.randn(sound.shape, generator=torch.Generator().manual_seed(seed))
    spectrum = torch.fft.rfft(sound).abs()  # its bins lie 1.25 hertz apart
    return spectrum[:, 176 * torch.arange(1, 11)] / 100


print([round(number, 1) for number in in_wind(few, seed=0)[0].tolist()])

# %% [markdown]
# One linear probe for each set of modalities, as in 1.1. It must name both shape and colour, of 500 new scenes whose
# pairs of shape and colour training *never showed*.


# %% concepts=["A1.5"]
def read(scenes, seed):
    caption = F.one_hot(tokenize(vague_captions(scenes)), len(VOCABULARY)).amax(dim=1).float()
    return {"text": caption, "image": in_fog(scenes, seed).flatten(1), "audio": in_wind(scenes, seed + 1)}


def answers(scenes):
    shape, colour = scenes.shape[:, 0], scenes.colour[:, 0]
    return torch.cat([F.one_hot(shape, len(SHAPES)), F.one_hot(colour, len(COLOURS))], dim=1)


def right(probe, inputs, scenes):
    shape, colour = torch.as_tensor(probe.predict(inputs)).split([len(SHAPES), len(COLOURS)], dim=1)
    return ((shape.argmax(1) == scenes.shape[:, 0]) & (colour.argmax(1) == scenes.colour[:, 0])).float()


known = sample_scenes(3000, seed=1, objects=(1, 1))
new = sample_scenes(500, seed=4, objects=(1, 1), pairs="held_out")
seen, unseen = read(known, seed=10), read(new, seed=20)
print({name: list(values.shape) for name, values in seen.items()})

# %% [markdown]
# The picture and the sound both tell the shape, and nothing else; the caption tells the colour. First the picture
# without the sound, and the sound without the picture.


# %% concepts=["A1.5"]
def score_of(names):
    probe = Ridge(alpha=3).fit(torch.cat([seen[name] for name in names], dim=1), answers(known))
    return bootstrap(right(probe, torch.cat([unseen[name] for name in names], dim=1), new))


sets = [("text",), ("image",), ("audio",), ("text", "image"), ("text", "audio")]
scores = {" + ".join(names): score_of(names) for names in sets}
report("caption and picture", scores["text + image"].mean, at_most=0.65)
report("caption and sound", scores["text + audio"].mean, at_most=0.65)

# %% [markdown]
# Each is often mistaken. Commit to a guess.

# %% tags=["widget"]
guess = Predict("How often will a probe be right that has the caption, the picture and the sound?", low=0.0, high=1.0)
guess

# %% [markdown]
# A score from a few hundred scenes is itself a sample. So each comes with its 95 % {{term confidence interval}}: draw
# the scenes anew from themselves a thousand times, and keep the middle 95 % of the means.

# %% tags=["spoiler"] concepts=["A1.5"]
scores["text + image + audio"] = score_of(("text", "image", "audio"))
show_intervals(
    scores,
    title="Two poor witnesses of one thing make a good one",
    x="share of unseen pairs named rightly, with 95 % intervals",
    alt="Intervals for each set of modalities: near zero alone, about a half for two, and highest for all three.",
)

# %% [markdown]
# Fog and wind hide different things at different times, so what one misses the other often catches.
# {{term redundancy|Redundancy}} is worthless between the sure, and precious between the unsure: in noise, listeners
# who see the speaker's face understand far more words (Sumby and Pollack 1954).

# %% tags=["widget", "spoiler"]
guess.reveal(scores["text + image + audio"].mean)

# %% [markdown]
# "Better" is more than a larger number. Intervals that do not overlap are a sign that luck hardly explains.

# %%
best_pair = max(scores["text + image"].high, scores["text + audio"].high)
report("all three, unseen pairs", scores["text + image + audio"].mean, bar=0.70)
print("above every pair, beyond both intervals:", scores["text + image + audio"].low > best_pair)

# %% [markdown]
# And does the probe really listen? Exchange the sounds, silence them, and compare with a probe that never heard one.

# %% concepts=["A1.5"]
fused = Ridge(alpha=3).fit(torch.cat(list(seen.values()), dim=1), answers(known))
deaf = Ridge(alpha=3).fit(seen["text"], answers(known))


def score(sounds):
    return right(fused, torch.cat([unseen["text"], unseen["image"], sounds], dim=1), new)


grounding(score, unseen["audio"], baseline=right(deaf, unseen["text"], new), modality="sound", bar=0.70).show()

# %% [markdown]
# ## In time, or not at all
#
# All this presumes {{term data alignment}}: that sound, picture and words speak of the same thing, at the same moment.
# Here are two alike things that both blink. Only one hums, and falls silent when it is gone. Which?

# %%
FRAMES = 16
scenes = sample_scenes(2400, seed=5, objects=(2, 2), motions=["blinks"])
scenes = scenes[(scenes.x[:, 0] < 16) != (scenes.x[:, 1] < 16)]  # one on the left, one on the right
hums = torch.randint(2, (len(scenes),), generator=torch.Generator().manual_seed(0))
alike = {name: getattr(scenes, name)[:, :1].expand(-1, 2) for name in ("shape", "size")}
scenes = replace(scenes, **alike, sound=1 - F.one_hot(hums, 2))  # 0 is a tone, 1 is silence
videos = render_videos(scenes, FRAMES)
sounds = render_sounds(scenes, pose(scenes, FRAMES)).mean(dim=1, keepdim=True).expand(-1, 2, -1)
side = (scenes.x.gather(1, hums[:, None])[:, 0] >= 16).long()  # where it hums: 0 left, 1 right
print("videos", list(videos.shape), "sounds", list(sounds.shape))
print(f"a frame lasts {1000 * SOUND_SECONDS / FRAMES:.0f} ms, a blink {FRAMES // 2} frames")

# %% [markdown]
# Both ears hear the same, so that no side gives it away. What is left to compare is the rhythm. First the eye: how much
# shows on the left and on the right, frame by frame.

# %%
contrast = (videos - torch.tensor(BACKGROUND).view(3, 1, 1)).abs().float().mean(dim=(2, 3))
visible = contrast.unflatten(2, (2, 16)).mean(dim=3)  # scenes, frames, left and right
print("left ", [round(number) for number in visible[0, :, 0].tolist()])
print("right", [round(number) for number in visible[0, :, 1].tolist()])

# %% [markdown]
# Then the ear.
#
# {{exercise 1.2.1}}
#
# `sound` has shape `[n, samples]`. Cut each into `frames` parts of equal length, and return how loud each part is: the
# root of the mean of its squared samples, shape `[n, frames]`.


# %% answer="1.2.1"
def loudness(sound: Float[Tensor, "n samples"], frames: int) -> Float[Tensor, "n frames"]:
    ### BEGIN SOLUTION
    return sound.unflatten(-1, (frames, -1)).square().mean(dim=-1).sqrt()
    ### END SOLUTION


# %% [markdown]
# The number of samples is always a multiple of `frames`.

# %% check="1.2.1"
check("1.2.1", loudness)

# %% [markdown]
# With which side does the sound of this scene rise and fall?

# %%
loudness = working("1.2.1", loudness)
heard = loudness(sounds[:, 0], FRAMES)
print("sound", [round(100 * number) for number in heard[0].tolist()])

# %% [markdown]
# You see it at a glance; a model needs a number. For one scene and one side, by hand: take the means away, multiply
# frame by frame, and divide by how much each varies. That is the **correlation**.

# %%
for name, shown in (("left", visible[0, :, 0].tolist()), ("right", visible[0, :, 1].tolist())):
    a = [value - sum(shown) / FRAMES for value in shown]
    b = [value - heard[0].mean().item() for value in heard[0].tolist()]
    together = sum(x * y for x, y in zip(a, b, strict=True))
    varies = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    print(f"{name:<6}{together / varies:.2f}")

# %% [markdown]
# {{exercise 1.2.2}}
#
# Write it for all scenes at once. `heard` is `[n, frames]` and `seen` is `[n, frames, things]`; return the correlation
# over frames of the sound with each thing, `[n, things]`.


# %% answer="1.2.2"
def agreement(heard: Float[Tensor, "n frames"], seen: Float[Tensor, "n frames things"]) -> Float[Tensor, "n things"]:
    ### BEGIN SOLUTION
    heard = heard - heard.mean(dim=1, keepdim=True)
    seen = seen - seen.mean(dim=1, keepdim=True)
    return F.cosine_similarity(heard.unsqueeze(2), seen, dim=1)
    ### END SOLUTION


# %% [markdown]
# In the check's scenes, everything is a little loud and a little bright all the time.

# %% check="1.2.2"
check("1.2.2", agreement)

# %% [markdown]
# Not one weight was trained, and still something must set a limit. Blinks begin at one of eight moments, alike for
# both things.
#
# {{exercise 1.2.3}}
#
# Each thing's rhythm starts at one of 8 moments, all equally likely and independent of the other's. If both start
# together, nobody can tell which one hums, and can only guess. Set `best_share` to the greatest share of scenes that
# anyone can expect to name rightly.

# %% answer="1.2.3"
### BEGIN SOLUTION
best_share = 7 / 8 + 1 / 8 * 1 / 2
### STUB
# best_share = ...
### END SOLUTION

# %% [markdown]
# A fraction will do.

# %% check="1.2.3"
check("1.2.3", best_share)

# %% [markdown]
# Knowing the limit, we can tell a good score from a lucky one.

# %% concepts=["A1.6"]
agreement = working("1.2.2", agreement)


def accuracy(sounds):
    says = agreement(loudness(sounds[:, 0], FRAMES), visible).argmax(dim=1)
    return (says == side).float().mean().item()


report("sound and picture in time", accuracy(sounds), bar=0.90)

# %% [markdown]
# Now let the sound come late. Viewers notice a sound that is 45 ms early or 125 ms
# late (ITU-R BT.1359, 1998). What will our judge do?

# %% tags=["widget"]
late = Predict("The sound comes 4 frames late, half a blink. How often will it be right?", low=0.0, high=1.0)
late

# %% [markdown]
# Every shift from half a video early to half a video late:

# %% tags=["spoiler"] concepts=["A1.6"]
by_shift = {k: accuracy(shift_sounds(sounds, k, of=FRAMES)) for k in range(-8, 9)}
show_curves(
    {"sound and picture": (list(by_shift), list(by_shift.values()))},
    level=("a coin", 0.5),
    title="A few frames apart, and the second modality misleads",
    x="frames by which the sound is late",
    y="share named rightly",
    alt="Accuracy against the shift: highest at zero, falling to near zero at four frames, and rising again at eight.",
)

# %% [markdown]
# Not to chance: far *below* it. A wrong second modality is worse than none, since it is believed. And eight frames
# late, all is well again: the blinks have come round.

# %% tags=["widget", "spoiler"]
late.reveal(by_shift[4])

# %% [markdown]
# Here is the first scene. At which shifts do eye and ear agree on the wrong one?

# %% tags=["widget"] concepts=["A1.6"]
one = 0
sides = ("left one", "right one")
ShiftPlayer(
    videos[one],
    sounds[one],
    visible[one].T,
    sides,
    side[one].item(),
    rate=FRAMES / SOUND_SECONDS,
    sample_rate=SAMPLE_RATE,
    scores=by_shift,
)

# %% [markdown]
# A constant delay, such as that of a cable, can be found without a single label: try all shifts, and keep the one at
# which sound and picture agree best over many scenes.

# %%
delayed = shift_sounds(sounds, 3, of=FRAMES)
agrees = {}
for k in range(-4, 4):
    moved = shift_sounds(delayed, -k, of=FRAMES)
    agrees[k] = agreement(loudness(moved[:, 0], FRAMES), visible).amax(dim=1).mean().item()
found = max(agrees, key=agrees.get)
print("the delay must be", found, "frames")

# %% [markdown]
# Then it can be undone.
#
# {{exercise 1.2.4}}
#
# This function should bring a sound `[..., samples]` that is `late` frames late back in time. It runs, and makes
# matters worse. Find the bug and mend it.


# %% answer="1.2.4"
def realign(sound: Float[Tensor, "*batch samples"], late: int, frames: int) -> Float[Tensor, "*batch samples"]:
    ### BEGIN SOLUTION
    return sound.roll(-late * sound.shape[-1] // frames, dims=-1)
    ### STUB
    # return sound.roll(late * sound.shape[-1] // frames, dims=-1)
    ### END SOLUTION


# %% [markdown]
# Some of the check's sounds are early: `late` is negative then.

# %% check="1.2.4"
check("1.2.4", realign)

# %% [markdown]
# The same sounds, the same judge, before and after:

# %% concepts=["A1.6"]
realign = working("1.2.4", realign)
report("three frames late", accuracy(delayed), at_most=0.45)
report("brought back in time", accuracy(realign(delayed, found, FRAMES)), bar=0.90)

# %% [markdown]
# Alignment in *content* is the other half: the right voice for the right face. You tore pairs apart in 1.1, and will do
# so again below.
#
# ## What does she feel?
#
# People tell each other what they feel by face, voice and words at once. For {{term human-computer interaction}} to be
# as natural, a computer must read all three. Some moments from the course's world:

# %%
few = sample_moments(6, seed=1)
show_pictures(
    read_moments(few)["face"],
    [f"{EMOTIONS[emotion]}: {remark}" for emotion, remark in zip(few.emotion, few.remarks, strict=True)],
    inches=1.5,
    wrap=22,
    alt="Six drawn faces, most with a weak expression, under their emotion and a remark that often says nothing of it.",
)

# %% [markdown]
# Each tells only part: expressions are weak, voices are espeak-ng's with an emotion by rule, and many a remark could be
# anyone's. The model has an encoder for each, all of the same width, and one head.

# %% concepts=["A1.8"]
training = sample_moments(3000, seed=1)
read_in = read_moments(training, perturbed=0)
model = EmotionModel(EmotionConfig(words=len(WORDS)))
print(f"{count_parameters(model):,} parameters")
vectors = model.encode({sense: values[:4] for sense, values in read_in.items()})
print({sense: list(values.shape[1:]) for sense, values in read_in.items()}, "->", list(vectors.shape))

# %% [markdown]
# A picture, a spectrogram and a row of word numbers have become three vectors of one kind: a
# {{term unified representation}}. Now they can simply be *added*, and that is all the {{term data fusion|fusion}} there
# is. While training, each sample loses some of its three at random, so that the model learns to do with any
# (Neverova et al. 2016).


# %% concepts=["A1.8"]
def emotion_loss(model, *batch):
    *values, emotion = batch
    inputs = dict(zip(model.config.senses, values, strict=True))
    there = draw_present(len(emotion), share=0.6, senses=len(inputs))
    return F.cross_entropy(model(inputs, there), emotion)


def train(senses, steps):
    torch.manual_seed(0)
    model = EmotionModel(EmotionConfig(words=len(WORDS), senses=senses))
    paired = batches(*(read_in[sense] for sense in senses), training.emotion, batch_size=128, seed=0, steps=steps)
    fit(model, paired, emotion_loss, steps=steps, learning_rate=4e-3, weight_decay=0.5)
    return model.eval()


together = train(SENSES, steps=250)
print("trained on", len(training), "moments")

# %% [markdown]
# To be fair to each modality, it also gets a specialist: a model of its own that reads nothing else.

# %%
specialists = {sense: train((sense,), steps=150) for sense in SENSES}
print("trained:", ", ".join(specialists))

# %% [markdown]
# The test: people, voices and sentences that were never met. Five feelings, so a guess is right in one of five. The
# specialists come first, then the fused model with two of the three, then with all.

# %% concepts=["A1.8", "A1.5"]
test = sample_moments(1000, seed=2, split="held_out")
heldout = read_moments(test)
correct = {s: emotion_correct(m, heldout, test.emotion, (s,)) for s, m in specialists.items()}
for number in (2, 3):
    for senses in itertools.combinations(SENSES, number):
        correct[" and ".join(senses)] = emotion_correct(together, heldout, test.emotion, senses)
intervals = {name: bootstrap(values) for name, values in correct.items()}
show_intervals(
    intervals,
    level=("chance", 1 / len(EMOTIONS)),
    title="Every modality that joins makes it surer",
    x="share of emotions named rightly, with 95 % intervals",
    alt="Intervals rise from the three specialists through the pairs to all three together.",
)

# %% [markdown]
# Is fused better than the best single one, beyond what chance explains?

# %% concepts=["A1.8"]
every = intervals["face and voice and words"]
best = max((intervals[sense] for sense in SENSES), key=lambda interval: interval.mean)
report("all three", every.mean, bar=0.80)
report("the best alone", best.mean, at_most=0.75)
print("intervals apart:", every.low > best.high)

# %% [markdown]
# ## Fuse early, fuse late
#
# We fused *features*, inside one model. One can also let three finished specialists vote: {{term late fusion}}. How
# should their beliefs be combined?
#
# {{exercise 1.2.5}}
#
# `beliefs` `[senses, n, classes]` holds a probability for each class from each witness. If witnesses err independently
# of each other, and no class is likelier beforehand, what they believe together is the *product*, made to sum to one
# again. Return it, `[n, classes]`.


# %% answer="1.2.5"
def combine(beliefs: Float[Tensor, "senses n classes"]) -> Float[Tensor, "n classes"]:
    ### BEGIN SOLUTION
    together = beliefs.prod(dim=0)
    return together / together.sum(dim=-1, keepdim=True)
    ### END SOLUTION


# %% [markdown]
# Two or three witnesses, and four or five classes.

# %% check="1.2.5"
check("1.2.5", combine)

# %% [markdown]
# A witness who knows nothing gives each class the same, which changes no product. In an average it would water down the
# others.

# %% concepts=["A1.6"]
combine = working("1.2.5", combine)
with torch.no_grad():
    beliefs = torch.stack([specialists[s]({s: heldout[s]}).softmax(1) for s in SENSES])
for name, joint in (("average of beliefs", beliefs.mean(0)), ("product of beliefs", combine(beliefs))):
    report(name, (joint.argmax(1) == test.emotion).float().mean().item(), bar=0.75)
report("fused features", every.mean, bar=0.80)

# %% [markdown]
# Here, where the three share nothing but the emotion, voting does about as well. Fused features win where modalities
# must be read *against* each other, as sound and rhythm above; 2.4 is about that.
#
# ## Does it use them?
#
# Exchange the faces between moments, or give all the same mean face. Only the true ones may score.


# %% concepts=["A1.8"]
def score(faces):
    return emotion_correct(together, {**heldout, "face": faces}, test.emotion)


grounding(score, heldout["face"], baseline=correct["words"], modality="face", bar=0.82).show()

# %% [markdown]
# ## One space
#
# All vectors are added and read by one head, so a sad face and sad words have to point the same way, though nobody ever
# compared the two. Take the mean vector of the *remarks* of each emotion, and let each face, and each voice, choose the
# nearest.

# %% concepts=["A1.6"]
with torch.no_grad():
    space = {sense: together.encode({sense: heldout[sense]})[:, 0] for sense in SENSES}
space = {sense: F.normalize(values - values.mean(0), dim=1) for sense, values in space.items()}
said = torch.stack([space["words"][test.emotion == i].mean(0) for i in range(len(EMOTIONS))])
for sense, bar in (("face", 0.40), ("voice", 0.30)):
    nearest = (space[sense] @ said.T).argmax(dim=1)
    report(f"the {sense} is nearest to its emotion's words", (nearest == test.emotion).float().mean().item(), bar=bar)
print(f"chance {1 / len(EMOTIONS):.2f}")

# %% [markdown]
# Well above chance, and far from perfect: here, nothing but the shared head brings them together. 2.5 trains one space
# for everything on purpose.
#
# ## When one is missing
#
# A natural place for such a model is a headset: Apple's Vision Pro is controlled by *eyes, hands and voice* (Apple,
# June 2023). But a headset hides the upper face, brows and all; to read it, Li et al. (2015) put sensors into
# the foam. We cover our faces likewise.

# %% concepts=["A1.8"]
headset = heldout["face"].clone()
headset[:, :, 6:17, 3:29] = 30
show_pictures(headset[:5], ["with a headset"] * 5, columns=5, alt="Five faces whose upper half a dark bar hides.")
covered = {**heldout, "face": headset}
worn = {
    "face": (heldout, ("face",)),
    "face with headset": (covered, ("face",)),
    "headset, voice and words": (covered, SENSES),
    "voice and words, no face": (heldout, ("voice", "words")),
}
results = {}
for name, (values, senses) in worn.items():
    results[name] = bootstrap(emotion_correct(together, values, test.emotion, senses))
show_intervals(
    results,
    title="Half a face is still worth having, and the others fill in",
    x="share of emotions named rightly, with 95 % intervals",
    alt="Intervals: the face drops when it is covered, and voice and words hold the score up.",
)

# %% [markdown]
# A {{term missing modality}} is not zero, not black and not silent: it is *not added*. Only with none at all is there
# nothing to say, and the model says so.

# %%
try:
    together({})
except ValueError as error:
    print(error)

# %% [markdown]
# ## When one contradicts
#
# Back to the wonderful meeting. In the first widget, the clearest of all angry faces and voices won against such words.
# Now take *all* angry test moments, most of them less clear. What does the model make of it, on average?

# %% concepts=["A1.8"]
angry = test.emotion == EMOTIONS.index("angry")
sarcastic = {sense: values[angry] for sense, values in heldout.items()}
sarcastic["words"] = tokenize_remarks(["the meeting was wonderful"]).expand(int(angry.sum()), -1)
with torch.no_grad():
    believes = together(sarcastic).softmax(1).mean(0)
show_bars(
    dict(zip(EMOTIONS, believes.tolist(), strict=True)),
    title="It weighs the words against the rest",
    x="mean belief",
    alt="Bars of the mean belief in each emotion: happy and angry share most of it between them.",
)

# %% [markdown]
# A person would not be torn, but hear *sarcasm*: the contradiction itself is the message. Castro et al. (2019) found
# that several modalities cut the errors in detecting it by up to 12.9 %, relative to one alone.
#
# {{exercise 1.2.6}}
#
# Our model should learn to tell that such a speaker is angry. What should be changed, and why?

# %%
options("1.2.6")

# %% [markdown]
# An answer is a letter and a number, such as `choice = ("a", 1)`.

# %% answer="1.2.6"
### BEGIN SOLUTION
choice = ("c", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Go back to the first widget before you answer, if you like.

# %% check="1.2.6"
check("1.2.6", choice)

# %% [markdown]
# Until then, it can at least *notice*. Where the specialists fit together, the products of their beliefs add up to
# much; where they contradict, to little.

# %% concepts=["A1.6"]
with torch.no_grad():
    torn = torch.stack([specialists[s]({s: sarcastic[s]}).softmax(1) for s in SENSES])
fit_honest, fit_torn = beliefs.prod(0).sum(1), torn.prod(0).sum(1)
worse = (fit_torn < fit_honest.median()).float().mean().item()
report("sarcastic moments that fit worse than most honest ones", worse, bar=0.70)

# %% [markdown]
# ## What you measured
#
# - A second modality helps where the first leaves something open, or is unsure; how much is a number with an interval.
# - It helps only in time: a few frames apart it misleads, and a constant delay can be found and undone.
# - Face, voice and words fused beat the best of them, also for people never met, and still work when one is missing.
# - What a contradiction means is not in a sum. It would have to be learnt.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Two modalities tell the same, each with errors of its own. What does the second one bring?",
             ["Nothing", "Fewer errors, as they err at different times", "Twice the errors"], 1,
             ["So it is only where both are sure.", "Yes: redundancy pays in noise.", "Not if they are weighed."]),
    Question("A sound that blinks with a period of 8 frames comes 4 frames late. What does the judge say?",
             ["The right thing", "Either, like a coin", "The wrong thing, nearly always"], 2,
             ["That would take a shift of 8.", "A coin would need no agreement.", "Yes: loud where nothing shows."]),
    Question("Two scores are 0.70 and 0.85. What says that the second is better by more than luck?",
             ["It is larger", "Their intervals do not overlap", "Both are above chance"], 1,
             ["Luck could do that.", "Yes, then luck hardly explains it.", "That says nothing of the two."]),
    Question("A modality is missing. What should be added to the sum of vectors in its place?",
             ["Nothing", "The vector of a black picture", "The mean of the others"], 0,
             ["Yes: and training must have shown it such samples.", "A black picture is a picture, and says something.",
              "Then the others count twice."]),
    Question("From 1.1: why did the record add nothing to the caption?",
             ["It was shorter", "It lacked the same thing", "It was not aligned"], 1,
             ["Length is no matter.", "Yes: neither knew the shape, and neither was unsure.", "It was."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** words alone go a long way. How far, exactly, before a model needs eyes?
