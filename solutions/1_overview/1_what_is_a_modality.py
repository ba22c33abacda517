# %% [markdown]
# # 1.1 What is a modality?
#
# **What does a computer hold when it holds a picture, a sentence or a record of the same scene?**
#
# You see a picture and read a sentence. A computer gets neither: it gets numbers. Below is one scene in every modality
# of this course. Open the tabs, listen, play, turn, and look for what they share.

# %% tags=["setup"]
import io
import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from PIL import Image
from scipy.io import wavfile
from sklearn.linear_model import Ridge
from torch import Tensor

from utils.evaluation import grounding, report
from utils.exercises import check, options, working
from utils.figures import show_bars, show_pictures
from utils.style import MODALITY_COLOURS
from utils.widgets import ModalityViewer, Predict, Question, Quiz, UploadPicture, scene_panels
from utils.world import BACKGROUND, COLOURS, FARTHEST, FEATURES, MOTIONS, NEAREST, PHOTOGRAPHS, RENDERINGS, SAMPLE_RATE
from utils.world import SHAPES, SIZES, VOCABULARY, Scene, Scenes, UnknownWordError, describe, detokenize, encode_records
from utils.world import fit, from_table, load_picture, load_points, load_recording, load_video, photograph
from utils.world import render_captions, render_pictures, sample_scenes, to_table, tokenize

# %% [markdown]
# Two things on a pale ground: above as people take them in, below as a computer holds them. The arrow keys walk
# through the numbers.

# %% tags=["widget"] concepts=["A1.1"]
scenes = sample_scenes(1, seed=8, objects=(2, 2), depths=(NEAREST, FARTHEST), motions=MOTIONS[1:])
ModalityViewer(scene_panels(scenes))

# %% [markdown]
# **You will be able to** turn a sentence, a photograph and a record into tensors, and back · say what each number means
# · tell what each modality leaves out · measure whether a second one helps.
#
# **Time** about {{minutes}} minutes · **builds on** 0.1, bytes and floats.
#
# ## Everything is a tensor
#
# A **modality** is a way in which something is recorded or told. To a computer, each is a tensor. What differs is its
# shape, its kind of number and, above all, what one number *means*.

# %% concepts=["A1.1"]
for name, modality in RENDERINGS.items():
    numbers = modality.render(scenes)[0]
    print(f"{name:<16}{list(numbers.shape)!s:<16}{numbers.dtype}")
    print(f"{'':<16}{modality.unit}")

# %% [markdown]
# So many ways, but only a few kinds. Each kind keeps its own colour through the whole course.

# %%
for kind, colour in MODALITY_COLOURS.items():
    names = [name for name, modality in RENDERINGS.items() if kind in (modality.kind, name)]
    print(f"{kind:<11}{colour}  {', '.join(names)}")

# %% [markdown]
# This lesson takes three of them apart, which stand for the rest: text, image and structured data.
#
# ## Text: numbers that name
#
# A model knows a list of words, its **vocabulary**, and a word is its place in that list. Here is a sentence, word by
# word.

# %%
caption = describe(scenes[0])
for word in caption.split():
    print(f"{VOCABULARY.index(word):>3}  {word}")

# %% [markdown]
# These numbers name, and do nothing else: word 5 is not more than word 4, and half of it means nothing.
#
# {{exercise 1.1.1}}
#
# Write the sentence as a tensor of `length` whole numbers: `<start>`, the words, `<end>`, then `<pad>` to fill up. All
# of these are in `vocabulary`, and the words of `caption` are separated by spaces.


# %% answer="1.1.1"
def encode_caption(caption: str, vocabulary: tuple[str, ...], length: int) -> Int[Tensor, " length"]:
    ### BEGIN SOLUTION
    words = ["<start>", *caption.split(), "<end>"]
    words += ["<pad>"] * (length - len(words))
    return torch.tensor([vocabulary.index(word) for word in words])
    ### END SOLUTION


# %% [markdown]
# The check brings captions and vocabularies of its own, in another order.

# %% check="1.1.1"
check("1.1.1", encode_caption)

