# %% [markdown]
# # 1.3 From LLM to MLLM
#
# **What can a language model do, what can it not, and what changes when it sees?**
#
# Below is one small model, trained to do one thing: write the next word. It tells of a scene, translates into Welsh,
# sums up, answers, talks. And there is one question at which it can only guess.

# %% tags=["setup"]
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from utils.evaluation import grounding, report
from utils.evaluation.held_out.gpt_scenes import free_captions, other_documents, right, written
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.models.blocks import count_parameters
from utils.models.gpt import GPT, PUBLISHED_SHAPES, GPTConfig, next_token_loss, parameters_of
from utils.models.llava import LLaVA, LLaVAConfig, patch_features, picture_prompt
from utils.models.vit import ViT, ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.training.recipes.gpt_scenes import rows, training_captions
from utils.widgets import ContextBudget, Predict, PromptBox, Question, Quiz
from utils.world import COLOURS, SHAPES, VOCABULARY, ask, detokenize, render_pictures, sample_scenes
from utils.world.batching import batches
from utils.world.conversations import IN_ENGLISH, IN_WELSH, SUMMARY, answers, captions, dialogues, is_caption
from utils.world.conversations import knowledge, prompts, summaries, tell, translations

# %% [markdown]
# Under each task stands a prompt, line by line, and behind the arrow what the model makes of it.

# %% concepts=["A4.19"]
language, card = load_checkpoint("gpt_scenes")
document = "a small orange star in the top right"
both = "a large red ring in the top left and a small blue star in the bottom right"
tasks = {
    "translate": ("a large red ring above a small blue star", IN_WELSH),
    "sum up": (both, SUMMARY),
    "answer": (document, "what colour is the star"),
    "go on talking": (both, "where is the ring", "top left", "and the star"),
    "know": ("which is larger seven or two",),
}
for task, parts in tasks.items():
    print(task.upper(), *parts, f"-> {written(language, [parts])[0]}", sep="\n    ")

# %% [markdown]
# **You will be able to** take a text model through its tasks and find the one thing behind them · count the parameters
# of GPT-3 and the cost of a picture from published sizes · say what a picture takes of a context window · give a
# language model eyes, and prove that it uses them.
#
# **Time** about {{minutes}} minutes · **builds on** 1.1, sentences and pictures as tensors.
#
# ## The next word, and nothing else
#
# A {{term large-language-model|large language model}} is a {{term Transformer}} that gives, for each word of the
# vocabulary, a score: how well would it stand next? Ours does the same, with a vocabulary that fits on a page.

# %%
begun = prompts([("a large red",)], begun=True)
scores = language(begun)[0, -1]
for share, token in zip(*scores.softmax(-1).topk(4), strict=True):
    print(f"{VOCABULARY[token]:<9}{share:.0%}")

# %% [markdown]
# Take the likeliest, put it at the end, and ask again. That is the whole of **generation**.

# %% concepts=["A4.19"]
tokens = begun
while tokens[0, -1] != VOCABULARY.index("<end>"):
    token = language(tokens)[0, -1].argmax()
    tokens = torch.cat([tokens, token.view(1, 1)], dim=1)
print(detokenize(tokens[0]))

# %% [markdown]
# Several prompts at once are rows of one tensor, and the shorter rows end in `<pad>`, whose number is 0.
#
# {{exercise 1.3.1}}
#
# `logits` `[prompts, length, vocabulary]` holds a score for each next token at each position, and `tokens`
# `[prompts, length]` the prompts. This function should give the likeliest next token of each prompt, and is wrong for
# all but the longest. Find the bug and mend it.


# %% answer="1.3.1"
def next_tokens(
    logits: Float[Tensor, "prompts length vocabulary"], tokens: Int[Tensor, "prompts length"]
) -> Int[Tensor, " prompts"]:
    ### BEGIN SOLUTION
    last = (tokens != 0).sum(dim=1) - 1
    return logits[torch.arange(len(tokens)), last].argmax(dim=-1)
    ### STUB
    # return logits[:, -1].argmax(dim=-1)
    ### END SOLUTION


