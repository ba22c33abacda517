# %% [markdown]
# # 3.4 Flamingo
#
# **How does a language model learn to look, if not one of its weights may change?**
#
# A large language model has cost a fortune, and it can do something precious: learn from a few examples in its prompt.
# Train it on pictures, and it may lose that. {{term Flamingo}} (Alayrac et al. 2022) leaves it as it is, to the last
# bit, and builds new layers in between.

# %% tags=["setup"]
import copy
import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from utils.evaluation import bootstrap, grounding, report
from utils.evaluation.few_shot import album_latents, given_away, language_hits, motion_shots, shot_hits, text_shots
from utils.evaluation.few_shot import told_hits, told_shots
from utils.evaluation.flamingo_clinic import examine, patients
from utils.evaluation.flamingo_sight import patch_shares, picture_looks, shares_by_opening
from utils.evaluation.puzzle_hits import episodes_of
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.models import flamingo
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.flamingo_scenes import fair_episodes, keep_features, looking_step, picture_answers
from utils.training.recipes.flamingo_scenes import teach_resampler
from utils.widgets import InterleavedText, Predict, Question, Quiz
from utils.world import BACKGROUND, VOCABULARY
from utils.world.naming import attribute_words, make_films, tell
from utils.world.puzzles import binding_episodes, make_album
from utils.world.tokenizer import IMAGE

# %% [markdown]
# Here is ours. Two words that mean nothing to it, two examples of each, and a picture. These pairs of shape and colour
# were in no training; and the language model that answers has never been trained on any picture at all.

# %% concepts=["A3.4"]
trained, card = load_checkpoint("flamingo_scenes")
album = make_album("held_out", each=50, seed=12)
latents = album_latents(trained, album.pictures)
episode = episodes_of(album, 1, shots=2, seed=4)
said = [VOCABULARY[word] for word in episode.tokens[0, 2::2]]
show_pictures(
    album.pictures[episode.pictures[0]],
    [*said[:-1], "?"],
    alt="Five pictures of one object each: four stand under a new word, the last under a question mark.",
)
with torch.no_grad():
    shares = trained.read(episode.tokens[:, :-1], latents[episode.pictures])[0, -1].softmax(-1)
report(f"probability of {said[-1]!r}", shares[episode.tokens[0, -1]].item(), bar=0.50)

# %% [markdown]
# **You will be able to** turn any number of patches into a few vectors · add a layer to a trained model without
# disturbing it · say which word may look at which picture · teach a frozen model words by pictures, and prove that it
# looks · find a fault that raises no error.
#
# **Time** about {{minutes}} minutes · **builds on** 2.4, cross-attention, and 2.7, learning in context.
#
# ## A model that learns words from words
#
# First the {{term frozen weights|frozen}} part. This language model has read texts like these: a word that tells a
# thing, then a new name for it, and so on. The things were drawn from the whole vocabulary, so it knows nothing of
# which colour goes with which shape.

# %%
language = trained.language
text = text_shots(1000, shots=4, seed=1)
for row in text.tokens[:3, 1:9]:
    print(" ".join(VOCABULARY[i] for i in row))

# %% [markdown]
# What it learnt is not the names, which change with every text, but *how to learn a name*: look for the same thing
# further up, and say what stood behind it. Chance between an episode's two words is one half.

# %% concepts=["A3.4"]
report("things told in words, 4 examples each", language_hits(language, text).mean().item(), bar=0.95)

# %% [markdown]
# Now put pictures in the place of the words. To this model every picture is the same token, `<image>`.

# %% concepts=["A3.4"]
test = episodes_of(album, 1000, shots=4, seed=2)
print(" ".join(VOCABULARY[i] for i in test.tokens[0, 1:9]))
report("things shown in pictures", language_hits(language, test).mean().item(), at_most=0.60)

