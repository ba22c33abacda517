# %% [markdown]
# # 2.8 Generation and dialogue
#
# **How does a model describe a picture, draw a description, and talk about both?**
#
# Until now a model chose: this caption or that, yes or no. Now it makes something: a sentence that nobody wrote, a
# picture that nobody took. Below, one model has drawn each picture from a caption, and another, which never saw that
# caption, has put under it what it sees.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.drawings import judge_drawings
from utils.evaluation.held_out.llava_scenes import answers_right, captions_right, told
from utils.exercises import check, options, working
from utils.figures import show_bars, show_pictures
from utils.models.flow import draw, flow_path, no_text, to_picture, to_places
from utils.training.checkpoints import load_checkpoint
from utils.training.recipes.llava_scenes import PICTURE, VIDEO, about_each, encode, frames_of
from utils.widgets import Chat, FlowPath, Predict, Question, Quiz
from utils.world import MOTIONS, VOCABULARY, UnknownWordError, detokenize, render_captions, render_pictures
from utils.world import describe_action, sample_scenes, tokenize
from utils.world.captions import same_meaning as says_the_same
from utils.world.conversations import SUMMARY, answers, dialogues, prompts

# %% [markdown]
# Both were trained on pairs of shape and colour that leave some out. All pairs below are among those left out.

# %% concepts=["A2.19"]
seeing, seeing_card = load_checkpoint("llava_scenes")
drawing, drawing_card = load_checkpoint("flow_scenes")
wanted = sample_scenes(6, seed=3, objects=(1, 1), pairs="held_out")
drawn = draw(drawing, render_captions(wanted))
show_pictures(
    drawn,
    told(seeing, [(PICTURE, SUMMARY)] * 6, drawn),
    columns=3,
    alt="Six drawings of single shapes that no training picture showed, each below a caption of its own.",
)

# %% [markdown]
# **You will be able to** let a model write word by word · judge sentences that may be said in two ways · draw by
# walking from noise to a picture · keep a conversation going · tell when two models only agree with each other.
#
# **Time** about {{minutes}} minutes · **builds on** 1.3, one model for many texts; 2.4, soft tokens in it.
#
# ## One model that sees
#
# The first model is a small LLaVA: the eyes of 2.3, which have since learnt what stands in each quarter of a picture; a
# {{term projector}}; and a language model of 1.3's kind. Four patches side by side become one {{term soft token}}, as
# in Qwen2-VL (Wang et al. 2024), so a picture is four of them at the head of the text.

# %%
picture = render_pictures(sample_scenes(1, seed=21, objects=(2, 2), pairs="held_out"))
tokens, _ = encode([(PICTURE, SUMMARY)], seeing.config.soft_tokens)
print("picture", list(picture.shape), "tokens", list(tokens.shape))
print("soft tokens", list(seeing.soft_tokens(picture).shape))
print("asked:", detokenize(tokens[0, 2 + seeing.config.soft_tokens :]))

# %% [markdown]
# {{term multimodal understanding|Understanding}} has layers: which *objects* there are, what *scene* they make, what is
# going *on*. One and the same model is asked about all of them. For the last it gets the eight frames of a video.

# %% concepts=["A2.18"]
scene = sample_scenes(1, seed=21, objects=(2, 2), pairs="held_out")
show_pictures(picture, ["what the model is asked about"], columns=1, inches=1.8, alt="A picture of two shapes.")
for kind in ("colour", "shape", "count", "relation"):
    (_, question, _), *_ = answers(scene, seed=5, kinds=(kind,))
    print(f"{question}? {told(seeing, [(PICTURE, question)], picture)[0]}")

# %% [markdown]
# Now something that no single picture can show.

# %% concepts=["A2.18"]
moving = sample_scenes(3, seed=9, objects=(1, 1), pairs="held_out", motions=MOTIONS[1:])
frames = frames_of(moving, seed=1)
show_pictures(
    frames[:, ::2].flatten(0, 1),
    [f"frame {i}" for i in (1, 3, 5, 7)] * 3,
    columns=4,
    alt="Every other frame of three videos, a row a video; in each one shape changes from frame to frame.",
)
for said, scene in zip(told(seeing, [(VIDEO, SUMMARY)] * 3, frames), moving, strict=True):
    print(f"{said} (in truth: {describe_action(scene)})")

# %% [markdown]
# Three examples prove nothing. So each layer is measured on hundreds of pictures with pairs that training never showed,
# and for each the share of right answers is counted.

