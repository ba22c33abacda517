# %% [markdown]
# # 2.6 Fine-tuning and partial LoRA
#
# **How does a trained model learn something new without losing what it knew?**
#
# A model that has seen thousands of pictures need not begin again for the next task. But whatever moves its weights
# also moves what it knew. In this lesson you teach old models new things in four ways, and measure both sides of
# the bargain.

# %% tags=["setup"]
import copy

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from utils.evaluation import grounding, report
from utils.evaluation.held_out.clip_scenes import zero_shot_attribute
from utils.evaluation.held_out.plora_scenes import blind_exam, empty_picture, lost, new_things, picture_exam, right
from utils.evaluation.held_out.plora_scenes import text_exams
from utils.evaluation.label_sweep import METHODS, accuracy, accuracy_after, begin, far_task, near_task
from utils.evaluation.label_sweep import stored_longer, stored_sweep, train
from utils.exercises import check, options, working
from utils.figures import show_curves, show_pictures
from utils.models.blocks import count_parameters
from utils.models.lora import add_lora, image_tokens, lora_layers, merge_lora
from utils.models.picture_readers import PictureReader
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.plora_scenes import picture_texts, reading_step
from utils.widgets import LabelCurves, LabelTask, LowRank, Predict, Question, Quiz
from utils.world import VOCABULARY, batches, detokenize, render_pictures, sample_scenes
from utils.world.conversations import prompts
from utils.world.notes import text_rows

# %% [markdown]
# Here is half of the answer, measured before you came: the shape of a thing, learnt from a few labelled pictures, by a
# network that has seen pictures before and by one that has not.

# %% concepts=["A2.13"]
sweep = stored_sweep()
labels = list(sweep["shapes"]["fine-tuned"])
show_curves(
    {name: (labels, [sweep["shapes"][name][n].mean for n in labels]) for name in ("fine-tuned", "from scratch")},
    title="In equally many steps, whoever has seen pictures before needs far fewer labels",
    x="labels",
    y="accuracy, pairs never seen",
    log_x=True,
    level=("chance", 1 / 6),
    alt="Accuracy by number of labels: the fine-tuned network rises early and stays above that from scratch.",
)

# %% [markdown]
# **You will be able to** choose between probe, {{term fine-tuning}} and training from scratch · measure what a model
# forgets · write LoRA, start it rightly and merge it · give a language model eyes by partial LoRA, and prove that its
# text stays the same to the last bit.
#
# **Time** about {{minutes}} minutes · **builds on** 2.1, attention; 2.3, the tower that sees.
#
# ## Begin with what is known
#
# In 2.3 a vision tower learnt from captions: that was its {{term pretraining}}. Now someone brings pictures with
# labels, only a few: what *shape* is this? As always, some pairs of shape and colour are kept for the test.

# %% concepts=["A2.13"]
clip, _ = load_checkpoint("clip_scenes")
shapes = near_task()
pictures, numbers = shapes.draw(6, seed=0)
names = [shapes.classes[i] for i in numbers]
show_pictures(pictures, names, alt="Six pictures of one coloured thing each, with the name of its shape.")

# %% [markdown]
# A classifier is the tower and one linear layer on its class token. Three ways to train it differ in where the tower
# begins and in whether it may move. A {{term linear-probe}} trains the layer alone.

# %% concepts=["A2.13"]
for method in METHODS:
    model = begin(method, clip.vision, len(shapes.classes), seed=0)
    print(f"{method:<13}{count_parameters(model):>8,} parameters are trained")

# %% [markdown]
# All three get the same hundred labels and the same number of steps. Commit to a guess.

# %% tags=["widget"]
guess = Predict("From scratch, with 100 labels for six shapes: what accuracy on new pairs?", low=0.0, high=1.0)
guess

# %% [markdown]
# Now run. Every accuracy is that on things whose pair of shape and colour no training has shown.

# %% concepts=["A2.13"]
with_100 = {name: accuracy_after(shapes, clip.vision, name, labels=100, seed=0) for name in METHODS}
report("fine-tuned", with_100["fine-tuned"], bar=0.75)
report("linear probe", with_100["linear probe"], bar=0.50)
report("from scratch", with_100["from scratch"], at_most=0.75)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(with_100["from scratch"])

