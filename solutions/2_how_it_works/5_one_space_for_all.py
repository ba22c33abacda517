# %% [markdown]
# # 2.5 One space for all
#
# **Can a sound find its sentence if the two were never trained together?**
#
# Pictures and sentences share a space since 2.3. Sounds, videos and point clouds want to live there too, but nobody has
# a sentence for every sound. Perhaps nobody needs one. Below, each bar is a pair of modalities: how often one finds the
# other among 64 scenes it never saw. Four pairs were trained; six never met.

# %% tags=["setup"]
import copy
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.evaluation import class_embeddings, grounding, hits_at_k, report
from utils.evaluation.held_out.bind_scenes import embed, sound_alike
from utils.evaluation.held_out.clip_scenes import attribute_prompts
from utils.exercises import check, options, working
from utils.figures import principal_plane, show_bars, show_pictures
from utils.models.audio import AudioEncoder
from utils.models.bind import BindConfig, Tower, hear
from utils.models.blocks import count_parameters
from utils.models.clip import CLIP
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.objectives import info_nce
from utils.widgets import JointMap, WeightedSum, Predict, Question, Quiz
from utils.world import COLOURS, Scene, Scenes, render_captions, render_pictures, render_sounds, sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.candidates import retrieval_scenes

# %% [markdown]
# Stripes have the colours of the two modalities. One of the six hardly works, and you will see why.

# %% concepts=["A2.9"]
model, card = load_checkpoint("bind_scenes")
test = retrieval_scenes(64, pairs="one_held_out", seed=3)
space = embed(model, test, seed=3)


def found(one, other):
    matrix = one @ other.T
    return torch.cat([hits_at_k(matrix), hits_at_k(matrix.T)]).float().mean().item()


trained = [("image", name) for name in ("text", "audio", "video", "3d")]
emergent = [("text", "audio"), ("text", "video"), ("text", "3d"), ("audio", "video"), ("audio", "3d"), ("video", "3d")]
show_bars(
    {" + ".join(pair): found(space[pair[0]], space[pair[1]]) for pair in trained + emergent},
    title="The upper four pairs were trained; the lower six never met",
    x="share found among 64, both ways (chance: one in 64)",
    alt="Bars of recall for ten pairs: those never trained together are long too, save for sound with video.",
)

# %% [markdown]
# **You will be able to** bind a new modality to a space that exists · measure what was never trained · show by a
# control that the anchor does it · find the {{term modality gap}} and close it · calculate with a sound and a word.
#
# **Time** about {{minutes}} minutes · **builds on** 2.2, encoders of sound, video and space, and 2.3, CLIP.
#
# ## What a sound tells
#
# In this world everything hums. Its shape makes the timbre, its size the pitch, and one hears on which side it stands.

# %% concepts=["A2.9"]
some = retrieval_scenes(6, pairs="one_held_out", seed=3)
show_pictures(
    render_pictures(some),
    render_captions(some),
    alt="Six pictures of two coloured shapes above their captions.",
)

# %% [markdown]
# Nobody hears a colour, or which of two things stands higher. So even a perfect ear confuses some of the 64 scenes, and
# there is a ceiling. If k scenes sound alike, a guess among them is right once in k.

# %%
alike = sound_alike(test).sum(dim=1)
print(f"scenes with a sound of their own: {(alike == 1).sum()} of 64")
print(f"what a perfect ear would find: {(1 / alike).mean():.2f}")

# %% [markdown]
# ## How many collections?
#
# To train each pair of modalities, someone must collect that pair: sounds with sentences, sentences with point
# clouds, and so on. **ImageBind** (Girdhar et al. 2023) collected far less: pictures with each of the others. Pictures
# are the **anchor**.
#
# {{exercise 2.5.1}}
#
# ImageBind has six modalities: images, text, audio, depth, thermal and motion. Each but the images is trained with
# images only. Set `never_collected` to the number of pairs of modalities for which no data is needed.

