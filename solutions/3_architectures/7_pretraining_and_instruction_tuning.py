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
from utils.evaluation.instruction_sweep import COPIES, SIZES, SOURCES, collect, exam, follows, rows_of, stored_sweep, tune
from utils.exercises import check, options, working
from utils.figures import show_curves, show_intervals, show_pictures
from utils.models.gpt import next_token_loss
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.described_scenes import begin, descriptions, examples
from utils.training.recipes.llava_scenes import PICTURE
from utils.widgets import Chat, LabelCurves, LabelTask, Predict, Question, Quiz
from utils.world import BACKGROUND, VOCABULARY, batches, render_captions, render_pictures, sample_scenes
from utils.world.conversations import tell
from utils.world.instructions import NEW_WORDINGS, WORDINGS, imagine, reword
from utils.world.questions import true_answer

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
# {{term pretraining|Pretraining}} takes what there is plenty of: pictures beside a text that somebody once wrote. No one
# asks anything. Ours tell what stands where, in reading order.

# %% concepts=["A3.9"]
scenes = sample_scenes(2000, seed=70)
pictures = render_pictures(scenes)
show_pictures(
    pictures[:4],
    [text for _, text in descriptions(scenes[:4])],
    columns=4,
    wrap=22,
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
# At first every word is as likely as any other, and the loss is the logarithm of their number. It falls in steps, as
# first the grammar is learnt and then what is seen:

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
# The checkpoint went on for some minutes more. Does it describe pairs that it never saw? And does it look? The
# baseline is the commonest description: whoever sees nothing can do no better.

# %% concepts=["A3.9"]
base, card = load_checkpoint("described_scenes")
told_most = Counter(text for _, text in descriptions(sample_scenes(4000, seed=61))).most_common(1)[0][0]
new = sample_scenes(200, seed=71, pairs="held_out")
shown = render_pictures(new)
commonest = torch.tensor([float(text == told_most) for _, text in descriptions(new)])
ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
grounding(
    lambda seen: descriptions_right(base, new, seen),
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
# Ask the same pictures in the plainest words.

# %% concepts=["A3.9"]
known, unheard = (rows_of(base, exam(name)) for name in ("known wording", "new wording"))
asked = exam("known wording")
said = told(base, [(PICTURE, question) for question in asked.asked.questions[:3]], asked.pictures[asked.asked.scene[:3]])
for question, words, answer in zip(asked.asked.questions, said, asked.asked.answers, strict=False):
    print(f"{question}: {words or '(nothing)'}; right is {answer}")
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
# These are {{term annotation|annotated}}: people looked, and wrote, each in their own words. Twenty seconds of training
# on 512 of them, from the model that describes.

# %% concepts=["A3.10"]
student, history = tune(base, rows_of(base, annotated), seed=0)
report("answers in known words", follows(student, known).mean().item(), bar=0.60)
report("answers in words never heard", follows(student, unheard).mean().item(), bar=0.50)

# %% [markdown]
# Does stage 1 matter, then? The same stage 2 with four times as many examples, on a model that skipped it:

# %% concepts=["A3.9", "A3.10"]
rows = {"after stage 1": "annotated", "without stage 1": "annotated, no stage 1"}
show_intervals(
    {name: sweep["known wording"][source][most] for name, source in rows.items()},
    title=f"Stage 2 teaches to answer, not to see ({most} instructions)",
    x="share of right answers about pairs never seen",
    alt="Share of right answers with and without the first stage, with intervals.",
)
with_it, without = (sweep["known wording"][source][most].mean for source in rows.values())
report("what stage 1 adds", with_it - without, bar=0.20)

# %% [markdown]
# So the first stage gives what the model knows, and the second how to say it. Zhou et al. (2023, "LIMA") fine-tuned on
# just 1,000 examples for this reason.
#
# Does the student look? The baseline is the most usual answer to a question of its form.

# %% concepts=["A3.10"]
tested = asked.asked
grounding(
    lambda seen: follows(student, (*known[:2], picture_features(student, seen))),
    asked.pictures[tested.scene],
    modality="picture",
    blank=ground,
    baseline=without_eyes(collect("annotated", 2048, seed=9).asked, tested),
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
print(f"of all instructions {true.float().mean():.2f} are right, of those that ask for a place {true[where].float().mean():.2f}")

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
# Its answers, beside those of the model that it began as, and those that the teacher would have given:

# %% concepts=["A3.10"]
blind_student, _ = tune(base, rows_of(base, synthesised), seed=0)
places = exam("places")
shown, wanted = places.pictures[places.asked.scene], places.asked.answers
ways = {
    "before, in its description": [text.partition(" in the ")[2] for text in describe_pictures(base, shown)],
    "student of people": told(student, [(PICTURE, question) for question in places.asked.questions], shown),
    "student of the teacher": told(blind_student, [(PICTURE, question) for question in places.asked.questions], shown),
}
for name, said in ways.items():
    share = sum(a == b for a, b in zip(said, wanted, strict=True)) / len(wanted)
    report(f"{name}: right places", share, **({"at_most": 0.40} if "teacher" in name else {"bar": 0.85}))
report("student of the teacher: top left", ways["student of the teacher"].count("top left") / len(wanted), bar=0.80)

# %% [markdown]
# The student sees where the thing stands, could say it an hour ago, and says what it was taught. A teacher's
# *systematic* mistakes are not averaged out: they are learnt, like everything else.

# %% tags=["widget"]
inherits.reveal("says what the teacher would")

# %% [markdown]
# ## Cleaning
#
# What a machine wrote, a machine can check. The usual filter is CLIP: keep the texts that score best with their
# picture (Gadre et al. 2023, "DataComp", section 5). An alternative is somebody who was trained to look. We have one:
# the model after stage 1.
#
# {{exercise 3.7.3}}
#
# `description` is such as "a large red ring in the top left and a small blue star in the top right". Return the place
# of the object whose name holds all of `words`, or "" if there is none.


# %% answer="3.7.3"
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

# %% check="3.7.3"
check("3.7.3", place_in)

# %% [markdown]
# Now both filters, on the instructions that ask for a place. CLIP sees the answer as a caption, and keeps what it finds
# more fitting than the same with another place.

# %% concepts=["A3.10"]
place_in = working("3.7.3", place_in)
asking = synthesised.only(where)
descriptions_of = describe_pictures(base, asking.pictures[asking.asked.scene])
names = [question.removeprefix("where is the ").split() for question in asking.asked.questions]
names = [[word for word in name if word != "thing"] for name in names]
agrees = torch.tensor([
    place_in(text, name) == answer for text, name, answer in zip(descriptions_of, names, asking.asked.answers, strict=True)
])
