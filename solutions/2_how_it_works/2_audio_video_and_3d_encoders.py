# %% [markdown]
# # 2.2 Audio, video and 3D encoders
#
# **What must an encoder keep of sound, of motion and of things in space?**
#
# A sound and a video happen in time; a thing in space does not. So an encoder must keep the order of the first two, and
# must not care for any order in the third. By the end you will have measured all three, and built their parts.

# %% tags=["setup"]
import io
import math

import matplotlib
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from scipy.io import wavfile
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from utils.evaluation import grounding, report
from utils.evaluation.held_out.point_shapes import coordinates_out_of_order, points_out_of_order
from utils.evaluation.held_out.video_actions import frames_out_of_order, seen_backwards
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.models.audio import MelConfig, log_mel, mel_filters, mel_power
from utils.models.blocks import count_parameters
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.video_actions import action_scenes, one_frame_repeated
from utils.widgets import FrameScrubber, PointCloud, Predict, Question, Quiz, SpectrogramLab
from utils.widgets import UploadPicture, UploadRecording
from utils.world import MOTIONS, SAMPLE_RATE, SHAPES, load_recording, load_video, render_points, render_videos
from utils.world import sample_scenes, spoken_words
from utils.world.batching import batches
from utils.world.speech import perturb

# %% [markdown]
# Three trained encoders, each asked about things it has never met: words in new voices, actions and shapes in new
# colours. Then the same with the parts of each input in another order: the columns of the sound, the frames of the
# video, the points of the cloud.

# %% concepts=["A2.4", "A2.5", "A2.6"]
listener, watcher, surveyor = (load_checkpoint(name)[0] for name in ("spoken_words", "video_actions", "point_shapes"))
heard = spoken_words("held_out", listener.config.classes)
scenes = action_scenes(500, seed=7, pairs="held_out")
videos, actions = render_videos(scenes, seed=7), scenes.motion[:, 0]
things = sample_scenes(500, seed=7, objects=(1, 1), pairs="held_out")
clouds, shapes = render_points(things, 128, seed=7, colour=True), things.shape[:, 0]


@torch.no_grad()
def right(model, inputs, labels):
    return (model(inputs).argmax(1) == labels).float()


columns_of_sound = log_mel(heard.waveforms, listener.config.mel)
mixed_up = columns_of_sound[:, :, torch.randperm(40, generator=torch.Generator().manual_seed(0))]
answer = {
    "audio": right(listener, heard.waveforms, heard.labels),
    "audio, columns mixed up": right(listener.classifier, mixed_up, heard.labels),
    "video": right(watcher, videos, actions),
    "video, frames mixed up": right(watcher, frames_out_of_order(videos), actions),
    "3d": right(surveyor, clouds, shapes),
    "3d, points mixed up": right(surveyor, points_out_of_order(clouds), shapes),
}
show_bars(
    {name: values.mean().item() for name, values in answer.items()},
    title="Order is everything in time, and nothing in space",
    x="share named rightly",
    alt="Bars: sound and video are named rightly until their parts are mixed up, and a point cloud always is.",
)

# %% [markdown]
# **You will be able to** take a sound apart into frequencies by hand · turn it into what a speech model reads · say why
# one frame does not tell an action · build an encoder that reads points in any order · show what each of them uses.
#
# **Time** about {{minutes}} minutes · **builds on** 2.1, attention and patches.
#
# ## Sound is a row of numbers
#
# Someone says *star*. A microphone measures how far the air is pressed, 8,000 times a second: that is the
# {{term sampling rate}}, and the row of numbers is the {{term waveform}}.

# %%
star = heard.waveforms[heard.labels == heard.words.index("star")][0]
print(list(star.shape), "samples,", len(star) / SAMPLE_RATE, "seconds")
seconds = torch.arange(len(star)) / SAMPLE_RATE
show_curves(
    {"pressure": (seconds.tolist(), star.tolist())},
    title="The word “star”: a hiss, a gap, a vowel",
    x="seconds",
    y="pressure",
    alt="A waveform: quiet and ragged at first, a gap, then a louder regular swinging that fades.",
)

