# %% [markdown]
# # 3.6 Four families side by side
#
# **Given one world, one budget and one exam, which family would you choose?**
#
# You have built four families by now, each in its own lesson, with its own data and its own hour of fame. Whoever
# compares them like that compares lessons. Here all four learn the same, and are asked the same.

# %% tags=["setup"]
import time

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from utils.evaluation import bootstrap, grounding, report
from utils.evaluation.answering import nothing_seen
from utils.evaluation.families import exam, flops_of_an_answer, flops_of_the_tower, match, right, stored_results
from utils.evaluation.families import training_memory
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.retrieval import hits_at_k
from utils.exercises import check, options, working
from utils.figures import show_bars, show_pictures
from utils.models.blocks import Block, count_parameters
from utils.models.moe import active_parameters
from utils.style import COLOUR_MAP, INK, NEUTRAL, new_figure, show, style_axes
from utils.training.answering import lessons, look, training_questions, training_scenes
from utils.training.checkpoints import load_checkpoint
from utils.training.families import BATCH, EVERY, FAMILIES, LEARNING_RATE, STEPS, Material, caption_tokens, captions_of
from utils.training.families import checkpoint_of
from utils.training.loop import fit
from utils.training.objectives import info_nce
from utils.widgets import Chat, Contender, FamilyFront, Predict, Question, Quiz
from utils.world import ANSWERS, KINDS, Questions, batches, render_pictures, sample_scenes, tokenize, true_answer

# %% [markdown]
# Here is an answer. Each family was trained from three seeds and asked about pairs of shape and colour that no training
# had shown. A line reaches from its lowest seed to its highest.

# %% concepts=["A3.6"]
results = stored_results()


def over_seeds(name, pick):
    """The mean over a family's seeds of what `pick` takes from a result, with its interval."""
    return bootstrap(torch.tensor([pick(one) for one in results[name]]))


def draw_against(axes, cost):
    for name, marker in zip(results, "osD^", strict=True):
        score, x = over_seeds(name, lambda one: one.answers["true"]), cost(results[name][0].costs)
        axes.plot([x, x], [score.low, score.high], color=NEUTRAL, linewidth=7, alpha=0.5, solid_capstyle="butt")
        axes.plot(x, score.mean, marker, color=INK, markersize=5, label=name)


figure = new_figure(7.0, 3.2)
left, right_hand = figure.subplots(1, 2, sharey=True)
draw_against(left, lambda costs: costs.flops / 1e6)
draw_against(right_hand, lambda costs: costs.parameters / 1e3)
words_alone = over_seeds("fusion", lambda one: one.text_only).mean
for axes in (left, right_hand):
    axes.axhline(words_alone, color=NEUTRAL, linestyle=":", label="words alone")
    axes.set(ylim=(0.25, 1.02))
left.set_xlim(0, 14)
right_hand.set_xlim(0, 700)
style_axes(left, title="Who computes most is not the best", x="million operations", y="questions answered rightly")
style_axes(right_hand, title="nor who is the largest", x="thousand parameters")
right_hand.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.12))
show(figure, "Accuracy of four families against operations of an answer, and against their parameters, with intervals.")

# %% [markdown]
# **You will be able to** say what makes a comparison fair, and what three seeds are worth · find whom nobody beats ·
# predict what a picture costs at any resolution · show hallucination, missing alignment and scarce pairs by a
# measurement · choose a family for a task, with a reason.
#
# **Time** about {{minutes}} minutes · **builds on** 3.1, 3.3, 3.4 and 3.5, where the four are built.
#
# ## What is equal, and what is not
#
# One frozen tower sees for all of them. The questions and captions are the same, in the same order, for as many steps.
# The first batch, of each:

# %% concepts=["A3.6"]
captions = [caption for scenes in training_scenes(300) for caption in captions_of(scenes)]
few = Material(lessons(300), training_questions(300), captions)
first = {family.name: next(family.batches(few, seed=0)) for family in FAMILIES}
shown = {name: next(part for part in batch if part.is_floating_point()) for name, batch in first.items()}
print(f"{STEPS:,} steps of {BATCH}, learning rate {LEARNING_RATE}, captions in every {EVERY}th")
print("the same pictures:", all(torch.equal(pictures, shown["fusion"]) for pictures in shown.values()))