# %% [markdown]
# One number of labels and one draw of pictures say little. The sweep behind the next figure takes minutes, so it is
# stored; `python -m utils.evaluation.label_sweep` makes it again. The bands are intervals over five seeds. The second
# task is far from all the tower has seen: digits that people wrote.

# %% tags=["widget"] concepts=["A2.13"]
digits = far_task()
tasks = {}
for name, task in {"shapes": shapes, "handwritten digits": digits}.items():
    curves = {
        method: {n: (found.mean, found.low, found.high) for n, found in points.items()}
        for method, points in sweep[name].items()
    }
    drawn, classes = task.draw(100, seed=0)
    named = [task.classes[i] for i in classes]
    tasks[name] = LabelTask(curves, drawn, named, chance=1 / len(task.classes))
LabelCurves(tasks, labels=100)

# %% [markdown]
# Near its old task, pretraining is worth hundreds of labels. Far from it the gain is small, and the probe is the worst
# of all: what the tower knows of shapes does not tell a three from an eight. Kornblith et al. (2019, "Do better
# ImageNet models transfer better?") found the same: for kinds of cars and of aircraft, pretraining on ImageNet helped
# little.
#
# Read such curves with care, though: all had the same few steps. Given a thousand labels and five times the steps, what
# does training from scratch reach?

# %% concepts=["A2.13"]
for name, value in stored_longer().items():
    report(f"{name} from scratch, five times as long", value, bar=0.90)

# %% [markdown]
# So with labels and time enough it arrives as well. What pretraining saves is both: the labels and the steps.
#
# ## What it forgets
#
# Fine-tune the whole tower on all the digits. What becomes of the old task? CLIP could *name* the colour and the shape
# of things by comparing pictures with sentences. The sentences' tower stays as it is; only the pictures' tower moves.

# %% concepts=["A2.13"]
old = sample_scenes(400, seed=2000, objects=(1, 1), pairs="held_out")


def still_named(vision):
    model = copy.deepcopy(clip)
    model.vision = vision
    right = [zero_shot_attribute(model, old, attribute) for attribute in ("colour", "shape")]
    return torch.stack(right).mean().item()


report("colours and shapes named, before", still_named(clip.vision), bar=0.95)

# %% [markdown]
# Nobody will ask it about colours while it learns digits, which are black. What do you expect?

# %% tags=["widget"]
naming = Predict(
    "After fine-tuning on digits, how much of its naming is left?",
    options=["nearly all: it was not asked to forget", "part of it", "nothing above chance"],
)
naming

# %% [markdown]
# A few seconds are enough.

# %% concepts=["A2.13"]
full = begin("fine-tuned", clip.vision, 10, seed=0)
train(full, digits.pictures, digits.labels, learning_rate=1e-3, seed=0, steps=100)
report("digits", accuracy(full, digits.test_pictures, digits.test_labels), bar=0.80)
report("colours and shapes still named", still_named(full.vision), at_most=0.85)

# %% [markdown]
# That is **catastrophic forgetting** (McCloskey and Cohen 1989): no step was meant to harm the old task, and none was
# told to spare it.

# %% tags=["widget"]
naming.reveal("part of it")

# %% [markdown]
# ## An update of low rank
#
# How large was the change? Subtract the old weights from the new ones. Each such update is a matrix, and a matrix is a
# sum of rank-one pieces, ordered by their singular values. Keep only the first r pieces in every layer:

# %% concepts=["A2.14"]
before, after = begin("fine-tuned", clip.vision, 10, seed=0).state_dict(), full.state_dict()
matrices = [name for name in after if "blocks" in name and after[name].ndim == 2]
updates = {name: after[name] - before[name] for name in matrices}
pieces = {name: torch.linalg.svd(update, full_matrices=False) for name, update in updates.items()}


def keep(rank):
    model = copy.deepcopy(full)
    for name, (u, s, vh) in pieces.items():
        model.get_parameter(name).data = before[name] + u[:, :rank] * s[:rank] @ vh[:rank]
    return model


# %% [markdown]
# The widget shows one of the layers. Its score is that of the whole network, every layer cut to the same rank.

# %% tags=["widget"] concepts=["A2.14"]
ranks = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 96)
scores = {rank: accuracy(keep(rank), digits.test_pictures, digits.test_labels) for rank in ranks}
shown = "vision.blocks.1.attention.output.weight"
LowRank(before[shown], updates[shown], scores, score="Accuracy on held-out digits", rank=4)