# %% [markdown]
# With padding, sentences of any length stack into one tensor. And the way back loses nothing.

# %%
encode_caption = working("1.1.1", encode_caption)
ids = encode_caption(caption, VOCABULARY, 16)
print(ids.tolist())
print(detokenize(ids))

# %% [markdown]
# Yet a vocabulary is also a fence. What is not in it cannot be said at all.

# %%
try:
    tokenize("a crimson circle")
except UnknownWordError as error:
    print(error)

# %% [markdown]
# ## Pictures: numbers that measure
#
# Now a real photograph. Each of its numbers says how bright one colour of light is at one spot.

# %%
cat = photograph("chelsea")
print(list(cat.shape), cat.dtype)
show_pictures(
    cat[None],
    [PHOTOGRAPHS["chelsea"].credit],
    columns=1,
    inches=4,
    wrap=40,
    alt="Chelsea, a ginger cat with green eyes, from close by.",
)

# %% [markdown]
# Three **channels**: red, green and blue light, each a picture in itself. Where is the cat brightest? Compare its fur,
# in red and in blue.

# %%
show_pictures(
    cat[:, None].expand(-1, 3, -1, -1),
    ["red light", "green light", "blue light"],
    columns=3,
    inches=2.6,
    alt="The cat three times in grey: its fur is bright in red light, darker in green and darkest in blue.",
)

# %% [markdown]
# These numbers measure: more is brighter, a little more is a little brighter, and neighbours are alike.

# %%
print(cat[0, 150:154, 220:226])

# %% [markdown]
# Files and screens keep the three numbers of a pixel together: height, width, channel. Models want the channels first,
# and floats.
#
# {{exercise 1.1.2}}
#
# Turn `pixels`, bytes of shape `[height, width, 3]`, into floats from 0 to 1 of shape `[3, height, width]`.


# %% answer="1.1.2"
def to_tensor(pixels: UInt8[Tensor, "height width 3"]) -> Float[Tensor, "3 height width"]:
    ### BEGIN SOLUTION
    return pixels.permute(2, 0, 1).float() / 255
    ### END SOLUTION


# %% [markdown]
# Some of the check's pictures are dark, and not all are square.

# %% check="1.1.2"
check("1.1.2", to_tensor)

# %% [markdown]
# There is a famous wrong way. `reshape` gives the same shape, raises no error, and does this to a cat:

# %%
to_tensor = working("1.1.2", to_tensor)
pixels = cat.permute(1, 2, 0).contiguous()
both = torch.stack([to_tensor(pixels), pixels.reshape(3, *pixels.shape[:2]) / 255])
show_pictures(
    (both * 255).byte(),
    ["axes moved", "reshape"],
    columns=2,
    inches=3.4,
    alt="The cat, and beside it a mosaic of coloured specks in which no cat can be found.",
)

# %% [markdown]
# A model that trains on the right-hand picture learns, after a fashion. That is what makes this mistake expensive.
#
# ## What fitting a picture in costs
#
# Every picture in this course has one small size, so a photograph is cropped to a square and resized. Blow it up again,
# and you see what stayed.

# %%
small = fit(cat)
square = fit(cat, min(cat.shape[1:]))
again = F.interpolate(small[None].float(), size=square.shape[1:], mode="bicubic").clamp(0, 255).byte()[0]
show_pictures(
    torch.stack([square, again]),
    ["cropped", f"through {small.shape[1]} × {small.shape[2]} pixels"],
    columns=2,
    inches=2.8,
    wrap=30,
    alt="The cat's face cropped to a square, and the same blurred: eyes and nose remain, whiskers and fur are gone.",
)

# %% [markdown]
# How much is that in numbers?

# %%
lost = (again.float() - square.float()).var() / square.float().var()
report("share of the variation that is left", 1 - lost.item(), bar=0.75)
print(f"kept by cropping: {square.numel() / cat.numel():.1%} of the numbers")
print(f"kept by resizing: {small.numel() / square.numel():.1%} of those")

# %% [markdown]
# So few numbers carry most of the variation, since neighbours are alike. What went are whiskers: fine, few, and perhaps
# the very thing that somebody will ask about.
#
# Now you: a picture of your own. It stays on this machine.