# %% [markdown]
# It can learn names, and it is blind. What it lacks is a way in; it need not be taught anything else. That is
# Flamingo's whole idea, and it takes three parts. (Overviews count it, with GPT-4V, among the {{term end-to-end}}
# models. What is joined to what inside GPT-4V, OpenAI has not said: system card, 2023.)
#
# ## First part: a few questions for every picture
#
# A vision tower gives 16 vectors for a picture and four times as many for a video of four frames. The text must not
# drown in them. So a **{{term perceiver resampler}}** asks: a few learnt vectors, the *latents*, each look at all
# patches and take what they need. In Flamingo there are 64 of them (section 2.1), in ours four.

# %% concepts=["A3.4"]
films = make_films("held_out", each=50, seed=200)
for name, shown in (("picture", album.pictures[:1]), ("video", films.videos[:1])):
    features, asked = keep_features(trained, shown), album_latents(trained, shown)
    print(f"{name}: frames, patches, width {list(features.shape[1:])} -> latents, width {list(asked.shape[1:])}")

# %% [markdown]
# The number of latents is the same for both. By hand, for one latent and a toy video of two frames of four patches:
# each patch is told its frame by adding a vector, and the latents stand among the keys as well, so that they can look
# at one another.

# %%
torch.manual_seed(0)
video, times, questions = torch.randn(2, 4, 8), torch.randn(2, 8), torch.randn(3, 8)
keys = [patch + time for frame, time in zip(video, times, strict=True) for patch in frame] + [*questions]
scores = torch.stack([questions[0] @ key / 8**0.5 for key in keys])
by_hand = questions[0] + sum(share * key for share, key in zip(scores.softmax(0), keys, strict=True))
print(len(keys), "keys; the first latent, after its look, begins", [round(v, 2) for v in by_hand[:3].tolist()])

# %% [markdown]
# {{exercise 3.4.1}}
#
# The same for all latents and many videos: `latents` `[k, d]`, `features` `[n, frames, patches, d]`, `times`
# `[frames, d]`. Return the latents after their look, `[n, k, d]`. The real layer has weights and several heads besides;
# here a key is its own value.


# %% answer="3.4.1"
def look(
    latents: Float[Tensor, "k d"], features: Float[Tensor, "n frames patches d"], times: Float[Tensor, "frames d"]
) -> Float[Tensor, "n k d"]:
    ### BEGIN SOLUTION
    patches = (features + times[:, None]).flatten(1, 2)
    asking = latents.expand(len(features), -1, -1)
    keys = torch.cat([patches, asking], dim=1)
    shares = (asking @ keys.mT / latents.shape[1] ** 0.5).softmax(dim=-1)
    return asking + shares @ keys
    ### END SOLUTION


# %% [markdown]
# Videos of several lengths will be tried.

# %% check="3.4.1"
check("3.4.1", look)

# %% [markdown]
# It must agree with the loop.

# %%
look = working("3.4.1", look)
print("as by hand:", torch.allclose(look(questions, video[None], times)[0, 0], by_hand, atol=1e-5))

# %% [markdown]
# And the trained one? Under a veil that is thin where it looks, each latent of one picture:

# %% concepts=["A3.4"]
veil = patch_shares(trained, album.pictures[:1])[0].view(4, 4, 4)
veil = (veil / veil.amax(dim=(1, 2), keepdim=True)).repeat_interleave(8, 1).repeat_interleave(8, 2)
show_pictures(
    (album.pictures[:1] * (0.2 + 0.8 * veil[:, None])).to(torch.uint8),
    [f"latent {i + 1}" for i in range(4)],
    columns=4,
    alt="One picture four times, each darkened but for the patches that one latent looks at.",
)

# %% [markdown]
# Not only at the thing. In the tower each patch has looked at all others, so that even the ground may know what stands
# elsewhere.
#
# And latents are not soft tokens. They stay outside of the text, and only an `<image>` marks the place.
#
# {{exercise 3.4.2}}
#
# The prompt of 2.7.1 again: `<start>`, eight examples (picture, word) and a ninth picture to be named; 16 patches a
# picture, four latents. How many tokens does *this* language model read? Set `tokens_read`.