# %% [markdown]
# One number says nothing. What makes an *s* an *s* is how fast the air swings. So we ask: how much of each frequency is
# in there?
#
# Take a pure tone of 1,000 swings a second (hertz, Hz), 64 samples long. Multiply it with a wave of the frequency that
# you ask for, and add up. Where the two swing together, the sum grows; elsewhere it cancels.

# %%
n = 64
tone = [math.sin(2 * math.pi * 1000 * t / SAMPLE_RATE) for t in range(n)]
for k in (6, 7, 8, 9):
    cosine = sum(tone[t] * math.cos(2 * math.pi * k * t / n) for t in range(n))
    sine = sum(tone[t] * math.sin(2 * math.pi * k * t / n) for t in range(n))
    print(f"{k} swings in {n} samples, {k * SAMPLE_RATE / n:>5.0f} Hz: power {cosine**2 + sine**2:.1f}")

# %% [markdown]
# It finds the 1,000 Hz and nothing else. A sine *and* a cosine are asked, since nobody knows at which point of its
# swing the tone begins. This is the discrete Fourier transform.
#
# {{exercise 2.2.1}}
#
# Write it for all frequencies at once. `samples` has shape `[n]`; return the power, shape `[n // 2 + 1]`, for k = 0, 1,
# ..., n // 2 swings.