# %% [markdown]
# Now what is *not* equal. Build each one, untrained, and count: all parameters, those that learn, the
# {{term active-parameters|active}} ones that a token meets, the {{term visual-token|visual tokens}} that stand for a
# picture, the operations of one answer, and what a step of training holds in memory, a little more or less by the
# longest text in its batch.

# %% concepts=["A3.6"]
print(f"{'':<20}{'all':>9}{'learn':>9}{'active':>9}{'visual':>8}{'FLOPs':>13}{'memory':>10}")
for family in FAMILIES:
    model = family.build()
    everything = sum(parameter.numel() for parameter in model.parameters())
    active = everything - count_parameters(model) + active_parameters(model)
    price, memory = flops_of_an_answer(family, model), training_memory(family, model, few) / 1e6
    print(f"{family.name:<20}{everything:>9,}{count_parameters(model):>9,}{active:>9,}", end="")
    print(f"{family.visual_tokens:>8}{price:>13,}{memory:>7.0f} MB")
print(f"and the tower, for each new picture: {flops_of_the_tower():,} FLOPs")

# %% [markdown]
# All are about as deep and as wide. But gated layers and a resampler come *on top of* a language model, so end-to-end
# is larger, and computes more. And its language model, frozen here, has read texts about the same world before. There
# is no comparison in which everything is equal; there is only one that says what is not.
#
# ## One table
#
# Every family has a {{term baseline|text-only twin}}: the same model, trained on the same questions, that has only ever
# seen an empty picture. *Shuffled* and *blank* are the trained model with another or an empty picture. A gallery has 64
# pictures and captions. Before you look:

# %% tags=["widget"]
weakest = Predict("At which kind of question will the dual encoder be worst?", options=KINDS)
weakest

# %% [markdown]
# Rows with a dot are kinds of question; in brackets stands the range of the seeds. `course train families` makes all of
# it again.

# %% concepts=["A3.6"]
shares = {
    "all questions": lambda one: one.answers["true"],
    **{f"· {kind}": lambda one, kind=kind: one.kinds[kind] for kind in KINDS},
    "another picture": lambda one: one.answers["shuffled"],
    "blank picture": lambda one: one.answers["blank"],
    "text-only twin": lambda one: one.text_only,
    "finds the caption": lambda one: one.image_to_text,
    "finds the picture": lambda one: one.text_to_image,
}
prices = {
    "parameters": lambda one: one.costs.parameters,
    "active parameters": lambda one: one.costs.active,
    "FLOPs of an answer": lambda one: one.costs.flops,
    "visual tokens": lambda one: one.costs.visual_tokens,
    "training, CPU seconds": lambda one: one.costs.seconds,
    "training, memory (MB)": lambda one: one.costs.memory,
}
table = {name: {title: str(over_seeds(name, pick)) for title, pick in shares.items()} for name in results}
for name in results:
    table[name] |= {title: f"{over_seeds(name, pick).mean:,.0f}" for title, pick in prices.items()}
pd.DataFrame(table)

# %% [markdown]
# The rows with a dot, as colours.

# %% concepts=["A3.6"]
means = torch.tensor([[over_seeds(name, shares[f"· {kind}"]).mean for kind in KINDS] for name in results])
figure = new_figure(7.0, 2.6)
axes = figure.subplots()
axes.imshow(means, cmap=COLOUR_MAP, vmin=0, vmax=1, aspect="auto")
for i, j in torch.cartesian_prod(torch.arange(len(results)), torch.arange(len(KINDS))).tolist():
    axes.text(j, i, f"{means[i, j]:.2f}", ha="center", va="center", color="white" if means[i, j] < 0.6 else INK)
axes.set_xticks(range(len(KINDS)), KINDS, fontsize=8)
axes.set_yticks(range(len(results)), list(results), fontsize=8)
axes.set_title("Share of right answers, pairs never seen", color=INK)
show(figure, "Table of right answers by family and kind of question.")

# %% [markdown]
# And your guess?

# %% tags=["widget"]
weakest.reveal(KINDS[means[0].argmin()])

# %% [markdown]
# Two towers do well where one look at the whole will do, as in counting, and fail where it matters *which* thing is
# meant, and where it stands. In fusion, and in a mixture of experts, words read the picture in every layer. End-to-end
# has the most parameters, computes most, and stays well behind fusion: what comes through its gates must suit a
# language model that never changes.