# %% answer="3.4.2"
### BEGIN SOLUTION
tokens_read = 1 + 9 + 8
### STUB
# tokens_read = ...
### END SOLUTION

# %% [markdown]
# In 2.7, with 16 soft tokens a picture, it was many more.

# %% check="3.4.2"
check("3.4.2", tokens_read)

# %% [markdown]
# ## Second part: a door that begins closed
#
# Before each block of the language model stands a new layer in which the text looks at the latents:
# {{term gated cross-attention}}. New layers are random layers, and what they say would wreck the next block. So their
# output passes a gate, the tanh of a number that begins at zero.
#
# {{exercise 3.4.3}}
#
# Complete the gate: one parameter, `gate`, without dimensions. `x` are the vectors of the text, `seen` is what they
# saw; return what goes on to the next block.


# %% answer="3.4.3"
class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.gate = nn.Parameter(torch.zeros(()))
        ### END SOLUTION

    def forward(
        self, x: Float[Tensor, "batch length width"], seen: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        ### BEGIN SOLUTION
        return x + self.gate.tanh() * seen
        ### END SOLUTION


# %% [markdown]
# The check looks at your gate before training, and then puts other numbers into it.

# %% check="3.4.3"
check("3.4.3", Gate)

# %% [markdown]
# Build the whole: the same two frozen models, and between them layers that have learnt nothing. Show it pictures. What
# does it say that the language model alone would not?

# %% concepts=["A3.4"]
Gate = working("3.4.3", Gate)
print("a closed gate:", torch.equal(Gate()(by_hand, questions[0]), by_hand))
torch.manual_seed(0)
fresh = flamingo.Flamingo(trained.config, trained.vision, trained.language)
prompts, noise = test.tokens[:, :-1], album_latents(fresh, album.pictures)[test.pictures]
with torch.no_grad():
    print("the whole model:", torch.equal(fresh.read(prompts, noise), language(prompts)))

# %% [markdown]
# Equal to the last bit. Training starts from a model that works, and each gate opens as far as it helps. In the paper's
# ablation, the score falls by 4.2 % without the gates, and training becomes unstable (2022, section 3.3).
#
# ## Third part: who looks at which picture
#
# An {{term interleaved input}} holds several pictures. Each token looks at **one**: the last whose `<image>` stands at
# it or before it. Count along.

# %%
latest = 0
for word in ["<start>", "the", "<image>", "dim", "up", "<image>", "byd"]:
    latest += word == "<image>"
    print(f"{word:8} looks at", f"picture {latest}" if latest else "nothing")

# %% [markdown]
# {{exercise 3.4.4}}
#
# `tokens` `[batch, length]` hold the id `image` `number` times a row. Return a mask `[batch, length, number]`, True
# where a token looks at a picture; the first picture is number 0.


# %% answer="3.4.4"
def sees(tokens: Int[Tensor, "batch length"], number: int, image: int) -> Bool[Tensor, "batch length number"]:
    ### BEGIN SOLUTION
    latest = (tokens == image).cumsum(dim=1)
    return latest.unsqueeze(2) == torch.arange(1, number + 1)
    ### END SOLUTION


# %% [markdown]
# Some rows hold two pictures side by side.

# %% check="3.4.4"
check("3.4.4", sees)

# %% [markdown]
# The model's own mask, on a thousand prompts:

# %% concepts=["A3.4"]
sees = working("3.4.4", sees)
print("the same mask:", torch.equal(sees(prompts, 9, IMAGE), flamingo.sees(prompts, 9)))

# %% [markdown]
# How, then, can the last `<image>` be compared with the first? Through the words. *dim* has looked at its picture and
# carries what it saw; the language model's own attention, unchanged, finds it there. And since every word looks at one
# picture, it does not matter how many there are: Flamingo trained with up to five a text and was asked with up to 32
# (section 2.3).
#
# ## Train what is new
#
# The two frozen models stay as they are, so a picture's features never change, and are computed once.

# %%
learning = sum(p.numel() for p in fresh.parameters() if p.requires_grad)
frozen = sum(p.numel() for p in fresh.parameters() if not p.requires_grad)
print(f"learning {learning:,}, frozen {frozen:,}")
seen = make_album("seen", each=10, seed=1)
kept = keep_features(fresh, seen.pictures)
print("features kept", list(kept.shape))

# %% [markdown]
# A new resampler says nearly the same of every picture, and behind a closed gate nobody hears it: trained from there,
# our gates stayed shut. So it has a lesson of its own first: say shape and colour. BLIP-2 too teaches what stands
# between its frozen models before the language model has a part in it (Li et al. 2023, section 3.2).

# %% concepts=["A3.4"]
mute = album_latents(fresh, seen.pictures)
teach_resampler(fresh, (kept, picture_answers(seen)), seed=0, steps=60)
taught = album_latents(fresh, seen.pictures)
for name, said, bar in (("new", mute, {"at_most": 0.10}), ("taught", taught, {"bar": 0.90})):
    report(f"{name}: what differs between pictures", (said.var(dim=0).mean() / said.square().mean()).item(), **bar)

# %% [markdown]
# Now episodes as in 2.7, of nine things, with words for shapes. The first four things are told in words, as the
# language model knows it, and the rest are shown. The loss is that of a language model, on the new words alone.

# %%
generator = torch.Generator().manual_seed(0)


def episodes():
    while True:
        which = torch.randint(2, (48, 9), generator=generator)
        drawn = binding_episodes(seen, which, generator, meaning="shape")
        tokens, shown = tell(drawn, attribute_words(seen, drawn), torch.arange(9) < 4)
        yield tokens, kept[shown]


before, openings = copy.deepcopy(fresh.language.state_dict()), []
fit(
    fresh,
    episodes(),
    looking_step,
    steps=60,
    learning_rate=3e-3,
    on_step=lambda *_: openings.append([gated.attention_gate.tanh().item() for gated in fresh.gated]),
)
print("language model unchanged:", all(torch.equal(before[k], v) for k, v in fresh.language.state_dict().items()))

# %% [markdown]
# And the gates? Nobody told them to open.

# %% concepts=["A3.4"]
show_curves(
    {f"layer {i + 1}": (range(1, 61), list(column)) for i, column in enumerate(zip(*openings, strict=True))},
    level=("closed", 0.0),
    title="The gates leave zero by themselves",
    x="step",
    y="tanh of the attention gate",
    alt="One curve for each layer: the gates begin at zero and move away from it within sixty steps.",
)

# %% [markdown]
# They open because a picture, heard where the language model expects a word, helps it to find the name. Does it, for
# pairs of shape and colour that none of this showed?

# %% concepts=["A3.4"]
told, names = told_shots(album, 500, 4, "shape", seed=5)
soon = told_hits(fresh, told, names, album_latents(fresh, album.pictures))
report("a shape told in words, then shown, after sixty steps", soon.mean().item(), bar=0.80)

# %% [markdown]
# That was the beginning. The checkpoint has gone on for much longer: with colours and pairs, with pictures alone, and
# with videos. On that way lies a trap.
#
# Red circles are kept for the test. So among red things and blue things every circle is blue, and in the long run a
# model learns *that*, and takes a red circle for blue. Our first one did. So the checkpoint's episodes are drawn
# fairly: only shapes that come in both colours, and so for shapes.

# %%
which = torch.randint(2, (1000, 9), generator=generator)
for name, draw in (("drawn freely", binding_episodes), ("drawn fairly", fair_episodes)):
    drawn = draw(seen, which, generator, meaning="colour")
    print(f"{name}: the shape gives {given_away(seen, drawn).float().mean():.0%} of the colours away")

# %% [markdown]
# Commit to a guess, on pairs that training never showed.

# %% tags=["widget"]
guess = Predict("Four examples of each of two new words. How often is a further picture named rightly?", low=0, high=1)
guess

# %% [markdown]
# No examples, then one, two, and four of each word:

# %% concepts=["A3.4"]
hits = {shots: shot_hits(trained, episodes_of(album, 1000, shots, seed=10 + shots), latents) for shots in range(5)}
report("no examples", hits[0].mean().item(), at_most=0.56)
for shots in (1, 2, 4):
    report(f"{shots} of each word", hits[shots].mean().item(), bar=0.90)
report("four examples less none, lower end", bootstrap(hits[4] - hits[0]).low, bar=0.25)

# %% [markdown]
# Not a weight moved between those lines. And your guess?

# %% tags=["widget"]
guess.reveal(hits[4].mean().item())

# %% [markdown]
# The language model alone reads the same prompts:

# %% concepts=["A3.4"]
alone = [language_hits(language, episodes_of(album, 1000, shots, seed=10 + shots)).mean().item() for shots in range(5)]
show_curves(
    {
        "with pictures": (range(5), [hits[shots].mean().item() for shots in range(5)]),
        "language model alone": (range(5), alone),
    },
    level=("chance", 0.5),
    title="One example is nearly enough for whoever can see it",
    x="examples of each word",
    y="accuracy",
    alt="Accuracy by number of examples: with pictures it leaps from chance at the first, without it stays there.",
)

# %% [markdown]
# ## Does it look?
#
# The control of every lesson: true pictures, those of another episode, empty ones, and the language model alone.

# %% concepts=["A3.4"]
some = episodes_of(album, 500, shots=4, seed=20)
empty = torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32)


