# %% [markdown]
# # 3.7 Pretraining and instruction tuning
#
# **What do the two stages of training teach, and where do instructions come from?**
#
# A model that has read the whole web can go on with any text. That is not yet an assistant: asked a question, it may
# go on with another. It takes a second, much shorter training to make it answer, on examples that somebody must write.
# Who? And what if they err?

# %% tags=["setup"]
import math
from collections import Counter

import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.held_out.described_scenes import describe_pictures, descriptions_right
from utils.evaluation.held_out.llava_scenes import told
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.instruction_sweep import COPIES, EXAMS, SIZES, SOURCES, collect, exam
from utils.evaluation.instruction_sweep import follows, rows_of, stored_sweep, tune
from utils.exercises import check, options, working
from utils.figures import show_curves, show_intervals, show_pictures
from utils.models.gpt import next_token_loss
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.described_scenes import begin, descriptions, examples
from utils.training.recipes.llava_scenes import PICTURE, seen
from utils.widgets import Chat, LabelCurves, LabelTask, Predict, Question, Quiz
from utils.world import BACKGROUND, VOCABULARY, Scenes, batches, render_pictures, sample_scenes, tokenize
from utils.world.instructions import NEW_WORDINGS, WORDINGS, imagine, mention, reword
from utils.world.questions import true_answer
from utils.world.scenes import places

# %% [markdown]
# Here is an answer. One model was taught to answer in three ways, with equally many examples: written by people, by a
# teacher who reads captions and sees no picture, or made out of a few by turning pictures and words. Asked is in
# wordings that none of them had heard. The lines are intervals over three seeds.

# %% concepts=["A3.10"]
sweep, most = stored_sweep(), SIZES[-1]
show_intervals(
    {source: sweep["new wording"][source][most] for source in SOURCES},
    title=f"{most} instructions from three sources, asked in new words",
    x="share of right answers about pairs never seen",
    alt="Share of right answers after training on annotated, synthesised and augmented instructions, with intervals.",
)

# %% [markdown]
# **You will be able to** train both stages, and say what each of them gave · make many examples out of one, and split
# them without fooling yourself · find what a student has inherited from its teacher · choose a source.
#
# **Time** about {{minutes}} minutes · **builds on** 1.3, language models; 3.3, LLaVA.
#
# ## Stage 1: what comes next
#
# {{term pretraining|Pretraining}} takes what there is plenty of: pictures beside a text that somebody once wrote. No
# one asks anything. Ours tell what stands where, in reading order.

# %% concepts=["A3.9"]
scenes = sample_scenes(2000, seed=70)
pictures = render_pictures(scenes)
show_pictures(
    pictures[:4],
    [text for _, text in descriptions(scenes[:4])],
    columns=4,
    wrap=27,
    inches=1.7,
    alt="Four pictures of one or two coloured shapes above texts that say what stands where.",
)

# %% [markdown]
# The model is a LLaVA as in 3.3, a little smaller: a frozen tower, a projector, a language model that knows no word
# yet. The loss is that of every language model since 1.3: predict the {{term next-token-prediction|next token}}, here
# with a picture in front.


# %% concepts=["A3.9"]
def loss(model, tokens, learnt, features):
    sequence = model.embed(tokens, model.projector(features))
    return next_token_loss(model.language.decode(sequence), tokens, learnt)


model = begin(seed=0)
data = examples(model, scenes, seed=0)
history = fit(model, batches(*data, batch_size=64, seed=0, steps=120), loss, steps=120, learning_rate=2e-3)
report("loss at the first step", history.losses[0], bar=4.0)
report("loss after 120 steps", sum(history.losses[-10:]) / 10, at_most=1.2)

# %% [markdown]
# At first every word is as likely as any other, and the loss is the logarithm of their number. Grammar comes at once;
# what is *seen* is learnt in the long tail:

# %% concepts=["A3.9"]
show_curves(
    {"loss": (range(1, 121), history.losses)},
    level=(f"chance, ln({len(VOCABULARY)})", math.log(len(VOCABULARY))),
    title="Predicting the next token of descriptions",
    x="step",
    y="loss (nats a token)",
    alt="Training loss by step, from chance down.",
)

# %% [markdown]
# The checkpoint went on for longer. Does it describe pairs that it never saw? And does it look? The
# baseline is the commonest description: whoever sees nothing can do no better.

# %% concepts=["A3.9"]
base, card = load_checkpoint("described_scenes")
told_most = Counter(text for _, text in descriptions(sample_scenes(4000, seed=61))).most_common(1)[0][0]
new = sample_scenes(200, seed=71, pairs="held_out")
shown = render_pictures(new)
commonest = torch.tensor([float(text == told_most) for _, text in descriptions(new)])
ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
grounding(
    lambda shown: descriptions_right(base, new, shown),
    shown,
    modality="picture",
    blank=ground,
    baseline=commonest,
    bar=0.90,
).show()

# %% [markdown]
# It sees, and it can tell. Now ask it something.

# %% tags=["widget"]
guess = Predict(
    "It tells rightly what stands where. Asked “where is the ring”, how often will it answer?",
    options=["nearly always", "about half the time", "never"],
)
guess

# %% [markdown]
# Four questions, in the plainest words:

# %% concepts=["A3.9"]
known, unheard = (rows_of(base, exam(name)) for name in ("known wording", "new wording"))
asked = exam("known wording")
shown, first = asked.pictures[asked.asked.scene[:4]], asked.asked.questions[:4]
said = told(base, [(PICTURE, question) for question in first], shown)
show_pictures(
    shown,
    [f"{question}? {words or '(nothing)'}" for question, words in zip(first, said, strict=True)],
    columns=4,
    wrap=26,
    inches=1.7,
    alt="Four pictures, each with a question and what the model writes after it: no answer.",
)
report("questions answered after stage 1", follows(base, known).mean().item(), at_most=0.05)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal("never")

# %% [markdown]
# It has never met a question. What it knows it can only say in the way in which it heard it.
#
# ## Stage 2: following instructions
#
# {{term instruction-tuning|Instruction tuning}} (Wei et al. 2022; for pictures Liu et al. 2023, "Visual instruction
# tuning") goes on with the same loss and the same model. Only the texts are others: an instruction, which is read, and
# the answer that one would like, which is learnt.

# %% concepts=["A3.10"]
annotated = collect("annotated", 512, seed=0)
for i in range(4):
    print(f"{annotated.asked.questions[i]}: {annotated.asked.answers[i]}")

# %% [markdown]
# These are {{term annotation|annotated}}: people looked, and wrote, each in their own words. A few seconds of training
# on 512 of them, from the model that describes.

# %% concepts=["A3.10"]
student, _ = tune(base, rows_of(base, annotated), seed=0, steps=200)
report("answers in known words", follows(student, known).mean().item(), bar=0.60)
report("answers in words never heard", follows(student, unheard).mean().item(), bar=0.50)

# %% [markdown]
# Does stage 1 matter, then? The same stage 2, on a model that skipped it:

# %% concepts=["A3.9", "A3.10"]
skipped, begun = sweep["known wording"]["annotated, no stage 1"], sweep["known wording"]["annotated"]
show_intervals(
    {
        f"{size} instructions, {name}": scores[size]
        for size in skipped
        for name, scores in (("after stage 1", begun), ("without it", skipped))
    },
    title="What stage 1 adds to the same instructions",
    x="share of right answers about pairs never seen",
    alt="Share of right answers with and without the first stage, with intervals.",
)
for size in skipped:
    report(f"{size} instructions: stage 1 adds", begun[size].mean - skipped[size].mean, bar=0.05)

# %% [markdown]
# The first stage gives what the model knows, from data that nobody had to write for it; the second how to say it. With
# plenty of instructions the second can teach seeing too, and seldom there are plenty. Zhou et al. (2023, "LIMA") tuned
# a large language model on just 1,000 of them.
#
# Does the student look? The baseline is the most usual answer to a question of its form.