# %% [markdown]
# A few ranks of many carry most of what was learnt. **{{term low-rank-adaptation|LoRA}}** (Hu et al. 2021) turns this
# round: freeze W, and let training see only thin matrices B and A, so that the update *cannot* have more ranks.
#
# $$h = W x + \tfrac{\alpha}{r} B A x$$
#
# {{exercise 2.6.1}}
#
# Write `forward`. `x` has its features last, `[..., inputs]`; `weight` is `[outputs, inputs]`, `lora_A`
# `[rank, inputs]` and `lora_B` `[outputs, rank]`.


# %% answer="2.6.1"
class LoRALinear(nn.Module):
    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float):
        super().__init__()
        self.rank, self.alpha = rank, alpha
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5, requires_grad=False)
        self.lora_A = nn.Parameter(torch.randn(rank, inputs) * inputs**-0.5)
        self.lora_B = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        ### BEGIN SOLUTION
        update = x @ self.lora_A.T @ self.lora_B.T
        return x @ self.weight.T + self.alpha / self.rank * update
        ### END SOLUTION


# %% [markdown]
# The check fills all three with numbers of its own.

# %% check="2.6.1"
check("2.6.1", LoRALinear)

# %% [markdown]
# Why does B start at zero? Then B A is zero, and the new layer computes what the old one did: training begins at the
# model that is known to be good.

# %% concepts=["A2.14"]
LoRALinear = working("2.6.1", LoRALinear)
torch.manual_seed(0)
one, x = LoRALinear(6, 4, rank=2, alpha=4), torch.randn(3, 6)
print("the same as without an update:", torch.equal(one(x), x @ one.weight.T))

# %% [markdown]
# A colleague thought: twice zero is safer still. Look at the gradients that training would follow.

# %% concepts=["A2.14"]
for start in ("A random, B zero", "both zero"):
    if start == "both zero":
        nn.init.zeros_(one.lora_A)
    one.zero_grad()
    one(x).square().sum().backward()
    print(f"{start:<17} A moves: {bool(one.lora_A.grad.any())!s:<6} B moves: {bool(one.lora_B.grad.any())}")

# %% [markdown]
# In the first row B moves at once, and from the second step on A does too.
#
# {{exercise 2.6.2}}
#
# This is the colleague's start: it runs, the loss stays where it is, and no error says why. `noise` is standard normal,
# `[rank, inputs]`. Mend it, so that every row of A x has about the size of one entry of x.


# %% answer="2.6.2"
def start_update(noise: Float[Tensor, "rank inputs"], outputs: int) -> tuple[Tensor, Tensor]:
    rank, inputs = noise.shape
    ### BEGIN SOLUTION
    lora_A = noise * inputs**-0.5
    ### STUB
    # lora_A = torch.zeros(rank, inputs)
    ### END SOLUTION
    lora_B = torch.zeros(outputs, rank)
    return lora_A, lora_B


# %% [markdown]
# One line is enough.

# %% check="2.6.2"
check("2.6.2", start_update)

# %% [markdown]
# {{exercise 2.6.3}}
#
# How much does it save? Hu et al. (2021, section 5.5) tried it on GPT-3. It has 96 layers of width 12,288, so that the
# query and the value weight of each are `[12288, 12288]`. Both get LoRA of rank 8, in every layer. How many parameters
# are trained?

# %% answer="2.6.3"
### BEGIN SOLUTION
lora_parameters = 96 * 2 * 8 * (12_288 + 12_288)
### STUB
# lora_parameters = ...
### END SOLUTION

# %% [markdown]
# A calculation is welcome as an answer.

# %% check="2.6.3"
check("2.6.3", lora_parameters)

# %% [markdown]
# And how much is that of the whole?

# %% concepts=["A2.14"]
lora_parameters = working("2.6.3", lora_parameters)
print(f"{lora_parameters / 175e9:.2%} of GPT-3's parameters, for each task")

# %% [markdown]
# Now LoRA on our tower, all of its blocks, for the digits: three ranks, the same hundred steps as before.