# %% [markdown]
# In the check's batches hardly two prompts are of one length.

# %% check="1.3.1"
check("1.3.1", next_tokens)

# %% [markdown]
# With it, three prompts go on at once, each with a word of its own.

# %%
next_tokens = working("1.3.1", next_tokens)
several = prompts([("a",), ("a small",), ("a large red ring in the top",)], begun=True)
for row, token in zip(several, next_tokens(language(several), several), strict=True):
    print(f"{detokenize(row)} ... {VOCABULARY[token]}")

# %% [markdown]
# Always the likeliest word gives always the same text. Draw each word by its share instead, and the model tells of
# things that nobody described to it.

# %% concepts=["A4.19"]
free = free_captions(language, 100, seed=0)
print(*free[:4], sep="\n")
report("sentences that obey the grammar", sum(map(is_caption, free)) / len(free), bar=0.90)
told = training_captions()
report("never told to it", sum(text not in told for text in free) / len(free), bar=0.10)

# %% [markdown]
# ## One model, many tasks
#
# Where do the other tasks come from? From the same game, on other texts. A text here is a row of parts, each closed
# with `<end>`, and what the model is to do stands *in the words* (Radford et al. 2019 called such models unsupervised
# multitask learners). One text of each task:

# %% concepts=["A1.4", "A4.19"]
some = sample_scenes(6, seed=40, objects=(2, 2))
for task, texts in {
    "describing": captions(some),
    "translating": translations(some, "welsh"),
    "summing up": summaries(some),
    "answering": answers(some, seed=40),
    "talking": dialogues(some, seed=40),
    "knowing": knowledge(),
}.items():
    print(task.upper(), *texts[0], sep="\n    ")

# %% [markdown]
# Now the test, on scenes whose every pair of shape and colour is new to the model, word for word. {{term
# machine-translation|Translation}} into Welsh is more than a list of words: adjectives follow their noun, and change
# with its gender.

# %% concepts=["A1.4", "A4.19"]
new = sample_scenes(100, seed=41, pairs="held_out")
one, two = (sample_scenes(100, seed=42, objects=(number, number), pairs="held_out") for number in (1, 2))
looked_up = {"seed": 42, "kinds": ("colour", "shape", "size", "place")}
tests = {
    "into Welsh": (translations(new, "welsh"), 0.95),
    "into English": (translations(new, "english"), 0.95),
    "summary": (summaries(new), 0.95),
    "question on a document": (answers(one, **looked_up), 0.95),
    "follow-up in a dialogue": ([text[:5] for text in dialogues(two, seed=42)], 0.70),
    "larger or smaller": (knowledge("held_out"), 0.50),
}
scores = {task: right(language, texts).mean().item() for task, (texts, _) in tests.items()}
for task, score in scores.items():
    report(task, score, bar=tests[task][1])

# %% [markdown]
# One set of weights, one loss, six tasks. None of them needs a second {{term modality}}: what a {{term unimodal}} model
# can do is much.

# %% concepts=["A1.4"]
show_bars(
    scores,
    title="One text model, six tasks",
    x="share of texts right, word for word",
    alt="Six bars, one for each task: four are nearly full, the dialogue and the numbers are shorter.",
)

# %% [markdown]
# Does it read its document, or has it learnt which answers are common? Exchange the documents, or leave them out.

# %% concepts=["A4.19"]
asked = answers(one, **looked_up)
report("its own document", right(language, asked).mean().item(), bar=0.95)
report("someone else's", right(language, other_documents(asked)).mean().item(), at_most=0.50)
report("none", right(language, [text[1:] for text in asked]).mean().item(), at_most=0.50)

# %% [markdown]
# It reads. What remains without a document are lucky guesses. Now the same questions on documents of *two* things.

# %% concepts=["A4.19"]
report("two things, one asked about", right(language, answers(two, **looked_up)).mean().item(), at_most=0.80)

