# %% [markdown]
# # 2.9 Spatial reasoning
#
# **Can a model that sees a flat picture say how to build the solid, and where each part goes?**
#
# "A ring beside a star" is a fine caption, and nobody could build anything from it. A workshop needs to know which
# parts, how large, and where: that takes {{term spatial reasoning}}. So let a model answer in a language that a machine
# can run.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.programs import build_solid, outline_iou, runs, solid_ious, usual_program
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.models.blocks import count_parameters
from utils.training.checkpoints import load_checkpoint
from utils.training.recipes.cad_scenes import JITTER, training_scenes
from utils.widgets import Built, Predict, ProgramSteps, Question, Quiz
from utils.world import BACKGROUND, CAD_VOCABULARY, FARTHEST, NEAREST, Scene, Scenes, Thing
from utils.world import render_pictures, render_programs, sample_scenes, tokenize_programs
from utils.world.cad import run
from utils.world.tokenizer import PAD
from utils.world.views import front, outline, render_view

# %% [markdown]
# Here a trained model has looked at three pictures and written a program for each. Beside each picture stands what its
# program builds, seen from the upper right. None of these shapes was ever in its colour when the model was trained.

# %% concepts=["A2.21"]
writer, card = load_checkpoint("cad_scenes")
unseen = sample_scenes(60, seed=71, objects=(2, 2), pairs="held_out", jitter=JITTER)
pictures, wanted = render_pictures(unseen), render_programs(unseen)


def beside(pictures, programs):
    large = pictures.repeat_interleave(3, 2).repeat_interleave(3, 3)
    views = torch.stack([render_view(run(program)) for program in programs])
    return torch.stack([large, views], dim=1).flatten(0, 1)


chosen = pictures[[5, 7, 9]]
show_pictures(
    beside(chosen, writer.write(chosen)),
    ["picture", "what it builds"] * 3,
    alt="Three pictures of two flat shapes, and beside each the solids that a model's program builds from it.",
)

# %% [markdown]
# **You will be able to** run a program for a solid, line by line · say how alike two solids are, and why that is not
# how alike their programs are · prove that a writer of programs looks at its picture · let it try eight times and
# judge its own work · say what no program can know from a picture.
#
# **Time** about {{minutes}} minutes · **builds on** 2.2, things in space, and 2.4, soft tokens.
#
# ## A solid as a sentence
#
# {{term computer-aided design|CAD}} keeps a solid as the steps that make it. Ours are one line each: what to do, with
# which part, where its centre is, and how far it reaches from there. This is a large ring and a small square:

# %% concepts=["A2.21"]
ring = Thing("ring", "blue", "large", x=8, y=22)
square = Thing("square", "orange", "small", x=24, y=7)
scene = Scenes.of([Scene((ring, square))])
picture, program = render_pictures(scene)[0], render_programs(scene)[0]
print(program)

# %% [markdown]
# The first three numbers of a line are x, to the right, y, down, and z, away from you, in pixels. A ring is a disc from
# which a smaller disc is cut. Step through the lines, and turn what they build.

# %% tags=["widget"] concepts=["A2.21"]
cross = Thing("cross", "green", "large", x=9, y=9)
star = Thing("star", "purple", "small", x=22, y=25)
other = Scenes.of([Scene((cross, star))])
ProgramSteps(
    {
        "a ring and a square": Built(picture, program, program),
        "a cross and a star": Built(render_pictures(other)[0], *render_programs(other) * 2),
    }
)

# %% [markdown]
# A solid is held as {{term voxel|voxels}}, cubic pixels: `[depth, height, width]`, each filled or not. Every part fills
# some of them, and three operations join the parts.
#
# {{exercise 2.9.1}}
#
# `commands` is a list of pairs: an operation, and which voxels its part fills. Begin with nothing. `"add"` unites the
# part with the solid, `"cut"` takes it away, `"keep"` leaves only what lies in both. Return the solid.


# %% answer="2.9.1"
def build(commands: list[tuple[str, Bool[Tensor, "depth height width"]]]) -> Bool[Tensor, "depth height width"]:
    ### BEGIN SOLUTION
    solid = torch.zeros_like(commands[0][1])
    for operation, filled in commands:
        if operation == "add":
            solid = solid | filled
        elif operation == "cut":
            solid = solid & ~filled
        else:
            solid = solid & filled
    return solid
    ### END SOLUTION