# %% concepts=["A3.6"]
score = {name: {title: over_seeds(name, pick).mean for title, pick in shares.items()} for name in results}
report("dual encoder, counting", score["dual encoder"]["· count"], bar=0.90)
report("dual encoder, relations", score["dual encoder"]["· relation"], at_most=0.70)
report("fusion, relations", score["fusion"]["· relation"], bar=0.90)
for name in ("dual encoder", "end-to-end"):
    gap = score["fusion"]["all questions"] - score[name]["all questions"]
    report(f"{name}, below fusion by", gap, bar=0.08)
for name in list(results)[1:]:
    report(f"{name}, finds the picture", score[name]["finds the picture"], bar=0.90)
gap = score["fusion"]["all questions"] - score["mixture of experts"]["all questions"]
report("mixture of experts, below fusion by", gap, bar=0.02)
seconds_of = {name: over_seeds(name, prices["training, CPU seconds"]).mean for name in results}
report(
    "mixture of experts, seconds of training, fusion = 1",
    seconds_of["mixture of experts"] / seconds_of["fusion"],
    bar=1.5,
)
report("best of four at comparisons", max(some["· comparison"] for some in score.values()), at_most=0.80)

# %% [markdown]
# Nobody has quite learnt to compare. And the experts brought nothing: they pay where there is much to know (3.5), and
# this world fits into a dense network. They even took longer, for as many operations: sorting the tokens, many small
# matrices, and turning these into bfloat16 are in no count. *FLOPs are not seconds.* And what end-to-end is made for
# was not in our exam: it leaves its language model as it was, and learns new words from a few pictures (3.4). An exam
# chooses a winner by what it asks.
#
# ## Whom nobody beats
#
# A family that is less accurate *and* costs more than another need not be discussed. Those that remain are the
# {{term pareto-front|Pareto front}}. Which of them to take is a matter of taste, and of money.
#
# {{exercise 3.6.1}}
#
# `models` is a list of `(name, accuracy, cost)`. One model beats another if it is at least as accurate, costs at most
# as much, and is better in one of the two. Return the names of those that none beats, in the order in which they came.


# %% answer="3.6.1"
def front(models: list[tuple[str, float, float]]) -> list[str]:
    ### BEGIN SOLUTION
    def beats(other, one):
        return other[1] >= one[1] and other[2] <= one[2] and other[1:] != one[1:]

    return [one[0] for one in models if not any(beats(other, one) for other in models)]
    ### END SOLUTION


# %% [markdown]
# In the check some are equal in one, and two in both.

# %% check="3.6.1"
check("3.6.1", front)

# %% [markdown]
# And ours, by two costs and by two abilities:

# %% concepts=["A3.6"]
front = working("3.6.1", front)
for ability in ("all questions", "finds the picture"):
    for cost in ("FLOPs of an answer", "parameters"):
        points = [(name, score[name][ability], prices[cost](results[name][0])) for name in results]
        print(f"{ability} against {cost}: {', '.join(front(points))}")

# %% [markdown]
# ## What three seeds are worth
#
# Another seed, another beginning, another order: another score. The intervals above reach from the lowest to the
# highest of three. They are called intervals of 95 percent, as the {{term bootstrap}} gives them. Are they?

# %% tags=["widget"]
trust = Predict("How often does the range of three seeds hold the true mean?", low=0.0, high=1.0)
trust

# %% [markdown]
# Try it with seeds whose true mean we know: it is 0.

# %% concepts=["A3.6"]
torch.manual_seed(0)
seeds = torch.randn(100_000, 3)
holds = (seeds.amin(dim=1) < 0) & (seeds.amax(dim=1) > 0)
wide = 4.303 * seeds.std(dim=1) / 3**0.5  # Student's t for three values, 95 percent
print(f"the range of three holds the mean in  {holds.float().mean():.2f}")
print(f"Student's interval holds the mean in  {(seeds.mean(dim=1).abs() < wide).float().mean():.2f}")
print(f"but is wider, by a factor of          {(2 * wide / (seeds.amax(dim=1) - seeds.amin(dim=1))).mean():.1f}")

# %% [markdown]
# And your guess?

