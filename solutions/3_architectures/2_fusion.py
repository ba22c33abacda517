# %% [markdown]
# # 3.2 Fusion
#
# **When should words and pictures meet: at once, at the end, or again and again?**
#
# Two towers that never talk were the first family of this chapter. In the second, words and patches look at each other
# on their way to an answer. It has many members, and they differ in one thing: who may look at whom, and when.

# %% tags=["setup"]
import time

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from utils.evaluation import grounding, report
from utils.evaluation.answering import Exam, by_words_alone, exam, nothing_seen, right
from utils.evaluation.fusion_clinic import PATCHES, WORDS, patient, shares_of
from utils.evaluation.fusion_sweep import WORDS_ALONE, stored_sweep
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_intervals
from utils.models.bert import EncoderBlock
from utils.models.blocks import count_parameters
from utils.models.joint import everywhere
from utils.models.vilbert import CoAttentionLayer
from utils.style import COLOUR_MAP, INK, new_figure, show
from utils.training.answering import WAYS, answer_loss, begin, lessons, look, question_batches
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.widgets import Look, PictureAttention, Predict, Question, Quiz
from utils.world import ANSWERS, KINDS, Scene, Scenes, Thing, ask, batches, render_pictures, sample_scenes, tokenize
from utils.world import true_answer
from utils.world.tokenizer import PAD

# %% [markdown]
# Here is an answer. Five models, of one size and with one budget, were asked about pairs of shape and colour that no
# training had shown. The lines reach from one seed to the other. Words alone know the usual answer to each form of
# question.

# %% concepts=["A3.2", "A3.3"]
sweep = stored_sweep()
show_intervals(
    {way: sweep[way]["true"]["all"] for way in (*WAYS, WORDS_ALONE)},
    title="Meeting at the end costs most",
    x="share of questions answered rightly, pairs never seen",
    alt="Share of right answers of early, hybrid and late fusion, ViLBERT, LXMERT and words alone, with their ranges.",
)

# %% [markdown]
# **You will be able to** say who may look at whom in {{term early fusion|early}}, {{term late fusion|late}} and
# {{term hybrid fusion}} · write {{term co-attention}} · compare five fusions at equal cost, by kind of question · see
# in which layer words look at a picture, and test it · find out why a loaded model knows nothing.
#
# **Time** about {{minutes}} minutes · **builds on** 2.3, two towers, and 2.4, attention and fusion.
#
# ## A wall between two kinds
#
# Put the words of a question and the patches of a picture into *one* sequence. In a Transformer's layer everybody looks
# at everybody. Now build a wall, so that words look at words only, and patches at patches. With the wall in every
# layer, fusion is late; with no wall it is early; and if it falls halfway, hybrid.
#
# {{exercise 3.2.1}}
#
# A sequence holds `words` words and then `patches` patches. Return a table, `[words + patches, words + patches]`: True
# where the position of the row may look at that of the column. `together` says whether the wall has fallen.


# %% answer="3.2.1"
def may_look(words: int, patches: int, together: bool) -> Bool[Tensor, "all all"]:
    ### BEGIN SOLUTION
    is_word = torch.arange(words + patches) < words
    return together | (is_word[:, None] == is_word[None, :])
    ### END SOLUTION


# %% [markdown]
# The check asks for both, in sequences of several lengths.

# %% check="3.2.1"
check("3.2.1", may_look)

# %% [markdown]
# Each row below is a way to fuse, each column one of four layers. What is light may look.

# %% concepts=["A3.2"]
may_look = working("3.2.1", may_look)
falls = {"early": 0, "hybrid": 1, "late": 4}  # layers until the wall falls
figure = new_figure(6.4, 4.6)
for axes, (way, layer) in zip(figure.subplots(3, 4).flat, [(w, n) for w in falls for n in range(4)], strict=True):
    axes.imshow(may_look(5, 4, layer >= falls[way]), cmap=COLOUR_MAP, vmin=0, vmax=1)
    axes.set_title(f"{way}, layer {layer + 1}", fontsize=8, color=INK)
    axes.set_xticks([2, 6.5], ["words", "patches"], fontsize=7)
    axes.set_yticks([2, 6.5], ["words", "patches"], fontsize=7)
