# %% [markdown]
# # 3.3 LLaVA
#
# **How does a language model learn to see in two stages, and what does each of them give?**
#
# A language model reads words, and a picture is none. {{term LLaVA}} (Liu et al. 2023) makes it some: a small network
# turns patches into vectors, and they stand in the sentence like words. Then the model is taught in two stages.

# %% tags=["setup"]
import copy

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.held_out.llava_scenes import told
from utils.evaluation.held_out.two_stages import box_exam, boxes_right, boxes_said, training_questions
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.mask_sweep import stored_masks
from utils.evaluation.stage_sweep import answered, answered_in_words, captioned_right, of_kind, picture_exam
from utils.evaluation.stage_sweep import stored_sweep
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_intervals, show_pictures
from utils.models.blocks import count_parameters
from utils.models.gpt import next_token_loss, prefix_mask
from utils.models.llava import picture_prompt
from utils.style import COLOUR_MAP, INK, new_figure, show
from utils.training.checkpoints import CheckpointError, load_checkpoint
from utils.training.recipes import find_recipe
from utils.training.recipes.llava_scenes import PICTURE, encode
from utils.training.recipes.two_stages import KINDS, captioned, learn_stage, rows_of
from utils.training.stages import fingerprint
from utils.widgets import OneSequence, Predict, Question, Quiz
from utils.world import KINDS as ALL_KINDS
from utils.world import NUMBERS, VOCABULARY, render_pictures, sample_scenes
from utils.world.boxes import box_of, framed, words_box
from utils.world.conversations import tell
from utils.world.tokenizer import IMAGE, PAD

# %% [markdown]
# Here is one model at three moments: before the first stage, after it, and after the second. It is asked about a
# picture that holds a pair of shape and colour that no picture of its training showed. The picture was chosen because
# all goes well on it; how often that is so, we shall measure.

# %% concepts=["A3.2"]
stages, card = load_checkpoint("two_stages")
_ = torch.manual_seed(0)
moments = {
    "before": stages.untrained(),
    "after stage 1": stages.after_stage_1(),
    "after stage 2": stages.after_stage_2(),
}
scene = sample_scenes(1, seed=106, objects=(2, 2), pairs="held_out")
picture = render_pictures(scene)
show_pictures(picture, [""], columns=1, inches=1.6, alt="A picture of two shapes.")
for question in ("what colour is the circle", "how many things are there"):
    print(f"{question}?", {name: told(model, [(PICTURE, question)], picture)[0] for name, model in moments.items()})

# %% [markdown]
# **You will be able to** put a picture into a sentence · say which tokens teach and which do not · train the bridge
# alone, and prove that nothing else has moved · tell what each stage gives, and at what price · say what a causal mask
# keeps from a picture · let a model that can only write point at things · find a loader that loads nothing.
#
# **Time** about {{minutes}} minutes · **builds on** 2.4, soft tokens, and 2.8, a model that describes.
#
# ## A reader of documents
#
# We begin with a language model that has never met a picture. It has read documents of little scenes and answered
# questions about them.

# %%
language = stages.language
exam = picture_exam()
document, question = tell(exam.scenes[0]), exam.asked.questions[0]
print(f"{document}\n{question}? {exam.asked.answers[0]}")
report("questions answered, when told in words", answered_in_words(language, exam).mean().item(), bar=0.75)

# %% [markdown]
# It is small, and not perfect. Its documents spoke of *all* pairs of shape and colour, as texts do of most things. The
# pictures to come leave some out.
#
# ## A picture in the place of words
#
# Now let a picture stand where the document stood. The {{term Vision Transformer|vision tower}} of 1.3 sees 16 patches;
# four side by side are joined, as in 2.8, and a {{term projector}} carries each square to the width of the language
# model.

# %% concepts=["A3.2", "A3.7"]
llava = stages.after_stage_2()
soft = llava.soft_tokens(picture)
print("picture", list(picture.shape), "-> soft tokens", list(soft.shape))
print(picture_prompt(f"{PICTURE} <end> {question}", soft.shape[1]))