# %% answer="2.2.1"
def power_spectrum(samples: Float[Tensor, " n"]) -> Float[Tensor, " frequencies"]:
    ### BEGIN SOLUTION
    n = len(samples)
    angles = 2 * math.pi * torch.arange(n // 2 + 1)[:, None] * torch.arange(n) / n
    return (angles.cos() @ samples) ** 2 + (angles.sin() @ samples) ** 2
    ### END SOLUTION


# %% [markdown]
# Noise of several lengths will be tried.

# %% check="2.2.1"
check("2.2.1", power_spectrum)

# %% [markdown]
# The fast Fourier transform (Cooley and Tukey 1965) gives the same numbers, with far fewer multiplications. Now compare
# the *s* of our word with its vowel.

# %%
power_spectrum = working("2.2.1", power_spectrum)
moments = {"the hiss": star[160:416], "the vowel": star[1600:1856]}
same = [torch.allclose(power_spectrum(m), torch.fft.rfft(m).abs() ** 2, atol=1e-3) for m in moments.values()]
print("same as torch.fft:", same)
hertz = (torch.arange(129) * SAMPLE_RATE / 256).tolist()
show_curves(
    {name: (hertz, power_spectrum(moment).clamp(min=1e-6).log10().tolist()) for name, moment in moments.items()},
    title="Speech sounds differ in where their power lies",
    x="frequency (Hz)",
    y="power (powers of ten)",
    alt="Two spectra: the vowel has its power at low frequencies, in peaks; the hiss has it at high ones.",
)

# %% [markdown]
# ## A picture of sound
#
# A word changes all the time, so we cut it into short overlapping windows and take the spectrum of each: the
# {{term short-time Fourier transform}}. Column by column, the spectra make a picture, the {{term spectrogram}}.
#
# How long should a window be? Try it on two tones and on two clicks. The word can be played.

# %% tags=["widget"] concepts=["A2.4"]
time = torch.arange(4000) / SAMPLE_RATE
two_tones = sum(0.4 * torch.sin(2 * math.pi * hertz * time) for hertz in (1000, 1060))
two_clicks = torch.zeros(4000)
two_clicks[[1600, 1720]] = 1.0
SpectrogramLab({"the word star": star, "two tones": two_tones, "two clicks": two_clicks}, SAMPLE_RATE)

# %% [markdown]
# There is no window that does both: what is sharp in frequency is blurred in time. Speech models settle in between:
# Whisper takes windows of 25 ms, one every 10 ms (Radford et al. 2023, section 2.2).
#
# {{exercise 2.2.2}}
#
# A sound of 6,400 samples, windows of 256 samples, a new one every 160, each wholly inside the sound. Set `columns` to
# the number of windows.

# %% answer="2.2.2"
### BEGIN SOLUTION
columns = 1 + (6400 - 256) // 160
### STUB
# columns = ...
### END SOLUTION

# %% [markdown]
# You may let Python divide.

# %% check="2.2.2"
check("2.2.2", columns)

# %% [markdown]
# The course's models let the first and the last window stick out by half and pad the sound for it, so that a column
# stands for every 160 samples: 40 of them.
#
# ## As ears hear it
#
# Two changes make the picture fit for a model. First, **mel**: up to 1,000 Hz we tell tones apart evenly, above that
# only by their ratio. So frequencies are gathered in bands, narrow below and wide above. Here are four of forty.

# %%
mel = MelConfig(hop=160)
filters = mel_filters(mel).float()
show_curves(
    {f"band {band}": (hertz, filters[band].tolist()) for band in (8, 16, 24, 32)},
    title="Bands of mel: narrow below, wide above",
    x="frequency (Hz)",
    y="weight",
    alt="Four triangles over frequency: the two low ones narrow and tall, the high ones wide and flat.",
)

# %% [markdown]
# Second, the **logarithm**: a shout has many thousand times the power of a whisper, and the same words.
#
# {{exercise 2.2.3}}
#
# Given `power` `[frequencies, columns]` and `filters` `[bands, frequencies]`, return the {{term log-mel spectrogram}}
# `[bands, columns]`: power gathered in bands, at least 1e-10, as powers of ten; and nothing lower than 8 below the
# loudest cell of the whole clip.


# %% answer="2.2.3"
def log_mel_energies(
    power: Float[Tensor, "frequencies columns"], filters: Float[Tensor, "bands frequencies"]
) -> Float[Tensor, "bands columns"]:
    ### BEGIN SOLUTION
    loudness = (filters @ power).clamp(min=1e-10).log10()
    return torch.maximum(loudness, loudness.max() - 8)
    ### END SOLUTION


# %% [markdown]
# The check's clips have silent cells and quiet moments.

# %% check="2.2.3"
check("2.2.3", log_mel_energies)

# %% [markdown]
# The course's `log_mel` is that, shifted and scaled as Whisper does it: plus 4, divided by 4.

# %%
log_mel_energies = working("2.2.3", log_mel_energies)
window = torch.hann_window(mel.window)  # fades in and out, so that the cuts are not heard
spectrum = torch.stft(star, mel.window, mel.hop, window=window, return_complex=True)[:, :-1]
mine = (log_mel_energies(spectrum.abs() ** 2, filters) + 4) / 4
print(list(mine.shape), "same as the course's:", torch.allclose(mine, log_mel(star, mel), atol=1e-4))

# %% [markdown]
# What is it worth? Give each form to the simplest model, a linear probe, trained on 24 voices; then let it name 59
# words in 12 voices it never heard. Before you look:

# %% tags=["widget"]
guess = Predict("From which form does a linear probe know most words?", options=["waveform", "mel", "log-mel"])
guess

# %% [markdown]
# The three forms hold the same sound, and the same probe reads them.

# %%
known = spoken_words("seen", heard.words)
readings = {
    "waveform": lambda waveforms: waveforms,
    "mel": lambda waveforms: mel_power(waveforms, mel).flatten(1),
    "log-mel": lambda waveforms: log_mel(waveforms, mel).flatten(1),
}
probes = {
    name: Ridge(alpha=100 * read(known.waveforms).var().item()).fit(
        read(known.waveforms), F.one_hot(known.labels).float()
    )
    for name, read in readings.items()
}


def probe_right(name, waveforms):
    guesses = torch.as_tensor(probes[name].predict(readings[name](waveforms)))
    return (guesses.argmax(1) == heard.labels).float().mean().item()


report("waveform", probe_right("waveform", heard.waveforms), at_most=0.45)
report("mel", probe_right("mel", heard.waveforms), at_most=0.65)
report("log-mel", probe_right("log-mel", heard.waveforms), bar=0.80)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal("log-mel")

# %% [markdown]
# Half of hearing is choosing what to look at. But our clips are tidy: every word begins at once. People do not speak
# so. Now each is said up to 15 % faster or slower, a little later, with some noise.

# %% concepts=["A2.4"]
disturbed = perturb(heard.waveforms, seed=5)
report("log-mel, disturbed", probe_right("log-mel", disturbed), at_most=0.50)

# %% [markdown]
# The probe knows *where* in the picture a sound must be. An encoder should know the sound wherever it is.
#
# ## The audio encoder
#
# Our {{term audio encoder}} is Whisper's, made small: two convolutions over time, then a Transformer over the columns.
# Follow one word through it.

# %% concepts=["A2.4"]
encoder = listener.classifier.encoder
with torch.no_grad():
    x = log_mel(star[None], mel)
    print("log-mel           ", list(x.shape))
    x = F.gelu(encoder.conv_1(x))
    print("first convolution ", list(x.shape))
    x = F.gelu(encoder.conv_2(x))
    print("second, stride 2  ", list(x.shape))
    x = encoder(log_mel(star[None], mel))
    print("after attention   ", list(x.shape))
    print("mean over time    ", list(x.mean(1).shape))
print(f"{count_parameters(listener):,} parameters")

# %% [markdown]
# Twenty moments become one vector: that is {{term pooling}}. A mean lets silence speak as loudly as the vowel. Better
# models let each moment have a score, and a softmax of the scores says how much it counts.
#
# {{exercise 2.2.4}}
#
# This pools `features` `[clips, times, width]` by `scores` `[clips, times]`, and gives the right shape. Yet a word gets
# another vector when other words are in its batch. Find the bug and mend it.


# %% answer="2.2.4"
def pool(features: Float[Tensor, "clips times width"], scores: Float[Tensor, "clips times"]) -> Tensor:
    ### BEGIN SOLUTION
    weights = scores.softmax(dim=1)
    ### STUB
    # weights = scores.softmax(dim=0)
    ### END SOLUTION
    return (weights.unsqueeze(2) * features).sum(dim=1)


# %% [markdown]
# Batches of several sizes will tell.

# %% check="2.2.4"
check("2.2.4", pool)

# %% [markdown]
# The model was trained on 24 voices, every clip disturbed anew each time. Does it know words from voices it never
# heard, tidy and disturbed?

# %% concepts=["A2.4"]
report("words, new voices", right(listener, heard.waveforms, heard.labels).mean().item(), bar=0.90)
report("words, new voices, disturbed", right(listener, disturbed, heard.labels).mean().item(), bar=0.85)

# %% [markdown]
# And does it listen? It gets the true sound, another clip's, and silence; the baseline, deaf, says the same word every
# time.


# %% concepts=["A2.4"]
def hears(waveforms):
    return right(listener, waveforms, heard.labels)


deaf = (heard.labels == 0).float()
silence = torch.zeros(heard.waveforms.shape[1])
grounding(hears, heard.waveforms, blank=silence, baseline=deaf, modality="sound", bar=0.90).show()
report("played backwards", hears(heard.waveforms.flip(1)).mean().item(), at_most=0.30)

# %% [markdown]
# ## Your own voice
#
# All its voices are espeak-ng's, a program that speaks by rule. Yours is new in every way. Say one of its words, such
# as *seven*, *circle* or *stop*.


# %%
def name_word(data):
    waveform = load_recording(data)
    first = (waveform.abs() > 0.03 * waveform.abs().max()).nonzero()[0].item()
    word = waveform[max(0, first - 300) :][:6400]
    word = F.pad(word, (0, 6400 - len(word)))
    with torch.no_grad():
        shares, places = listener(word[None]).softmax(1)[0].topk(3)
    return word, [(heard.words[i], share) for i, share in zip(places.tolist(), shares.tolist(), strict=True)]


def show_word(data):
    word, guesses = name_word(data)
    colours = matplotlib.colormaps["cividis"](((log_mel(word, mel) + 1) / 2.5).clamp(0, 1).flip(0).numpy())
    picture = (255 * torch.from_numpy(colours[..., :3])).byte().permute(2, 0, 1)
    return picture, "I hear: " + ", ".join(f"{name} ({share:.2f})" for name, share in guesses)


# %% [markdown]
# It may well be wrong about you. What would you change in its training? The picture is your word as the model sees it.

# %% tags=["widget"] concepts=["A2.4"]
UploadRecording(show_word)

# %% [markdown]
# Stereo, another sampling rate: both are put right on the way in. What cannot be put right is refused, with a reason.


# %%
def wav(samples, rate=SAMPLE_RATE):
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples.numpy())
    return buffer.getvalue()