# %% [markdown]
# The check runs three programs, and the order of their lines matters.

# %% check="2.9.1"
check("2.9.1", build)

# %% [markdown]
# Which voxels does a box fill? Those that are near enough to its centre along all three axes.
#
# {{exercise 2.9.2}}
#
# `centre` is (x, y, z), `sizes` is how far the box reaches from there along each, and the grid has `side` voxels each
# way. This runs, and it is right for every cube in the middle of the room. Find the bug and mend it.


# %% answer="2.9.2"
def fill_box(
    centre: tuple[float, float, float], sizes: tuple[float, float, float], side: int
) -> Bool[Tensor, "depth height width"]:
    axis = torch.arange(side)
    ### BEGIN SOLUTION
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    ### STUB
    # x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    ### END SOLUTION
    near = ((x - centre[0]).abs() <= sizes[0]) & ((y - centre[1]).abs() <= sizes[1])
    return near & ((z - centre[2]).abs() <= sizes[2])


# %% [markdown]
# The check's boxes are longer one way than another, and stand off the middle.

# %% check="2.9.2"
check("2.9.2", fill_box)

# %% [markdown]
# Your two functions are an interpreter, if only for boxes. A cross is two of them; the course's own, `run`, must agree.

# %%
build, fill_box = working("2.9.1", build), working("2.9.2", fill_box)
cross_program = render_programs(Scenes.of([Scene((cross,))]))[0]
commands = []
for line in cross_program.splitlines():
    operation, _, *numbers = line.split()
    x, y, z, *sizes = map(float, numbers)
    commands.append((operation, fill_box((x, y, z), tuple(sizes), 32)))
print(cross_program)
print("as the course's own:", torch.equal(build(commands), run(cross_program)))

# %% [markdown]
# ## How alike are two solids?
#
# A program is right if it builds the right thing. So compare what is built: of the voxels that *either* solid fills,
# what share do *both* fill? That is {{term intersection over union}}, IoU.
#
# {{exercise 2.9.3}}
#
# Return the IoU of two solids of the same shape, as a float. Two empty solids are equal: 1.


# %% answer="2.9.3"
def iou(one: Bool[Tensor, "depth height width"], other: Bool[Tensor, "depth height width"]) -> float:
    ### BEGIN SOLUTION
    both, either = (one & other).sum().item(), (one | other).sum().item()
    return both / either if either else 1.0
    ### END SOLUTION


# %% [markdown]
# The fourth pair of the check is empty.

# %% check="2.9.3"
check("2.9.3", iou)

# %% [markdown]
# How strict is it?
#
# {{exercise 2.9.4}}
#
# A cube is 10 voxels long each way. Its copy stands one voxel further right, one further down *and* one further back.
# Set `one_pixel_off` to their IoU, by thinking.

# %% answer="2.9.4"
### BEGIN SOLUTION
one_pixel_off = 9**3 / (2 * 10**3 - 9**3)
### STUB
# one_pixel_off = ...
### END SOLUTION

# %% [markdown]
# To one per cent is near enough.

# %% check="2.9.4"
check("2.9.4", one_pixel_off)

# %% [markdown]
# Here is the whole curve, for the same cube. Off by two pixels along one axis, most is still right; along all three,
# most is wrong.

# %%
iou = working("2.9.3", iou)
start, sizes = 10.5, (4.5, 4.5, 4.5)  # from 6 to 15: 10 voxels
cube = fill_box((start, start, start), sizes, 32)
off = list(range(12))
show_curves(
    {
        "along one axis": (off, [iou(cube, fill_box((start + n, start, start), sizes, 32)) for n in off]),
        "along all three": (off, [iou(cube, fill_box((start + n, start + n, start + n), sizes, 32)) for n in off]),
    },
    title="A little off along each axis costs most of the IoU",
    x="how far the cube is moved (pixels)",
    y="IoU",
    alt="Two falling curves of IoU against distance: along all three axes it falls much faster than along one.",
)

# %% [markdown]
# ## Words, or what they build?
#
# A language model is trained on words, so one might count right words instead. Take our program of three lines. In
# *one number wrong* the disc stands elsewhere, so that its hole is cut out of nothing; *one word wrong* keeps
# where it should cut; *another order* has the same lines, with the square first.