@torch.no_grad()
def score(shown):
    last = trained.read(some.tokens[:, :-1], shown)[:, -1].gather(1, some.words)
    return (last.argmax(1) == some.answer).float()


grounding(
    score,
    latents[some.pictures],
    blank=album_latents(trained, empty),
    baseline=language_hits(language, some),
    modality="picture",
    bar=0.90,
).show()

# %% [markdown]
# And one more. Deal the words out at random among the same pictures: then the examples teach nothing.

# %% concepts=["A3.4"]
shuffled = episodes_of(album, 1000, shots=4, seed=21, labels="shuffled")
report("4 of each word, words shuffled", shot_hits(trained, shuffled, latents).mean().item(), at_most=0.60)

# %% [markdown]
# ### Told in words, asked in a picture
#
# A sharper question. All examples in *words*, as the language model has always had them; only the last thing is a
# picture. If the new layers really speak the language model's own language, it must recognise by sight what it knows
# from hearsay.

# %% concepts=["A3.4"]
told, names = told_shots(album, 1000, 2, "shape", seed=3)
tokens, _ = tell(told, names, torch.arange(5) < 4)
print(" ".join(VOCABULARY[i] for i in tokens[0, 1:-1]), "... ?")
for meaning in ("colour", "shape"):
    known = card.figures[f"seen, {meaning} told in words, asked in a picture"].value
    report(f"a {meaning}, in pairs that training showed", known, bar=0.90)
    told, names = told_shots(album, 1000, 4, meaning, seed=3)
    report(f"a {meaning}, in new pairs", told_hits(trained, told, names, latents).mean().item(), bar=0.70)