# %% concepts=["A3.10"]
tested = asked.asked
blind = without_eyes(collect("annotated", 2048, seed=9).asked, tested)
chance = blind.mean().item()
grounding(
    lambda shown: follows(student, (*known[:2], seen(student, shown))),
    asked.pictures[tested.scene],
    modality="picture",
    blank=ground,
    baseline=blind,
    bar=0.60,
).show()

# %% [markdown]
# ## A teacher without eyes
#
# People are slow. Liu et al. (2023, section 3) let a language model write 158,000 instructions about pictures that it
# could not see: it was given captions, and the boxes of things. Such {{term synthetic-data}} is cheap, and as true as
# what the teacher was given.
#
# Our teacher is a program that reads short captions without a slip. They say what there is, and not where, as captions
# mostly do. What does it see before its mind's eye?

# %% concepts=["A3.10"]
some = sample_scenes(4, seed=75)
both = torch.cat([render_pictures(some), render_pictures(Scenes.of(map(imagine, some)))])
show_pictures(
    both,
    [mention(scene) for scene in some] + ["what the teacher imagines"] * 4,
    columns=4,
    wrap=24,
    alt="Four pictures with short captions; below, what a reader imagines: the same things, all in the top row.",
)

# %% [markdown]
# It is never at a loss: the first thing goes to the top left, the second to the top right. How much of what it writes
# is wrong?


# %% concepts=["A3.10"]
def is_right(scene, question, answer):
    try:
        return true_answer(scene, question) == answer
    except ValueError:  # it asks for a thing where none stands
        return False


synthesised, seen_scenes = collect("synthesised", 512, seed=0), sample_scenes(512, seed=0)
rows = list(zip(synthesised.asked.scene.tolist(), synthesised.asked.questions, synthesised.asked.answers, strict=True))
true = torch.tensor([is_right(seen_scenes[i], question, answer) for i, question, answer in rows])
where = torch.tensor([kind == "place" for kind in synthesised.asked.kinds])
print(f"right of all {true.float().mean():.2f}, of those that ask for a place {true[where].float().mean():.2f}")

# %% [markdown]
# Most is right. And the student has learnt in stage 1 where things stand: its descriptions say so. Now it learns from
# this teacher.

# %% tags=["widget"]
inherits = Predict(
    "Asked where the one thing in a picture stands, the student of this teacher...",
    options=["says where it sees it", "says what the teacher would", "is at a loss"],
)
inherits

# %% [markdown]
# Its answers, beside the descriptions of the model that it began as, and the answers of the student of people:

# %% concepts=["A3.10"]
blind_student, _ = tune(base, rows_of(base, synthesised), seed=0, steps=200)
of_one = exam("places")
shown, wanted = of_one.pictures[of_one.asked.scene], of_one.asked.answers
ways = {
    "before, in its description": [text.partition(" in the ")[2] for text in describe_pictures(base, shown)],
    "student of people": told(student, [(PICTURE, question) for question in of_one.asked.questions], shown),
    "student of the teacher": told(blind_student, [(PICTURE, question) for question in of_one.asked.questions], shown),
}
for name, said in ways.items():
    share = sum(a == b for a, b in zip(said, wanted, strict=True)) / len(wanted)
    report(f"{name}: right places", share, **({"at_most": 0.40} if "teacher" in name else {"bar": 0.75}))
report("student of the teacher: top left", ways["student of the teacher"].count("top left") / len(wanted), bar=0.80)

# %% [markdown]
# The model that it began as said where the thing stands; the student says what it was taught. A teacher's *systematic*
# mistakes are not averaged out: they are learnt, like everything else.

# %% tags=["widget"]
inherits.reveal("says what the teacher would")