# %% concepts=["A2.21"]
lines = program.splitlines()
versions = {
    "one number wrong": "\n".join([lines[0].replace("8 22", "24 22"), *lines[1:]]),
    "one word wrong": "\n".join([lines[0], lines[1].replace("cut", "keep"), lines[2]]),
    "another order": "\n".join([lines[2], lines[0], lines[1]]),
}
for name, version in versions.items():
    words, right = (text.replace("\n", " ; ").split() for text in (version, program))
    same = sum(word == other for word, other in zip(words, right, strict=True)) / len(right)
    print(f"{name:<17} words in place {same:.2f}  IoU {iou(run(version), run(program)):.2f}")

# %% [markdown]
# {{exercise 2.9.5}}
#
# The last program has the fewest words in place, and builds the very same solid. Why? Choose an answer and the reason
# for it.

# %%
options("2.9.5")

# %% [markdown]
# As in `choice = ("a", 1)`.

# %% answer="2.9.5"
### BEGIN SOLUTION
choice = ("b", 1)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# A right letter for a wrong reason is told as such.

# %% check="2.9.5"
check("2.9.5", choice)

# %% [markdown]
# ## A model that writes programs
#
# To a language model a program is a sentence. Numbers are words too: there are only so many half pixels in a picture.
# DeepCAD (Wu et al. 2021) rounds its numbers to 256 levels, so that choosing one is choosing a word.

# %%
print(len(CAD_VOCABULARY), "words:", *CAD_VOCABULARY[4:18], "...")
tokens = tokenize_programs([program])
print(tokens[0].tolist())

# %% [markdown]
# The rest you know from 2.4: a vision tower, a projector, and a language model that reads soft tokens, here in front of
# the program. CAD-GPT (Wang et al. 2024) makes a CAD model from one picture or a text in the same way, with
# LLaVA-1.5; places in space have tokens of their own there too.

# %% concepts=["A2.21", "A2.7"]
with torch.no_grad():
    soft = writer.soft_tokens(picture[None])
    words = writer.language.embed(tokens)
    logits = writer.language.decode(torch.cat([soft, words], dim=1))[:, soft.shape[1] :]
print("soft tokens", list(soft.shape), "words", list(words.shape), "logits", list(logits.shape))

# %% [markdown]
# Each word is learnt as in any language model: guess the next one. How surprised is it by the true program, beside
# somebody who knows the words and nothing else?

# %% concepts=["A2.21"]
learnt = tokens[0, 1:] != PAD
surprise = F.cross_entropy(logits[0, :-1][learnt], tokens[0, 1:][learnt])
print(f"by chance, ln({len(CAD_VOCABULARY)}) = {torch.tensor(float(len(CAD_VOCABULARY))).log():.2f}")
report("surprise a word (nats)", surprise.item(), at_most=0.5)
print(f"{count_parameters(writer):,} parameters; {card.data}")

# %% [markdown]
# Colours do not occur in a program. So in training about half of the pictures had theirs mixed at random: whatever a
# ring is, its colour is no part of it. Look at a few pictures of pairs never seen, and at what is built from them.

# %% concepts=["A2.21"]
written = writer.write(pictures)
show_pictures(
    beside(pictures[12:21], written[12:21]),
    ["picture", "what it builds"] * 9,
    alt="Nine pictures of two flat shapes, and beside each the solids that the model's program builds.",
)

# %% [markdown]
# Nearly always the right parts, nearly in the right place. Commit to a guess before you measure.

# %% tags=["widget"]
guess = Predict("What is the mean IoU of its solids, on pairs of shape and colour never seen?", low=0.0, high=1.0)
guess

# %% [markdown]
# Three questions to the same programs: do they run at all, are they the true ones word for word, and what do they
# build?

# %% concepts=["A2.21"]
ious = solid_ious(written, wanted)
exact = torch.tensor([float(one == true) for one, true in zip(written, wanted, strict=True)])
report("programs that run", runs(written).mean().item(), bar=0.95)
report("programs that are word for word the true one", exact.mean().item(), bar=0.30)
report("mean IoU of their solids", ious.mean().item(), bar=0.90)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(ious.mean().item())

