# %% [markdown]
# # 2.7 Reasoning
#
# **When does thinking step by step help, and when does only looking help?**
#
# A model has finished training, and its weights no longer change. Three things can still make it cleverer: examples in
# its prompt, steps that it writes down, and a picture. You will measure what each of them is worth, and where it is
# worth nothing.

# %% tags=["setup"]
import itertools
import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.evaluation import bootstrap, grounding, report
from utils.evaluation.puzzle_hits import board_shares, chain_hits, chains_of, continuations
from utils.evaluation.puzzle_hits import binding_hits, episodes_of, row_hits, word_shares
from utils.exercises import check, options, working
from utils.figures import show_curves, show_pictures
from utils.training.checkpoints import load_checkpoint
from utils.training.features import picture_features
from utils.widgets import Predict, Question, Quiz, ShotBoard, StepChain
from utils.world import BACKGROUND, COLOURS, VOCABULARY
from utils.world.puzzles import NEW_WORDS, chain_answers, chain_prompts, consistent_orders, last_words, make_album
from utils.world.puzzles import row_prompts, rows_of_things, token
from utils.world.tokenizer import IMAGE, START, detokenize

# %% [markdown]
# Here is the first of the three. Two words that this model has no meaning for, two examples of each, and a picture.
# What would you call it?

# %% concepts=["A2.15"]
learner, card = load_checkpoint("in_context")
album = make_album("held_out", each=50, seed=2)
features = picture_features(album.pictures)
episode = episodes_of(album, 1, shots=2, seed=4)
said = [VOCABULARY[word] for word in episode.tokens[0, 2::2]]
show_pictures(
    album.pictures[episode.pictures[0]],
    [*said[:-1], "?"],
    alt="Five pictures of one object each: four stand under a new word, the last under a question mark.",
)
shares = word_shares(learner, episode.tokens[:, :-1], features[episode.pictures], episode.words)[0]
report(f"probability of {said[-1]!r}", shares[episode.answer[0]].item(), bar=0.50)

# %% [markdown]
# **You will be able to** teach a model a word without training it · tell whether it learnt from the pictures · say
# why writing down steps lets a small model go further · say which puzzles no amount of thinking solves.
#
# **Time** about {{minutes}} minutes · **builds on** 1.3, predicting the next word, and 2.4, soft tokens.
#
# ## A word from a few pictures
#
# Learning from examples in the prompt, with no weight changed, is {{term in-context learning}} (Brown et al. 2020).
# With pictures among the examples it is {{term multimodal in-context learning}}; Tsimpoukelli et al. (2021) asked it of
# their model *Frozen* with made-up words such as *dax*. Ours are Welsh, and each episode deals their meanings out anew.

# %% concepts=["A2.15"]
print(NEW_WORDS)
for seed in range(3):
    print([VOCABULARY[word] for word in episodes_of(album, 1, shots=1, seed=seed).tokens[0]])

# %% [markdown]
# So a word by itself says nothing: what it means stands in the prompt, and only there. How do pictures get in? The
# {{term frozen weights|frozen}} CLIP of lesson 2.3 turns each into one vector, and a single linear layer makes that a
# {{term soft token}}.

# %% concepts=["A2.15"]
print("pictures", list(album.pictures.shape), "features", list(features.shape))
print("soft tokens", list(learner.projector(features).shape))

# %% [markdown]
# One thing in it is not in a plain GPT: each position brings along the vector in front of it, so that a word carries
# its picture (Olsson et al. 2022 smear keys in this way). A plain one finds that out by itself, but late: it was still
# at chance when ours was done.
#
# One token a picture is thrifty. LLaVA spends one on each patch.
#
# {{exercise 2.7.1}}
#
# A prompt holds `<start>`, eight examples (picture, word) and a ninth picture, which is to be named. A picture takes 16
# soft tokens. How many tokens does the model read? Set `tokens_in_prompt`.

# %% answer="2.7.1"
### BEGIN SOLUTION
tokens_in_prompt = 1 + 9 * 16 + 8
### STUB
# tokens_in_prompt = ...
### END SOLUTION

# %% [markdown]
# The answer itself does not count: it is what the model is about to say.

# %% check="2.7.1"
check("2.7.1", tokens_in_prompt)