# %% concepts=["A2.14"]
start_update = working("2.6.2", start_update)
by_rank, losses = {}, {}
for rank in (1, 4, 16):
    by_rank[rank] = model = begin("fine-tuned", clip.vision, 10, seed=0)
    for name in add_lora(model, "vision.blocks.*", rank, alpha=2 * rank):
        lora = model.get_submodule(name)
        lora.lora_A.data, lora.lora_B.data = start_update(torch.randn(rank, lora.weight.shape[1]), len(lora.weight))
    model.head.requires_grad_(True)
    history = train(model, digits.pictures, digits.labels, learning_rate=5e-3, seed=0, steps=100)
    losses[f"rank {rank}: {count_parameters(model):,} trained"] = (range(1, 101), history.smooth())

# %% [markdown]
# The updates began with your `start_update`.

# %% concepts=["A2.14"]
show_curves(
    losses,
    title="More ranks learn faster, and one goes a long way",
    x="step",
    y="loss (nats)",
    alt="Training loss by step for three ranks: the higher the rank, the sooner it falls.",
)

# %% [markdown]
# Does it forget less? Compare with full fine-tuning, which moved every number of the tower.

# %% concepts=["A2.13", "A2.14"]
lora = by_rank[4]
report("digits, LoRA of rank 4", accuracy(lora, digits.test_pictures, digits.test_labels), bar=0.75)
kept = {"full fine-tuning": still_named(full.vision), "LoRA": still_named(lora.vision)}
report("colours and shapes still named", kept["LoRA"], bar=0.60)
report("more than after full fine-tuning, by", kept["LoRA"] - kept["full fine-tuning"], bar=0.02)

# %% [markdown]
# Less, but not nothing. Biderman et al. (2024) put it in a title: "LoRA learns less and forgets less".
#
# There is one more gift. $W + \tfrac{\alpha}{r} B A$ is a matrix like W. Compute it once, and nothing is left of the
# extra work.
#
# {{exercise 2.6.4}}
#
# Return the merged weight, `[outputs, inputs]`.


# %% answer="2.6.4"
def merge(
    weight: Float[Tensor, "outputs inputs"],
    lora_A: Float[Tensor, "rank inputs"],
    lora_B: Float[Tensor, "outputs rank"],
    alpha: float,
) -> Float[Tensor, "outputs inputs"]:
    ### BEGIN SOLUTION
    return weight + alpha / len(lora_A) * lora_B @ lora_A
    ### END SOLUTION


# %% [markdown]
# The rank is not passed in; the shapes tell it.

# %% check="2.6.4"
check("2.6.4", merge)

# %% [markdown]
# Merge by hand in one layer, and by the course's own `merge_lora` in all of them.

# %% concepts=["A2.14"]
merge = working("2.6.4", merge)
name, layer = next(iter(lora_layers(lora).items()))
by_hand = merge(layer.weight, layer.lora_A, layer.lora_B, layer.alpha)
merged = copy.deepcopy(lora)
merge_lora(merged)
print("one layer, by hand:", torch.allclose(by_hand, merged.get_submodule(name).weight, atol=1e-6))
with torch.no_grad():
    same = torch.allclose(merged(digits.test_pictures), lora(digits.test_pictures), atol=1e-3)
print("the whole network, without extra work:", same)

# %% [markdown]
# ## A language model opens its eyes
#
# Now the case that large models meet every day. A *text* model is good at what it does. It shall learn to read
# pictures, and nobody wants its text to suffer. Ours is tiny: it turns a note into a phrase, and knows which words are
# colours and which are shapes.

# %% concepts=["A2.14"]
model, card = load_checkpoint("plora_scenes")
language = model.language
reply = language.generate(prompts([("star blue small blue",)]), 6)[0]
print("star blue small blue ->", detokenize(reply))
reply = language.generate(prompts([("is blue a shape",)]), 6)[0]
print("is blue a shape ->", detokenize(reply))

# %% [markdown]
# Its exam: new notes, and all the facts. An answer counts if every word is right. The notes are of things that we keep
# for the end: no picture that anybody trains on will show their pairs of shape and colour.

# %% concepts=["A2.14"]
new = new_things()
exams = text_exams(new)
with torch.no_grad():
    old_logits = {name: language(tokens) for name, (tokens, _) in exams.items()}
for name, exam in exams.items():
    report(name, right(old_logits[name], *exam).mean().item(), bar=0.90)

# %% [markdown]
# A picture shall stand where the note stood. The eye is 2.3's tower, taught besides what stands in which part of a
# picture. As in LLaVA (Liu et al. 2023), a {{term projector}} turns what it sees into {{term soft-token|soft tokens}}.
# We allow a single one: size, colour and shape in one vector, for a model that reads word by word.