stereo = torch.stack([star, star], dim=1).repeat_interleave(2, dim=0)
print("stereo, 16,000 Hz:", name_word(wav(stereo, 16_000))[1][0][0])
for bad in (wav(torch.zeros(8000)), wav(torch.rand(8000 * 40)), b"Dear Sir or Madam"):
    try:
        load_recording(bad)
    except ValueError as error:
        print("refused:", error)

# %% [markdown]
# ## Video: what no frame tells
#
# Now motion. Eight frames each of two videos. Cover all frames but one: which video is it from?

# %%
pair = [int((actions == MOTIONS.index(name)).nonzero()[0]) for name in ("moves left", "moves right")]
show_pictures(
    videos[pair].flatten(0, 1),
    [f"{MOTIONS[actions[i]]}, {frame}" for i in pair for frame in range(8)],
    columns=8,
    inches=1.0,
    wrap=12,
    alt="Two rows of eight frames: in one a thing moves to the left, in the other to the right.",
)

# %% [markdown]
# Our world draws afresh where each thing begins, so that places give nothing away. There are ten actions to tell apart:
# {{term action recognition}}.

# %% tags=["widget"]
guess = Predict("Of ten actions, what share does the best model know that sees only one frame?", low=0.0, high=1.0)
guess

# %% [markdown]
# A {{term video encoder}} cuts a video as a ViT cuts a picture, only through time too. A {{term tubelet}} is a patch
# that is a few frames deep (Arnab et al. 2021), so that its first layer already sees change.
#
# {{exercise 2.2.5}}
#
# Cut `video` `[frames, channels, height, width]` into tubelets `depth` frames deep and `size` pixels high and wide.
# Return `[times, patches, numbers]`: patches in reading order, and within a tubelet first the frame, then channel, row,
# column. `rearrange` is welcome.