# %% [markdown]
# It knows which colours are told, and not always whose they are: to tell *this* ring's colour from *that* star's is
# called **binding**, and a model this small learns it badly. Twice the training did not help.
#
# Now you. Write a document of this world, or a Welsh sentence, and ask. Then tell of a second thing: which does it
# confuse?


# %% tags=["widget"] concepts=["A4.19"]
def reply(document, request):
    return written(language, [tuple(part for part in (document, request) if part)])[0]


PromptBox(
    reply,
    document=document,
    request="what colour is the star",
    documents=[both, "seren fach werdd"],
    requests=[IN_WELSH, IN_ENGLISH, SUMMARY, "where is the star", "what colour is the ring"],
)

# %% [markdown]
# ## The rarer language
#
# Of GPT-3's training text 93 % of the words were English (Brown et al. 2020, section 3.3). Some 538,000 people in Wales
# speak Welsh (Office for National Statistics, census of 2021). For a {{term low-resource-language|low-resource
# language}} there is little to learn from. How little is too little? Small models, from scratch, each with so many
# translated captions of one thing:

# %% concepts=["A1.7"]
learnt = dict.fromkeys(translations(sample_scenes(2000, seed=31, objects=(1, 1)), "welsh"))
unseen = list(dict.fromkeys(translations(sample_scenes(200, seed=32, objects=(1, 1), pairs="held_out"), "welsh")))
print(f"{len(learnt)} texts to learn from, {len(unseen)} to test on, such as")
print(*unseen[0], sep=" | ")

# %% [markdown]
# All have equally many steps; only the number of different examples differs.

# %% tags=["widget"]
guess = Predict("What share of new captions will it translate after 20 examples?", low=0.0, high=1.0)
guess


# %% [markdown]
# The loss is that of the large ones: the next word of what the model is to write.


# %% concepts=["A1.7"]
def language_loss(model, tokens, learnt):
    return next_token_loss(model(tokens), tokens, learnt)


def translator(number):
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocabulary=len(VOCABULARY), length=32, width=64, depth=2, heads=2, hidden=256))
    examples = rows(list(learnt)[:number])
    supply = batches(*examples, batch_size=min(number, 32), seed=0, steps=200)
    fit(model, supply, language_loss, steps=200, learning_rate=3e-3)
    return model


numbers = [5, 20, 160]
translators = {number: translator(number) for number in numbers}

# %% [markdown]
# Each is now asked for captions that it has not seen, about new pairs of shape and colour.

# %% tags=["widget", "spoiler"] concepts=["A1.7"]
new_scores = [right(translators[number], unseen).mean().item() for number in numbers]
show_curves(
    {"new pairs of shape and colour": (numbers, new_scores)},
    log_x=True,
    title="The same model, with more and more Welsh to learn from",
    x="translated captions to learn from",
    y="share right, word for word",
    alt="Accuracy on new captions against the number of examples: near zero with few, near one with many.",
)
guess.reveal(new_scores[1])

# %% [markdown]
# The model with the fewest examples is as large as the others, and was trained for as long. What it lacks is data.

# %% concepts=["A1.7"]
few = list(learnt)[:5]
report("5 examples, on themselves", right(translators[5], few).mean().item(), bar=0.8)
report("5 examples, on new ones", new_scores[0], at_most=0.2)
report(f"{numbers[-1]} examples, on new ones", new_scores[-1], bar=0.85)

# %% [markdown]
# ## Large
#
# What is *large* about a large language model? Its {{term parameter|parameters}}. Anyone can count them from the
# sizes that a paper prints.
#
# {{exercise 1.3.2}}
#
# A GPT has a vector of `width` numbers for each of its `vocabulary` tokens and each of its `length` positions; `depth`
# blocks, each of four linear layers from `width` to `width` (attention), one to `4 * width` and one back, all with
# biases, and two normalisations of a gain and a bias each; and one normalisation at the end. Its output uses the token
# vectors again. Return the number of parameters.


# %% answer="1.3.2"
def transformer_parameters(vocabulary: int, length: int, width: int, depth: int) -> int:
    ### BEGIN SOLUTION
    embeddings = (vocabulary + length) * width
    attention = 4 * (width * width + width)
    feed_forward = (width * 4 * width + 4 * width) + (4 * width * width + width)
    norm = 2 * width
    return embeddings + depth * (attention + feed_forward + 2 * norm) + norm
    ### END SOLUTION