show(figure, "Twelve tables: early fusion has no wall in any layer, hybrid one in the first, late fusion in all four.")

# %% [markdown]
# A wall is the same as two towers. First as one would do it by hand, each kind by itself; then as one sequence, with
# your table as the mask of the attention.

# %% concepts=["A3.2"]
torch.manual_seed(0)
block, words, patches = EncoderBlock(16, heads=2, hidden=64), torch.randn(1, 5, 16), torch.randn(1, 4, 16)
with torch.no_grad():
    by_hand = torch.cat([block(x, everywhere(x)) for x in (words, patches)], dim=1)
    x = torch.cat([words, patches], dim=1)
    q, k, v = block.attention.query_key_value(x).view(1, 9, 3, 2, 8).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=may_look(5, 4, together=False))
    x = block.norm_1(x + block.attention.output(mixed.transpose(1, 2).flatten(2)))
    with_wall = block.norm_2(x + block.feed_forward(x))
print("two towers = one sequence with a wall:", torch.allclose(by_hand, with_wall, atol=1e-5))

# %% [markdown]
# Real towers have weights of their own, one layer for words and another for patches: that is all that is left to
# choose. VisualBERT (Li et al. 2019) has no wall. Baltrušaitis et al. (2019, section 5) named early, late and hybrid
# fusion long before Transformers did them.
#
# ## Two streams that look at each other
#
# ViLBERT (Lu et al. 2019) keeps words and patches in streams of their own, and lets the streams look at each other: the
# queries come from one, keys and values from the other, *in both directions at the same moment*. That is co-attention.
#
# {{exercise 3.2.2}}
#
# `words` `[words, width]` and `patches` `[patches, width]` are queries, keys and values as they are. Each word adds to
# itself a mixture of all patches, and each patch one of all words, by scaled dot products and a softmax over what is
# looked at. Both see the other as it came in. Return both.


# %% answer="3.2.2"
def co_attention(
    words: Float[Tensor, "words width"], patches: Float[Tensor, "patches width"]
) -> tuple[Float[Tensor, "words width"], Float[Tensor, "patches width"]]:
    ### BEGIN SOLUTION
    scores = words @ patches.T / words.shape[1] ** 0.5
    return words + scores.softmax(dim=1) @ patches, patches + scores.T.softmax(dim=1) @ words
    ### END SOLUTION


# %% [markdown]
# There are never as many words as patches.

# %% check="3.2.2"
check("3.2.2", co_attention)

# %% [markdown]
# The course's layer does that with learnt matrices, and then each stream looks at itself (figure 1 of the paper). Take
# the matrices out, and yours is what remains:

# %% concepts=["A3.3"]
co_attention = working("3.2.2", co_attention)


def one_layer(layer: CoAttentionLayer, words, patches):
    """What ViLBERT's layer does, part by part; `words` and `patches` have one row each."""
    for_words, for_patches = layer.words_to_patches, layer.patches_to_words
    seen, read = for_words.attention(words, patches), for_patches.attention(patches, words)
    words, patches = for_words.norm_1(words + seen), for_patches.norm_1(patches + read)
    words = for_words.norm_2(words + for_words.feed_forward(words))
    patches = for_patches.norm_2(patches + for_patches.feed_forward(patches))
    return layer.words_block(words, everywhere(words)), layer.patches_block(patches, everywhere(patches))


vilbert, card = load_checkpoint("vilbert_scenes")
layer, words, patches = vilbert.layers[0], torch.randn(1, 5, 64), torch.randn(1, 4, 64)
with torch.no_grad():
    mine, own = one_layer(layer, words, patches), layer(words, patches, everywhere(words))
same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(mine, own, strict=True)]
print("part by part = the course's layer:", same)
seen, read = co_attention(words[0], patches[0])
print("without matrices: words", list(seen.shape), "patches", list(read.shape))

# %% [markdown]
# LXMERT (Tan and Bansal 2019) first lets each stream read by itself, in layers of its own, and in its
# cross-modality layer *one* set of weights serves both directions, as in its authors' code.