# %% concepts=["A2.18"]
def right_about(*kinds):
    scenes = sample_scenes(150, seed=31, pairs="held_out")
    texts, about = about_each(scenes, lambda one, seed: answers(one, seed=seed, kinds=kinds), 31)
    return answers_right(seeing, texts, render_pictures(scenes)[about]).mean().item()


report("objects: colour and shape", right_about("colour", "shape"), bar=0.70)
report("scenes: how many, and where", right_about("count", "place"), bar=0.65)
report("activities, from the card", seeing_card.figures["actions held_out"].value, bar=0.65)

# %% [markdown]
# Does it *know*, or is it only good at talking? A {{term linear probe}} asks past the words: take the soft tokens, all
# that the language model gets of the picture, and fit one linear map to them.

# %% concepts=["A2.18"]
@torch.no_grad()
def probe(scenes, labels, features):
    half = len(scenes) // 2
    line = LogisticRegression(max_iter=300).fit(features[:half], labels[:half])
    return line.score(features[half:], labels[half:])


singles = sample_scenes(1200, seed=41, objects=(1, 1), pairs="all")
with torch.no_grad():
    soft = seeing.soft_tokens(render_pictures(singles)).amax(dim=1)
report("colour, from the soft tokens", probe(singles, singles.colour[:, 0], soft), bar=0.95)
report("shape, from the soft tokens", probe(singles, singles.shape[:, 0], soft), bar=0.95)

# %% [markdown]
# So its eyes know more than its answers tell. Where an answer is wrong, the words failed: which thing was meant, or
# what was asked.
#
# ## A sentence, word by word
#
# A caption is written as any text is: read all so far, give every word of the {{term vocabulary}} a chance, take one,
# begin again. How it is taken is up to us.
#
# {{exercise 2.8.1}}
#
# `logits` has shape `[texts, words]`. Return the chances of the next word at a `temperature`: the softmax of the logits
# divided by it. At temperature 0, all goes to the likeliest word.

# %% answer="2.8.1"
def next_token_chances(logits: Float[Tensor, "texts words"], temperature: float) -> Float[Tensor, "texts words"]:
    ### BEGIN SOLUTION
    if temperature == 0:
        return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    return (logits / temperature).softmax(dim=-1)
    ### END SOLUTION

# %% [markdown]
# The check asks at 0 too.

# %% check="2.8.1"
check("2.8.1", next_token_chances)

# %% [markdown]
# With it, here is how a caption is written: a loop of four lines.

# %% concepts=["A2.19"]
next_token_chances = working("2.8.1", next_token_chances)


@torch.no_grad()
def write(picture, temperature, seed=0, words=16):
    torch.manual_seed(seed)
    text, _ = encode([(PICTURE, SUMMARY)], seeing.config.soft_tokens)
    asked = text.shape[1]
    for _ in range(words):
        chances = next_token_chances(seeing(text, picture)[:, -1], temperature)
        text = torch.cat([text, torch.multinomial(chances, 1)], dim=1)
    return detokenize(text[0, asked:])


print(write(picture, 0))
print("the same as `generate`:", write(picture, 0) == told(seeing, [(PICTURE, SUMMARY)], picture)[0])

# %% [markdown]
# At temperature 0 it always says the same. Warmer, it takes a word now and then that is not the likeliest, until it
# no longer looks at the picture.

# %% concepts=["A2.19"]
warm = {f"temperature {t}": [write(picture, t, seed) for seed in range(10)] for t in (0.5, 1.5, 5.0)}
show_bars(
    {name: float(len(set(said))) for name, said in warm.items()},
    title="The warmer, the more different captions of one picture",
    x="different captions in ten",
    format=".0f",
    alt="Bars of how many of ten captions differ: few when cool, nearly all when hot.",
)

# %% [markdown]
# ## Is it right?
#
# The caption of the world and that of the model, letter by letter the same? That is a hard judge: there are two ways to
# tell what stands above what.
#
# {{exercise 2.8.2}}
#
# Say whether two captions mean the same. They do when they are equal, or when both objects have changed places and the
# relation has turned: *above* and *below*, *left of* and *right of*.

# %% answer="2.8.2"
OPPOSITES = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


def same_meaning(told: str, true: str) -> bool:
    ### BEGIN SOLUTION
    if told == true:
        return True
    for relation, opposite in OPPOSITES.items():
        first, found, second = true.partition(f" {relation} ")
        if found and told == f"{second} {opposite} {first}":
            return True
    return False
    ### END SOLUTION

# %% [markdown]
# Beware of judges that are too kind: some wrong captions have all the right words.

# %% check="2.8.2"
check("2.8.2", same_meaning)

# %% [markdown]
# Two objects, six attributes and a relation: one slip, and the caption is wrong. Pairs that training never showed.