# %% [markdown]
# The check's models are of all sizes.

# %% check="1.3.2"
check("1.3.2", transformer_parameters)

# %% [markdown]
# First on the model in our hands, where counting tells whether it is right.

# %% concepts=["A1.4"]
transformer_parameters = working("1.3.2", transformer_parameters)
print(f"{transformer_parameters(len(VOCABULARY), 96, 96, 4):,} by the formula")
print(f"{count_parameters(language):,} counted")

# %% [markdown]
# Then on the published ones: GPT-3 (Brown et al. 2020, table 2.1) and BERT (Devlin et al. 2019), which has a few
# parts more.

# %% concepts=["A1.4"]
shape = PUBLISHED_SHAPES["GPT-3 175B"]
print(f"GPT-3: {transformer_parameters(shape.vocabulary, shape.length, shape.width, shape.depth) / 1e9:,.1f} billion")
for name, shape in PUBLISHED_SHAPES.items():
    print(f"{name:<11}{parameters_of(shape):>16,} = {parameters_of(shape) / count_parameters(language):>9,.0f} of ours")

# %% [markdown]
# A hundred thousand times ours and more: larger models know more, and write better. But *large* counts parameters, and
# *multimodal* counts kinds of input. GPT-3 takes one kind. So does ours.
#
# ## What it cannot do
#
# Here are things nobody has put into words.

# %%
shown = sample_scenes(300, seed=51, objects=(1, 1), pairs="held_out")
questions = ask(shown, seed=51, kinds=("colour", "shape"))
pictures = render_pictures(shown)[questions.scene]
show_pictures(pictures[:6], questions.questions[:6], alt="Six pictures of one thing each, above a question about it.")

# %% [markdown]
# The text model gets the question. It has no way of taking in the picture: pixels are not in its vocabulary. With a
# document about it, written by someone who looked, it answers.

# %% concepts=["A1.7"]
blind = right(language, list(zip(questions.questions, questions.answers, strict=True)))
helped = right(language, answers(shown, seed=51, kinds=("colour", "shape")))
report("with the picture in words", helped.mean().item(), bar=0.90)
report("without", blind.mean().item(), at_most=0.25)
print(f"chance: 1 in {len(COLOURS)} for a colour, 1 in {len(SHAPES)} for a shape")

# %% [markdown]
# So somebody must look, and say in advance all that may be asked. Or the model must see.
#
# ## What seeing costs
#
# A picture has to become tokens. The usual way is to cut it into {{term patch|patches}}, as a Vision Transformer does,
# each of which takes a place in the sequence, like a word. How does that grow?
#
# {{exercise 1.3.3}}
#
# {{term attention|Attention}} compares every patch with every patch. Make a picture twice as sharp, twice as many
# pixels a side, with patches of as many pixels as before. By what factor does the number of pairs grow? Set `growth`.

# %% answer="1.3.3"
### BEGIN SOLUTION
growth = 2**4
### STUB
# growth = ...
### END SOLUTION

# %% [markdown]
# Draw a small grid if in doubt.

# %% check="1.3.3"
check("1.3.3", growth)

# %% [markdown]
# The common measure of work is the {{term floating-point-operation|floating-point operation}}, FLOP: one addition or
# one multiplication. Nearly all of them are in matrix products, where each multiplication is followed by an addition.
#
# {{exercise 1.3.4}}
#
# Return the FLOPs of `depth` blocks over `tokens` tokens. In each block every token meets the weights of four layers
# from `width` to `width`, of one from `width` to `hidden` and of one back; and every pair of tokens costs two products
# of `width` numbers: its score, and its share of the mixture. Biases and normalisations are not counted.


# %% answer="1.3.4"
def transformer_flops(tokens: int, width: int, hidden: int, depth: int) -> int:
    ### BEGIN SOLUTION
    weights = 4 * width * width + 2 * width * hidden
    pairs = 2 * tokens * tokens * width
    return 2 * depth * (tokens * weights + pairs)
    ### END SOLUTION