# %% concepts=["A3.3"]
lxmert = begin("LXMERT")
print("layers for words alone, for patches alone, for both:", end=" ")
print(len(lxmert.text_blocks), len(lxmert.vision_blocks), len(lxmert.layers))
one, two = lxmert.layers[0].cross_attention, vilbert.layers[0]
print(f"LXMERT's cross-attention, both ways: {count_parameters(one):,} numbers")
both = count_parameters(two.words_to_patches.attention) + count_parameters(two.patches_to_words.attention)
print(f"ViLBERT's, one for each way:         {both:,} numbers")

# %% [markdown]
# ## One budget
#
# So that the comparison is fair, all five have about four layers' worth of parameters, see through the same frozen
# tower (one vector for each quarter of a picture), read the same questions in the same order, and take as many steps.
# What is not equal is depth: late fusion spends its four layers on two towers of two, hybrid fusion is three deep.
#
# What do they cost? Count the operations for one question about one picture, and take the time of a step of training.


# %% concepts=["A3.2", "A3.3"]
def operations(model):
    """Millions of operations for one question."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        model(*batch[:2])
    return counter.get_total_flops() / len(batch[0]) / 1e6


def step_time(model):
    """Seconds for one step of training."""
    start = time.perf_counter()
    answer_loss(model, *batch).backward()
    return time.perf_counter() - start


batch = next(question_batches(lessons(300), seed=0, steps=1))
five = {way: begin(way) for way in WAYS}
for way, model in five.items():
    print(f"{way:<8}{count_parameters(model):>8,} parameters {operations(model):>5.1f} million operations")

# %% [markdown]
# As many parameters, and up to twice the work! In early fusion each layer reads all twenty positions, sixteen of words
# and four of quarters; in late fusion each layer reads only its own kind. Does that show in time? They take turns, so
# that whatever else this machine does meets all of them, and the best of eight turns counts.

# %% concepts=["A3.2", "A3.3"]
turns = [{way: step_time(model) for way, model in five.items()} for _ in range(8)]
best = {way: min(turn[way] for turn in turns) for way in WAYS}
for way in WAYS[1:]:
    report(f"a step of {way}, early fusion = 1", best[way] / best["early"], at_most=1.25)

# %% [markdown]
# ## Whose colour?
#
# Begin with one kind of question: *what colour is the circle*, with two things in every picture. To answer, the
# question must find its thing. We let ViLBERT and late fusion learn it, for a few seconds each. Both do about as much
# work.


# %%
def colours_of_two(number, seed, pairs):
    scenes = sample_scenes(number, seed=seed, pairs=pairs, objects=(2, 2))
    asked = ask(scenes, seed=seed, kinds=("colour",), each=2)
    return Exam(asked, tokenize(asked.questions), look(render_pictures(scenes))[asked.scene])


practice, new_pairs = colours_of_two(3000, seed=91, pairs="seen"), colours_of_two(300, seed=92, pairs="held_out")
print(len(practice.asked), "questions, such as:", practice.asked.questions[0])

# %% [markdown]
# Commit to a guess.

# %% tags=["widget"]
race = Predict(
    "After the same few steps, who is better at telling the colour of one of two things?",
    options=["ViLBERT", "late fusion", "no clear difference"],
)
race

# %% [markdown]
# Train both.

# %% concepts=["A3.2", "A3.3"]
curves, told = {}, {}
for way in ("late", "ViLBERT"):
    model = begin(way, seed=0)
    rows = (practice.tokens, practice.quarters, practice.asked.labels)
    data = batches(*rows, batch_size=128, seed=0, steps=160)
    history = fit(model, data, answer_loss, steps=160, learning_rate=4e-3)
    curves[way], told[way] = (range(1, 161), history.smooth()), right(model, new_pairs).mean().item()
show_curves(
    curves,
    title="Two streams that look at each other find the thing",
    x="step",
    y="loss",
    alt="Loss by step: that of ViLBERT falls to nearly zero, that of late fusion stops halfway.",
)

# %% [markdown]
# And on pairs never seen:

# %% concepts=["A3.2", "A3.3"]
report("ViLBERT, colour of one of two things", told["ViLBERT"], bar=0.75)
report("late fusion, colour of one of two things", told["late"], at_most=0.60)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
race.reveal("ViLBERT")

# %% [markdown]
# Late fusion is stuck halfway. Its picture was read before anybody had said *circle*, and what it hands over is one
# mean of all that stands there.
#
# ## Five fusions, eight kinds of question
#
# Now the trainings from the beginning: each way from two seeds, stored; `python -m utils.evaluation.fusion_sweep` makes
# them again. A row is a way, a column a kind of question; the last row is what words alone are worth.

# %% concepts=["A3.2", "A3.3"]
rows = [*WAYS, WORDS_ALONE]
table = torch.tensor([[sweep[way]["true"][kind].mean for kind in KINDS] for way in rows])
figure = new_figure(7.0, 3.0)
axes = figure.subplots()
axes.imshow(table, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto")
for i, j in torch.cartesian_prod(torch.arange(len(rows)), torch.arange(len(KINDS))).tolist():
    axes.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", color="white" if table[i, j] < 0.6 else INK)
axes.set_xticks(range(len(KINDS)), KINDS, fontsize=8)
axes.set_yticks(range(len(rows)), rows, fontsize=8)
axes.set_title("Share of right answers, pairs never seen", color=INK)
show(figure, "Table of right answers by way of fusing and kind of question.")

# %% [markdown]
# Late fusion does well where one look at the whole will do, as in counting, and worst where two things or two
# properties must be brought together: relations, and *is there a red circle*. Among the other four, early fusion and
# ViLBERT come first; the two seeds of hybrid fusion lie far apart.

# %% concepts=["A3.2", "A3.3"]
means = {way: sweep[way]["true"]["all"].mean for way in WAYS}
report("best of the five", max(means.values()), bar=0.90)
report("late fusion, below the best by", max(means.values()) - means["late"], bar=0.08)
report("late fusion, counting", sweep["late"]["true"]["count"].mean, bar=0.80)
for kind in ("relation", "existence"):
    report(f"late fusion, {kind}", sweep["late"]["true"][kind].mean, at_most=0.78)
for way in WAYS:
    gap = means[way] - sweep[WORDS_ALONE]["true"]["all"].mean
    report(f"{way}, above words alone by", gap, bar=0.30)

# %% [markdown]
# One world, one size, one budget: their order is no law. Bugliarello et al. (2021, "Multimodal pretraining unmasked")
# trained five such models alike, ViLBERT, LXMERT and VisualBERT among them: most of the published differences came from
# data and settings.
#
# ## Does the picture matter?
#
# {{term grounding|Grounding}}, live, with the two models that are stored whole.

# %% concepts=["A3.2", "A3.3"]
early, _ = load_checkpoint("early_fusion_scenes")
test = exam(400)
for name, model in (("early fusion", early), ("ViLBERT", vilbert)):
    print(name)
    grounding(
        lambda quarters, model=model: right(model, test, quarters),
        test.quarters,
        blank=nothing_seen(),
        baseline=by_words_alone(test),
        modality="picture",
        bar=0.85,
    ).show()

# %% [markdown]
# And all five, from the sweep:

# %% concepts=["A3.2", "A3.3"]
for way in WAYS:
    scores = sweep[way]
    report(f"{way}, true picture", scores["true"]["all"].mean, bar=0.70)
    for other in ("shuffled", "blank"):
        report(f"{way}, {other} picture", scores[other]["all"].mean, at_most=0.60)

# %% [markdown]
# ## Where the words look, layer by layer
#
# In early fusion a word shares out its attention over words *and* patches. How much of it goes to the picture?

# %% concepts=["A3.2"]
maps = early.looks(test.tokens, test.quarters).mean(dim=2)  # [questions, layers, words, quarters], all heads together
is_word = test.tokens != PAD
share = maps.sum(dim=-1).transpose(1, 2)[is_word].mean(dim=0)
show_bars(
    {f"layer {n + 1}": value for n, value in enumerate(share.tolist())},
    title="How much of their attention the words give to the picture",
    x="share of attention",
    alt="Four bars, one a layer: the share of the words' attention that goes to the picture.",
)

# %% [markdown]
# And where in the picture? The widget shows each word's attention over the four quarters. Choose a word, then go
# through the layers: where does it find the thing that is spoken of?


# %% tags=["widget"] concepts=["A3.2"]
def look_at(question, scene):
    picture = render_pictures(Scenes.of([scene]))
    quarters = look(picture)
    tokens, words = tokenize(question), ["<start>", *question.split(), "<end>"]
    maps = early.looks(tokens, quarters)[0].mean(dim=1)[:, : len(words)]
    with torch.no_grad():
        answer = ANSWERS[early(tokens, quarters).argmax()]
    shares = maps / maps.sum(dim=-1, keepdim=True)  # of what goes to the picture
    return Look(picture[0], words, shares, f"{answer} (true: {true_answer(scene, question)})")


ring = Thing.at("ring", "green", "large", "top right")
star = Thing.at("star", "orange", "small", "bottom left")
questions = (
    "what colour is the ring",
    "where is the star",
    "is the ring above the star",
    "what shape is the thing left of the ring",
    "how many things are there",
)
PictureAttention([look_at(question, Scene((ring, star))) for question in questions])

# %% [markdown]
# A map is a hint, as you saw in 2.4, and a test is better. Build your wall again, in *one* layer of the trained model,
# and ask how many answers are lost.


# %% concepts=["A3.2"]
@torch.no_grad()
def right_with(table, layers):
    """The share of right answers if in these layers a position may look only where the table says so."""
    x, is_there = early.towers(test.tokens, test.quarters)
    for number, block in enumerate(early.joint_blocks):
        allowed = is_there[:, None, None] & table if number in layers else is_there[:, None, None]
        q, k, v = rearrange(block.attention.query_key_value(x), "b n (three h d) -> three b h n d", three=3, h=4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        x = block.norm_1(x + block.attention.output(rearrange(mixed, "b h n d -> b n (h d)")))
        x = block.norm_2(x + block.feed_forward(x))
    said = early.head(x[:, :words_read], x[:, words_read:]).argmax(dim=1)
    return (said == test.asked.labels).float().mean().item()


words_read = test.tokens.shape[1]
wall = may_look(words_read, 4, together=False)
kept = {"no wall": right_with(wall, ())} | {f"a wall in layer {n + 1}": right_with(wall, (n,)) for n in range(4)}
show_bars(
    kept,
    title="The first meeting counts most",
    x="share of right answers",
    alt="Five bars: without a wall most answers are right, a wall in layer 1 costs most, later ones little.",
)
report("lost by a wall in layer 1", kept["no wall"] - kept["a wall in layer 1"], bar=0.15)
report("lost by a wall in layer 4", kept["no wall"] - kept["a wall in layer 4"], at_most=0.10)

# %% [markdown]
# A wall has two sides. Let words no longer look at patches, in all layers; or let patches no longer look at words.

# %% tags=["widget"]
sides = Predict(
    "Which costs early fusion more answers?",
    options=["words that cannot look at patches", "patches that cannot look at words", "both cost the same"],
)
sides

# %% [markdown]
# Block one side of the table, then the other.

# %% concepts=["A3.2"]
words_blind, patches_deaf = (may_look(words_read, 4, together=True) for _ in range(2))
words_blind[:words_read, words_read:] = False
patches_deaf[words_read:, :words_read] = False
for name, table in (("words cannot look at patches", words_blind), ("patches cannot look at words", patches_deaf)):
    report(f"right answers if {name}", right_with(table, range(4)), at_most=0.80 if table is words_blind else 0.50)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
sides.reveal("patches that cannot look at words")

# %% [markdown]
# The maps showed words that look at patches, and in this model the other direction matters more: a patch that has read
# the question knows whether it is meant. Half of the attention was in no map of ours.
#
# ## What can be kept
#
# A picture stays, and questions come. What a layer for patches alone makes of a picture does not depend on any
# question.
#
# {{exercise 3.2.3}}
#
# An archive puts 50 questions to each of 1,000 pictures. A hybrid model has one layer for words alone, one for patches
# alone and two for both; what can be kept is computed once. How often does a *layer* run, in all? Set `runs`.

# %% answer="3.2.3"
### BEGIN SOLUTION
runs = 1000 + 50 + 1000 * 50 * 2
### STUB
# runs = ...
### END SOLUTION

# %% [markdown]
# A layer that reads one question, one picture or one pair counts as one run.

# %% check="3.2.3"
check("3.2.3", runs)

# %% [markdown]
# Late fusion has nothing to do for a pair but the head. Here it is, with everything kept:

# %% concepts=["A3.2"]
runs = working("3.2.3", runs)
print(f"runs of a layer: late {2 * 1000 + 2 * 50:,}, hybrid {runs:,}, early {4 * 1000 * 50:,}")
late = begin("late").eval()
tokens, quarters = test.tokens[:40], test.quarters[:200]


def through(blocks, x, is_there):
    for block in blocks:
        x = block(x, is_there)
    return x


@torch.no_grad()
def pairs_with_what_is_kept():
    words = through(late.text_blocks, late.words(tokens), tokens != PAD)[:, 0]  # each question once
    patches = through(late.vision_blocks, late.patches(quarters), everywhere(quarters)).mean(dim=1)  # each picture once
    return late.head.answer(late.head.words(words)[:, None] * late.head.patches(patches))  # the head for each pair


@torch.no_grad()
def every_pair(model):
    return torch.stack([model(row.expand(len(quarters), -1), quarters) for row in tokens])


print("the same answers:", torch.allclose(pairs_with_what_is_kept(), every_pair(late), atol=1e-4))

# %% [markdown]
# How much faster is it, for 40 questions about each of 200 pictures?


# %% concepts=["A3.2"]
def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


kept, from_early = min(seconds(pairs_with_what_is_kept) for _ in range(3)), begin("early").eval()
report("early fusion takes so many times as long", seconds(lambda: every_pair(from_early)) / kept, bar=5)

# %% [markdown]
# ## The clinic: everything sums to one
#
# A colleague wrote ViLBERT's attention anew, with the heads *last*, as they lie in memory. First the words' half, then
# the patches' half. All weights are those of the trained model, all shapes are right, nothing complains.

# %% concepts=["A3.3"]
rewritten = {"words look": patient(vilbert, WORDS), "patches look": patient(vilbert, PATCHES)}
print(f"{'true':<12}", test.asked.answers[:6])
for name, model in {"trained": vilbert, **rewritten}.items():
    with torch.no_grad():
        print(f"{name:<12}", [ANSWERS[i] for i in model(test.tokens[:6], test.quarters[:6]).argmax(dim=1)])

# %% [markdown]
# There is one fault, the same in both. What do you expect of the first, the words' half?

# %% tags=["widget"]
prognosis = Predict("With the words' half rewritten, what share will it answer rightly?", low=0.0, high=1.0)
prognosis

# %% [markdown]
# Measure.

# %% concepts=["A3.3"]
healthy = right(vilbert, test).mean().item()
after = {name: right(model, test).mean().item() for name, model in rewritten.items()}
report("ViLBERT as it was trained", healthy, bar=0.85)
report("lost by rewriting the words' half", healthy - after["words look"], at_most=0.10)
report("lost by rewriting the patches' half", healthy - after["patches look"], bar=0.10)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
prognosis.reveal(after["words look"])

# %% [markdown]
# The words' half was all but let pass: what matters most here are patches that look at words, as the walls have shown.
# A score is a poor detective. So think of what must hold: each head of each word has a 1 to give to the patches. Take
# the shares, `[questions, words, patches, heads]`, and add them up along each dimension in turn.

# %% concepts=["A3.3"]
for name, model in (("trained", vilbert), ("rewritten", rewritten["words look"])):
    shares = shares_of(model, test.tokens, test.quarters)
    for dim, over in enumerate(("questions", "words", "patches", "heads")):
        off = (shares.sum(dim=dim) - 1).abs().max()
        print(f"{name:<10} summed over {over:<10}", "always 1" if off < 1e-4 else "not 1")

# %% [markdown]
# The heads have shared out each patch among themselves. That is all: one number in one call.
#
# {{exercise 3.2.4}}
#
# `queries` is `[batch, words, heads, depth]`, `keys` and `values` are `[batch, patches, heads, depth]`. Each head of
# each word takes a mixture of its patches' values. Find the bug and mend it.


# %% answer="3.2.4"
def heads_look(
    queries: Float[Tensor, "batch words heads depth"],
    keys: Float[Tensor, "batch patches heads depth"],
    values: Float[Tensor, "batch patches heads depth"],
) -> Float[Tensor, "batch words heads depth"]:
    scores = torch.einsum("b w h d, b p h d -> b w p h", queries, keys) / queries.shape[-1] ** 0.5
    ### BEGIN SOLUTION
    return torch.einsum("b w p h, b p h d -> b w h d", scores.softmax(dim=2), values)
    ### STUB
    # return torch.einsum("b w p h, b p h d -> b w h d", scores.softmax(dim=-1), values)
    ### END SOLUTION


# %% [markdown]
# In the check there are never as many heads as patches.

# %% check="3.2.4"
check("3.2.4", heads_look)

# %% [markdown]
# Put the mended one in the place of the other, with the same weights:

# %% concepts=["A3.3"]
heads_look = working("3.2.4", heads_look)
attention = vilbert.layers[0].words_to_patches.attention
with torch.no_grad():
    words, patches = vilbert.streams(test.tokens, test.quarters)
    q, k, v = (x.transpose(1, 2) for x in attention._heads(words, patches))
    mended = attention.output(heads_look(q, k, v).flatten(2))
    print("as it was trained:", torch.allclose(mended, attention(words, patches), atol=1e-5))

# %% [markdown]
# The same one line mends the patches' half.
#
# {{exercise 3.2.5}}
#
# Four teams will ask questions about pictures. Who should fuse late, and why? Answer as in `choice = ("a", 1)`.

# %%
options("3.2.5")

# %% [markdown]
# Ask what is known before the question.

# %% answer="3.2.5"
### BEGIN SOLUTION
choice = ("c", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.2.5"
check("3.2.5", choice)

# %% [markdown]
# ## What you measured
#
# - Fusion is a question of who may look at whom, and when: a wall in every layer is late fusion, none is early.
# - With one budget, late fusion came last: it fails where things or properties must be brought together.
# - In a trained model the first meeting counted most, and patches that look at words more than words that look at
#   patches.
# - Late fusion keeps all it knows of a picture, and so answers many questions many times faster.
# - A softmax over the wrong dimension hardly showed in the score, and at once in the sums.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What is late fusion, seen as one long sequence?",
             ["Early fusion with a wall in every layer", "Early fusion with more layers", "Co-attention one way"], 0,
             ["Yes: words look at words, patches at patches.", "It has as many.", "In co-attention both look."]),
    Question("In a co-attentional layer, what do the patches see of the words?",
             ["The words after they have looked at the patches", "The words as they came in", "Only <start>"], 1,
             ["Then one stream would always be a step ahead.", "Yes: both look at the same moment.",
              "They look at all of them."]),
    Question("A new question is put to a million pictures. Which fusion needs no layer to run for each pair?",
             ["Early", "Hybrid", "Late"], 2,
             ["All of its layers do.", "Its layers for both do.", "Yes: only the head is left."]),
    Question("A softmax runs over the wrong dimension. How does one notice soonest?",
             ["The loss does not fall", "By summing the shares along each dimension", "An error is raised"], 1,
             ["It may well fall.", "Yes: they must sum to 1 over what is looked at.", "All shapes fit."]),
    Question("From 2.3: why does search use two towers, and not a model that reads caption and picture together?",
             ["That needs captions", "That runs once for every pair", "That has too many parameters"], 1,
             ["Towers need them as much.", "Yes: and that is early fusion.", "It can have as many."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** all of these began with nothing. What if the words come with a language model that can already talk?