# %% concepts=["A2.19"]
same_meaning = working("2.8.2", same_meaning)
scenes = sample_scenes(300, seed=61, objects=(2, 2), pairs="held_out")
pictures, true = render_pictures(scenes), render_captions(scenes)
said = told(seeing, [(PICTURE, SUMMARY)] * len(scenes), pictures)
exact = sum(a == b for a, b in zip(said, true, strict=True)) / len(true)
meant = sum(same_meaning(a, b) for a, b in zip(said, true, strict=True)) / len(true)
report("captions letter by letter", exact, bar=0.30)
report("captions that mean the same", meant, bar=0.90)

# %% [markdown]
# A model that has only read might still guess well. Here are the same captions from the picture, from another's
# picture, from a blank one, and from the language model of 1.3, which has no eyes.

# %%
blind, _ = load_checkpoint("gpt_scenes")
guessed = blind.generate(prompts([(SUMMARY,)]), 16)
baseline = torch.tensor([says_the_same(detokenize(guessed[0]), caption) for caption in true]).float()
result = grounding(
    lambda pictures: captions_right(seeing, scenes, pictures), pictures, modality="picture", baseline=baseline, bar=0.90
)
result.show()

# %% [markdown]
# ## From noise to a picture
#
# Words come one after the other. Pixels have no such order. The second model makes all of them at once, and starts from
# noise: it learns a **velocity**, where every number is to go, so that following it leads to a picture. This is
# rectified flow (Liu et al. 2023), a close relative of the {{term diffusion model}}, and what Stable Diffusion 3 (Esser
# et al. 2024) is trained by.
#
# Training needs examples: a point on the way, and the velocity there. The ways are straight lines.
#
# {{exercise 2.8.3}}
#
# `noise` and `picture` have shape `[n, numbers]`, `time` has `[n]`: 0 at the noise, 1 at the picture. Return the points
# on the straight lines at these times, and the velocities, per unit of time.

# %% answer="2.8.3"
def flow_example(
    noise: Float[Tensor, "n numbers"], picture: Float[Tensor, "n numbers"], time: Float[Tensor, " n"]
) -> tuple[Float[Tensor, "n numbers"], Float[Tensor, "n numbers"]]:
    ### BEGIN SOLUTION
    t = time[:, None]
    return (1 - t) * noise + t * picture, picture - noise
    ### END SOLUTION

# %% [markdown]
# Each row has a time of its own.

# %% check="2.8.3"
check("2.8.3", flow_example)

# %% [markdown]
# That is what the model sees in training, and all it is ever asked: here is a half-made picture, this is the time, this
# the caption; which way?

# %%
flow_example = working("2.8.3", flow_example)
one = to_places(render_pictures(wanted[:1]))
line, times = one.flatten(1).expand(6, -1), torch.linspace(0, 1, 6)
noise = torch.randn(line.shape[1], generator=torch.Generator().manual_seed(0)).expand(6, -1)
points, _ = flow_example(noise, line, times)
show_pictures(
    to_picture(points.view(6, *one.shape[1:])),
    [f"time {t:.1f}" for t in times],
    alt="A picture that comes out of noise in six steps along a straight line.",
)

# %% [markdown]
# To draw, nobody knows the end of the line. So take a step along the velocity that the model gives, and ask again.
#
# One trick makes captions count for more: {{term classifier-free guidance|guidance}} (Ho and Salimans 2022). Ask twice,
# with the caption and with none, and go further in the direction in which the caption makes a difference.
#
# {{exercise 2.8.4}}
#
# Take one of `steps` equal steps through one unit of time. The velocity starts from `without_text`; `guidance` says how
# many times the difference to `with_text` is added to it.

# %% answer="2.8.4"
def guided_step(
    x: Tensor, with_text: Tensor, without_text: Tensor, guidance: float, steps: int
) -> Tensor:
    ### BEGIN SOLUTION
    velocity = without_text + guidance * (with_text - without_text)
    return x + velocity / steps
    ### END SOLUTION

# %% [markdown]
# At guidance 1 it must not matter what would be drawn without a caption.

# %% check="2.8.4"
check("2.8.4", guided_step)

# %% [markdown]
# Eight of these steps draw a picture. The loop is the whole of it.