# %% [markdown]
# Each `<image>` is a {{term soft token|placeholder}}: its own vector is never read. By hand, word by word:

# %%
tokens, _ = encode([(PICTURE, question)], soft.shape[1])
vectors, waiting, by_hand = language.embed(tokens)[0], list(soft[0]), []
for token, vector in zip(tokens[0].tolist(), vectors, strict=True):
    by_hand.append(waiting.pop(0) if token == IMAGE else vector)
by_hand = torch.stack(by_hand)
print("sequence", list(by_hand.shape), "soft tokens left over:", len(waiting))

# %% [markdown]
# {{exercise 3.3.1}}
#
# Now for many texts: `tokens` `[batch, length]`, their vectors `embeddings` `[batch, length, width]`, and `soft`
# `[pictures, k, width]`. Every picture takes k places that hold the id `image`; pictures come in reading order.


# %% answer="3.3.1"
def splice(
    tokens: Int[Tensor, "batch length"],
    embeddings: Float[Tensor, "batch length width"],
    soft: Float[Tensor, "pictures k width"],
    image: int,
) -> Float[Tensor, "batch length width"]:
    ### BEGIN SOLUTION
    sequence = embeddings.clone()
    sequence[tokens == image] = soft.flatten(0, 1)
    return sequence
    ### END SOLUTION


# %% [markdown]
# One text of each batch holds two pictures.

# %% check="3.3.1"
check("3.3.1", splice)

# %% [markdown]
# It must agree with the loop, and with the model's own.

# %% concepts=["A3.7"]
splice = working("3.3.1", splice)
whole = splice(tokens, llava.language.embed(tokens), soft, IMAGE)
print("as the model does it:", torch.equal(whole, llava.embed(tokens, soft)))
print("as by hand:", torch.equal(splice(tokens, language.embed(tokens), soft, IMAGE)[0], by_hand))

# %% [markdown]
# That is all there is to it: **one sequence, one space**. There is no second network for the picture, and no
# cross-attention: from the first layer on every word looks back at squares and at words alike. It is the
# {{term early fusion}} of this family. Qwen-VL (Bai et al. 2023) does the same with 256 places a picture, LLaVA-1.5
# with 576 (Liu et al. 2024).
#
# ## Walk along it
#
# What does the model take to come next, at each place? Stay on the last `<end>` before an answer, and change the stage.

# %% tags=["widget"] concepts=["A3.7"]
talk = (PICTURE, "where is the circle", scene[0].place(next(t for t in scene[0].things if t.shape == "circle")))
line, flags = encode([talk], soft.shape[1])


@torch.no_grad()
def likeliest(model):
    shares, ids = model(line, picture)[0].softmax(-1).topk(4)
    return [
        [(VOCABULARY[i], share) for i, share in zip(some, row, strict=True)]
        for some, row in zip(ids.tolist(), shares.tolist(), strict=True)
    ]


OneSequence(
    [VOCABULARY[i] for i in line[0]],
    picture[0],
    learnt=flags[0].tolist(),
    guesses={name: likeliest(model) for name, model in moments.items()},
)

# %% [markdown]
# ## What is to be learnt
#
# The loss is that of any language model: say the next token. But of the sequence above, the user gives the picture and
# the question. Only the reply may teach.
#
# {{exercise 3.3.2}}
#
# For each position but the last, return the token that its output is scored against, or -100 where none is.
# `learnt` says True for the tokens of replies; it may also say so of an `<image>` or of padding, which teach nothing
# all the same.


# %% answer="3.3.2"
def targets(
    tokens: Int[Tensor, "batch length"], learnt: Bool[Tensor, "batch length"], image: int, pad: int
) -> Int[Tensor, "batch targets"]:
    ### BEGIN SOLUTION
    following = tokens[:, 1:]
    counted = learnt[:, 1:] & (following != image) & (following != pad)
    return following.masked_fill(~counted, -100)
    ### END SOLUTION


# %% [markdown]
# `F.cross_entropy` leaves out all that is -100.

# %% check="3.3.2"
check("3.3.2", targets)

