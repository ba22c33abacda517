# %% [markdown]
# # 2.4 Attention and fusion
#
# **How does a model look at a picture while it reads a question?**
#
# In 2.3 a picture became one arrow before anybody had said what mattered in it. Here the question comes first, and each
# of its words may look where it likes.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from utils.evaluation import grounding, hits_at_k, report
from utils.evaluation.held_out.vqa_scenes import right_answers, without_eyes
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.models.blocks import CrossBlock, count_parameters
from utils.models.fusion import FUSIONS, FeatureFusion
from utils.models.gpt import GPTConfig
from utils.models.llava import LLaVA, LLaVAConfig, Projector, ProjectorConfig, patch_features, picture_prompt
from utils.models.vit import to_pixels
from utils.style import INK, new_figure, show
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.widgets import Look, PictureAttention, Predict, Question, Quiz
from utils.world import ANSWERS, BACKGROUND, KINDS, VOCABULARY, Scene, Scenes, Thing, ask, render_captions
from utils.world import render_pictures, sample_scenes, tokenize, true_answer
from utils.world.batching import batches
from utils.world.candidates import retrieval_scenes
from utils.world.tokenizer import END, IMAGE, MASK, PAD

# %% [markdown]
# Below, a trained model reads a question from left to right, about two things whose colours it has never seen them in.
# What is dark is not looked at.

# %% concepts=["A2.12"]
answerer, card = load_checkpoint("vqa_scenes")
circle = Thing.at("circle", "red", "large", "top right")
star = Thing.at("star", "blue", "small", "bottom left")
picture, question = render_pictures(Scenes.of([Scene((circle, star))])), "what colour is the circle"


@torch.no_grad()
def looks(question, picture):
    """For each layer and word, the share that each patch gets, averaged over the heads."""
    return answerer.looks(tokenize(question), picture)[0].mean(1)[:, : len(question.split()) + 2]


def veil(picture, shares):
    light = (shares / shares.max()).view(4, 4).repeat_interleave(8, 0).repeat_interleave(8, 1)
    return (picture * (0.15 + 0.85 * light)).byte()


words = ["<start>", *question.split(), "<end>"]
show_pictures(
    torch.stack([veil(picture[0], shares) for shares in looks(question, picture)[-1]]),
    words,
    columns=len(words),
    inches=1.05,
    alt="One picture of a red circle and a blue star, once for each word of a question, lit where that word looks.",
)

# %% [markdown]
# **You will be able to** write cross-attention by hand and vectorised · see where each word looks, and test whether it
# matters · fuse features in four ways and say what each is good for · turn a picture into tokens that a text model
# reads.
#
# **Time** about {{minutes}} minutes · **builds on** 2.1, attention among words, and 2.3, contrastive alignment.
#
# ## One word looks, by hand
#
# In {{term cross-attention}} the *queries* come from one modality and the *keys* and *values* from another. Three
# words ask, four patches answer. A query says what its word is after, here something round or something square; a key
# says what its patch has to offer; a value is what the patch hands over, here its colour.

# %%
words, patches = ["colour", "circle", "square"], ["red circle", "ground", "ground", "blue square"]
queries = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])  # wanted: round, square
keys = torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 2.0]])  # offered: round, square
values = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])  # red, blue, pale

# %% [markdown]
# Each word compares its query with every key. The dot products are divided by the square root of their length,
# exponentiated and shared out: a softmax, as in 2.3, but over *patches*.

# %% concepts=["A2.12"]
shares = []
for word, query in zip(words, queries.tolist(), strict=True):
    scores = [sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(2) for key in keys.tolist()]
    votes = [math.exp(score) for score in scores]
    shares.append([vote / sum(votes) for vote in votes])
    print(f"{word:<7}", "  ".join(f"{patch} {s:.2f}" for patch, s in zip(patches, shares[-1], strict=True)))

# %% [markdown]
# *Circle* looks at the round thing, *square* at the square one, and *colour*, which wants nothing in particular, looks
# everywhere alike. Then each word takes a mixture of the values, in these shares.