# %% concepts=["A2.14"]
seen_new = model.see(render_pictures(new))
tokens, learnt = picture_exam(new)
print("what the tower sees", list(seen_new.shape))
print(" ".join(VOCABULARY[i] for i in tokens[0].tolist()))

# %% [markdown]
# Tower and language model are {{term frozen-weights|frozen}}, and the projector alone may be too little. LoRA in the
# language model could help it, but acts on *every* token, so also where there is no picture.
#
# **{{term partial-lora|Partial LoRA}}** (PLoRA; Dong et al. 2024, InternLM-XComposer2) is one idea more: the update
# acts on image tokens only.
#
# {{exercise 2.6.5}}
#
# Return W x at text and W x + scale · B A x at image tokens. `image_mask` `[batch, length]` is True at image tokens.


# %% answer="2.6.5"
def partial_lora(
    x: Float[Tensor, "batch length inputs"],
    weight: Float[Tensor, "outputs inputs"],
    lora_A: Float[Tensor, "rank inputs"],
    lora_B: Float[Tensor, "outputs rank"],
    scale: float,
    image_mask: Bool[Tensor, "batch length"],
) -> Float[Tensor, "batch length outputs"]:
    ### BEGIN SOLUTION
    unchanged = x @ weight.T
    updated = unchanged + scale * (x @ lora_A.T @ lora_B.T)
    return torch.where(image_mask[..., None], updated, unchanged)
    ### END SOLUTION


# %% [markdown]
# Some rows of the check hold no picture at all.

# %% check="2.6.5"
check("2.6.5", partial_lora)

# %% [markdown]
# The course's layer does the same. Hold yours beside it, on a text with a picture in its middle.

# %% concepts=["A2.14"]
partial_lora = working("2.6.5", partial_lora)
layer = nn.Sequential(nn.Linear(6, 4, bias=False))
add_lora(layer, "0", rank=2, alpha=4, partial=True)
nn.init.normal_(layer[0].lora_B)
x, mask = torch.randn(1, 5, 6), torch.tensor([[False, True, True, False, False]])
with image_tokens(layer, mask), torch.no_grad():
    theirs = layer(x)
    ours = partial_lora(x, layer[0].weight, layer[0].lora_A, layer[0].lora_B, 2.0, mask)
print("the same:", torch.allclose(theirs, ours, atol=1e-6))
print("text as without it:", torch.equal(theirs[~mask], (x @ layer[0].weight.T)[~mask]))

# %% [markdown]
# A reader of pictures is a copy of the language model, frozen, with a new projector and such layers. Its mask is read
# off the tokens: wherever `<image>` stands. Train one for a few steps.

# %% concepts=["A2.14"]
torch.manual_seed(0)
young = PictureReader(model.config, language, "partial LoRA")
things = sample_scenes(3000, seed=3, objects=(1, 1))
lesson = *text_rows(picture_texts(things)), model.see(render_pictures(things))
history = fit(young, batches(*lesson, batch_size=64, seed=0, steps=60), reading_step, steps=60, learning_rate=1e-2)
show_curves(
    {"partial LoRA": (range(1, 61), history.smooth())},
    title="The frozen language model begins to read",
    x="step",
    y="loss (nats)",
    alt="The loss of the partial LoRA reader falls over the first sixty steps.",
)

# %% [markdown]
# The checkpoint holds three readers that went on for longer. They saw the same batches in the same order, and differ
# in what moved beside the projector.

# %% concepts=["A2.14"]
readers = model.readers
for method, reader in readers.items():
    print(f"{method:<13}{count_parameters(reader):>7,} parameters trained, {card.steps} steps")

# %% [markdown]
# Which of them will still pass the old exams?

# %% tags=["widget"]
which = Predict(
    "After learning to read pictures, which gives exactly the old logits for every text?",
    options=["LoRA", "partial LoRA", "both", "neither"],
)
which

# %% [markdown]
# First: do they read? {{term grounding|Grounding}} for each, on pairs of shape and colour that the pictures of training
# never showed. The text-only baseline is the language model with `<mask>` in place of the picture.

# %% concepts=["A2.14"]
blind = blind_exam(new)
with torch.no_grad():
    baseline = right(language(blind[0]), *blind)