# %% [markdown]
# With it the loss is one line, and the same as the course's. Its gradient tells where it teaches: at the outputs just
# before the reply's tokens, and nowhere else.

# %% concepts=["A3.2"]
targets = working("3.3.2", targets)
logits = llava(line, picture).detach().requires_grad_()
loss = F.cross_entropy(logits[0, :-1], targets(line, flags, IMAGE, PAD)[0], ignore_index=-100)
loss.backward()
print("the course's loss:", torch.allclose(loss, next_token_loss(logits, line, flags)))
teaches = logits.grad[0].abs().sum(dim=1) > 0
print("teaches:", " ".join(VOCABULARY[i] if t else "·" for i, t in zip(line[0, 1:], teaches[:-1], strict=True)))

# %% [markdown]
# ## Stage 1: the bridge alone
#
# First the **feature alignment** (Liu et al. 2023, section 4.2). Tower and language model are
# {{term frozen weights|frozen}}. The projector learns, from captions, to speak the language model's language.

# %%
for name, part in llava.named_children():
    print(f"{name:10} {count_parameters(part):>8,} parameters")

# %% [markdown]
# {{exercise 3.3.3}}
#
# LLaVA-1.5 (Liu et al. 2024) has a projector of two linear layers with biases. The first goes from the 1,024 numbers of
# its tower's patches to the 4,096 of its language model, the second stays there. How many parameters is that?

# %% answer="3.3.3"
### BEGIN SOLUTION
projector_numbers = 1024 * 4096 + 4096 + 4096 * 4096 + 4096
### STUB
# projector_numbers = ...
### END SOLUTION

# %% [markdown]
# Python may do the sum.

# %% check="3.3.3"
check("3.3.3", projector_numbers)

# %% [markdown]
# Beside a language model of 7 billion that is next to nothing:

# %%
projector_numbers = working("3.3.3", projector_numbers)
print(f"{projector_numbers / 1e6:.0f} million, {projector_numbers / 7e9:.1%} of 7 billion")

# %% [markdown]
# Before we train, take fingerprints: a hash over every bit of a part's weights.


# %%
def fingerprints(model):
    return {name: fingerprint(part) for name, part in model.named_children()}


def compare(before, after):
    for name in before:
        print(f"{name:10}", f"as it was, {after[name]}" if before[name] == after[name] else "has learnt")


model = copy.deepcopy(moments["before"])
before = fingerprints(model)

# %% [markdown]
# Now the captions: 5,000 pictures, each with what it holds and where.

# %% concepts=["A3.2"]
history = learn_stage(model, "stage 1", rows_of(model, *captioned()), seed=0, steps=120)
compare(before, fingerprints(model))

# %% [markdown]
# Only the bridge has moved. Its loss, in the first 120 of its steps:

# %%
show_curves(
    {"loss on captions": (range(1, 121), history.smooth())},
    title="The bridge alone learns to be read",
    x="step",
    y="loss (nats a token)",
    alt="The loss on captions falls over 120 steps, while tower and language model stay as they are.",
)
report("loss at the end", history.smooth()[-1], at_most=1.4)

# %% [markdown]
# The checkpoint has gone on to the end. It has been taught to *describe*, and nothing else. But its language model can
# answer questions about documents. Commit to a guess.

# %% tags=["widget"]
guess = Predict(
    "Stage 1 has seen captions only. What share of questions about new pictures does it answer?", low=0.0, high=1.0
)
guess

# %% [markdown]
# Measure, on pairs of shape and colour that no picture of training showed:

# %% concepts=["A3.2"]
first = stages.after_stage_1()
report("pictures told word for word", captioned_right(first, exam.scenes).mean().item(), bar=0.25)
after_first = answered(first, exam)
report("questions answered after stage 1", after_first.mean().item(), bar=0.32)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(after_first.mean().item())

# %% [markdown]
# {{exercise 3.3.4}}
#
# Stage 1 held no question. Why can the model answer some all the same, and what shows it? One more figure before you
# choose:

# %% concepts=["A3.2"]
other = answered(first, exam, exam.pictures.roll(1, 0))
report("the same questions about another's picture", other.mean().item(), at_most=0.45)
options("3.3.4")