# %% concepts=["A2.12"]
for word, row in zip(words, shares, strict=True):
    mixture = [sum(s * value[i] for s, value in zip(row, values.tolist(), strict=True)) for i in range(3)]
    print(f"{word:<7}", "  ".join(f"{name} {m:.2f}" for name, m in zip(("red", "blue", "pale"), mixture, strict=True)))

# %% [markdown]
# So *circle* has learnt that it is red. Nobody looked the colour up: it came along with the shape that was asked for.
#
# {{exercise 2.4.1}}
#
# Write it without loops. `queries` `[words, depth]`, `keys` `[patches, depth]` and `values` `[patches, width]` give the
# mixtures `[words, width]`.


# %% answer="2.4.1"
def cross_attention(
    queries: Float[Tensor, "words depth"],
    keys: Float[Tensor, "patches depth"],
    values: Float[Tensor, "patches width"],
) -> Float[Tensor, "words width"]:
    ### BEGIN SOLUTION
    scores = queries @ keys.T / math.sqrt(keys.shape[-1])
    return scores.softmax(dim=-1) @ values
    ### END SOLUTION


# %% [markdown]
# The check brings values that are wider or narrower than the keys.

# %% check="2.4.1"
check("2.4.1", cross_attention)

# %% [markdown]
# It must give the mixtures of the loop, and those of the library's one fused call.

# %%
cross_attention = working("2.4.1", cross_attention)
mixtures = cross_attention(queries, keys, values)
print(mixtures)
theirs = F.scaled_dot_product_attention(queries[None], keys[None], values[None])[0]
print("as the loops", torch.allclose(mixtures, torch.tensor(shares) @ values))
print("as PyTorch  ", torch.allclose(mixtures, theirs))

# %% [markdown]
# It works the other way round too: let each *patch* look at the *words*. Sentences differ in length, and the shorter
# ones end in padding, which nobody should listen to.
#
# {{exercise 2.4.2}}
#
# `scores` `[patches, words]` become shares, and `padding` `[words]` is True where there is no word. No padding gets a
# share, and yet something is wrong. Find the bug and mend it.


# %% answer="2.4.2"
def shares_of_words(
    scores: Float[Tensor, "patches words"], padding: Bool[Tensor, " words"]
) -> Float[Tensor, "patches words"]:
    ### BEGIN SOLUTION
    return scores.masked_fill(padding, -math.inf).softmax(dim=-1)
    ### STUB
    # return scores.softmax(dim=-1).masked_fill(padding, 0.0)
    ### END SOLUTION


# %% [markdown]
# Add up a row of what comes out.

# %% check="2.4.2"
check("2.4.2", shares_of_words)

# %% [markdown]
# ## In a network
#
# Where do queries, keys and values come from? Three learnt matrices make them: queries from the words, keys and values
# from the patches. A layer then has three steps (Vaswani et al. 2017, section 3.1).

# %% concepts=["A2.12"]
torch.manual_seed(0)
block = CrossBlock(width=96, heads=4, hidden=384)


def layer(words, patches):
    words = words + block.attention(block.norm_1(words))  # words look back at words, as in 2.1
    words = words + block.cross_attention(block.norm_2(words), patches)  # words look at the picture
    return words + block.feed_forward(block.norm_3(words))  # each word thinks by itself


some_words, some_patches = torch.randn(1, 7, 96), torch.randn(1, 16, 96)
print("same as the course's own:", torch.equal(layer(some_words, some_patches), block(some_words, some_patches)))

# %% [markdown]
# Our answerer reads with one layer, looks with two more, and lets `<end>`, which has read everything, choose one of
# the answers. Its eyes are CLIP's from 2.3, frozen: only reading and looking were trained.

# %%
eyes = count_parameters(answerer.vision)
print(f"eyes {eyes:,} parameters, reading and looking {card.parameters - eyes:,}")
print(card.data)
print(len(ANSWERS), "answers:", *ANSWERS[:8], "...")

# %% [markdown]
# Scenes whose pairs of shape and colour it has never met, and questions of eight kinds:

# %%
shown = sample_scenes(200, seed=41, pairs="held_out", objects=(2, 2))
asked = ask(shown, seed=41, each=3)
pictures, tokens = render_pictures(shown)[asked.scene], tokenize(asked.questions)
with torch.no_grad():
    said = [ANSWERS[i] for i in answerer(tokens, pictures).argmax(1)]