# %% [markdown]
# ## Cleaning
#
# What a machine wrote, a machine can check. The usual filter is CLIP: keep the texts that score best with their
# picture (Gadre et al. 2023, "DataComp"). An alternative is somebody who was trained to look. We have one:
# the model after stage 1.
#
# {{exercise 3.7.1}}
#
# `description` is such as "a large red ring in the top left and a small blue star in the top right". Return the place
# of the object whose name holds all of `words`, or "" if there is none.


# %% answer="3.7.1"
def place_in(description: str, words: list[str]) -> str:
    ### BEGIN SOLUTION
    for part in description.split(" and "):
        name, _, place = part.partition(" in the ")
        if set(words) <= set(name.split()):
            return place
    return ""
    ### END SOLUTION


# %% [markdown]
# In the check two things may share a colour, a size or a shape.

# %% check="3.7.1"
check("3.7.1", place_in)

# %% [markdown]
# Both filters, on the instructions that ask for a place. CLIP reads question and answer as a caption, and keeps it if
# no other place fits the picture better.

# %% concepts=["A3.10"]
place_in = working("3.7.1", place_in)
asking = synthesised.only(where)
pictures = asking.pictures[asking.asked.scene]
things = [question.removeprefix("where is the ") for question in asking.asked.questions]
said = [
    place_in(text, thing.replace("thing", "").split())
    for text, thing in zip(describe_pictures(base, pictures), things, strict=True)
]
keeps = {"descriptions": said}
clip, _ = load_checkpoint("clip_scenes")
with torch.no_grad():
    captions = [f"a {thing} in the {place}" for thing in things for place in places()]
    images, texts = clip(pictures, tokenize(captions))
best = torch.einsum("nw,npw->np", images, texts.view(len(things), len(places()), -1)).argmax(dim=1)
keeps["CLIP"] = [places()[i] for i in best.tolist()]

# %% [markdown]
# Of what each of them keeps, how much is right? In pictures of one thing, and of two:

# %% concepts=["A3.10"]
many = seen_scenes.count[asking.asked.scene]
for name, found in keeps.items():
    kept = torch.tensor([a == b for a, b in zip(found, asking.asked.answers, strict=True)])
    for number in (1, 2):
        share = true[where][kept & (many == number)].float().mean().item()
        limit = {"at_most": 0.6} if (name, number) == ("CLIP", 2) else {"bar": 0.90}
        report(f"kept by {name}, things in the picture {number}: right", share, **limit)

# %% [markdown]
# CLIP cleans well where one thing stands, as in the captions from which it learnt places. With two it keeps mistakes as
# gladly as truths: nobody taught it which of them is where. **A filter takes out what it can see.**
#
# ## Many out of few
#
# The third source: {{term data-augmentation}}. Each annotated example is put into other words, and its picture
# mirrored. Nothing is asked of people but a list of wordings:

# %% concepts=["A3.10"]
for wording in (*WORDINGS, *NEW_WORDINGS):
    print(
        "kept for the exam:" if wording in NEW_WORDINGS else "for training:     ", reword("where is the ring", wording)
    )

# %% [markdown]
# {{exercise 3.7.2}}
#
# Return the example's mirror image: the picture `[3, height, width]`, question and answer, so that the answer is right
# again.


# %% answer="3.7.2"
def mirrored(
    picture: UInt8[Tensor, "3 height width"], question: str, answer: str
) -> tuple[UInt8[Tensor, "3 height width"], str, str]:
    ### BEGIN SOLUTION
    sides = {"left": "right", "right": "left"}
    texts = [" ".join(sides.get(word, word) for word in text.split()) for text in (question, answer)]
    return picture.flip(-1), *texts
    ### END SOLUTION


# %% [markdown]
# In the check sides are named in questions, in answers, and in both.

# %% check="3.7.2"
check("3.7.2", mirrored)

# %% [markdown]
# An example, and what became of it:

# %% concepts=["A3.10"]
mirrored = working("3.7.2", mirrored)
one = sample_scenes(1, seed=77, objects=(1, 1))
question, answer = f"where is the {one[0].things[0].shape}", one[0].place(one[0].things[0])
turned, its_question, its_answer = mirrored(render_pictures(one)[0], question, answer)
show_pictures(
    torch.stack([render_pictures(one)[0], turned]),
    [f"{question}: {answer}", f"{its_question}: {its_answer}"],
    columns=2,
    wrap=40,
    inches=2.0,
    alt="A picture and its mirror image, each with a question for a place and the answer.",
)

# %% [markdown]
# Four wordings, two sides: eight examples out of one. That is also a trap. A colleague augments first, keeps every
# fourth row for validation, and reports a score too good to be true.
#
# {{exercise 3.7.3}}
#
# `pictures` holds the number of each row's picture; the mirror image of picture i has the number `originals + i`.
# Return for each row whether it is for validation: every fourth original, from number 0 on. Mend the line.


# %% answer="3.7.3"
def for_validation(pictures: Int[Tensor, " rows"], originals: int) -> Bool[Tensor, " rows"]:
    ### BEGIN SOLUTION
    return (pictures % originals) % 4 == 0
    ### STUB
    # return torch.arange(len(pictures)) % 4 == 0
    ### END SOLUTION


# %% [markdown]
# In the check the rows are shuffled.

# %% check="3.7.3"
check("3.7.3", for_validation)

# %% [markdown]
# Both splits, each with a student of its own training rows. What is a validation worth that the exam does not confirm?

# %% concepts=["A3.10"]
for_validation = working("3.7.3", for_validation)
augmented = collect("augmented", 512, seed=0)
originals = len(augmented.pictures) // 2
every_fourth = torch.arange(len(augmented)) % 4 == 0
for name, kept in {"row": every_fourth, "picture": for_validation(augmented.asked.scene, originals)}.items():
    pupil, _ = tune(base, rows_of(base, augmented.only(~kept)), seed=0, steps=120)
    print(f"split by {name}")
    score = follows(pupil, rows_of(base, augmented.only(kept))).mean().item()
    exam_score = follows(pupil, known).mean().item()
    report(
        "  validation better than the exam by",
        score - exam_score,
        **({"bar": 0.40} if name == "row" else {"at_most": 0.25}),
    )

# %% [markdown]
# ## The same size
#
# Now all three, with equally many instructions and equally many steps of training. Slide from few to many, and change
# what is asked.


# %% tags=["widget"] concepts=["A3.10"]
def task(name):
    curves = {
        source: {size: (found.mean, found.low, found.high) for size, found in sweep[name][source].items()}
        for source in SOURCES
    }
    asked = annotated.asked
    names = [f"{question}: {answer}" for question, answer in zip(asked.questions, asked.answers, strict=True)]
    return LabelTask(curves, annotated.pictures[asked.scene], names, chance=0.25 if name == "places" else chance)


LabelCurves(
    {name: task(name) for name in EXAMS},
    labels=SIZES[0],
    unit="instructions",
    title="What an instruction buys",
    caption="Slide from few instructions to many: which source is worth most? Then choose what is asked: new wordings "
    "and places. Which source falls, and why?",
)

# %% [markdown]
# People's instructions are right and worded in many ways, and win. The teacher's are not far behind in its own
# wording, fall in any other, and never tell a place. The augmented ones come from an eighth of the pictures: few to
# learn to look from, however often they are turned.

# %% concepts=["A3.10"]
at = {(exam_name, source): sweep[exam_name][source][most].mean for exam_name in EXAMS for source in SOURCES}
report(
    "new wording: people ahead of the teacher by",
    at["new wording", "annotated"] - at["new wording", "synthesised"],
    bar=0.10,
)
report("places: people ahead of the teacher by", at["places", "annotated"] - at["places", "synthesised"], bar=0.40)

# %% [markdown]
# ## The same price
#
# Nobody buys equal sizes. {{exercise 3.7.4}}
#
# A person writes an instruction in 90 seconds, and is paid 20 an hour. A model writes 500 for 1. How many does it write
# for the price of 64 by people?