# %% [markdown]
# Answer with a letter and a number, as in `choice = ("a", 1)`.

# %% answer="3.3.4"
### BEGIN SOLUTION
choice = ("b", 1)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.3.4"
check("3.3.4", choice)

# %% [markdown]
# ## Stage 2: instructions
#
# Now the language model learns too, from what a user would say: three questions about a picture, one after the other,
# or *what is in the picture*. LLaVA had 158,000 such texts (Liu et al. 2023, section 3), beside 595,000 captions for
# stage 1; ours are about 1,500 pictures, beside 5,000. The tower stays frozen.

# %% concepts=["A3.2"]
second = stages.after_stage_2()
compare(fingerprints(first), fingerprints(second))
after_second = answered(second, exam)
report("questions answered after stage 2", after_second.mean().item(), bar=0.78)

# %% [markdown]
# By kind, after each stage:

# %% concepts=["A3.2"]
by_kind = {
    f"{kind}, {name}": found[of_kind(exam, kind)].mean().item()
    for kind in KINDS
    for name, found in (("stage 1", after_first), ("stage 2", after_second))
}
show_bars(
    by_kind,
    title="Stage 2 adds to every kind of answer",
    x="share of questions answered rightly",
    alt="Two bars for each kind of question, one after stage 1 and one after stage 2.",
)

# %% [markdown]
# Does it look? True pictures, shuffled and blank ones; and what the words of the question alone would let one guess.

# %% concepts=["A3.2"]
grounding(
    lambda pictures: answered(second, exam, pictures),
    exam.pictures,
    modality="picture",
    baseline=without_eyes(training_questions(), exam.asked),
    bar=0.75,
).show()

# %% [markdown]
# And what did the language model pay? It is asked again in words, about documents that no stage has shown it.

# %%
for name, bar, one in (("before", 0.75, first), ("after stage 2", 0.60, second)):
    report(f"in words, {name}", answered_in_words(one.language, exam).mean().item(), bar=bar)

# %% [markdown]
# ## Which of the two?
#
# What does it get wrong? Set pictures of one thing apart from pictures of two.

# %% concepts=["A3.2"]
asked = exam.asked
about = [exam.scenes[i] for i in asked.scene]
two = torch.tensor([len(each.things) == 2 for each in about])
report("right, of one thing", after_second[~two].mean().item(), bar=0.92)
report("right, of two", after_second[two].mean().item(), at_most=0.78)

# %% [markdown]
# Of two things, a question means one. Perhaps the model cannot see well, or perhaps it answers for the wrong one.

# %% tags=["widget"]
mixed_up = Predict("What share of its wrong answers about two things is true of the other thing?", low=0.0, high=1.0)
mixed_up

# %% [markdown]
# Let it write, and look up each wrong answer. Counts are left out: they mean both things.

# %% concepts=["A3.2"]
said = told(second, [(PICTURE, question) for question in asked.questions], exam.pictures)
wrong = []
for each, kind, words, answer in zip(about, asked.kinds, said, asked.answers, strict=True):
    if len(each.things) == 2 and kind != "count" and words != answer:
        wrong.append(words in [each.place(thing) if kind == "place" else getattr(thing, kind) for thing in each.things])
of_other = sum(wrong) / len(wrong)
report("true of the other thing", of_other, bar=0.9)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
mixed_up.reveal(of_other)

# %% [markdown]
# It sees both, and does not know which is meant. Look at its sequence again: the squares stand *before* the question,
# behind a {{term causal mask}}. What can a square know of it?

# %% tags=["widget"]
deaf = Predict(
    "Ask something else about the same picture. What changes in what the model makes of its four squares?",
    options=["nothing", "the square that is meant", "all four"],
)
deaf

# %% [markdown]
# Ask two questions: as the model is, and then with a **prefix**, where picture and question see one another, and only
# the reply may not look ahead.