# %% answer="2.2.5"
def tubelets(video: Float[Tensor, "frames channels height width"], depth: int, size: int) -> Tensor:
    ### BEGIN SOLUTION
    return rearrange(video, "(t f) c (r p) (k q) -> t (r k) (f c p q)", f=depth, p=size, q=size)
    ### END SOLUTION


# %% [markdown]
# The check's videos are not all square.

# %% check="2.2.5"
check("2.2.5", tubelets)

# %% [markdown]
# Our video of 8 frames, in tubelets of 2 frames and 8 × 8 pixels, becomes 4 times 16 of them. One linear layer makes a
# token of each.

# %% concepts=["A2.5"]
tubelets = working("2.2.5", tubelets)
cut = tubelets(videos[0].float() / 127.5 - 1, depth=2, size=8)
with torch.no_grad():
    tokens = watcher.encoder.patch_embedding.project(cut)
print("tubelets", list(cut.shape), "tokens", list(tokens.shape))

# %% [markdown]
# Should every token look at every other? {{term divided space-time attention|Divided attention}} (Bertasius et al.
# 2021) does it in two steps: first along time, at its own place; then across space, at its own time. All that changes
# is which axis counts as the batch.

# %% concepts=["A2.5"]
block = watcher.encoder.blocks[0]
with torch.no_grad():
    along_time = block.time(rearrange(tokens, "times places width -> places times width"))
    across_space = block.space(tokens)
print("along time  ", list(along_time.shape), "- 16 batches in which 4 look at one another")
print("across space", list(across_space.shape), "- 4 batches in which 16 look at one another")