# %% [markdown]
# The check compares whole numbers, however large.

# %% check="1.3.4"
check("1.3.4", transformer_flops)

# %% [markdown]
# Predicted, then counted: PyTorch can watch a model and add up the products that it really makes. The patches' own
# layer comes on top, and the class token is one token more.

# %% concepts=["A1.3"]
transformer_flops = working("1.3.4", transformer_flops)


def counted_flops(run):
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


for side in (32, 64, 128, 256):
    vit = ViT(ViTConfig(image_size=side, patch_size=8, width=96, depth=4, heads=3, hidden=384))
    patches = (side // 8) ** 2
    predicted = transformer_flops(patches + 1, 96, 384, 4) + 2 * patches * (3 * 8 * 8) * 96
    counted = counted_flops(lambda vit=vit, side=side: vit(torch.zeros(1, 3, side, side)))
    print(f"{side:>4} pixels a side {patches:>6,} patches {predicted:>14,} predicted {counted:>14,} counted")

# %% [markdown]
# To the last product. So we may trust it where we cannot run: a ViT-B/16 (Dosovitskiy et al. 2021) on pictures of
# 1024 × 1024, as Segment Anything takes them (Kirillov et al. 2023).

# %% concepts=["A1.3"]
width, hidden, depth, heads = 768, 3072, 12, 12
for side in (224, 512, 1024):
    n = (side // 16) ** 2
    flops, maps = transformer_flops(n, width, hidden, depth), 4 * heads * depth * n**2
    share = 4 * depth * width * n**2 / flops
    print(f"{side:>5}: {n:>5,} patches {flops / 1e9:>6,.0f} GFLOP, {share:.0%} in attention, maps {maps / 1e9:.1f} GB")

# %% [markdown]
# The maps of attention grow fastest of all: were they all kept, a laptop would soon be full. Where does attention
# overtake the weights?

# %% concepts=["A1.3"]
sides = range(64, 2049, 64)
total = [transformer_flops((side // 16) ** 2, width, hidden, depth) / 1e9 for side in sides]
pairs = [4 * depth * width * (side // 16) ** 4 / 1e9 for side in sides]
weights = [whole - pair for whole, pair in zip(total, pairs, strict=True)]
show_curves(
    {"weights": (sides, weights), "attention": (sides, pairs)},
    title="As pictures grow, attention overtakes the weights",
    x="side of the picture (pixels), patches of 16",
    y="GFLOP",
    alt="Two curves against the side of the picture: attention starts lower, grows faster and crosses the weights.",
)

# %% [markdown]
# ## A window for both
#
# Tokens of pictures and of words share one {{term context-window|context window}}, the greatest number of tokens that
# the model reads at once. GPT-3's has 2,048 (Brown et al. 2020). Drag.

# %% tags=["widget"] concepts=["A1.3"]
sizes = {"GPT-3 175B": PUBLISHED_SHAPES["GPT-3 175B"], "ours": language.config.shape}
fields = ("vocabulary", "length", "width", "depth", "hidden")
ContextBudget({name: {field: getattr(shape, field) for field in fields} for name, shape in sizes.items()})

# %% [markdown]
# A word more is a token more. A sharper picture is a flood: that is why multimodal models shrink pictures, cut them
# into tiles, or squeeze their tokens, as chapter 3 will show.
#
# ## Eyes for a language model
#
# The recipe of Frozen (Tsimpoukelli et al. 2021) and LLaVA (Liu et al. 2023): take a vision encoder that knows
# pictures, a language model that knows words, and put a small {{term projector}} between them. What it makes of a
# picture are {{term soft-token|soft tokens}}: vectors of the width of a word, which stand in the text where a document
# stood.
#
# Ours makes each a mixture of *all* words, as AlignVLM does (Masry et al. 2025): what else would a language model
# understand?


# %% concepts=["A1.2"]
class WordMixer(nn.Module):
    def __init__(self, vision_width, words, number=8):
        super().__init__()
        self.words, self.number = words, number
        self.scores = nn.Linear(vision_width, number * len(words))

    def shares(self, patches):
        """For each picture and soft token, the share of each word."""
        return self.scores(patches.mean(dim=1)).view(len(patches), self.number, -1).softmax(dim=-1)

    def forward(self, patches):
        return self.shares(patches) @ self.words


# %% [markdown]
# The eyes have learnt to tell pictures apart, as in lesson 2.3, and then what stands in each quarter of one. Both large
# parts stay as they are; only the mixer learns.

# %%
eyes = load_checkpoint("region_scenes")[0].requires_grad_(False)
language.requires_grad_(False)
torch.manual_seed(0)
mixer = WordMixer(eyes.config.width, language.embedding.weight)
seeing = LLaVA(LLaVAConfig(eyes.config, language.config), vision=eyes, language=language, projector=mixer)
print(f"{count_parameters(seeing):,} numbers to learn of {sum(one.numel() for one in seeing.parameters()):,}")

# %% [markdown]
# It learns from pictures with a question and its answer; the loss is the next word, once more. `<image>` keeps the
# places of the soft tokens.

# %% concepts=["A1.2"]
lessons = sample_scenes(4000, seed=61, objects=(1, 1))
taught = ask(lessons, seed=61, kinds=("colour", "shape"))
places = picture_prompt("<image>", mixer.number)
examples = rows([(places, *pair) for pair in zip(taught.questions, taught.answers, strict=True)])
print(places, "|", taught.questions[0], "|", taught.answers[0])
print(examples[0][0].tolist())

# %% [markdown]
# A frozen language model, which has never met a picture. Will it listen?

# %% tags=["widget"]
guess = Predict("Colours and shapes of things never seen: what share will be answered rightly?", low=0.0, high=1.0)
guess

# %% [markdown]
# A few seconds.


# %% concepts=["A1.2"]
def seeing_loss(model, tokens, learnt, pictures):
    return next_token_loss(model(tokens, pictures), tokens, learnt)


supply = batches(*examples, render_pictures(lessons)[taught.scene], batch_size=32, seed=0, steps=250)
fit(seeing, supply, seeing_loss, steps=250, learning_rate=1e-2)
print("trained")

# %% [markdown]
# The same questions as before, about pairs of shape and colour that no part of it has ever met.


# %% tags=["widget", "spoiler"] concepts=["A1.2"]
def said_of(pictures, asked):
    prompt = prompts([(places, question) for question in asked])
    return [detokenize(row) for row in seeing.generate(prompt, pictures, 3)]


def seen_right(pictures):
    said = said_of(pictures, questions.questions)
    return torch.tensor([float(word == answer) for word, answer in zip(said, questions.answers, strict=True)])


guess.reveal(seen_right(pictures).mean().item())

# %% [markdown]
# And does it look? Exchange the pictures, empty them, or leave them out.

# %% concepts=["A1.2"]
empty = torch.full((3, 32, 32), 240, dtype=torch.uint8)
grounding(seen_right, pictures, blank=empty, baseline=blind, modality="picture", bar=0.75).show()

# %% [markdown]
# This is what makes a model {{term multimodal}}: mixed input goes in, and an answer comes out that needed both. The
# question says *what* to tell, the picture *which* answer is true.

# %% concepts=["A1.2"]
said = said_of(pictures[:6], questions.questions[:6])
titles = [f"{question}? {word}" for question, word in zip(questions.questions[:6], said, strict=True)]
show_pictures(pictures[:6], titles, alt="Six pictures of one thing each, with a question and the model's answer above.")

# %% [markdown]
# As its soft tokens are mixtures of words, we can read them: here are the words that a picture raises most above their
# mean over all pictures.

# %% concepts=["A1.2"]
with torch.no_grad():
    shares = mixer.shares(patch_features(eyes, pictures))
raised = (shares - shares.mean(dim=0)).amax(dim=1)[:6].topk(4).indices
heard = [" · ".join(VOCABULARY[token] for token in row) for row in raised]
show_pictures(pictures[:6], heard, alt="The same six pictures, each with the four words that it raises most.")

# %% [markdown]
# Colours come through, in English or in Welsh (*ddu* is black, *felen* yellow, *goch* red, *las* blue), at times a
# shape; the rest is odd. Nobody asked for a sentence: the mixture only has to make the language model answer rightly.
#
# A {{term multimodal-large-language-model|multimodal large language model}} is this, with larger parts. Put the two
# beside each other, for one and the same question: once with the scene in words, once as a picture.

# %% concepts=["A1.3"]
in_words = prompts([(tell(shown[0]), "what colour is the thing")])
as_picture = prompts([(places, "what colour is the thing")])
first = pictures[:1]
sides = {
    "in words": (language, in_words, lambda: language(in_words), len(tell(shown[0])), 0),
    "as a picture": (seeing, as_picture, lambda: seeing(as_picture, first), first.numel(), eyes.config.patches),
}
table = {
    name: {
        "parameters": f"{sum(parameter.numel() for parameter in model.parameters()):,}",
        "bytes of the scene": f"{size:,}",
        "patches to look at": looked,
        "tokens to read": prompt.shape[1],
        "share of the window": f"{prompt.shape[1] / language.config.length:.0%}",
        "million FLOPs": f"{counted_flops(run) / 1e6:,.0f}",
    }
    for name, (model, prompt, run, size, looked) in sides.items()
}
pd.DataFrame(table)

# %% [markdown]
# More parameters, more bytes, more computing: what it buys is that nobody has to describe the scene first. The window
# is spared, for our mixer sums up all patches in a few soft tokens; LLaVA itself gives each patch a token of its own.
#
# And size? GPT-3 would hold this model a hundred thousand times, and stays blind.
#
# {{exercise 1.3.5}}
#
# Which of these four is multimodal, and why? Choose, as in `choice = ("a", 1)`.

# %%
options("1.3.5")

# %% [markdown]
# Letter and number must fit together.

# %% answer="1.3.5"
### BEGIN SOLUTION
choice = ("b", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# A right model for a wrong reason is told as such.

# %% check="1.3.5"
check("1.3.5", choice)

# %% [markdown]
# ## What you measured
#
# - One text model, trained on the next word alone, translated, summed up, answered and talked about scenes it had never
#   read of; with two things in a document it confuses whose colour is whose.
# - A language of which it reads little it hardly speaks.
# - *Large* counts parameters: 175 billion follow from four numbers. *Multimodal* counts kinds of input: a projector
#   of one layer gave a tiny model eyes, and exchanged pictures blinded it.
# - A picture costs tokens with the square of its side, and attention with the fourth power.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("A prompt is shorter than the others of its batch. Where does its next word stand?",
             ["Behind its own last word", "In the last column", "Behind the first <pad>"], 0,
             ["Yes: each row goes on at its own end.", "That follows the padding.", "Nothing was learnt there."]),
    Question("Which of these does not change a Transformer's number of parameters?",
             ["The width", "The vocabulary", "The number of heads"], 2,
             ["It enters squared.", "Each token has a vector.", "Yes: heads share out the width, and no more."]),
    Question("A picture of 512 x 512 in patches of 16 becomes one of 1024 x 1024. How many tokens does it take now?",
             ["Twice as many", "Four times as many", "16 times as many"], 1,
             ["It has two sides.", "Yes; the pairs of tokens are 16 times as many.", "Those are the pairs."]),
    Question("A text model answers questions on pictures rightly in a quarter of the cases. It",
             ["sees a little", "knows which answers are common", "is too small"], 1,
             ["Nothing of the picture comes in.", "Yes: compare with shuffled pictures.", "No size gives it eyes."]),
    Question("From 1.1: when does a second source help?",
             ["Whenever it is there", "When it knows what the first does not", "When it says the same"], 1,
             ["One that repeats adds nothing.", "Yes: complementary, not redundant.", "That is redundant."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** words and patches both became vectors here, as if by themselves. How does an encoder make them?