# %% tags=["widget"] concepts=["A1.1"]
def see(file):
    mine = load_picture(file)
    height, width = mine.shape[1:]
    seen = fit(mine)
    return seen, f"{height} × {width} pixels, {mine.numel():,} numbers; a model here sees {seen.numel():,}"


UploadPicture(see)

# %% [markdown]
# Files are not always what they claim to be: a recording may be silent, a video a single picture, a point cloud torn.
# A reader had better refuse, and say why, than let a model learn from nothing.


# %%
def as_bytes(write, data):
    file = io.BytesIO()
    write(file, data)
    return file.getvalue()


silent = as_bytes(lambda file, samples: wavfile.write(file, SAMPLE_RATE, samples), np.zeros(8000, dtype=np.int16))
single = as_bytes(lambda file, picture: picture.save(file, "GIF"), Image.new("RGB", (32, 32)))
torn = as_bytes(np.save, np.array([[0.5, 0.5, np.nan], [0.1, 0.2, 0.3]]))
load_cloud = partial(load_points, suffix=".npy")
for load, data in ((load_recording, silent), (load_video, single), (load_cloud, torn)):
    try:
        load(data)
    except ValueError as error:
        print(f"{error}\n")

# %% [markdown]
# {{exercise 1.1.3}}
#
# A phone takes a picture of 4,000 × 3,000 pixels, in colour. A model reads it as a float32 tensor, unreduced. Set
# `photo_bytes` to the bytes that it takes.

# %% answer="1.1.3"
### BEGIN SOLUTION
photo_bytes = 4000 * 3000 * 3 * 4
### STUB
# photo_bytes = ...
### END SOLUTION

# %% [markdown]
# You may let Python multiply.

# %% check="1.1.3"
check("1.1.3", photo_bytes)

# %% [markdown]
# ## Records: numbers that mark
#
# The third way to tell a scene is a table: a row for each thing, a column for each attribute. Databases, forms and
# sensors speak like this.

# %%
to_table(scenes[0])

# %% [markdown]
# Coordinates can stay numbers. But what is the number of *ring*? Were it 4, and that of *square* 1, a model would take
# a ring for four squares. So each word gets a place of its own: 1 if it holds, else 0. That is **one-hot**.
#
# {{exercise 1.1.4}}
#
# `columns` maps the name of each column to its words; `row` maps it to the word that holds. Return ones and zeros
# (floats) for the words of all columns, one column after the other, in the order of `columns`.


# %% answer="1.1.4"
def encode_row(row: dict[str, str], columns: dict[str, tuple[str, ...]]) -> Float[Tensor, " words"]:
    ### BEGIN SOLUTION
    numbers = []
    for name, words in columns.items():
        numbers += [1.0 if word == row[name] else 0.0 for word in words]
    return torch.tensor(numbers)
    ### END SOLUTION


# %% [markdown]
# The check's records name their columns in any order, as records do.

# %% check="1.1.4"
check("1.1.4", encode_row)

# %% [markdown]
# Your numbers are those of the course's own records, less the coordinates. The ones stand at the words that hold:

# %%
encode_row = working("1.1.4", encode_row)
row = to_table(scenes[0]).iloc[0].to_dict()
mine = encode_row(row, {"shape": SHAPES, "colour": COLOURS, "size": SIZES})
print([FEATURES[i] for i in mine.nonzero().flatten().tolist()])
print("same as the course's:", torch.equal(mine, encode_records(scenes)[0, 0, : len(mine)]))

# %% [markdown]
# ## What each of them weighs
#
# How many numbers is that, and how many bytes does one of them take?

# %% concepts=["A1.1"]
for name, modality in RENDERINGS.items():
    count, size = modality.numbers(scenes), modality.bytes(scenes)
    print(f"{name:<16}{count:>7,} numbers of {size // count} bytes each")

# %% [markdown]
# Side by side, for one and the same scene:

# %% concepts=["A1.1"]
show_bars(
    {name: modality.bytes(scenes) for name, modality in RENDERINGS.items()},
    title="The sentence, spoken, weighs far more than all the rest",
    x="bytes for one scene",
    format=",.0f",
    colours={name: modality.colour for name, modality in RENDERINGS.items()},
    alt="Bars of the bytes that one scene takes in each modality: the spoken caption takes most, the video less, the "
    "sentence hardly any.",
)

# %% [markdown]
# The same words, written, are a bar too short to see. Heavier does not mean wiser. In 0.1 you nudged a thing, and only
# the sentence did not notice. Now we take something from each of them.
#
# ## One knows what the other does not
#
# Something stands on the ground. The **caption** was written by someone in a hurry, who calls everything *a thing*.


# %% concepts=["A1.5"]
def vague_captions(scenes):
    words = [text.split() for text in render_captions(scenes)]
    return [" ".join("thing" if word in SHAPES else word for word in text) for text in words]


some = sample_scenes(6, seed=12, objects=(1, 1))
print(*vague_captions(some), sep="\n")

# %% [markdown]
# The picture is from a camera at night, to which everything is equally dark: a **shadow**, without colour.


# %%
def shadows(scenes):
    ground = torch.tensor(BACKGROUND).view(3, 1, 1)
    contrast = (render_pictures(scenes) - ground).abs().amax(dim=1)
    return contrast / contrast.amax(dim=(1, 2), keepdim=True)  # 0 for the ground, 1 for the thing


grey = (240 * (1 - shadows(some))).byte()[:, None].expand(-1, 3, -1, -1)
show_pictures(
    grey,
    vague_captions(some),
    alt="Six dark shadows on a pale ground, under captions that name colour, size and place but no shape.",
)

# %% [markdown]
# The fourth of them: what *is* it? Take all the things that could stand there, and keep those which fit what we know.

# %% concepts=["A1.5"]
mystery = some[3:4]
(thing,) = mystery[0].things
all_things = [replace(thing, shape=shape, colour=colour) for shape in SHAPES for colour in COLOURS]
could_be = Scenes.of(Scene((thing,)) for thing in all_things)
fits_caption = torch.tensor([text == vague_captions(mystery)[0] for text in vague_captions(could_be)])
fits_shadow = (shadows(could_be) - shadows(mystery)).abs().amax(dim=(1, 2)) < 0.1
for name, fits in {"caption": fits_caption, "shadow": fits_shadow, "both": fits_caption & fits_shadow}.items():
    print(f"{name:<8} {int(fits.sum())} of {len(fits)}")

# %% [markdown]
# Either alone leaves it open. Together they leave one: the only picture that stands in both rows.

# %%
for name, fits in {"the caption": fits_caption, "the shadow": fits_shadow}.items():
    show_pictures(
        render_pictures(could_be[fits]),
        [f"fits {name}"] * int(fits.sum()),
        columns=len(COLOURS),
        inches=1.05,
        alt=f"All things that fit {name} of the fourth scene, and one of them is what stands there.",
    )

# %% [markdown]
# A third source is at hand: the shop's **record**, which lists colour, size and place, and has no column for shape.
#
# {{exercise 1.1.5}}
#
# You have the caption. To say what the thing is, shape and colour, you may consult one more source: the record or the
# shadow. Which helps, and why?

# %%
options("1.1.5")

# %% [markdown]
# Choose before you scroll: the next section measures it.