show_pictures(
    pictures[:24:4],
    [f"{q}? {a}" for q, a in zip(asked.questions[:24:4], said[:24:4], strict=True)],
    columns=3,
    wrap=30,
    inches=1.9,
    alt="Six pictures of two things, each under a question and the model's answer.",
)

# %% [markdown]
# Commit to a guess before you measure.

# %% tags=["widget"]
guess = Predict("Of all these questions, what share does it answer rightly?", low=0.0, high=1.0)
guess

# %% [markdown]
# First these; then, from the checkpoint's card, thousands of others, kind by kind.

# %% concepts=["A2.12"]
right = right_answers(answerer, asked, pictures)
report("right answers on pairs never seen", right.mean().item(), bar=0.75)
for name in (f"answers held_out, {kind}" for kind in KINDS):
    report(name, card.figures[name].value, bar=card.figures[name].bar)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(right.mean().item())

# %% [markdown]
# Single things it sees well. Where two must be held against each other, in relations and comparisons, it has hardly
# begun to learn: yes or no is a coin there.
#
# And a high score may come from words alone: *how many* is often answered by *one*. So, as always, take the picture
# away. The baseline without eyes gives every question the answer that was usual for its form.

# %% concepts=["A2.12"]
scenes = sample_scenes(2500, seed=42)
practice = ask(scenes, seed=42, each=4)
ground = torch.tensor(BACKGROUND, dtype=torch.uint8)
grounding(
    lambda pictures: right_answers(answerer, asked, pictures),
    pictures,
    blank=ground.view(3, 1, 1).expand(3, 32, 32),
    baseline=without_eyes(practice, asked),
    modality="picture",
    bar=0.75,
).show()

# %% [markdown]
# ## Where it looks
#
# The shares of a word over the patches make an {{term attention map}}. Move over the words, and compare the two
# layers: which finds the thing that is spoken of, and which fetches the answer?


# %% tags=["widget"] concepts=["A2.12"]
def look(question, scene):
    picture = render_pictures(Scenes.of([scene]))
    with torch.no_grad():
        answer = ANSWERS[answerer(tokenize(question), picture).argmax()]
    words = ["<start>", *question.split(), "<end>"]
    return Look(picture[0], words, looks(question, picture), f"{answer} (true: {true_answer(scene, question)})")


scene = Scene((circle, star))
questions = (
    "what colour is the circle",
    "where is the star",
    "is the star above the circle",
    "what shape is the thing right of the star",
    "how many things are there",
)
PictureAttention([look(question, scene) for question in questions])

# %% [markdown]
# Now a scene and a question of your own: change the words, run the cell.

# %% tags=["widget"]
mine = Scene((Thing.at("square", "orange", "small", "top left"), Thing.at("square", "green", "large", "bottom left")))
PictureAttention([look("what colour is the large square", mine)], title="Your question")

# %% [markdown]
# ## Is that why?
#
# It is tempting to read a map as a reason. But the value that a patch hands over need not be what you see in it: its
# vector has already mixed with its neighbours'. Jain and Wallace (2019, "Attention is not explanation") found maps that
# could be changed without changing the answer. So test it: put a thumb on the picture and ask again.
#
# {{exercise 2.4.3}}
#
# Return a copy of `picture`, bytes `[3, height, width]`, whose patch number `patch`, a square of `size` pixels, is
# painted in `colour` `[3]`. Patches are counted from 0 in reading order.