# %% [markdown]
# Mostly it does. In known pairs it hardly errs; a new pair it has to take apart, and that goes wrong at times. With
# *shown* examples it need not: it finds the same pair again.
#
# ## Video in the same place
#
# A video takes one `<image>` and four latents, like a picture. Here the new words mean *directions*, and no single
# frame tells one.

# %% concepts=["A3.4"]
show_pictures(
    films.videos[[0, 50]].flatten(0, 1),
    [f"{way}, frame {i + 1}" for way in ("left", "right") for i in range(4)],
    columns=4,
    alt="Two rows of four frames: an object that moves to the left, and another that moves to the right.",
)

# %% [markdown]
# A control for time: every video shows its first frame, four times.

# %% concepts=["A3.4"]
motions, directions = motion_shots(films, 1000, 4, seed=7)
still = films.videos[:, :1].expand_as(films.videos)
moving, standing = album_latents(trained, films.videos), album_latents(trained, still)
report("directions, 4 of each word", shot_hits(trained, motions, moving).mean().item(), bar=0.65)
report("told in words, asked in a video", told_hits(trained, motions, directions, moving).mean().item(), bar=0.65)
report("first frame repeated", shot_hits(trained, motions, standing).mean().item(), at_most=0.60)

# %% [markdown]
# ## Walk along a text
#
# Walk over the words, and see which picture lights up and where. Then stand on the last `<image>`, and open the gates:
# closed, it is the language model; open, it has seen.

