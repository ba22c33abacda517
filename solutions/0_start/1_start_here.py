# %% [markdown]
# # 0.1 Start here
#
# **Is this machine ready, and how does the course work?**
#
# In this course you build models that see and read at once. All of them grow up in one small world, and the first thing
# this machine has to do is to draw some of it.

# %% tags=["setup"]
import time
from dataclasses import replace

import torch
from IPython.display import Markdown, display
from jaxtyping import UInt8
from torch import Tensor

from utils.cli.doctor import examine
from utils.evaluation import report
from utils.exercises import check, find_exercise, hint, options, read_progress, working
from utils.exercises.checking import assess
from utils.exercises.registry import lesson_exercises
from utils.exercises.view import display_bundle, result_bundle
from utils.figures import show_pictures
from utils.lessons import LESSONS
from utils.widgets import Predict, Question, Quiz, SceneMaker, Select, Slider
from utils.world import COLOURS, SHAPES, SIZES, Scene, Scenes, Thing, describe, places
from utils.world import render_captions, render_pictures, sample_scenes, to_table

# %% [markdown]
# A notebook is read from top to bottom. Click into a grey cell and press **Shift + Enter**: it runs, and you stand in
# the next one. Always begin with the cell above, which loads what the others
# need. The next one draws.

# %%
scenes = sample_scenes(6, seed=4)
pictures = render_pictures(scenes)
show_pictures(
    pictures,
    render_captions(scenes),
    alt="Six pictures of one or two coloured shapes, each under its caption.",
)

# %% [markdown]
# **You will be able to** run a notebook and check your own answers · read what a wrong answer tells you · say what a
# byte can and cannot hold · find your way through the course.
#
# **Time** about {{minutes}} minutes · **builds on** a little Python.
#
# ## Is this machine ready?
#
# What the course needs, one line each. Where something is missing, the line says how to get it.

# %% tags=["nbval-ignore-output"]
for finding in examine():
    if finding.required and finding.name != "Notebooks":  # you are reading one
        print("ok     " if finding.well else "MISSING", finding.name)
        if not finding.well:
            print(f"        {finding.found}: {finding.remedy}")

# %% [markdown]
# Is it quick enough? No graphics card is needed: every model here is small, and learns in seconds or a few minutes.

# %%
start = time.perf_counter()
many = sample_scenes(5_000, seed=1)
many_pictures, many_captions = render_pictures(many), render_captions(many)
report("seconds for five thousand scenes", time.perf_counter() - start, at_most=20)
print(f"the last of {len(many_captions):,}: {many_captions[-1]}")

# %% [markdown]
# More about this machine is told by `course doctor`, typed into a terminal.
#
# ## Predict, then run
#
# Before something surprising you will be asked for a guess. Do commit to one: what we expected and did not get is what
# we remember.
#
# To a computer a picture is numbers, one byte each (in PyTorch: `uint8`), from 0 for dark to 255 for bright.

# %% tags=["widget"]
guess = Predict(
    "A pixel's byte holds 200. We make it brighter by 100. What does the byte hold now?",
    options=["300", "255", "45", "44"],
)
guess

# %% [markdown]
# Now run it.

# %% tags=["widget", "spoiler"]
pixel = torch.tensor([200], dtype=torch.uint8)
guess.reveal(str((pixel + 100).item()))

# %% [markdown]
# A byte counts to 255 and then begins again at 0, without a word of warning. So let us make whole pictures a little
# brighter, and see what becomes of their pale ground.

# %% tags=["spoiler", "nbval-ignore-output"]
show_pictures(
    torch.cat([pictures[:3], pictures[:3] + 60]),
    ["as it is"] * 3 + ["60 brighter"] * 3,
    alt="Three scenes, and the same three with 60 added to each byte: their pale ground has turned nearly black.",
)

# %% [markdown]
# The brightest parts went black: no error, only wrong. That is why models compute with **floats**, numbers with a
# fraction, and why a picture becomes floats from 0 to 1 before anything else happens to it.
#
# ## Your first exercise
#
# {{exercise 0.1.1}}
#
# Given a `picture` of bytes, shape `[3, height, width]` (red, green and blue light), return its mean brightness as one
# number: 0 where all is black, 1 where all is white.


# %% answer="0.1.1"
def brightness(picture: UInt8[Tensor, "3 height width"]) -> float:
    ### BEGIN SOLUTION
    return picture.float().mean().item() / 255
    ### END SOLUTION


# %% [markdown]
# The next cell tries your function on pictures made at random. Until you run it, it shows the line you are aiming for;
# then it says *to do*, *not yet* and why, or *passed*.

# %% check="0.1.1"
check("0.1.1", brightness)

# %% [markdown]
# **Stuck?** Each exercise has three hints: a question, a pointer, nearly the code. They cost nothing. Type such a line
# into any cell, and run it again for the next hint.

# %%
hint("0.1.1")

# %% [markdown]
# A wrong answer is worth more than a hint, for the check knows many ways to be wrong. Suppose somebody had forgotten
# the scale:

# %%
exercise = find_exercise("0.1.1")
wrong = assess(exercise, lambda picture: picture.float().mean().item(), seed=0)
display_bundle(result_bundle(exercise, wrong.verdict, wrong.cases, wrong.outcomes, wrong.expected))

# %% [markdown]
# Worked solutions lie in the folder `solutions`, under the same names as the notebooks. And nothing below waits for
# you: a line such as the first one here takes your function once it passes, and ours until then.

# %%
brightness = working("0.1.1", brightness)
for picture, caption in zip(pictures, render_captions(scenes), strict=True):
    print(f"{brightness(picture):.2f}  {caption}")

# %% [markdown]
# {{exercise 0.1.2}}
#
# Some exercises ask for a prediction. A byte holds 250 and we add 10: set `byte` to what it holds then, without running
# the sum.

# %% answer="0.1.2"
### BEGIN SOLUTION
byte = 4
### STUB
# byte = ...
### END SOLUTION

# %% [markdown]
# Here too the check has something to say to those who are nearly right.

# %% check="0.1.2"
check("0.1.2", byte)

# %% [markdown]
# ## Your first widget
#
# Most lessons have something to move. Here you make a scene with your own hands, and see it three times: as a picture,
# as a sentence, as a record. Mouse or keyboard, as you like.


# %% tags=["widget"]
def render(values):
    thing = Thing.at(values["shape"], values["colour"], values["size"], values["place"])
    scene = Scene((replace(thing, x=thing.x + values["nudge"]),))
    return render_pictures(Scenes.of([scene]))[0], describe(scene), to_table(scene).to_dict("records")


names = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "place": places()}
controls = [Select(name, name.capitalize(), words) for name, words in names.items()]
SceneMaker(render, [*controls, Slider("nudge", "Nudge to the right", -2, 2, value=0, unit="px")])

# %% [markdown]
# {{exercise 0.1.3}}
#
# Take any scene and move only the last slider, *Nudge*. What changes, and why? Give a letter and a number, as in
# `choice = ("a", 2)`.

# %%
options("0.1.3")

# %% [markdown]
# Look before you answer: the widget is above.

# %% answer="0.1.3"
### BEGIN SOLUTION
choice = ("b", 1)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# The reason counts as much as the letter.

# %% check="0.1.3"
check("0.1.3", choice)

# %% [markdown]
# So one scene, told in three ways, is not three times the same. Keep that in mind: it is where the next lesson begins.
#
# ## Where you are
#
# The course, and what you have passed. Your progress is kept on this machine only; `course progress` shows it in a
# terminal, exercise by exercise.

# %% tags=["nbval-ignore-output"]
done = {number for number, record in read_progress().records.items() if record.status == "passed"}
rows = ["| Lesson | Question | Minutes | Exercises passed |", "|:--|:--|--:|--:|"]
for lesson in LESSONS:
    exercises = [exercise.id for exercise in lesson_exercises(lesson.id)]
    link = f"[{lesson.id} {lesson.title}](../{lesson.path}.ipynb)"
    rows.append(f"| {link} | {lesson.question} | {lesson.minutes} | {len(done & set(exercises))} of {len(exercises)} |")
display(Markdown("\n".join(rows)))

# %% [markdown]
# ## When something will not work
#
# - A name is not defined: some cell above was not run. *Run All Above* in the menu *Run* helps.
# - It all seems confused: *Restart Kernel and Run All Cells* begins afresh, and keeps what you wrote.
# - A check puzzles you: open a hint, then the solution. Type it yourself rather than paste it.
#
# ## Recall
#
# Every lesson ends with five questions. Answer from memory; that is what makes it stay.

# %% tags=["widget"]
Quiz([
    Question("A byte holds its largest value, and you add one. What happens?",
             ["It stops there", "It begins again at 0", "Python raises an error"], 1,
             ["Some programs do so; a plain sum does not.", "Yes, and silently.", "It would be kinder, but no."]),
    Question("Why does a picture become floats before a model computes with it?",
             ["Sums and means of bytes go wrong", "Floats take less room", "Bytes cannot be shown"], 0,
             ["Yes: bytes overflow, and have no fractions.", "They take four times as much.", "Screens show bytes."]),
    Question("A check says “not yet”, and then a name and a sentence. What do they name?",
             ["The error that Python raised", "The mistake it recognised", "The next hint"], 1,
             ["Then it would say “crashed”.", "Yes: one that others made before you.", "Hints come when asked for."]),
    Question("You skip an exercise. What happens to the cells below it?",
             ["They fail", "They go on with the course's own solution", "They are locked"], 1,
             ["A notebook always runs to its end.", "Yes, until your own passes.", "Nothing is ever locked."]),
    Question("You nudge a thing by one pixel. What stays as it was?",
             ["The picture", "The sentence", "The record"], 1,
             ["Its edges change.", "Yes: it only knows a few places.", "Its x changes by one."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** [1.1 What is a modality?](../1_overview/1_what_is_a_modality.ipynb) One scene, many ways to tell it:
# what does each know that the others do not?