read_by = {}
for (method, reader), bar in zip(readers.items(), (0.30, 0.75, 0.90), strict=True):
    with torch.no_grad():
        found = grounding(
            lambda shown, reader=reader: right(reader(tokens, shown), tokens, learnt),
            seen_new,
            modality=f"picture ({method})",
            blank=model.see(empty_picture().unsqueeze(0))[0],
            baseline=baseline,
            bar=bar,
        )
    read_by[method] = found.scores["true"].mean
    found.show()

# %% [markdown]
# With the projector alone the frozen model understands less. Both kinds of LoRA help it.

# %% concepts=["A2.14"]
report("LoRA reads more than the projector alone, by", read_by["LoRA"] - read_by["projector"], bar=0.10)
report("partial LoRA, by", read_by["partial LoRA"] - read_by["projector"], bar=0.10)

# %% [markdown]
# Second: what became of the text? Compare every logit with that of before, bit by bit. The young reader of a moment
# ago may take part.

# %% concepts=["A2.14"]
with torch.no_grad():
    for method, reader in [*readers.items(), ("yours, young", young)]:
        same = all(torch.equal(reader(exams[name][0]), old_logits[name]) for name in exams)
        print(f"{method:<13} all logits of text bit for bit as before: {same}")

# %% [markdown]
# There it is, to the last bit. The projector alone leaves text as it was too, since no text passes through it, but it
# reads worse. Only partial LoRA has both.

# %% tags=["widget"]
which.reveal("partial LoRA")

# %% [markdown]
# And in answers that were right before and are wrong now?

# %% concepts=["A2.14"]
gone = {
    method: torch.cat([lost(readers[method], language, exam) for exam in exams.values()]).mean().item()
    for method in ("LoRA", "partial LoRA")
}
report("answers that LoRA lost", gone["LoRA"], bar=0.05)
report("answers that partial LoRA lost", gone["partial LoRA"], at_most=0.0)

# %% [markdown]
# Plain LoRA could be trained more gently and would forget less. It could not be trained so that *nothing* changes.
# Partial LoRA cannot do otherwise: without an image token its update is never added. The price is that it cannot be
# merged, since one weight cannot serve both kinds of token.
#
# {{exercise 2.6.6}}
#
# A clinic's language model answers letters, and every answer was approved, word for word. It shall read X-rays too;
# there are a thousand of them with reports. Which method, and why? Answer as in `choice = ("a", 1)`.

# %%
options("2.6.6")

# %% [markdown]
# Think of what was approved.

# %% answer="2.6.6"
### BEGIN SOLUTION
choice = ("d", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.6.6"
check("2.6.6", choice)

# %% [markdown]
# ## What you measured
#
# - Near what it has seen, a pretrained tower needs a fraction of the labels; far from it, pretraining gains little,
#   and a linear probe least.
# - Full fine-tuning forgot what it was not asked to forget; LoRA, with a small part of the numbers, forgot less.
# - With partial LoRA a text model learnt to read pictures, better than through a projector alone, and its logits for
#   text stayed the same to the last bit. Plain LoRA changed them, and lost answers.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Ten labels for a task close to the pretraining. What first?",
             ["Train from scratch", "Fine-tune or probe the pretrained tower", "Collect a thousand labels"], 1,
             ["It stayed near chance.", "Yes: it knows most of what is asked.", "Perhaps later; first measure."]),
    Question("Why does LoRA start with B at zero and A at random?",
             ["So that nothing changes at first, and something can move", "To save memory", "So that A never moves"], 0,
             ["Yes: B A is zero, its gradient is not.", "Zeros take as much.", "From the second step on it does."]),
    Question("What does merging LoRA cost at run time?",
             ["Twice the time", "A little more memory", "Nothing"], 2,
             ["That is before merging, at most.", "The merged weight has W's shape.", "Yes: it becomes one W."]),
    Question("Why is text bit-identical under partial LoRA?",
             ["The update is small", "The update is never added at text tokens", "Text was in the training data"], 1,
             ["Small is not zero.", "Yes, whatever it has learnt.", "It was not."]),
    Question("From 2.3: why does a CLIP name colours without any labels of colours?",
             ["It compares the picture with sentences", "Its head was trained on them", "Colours are pixels"], 0,
             ["Yes: a class is just another sentence.", "It has no such head.", "Shapes are named too."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** here every new skill moved some weights. Can a model learn a new word from its context alone, without
# moving any?