# %% concepts=["A2.19"]
guided_step = working("2.8.4", guided_step)
caption = tokenize(["a large green star in the bottom left"])
x = torch.randn(1, 12, 16, 16, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    for step in range(8):
        time = torch.full((1,), step / 8)
        x = guided_step(x, drawing(x, time, caption), drawing(x, time, no_text(caption)), 2.0, 8)
*_, ours = flow_path(drawing, caption, steps=8, guidance=2.0)
print("the same as the course's:", torch.allclose(x, ours, atol=1e-4))

# %% [markdown]
# Now walk the way yourself. Left is where the picture is; right is where a straight line from there would end.

# %% tags=["widget"] concepts=["A2.19"]
@torch.no_grad()
def path(caption, guidance, steps=8):
    tokens = tokenize([caption])
    states = list(flow_path(drawing, tokens, steps=steps, guidance=guidance, seed=1))
    aims = [states[i] + (steps - i) * (states[i + 1] - states[i]) for i in range(steps)] + [states[-1]]
    return [to_picture(state)[0] for state in states], [to_picture(aim)[0] for aim in aims]


some = ["a large red ring in the top left", "a small blue star in the bottom right"]
FlowPath({caption: {str(g): path(caption, g) for g in (1, 3)} for caption in some})

# %% [markdown]
# Does it draw what it is told? You could look at a few; a {{term test set}} needs a judge. Ours is a small network that
# reads shape, colour, size and place off a picture. It had no part in the drawing, and its own errors are known.

# %%
reader, reader_card = load_checkpoint("scene_reader")
report("the judge on real pictures", reader_card.figures["all read rightly, held_out"].value, bar=0.99)
scenes = sample_scenes(120, seed=71, objects=(1, 1), pairs="held_out")
judged = judge_drawings(reader, draw(drawing, render_captions(scenes)), scenes)
report("colour and shape as told", judged.objects.float().mean().item(), bar=0.85)
report("size and place as told, too", judged.right.float().mean().item(), bar=0.80)

# %% [markdown]
# And is it the caption that does it? Keep the scenes, exchange the captions, or leave them out. The baseline draws
# without reading.

# %%
@torch.no_grad()
def drawn_right(tokens):
    *_, x = flow_path(drawing, tokens, steps=6, guidance=2.0)
    return judge_drawings(reader, to_picture(x), few).objects.float()


few = scenes[:80]
tokens = tokenize(render_captions(few))
result = grounding(
    drawn_right, tokens, modality="caption", baseline=drawn_right(no_text(tokens)), blank=no_text(tokens)[0], bar=0.85
)
result.show()

# %% [markdown]
# One caption, many pictures: what it leaves open, the noise decides. Here all it leaves open is a pixel here or there.
# Ask for what it has never met, and see what a model does that cannot say no.

# %% concepts=["A2.19"]
strange = ["nothing", "a large red ring above a small blue star", "a small small small circle", "red red red red"]
show_pictures(
    draw(drawing, strange, seed=2),
    strange,
    columns=4,
    wrap=24,
    alt="Four drawings of captions unlike any in training: odd, unfinished or mixed shapes.",
)

# %% [markdown]
# Trained on single objects, it draws something for every caption, and never says that it cannot.
#
# ## There and back
#
# Draw a caption, describe the drawing, compare: a test that needs no judge at all. It is used for real systems, too.

# %% concepts=["A2.19"]
captions = render_captions(scenes)
back = told(seeing, [(PICTURE, SUMMARY)] * len(captions), draw(drawing, captions))
agree = sum(says_the_same(a, b) for a, b in zip(back, captions, strict=True)) / len(captions)
report("captions that come back", agree, bar=0.75)

# %% [markdown]
# {{exercise 2.8.5}}
#
# Someone trains two new models and reports that nearly all captions come back. What do you conclude, and why?

# %%
options("2.8.5")

# %% [markdown]
# Write the letter of your conclusion and the number of your reason, as in `choice = ("a", 1)`.

# %% answer="2.8.5"
### BEGIN SOLUTION
choice = ("b", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Both must fit together.

# %% check="2.8.5"
check("2.8.5", choice)

# %% [markdown]
# ## A conversation
#
# *What colour is the ring? Red. And the star?* The third sentence is no question by itself. To answer it the model must
# have what was said before, and it has no memory: **everything is read again at every turn**. {{term multimodal
# dialogue|Dialogue}} is a text that grows.

# %% concepts=["A2.20"]
scenes = sample_scenes(200, seed=81, objects=(2, 2), pairs="held_out")
talks, about = about_each(scenes, dialogues, 81)
print(*talks[0][1:], sep="\n")

# %% [markdown]
# First, your guess.

# %% tags=["widget"]
guess = Predict(
    "“And the star?” is asked alone, with the picture and without what was said before. How often is the answer right?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# The same second questions, with the first question and its answer before them, and without.

# %% concepts=["A2.20"]
shown = render_pictures(scenes)[about]
with_turns = answers_right(seeing, [text[:5] for text in talks], shown).mean().item()
alone = answers_right(seeing, [(text[0], *text[3:5]) for text in talks], shown).mean().item()
report("second answers, in conversation", with_turns, bar=0.80)
report("second answers, out of context", alone, at_most=0.60)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(alone)

# %% [markdown]
# Alone it has to guess which of four things is meant, and seldom guesses right.
#
# A text that grows meets a wall: the {{term context window}}. Something must go. What?
#
# {{exercise 2.8.6}}
#
# All are lists of words. The sequence begins with `<start>`, one token, which is added later; then come the `picture`,
# as many `turns` as fit, and the `question`; `room` tokens stay free for the answer, and together they must not exceed
# `context`. This code runs, and yet forgets the wrong things. Mend it.

# %% answer="2.8.6"
def conversation(
    picture: list[str], turns: list[list[str]], question: list[str], context: int, room: int
) -> list[str]:
    used = 1 + len(picture) + len(question) + room
    kept = []
    ### BEGIN SOLUTION
    for turn in reversed(turns):
        if used + len(turn) > context:
            break
        kept.insert(0, turn)
        used += len(turn)
    ### STUB
    # for turn in turns:
    #     if used + len(turn) > context:
    #         break
    #     kept.append(turn)
    #     used += len(turn)
    ### END SOLUTION
    return list(picture) + [word for turn in kept for word in turn] + list(question)

# %% [markdown]
# The check's conversations are too long by one turn or more.

# %% check="2.8.6"
check("2.8.6", conversation)

# %% [markdown]
# With it you can talk for as long as you like. The words that it knows are those of this world: *what colour is the
# ring*, *and the star*, *how many things are there*, *is the ring above the star*.

# %% tags=["widget"] concepts=["A2.20"]
conversation = working("2.8.6", conversation)
begin = [*["<image>"] * seeing.config.soft_tokens, "<end>"]


def reply(picture, turns, question):
    said = [f"{asked} <end> {answer} <end>".split() for asked, answer in turns]
    words = conversation(begin, said, [*question.split(), "<end>"], seeing.config.language.length, 12)
    prompt = tokenize([" ".join(words)], len(words) + 2, len(VOCABULARY))[:, :-1]
    return detokenize(seeing.generate(prompt, torch.tensor(picture)[None], 12)[0])


suggestions = ["what is in the picture", "how many things are there", "what colour is the ring", "and the star"]
Chat(reply, render_pictures(scenes[about][:6]), suggestions=suggestions, questions=[talks[0][1], talks[0][3]])

# %% [markdown]
# It answers whatever is asked, even about what is not there. Ask for the colour of a thing that is missing: it will
# name one. That is a {{term hallucination}}, and chapter 3 comes back to it. At a word it has never met it stops.

# %%
try:
    reply(render_pictures(scenes)[0].numpy(), [], "what colour is the elephant")
except UnknownWordError as error:
    print(error)

# %% [markdown]
# ## What you measured
#
# - One model, asked about objects, scenes and videos, answered about pairs it had never seen; without the picture it
#   could not.
# - Captions are judged by what they mean, drawings by someone who had no part in them.
# - A picture comes from noise along a line, and the caption decides where the line ends.
# - A conversation is a text that is read anew at every turn. Take away what was said, and “and the star?” is a riddle.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Temperature 0 means that the next word is",
             ["drawn at random", "always the likeliest", "always <end>"], 1,
             ["That is an endlessly high one.", "Yes: the same text every time.", "Only if that is the likeliest."]),
    Question("In rectified flow, the velocity that the model learns is",
             ["the picture less the noise", "the noise", "the picture"], 0,
             ["Yes, all along the straight line.", "Some diffusion models learn that.", "That is its end."]),
    Question("Guidance of 3 instead of 1 makes a drawing",
             ["larger", "follow the caption more strongly", "take three times as many steps"], 1,
             ["Size is in the caption.", "Yes: the caption's difference counts three times.", "The steps stay."]),
    Question("How does the model remember the first question of a conversation?",
             ["Its weights change", "It does not: the question is read again", "In a vector of its own"], 1,
             ["They are frozen while it talks.", "Yes, as long as it fits into the context.", "Nothing is kept."]),
    Question("From 2.3: why test on shape-colour pairs that training never showed?",
             ["They are easier to draw", "To tell composing from remembering", "There are more of them"], 1,
             ["Rather harder.", "Yes: ring and red are known, the red ring is not.", "There are fewer."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** chapter 3 builds the four families of architectures, and asks which of them does all this best.