# %% tags=["widget"]
trust.reveal(round(holds.float().mean().item(), 2))

# %% [markdown]
# Three values fall on one side of the truth as three coins do: twice in eight. So ranges that overlap say nothing, and
# ranges that lie apart, a little. With three seeds, believe large differences only.
#
# {{exercise 3.6.2}}
#
# `scores` and `twins`, both `[families, seeds]`, are the shares of right answers of each family and of its text-only
# twins. The function says what the picture is worth to each family. Find the bug and mend it.


# %% answer="3.6.2"
def gains(
    scores: Float[Tensor, "families seeds"], twins: Float[Tensor, "families seeds"]
) -> Float[Tensor, " families"]:
    ### BEGIN SOLUTION
    return scores.mean(dim=1) - twins.mean(dim=1)
    ### STUB
    # return scores.max(dim=1).values - twins.mean(dim=1)
    ### END SOLUTION


# %% [markdown]
# Ask who may try how often.

# %% check="3.6.2"
check("3.6.2", gains)

# %% [markdown]
# How much luck was in it? Let a family and its twin be *equally good*, and let one of them show its best seed.

# %% concepts=["A3.6"]
for number in (2, 3, 10):
    luck = 0.02 * torch.randn(10_000, number).amax(dim=1).mean()  # seeds that differ by about two points
    print(f"best of {number:>2} seeds: ahead by {100 * luck:.1f} points of nothing")

# %% [markdown]
# With the mended one, what each family gains by its picture:

# %% concepts=["A3.6"]
gains = working("3.6.2", gains)
scores, twins = (
    torch.tensor([[pick(one) for one in results[name]] for name in results])
    for pick in (shares["all questions"], shares["text-only twin"])
)
for name, gain in zip(results, gains(scores, twins).tolist(), strict=True):
    report(f"{name}, above its text-only twin by", gain, bar=0.20)
report("best family, all questions", scores.mean(dim=1).max().item(), bar=0.90)

# %% [markdown]
# ## One picture, four answers
#
# Enough of tables. Here are the first seeds of all four, in front of one picture of pairs that they have never seen.
# Which word would each of them write? Offer every answer there is, and see which one is just what it says.


# %% concepts=["A3.6"]
def say(family, question, quarters):
    """The answer that this family gives to a question about one picture."""
    every = len(ANSWERS)
    asked = Questions(torch.zeros(every).long(), [question] * every, list(ANSWERS), ["any"] * every)
    said = right(family, models[family.name], asked, quarters.expand(every, -1, -1))
    return ANSWERS[said.argmax()] if said.any() else "something else"


models = {family.name: load_checkpoint(checkpoint_of(family))[0].requires_grad_(False).eval() for family in FAMILIES}
scenes = sample_scenes(6, seed=366, pairs="held_out", objects=(2, 2))
pictures = render_pictures(scenes)
show_pictures(
    pictures, captions_of(scenes), columns=3, wrap=28, inches=1.9, alt="Six pictures, each under its caption."
)

# %% [markdown]
# Questions about the first:

# %% concepts=["A3.6"]
QUESTIONS = (
    "how many things are there",
    "what colour is the ring",
    "where is the circle",
    "is the ring above the circle",
    "is there a cyan circle",
    "are the ring and the circle the same colour",
)
quarters = look(pictures[:1])
pd.DataFrame(
    {
        question: {"true": true_answer(scenes[0], question)}
        | {family.name: say(family, question, quarters) for family in FAMILIES}
        for question in QUESTIONS
    }
).T

# %% [markdown]
# All count two things and know the colour of the ring. Then the dual encoder puts the circle where the ring is, and
# believes in a cyan circle: it has seen the parts, and not what belongs together. Ask them yourself, about any of the
# six.


# %% tags=["widget"] concepts=["A3.6"]
def all_four(picture, turns, question):
    """What each of the families says; none of them remembers what was said before."""
    seen = look(torch.as_tensor(picture)[None])
    return " · ".join(f"{family.name}: {say(family, question, seen)}" for family in FAMILIES)


Chat(
    all_four,
    pictures,
    title="Four at one table",
    caption="Ask about one of two things, then about both: when do the four fall out with each other?",
    suggestions=QUESTIONS,
    questions=[QUESTIONS[0]],
)