# %% answer="2.5.1"
### BEGIN SOLUTION
never_collected = 6 * 5 // 2 - 5
### STUB
# never_collected = ...
### END SOLUTION

# %% [markdown]
# A pair counts once, whichever comes first.

# %% check="2.5.1"
check("2.5.1", never_collected)

# %% [markdown]
# With n modalities there are n(n - 1) / 2 pairs, and an anchor needs n - 1 of them. The saving grows quickly.

# %%
for n in (3, 5, 6, 10, 20):
    print(f"{n:>2} modalities: {n * (n - 1) // 2:>3} pairs, {n - 1:>2} collected, {(n - 1) * (n - 2) // 2:>3} for free")

# %% [markdown]
# ## Bind sounds to pictures
#
# The anchor is the CLIP of 2.3. It is {{term frozen weights|frozen}}: none of its numbers will change. We take scenes
# that it was not trained on, and of each only its picture's vector and what two ears hear.

# %%
clip, _ = load_checkpoint("clip_scenes")
scenes = sample_scenes(6000, seed=71)
parts = [scenes[i : i + 500] for i in range(0, 6000, 500)]
heard = torch.cat([hear(render_sounds(part, seed=i)) for i, part in enumerate(parts)])
with torch.no_grad():
    seen = torch.cat([clip.encode_image(render_pictures(part)) for part in parts])
print("heard", list(heard.shape), "seen", list(seen.shape))

# %% [markdown]
# A sound is 40 bands of pitch for the left ear and 40 for the right, at 16 moments. A tower reads them: the audio
# encoder of 2.2, and a projection to the width of the space.


# %%
def new_tower():
    torch.manual_seed(0)
    config = BindConfig().audio
    return Tower(AudioEncoder(config), config.width, clip.config.width, temperature=0.07)


tower = new_tower()
print(f"{count_parameters(tower):,} parameters")

# %% [markdown]
# The loss is the one of 2.3, with one difference: only one side can move. Each sound must find its picture's vector
# among 128, and the pictures stay where they are.


# %%
def binding_loss(tower, heard, seen):
    return info_nce(tower.similarity(tower(heard), seen))


def bind(tower, seen, steps=200):
    pairs = batches(heard, seen, batch_size=128, seed=0, steps=steps)
    return fit(tower, pairs, binding_loss, steps=steps)


history = bind(tower, seen)
report(f"loss, where chance is {math.log(128):.2f}", history.smooth()[-1], at_most=3.0)

# %% [markdown]
# No sentence came near this tower. First the pair that it was trained on, on scenes with a shape-colour pair never
# shown.


# %% concepts=["A2.9"]
@torch.no_grad()
def ears(tower):
    return tower(hear(render_sounds(test, seed=3)))


report("sound to picture, trained", hits_at_k(ears(tower) @ space["image"].T).float().mean().item(), bar=0.15)

# %% [markdown]
# Now the sentences of the same 64 scenes. Chance finds one in 64.