# %% [markdown]
# Many a program is not the true one word for word, and yet builds the true solid: in which order the two things are
# written down, no picture tells.
#
# ## Does it look?
#
# A writer of programs could do well by habit: most rooms are empty at the front, and parts come in a few sizes. So, as
# always, exchange the pictures, and blank them. The baseline never looks: of the programs of training it always gives
# the one that is best on average.

# %% concepts=["A2.21"]
habit = usual_program(render_programs(training_scenes(300)))
ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
print(habit)
grounding(
    lambda shown: solid_ious(writer.write(shown), wanted),
    pictures,
    blank=ground,
    baseline=solid_ious([habit] * len(wanted), wanted),
    modality="picture",
    bar=0.90,
).show()

# %% [markdown]
# ## Try eight times, and judge
#
# On clear pictures little is left to mend. Now let the light be poor: each pixel becomes a little brighter or darker by
# chance. The model has never met that.

# %% concepts=["A2.21"]
noise = 30 * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
dim = (pictures + noise).clamp(0, 255).byte()
show_pictures(dim[:6], [""] * 6, alt="Six pictures of two shapes, all of them grainy.")
likeliest = solid_ious(writer.write(dim), wanted)
report("mean IoU in poor light", likeliest.mean().item(), bar=0.65)

# %% [markdown]
# A program has a property that a caption lacks: one can run it and look. If what it builds does not look like the
# picture, throw it away. From the front, a solid shows its *outline*: every spot before or behind which
# something stands.

# %% concepts=["A2.21"]
seen, built = outline(picture), front(run(program))
print("the picture's outline", list(seen.shape), "the solid's", list(built.shape))
print(f"their IoU {iou(seen, built):.2f}")

# %% [markdown]
# Not quite 1: sizes are rounded to half pixels, and edges are mixtures. But it needs *no true solid*, only the picture.
# In poor light it still works, as long as paint stands out from the grain.
#
# {{exercise 2.9.6}}
#
# `solids` `[tries, depth, height, width]` are to be judged by the outline of a picture, `[height, width]`. Return the
# IoU of each one's outline from the front with it, `[tries]`. No outline of the check is empty.


# %% answer="2.9.6"
def outline_scores(
    solids: Bool[Tensor, "tries depth height width"], outline: Bool[Tensor, "height width"]
) -> Float[Tensor, " tries"]:
    ### BEGIN SOLUTION
    fronts = solids.any(dim=1)
    return (fronts & outline).sum(dim=(1, 2)) / (fronts | outline).sum(dim=(1, 2))
    ### END SOLUTION


# %% [markdown]
# Each solid must be judged from where the picture was taken.

# %% check="2.9.6"
check("2.9.6", outline_scores)

# %% [markdown]
# Trying again helps only if it gives something else. So draw each word by its probability in place of taking the
# likeliest: {{term best-of-n sampling}}. Commit first.

# %% tags=["widget"]
wager = Predict(
    "Which order of IoU, the worst first: a program that is drawn, the likeliest words, the best of eight drawn?",
    options=["drawn, likeliest, best", "likeliest, drawn, best", "likeliest, best, drawn"],
)
wager

# %% [markdown]
# Eight tries for each picture, and of each first 1, 2, 4 and 8 the one whose outline fits best:

# %% concepts=["A2.21"]
outline_scores = working("2.9.6", outline_scores)
tries = [writer.write(dim, temperature=1.0, seed=seed) for seed in range(8)]


def judged(number):
    best = []
    for picture, *own in zip(dim, *tries[:number], strict=True):
        solids = [build_solid(program) for program in own]
        solids = torch.stack([torch.zeros(32, 32, 32, dtype=torch.bool) if s is None else s for s in solids])
        best.append(own[int(outline_scores(solids, outline(picture)).argmax())])
    return solid_ious(best, wanted).mean().item()


names = {1: "one drawn", 2: "best of 2", 4: "best of 4", 8: "best of 8"}
scores = {"likeliest words": likeliest.mean().item(), **{name: judged(number) for number, name in names.items()}}
show_bars(
    scores,
    title="The best of eight is better than the likeliest",
    x="mean IoU in poor light, on pairs never seen",
    alt="Bars of mean IoU: one drawn program is worse than the likeliest, and the best of eight is the longest.",
)
report("one drawn program", scores["one drawn"], bar=0.60)
report("the best of eight", scores["best of 8"], bar=0.80)
report("best of eight less likeliest", scores["best of 8"] - scores["likeliest words"], bar=0.03)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
wager.reveal("drawn, likeliest, best")