# %% [markdown]
# ## Does the picture matter?
#
# {{term grounding|Grounding}}, live, on fewer questions. The baseline here is the usual answer to each form of
# question.

# %% concepts=["A3.6"]
test = exam(200)
usual = without_eyes(training_questions(300), test.asked)
for family in FAMILIES:
    print(family.name)
    grounding(
        lambda quarters, family=family: right(family, models[family.name], test.asked, quarters),
        test.quarters,
        blank=nothing_seen(),
        baseline=usual,
        modality="picture",
        bar=0.70,
    ).show()

# %% [markdown]
# ## Who can search?
#
# A dual encoder compares. A family that writes can search, too: how likely does it find each caption, word by word,
# behind this picture? Add the logarithms up, and the caption with the largest sum is found (Li et al. 2021, "Align
# before fuse", section 3.4, rank answers like that). By hand, and with the function that was used above:

# %% concepts=["A3.6"]
dual, fusion, end_to_end, mixture = FAMILIES
tokens, learnt = caption_tokens(test.captions[:3], fusion.places)
one = test.gallery[:1]
with torch.no_grad():
    logits = fusion.logits(models["fusion"], tokens, learnt, one.expand(3, -1, -1))
for caption, row, chances, wanted in zip(test.captions, tokens, logits.log_softmax(dim=-1), learnt, strict=False):
    total = sum(chances[place - 1, row[place]] for place in range(len(row)) if wanted[place]).item()
    same = abs(total - match(fusion, models["fusion"], [caption], one).item()) < 1e-3
    print(f"{total:>z6.0f}  {caption:<50} as `match` says: {same}")

# %% [markdown]
# The first is the true one. It has been found, and three *pairs* were read for it. Count what that costs:


# %% concepts=["A3.6"]
def flops(work):
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        work()
    return counter.get_total_flops()


def search(family, number):
    """Match so many captions with as many pictures."""
    return match(family, models[family.name], test.captions[:number], test.gallery[:number])


for family in FAMILIES:
    small, large = (flops(lambda family=family, number=number: search(family, number)) for number in (4, 8))
    print(f"{family.name:<20}4 × 4: {small / 1e6:>6.1f} million    8 × 8: {large / small:.1f} times as many")

# %% [markdown]
# Twice the gallery and twice the captions: twice the work for two towers, four times for whoever reads pairs. In
# seconds, taking turns:


# %% concepts=["A3.6"]
def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


turns = [[seconds(lambda family=family: search(family, 24)) for family in (dual, fusion)] for _ in range(3)]
fast, slow = (min(column) for column in zip(*turns, strict=True))
report("24 captions among 24 pictures, fusion takes so many times as long", slow / fast, bar=5)

# %% [markdown]
# So the front depends on what is asked. Move it: begin with questions only, then let some requests be searches.

# %% tags=["widget"] concepts=["A3.6"]
towers = models[dual.name].towers
reading = flops(lambda: towers.encode_text(tokenize(test.captions[:1])))
contenders = {
    family.name: Contender(
        kinds={kind: over_seeds(family.name, shares[f"· {kind}"]).mean for kind in KINDS},
        found=over_seeds(family.name, shares["finds the picture"]).mean,
        answer=results[family.name][0].costs.flops,
        search=reading if family is dual else 0,
        each=2 * towers.config.space if family is dual else flops(lambda family=family: search(family, 1)),
    )
    for family in FAMILIES
}
FamilyFront(contenders)

# %% [markdown]
# ## The first challenge: cost
#
# Our pictures have 32 pixels a side. A real one may well have 1,024. A Vision Transformer cuts them into patches; each
# patch meets all weights, and each *pair* of patches meets in attention: {{term quadratic-cost|quadratic cost}}.
#
# {{exercise 3.6.3}}
#
# A picture is `side` × `side` pixels, a patch `patch` × `patch`. Each of `depth` layers has four matrices of `width` ×
# `width` (query, key, value, output), and two of `width` × 4 `width`. Attention multiplies each query with each key,
# and each share with each value. A multiplication and its addition are two FLOPs; leave out everything else. Return
# those of all matrices, and those of attention.