# %% tags=["widget"]
guess = Predict(
    "For what share of the 64 sounds will the tower find the right sentence, never having met one?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# The sentences go through CLIP's text tower, as they always did.

# %% concepts=["A2.9"]
sound_to_text = hits_at_k(ears(tower) @ space["text"].T).float().mean().item()
report("sound to text, never trained together", sound_to_text, bar=0.15)
report("times chance", 64 * sound_to_text, bar=5)

# %% [markdown]
# Some seconds of training, and sounds find sentences: this is {{term emergent alignment}}. And your guess?

# %% tags=["widget"]
guess.reveal(sound_to_text)

# %% [markdown]
# ## Is it the anchor?
#
# Perhaps any good sound tower would do. A control: the same tower, sounds, pictures, steps and seed. Only the place to
# which the pictures are sent is another: a **stranger** has the same eyes as CLIP, and lays out what it sees by a
# projection of its own, which never met a sentence.

# %% concepts=["A2.9"]
stranger = copy.deepcopy(clip)
torch.manual_seed(1)
nn.init.normal_(stranger.vision_projection.weight, std=0.1)
with torch.no_grad():
    seen_by_stranger = torch.cat([stranger.encode_image(render_pictures(part)) for part in parts])
    test_by_stranger = stranger.encode_image(render_pictures(test))
strangers_tower = new_tower()
_ = bind(strangers_tower, seen_by_stranger)

# %% [markdown]
# It learns its own pair as well as ours did. And sentences?

# %% concepts=["A2.9"]
lost = ears(strangers_tower)
report("sound to the stranger's picture, trained", hits_at_k(lost @ test_by_stranger.T).float().mean().item(), bar=0.10)
report("sound to text", hits_at_k(lost @ space["text"].T).float().mean().item(), at_most=0.08)

# %% [markdown]
# Chance. It is not enough to be a good space; it must be *the same* space.
#
# {{exercise 2.5.2}}
#
# So why does the first tower find sentences? Choose an explanation and its reason, as in `choice = ("a", 1)`.

# %%
options("2.5.2")

# %% [markdown]
# The two trainings differ in one thing only.

# %% answer="2.5.2"
### BEGIN SOLUTION
choice = ("c", 4)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.5.2"
check("2.5.2", choice)

# %% [markdown]
# ## Five modalities, one space
#
# The checkpoint of the first figure did the same for sounds, videos and point clouds, for longer, and each with scenes
# of its own. No tower met another. Such a {{term joint embedding}} is one {{term unified representation}} of them all.

# %% concepts=["A2.9"]
print(f"{card.parameters:,} parameters in three towers, {card.steps:,} steps, {card.data}")
for name, figure in card.figures.items():
    report(name, figure.value, **{"at_most" if figure.at_most else "bar": figure.bar})

# %% [markdown]
# Look at the last lines. Sentences name the shape of a sound almost without a fault, and its colour no better than a
# guess among eight: what a sound does not say, no space can add. With videos it is the other way round: in the steps
# that it was given, their tower has learnt colours and no shapes.
#
# Hence the one pair that hardly works. Sounds know shapes, videos know colours, and both find their pictures. But two
# modalities meet only in what *both* of them know.
#
# And what a *picture* does not show? A still shows no action. Take the videos of each scene twice,
# with another action each time, and compare them with each other and with those of other scenes.

# %% concepts=["A2.9"]
again = embed(model, test, seed=4)["video"]
cosines = again @ space["video"].T
report("same scene, other action: cosine", cosines.diagonal().mean().item(), bar=0.5)
report("other scene: cosine", (cosines.sum() - cosines.trace()).item() / (64 * 63), at_most=0.3)

# %% [markdown]
# The tower has learnt to look through the action, for its anchor rewarded nothing else. A bound space keeps what the
# anchor can show.
#
# ## Does it listen?
#
# Sentences stay, sounds are exchanged, or all fall silent. The baseline without ears picks the sentence most like the
# others.

# %% concepts=["A2.9"]
texts = space["text"]
deaf = hits_at_k((texts @ texts.mean(0)).expand(64, 64)).float()
sounds = render_sounds(test, seed=3)


@torch.no_grad()
def score(played):
    return hits_at_k(model.encode("audio", played) @ texts.T).float()


silence = torch.zeros_like(sounds[0])
grounding(score, sounds, blank=silence, baseline=deaf, modality="sound", bar=0.30).show()

# %% [markdown]
# ## Neighbours of another kind
#
# Lay everything in one list: sentences, pictures, sounds, videos, clouds. Who is nearest to whom?
#
# {{exercise 2.5.3}}
#
# `vectors` `[n, width]` have length 1, and `kinds` `[n]` says of which modality each is. Return for each the row of
# its {{term nearest neighbour}} of *another* kind.


# %% answer="2.5.3"
def nearest_across(vectors: Float[Tensor, "n width"], kinds: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    ### BEGIN SOLUTION
    similarities = vectors @ vectors.T
    own = kinds[:, None] == kinds[None, :]
    return similarities.masked_fill(own, -torch.inf).argmax(dim=1)
    ### END SOLUTION


# %% [markdown]
# In one of the check's lists the kinds lie on opposite sides, and all cosines across are negative.

# %% check="2.5.3"
check("2.5.3", nearest_across)

# %% [markdown]
# Now 64 scenes in five modalities. Of what kind is the nearest, and is it of the same scene?

# %% concepts=["A2.11"]
nearest_across = working("2.5.3", nearest_across)
names = list(space)
everything = torch.cat([space[name] for name in names])
kinds = torch.arange(5).repeat_interleave(64)
nearest = nearest_across(everything, kinds)
same_scene = (nearest % 64 == torch.arange(320) % 64).view(5, 64).float().mean(1)
for name, share in zip(names, same_scene.tolist(), strict=True):
    report(f"nearest to {name} is of the same scene", share, bar=0.25 if name == "audio" else 0.50)

# %% [markdown]
# Take it in your hand. Choose a sound, play it, and see which sentences, pictures, videos and clouds lie nearest to it.
# Take modalities off the map, and put them back.

# %% tags=["widget"] concepts=["A2.9", "A2.11"]
few = retrieval_scenes(12, pairs="one_held_out", seed=4)
vectors, said = embed(model, few, seed=4), render_captions(few)
kinds_of = {"text": "", "image": "picture of ", "audio": "sound of ", "video": "video of ", "3d": "cloud of "}
JointMap(
    principal_plane(torch.cat([vectors[name] for name in kinds_of])).numpy(),
    [f"{kind}{caption}" for kind in kinds_of.values() for caption in said],
    [name for name in kinds_of for _ in said],
    embeddings=torch.cat([vectors[name] for name in kinds_of]).numpy(),
    pictures={12 + i: picture for i, picture in enumerate(render_pictures(few))},
    sounds={24 + i: sound.numpy() for i, sound in enumerate(render_sounds(few, seed=4))},
    neighbours=3,
    chosen=24,
    title="Five modalities in one space",
)

# %% [markdown]
# ## The gap
#
# Is it really one space, or do the modalities live in districts of their own? Compare their centres: how far is the
# mean of all pictures from the mean of all sentences?


# %% concepts=["A2.9"]
def gap(one, other):
    return (one.mean(0) - other.mean(0)).norm().item()


torch.manual_seed(0)
with torch.no_grad():
    untrained = CLIP(clip.config)(render_pictures(test), tokenize(render_captions(test)))
report("pictures to sentences, before training", gap(*untrained), bar=0.8)
report("pictures to sentences", gap(space["image"], space["text"]), at_most=0.3)
report("sounds to sentences", gap(space["audio"], space["text"]), at_most=0.6)

# %% [markdown]
# Before training each modality sits in a narrow cone of its own. Liang et al. (2022) called this the modality gap, and
# found that real CLIP keeps one, because its training pushes no harder than it must. Our captions say all that a
# picture shows, and the gap nearly closes; a sound says less, and its gap stays.
#
# Gaps also come from outside. Half of the sounds below were recorded by a **far microphone**, ten times fainter.

# %%
shelf = retrieval_scenes(128, pairs="one_held_out", seed=7)
is_far = torch.arange(128) % 2 == 1
recorded = render_sounds(shelf, seed=7) * torch.where(is_far, 0.1, 1.0).view(-1, 1, 1)
with torch.no_grad():
    recordings, sentences = model.encode("audio", recorded), model.encode("text", tokenize(render_captions(shelf)))
report("from far to near recordings", gap(recordings[is_far], recordings[~is_far]), bar=0.3)

# %% [markdown]
# Search this mixed shelf with the 128 sentences. How often does the right recording come first, if it is a near one,
# and if it is a far one?


# %% concepts=["A2.11"]
def search(sentences, recordings):
    right = hits_at_k(sentences @ recordings.T).float()
    return right[~is_far].mean().item(), right[is_far].mean().item()


near, far = search(sentences, recordings)
report("near recordings found", near, bar=0.25)
report("far recordings found", far, at_most=0.15)

# %% [markdown]
# The far ones lose to whatever was recorded near: they all share a step to the side, and the step counts more than what
# they say. So take the step back: move the centre of each kind to zero.
#
# {{exercise 2.5.4}}
#
# This function means to do so, and leaves every gap as it was. `vectors` `[n, width]` are of the kinds `[n]`. Find the
# bug and mend it.


# %% answer="2.5.4"
def close_the_gap(vectors: Float[Tensor, "n width"], kinds: Int[Tensor, " n"]) -> Float[Tensor, "n width"]:
    moved = vectors.clone()
    for kind in kinds.unique():
        own = kinds == kind
        ### BEGIN SOLUTION
        moved[own] = vectors[own] - vectors[own].mean(dim=0)
        ### STUB
        # moved[own] = vectors[own] - vectors.mean(dim=0)
        ### END SOLUTION
    return F.normalize(moved, dim=-1)


# %% [markdown]
# Some kinds in the check have two vectors, others many.

# %% check="2.5.4"
check("2.5.4", close_the_gap)

# %% [markdown]
# Sentences are one kind, near recordings another, far ones a third. Nothing is trained; a mean for each is all.

# %% concepts=["A2.9", "A2.11"]
close_the_gap = working("2.5.4", close_the_gap)
kinds = torch.cat([torch.zeros(128), 1 + is_far]).long()
moved = close_the_gap(torch.cat([sentences, recordings]), kinds)
near_moved, far_moved = search(moved[:128], moved[128:])
report("near recordings found, gap closed", near_moved, bar=0.20)
report("far recordings found, gap closed", far_moved, bar=0.10)

# %% [markdown]
# Part of what the far ones lost is back. The rest is lost for good: a tower that never heard a faint sound gets more
# than its centre wrong.
#
# ## Calculating across modalities
#
# In 2.3 a picture less *red* plus *blue* was a blue picture. Now the terms come from different senses: a sound knows
# the shape and no colour, a word knows a colour and no shape. This is {{term embedding arithmetic}}.
#
# {{exercise 2.5.5}}
#
# `sounds` and `words` `[n, width]` have length 1. Return their sums, row by row, weighed so that `weight` falls on the
# word and the rest on the sound, of length 1.


# %% answer="2.5.5"
def mix(sounds: Float[Tensor, "n width"], words: Float[Tensor, "n width"], weight: float) -> Float[Tensor, "n width"]:
    ### BEGIN SOLUTION
    return F.normalize((1 - weight) * sounds + weight * words, dim=-1)
    ### END SOLUTION


# %% [markdown]
# Weights near 0 and near 1 will be tried.

# %% check="2.5.5"
check("2.5.5", mix)

# %% [markdown]
# Hear a thing, say a colour, and find the picture among 2,000. We ask only for shape-colour pairs that no training ever
# showed.

# %% concepts=["A2.11"]
mix = working("2.5.5", mix)
things = sample_scenes(500, seed=8, objects=(1, 1), pairs="held_out")
album = sample_scenes(2000, seed=9, objects=(1, 1), pairs="all")
colours = class_embeddings(lambda texts: model.encode("text", tokenize(texts)), attribute_prompts("colour"))
with torch.no_grad():
    hums = model.encode("audio", render_sounds(things, seed=8))
    album_vectors = model.encode("image", render_pictures(album))


def hit_rate(weight):
    nearest = album[(mix(hums, colours[things.colour[:, 0]], weight) @ album_vectors.T).argmax(1)]
    return ((nearest.shape == things.shape) & (nearest.colour == things.colour)).float().mean().item()


report("sound alone", hit_rate(0.0), at_most=0.30)
report("sound + word", hit_rate(0.4), bar=0.80)
report("word alone", hit_rate(1.0), at_most=0.60)

# %% [markdown]
# Move the slider from sound to word, and watch which of the two gives way, and when.

# %% tags=["widget"] concepts=["A2.11"]
chosen = sample_scenes(12, seed=12, objects=(1, 1), pairs="held_out")
with torch.no_grad():
    chosen_hums = model.encode("audio", render_sounds(chosen, seed=12))
WeightedSum(
    {f"sound of {text}": hum.numpy() for text, hum in zip(render_captions(chosen), chosen_hums, strict=True)},
    {f"the word {name}": vector.numpy() for name, vector in zip(COLOURS, colours, strict=True)},
    list(render_pictures(album[:300])),
    album_vectors[:300].numpy(),
    render_captions(album[:300]),
    names=("Sound", "Word"),
    weight=0.4,
    title="A sound and a word",
)

# %% [markdown]
# {{exercise 2.5.6}}
#
# On another world of 48 things, drawn for you, with clearer sounds and fainter words, find a weight at which at least
# nine in ten queries find the thing with both.

# %% answer="2.5.6"
### BEGIN SOLUTION
settings = {"weight": 0.5}
### STUB
# settings = {"weight": ...}
### END SOLUTION

# %% [markdown]
# Try values; the check says who is too loud.

# %% check="2.5.6"
check("2.5.6", settings)

# %% [markdown]
# Last, the sum of two scenes: the *sound* of one thing plus the *picture* of another. Is the nearest of 64 pictures the
# one that holds both? Each alone is the baseline.

# %% concepts=["A2.11"]
first, second = (Scenes.of(Scene((scene.things[i],)) for scene in test) for i in (0, 1))
with torch.no_grad():
    heard_one, seen_one = model.encode("audio", render_sounds(first)), clip.encode_image(render_pictures(second))
for name, query in {"sound": heard_one, "picture": seen_one, "sound + picture": mix(heard_one, seen_one, 0.5)}.items():
    hit = hits_at_k(query @ space["image"].T).float().mean().item()
    report(name, hit, **({"bar": 0.40} if "+" in name else {"at_most": 0.40}))

# %% [markdown]
# ## What you measured
#
# - A tower that never met a sentence finds sentences, many times above chance, once it is bound to pictures that have;
#   bound to a stranger's pictures, it finds none.
# - With one anchor, four collections serve ten pairs. What an input does not tell, such as a colour in a sound, stays
#   untold; and what the anchor does not show, such as an action in a still, is hardly kept.
# - Kinds can stand apart, and a mean for each brings them together. Sums of a sound and a word find what neither says.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Which pairs must be collected to bind thermal images to a space of pictures and text?",
             ["Thermal with text", "Thermal with pictures", "Both"], 1,
             ["Those emerge.", "Yes: the pictures already know the text.", "One of them comes for free."]),
    Question("Why is the anchor frozen here?",
             ["To save memory only", "So that what was bound before stays where it is", "Frozen models are better"], 1,
             ["It does, but that is not why.", "Yes: were it to move, text and older towers would be left behind.",
              "No better and no worse."]),
    Question("Sounds are classified by colour no better than by a guess. What would help?",
             ["More training", "A larger tower", "Nothing, as long as colours make no sound"], 2,
             ["It cannot learn what is not there.", "Nor can a larger one.", "Yes: no space adds what is missing."]),
    Question("A new microphone shifts all its vectors alike. What is the cheapest remedy to try?",
             ["Subtract its recordings' mean", "Train all towers anew", "Collect sentences for it"], 0,
             ["Yes: one mean, no training.", "That is the dearest.", "The space has those already."]),
    Question("From 2.3: at chance, what is the contrastive loss of a batch of n pairs?",
             ["ln(n)", "1 / n", "0"], 0,
             ["Yes, and 128 pairs make 4.85.", "That is the share of the right one; take minus its logarithm.",
              "That is a perfect score."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** a space is trained once and then lived in. How does a trained model learn something new, without losing
# what it knew?