# %% [markdown]
# A single draw is worse than the likeliest words, since a rare number may come up at any word. But among eight draws
# one is nearly always good, and *finding* it is easier than writing it. Here are the tries for the picture on which
# they differ most: let each run, and compare the two IoUs below it.

# %% tags=["widget"] concepts=["A2.21"]
spread = torch.stack([solid_ious(one, wanted) for one in tries]).std(dim=0)
i = int(spread.argmax())
ProgramSteps(
    {
        f"try {number}": Built(dim[i], one[i], wanted[i])
        for number, one in enumerate(tries, start=1)
        if build_solid(one[i]) is not None
    },
    title="Eight tries for one picture",
    caption="Which try fits the picture best? Is it the one whose solid is best? Run its lines one by one.",
)

# %% [markdown]
# ## What no picture says
#
# So far everything stood at the same distance. Now let things stand nearer or farther away. There is no perspective in
# our world, as in a technical drawing: what is the picture of a thing that stands farther back?

# %% tags=["widget"]
depth_guess = Predict(
    "Things now stand at any depth, in clear pictures. What becomes of the IoU?",
    options=["as good as before", "much lower", "zero"],
)
depth_guess

# %% [markdown]
# The same scenes, but for their depth:

# %% concepts=["A2.21"]
deep = sample_scenes(60, seed=71, objects=(2, 2), pairs="held_out", jitter=JITTER, depths=(NEAREST, FARTHEST))
print("the same pictures:", torch.equal(render_pictures(deep), pictures))
truth = render_programs(deep)
print("another truth:    ", wanted[0].splitlines()[0], "->", truth[0].splitlines()[0])
looks = torch.tensor([outline_iou(program, picture) for program, picture in zip(written, pictures, strict=True)])
report("outlines and pictures, IoU", looks.mean().item(), bar=0.85)
report("solids at one depth, IoU", ious.mean().item(), bar=0.90)
report("solids at any depth, IoU", solid_ious(written, truth).mean().item(), at_most=0.60)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
depth_guess.reveal("much lower")

# %% [markdown]
# The pictures are the same, number for number, so the programs are too; and the judge, who only sees outlines, finds
# nothing wrong. No training mends that: what is not in the input cannot be reasoned out of it. A model that is never
# in doubt about z has learnt a habit of its training, not depth.
#
# Something must tell: a second view, shadows, a depth map as in 1.1, or a point cloud as in 2.2. That is what the other
# modalities are for.
#
# ## What you measured
#
# - A model that reads soft tokens writes programs that run, and build nearly the right solid, for things in colours
#   that it has never seen them in.
# - Without the true picture it builds no better than somebody who never looks.
# - Words in place and voxels in place are two measures: only running a program says what it is.
# - In poor light, eight tries and a judge that looks at outlines beat the likeliest words; what no picture shows,
#   neither of them knows.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Two programs share hardly a word in the same place. Can they build the same solid?",
             ["No", "Yes, for instance with their lines in another order", "Only if they are equally long"], 1,
             ["Unions may be written in any order.", "Yes: that is why we compare what they build.",
              "A cross may be two boxes or four."]),
    Question("A solid covers the true one completely and fills the rest of the room as well. Its IoU is",
             ["1", "low", "0"], 1,
             ["That would be the share of the true one that is covered.", "Yes: what either fills is the whole room.",
              "They do overlap."]),
    Question("Why can the judge by outline work without knowing the true solid?",
             ["It compares with the picture, which is given", "It has learnt the true solids", "It counts words"], 0,
             ["Yes: run, look, compare.", "Nothing in it was learnt.", "It never reads the program."]),
    Question("Of eight tries at temperature 0, how many differ?",
             ["All", "None", "About half"], 1,
             ["Nothing is drawn at temperature 0.", "Yes: the likeliest word is the same each time.",
              "Nothing is drawn at temperature 0."]),
    Question("From 2.2: which input tells how far away a thing is, in a world without perspective?",
             ["A larger picture", "A point cloud", "A video of things that stand still"], 1,
             ["More pixels of the same view.", "Yes: its points have three coordinates.",
              "Every frame is the same picture."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** every model so far was put together from the same few parts. Which ways are there to join them, and
# what does each cost?