# %% answer="3.7.4"
### BEGIN SOLUTION
synthesised_number = 64 * 90 / 3600 * 20 * 500
### STUB
# synthesised_number = ...
### END SOLUTION

# %% [markdown]
# Prices change quickly; those are made up.

# %% check="3.7.4"
check("3.7.4", synthesised_number)

# %% [markdown]
# So for the price of 64 one can have as many as one likes, or eight times as many by augmentation:

# %% concepts=["A3.10"]
few = SIZES[0]
bought = {"annotated": few, "augmented": COPIES * few, "synthesised": most}
show_intervals(
    {f"{number} {source}": sweep["known wording"][source][number] for source, number in bought.items()},
    title="For the price of 64 instructions by people",
    x="share of right answers in the known wording, pairs never seen",
    alt="Share of right answers of three students whose instructions cost the same, with intervals.",
)

# %% [markdown]
# Now the teacher wins by far, where its source tells the truth. So one buys much of it, gives it a source that tells
# more (Liu et al. added boxes), cleans, and keeps the people for what is left.
#
# {{exercise 3.7.5}}
#
# Four teams describe their data. Which will work, and why? Answer as in `choice = ("a", 1)`.

# %%
options("3.7.5")

# %% [markdown]
# Ask of each: does anybody in the chain see what the answer depends on?

# %% answer="3.7.5"
### BEGIN SOLUTION
choice = ("c", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.7.5"
check("3.7.5", choice)

# %% [markdown]
# Talk to a student yourself, in words that it has heard or not: it knows *where*, *what*, *which*, *how big*, *is*, and
# the words of this world.


# %% tags=["widget"] concepts=["A3.10"]
def reply(picture, turns, question):
    return told(student, [(PICTURE, question)], torch.tensor(picture)[None])[0]


Chat(
    reply,
    annotated.pictures[:6],
    suggestions=["what colour is the thing", "in the picture the thing is where", "what is the size of the thing"],
    caption="Ask the same in other words, until it fails. What does it say then?",
)

# %% [markdown]
# What if a batch holds no answer at all, since a template was written wrongly? Nothing could be learnt, and a mean of
# nothing is no number. The course's loss says so:

# %% concepts=["A3.10"]
tokens, learnt, features = rows_of(base, annotated)
try:
    loss(base, tokens, torch.zeros_like(learnt), features)
except ValueError as error:
    print(error)

# %% [markdown]
# ## What you measured
#
# - Stage 1 gave a model that describes pairs it never saw, and answers nothing; stage 2 made it answer within seconds,
#   and with stage 1 it answers more, from the same instructions.
# - A student inherits what its teacher gets wrong every time, also where the model could do better before.
# - A filter takes out the mistakes that it can see, and no others.
# - At equal size people win; at equal price, plenty does, where the source tells the truth.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What changes from stage 1 to stage 2?",
             ["The loss", "The texts", "The model"], 1,
             ["It is the next token's, as before.", "Yes: instructions with answers.", "It is trained further."]),
    Question("A text-only teacher writes about pictures. It is wrong where...",
             ["its source says nothing", "pictures are dark", "instructions are long"], 0,
             ["Yes: it makes up what it was not told.", "It sees none.", "Not for that."]),
    Question("Eight rows come from one picture. For validation one keeps apart...",
             ["rows", "pictures", "wordings"], 1,
             ["Then the answer was learnt in other words.", "Yes, with their mirror images.", "The picture is known."]),
    Question("CLIP kept wrong places of two things because...",
             ["its threshold was low", "it does not know which of two is where", "captions were too long"], 1,
             ["No threshold helps here.", "Yes: it cannot see that mistake.", "They were as short as ever."]),
    Question("From 2.6: what was it that fine-tuning could lose?",
             ["What the model knew before", "Its vocabulary", "Its speed"], 0,
             ["Yes: what is not rehearsed may be forgotten.", "That is fixed.", "It computes as before."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** it answers now, and it says what is not there. Can one teach it to prefer the truth?