# %% tags=["widget"] concepts=["A3.4"]
episode = episodes_of(album, 1, shots=2, seed=6)
tokens, pictures = episode.tokens[:, :-1], album.pictures[episode.pictures[0]]
things = [album.scenes[int(i)].things[0] for i in episode.pictures[0]]
steps = [i / 10 for i in range(11)]
InterleavedText(
    [VOCABULARY[i] for i in tokens[0]],
    [(f"{thing.colour} {thing.shape}", picture) for thing, picture in zip(things, pictures, strict=True)],
    looks=picture_looks(trained, tokens, pictures),
    words=[VOCABULARY[i] for i in episode.words[0]],
    shares=shares_by_opening(trained, tokens, pictures, episode.words[0], steps),
    openings=steps,
)

# %% [markdown]
# ## The clinic
#
# Four patients are here: A, B, C and D. Each has the weights of our model and one fault in its code; such faults have
# been in real code, and none of them raises an error. In no order: one **learns `<image>`** like a word. One has a mask
# with **>=** in the place of ==. One has **no gates**. And in one the mask is **dropped after the first layer**.
#
# Two of the four name pictures as well as ever. Which?

# %% tags=["widget"]
pairs = ["no gates & >=", ">= & mask dropped", "mask dropped & learns <image>", "no gates & learns <image>"]
guess = Predict("Which two faults cost no accuracy today?", options=pairs)
guess

# %% [markdown]
# Measure:

# %% concepts=["A3.4"]
ward = patients(trained)
scores = {name: shot_hits(p.model, test, latents).mean().item() for name, p in ward.items()}
show_bars(
    scores,
    title="Two faults cost no accuracy, and are faults still",
    x="accuracy with 4 examples of each word",
    alt="A bar for each patient: the accuracy of a healthy model and of the patients A, B, C and D.",
)

# %% [markdown]
# Accuracy tells that something is wrong, not what. And it misses two patients: C and D answer as a healthy model does.

# %% tags=["widget"]
guess.reveal("mask dropped & learns <image>")

# %% [markdown]
# D's fault is in what it is *taught*, and shows when it trains. And C? Shut the attention of the layers in which its
# mask is missing.

# %% concepts=["A3.4"]
shut = copy.deepcopy(trained)
with torch.no_grad():
    for gated in shut.gated[1:]:
        gated.attention_gate.zero_()
report("only the first layer looks", shot_hits(shut, test, latents).mean().item(), bar=0.90)

# %% [markdown]
# Nothing is lost: this model does its looking in the first layer. In the next one, with other gates, the same fault may
# ruin everything.
#
# So examine. Each test is an {{term invariant}}, a sentence that must hold whatever the weights: with its gates at
# zero a Flamingo is its language model; a word between the second and the third picture reads one picture in each
# layer; nothing is taught about `<image>`.

# %% concepts=["A3.4"]
words, few = test.tokens[:1], latents[test.pictures[:1]]
for name, patient in ward.items():
    change, first, last, about = examine(patient, words, few, position=4).values()
    same = "same" if change == 0 else "other"
    print(
        f"{name:8} gates at 0: {same:6} pictures read: {first} first, {last} last layer   <image> taught: {about > 0}"
    )

# %% [markdown]
# {{exercise 3.4.5}}
#
# What ails patient C, and which finding says so? Answer as in `choice = ("a", 1)`.

# %%
options("3.4.5")

# %% [markdown]
# Compare its line with the first one.