# %% [markdown]
# {{exercise 2.2.6}}
#
# Count looks: one token at one token, itself included. All at all would be 64 × 64. How many looks do the two steps
# take together, for all 64 tokens? Set `looks`.

# %% answer="2.2.6"
### BEGIN SOLUTION
looks = 16 * 4 * (4 + 16)
### STUB
# looks = ...
### END SOLUTION

# %% [markdown]
# For a film of an hour, it is this difference that decides.

# %% check="2.2.6"
check("2.2.6", looks)

# %% [markdown]
# Two models of this kind were trained alike. One saw whole videos; the other saw one frame of each, drawn at random.
# Here is what the second knows, frame by frame.

# %% concepts=["A2.5"]
glimpser = load_checkpoint("frame_actions")[0]
by_frame = [right(glimpser, one_frame_repeated(videos, frame), actions).mean().item() for frame in range(8)]
report("one frame, the best of eight", max(by_frame), at_most=0.50)
report("all frames", right(watcher, videos, actions).mean().item(), bar=0.95)

# %% [markdown]
# The best single frame, and your guess:

# %% tags=["widget", "spoiler"]
guess.reveal(max(by_frame))

# %% [markdown]
# Is it time that the video model uses? Play the videos in a random order, hold one frame still, and play them
# backwards. What moved left should then move right, in its eyes.

# %% concepts=["A2.5"]
report("frames in random order", right(watcher, frames_out_of_order(videos), actions).mean().item(), at_most=0.70)
report("one frame repeated", right(watcher, one_frame_repeated(videos, 3), actions).mean().item(), at_most=0.50)
report("backwards, the opposite named", right(watcher, videos.flip(1), seen_backwards(actions)).mean().item(), bar=0.90)

# %% [markdown]
# Now the course's usual question: another's video, an empty one, and a baseline that always says the same.


# %% concepts=["A2.5"]
def sees(shown):
    return right(watcher, shown, actions)


blind = (actions == 0).float()
empty = torch.full_like(videos[0], 240)
grounding(sees, videos, blank=empty, baseline=blind, modality="video", bar=0.95).show()

# %% [markdown]
# Look at single cases. Which frames give their action away, and which order of frames fools the model?


# %% tags=["widget"] concepts=["A2.5"]
@torch.no_grad()
def alone(frames):
    return glimpser(torch.as_tensor(frames)[:, None].expand(-1, 8, -1, -1, -1)).softmax(1)


@torch.no_grad()
def together(shown):
    return watcher(torch.as_tensor(shown)).softmax(1)


chosen = {f"video {i + 1}": int((actions == i).nonzero()[3]) for i in (1, 5, 7, 9)}
FrameScrubber(
    {name: (videos[i].numpy(), MOTIONS[actions[i]]) for name, i in chosen.items()},
    MOTIONS,
    alone=alone,
    together=together,
    orders={"as filmed": range(8), "backwards": range(7, -1, -1), "mixed up": [3, 6, 0, 5, 2, 7, 1, 4]},
)

# %% [markdown]
# {{exercise 2.2.7}}
#
# Take a model that gets all eight frames, but in no order: a bag of photographs. Which of these can it still tell, and
# why? Choose as in `choice = ("a", 1)`.

# %%
options("2.2.7")

# %% [markdown]
# The cell after the check measures it.