# %% [markdown]
# Training needs a sequence and a mask. Every word of an episode is a question, with the examples before it as its
# shots; a picture is never an answer.
#
# {{exercise 2.7.2}}
#
# `said` `[n, pictures]` holds the id of each picture's word. Return the tokens `[n, 1 + 2 * pictures]`, `start` and
# then `image`, word, `image`, word, ..., and a mask of the same shape, True for what is to be learnt: every word.


# %% answer="2.7.2"
def interleaved_episode(
    said: Int[Tensor, "n pictures"], image: int, start: int
) -> tuple[Int[Tensor, "n length"], Bool[Tensor, "n length"]]:
    ### BEGIN SOLUTION
    pairs = torch.stack([torch.full_like(said, image), said], dim=2).flatten(1)
    tokens = torch.cat([torch.full_like(said[:, :1], start), pairs], dim=1)
    learnt = torch.zeros_like(tokens, dtype=torch.bool)
    learnt[:, 2::2] = True
    return tokens, learnt
    ### END SOLUTION


# %% [markdown]
# The check brings several lengths, and ids of its own for `<image>` and `<start>`.

# %% check="2.7.2"
check("2.7.2", interleaved_episode)

# %% [markdown]
# Now look inside an episode. For each word in turn: how surprised is the trained model, in nats, given the examples
# before it?

# %% concepts=["A2.15"]
interleaved_episode = working("2.7.2", interleaved_episode)
many = episodes_of(album, 1000, shots=4, seed=5)
tokens, learnt = interleaved_episode(many.words.gather(1, many.which), IMAGE, START)
with torch.no_grad():
    logits = learner(tokens[:, :-1], features[many.pictures])[:, 1::2]
surprise = F.cross_entropy(logits.flatten(0, 1), tokens[learnt], reduction="none").view(1000, -1).mean(0)
show_curves(
    {"loss of a word": (range(len(surprise)), surprise.tolist())},
    level=("a coin between two words", math.log(2)),
    title="It learns while it reads, and no weight changes",
    x="examples before the word",
    y="loss (nats)",
    alt="The loss of a word falls steeply with the number of examples that stand before it in the prompt.",
)

# %% [markdown]
# The first word cannot be known: eight are possible. After that the curve falls below a coin's. To score fairly, we let
# only the two words of the episode compete, so that chance is one half.
#
# {{exercise 2.7.3}}
#
# From `logits` `[n, vocabulary]`, the two `words` of each episode `[n, 2]` and `answers` `[n]`, which say 0 or 1,
# return the share of episodes in which the right one of the two words has the larger logit.


# %% answer="2.7.3"
def two_way_accuracy(
    logits: Float[Tensor, "n vocabulary"], words: Int[Tensor, "n 2"], answers: Int[Tensor, " n"]
) -> float:
    ### BEGIN SOLUTION
    return (logits.gather(1, words).argmax(dim=1) == answers).float().mean().item()
    ### END SOLUTION


# %% [markdown]
# In the check's episodes, other words often have the largest logit of all.

# %% check="2.7.3"
check("2.7.3", two_way_accuracy)

# %% [markdown]
# The album holds only pairs of shape and colour that training never showed. Commit to a guess.