# %% concepts=["A3.2"]
both, _ = encode([(PICTURE, "where is the circle"), (PICTURE, "how many things are there")], soft.shape[1])
for name, prefix in (("causal", None), ("prefix", both != PAD)):
    squares = second(both, picture.expand(2, -1, -1, -1), prefix)[:, 1 : 1 + soft.shape[1]]
    changed = (squares[0] - squares[1]).abs().amax(dim=1) > 1e-4
    print(f"{name}: {changed.sum()} of {soft.shape[1]} squares change")

# %% [markdown]
# As you thought?

# %% tags=["widget"]
deaf.reveal("nothing")

# %% [markdown]
# Here are both masks; what is light may be looked at. The dark corner on the left is one of 3.2's walls, *patches that
# cannot look at words*, and there it cost most.

# %%
is_prompt = torch.arange(11)[None] < 8  # four squares, four words of a question, three of a reply
figure = new_figure(6.0, 2.9)
for axes, name in zip(figure.subplots(1, 2), ("causal", "prefix"), strict=True):
    axes.imshow(prefix_mask(is_prompt & (name == "prefix"))[0], cmap=COLOUR_MAP, vmin=0, vmax=1)
    axes.set_title(name, loc="left", fontsize=10, color=INK)
    axes.set_xticks([1.5, 5.5, 9], ["picture", "question", "reply"], fontsize=8)
    axes.set_yticks([1.5, 5.5, 9], ["picture", "question", "reply"], fontsize=8)
show(figure, "Two tables of who may look at whom. Causal: nobody looks ahead. Prefix: only the reply does not.")

# %% [markdown]
# And here? Two LLaVAs learnt 3.2's questions, from nothing and in as many steps as 3.2's models. They are alike but for
# the mask; two seeds each.

# %% concepts=["A3.2"]
masks = stored_masks()
show_bars(
    {f"{kind}, {mask}": shares[kind].mean for kind in ALL_KINDS for mask, shares in masks.items()},
    title="With a prefix it learns which of the two is meant",
    x="share of questions answered rightly, pairs never seen",
    alt="Two bars for each kind of question, one with a causal mask and one with a prefix.",
)
print({mask: f"{shares['all'].mean:.2f}" for mask, shares in masks.items()})

# %% [markdown]
# PaliGemma (Beyer et al. 2024, section 3.1) reads picture and question as a prefix, and writes causally. LLaVA stays
# causal: with 7 billion parameters and more, its words can find out which square is meant. Ours, in these steps, did
# not.
#
# ## What does each stage give?
#
# A recipe in two stages may be wisdom or habit. So change one thing at a time, and keep the number of steps: **skip
# stage 1**, and give stage 2 all steps; **unfreeze early**, so that the language model learns in stage 1 as well; begin
# with **no pretrained tower**, and let it learn along.

# %% tags=["widget"]
ablation = Predict(
    "Which change costs most on new pairs of shape and colour?",
    options=["skip stage 1", "unfreeze early", "no pretrained tower"],
)
ablation

# %% [markdown]
# Trained beforehand with two seeds each, in fewer steps than the checkpoint; asked about what no picture of training
# showed:

# %% concepts=["A3.2"]
ways = stored_sweep()
show_intervals(
    {way: found["all"] for way, found in ways.items()},
    title="Of the three, only the missing tower costs answers",
    x="share of questions answered rightly",
    alt="An interval for each of four ways of training: three lie close together, and the one without a pretrained "
    "tower lies below them.",
    level=("words alone", without_eyes(training_questions(), exam.asked).mean().item()),
)

# %% [markdown]
# What did you expect?

# %% tags=["widget"]
ablation.reveal("no pretrained tower")

# %% [markdown]
# The same by kind, with shuffled and blank pictures, and what each way can still answer *in words*:

# %% concepts=["A3.2"]
columns = ("all", *KINDS, "shuffled", "blank", "in words")
print(f"{'':20}" + "".join(f"{name:>11}" for name in columns))
for way, found in ways.items():
    print(f"{way:20}" + "".join(f"{found[name].mean:11.2f}" for name in columns))