# %% answer="2.2.7"
### BEGIN SOLUTION
choice = ("b", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.2.7"
check("2.2.7", choice)

# %% [markdown]
# We make such a model from the one that sees a single frame: it judges each frame by itself, and for each action its
# surest frame counts. Order plays no part.

# %% concepts=["A2.5"]
with torch.no_grad():
    each = torch.stack([glimpser(one_frame_repeated(videos, frame)).softmax(1) for frame in range(8)])
bag = (each.amax(0).argmax(1) == actions).float()
moves = (actions >= MOTIONS.index("moves left")) & (actions <= MOTIONS.index("moves down"))
report("a bag of frames: it blinks", bag[actions == MOTIONS.index("blinks")].mean().item(), bar=0.90)
report("a bag of frames: it moves left, right, up, down", bag[moves].mean().item(), at_most=0.60)


# %% [markdown]
# A video of yours, as an animated GIF? The model looks for one thing on a pale ground, so do not expect too much.


# %% tags=["widget"]
def watch(data):
    video = load_video(data)
    share, place = together(video[None])[0].max(0)
    return video[4], f"It seems that something {MOTIONS[place]} ({share:.2f}). Above, one of the 8 frames it saw."


UploadPicture(watch, title="Your own video", caption="Choose an animated GIF: eight of its frames go to the model.")

# %% [markdown]
# ## Things in space
#
# A scanner walks around a thing and notes points on its surface: x, y, z. That is a {{term point cloud}}. It is a table
# whose rows have no order: shuffle them, and it is the same thing.

# %% concepts=["A2.6"]
cloud = clouds[0, :, :3]
print(f"a {SHAPES[shapes[0]]}:", list(cloud.shape))
for row in cloud[:3].tolist():
    print([round(number, 2) for number in row])

# %% [markdown]
# So a {{term point-cloud encoder}} must give the same for all orders: {{term permutation invariance}}. PointNet (Qi et
# al. 2017) does it in the plainest way. The same small network looks at each point alone; then, of each of its outputs,
# the greatest over all points is kept.
#
# {{exercise 2.2.8}}
#
# Complete it. `points` has shape `[clouds, points, features]`: through `expand`, ReLU and `contract`, then the greatest
# of each number over the points. Return `[clouds, width]`.


# %% answer="2.2.8"
class SetEncoder(nn.Module):
    def __init__(self, features, hidden, width):
        super().__init__()
        self.expand = nn.Linear(features, hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, points: Float[Tensor, "clouds points features"]) -> Float[Tensor, "clouds width"]:
        ### BEGIN SOLUTION
        return self.contract(F.relu(self.expand(points))).amax(dim=1)
        ### END SOLUTION


# %% [markdown]
# The check puts weights of its own into your module.

# %% check="2.2.8"
check("2.2.8", SetEncoder)

# %% [markdown]
# Now train it, in seconds, on 2,000 clouds, each moved to the middle and scaled to one size.

# %% concepts=["A2.6"]
SetEncoder = working("2.2.8", SetEncoder)


def centred_clouds(scenes, seed):
    points = render_points(scenes, 128, seed=seed)
    points = points - points.mean(1, keepdim=True)
    return points / points.norm(dim=2).amax(1)[:, None, None]


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = SetEncoder(3, 64, 128)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, len(SHAPES)))

    def forward(self, points):
        return self.head(self.encoder(points))


# %% [markdown]
# The loop is that of every lesson.

# %% concepts=["A2.6"]
torch.manual_seed(0)
pointnet, school = PointNet(), sample_scenes(2000, seed=1, objects=(1, 1))
lessons = batches(centred_clouds(school, 1), school.shape[:, 0], batch_size=64, seed=0, steps=400)
fit(pointnet, lessons, lambda model, points, labels: F.cross_entropy(model(points), labels), steps=400)
centred = centred_clouds(things, 7)
report("shapes, in colours never seen on them", right(pointnet, centred, shapes).mean().item(), bar=0.95)
report("points in another order", right(pointnet, points_out_of_order(centred), shapes).mean().item(), bar=0.95)

# %% [markdown]
# ## The points that matter
#
# For each of the 128 outputs, one point is the greatest. All the others could be thrown away, and the vector would be
# the same: the few that win are the **critical points** (Qi et al. 2017, section 4.3).


# %% concepts=["A2.6"]
@torch.no_grad()
def critical(points):
    encoder = pointnet.encoder
    winners = encoder.contract(F.relu(encoder.expand(points))).argmax(0)
    return torch.zeros(len(points), dtype=torch.bool).index_fill(0, winners, True)


with torch.no_grad():
    whole, few = (pointnet.encoder(p[None]) for p in (centred[0], centred[0][critical(centred[0])]))