# %% answer="2.4.3"
def hide_patch(
    picture: UInt8[Tensor, "3 height width"], patch: int, size: int, colour: UInt8[Tensor, "3"]
) -> UInt8[Tensor, "3 height width"]:
    ### BEGIN SOLUTION
    row, column = divmod(patch, picture.shape[2] // size)
    hidden = picture.clone()
    hidden[:, row * size : (row + 1) * size, column * size : (column + 1) * size] = colour[:, None, None]
    return hidden
    ### END SOLUTION


# %% [markdown]
# The check's pictures are wider than high, or higher than wide.

# %% check="2.4.3"
check("2.4.3", hide_patch)

# %% [markdown]
# Three thumbs for each question of colour or shape: on the patch that its `<end>` looks at most, on one with much paint
# in it that `<end>` hardly looks at, and on any.

# %%
hide_patch = working("2.4.3", hide_patch)
chosen = torch.tensor([kind in ("colour", "shape") for kind in asked.kinds])
these, asking = pictures[chosen], tokens[chosen]
with torch.no_grad():
    maps = answerer.looks(asking, these)[:, -1].mean(1)
    before = answerer(asking, these).argmax(1)
end_maps = maps[torch.arange(len(maps)), (asking == END).int().argmax(1)]
paint = (these.float() - ground.view(3, 1, 1)).abs().view(-1, 3, 4, 8, 4, 8).sum((1, 3, 5)).flatten(1)
thumbs = {
    "the patch it looks at most": end_maps.argmax(1),
    "a painted patch it hardly looks at": (paint * (end_maps < 1 / 32)).argmax(1),
    "a patch at random": torch.randint(16, (len(these),), generator=torch.Generator().manual_seed(0)),
}

# %% [markdown]
# How often does the answer change?

# %% concepts=["A2.12"]
changed = {}
for name, patch in thumbs.items():
    hidden = torch.stack([hide_patch(p, int(i), 8, ground) for p, i in zip(these, patch, strict=True)])
    with torch.no_grad():
        changed[name] = (answerer(asking, hidden).argmax(1) != before).float().mean().item()
show_bars(
    changed,
    title="Hiding what it looks at changes the answer most",
    x="share of answers that change",
    alt="Three bars: hiding the patch looked at most changes the most answers, a painted one hardly looked at few.",
)
report("changed by hiding what it looks at", changed["the patch it looks at most"], bar=0.2)
report("changed by hiding what it hardly looks at", changed["a painted patch it hardly looks at"], at_most=0.2)

# %% [markdown]
# The map is not an explanation, yet it is not idle either: a hint about where to put the thumb.
#
# ## Fusing features
#
# Looking word by word is the expensive way. The cheap one is {{term feature-level fusion}}: let each encoder finish,
# take *one* vector of the question and *one* of the picture, and join them into one from which the answer is read.
#
# Take the mean of the question's word vectors, and CLIP's class token.


# %% concepts=["A2.8"]
@torch.no_grad()
def features(asked, scenes):
    tokens = tokenize(asked.questions)
    spoken = (tokens != PAD).float()[..., None]
    question = (answerer.text(tokens) * spoken).sum(1) / spoken.sum(1)
    picture = answerer.vision(to_pixels(render_pictures(scenes)), first=1)[:, 0]
    return question, picture[asked.scene]


question, picture = features(practice, scenes)
print("questions", list(question.shape), "pictures", list(picture.shape))

# %% [markdown]
# Now join them. Side by side, **concatenation**; number by number, **sum** or **product**. Or let the two decide
# together, for each number, how much of it comes from which: a **gate** (Arevalo et al. 2017).
#
# {{exercise 2.4.4}}
#
# Complete the gate. `self.gate` reads question and picture, side by side in this order, and a sigmoid makes a share of
# each number it says: the question's. The picture gets the rest.


# %% answer="2.4.4"
class GatedFusion(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gate = nn.Linear(2 * width, width)

    def forward(
        self, question: Float[Tensor, "batch width"], picture: Float[Tensor, "batch width"]
    ) -> Float[Tensor, "batch width"]:
        ### BEGIN SOLUTION
        share = torch.sigmoid(self.gate(torch.cat([question, picture], dim=-1)))
        return share * question + (1 - share) * picture
        ### END SOLUTION


# %% [markdown]
# The check puts weights of its own into your gate.

# %% check="2.4.4"
check("2.4.4", GatedFusion)

# %% [markdown]
# Train each way for a second or two, and beside them each modality alone. Commit first: counting, as in *how many red
# things are there*, will set them apart.

# %% tags=["widget"]
favourite = Predict("Which fusion counts best?", options=["concatenation", "sum", "product", "gate"])
favourite

# %% [markdown]
# All of them have the same layers behind the fusion, the same data and the same steps.

# %% concepts=["A2.8"]
fused = {}
for how in FUSIONS:
    torch.manual_seed(0)
    fused[how] = FeatureFusion(how, question.shape[1], picture.shape[1])
    data = batches(question, picture, practice.labels, batch_size=256, seed=0, steps=300)
    _ = fit(fused[how], data, lambda model, q, p, labels: F.cross_entropy(model(q, p), labels), steps=300)


@torch.no_grad()
def share_right(kinds):
    some = ask(shown, seed=43, kinds=kinds, each=3)
    vectors = features(some, shown)
    return {how: (model(*vectors).argmax(1) == some.labels).float().mean().item() for how, model in fused.items()}


# %% [markdown]
# Right answers to questions about two things, on pairs never seen:

# %% concepts=["A2.8"]
scores = share_right(KINDS)
names = {"question alone": "text", "picture alone": "image"}
show_bars(
    {names.get(how, how): score for how, score in scores.items()},
    title="Either modality alone is poor; fused, they answer about half",
    x="share of right answers on pairs never seen",
    alt="Six bars: text alone and image alone are short, the four fusions about equally long.",
)
for how, score in scores.items():
    report(how, score, **({"at_most": 0.40} if "alone" in how else {"bar": 0.45}))

# %% [markdown]
# Much the same, it seems. Now only questions that count.

# %% concepts=["A2.8"]
counts = share_right(("count",))
show_bars(
    {names.get(how, how): score for how, score in counts.items()},
    title="The product counts best",
    x="share of right answers to questions that count",
    alt="Six bars for questions that count: the product's is the longest.",
)
report("counting, product", counts["product"], bar=0.75)
report("counting, product less sum", counts["product"] - counts["sum"], bar=0.02)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
favourite.reveal(max(FUSIONS[2:], key=counts.get))

# %% [markdown]
# *How many red things* asks the picture for its redness and for nothing else. A product lets each number of the
# question switch a number of the picture on or off; a sum can only push it up or down. Antol et al. (2015, "VQA: Visual
# question answering", section 4) chose the product.
#
# What one vector loses is *whose*: there are two things, and their colours have run together. Compare questions of
# colour with the model that looks, which was, mind, trained for minutes and not for a second.

# %% concepts=["A2.8", "A2.12"]
of_colour = torch.tensor([kind == "colour" for kind in asked.kinds])
report("colour of one of two things, product", share_right(("colour",))["product"], at_most=0.65)
report("colour of one of two things, looking", right[of_colour].mean().item(), bar=0.70)

# %% [markdown]
# {{exercise 2.4.5}}
#
# You build a search over a hundred million pictures; people type what they look for. When should words and pictures
# meet? Choose an answer and the reason for it.

# %%
options("2.4.5")

# %% [markdown]
# Ask yourself what can be computed before anybody types.

# %% answer="2.4.5"
### BEGIN SOLUTION
choice = ("a", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# A right letter for a wrong reason is told as such.

# %% check="2.4.5"
check("2.4.5", choice)

# %% [markdown]
# ## A picture as words
#
# There is a third way, and most of today's models take it: leave the text model as it is, and hand it the picture in
# its own currency. It reads vectors, one for each word. So make vectors of patches, {{term soft token|soft tokens}},
# and put them where words would stand. LLaVA (Liu et al. 2023) does it with a small {{term projector}}.
#
# {{exercise 2.4.6}}
#
# LLaVA-1.5 (Liu et al. 2024) reads pictures of 336 × 336 pixels in patches of 14 × 14, each of which becomes a soft
# token. Set `soft_tokens` to how many of them one picture takes.

# %% answer="2.4.6"
### BEGIN SOLUTION
soft_tokens = (336 // 14) ** 2
### STUB
# soft_tokens = ...
### END SOLUTION

# %% [markdown]
# You may let Python divide.

# %% check="2.4.6"
check("2.4.6", soft_tokens)

# %% [markdown]
# In the text stands `<image>`, once for each soft token, to keep the place.
#
# {{exercise 2.4.7}}
#
# `embeddings` `[length, width]` are the vectors of `tokens` `[length]`. Return them with the rows of `soft`
# `[places, width]`, in order, where a token is `image`. Leave what you were given as it is.


# %% answer="2.4.7"
def splice(
    embeddings: Float[Tensor, "length width"],
    tokens: Int[Tensor, " length"],
    soft: Float[Tensor, "places width"],
    image: int,
) -> Float[Tensor, "length width"]:
    ### BEGIN SOLUTION
    spliced = embeddings.clone()
    spliced[tokens == image] = soft
    return spliced
    ### END SOLUTION


# %% [markdown]
# In the check a picture may stand anywhere, and there may be two.

# %% check="2.4.7"
check("2.4.7", splice)

# %% [markdown]
# In LLaVA that is all there is between eyes and language: project, splice, read on. Here it is with a language model
# that has learnt nothing yet.

# %% concepts=["A2.7"]
splice = working("2.4.7", splice)
torch.manual_seed(0)
llava = LLaVA(LLaVAConfig(answerer.vision.config, GPTConfig(vocabulary=len(VOCABULARY))), answerer.vision)
ids = tokenize(picture_prompt("<image> what colour is the circle", 16), 32, len(VOCABULARY))
with torch.no_grad():
    soft = llava.soft_tokens(pictures[:1])
    mine = splice(llava.language.embed(ids)[0], ids[0], soft[0], IMAGE)
    print("soft tokens", list(soft.shape), "text with picture", list(mine.shape))
    print("same as the course's own:", torch.equal(mine, llava.embed(ids, soft)[0]))

# %% [markdown]
# Does a text model understand such a thing? Take one that is trained: CLIP's text tower, from 2.3. It has read many
# thousand captions and never a picture. Cut a hole of four words into a caption, and let a picture of the missing thing
# fill it.

# %%
clip, _ = load_checkpoint("clip_scenes")
clip.requires_grad_(False)


def with_hole(captions):
    return tokenize([" ".join(["<mask>"] * 4 + caption.split()[4:]) for caption in captions])


def first_alone(scenes):
    return render_pictures(Scenes.of([Scene(scene.things[:1]) for scene in scenes]))


two = sample_scenes(2500, seed=44, objects=(2, 2))
captions = render_captions(two)
show_pictures(
    torch.cat([first_alone(two[:3]), render_pictures(two[:3])]),
    ["____ " + " ".join(caption.split()[4:]) for caption in captions[:3]] + captions[:3],
    columns=3,
    wrap=30,
    inches=1.9,
    alt="Three pictures of one thing under a caption with a hole, then both things under the whole caption.",
)

# %% [markdown]
# Four words missing, four soft tokens: the tower reads sixteen tokens at most, so the patches of a quarter go into one
# together, as in InternVL 1.5 (Chen et al. 2024). The reading is CLIP's own, but for the splice.


# %% concepts=["A2.7"]
def quarters(pictures):
    found = patch_features(clip.vision, pictures)
    return rearrange(found, "b (r p c q) w -> b (r c) (p q w)", r=2, p=2, c=2, q=2)


def read(tokens, soft):
    vectors = clip.text.embedding(tokens).masked_scatter((tokens == MASK)[..., None], soft)
    x = vectors + clip.text.positions
    for block in clip.text.blocks:
        x = block(x)
    return F.normalize(clip.text_projection(clip.text.pool(tokens, clip.text.norm_out(x))), dim=-1)


# %% [markdown]
# Eyes and text tower are frozen. Only the projector learns, and only this: the caption with the picture in it must come
# to mean what the whole caption means.

# %% concepts=["A2.7"]
with torch.no_grad():
    meaning, seen = clip.encode_text(tokenize(captions)), quarters(first_alone(two))
torch.manual_seed(0)
projector = Projector(ProjectorConfig(vision_width=seen.shape[2], language_width=clip.config.text.width))


def missed(projector, tokens, seen, meaning):
    return (1 - (read(tokens, projector(seen)) * meaning).sum(1)).mean()


data = batches(with_hole(captions), seen, meaning, batch_size=128, seed=0, steps=200)
history = fit(projector, data, missed, steps=200)
show_curves(
    {"only the projector learns": (range(1, 201), history.smooth())},
    title="A reader that never saw a picture begins to read one",
    x="step",
    y="1 - cosine to the whole caption",
    alt="One minus the cosine between the two readings, falling towards zero over 200 steps.",
)

# %% [markdown]
# The proof is in the finding: half of the search is a picture, half of it words. Among 64 pictures of pairs never seen,
# which shows both? The baseline leaves the hole empty.

# %% concepts=["A2.7"]
found = retrieval_scenes(64, pairs="held_out", seed=45)
hole = with_hole(render_captions(found))
with torch.no_grad():
    shelf = clip.encode_image(render_pictures(found))
    empty_hole = hits_at_k(clip.encode_text(hole) @ shelf.T).float()
    whole_caption = hits_at_k(clip.encode_text(tokenize(render_captions(found))) @ shelf.T).float()


@torch.no_grad()
def hits(pictures):
    return hits_at_k(read(hole, projector(quarters(pictures))) @ shelf.T).float()


blank = ground.view(3, 1, 1).expand(3, 32, 32)
grounding(hits, first_alone(found), blank=blank, baseline=empty_hole, modality="picture", bar=0.80).show()
report("the same with the whole caption in words", whole_caption.mean().item(), bar=0.80)

# %% [markdown]
# A picture in the place of four words is as good as the words. Saito et al. (2023, "Pic2Word") search in this way with
# the real CLIP.
#
# What do soft tokens say? On each quarter, the word whose vector points most nearly the same way, with the cosine.


# %% concepts=["A2.7"]
def show_on_quarters(pictures, soft, alt):
    figure = new_figure(7.0, 2.6)
    words = F.normalize(clip.text.embedding.weight, dim=1)
    for axes, picture, vectors in zip(figure.subplots(1, len(pictures)), pictures, soft, strict=True):
        axes.imshow(picture.permute(1, 2, 0), interpolation="nearest", alpha=0.6)
        cosines, nearest = (F.normalize(vectors, dim=1) @ words.T).max(dim=1)
        for i, (word, cosine) in enumerate(zip(nearest.tolist(), cosines.tolist(), strict=True)):
            place = (i % 2 * 16 + 7.5, i // 2 * 16 + 7.5)
            axes.text(*place, f"{VOCABULARY[word]}\n{cosine:.2f}", ha="center", va="center", fontsize=9, color=INK)
        axes.axis("off")
    show(figure, alt)


some = first_alone(found[:4])
with torch.no_grad():
    soft = projector(quarters(some))
show_on_quarters(some, soft, "Four pictures of one thing, each quarter marked with the word nearest to its soft token.")

# %% [markdown]
# Where the thing stands, the nearest word is often its colour or its shape, though nobody asked for words. Yet the
# cosines stay well below 1: a soft token is no word but something in between, which no sentence could say.
#
# ## What you measured
#
# - Words that look at patches answer questions about things never seen together, and nothing without the picture.
# - The patch that is looked at most matters more than others; that is evidence, not proof.
# - One vector from each side, multiplied, comes far in a second; a sum does not count.
# - A projector alone, between two frozen models, lets one that never saw a picture read one among its words.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("In cross-attention from question to picture, over what does the softmax run?",
             ["The words", "The patches", "The answers"], 1,
             ["Then each patch would share itself out.", "Yes: each word shares out its attention.",
              "That is the last layer's."]),
    Question("A word's attention map is bright on the circle. What does it prove?",
             ["That the circle made the answer", "Nothing by itself: hide it and see", "That the model knows circles"],
             1, ["The vector there holds more than the circle.", "Yes: a map is a hint, a thumb is a test.",
                 "Perhaps it only knows that something is there."]),
    Question("Why does a product of features count red things better than a sum?",
             ["It has more parameters", "The question can switch numbers of the picture on and off", "It is larger"], 1,
             ["It has as many.", "Yes: times zero is off.", "Size is not what is missing."]),
    Question("A picture is read in 24 × 24 patches. What does LLaVA's projector make of it?",
             ["One vector", "576 vectors as wide as a word's", "576 words of the vocabulary"], 1,
             ["That would be CLIP.", "Yes: soft tokens.", "Their nearest words are not what they are."]),
    Question("From 2.3: why could CLIP not tell 'a circle above a square' from 'a square above a circle'?",
             ["It had no reason to learn it", "It had no eyes for places", "It had too few captions"], 0,
             ["Yes: no batch asked for it. Here, questions do.", "It told left from right of one thing.",
              "It had enough; none of them asked."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** two modalities can meet in one space. What about six, of which most have never met?