# %% answer="1.1.5"
### BEGIN SOLUTION
choice = ("b", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# A right letter for a wrong reason is told as such.

# %% check="1.1.5"
check("1.1.5", choice)

# %% [markdown]
# ## Measure it
#
# A model has to learn this from examples. Ours is the simplest there is, a **linear probe**: for each possible answer
# it adds up its inputs, each with a weight, and the answer with the largest sum wins. It reads the numbers of one
# modality, or of several in a row.


# %% concepts=["A1.5"]
def records_without_shape(scenes):
    records = encode_records(scenes)
    records[..., : len(SHAPES)] = 0
    return records


evidence = {
    "text": lambda scenes: F.one_hot(tokenize(vague_captions(scenes)), len(VOCABULARY)).amax(dim=1),
    "image": shadows,
    "structured": records_without_shape,
}


def read(scenes, names):
    return torch.cat([evidence[name](scenes).flatten(1).float() for name in names], dim=1)


# %% [markdown]
# It has to say both, shape and colour. What it reads may leave it no way of knowing; then it can only guess.


# %%
def answers(scenes):
    shape, colour = scenes.shape[:, 0], scenes.colour[:, 0]
    return torch.cat([F.one_hot(shape, len(SHAPES)), F.one_hot(colour, len(COLOURS))], dim=1)


def right(probe, inputs, scenes):
    shape, colour = torch.as_tensor(probe.predict(inputs)).split([len(SHAPES), len(COLOURS)], dim=1)
    return ((shape.argmax(1) == scenes.shape[:, 0]) & (colour.argmax(1) == scenes.colour[:, 0])).float()


training, test = sample_scenes(2500, seed=1, objects=(1, 1)), sample_scenes(500, seed=3, objects=(1, 1))
print(f"guessing a shape: 1 in {len(SHAPES)}; guessing a colour: 1 in {len(COLOURS)}")

# %% [markdown]
# Whoever has only the caption must guess the shape; whoever has only the shadow, the colour. Now commit to a guess.

# %% tags=["widget"]
guess = Predict("How often will a probe that reads caption and shadow together be right?", low=0.0, high=1.0)
guess

# %% [markdown]
# Train one probe for each set of modalities, and test it on new scenes.

# %% tags=["widget", "spoiler"]
sets = [names for size in range(1, len(evidence) + 1) for names in itertools.combinations(evidence, size)]
probes = {names: Ridge().fit(read(training, names), answers(training)) for names in sets}
scores = {names: right(probes[names], read(test, names), test).mean().item() for names in sets}
guess.reveal(scores["text", "image"])

# %% [markdown]
# Far more than the sum of the two. And it is not a matter of having more sources. In the figure the caption is *text*,
# the shadow *image*, the record *structured*.

# %% concepts=["A1.5"]
report("caption and shadow", scores["text", "image"], bar=0.90)
report("caption and record", scores["text", "structured"], at_most=0.40)
show_bars(
    {" + ".join(names): score for names, score in scores.items()},
    title="Fusing helps where two modalities know different things",
    x="share of things named rightly",
    alt="Bars for each set of modalities: low alone and for text + structured, high where the image joins.",
)

# %% [markdown]
# Caption and record say the same thing twice: they are **redundant**. Caption and shadow are **complementary**. This is
# why multimodal models are worth their trouble.
#
# ## An empty field
#
# Records have a weakness of their own: fields that nobody filled in. A table without the column is refused.

# %%
try:
    from_table(to_table(scenes[0]).drop(columns="colour"))
except ValueError as error:
    print(error)

# %% [markdown]
# But a single empty field is easily encoded as all zeros, and a probe takes that as it takes everything, without a
# word.

# %%
full = encode_records(test).flatten(1)
gaps = full.clone()
gaps[:, len(SHAPES) : len(SHAPES) + len(COLOURS)] = 0  # nobody wrote down the colour
reader = Ridge().fit(encode_records(training).flatten(1), answers(training))
named = torch.as_tensor(reader.predict(gaps))[:, len(SHAPES) :].argmax(dim=1)
report("records complete", right(reader, full, test).mean().item(), bar=0.95)
report("colour left empty", right(reader, gaps, test).mean().item(), at_most=0.30)
print(f"{(named >= 0).sum()} of {len(gaps)} things get a colour all the same")

# %% [markdown]
# It makes colours up, from what goes with a shape by chance, and sounds as sure as ever. A model has to be *shown* gaps
# while it trains, or be given a mark that says *unknown*. In 1.2 you will train one that knows how to do without.
#
# ## Does it look?
#
# A good score is not enough. Give it someone else's shadow, or none, and put a probe beside it that never saw one. We
# ask about pairs of shape and colour that training *never showed*, such as a red circle.

# %% concepts=["A1.5"]
unseen = sample_scenes(500, seed=2, objects=(1, 1), pairs="held_out")
captions = read(unseen, ["text"])


def score(shown):
    return right(probes["text", "image"], torch.cat([captions, shown.flatten(1)], dim=1), unseen)


blind = right(probes["text",], captions, unseen)
no_shadow = torch.zeros(32, 32)
grounding(score, shadows(unseen), blank=no_shadow, baseline=blind, modality="shadow", bar=0.90).show()

# %% [markdown]
# Look at the last of the four. The blind probe does not guess: it has learnt that red things are never circles, and
# says so. A prejudice, made of what the data never showed, and the shadow overrules it.
#
# ## Pairs must stay pairs
#
# All this hangs on one thing: that the caption and the shadow in a row belong to the same scene.
#
# {{exercise 1.1.6}}
#
# Training data are shuffled. This function runs, its shapes are right, and it ruins them. Find the bug and mend it: the
# rows must come in the random order that `generator` draws first, and still in pairs.


# %% answer="1.1.6"
def shuffle_pairs(first: Tensor, second: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ### BEGIN SOLUTION
    order = torch.randperm(len(first), generator=generator)
    return first[order], second[order]
    ### STUB
    # first = first[torch.randperm(len(first), generator=generator)]
    # second = second[torch.randperm(len(second), generator=generator)]
    # return first, second
    ### END SOLUTION


# %% [markdown]
# The check compares row by row.

# %% check="1.1.6"
check("1.1.6", shuffle_pairs)

# %% [markdown]
# What does such a bug cost? Train the same probe twice: on pairs, and with each shadow beside the next one's caption.

# %% concepts=["A1.5"]
shuffle_pairs = working("1.1.6", shuffle_pairs)


def score_after_training(shadow_rows, caption_rows):
    told = training[caption_rows]
    inputs = torch.cat([read(told, ["text"]), read(training[shadow_rows], ["image"])], dim=1)
    return right(Ridge().fit(inputs, answers(told)), read(test, ["text", "image"]), test).mean().item()


rows = torch.arange(len(training))
for name, pairs, limit in (
    ("in pairs", shuffle_pairs(rows, rows, seed=0), {"bar": 0.90}),
    ("torn apart", (rows, rows.roll(1)), {"at_most": 0.40}),
):
    report(f"trained {name}", score_after_training(*pairs), **limit)

# %% [markdown]
# The same numbers, the same model, the same scenes: only their alignment is gone, and with it all that the second
# modality was worth. Real pairs, from the web say, are always a little torn; later lessons work on that.
#
# ## What you measured
#
# - A sentence, a photograph and a record are tensors; their numbers name, measure and mark.
# - A picture weighs most, and can be the one that does not know.
# - Two modalities that fail at different things do together what neither can; two that say the same do not.
# - It only works while pairs are pairs.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What does one number of a tokenised sentence say?",
             ["How important a word is", "Which word it is", "How long a word is"], 1,
             ["It only names.", "Yes: its place in the vocabulary.", "Length plays no part."]),
    Question("A picture of shape [height, width, 3] goes through reshape(3, height, width). What comes out?",
             ["The same picture, channels first", "An error", "Another picture, of the right shape"], 2,
             ["Only permute moves the axes.", "The shape fits, so nothing complains.", "Yes: numbers out of place."]),
    Question("Why not number the shapes of a record from 0 to 5?",
             ["A model would take one for more than another", "It takes more room", "Tensors hold floats only"], 0,
             ["Yes; one-hot makes all equally different.", "It takes less.", "They hold whole numbers just as well."]),
    Question("Two modalities are both poor alone. What decides whether they are good together?",
             ["How many numbers they have", "Whether they fail at different things", "Whether they agree"], 1,
             ["An empty picture has as many.", "Yes: each supplies what the other lacks.", "Then one is enough."]),
    Question("From 0.1: all bytes of a picture get 60 added. What becomes of its palest parts?",
             ["They turn white", "They turn nearly black", "They stay as they were"], 1,
             ["Only if bytes stopped at 255.", "Yes: past 255 they begin again at 0.", "Nothing protects them."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** [1.2 Why multimodal?](2_why_multimodal.ipynb) What if the two are noisy, late, or at odds with each
# other?