# %% answer="3.4.5"
### BEGIN SOLUTION
choice = ("b", 4)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.4.5"
check("3.4.5", choice)

# %% [markdown]
# {{exercise 3.4.6}}
#
# Here is C's code, with everything left out that is healthy. `x` `[length, width]` are the words, `pictures`
# `[number, width]` one vector each, `shown` `[length, number]` the mask, `gates` a number a layer. Mend it.


# %% answer="3.4.6"
def read(
    x: Float[Tensor, "length width"],
    pictures: Float[Tensor, "number width"],
    shown: Bool[Tensor, "length number"],
    gates: list[float],
) -> Float[Tensor, "length width"]:
    def layer(x, gate, allowed=None):
        scores = x @ pictures.T / x.shape[1] ** 0.5
        if allowed is None:
            allowed = torch.ones_like(scores, dtype=torch.bool)
        shares = scores.masked_fill(~allowed, -1e9).softmax(dim=-1) * allowed
        return x + math.tanh(gate) * shares @ pictures

    ### BEGIN SOLUTION
    for gate in gates:
        x = layer(x, gate, shown)
    return x
    ### STUB
    # x = layer(x, gates[0], shown)
    # for gate in gates[1:]:
    #     x = layer(x, gate)
    # return x
    ### END SOLUTION


# %% [markdown]
# Two layers, three, and four; and words before the first picture, which see nothing.

# %% check="3.4.6"
check("3.4.6", read)

# %% [markdown]
# Now the examination of a mended patient: change the picture that comes *later*, and see whether an earlier word
# notices.

# %%
read = working("3.4.6", read)
x, shown = torch.randn(4, 8), torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()
two = torch.randn(2, 8)
other = torch.stack([two[0], -two[1]])
changed = (read(x, two, shown, [0.5, 0.5]) != read(x, other, shown, [0.5, 0.5])).any(dim=1)
print("words that notice a new second picture:", changed.tolist())

# %% [markdown]
# ## What you measured
#
# - With its gates at zero, the model was its language model to the last bit; training opened them, and left the
#   language model as it was.
# - A **new resampler** says nearly the same of every picture, and no gate opens for that; taught first, by itself, it
#   was understood within sixty steps.
# - **Four examples** of a new word named things in pairs never shown; with other pictures, empty ones or shuffled words
#   they taught nothing, and without pictures the same language model stayed at chance.
# - Pictures came to stand where words had stood: told in words, asked in a picture; in new pairs mostly, in known ones
#   nearly always.
# - What training never shows together, a model may learn to exclude. Episodes **drawn fairly** do not teach it that.
# - Faults that raise no error are found by **invariants**: accuracy missed two of four.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Why does the gate begin at zero?",
             ["So that it learns faster", "So that training starts from the unchanged language model",
              "So that pictures stay small"], 1,
             ["At first it learns more slowly.", "Yes, to the last bit.", "It has nothing to do with their size."]),
    Question("A video has eight frames in the place of four. What grows in the language model?",
             ["Nothing", "Its number of tokens", "The number of latents"], 0,
             ["Yes: there are as many latents as before.", "It still takes one <image>.", "They are fixed."]),
    Question("How does the last word know of the first picture?",
             ["It looks at all pictures", "Through the words that looked at it", "It does not"], 1,
             ["It looks at one.", "Yes: the language model's own attention finds them.",
              "It does: it compares the two."]),
    Question("Why must no loss be taken at <image>?",
             ["A picture is given, and no word to be said", "It would raise an error", "It is too easy"], 0,
             ["Yes: it would learn where pages have pictures.", "Nothing would: that is the trouble.",
              "It is mostly noise."]),
    Question("From 2.4: in cross-attention, where do queries and keys come from?",
             ["Both from the text", "Queries from the text, keys from the picture", "Both from the picture"], 1,
             ["That is self-attention.", "Yes: whoever asks, looks.", "Then no word would ask."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** every word went through every weight here. What if each chose its own few among many?