# %% [markdown]
# Read it as it is. A tower that has seen nothing before learns colours, and far fewer shapes. Unfreezing early buys no
# answers, and costs some of what the language model could do in words. And **skipping stage 1 costs nothing** that two
# seeds could show: our stage 2 describes pictures, too, and can build the bridge by itself.
#
# Large models disagree on it as well. Without stage 1, LLaVA lost five points on ScienceQA (Liu et al. 2023, section
# 5.2). Prismatic VLMs (Karamcheti et al. 2024, section 4.1) trained in one stage, at no loss and less cost.
#
# ## Places as words
#
# In one sequence of tokens, the answer is made of tokens as well. So how could a model that only writes *point*?
# Qwen-VL (Bai et al. 2023, section 2.2) writes the corners of a box as text: `(x1,y1),(x2,y2)`, in thousandths of the
# picture. To the network they are words like any others.
#
# {{exercise 3.3.5}}
#
# `box` is (left, top, right, bottom) in whole pixels. Return four whole numbers: how many of the `ticks` equal parts of
# its side each edge has fully reached, at most `ticks - 1`.


# %% answer="3.3.5"
def box_numbers(box: tuple[int, int, int, int], width: int, height: int, ticks: int) -> list[int]:
    ### BEGIN SOLUTION
    sides = (width, height, width, height)
    return [min(ticks * edge // side, ticks - 1) for edge, side in zip(box, sides, strict=True)]
    ### END SOLUTION


# %% [markdown]
# Wide pictures, tall ones, and a box that ends at the border.

# %% check="3.3.5"
check("3.3.5", box_numbers)

# %% [markdown]
# Our vocabulary has ten number words, so a picture has ten ticks a side. Stage 2 asked for such boxes in its talks:
# first *where is the ring*, and then *where is the ring in the picture*.

# %% concepts=["A3.7"]
box_numbers = working("3.3.5", box_numbers)
circle = next(thing for thing in scene[0].things if thing.shape == "circle")
print("in truth:", " ".join(NUMBERS[i] for i in box_numbers(box_of(circle), 32, 32, 10)))
print("it says: ", boxes_said(second, ["where is the circle"], picture)[0])

# %% [markdown]
# Drawn back into pictures, for new pairs:

# %% concepts=["A3.7"]
scenes = sample_scenes(200, seed=34, pairs="held_out")
questions, boxes, about = box_exam(scenes, seed=34)
shown = render_pictures(scenes)[about]
answers = boxes_said(second, questions[:6], shown[:6])
show_pictures(
    torch.stack([framed(one, [words_box(words)]) for one, words in zip(shown, answers, strict=False)]),
    [f"{question}?" for question in questions[:6]],
    alt="Six pictures of one or two shapes; a frame that the model has named in words stands around one shape of each.",
)

# %% [markdown]
# A box counts when its {{term intersection over union|overlap}} with the true one is at least a half, as in tests of
# referring expressions. Ours are far from perfect: one edge that is named wrongly spoils a box of so few ticks. With
# another's picture the words are as fluent, and mostly wrong.

# %% concepts=["A3.7"]
found, other = (boxes_right(second, questions, boxes, some).float().mean().item() for some in (shown, shown.roll(1, 0)))
report("boxes", found, bar=0.50)
report("boxes, shuffled pictures", other, at_most=0.30)

# %% [markdown]
# ## The clinic: no error, nothing loaded
#
# A colleague wants the trained projector in a new model. The file holds the whole LLaVA, and `load_state_dict`
# complains of missing keys. On a tracker, somebody's advice is `strict=False` (issue 420 of haotian-liu/LLaVA,
# September 2023). No more complaints.

# %% concepts=["A3.2"]
file = second.state_dict()
patient = copy.deepcopy(second)
patient.projector = copy.deepcopy(moments["before"].projector)
began = fingerprint(patient.projector)
_ = patient.projector.load_state_dict(file, strict=False)

# %% [markdown]
# The language model is the trained one, the tower too. What will the patient's answers be worth?

# %% tags=["widget"]
clinic = Predict("What share of the questions does the patient answer?", low=0.0, high=1.0)
clinic

# %% [markdown]
# Measure it, with true pictures and with shuffled ones.

# %% concepts=["A3.2"]
sick = answered(patient, exam)
report("the patient", sick.mean().item(), at_most=0.40)
other = answered(patient, exam, exam.pictures.roll(1, 0)).mean().item()
report("true less shuffled pictures", sick.mean().item() - other, at_most=0.1)

# %% [markdown]
# It speaks well, and it guesses: blind, with its eyes open.

# %% tags=["widget"]
clinic.reveal(sick.mean().item())

# %% [markdown]
# Find it. The fingerprint says whether anything was loaded; the names say why not.

# %% concepts=["A3.2"]
print("as before loading:", fingerprint(patient.projector) == began)
print("the projector's names:", list(patient.projector.state_dict()))
print("the file's names:", [name for name in file if "projector" in name])

# %% [markdown]
# {{exercise 3.3.6}}
#
# Here is what `strict=False` does, in one line. Mend it. `own` holds the projector's tensors by name, `saved` those of
# the whole file; return what the projector is to hold.


# %% answer="3.3.6"
def load(own: dict[str, Tensor], saved: dict[str, Tensor]) -> dict[str, Tensor]:
    ### BEGIN SOLUTION
    return {name: saved[f"projector.{name}"] for name in own}
    ### STUB
    # return {name: saved.get(name, tensor) for name, tensor in own.items()}
    ### END SOLUTION


# %% [markdown]
# The check's files hold other parts, too, with names that end alike.

# %% check="3.3.6"
check("3.3.6", load)

# %% [markdown]
# Mended, and strict again:

# %% concepts=["A3.2"]
load = working("3.3.6", load)
_ = patient.projector.load_state_dict(load(patient.projector.state_dict(), file))
print("as in the file:", fingerprint(patient.projector) == fingerprint(second.projector))
report("the patient, mended", answered(patient, exam).mean().item(), bar=0.78)

# %% [markdown]
# The course's own loader has no `strict=False`. Give it a checkpoint of another family:

# %%
try:
    load_checkpoint("clip_scenes", recipe=find_recipe("two_stages"))
except CheckpointError as error:
    print(error)

# %% [markdown]
# ## What you measured
#
# - **Fingerprints**: stage 1 left tower and language model as they were, to the last bit; stage 2 left the tower.
# - Stage 1 taught a bridge to *describe*; the frozen language model could answer some questions with it that no caption
#   asks. Stage 2 taught it to answer all kinds.
# - Behind a **causal mask** no square knows the question: where ours was wrong about two things, it told of the other
#   one. With picture and question as a **prefix**, the same LLaVA learnt which is meant.
# - At equal steps, a **pretrained tower** mattered; skipping stage 1 did not, at our size and with our data.
# - A model that only writes can **point**: its boxes are words, and they are wrong for another's picture.
# - A projector that was never loaded speaks as fluently as a trained one. Shuffled pictures and a fingerprint tell.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What does the language model read where <image> stands?",
             ["The vector of <image>", "A soft token of the picture", "Nothing"], 1,
             ["Its own vector is never read.", "Yes: the placeholder only keeps the place.",
              "Then it would be blind."]),
    Question("What learns in stage 1?",
             ["The projector", "Projector and language model", "The vision tower"], 0,
             ["Yes, and nothing else: the fingerprints show it.", "That is stage 2.", "It stays frozen in both."]),
    Question("Why does the user's question not count in the loss?",
             ["It is too long", "The model would learn to ask, and not to answer", "It has no gradient"], 1,
             ["Its length does not matter.", "Yes: only replies teach.", "It would have one."]),
    Question("Why does a small causal LLaVA mix up two things?",
             ["It sees only one of them", "Its squares cannot know which one is meant", "It forgets the question"], 1,
             ["Its wrong answers were true of the other.", "Yes: they stand before the question.",
              "It answered with the right kind of word."]),
    Question("From 2.4: what does a word do in cross-attention that it does not do here?",
             ["Ask keys that are not in its own sequence", "Look back at earlier words", "Take a position"], 0,
             ["Yes: here the picture stands in the sequence itself.", "It does both here and there.",
              "Here every token has one."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** this language model changed as it learnt to see. The next one may not change by a single bit.