# %% tags=["widget"]
guess = Predict(
    "Two new words, two new things, and ONE example of each. How often is a further picture named rightly?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# Measure it: no examples, then one, two and four of each word.

# %% concepts=["A2.15"]
two_way_accuracy = working("2.7.3", two_way_accuracy)


@torch.no_grad()
def accuracy(shots, **options):
    drawn = episodes_of(album, 1000, shots, seed=10 + shots, **options)
    last = learner(drawn.tokens[:, :-1], features[drawn.pictures])[:, -1]
    return two_way_accuracy(last, drawn.words, drawn.answer)


report("no examples", accuracy(0), at_most=0.56)
for shots, bar in ((1, 0.85), (2, 0.90), (4, 0.95)):
    report(f"{shots} of each word", accuracy(shots), bar=bar)

# %% [markdown]
# Was your guess too modest?

# %% tags=["widget"]
guess.reveal(accuracy(1))

# %% [markdown]
# A control. Deal the words of the examples out at random among the same pictures. If the model had some liking of its
# own for a word, it would not mind.

# %% concepts=["A2.15"]
report("4 of each word, words shuffled", accuracy(4, labels="shuffled"), at_most=0.60)

# %% [markdown]
# And the control of every lesson: keep the words, take the pictures away. A reader without eyes can only repeat the
# word that it read last.

# %% concepts=["A2.15"]
test = episodes_of(album, 500, shots=4, seed=20)


def score(shown):
    shares = word_shares(learner, test.tokens[:, :-1], shown, test.words)
    return (shares.argmax(1) == test.answer).float()


blind = (test.which[:, -2] == test.answer).float()
empty = picture_features(torch.tensor(BACKGROUND, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32))
grounding(score, features[test.pictures], blank=empty, baseline=blind, modality="picture", bar=0.90).show()

# %% [markdown]
# ### What does a word mean?
#
# You see a red circle and hear *byd*. Is that *red*, *circle*, or *red circle*? One example cannot say. The model was
# trained on episodes of all three kinds, and is never told which one it is in. This time the pairs are known ones, so
# that the two things may share a shape or a colour.

# %% concepts=["A2.15"]
known = make_album("seen", each=20, seed=3)
known_features = picture_features(known.pictures)


def by_shots(meaning):
    drawn = [episodes_of(known, 500, shots, seed=30, meaning=meaning) for shots in range(5)]
    return [binding_hits(learner, episodes, known_features).mean().item() for episodes in drawn]


show_curves(
    {f"a word for a {meaning}": (range(5), by_shots(meaning)) for meaning in ("pair", "colour", "shape")},
    level=("chance", 0.5),
    title="A word for one quality needs more examples",
    x="examples of each word",
    y="accuracy",
    alt="Accuracy rises from chance with the number of examples, fastest for pairs, then for shapes and colours.",
)

# %% [markdown]
# Now take the examples in your own hand. Leave some out, or call them by the other word: everything that the model
# knows of these words is in front of you.

# %% tags=["widget"] concepts=["A2.15"]
shown = {f"{thing.colour} {thing.shape}": i for i, (thing,) in enumerate(scene.things for scene in known.scenes)}
examples = [shown[name] for name in ("red square", "red star", "red ring", "blue square", "blue cross", "blue ring")]
asked = [shown[name] for name in ("red triangle", "blue triangle", "green star", "purple cross")]
words = torch.tensor([token("byd"), token("dim")])
names = {i: name for name, i in shown.items()}
ShotBoard(
    {names[i]: known.pictures[i] for i in examples},
    {names[i]: known.pictures[i] for i in asked},
    ["byd", "dim"],
    board_shares(learner, known_features[examples], known_features[asked], words),
    start=[0, 0, 0, 1, 1, 1],
)

# %% [markdown]
# ## One step after another
#
# Now a puzzle that takes several steps. Eight dominoes, each a picture of two things; where one ends with a colour,
# another begins with it. Shapes do not matter.

# %% concepts=["A2.16"]
chains, depth = chains_of(album, 500, depth=5, seed=1)
dominoes = album.pictures[chains.tiles]  # [puzzles, dominoes, 2, 3, 32, 32]
wide = torch.cat([dominoes[:, :, 0], dominoes[:, :, 1]], dim=-1)
show_pictures(
    wide[0],
    [str(i) for i in range(1, 9)],
    columns=4,
    inches=1.7,
    alt="Eight dominoes: wide pictures of two coloured shapes side by side.",
)
print(detokenize(chain_prompts(chains, depth)[0]))

# %% [markdown]
# The question reads: start from this colour and take that many steps. Do it with your finger first. Then by a loop,
# which looks up one domino after another.

# %% concepts=["A2.16"]
after = {}
for left, right in chains.tiles[0].tolist():
    after[album.scenes[left].things[0].colour] = album.scenes[right].things[0].colour
colour = COLOURS[chains.chain[0, 0]]
for _ in range(int(depth[0])):
    print(colour, "->", after[colour])
    colour = after[colour]

# %% [markdown]
# No step can be taken before the one that precedes it. A Transformer has a fixed number of layers; how far can it get
# in a single pass? The other way is to *write* each step, and read it again for the next: a
# {{term chain of thought}} (Wei et al. 2022), and with pictures a {{term multimodal chain of thought}} (Zhang et al.
# 2023).
#
# We trained the same model twice, on the same puzzles: once to write the steps, once to answer at once.

# %% concepts=["A2.16"]
thinker, thinker_card = load_checkpoint("chain_of_thought")
hasty, hasty_card = load_checkpoint("answer_at_once")
print("same sizes:", thinker_card.config == hasty_card.config, "same training:", thinker_card.steps == hasty_card.steps)
shown = features[chains.tiles].flatten(2)  # a domino's two tiles side by side: one soft token
prompts = chain_prompts(chains, depth)
for model in (thinker, hasty):
    print(detokenize(model.generate(prompts[:1], shown[:1], 7)[0]))

# %% [markdown]
# Both were trained with the loss of a language model, on the answer alone.
#
# {{exercise 2.7.4}}
#
# This loss falls to almost nothing within a few steps of training, and the model that it makes is useless. Find the
# bug. `logits` `[batch, length, vocabulary]` are what the model says at each position, `learnt` marks the answer's
# tokens.


# %% answer="2.7.4"
def answer_loss(
    logits: Float[Tensor, "batch length vocabulary"],
    tokens: Int[Tensor, "batch length"],
    learnt: Bool[Tensor, "batch length"],
) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    wanted = learnt[:, 1:]
    return F.cross_entropy(logits[:, :-1][wanted], tokens[:, 1:][wanted])
    ### STUB
    # return F.cross_entropy(logits[learnt], tokens[learnt])
    ### END SOLUTION


# %% [markdown]
# Ask what the model has read when it speaks.

# %% check="2.7.4"
check("2.7.4", answer_loss)

# %% [markdown]
# Now the mended loss of both, on puzzles of five steps. The hasty one writes a colour and `<end>`. If it were sure of
# the end and guessed the colour among seven, how large would its loss be?

# %% concepts=["A2.16"]
answer_loss = working("2.7.4", answer_loss)
for name, model, steps in (("with steps", thinker, True), ("at once", hasty, False)):
    tokens = torch.cat([prompts, chain_answers(chains, depth, steps=steps)], dim=1)
    learnt = (torch.arange(tokens.shape[1]) >= prompts.shape[1]) & (tokens != 0)
    with torch.no_grad():
        loss = answer_loss(model(tokens, shown), tokens, learnt).item()
    report(f"{name}: loss in nats a token", loss, **({"at_most": 0.30} if steps else {"bar": 0.30}))
print(f"a guess among seven, then a sure end: {math.log(7) / 2:.2f}")

# %% [markdown]
# Where will they part?

# %% tags=["widget"]
guess = Predict("At how many steps does the model that answers at once first fail more often than not?", low=1, high=6)
guess

# %% [markdown]
# By the number of steps, on dominoes whose pairs of shape and colour were never shown:

# %% concepts=["A2.16"]
depths = range(1, 7)
hits = {
    name: [chain_hits(model, *chains_of(album, 300, d, seed=50 + d), features) for d in depths]
    for name, model in (("with steps", thinker), ("at once", hasty))
}
show_curves(
    {name: (depths, [h.mean().item() for h in by_depth]) for name, by_depth in hits.items()},
    level=("one of the other seven colours", 1 / 7),
    title="Written steps carry the model through; one pass does not reach far",
    x="steps that the question asks for",
    y="accuracy",
    alt="Accuracy by number of steps: high throughout with written steps, and falling towards chance without.",
)

# %% [markdown]
# At one step they are equals. At six:

# %% concepts=["A2.16"]
report("one step, at once", hits["at once"][0].mean().item(), bar=0.85)
deep = {name: bootstrap(by_depth[-1]) for name, by_depth in hits.items()}
report("six steps, written down", deep["with steps"].mean, bar=0.80)
report("six steps, at once", deep["at once"].mean, at_most=0.50)
report("gap between the two intervals", deep["with steps"].low - deep["at once"].high, bar=0.10)

# %% [markdown]
# And the guess?

# %% tags=["widget"]
guess.reveal(next(d for d, h in zip(depths, hits["at once"], strict=True) if h.mean() < 0.5))

# %% [markdown]
# Theory agrees: one pass through a Transformer of few layers cannot follow a long chain, unless it is trained to
# double its stride in every layer (Sanford et al. 2024, "Transformers, parallel computation, and logarithmic depth").
#
# ### Do the steps matter?
#
# A model could write steps for show and know the answer anyway. So we meddle: let it write one step, put a
# *later* colour of the chain in the place of the second, and let it go on.

# %% concepts=["A2.16"]
chains, depth = chains_of(album, 300, depth=4, seed=70)
shown, prompts = features[chains.tiles].flatten(2), chain_prompts(chains, depth)
colour_words = torch.tensor([token(colour) for colour in COLOURS])[chains.chain]
meddled = torch.cat([prompts, colour_words[:, [1]], colour_words[:, [4]]], dim=1)
answers = last_words(thinker.generate(meddled, shown, 5))
report("answer follows the changed step", (answers == colour_words[:, 6]).float().mean().item(), bar=0.80)
report("answer is still the right one", (answers == colour_words[:, 4]).float().mean().item(), at_most=0.10)

# %% [markdown]
# The steps are no decoration. In larger models they sometimes are: the more able the model, the less its answer may
# depend on the steps that it shows (Lanham et al. 2023, "Measuring faithfulness in chain-of-thought reasoning"). Meddle
# yourself.

# %% tags=["widget"] concepts=["A2.16"]
chains, depth = chains_of(album, 1, depth=5, seed=3)
tiles = album.pictures[chains.tiles[0]]
prompt, shown = chain_prompts(chains, depth), features[chains.tiles].flatten(2)
steps = detokenize(thinker.generate(prompt, shown, 7)[0]).split()
truth = [COLOURS[i] for i in chains.chain[0, 1:6]]
names = [[album.scenes[n].things[0] for n in domino] for domino in chains.tiles[0].tolist()]
StepChain(
    {
        f"{left.colour} {left.shape} and {right.colour} {right.shape}": torch.cat([*tile], dim=-1)
        for (left, right), tile in zip(names, tiles, strict=True)
    },
    f"Start from {COLOURS[chains.chain[0, 0]]} and take five steps.",
    steps,
    continuations(thinker, prompt, shown, steps),
    truth=truth,
)

# %% [markdown]
# {{exercise 2.7.5}}
#
# Why do the steps help? Choose an explanation and the evidence for it, as in `choice = ("a", 1)`.

# %%
options("2.7.5")

# %% [markdown]
# Each of the wrong ones is contradicted by something that you measured.

# %% answer="2.7.5"
### BEGIN SOLUTION
choice = ("b", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.7.5"
check("2.7.5", choice)

# %% [markdown]
# Does the thinker look at the dominoes at all? Show it those of another puzzle, or empty ones. Without pictures one can
# only name a colour that is not the first.

# %% concepts=["A2.16"]
chains, depth = chains_of(album, 300, depth=4, seed=80)
prompts, right = chain_prompts(chains, depth), chain_answers(chains, depth, steps=False)[:, 0]


def score(shown):
    return (last_words(thinker.generate(prompts, shown.flatten(2), 7)) == right).float()


blind = (chains.chain[:, 4] == (chains.chain[:, 0] + 1) % 8).float()
grounding(score, features[chains.tiles], blank=empty, baseline=blind, modality="set of dominoes", bar=0.85).show()

# %% [markdown]
# ## When only looking helps
#
# Three things stand in a row. Each clue says what stands *directly left of* what: *and red blue* means that blue
# follows red. Two clues settle the row; but here the second was drawn, not written.

# %% concepts=["A2.17"]
generator = torch.Generator().manual_seed(0)
rows = rows_of_things(album, 500, 3, generator)
prompts, tiles = row_prompts(rows, "clue in a picture", generator)
show_pictures(
    torch.cat([*album.pictures[tiles[:1, 0]].unbind(1)], dim=-1),
    ["the second clue"],
    columns=2,
    inches=2.2,
    alt="A wide picture of two coloured shapes side by side.",
)
print(detokenize(prompts[0]))

# %% [markdown]
# First come the names of the three, then a clue, and last the place that is asked for, counted from the left. How much
# can be known from the words alone?
#
# {{exercise 2.7.6}}
#
# `clues` is a list of pairs (left, right), `things` a list of names. Return how many orders of the things, from left to
# right, agree with every clue: its first thing stands directly left of its second.


# %% answer="2.7.6"
def count_orders(clues: list[tuple[str, str]], things: list[str]) -> int:
    ### BEGIN SOLUTION
    fits = 0
    for order in itertools.permutations(things):
        neighbours = list(itertools.pairwise(order))
        fits += all(tuple(clue) in neighbours for clue in clues)
    return fits
    ### END SOLUTION


# %% [markdown]
# Four things, or five, with one or two clues missing.

# %% check="2.7.6"
check("2.7.6", count_orders)

# %% [markdown]
# Now count, for every one of our puzzles, with the words alone and with what the picture shows.

# %% concepts=["A2.17"]
count_orders = working("2.7.6", count_orders)
names = [[COLOURS[c] for c in row] for row in rows.colours.tolist()]
clues = [[(row[c], row[c + 1]) for c in at] for row, at in zip(names, rows.clues.tolist(), strict=True)]
print("orders left by the words     ", {count_orders(c[:1], row) for c, row in zip(clues, names, strict=True)})
print("orders left with the picture ", {count_orders(c, row) for c, row in zip(clues, names, strict=True)})

# %% [markdown]
# Two orders, and they differ at every place. So **no reader of the words, however large, and however long it thinks**,
# can beat a coin. That ideal reader is our baseline; our model may look.

# %% concepts=["A2.17"]
looker, _ = load_checkpoint("ordered_rows")


@torch.no_grad()
def score(shown):
    logits = looker(prompts, shown.flatten(2))[:, -1]
    return (logits.argmax(-1) == rows.answers).float()


possible = [consistent_orders(c[:1], sorted(row)) for c, row in zip(clues, names, strict=True)]
asked = rows.place.tolist()
ideal = torch.tensor([float(p[0][at] == row[at]) for p, row, at in zip(possible, names, asked, strict=True)])
grounding(score, features[tiles], blank=empty, baseline=ideal, modality="clue", bar=0.85).show()

# %% [markdown]
# Such puzzles need a look, and thinking cannot replace it. There is a second use of pictures, and it is the more
# surprising: **drawing what one has been told**. Now four things, all three clues in words, and beside them a sketch.

# %% concepts=["A2.17"]
prompts, tiles = row_prompts(rows_of_things(album, 1, 4, generator), "sketch", generator)
show_pictures(
    torch.cat([*album.pictures[tiles[0]].flatten(0, 1)], dim=-1)[None],
    [detokenize(prompts[0, 5:])],
    columns=1,
    inches=4.4,
    wrap=80,
    alt="Four coloured shapes in a row: the sketch of the puzzle whose clues stand above it.",
)

# %% [markdown]
# The sketch holds nothing that the words do not. Does it help, in one pass and without steps?

# %% tags=["widget"]
guess = Predict("Which form of the puzzle does the same model solve more often?", options=["words", "words and sketch"])
guess

# %% [markdown]
# The same model, trained on both forms equally often:

# %% concepts=["A2.17"]
in_words = row_hits(looker, album, 500, "words", features, seed=90).mean().item()
with_sketch = row_hits(looker, album, 500, "sketch", features, seed=90).mean().item()
report("clues in words", in_words, at_most=0.70)
report("clues in words, and a sketch", with_sketch, bar=0.90)

# %% [markdown]
# Its loss was still falling, so longer training may teach it to chain clues in words too; with a sketch it need not.
# Somebody else did the reasoning: whoever drew. To sketch the row, the drawer must chain the clues; once drawn, a
# single look finds any place. That is {{term visually aided reasoning}}: think once, on paper, then look as often as
# you like. Hu et al. (2024, "Visual Sketchpad") let a model draw with tools, and then read its own drawing.

# %% tags=["widget"]
guess.reveal("words and sketch")

# %% [markdown]
# ## What you measured
#
# - **Examples** bound new words to things never seen together, from one picture of each; with shuffled words or other
#   pictures they taught nothing.
# - **Steps** carried the same small model along a chain on which one pass lost its way; a changed step changed the
#   answer.
# - **Looking** supplied what no thought could, and a sketch made a chain of clues into a glance.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What changes in a model while it learns a word in context?",
             ["Its last layer", "Nothing but what it reads", "The word's embedding"], 1,
             ["No weight moves.", "Yes: take the examples away, and the word is gone.", "It stays as it was."]),
    Question("Why were the words dealt out anew in every episode?",
             ["To save memory", "So that only the examples can tell", "To make training faster"], 1,
             ["It costs the same.", "Yes: otherwise the weights would learn the meanings.", "It makes it slower."]),
    Question("A chain of thought is changed half-way, and the answer does not change. What does that suggest?",
             ["The answer does not hang on the steps", "The steps were right", "The model is small"], 0,
             ["Yes: then they are decoration.", "Not after the change.", "Rather that it is large."]),
    Question("One clue is only in the picture. What does a larger text-only model reach?",
             ["More, with enough steps", "What guessing between the remaining orders reaches", "Nothing"], 1,
             ["What is not there cannot be deduced.", "Yes: one half here.", "It still can rule out most orders."]),
    Question("From 2.3: why can CLIP's one vector be trusted with a pair that it never saw, such as the red circle?",
             ["It composes colour and shape", "It saw all pairs", "It stores the pictures"], 0,
             ["Yes: retrieval worked on pairs never shown.", "Eight were held out.", "It has too few weights."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** a word was answer enough here. What if a model is to describe a picture, draw one, and talk about both?