print("from the critical points alone, the same vector:", torch.allclose(whole, few, atol=1e-5))
share = torch.stack([critical(points) for points in centred[:100]]).float().mean().item()
report("share of points that are critical", share, at_most=0.70)

# %% [markdown]
# They are a skeleton: corners and rims. Turn the clouds, and hide the rest.

# %% tags=["widget"] concepts=["A2.6"]
examples = {name: centred[int((shapes == i).nonzero()[0])] for i, name in enumerate(SHAPES)}
PointCloud({name: (points.numpy(), critical(points).numpy()) for name, points in examples.items()})

# %% [markdown]
# Our PointNet needs the thing in the middle. The encoder that ships with the course follows PointNet++ (Qi et al.
# 2017): it picks 16 centres, reads the points around each with one such network, then all groups with another. It takes
# coloured clouds wherever they stand.


# %% concepts=["A2.6"]
def names_shapes(shown):
    return right(surveyor, shown, shapes)


one_shape = (shapes == shapes.mode().values).float()
nothing = clouds.mean((0, 1)).expand(128, 6)
grounding(names_shapes, clouds, blank=nothing, baseline=one_shape, modality="cloud", bar=0.95).show()
report("points in another order", names_shapes(points_out_of_order(clouds)).mean().item(), bar=0.95)
torn = coordinates_out_of_order(clouds)
report("x, y and z each in an order of its own", names_shapes(torn).mean().item(), at_most=0.50)

# %% [markdown]
# Shuffle the rows and nothing changes; shuffle within the columns, so that the numbers stay and the points are torn
# apart, and the shape is gone. What no scanner should send is refused.

# %%
broken = clouds[:1].clone()
broken[0, 5, 2] = float("nan")
for bad in (broken, clouds[:1, :0]):
    try:
        surveyor(bad)
    except ValueError as error:
        print("refused:", error)

# %% [markdown]
# Where do the four models come from? Their cards say it, with what each reached on held-out data; `course train` makes
# them again.

# %%
for name in ("spoken_words", "video_actions", "frame_actions", "point_shapes"):
    card = load_checkpoint(name)[1]
    figure = next(iter(card.figures.values()))
    print(f"{name}: {card.parameters:,} parameters, {card.steps:,} steps")
    report(f"  {next(iter(card.figures))}", figure.value, **{"at_most" if figure.at_most else "bar": figure.bar})

# %% [markdown]
# ## What you measured
#
# - A word is a picture of power by band and time; the form of the input did half of the work, and the encoder made it
#   hold for late, fast and noisy speech.
# - An action lies between the frames: one frame knows few, all frames in order know nearly all, and backwards is the
#   opposite.
# - A cloud is a set: order means nothing, position everything, and a few critical points carry it.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("A longer window in a spectrogram: what gets sharper?",
             ["Time", "Frequency", "Both"], 1,
             ["That gets more blurred.", "Yes, and time is paid for it.", "One is paid for by the other."]),
    Question("Why take the logarithm of the power?",
             ["Loud and soft speech hold the same words", "It saves memory", "Frequencies are logarithmic"], 0,
             ["Yes: ratios count, not differences.", "It takes the same.", "That is what mel is for."]),
    Question("A video is played backwards. What should a good model say of something that bounces?",
             ["It bounces", "It falls", "Nothing"], 0,
             ["Yes: a bounce is the same both ways.", "It does, and rises again.", "It is a video like any other."]),
    Question("Why does PointNet take the greatest over the points, and not a layer over all of them?",
             ["It is more exact", "The greatest does not depend on the order", "It has more parameters"], 1,
             ["Not in itself.", "Yes; and any number of points will do.", "It has none at all."]),
    Question("From 1.1: what do the numbers of a waveform do, as those of a picture do?",
             ["They name", "They measure", "They mark"], 1,
             ["Tokens do that.", "Yes: more is more, and neighbours are alike.", "One-hot records do that."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** [2.3 Contrastive alignment](3_contrastive_alignment.ipynb) Each encoder here was told its answers. Can
# two of them teach each other, from nothing but pairs?