# %% answer="3.6.3"
def vit_flops(side: int, patch: int, width: int, depth: int) -> tuple[int, int]:
    ### BEGIN SOLUTION
    tokens = (side // patch) ** 2
    return 2 * tokens * 12 * width**2 * depth, 2 * 2 * tokens**2 * width * depth
    ### END SOLUTION


# %% [markdown]
# There is no class token.

# %% check="3.6.3"
check("3.6.3", vit_flops)

# %% [markdown]
# Is that what PyTorch counts? A layer of the size of the smallest ViT (DeiT-Ti: Touvron et al. 2021, table 1),
# untrained: cost does not ask what was learnt.

# %% concepts=["A3.12"]
vit_flops = working("3.6.3", vit_flops)
WIDTH, PATCH = 192, 16
layer = Block(WIDTH, heads=3, hidden=4 * WIDTH).requires_grad_(False)
pixels_to_tokens = {side: torch.randn(1, (side // PATCH) ** 2, WIDTH) for side in (128, 256, 512, 1024)}
for side in (128, 256, 512):
    counted = flops(lambda side=side: layer(pixels_to_tokens[side]))
    print(f"{side:>4} pixels: predicted {sum(vit_flops(side, PATCH, WIDTH, 1)):>13,}   counted {counted:>13,}")

# %% [markdown]
# Now a ViT-B/16 (Dosovitskiy et al. 2021, table 1: width 768, 12 layers) at 1,024 × 1,024. Commit to a guess.

# %% tags=["widget"]
quadratic = Predict("What share of its operations is attention's quadratic part?", low=0.0, high=1.0)
quadratic

# %% [markdown]
# By your formula:

# %% concepts=["A3.12"]
for side in (224, 512, 1024, 2048):
    weights, attention = vit_flops(side, 16, 768, 12)
    print(
        f"{side:>5} pixels: {(side // 16) ** 2:>6,} patches, {(weights + attention) / 1e9:>7,.0f} billion FLOPs, "
        f"{attention / (weights + attention):.0%} of them quadratic"
    )

# %% [markdown]
# And your guess?

# %% tags=["widget"]
weights, attention = vit_flops(1024, 16, 768, 12)
quadratic.reveal(round(attention / (weights + attention), 2))

# %% [markdown]
# The weights are many, so the square needs time to win. Where does it overtake? Where $4 n^2 w = 24 n w^2$: at $n = 6w$
# patches. A narrow model gets there soon, a wide one late. Does the clock agree? From 256 pixels to 1,024 there are 16
# times as many patches.

# %% concepts=["A3.12"]
clock = {side: min(seconds(lambda x=x: layer(x)) for _ in range(3)) for side, x in pixels_to_tokens.items()}
predicted = {side: sum(vit_flops(side, PATCH, WIDTH, 1)) for side in clock}
pace = clock[1024] / predicted[1024]  # seconds an operation
figure = new_figure(6.4, 3.2)
axes = figure.subplots()
for part, line in ((0, "--"), (1, ":")):
    ys = [pace * vit_flops(side, PATCH, WIDTH, 1)[part] for side in clock]
    axes.plot(list(clock), ys, line, color=NEUTRAL, label=("predicted, weights", "predicted, attention")[part])
axes.plot(list(clock), [pace * predicted[side] for side in clock], color=INK, label="predicted")
axes.plot(list(clock), list(clock.values()), "o", color=INK, label="measured")
axes.set(xscale="log", yscale="log")
axes.set_xticks(list(clock), [str(side) for side in clock], minor=False)
axes.minorticks_off()
axes.legend(frameon=False, fontsize=8)
style_axes(axes, title="Past the crossing, attention sets the price", x="pixels a side", y="seconds for one layer")
show(
    figure, "Seconds of a layer by resolution: measured points along the predicted curve, which attention bends upward."
)
report("256 to 1,024 pixels, measured: so many times as long", clock[1024] / clock[256], bar=25)
print(f"predicted: {predicted[1024] / predicted[256]:.0f}; without attention it would be 16")

# %% [markdown]
# The clock bends as predicted. Where it is harsher than the formula, remember that FLOPs are not seconds: the softmax's
# exponentials are not in them, nor is the way of a large table through the memory.
#
# The crossing, for this narrow layer, for ViT-B and for ViT-L:

# %% concepts=["A3.12"]
for width in (192, 768, 1024):
    side = 16 * (6 * width) ** 0.5
    print(f"width {width:>5}: attention overtakes at {6 * width:>5,} patches, {side:,.0f} pixels a side")

# %% [markdown]
# {{exercise 3.6.4}}
#
# Computing is one thing, room another. One layer of ViT-B/16, 12 heads, reads a picture of 1,024 × 1,024 pixels. Each
# head has a table of who looks at whom, four bytes a number. How many megabytes (a million bytes) are the tables of
# this one layer? Set `megabytes`.

# %% answer="3.6.4"
### BEGIN SOLUTION
megabytes = 12 * ((1024 // 16) ** 2) ** 2 * 4 / 1e6
### STUB
# megabytes = ...
### END SOLUTION

# %% [markdown]
# Again without a class token.

# %% check="3.6.4"
check("3.6.4", megabytes)

# %% [markdown]
# That is why nobody writes the table down any more: FlashAttention (Dao et al. 2022) goes through it in blocks and
# keeps sums. It saves the room, not the operations. Those are saved by fewer tokens: merged patches, as in our fusion,
# or a resampler, as in end-to-end. What it takes for the language model behind, of each picture:

# %% concepts=["A3.12"]
megabytes = working("3.6.4", megabytes)
print(f"tables of one layer: {megabytes:,.0f} MB")
for name, tokens in {"every patch": 4096, "merged 2 × 2": 1024, "a resampler of 64": 64}.items():
    print(f"{name:<18}{tokens:>6,} visual tokens, {tokens**2:>12,} pairs")

# %% [markdown]
# ## The second: pairs are scarce
#
# Texts there are enough of, and pictures, too. *Pairs*, pictures that somebody has described, are what lacks. Train the
# two towers of the dual encoder on 20, 60 and 2,000 captions, for equally many steps.

# %% concepts=["A3.12"]
described = sample_scenes(2000, seed=367)
words, seen = tokenize(captions_of(described)), look(render_pictures(described))


def compare(model, words, seen):
    """How well each picture (rows) fits each caption."""
    pictures, texts = model.towers.encode_patches(seen), model.towers.encode_text(words)
    return model.towers.logit_scale.exp() * pictures @ texts.T


found = {}
for pairs in (20, 60, 2000):
    model = dual.begin(seed=0)
    rows = batches(words[:pairs], seen[:pairs], batch_size=min(pairs, 64), seed=0, steps=160)
    fit(model, rows, lambda model, *some: info_nce(compare(model, *some)), steps=160, learning_rate=3e-3)
    with torch.no_grad():
        own, new = compare(model, words[:20], seen[:20]), compare(model, tokenize(test.captions), test.gallery)
    found[f"{pairs:,} pairs"] = hits_at_k(new).float().mean().item()
    report(f"{pairs} pairs, its own captions found", hits_at_k(own).float().mean().item(), bar=0.90)

# %% [markdown]
# All have learnt what they were shown, by heart if need be. And pictures that are new?

# %% concepts=["A3.12"]
show_bars(
    found,
    title="What is learnt from few pairs holds for those few",
    x="captions found among 64, pairs of shape and colour never seen",
    alt="Three bars: the more pairs were learnt from, the more captions of new pictures are found.",
)
report("captions of new pictures, 20 pairs", found["20 pairs"], at_most=0.40)
report("captions of new pictures, 2,000 pairs", found["2,000 pairs"], bar=0.75)

# %% [markdown]
# ## The third: alignment
#
# The language model of fusion knows its words, and the tower its pictures. What makes one readable to the other is the
# projector, one matrix. Put a fresh one in its place: nothing else changes.

# %% concepts=["A3.12"]
untaught, _ = load_checkpoint(checkpoint_of(fusion))
torch.manual_seed(0)
for part in untaught.projector.modules():
    if isinstance(part, nn.Linear):
        part.reset_parameters()
aligned, lost = (right(fusion, model, test.asked, test.quarters).mean() for model in (models["fusion"], untaught))
report("fusion, as trained", aligned.item(), bar=0.70)
report("fusion, with a projector that learnt nothing", lost.item(), at_most=0.50)

# %% [markdown]
# Everything is still known, on both sides, and nothing is understood. {{term cross-modal-alignment|Alignment}} is not a
# finishing touch. (The word has a second meaning, alignment with what people want: lesson 3.8.)
#
# ## The fourth: hallucination
#
# Show an empty picture, and ask *is there a red circle*. Then ask *what size is the red circle*. A
# {{term hallucination}} is to speak of what is not there. Think of fusion: to which question will it happen?

# %% tags=["widget"]
honest = Predict(
    "On an empty picture, where will fusion speak of what is not there?",
    options=["is there a ...", "what size is the ...", "both", "neither"],
)
honest

# %% [markdown]
# All such questions of the small exam, put to all four.


# %% concepts=["A3.12"]
def share_of(family, kind, answers):
    """Of this kind of question, put to an empty picture, the share to which one of these answers is given."""
    questions = [
        question for question, each in zip(test.asked.questions, test.asked.kinds, strict=True) if each == kind
    ]
    number = len(questions)
    rows, kinds, empty = torch.zeros(number).long(), ["any"] * number, nothing_seen().expand(number, -1, -1)
    each = (Questions(rows, questions, [answer] * number, kinds) for answer in answers)
    return sum(right(family, models[family.name], asked, empty).mean().item() for asked in each)


for family in FAMILIES:
    report(f"{family.name}, what size: names one", share_of(family, "size", ("small", "large")), bar=0.85)
for family in (dual, fusion, mixture):
    report(f"{family.name}, is there: yes", share_of(family, "existence", ("yes",)), at_most=0.20)
report("end-to-end, is there: yes", share_of(end_to_end, "existence", ("yes",)), bar=0.40)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
honest.reveal("what size is the ...")

# %% [markdown]
# Three of four deny that it is there, and all four know how large it is. (End-to-end even sees it, more often than
# not.) *Is there* was answered with *no* half of the time in training; sizes were only asked of things that were there,
# so no way to say *of nothing* was ever learnt. Hallucination is not blindness. It is a habit that comes with the data:
# lesson 3.8 measures it in captions, and breaks it.
#
# ## Your choice
#
# {{exercise 3.6.5}}
#
# Four teams have chosen a family. Which choice do your measurements support, and why? Answer as in `choice = ("a", 1)`.

# %%
options("3.6.5")

# %% [markdown]
# Look at the table once more before you answer.

# %% answer="3.6.5"
### BEGIN SOLUTION
choice = ("c", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.6.5"
check("3.6.5", choice)

# %% [markdown]
# ## What you measured
#
# - With one world, one tower and one budget, fusion and the mixture of experts answered best; the dual encoder failed
#   at relations, and end-to-end computed most and stayed behind.
# - The range of three seeds misses the truth once in four. The best of several seeds is ahead by luck.
# - A family that writes finds well and searches slowly: it reads pairs. Who is on the front depends on what is asked.
# - Attention overtakes the weights at six times as many patches as the model is wide. ViT-B/16 gets there just above
#   1,024 pixels a side.
# - Few pairs are learnt by heart, and an untaught projector leaves two models that do not understand each other.
# - On an empty picture three of four deny that there is anything, and all four say how large it is.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Ranges of three seeds, of two families, overlap a little. What follows?",
             ["The families are equally good", "Nothing yet: more seeds are needed", "The higher mean is better"], 1,
             ["Overlap proves no equality.", "Yes: such a range misses the truth once in four times.",
              "It may well be luck."]),
    Question("A model is less accurate than another, and cheaper. Is it on the front?",
             ["Yes, if no third one beats it", "No, it is beaten", "Only if it is half as expensive"], 0,
             ["Yes: it is worse in one and better in the other.", "To be beaten it must not be cheaper.",
              "How much cheaper is a matter of taste."]),
    Question("The side of a picture is doubled. By what factor grows attention's part?",
             ["4", "8", "16"], 2,
             ["So do the patches, and the work of the weights.", "No part grows like that.",
              "Yes: four times the patches, sixteen times the pairs."]),
    Question("Why does a writing family search slowly?",
             ["It reads every caption behind every picture", "It has more parameters", "Its tower is slower"], 0,
             ["Yes: N × M readings.", "Fusion has fewer than the dual encoder here.", "All share one tower."]),
    Question("From 3.5: what do idle experts save?",
             ["Memory", "Computing", "Both"], 1,
             ["All of them must be there.", "Yes: a token meets only a few.", "They must be stored all the same."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** all four learnt from questions that we wrote for them. Where do instructions come from?
