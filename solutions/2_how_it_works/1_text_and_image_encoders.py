# %% [markdown]
# # 2.1 Text and image encoders
#
# **How do words and pixels become vectors that know their surroundings?**
#
# A pixel knows nothing of the star that it is part of, and the word *left* nothing of what it is left of. An
# {{term encoder}} mends that: numbers in, and out comes a vector for each part that has looked at the others. Below, a
# model is asked what colour this thing is. You will follow the question through it, and then build what reads.

# %% tags=["setup"]
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from utils.evaluation import class_embeddings, grounding, report, zero_shot_correct
from utils.evaluation.encoder_comparison import CNN_CONFIG, VIT_CONFIG, load_comparison, names_rightly, train_on
from utils.evaluation.encoder_comparison import scattered_scenes
from utils.evaluation.field_of_view import fields_of_view
from utils.evaluation.held_out.clip_scenes import attribute_prompts
from utils.exercises import check, options, working
from utils.figures import show_bars, show_pictures
from utils.models.bert import BERT, BERTConfig, mask_words, masked_word_loss
from utils.models.blocks import attend, count_parameters
from utils.models.cnn import CNN
from utils.models.vit import ViT, to_pixels
from utils.style import MODALITY_COLOURS, new_figure, show, style_axes
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.widgets import FieldOfView, MergeSteps, ModalityViewer, Panel, Predict, Question, Quiz, WordAttention
from utils.world import COLOURS, VOCABULARY, bpe, render_captions, render_pictures, render_welsh_captions
from utils.world import sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.tokenizer import MASK, PAD

# %% [markdown]
# A pair of shape and colour that the model has never seen.

# %% concepts=["A2.1"]
trained, card = load_checkpoint("clip_scenes")
picture = render_pictures(sample_scenes(1, seed=3, objects=(1, 1), pairs="held_out"))
show_pictures(picture, ["what colour is it?"], columns=1, inches=2, alt="One coloured shape on a pale ground.")

# %% [markdown]
# **You will be able to** name the stages of a multimodal model and their shapes · write a tokenizer's training and
# attention by hand · say what positions are for · tell what a CNN and a Vision Transformer bring with them, and
# measure when it helps.
#
# **Time** about {{minutes}} minutes · **builds on** 1.1, sentences and pictures as tensors, and 1.3, tokens.
#
# ## From pixels to an answer, stage by stage
#
# **First: {{term feature-extraction|feature extraction}}.** Patches become vectors, and the vectors look at one
# another. One vector in front, the class token, gathers the whole.

# %% concepts=["A2.1", "A2.3"]
pixels = to_pixels(picture)
with torch.no_grad():
    patches = trained.vision.patch_embedding(pixels)
    states = trained.vision(pixels)
print("pixels", list(pixels.shape), "-> patches", list(patches.shape), "-> states", list(states.shape))

# %% [markdown]
# **Second: alignment.** The picture's vector goes where the sentences' vectors are, and the sentences are encoded too:
# here all captions of a red thing, all of a blue one, and so on, averaged. How this space is learnt is lesson 2.3.

# %% concepts=["A2.1", "A2.2"]
with torch.no_grad():
    image = F.normalize(trained.vision_projection(states[:, 0]), dim=-1)
    colours = class_embeddings(lambda texts: trained.encode_text(tokenize(texts)), attribute_prompts("colour"))
print("picture", list(image.shape), "colours", list(colours.shape))

# %% [markdown]
# **Third: understanding and reasoning.** In this model it is a single step, a comparison of the picture with each
# possible answer. Larger ones give this stage to a language model of many layers.

# %% concepts=["A2.1"]
with torch.no_grad():
    shares = (image @ colours.T * trained.logit_scale.exp()).softmax(dim=-1)
print("shares", list(shares.shape), "their sum", round(shares.sum().item(), 3))

# %% [markdown]
# **Fourth: output.** Here it is one word.

# %%
print(COLOURS[shares.argmax()])

# %% [markdown]
# Open each stage and move the lens: from the second on, no number says anything to us, and yet the answer is in them.

# %% tags=["widget"] concepts=["A2.1"]
answer = COLOURS[shares.argmax()]
stages = {
    "1 Patches": (patches[0], "a row for each patch, which knows only itself"),
    "1 States": (states[0], "the class token and the patches, which know all"),
    "2 Alignment": (torch.cat([image, colours]), "the picture, then a row for each colour"),
    "3 Reasoning": (shares, "how well each colour fits"),
}
ModalityViewer(
    [
        Panel("Input", "picture", picture[0], f"{list(picture[0].shape)}: a byte for each", alt="one coloured shape"),
        *(Panel(name, "array", x, f"{list(x.shape)}: {what}") for name, (x, what) in stages.items()),
        Panel("4 Output", "tokens", [(answer, VOCABULARY.index(answer))]),
    ],
    title="One question through four stages",
    caption="Open the stages from left to right. In the numbers, move the lens with the mouse or the arrow keys.",
)

# %% [markdown]
# Does the answer come from the picture? As everywhere in this course: exchange the pictures, blank them, and ask a
# model without eyes, which always names the commonest colour.

# %% concepts=["A2.1"]
things = sample_scenes(500, seed=5, objects=(1, 1), pairs="held_out")
labels = things.colour[:, 0]


@torch.no_grad()
def score(shown):
    return zero_shot_correct(trained.encode_image(shown), colours, labels).float()


blind = (labels == labels.mode().values).float()
empty = torch.full((3, 32, 32), 240, dtype=torch.uint8)
grounding(score, render_pictures(things), blank=empty, baseline=blind, modality="picture", bar=0.90).show()

# %% [markdown]
# Two of the boxes on this road are encoders. We open that of text first.
#
# ## What is a token?
#
# A list of words is a fence: what is not in it cannot be said. Single letters can say everything, and make texts long.
# {{term byte-pair-encoding|Byte-pair encoding}} (Sennrich et al. 2016) begins with letters and learns from texts which
# neighbours to join. Count them by hand first.

# %% concepts=["A2.2"]
words = [list(word) for word in "star car ring string bar".split()]
counts = {}
for word in words:
    for left, right in pairwise(word):
        counts[left + right] = counts.get(left + right, 0) + 1
print(counts)

# %% [markdown]
# {{exercise 2.1.1}}
#
# `words` is a list of words, each a list of tokens. Return the pair of neighbours that stands together most often, and
# how often: `(left, right, count)`. No two pairs will tie for the first place.


# %% answer="2.1.1"
def best_pair(words: list[list[str]]) -> tuple[str, str, int]:
    ### BEGIN SOLUTION
    counts = {}
    for word in words:
        for pair in pairwise(word):
            counts[pair] = counts.get(pair, 0) + 1
    left, right = max(counts, key=counts.get)
    return left, right, counts[left, right]
    ### END SOLUTION


# %% [markdown]
# The check's words repeat, and one of them repeats itself.

# %% check="2.1.1"
check("2.1.1", best_pair)

# %% [markdown]
# {{exercise 2.1.2}}
#
# Now join them. Return `tokens` with each occurrence of `pair`, from left to right, made one token. With the pair
# `("a", "a")`, three *a* in a row become `["aa", "a"]`.


# %% answer="2.1.2"
def merge_pair(tokens: list[str], pair: tuple[str, str]) -> list[str]:
    ### BEGIN SOLUTION
    merged, i = [], 0
    while i < len(tokens):
        if tokens[i : i + 2] == list(pair):
            merged.append(tokens[i] + tokens[i + 1])
            i += 2
        else:
            merged.append(tokens[i])
            i += 1
    return merged
    ### END SOLUTION


# %% [markdown]
# Four rows of tokens will be tried, one of them with tokens that merely end like the pair.

# %% check="2.1.2"
check("2.1.2", merge_pair)

# %% [markdown]
# These two are all the training there is: find the best pair, merge it, again. On 200 captions, merge by merge; a space
# belongs to the word behind it.

# %% concepts=["A2.2"]
best_pair, merge_pair = working("2.1.1", best_pair), working("2.1.2", merge_pair)
few = render_captions(sample_scenes(200, seed=1))
words = [list(piece) for caption in few for piece in bpe.pieces(caption)]
learnt = []
for _ in range(8):
    left, right, count = best_pair(words)
    learnt.append((left, right, count))
    words = [merge_pair(word, (left, right)) for word in words]
    print(f"{left + right!r:<9} {count:>3} times; all captions take {sum(map(len, words)):,} tokens")

# %% [markdown]
# The course's own {{term tokenizer}}, `utils.world.bpe`, learns the very same, only from bytes: so it can write any
# script there is.

# %%
same = [(merge.left.decode(), merge.right.decode(), merge.count) for merge in bpe.train(few, 8)]
print("same merges:", same == learnt)

# %% [markdown]
# Now 80 merges from 2,000 captions. Move the slider, and watch *large* come together; then write *crimson*, which no
# caption holds.

# %% tags=["widget"] concepts=["A2.2"]
merges = bpe.train(render_captions(sample_scenes(2000, seed=1)), 80)
MergeSteps(merges, "a large red circle above a small blue square", start=13)

# %% [markdown]
# Nothing is unknown to it. But is everything equally cheap? The same scene can be told in Welsh, which this tokenizer
# has never read.

# %% tags=["widget"]
guess = Predict("How many times as many tokens does a Welsh caption take as an English one?", low=1.0, high=8.0)
guess

# %% [markdown]
# A hundred scenes, told in both languages:

# %% tags=["widget", "spoiler"]
encoding, scenes = bpe.BytePairEncoding(merges), sample_scenes(100, seed=9)
english, welsh = render_captions(scenes), render_welsh_captions(scenes)
in_english, in_welsh = (sum(len(encoding.encode(text)) for text in texts) for texts in (english, welsh))
guess.reveal(in_welsh / in_english)

# %% [markdown]
# And in bytes the two are about as long. With the tokenizers of large models, the same text took up to 15 times as many
# tokens in one language as in another (Petrov et al. 2023): it costs more, and fills the context sooner.

# %%
print(encoding.tokens(english[0]))
print(encoding.tokens(welsh[0]))
print(f"bytes: English {sum(map(len, english)):,}, Welsh {sum(len(text.encode()) for text in welsh):,}")

# %% [markdown]
# ## Attention, by hand
#
# A token's {{term embedding}} is the same in every sentence. What changes it is {{term attention}}: each word asks a
# question, its **query**; each offers a **key** and a **value**. Three words, with two numbers for each of the three.

# %% concepts=["A2.2"]
words = ["large", "red", "ring"]
q = torch.tensor([[0.0, 1.0], [1.0, 0.0], [3.0, 1.0]])  # what each word asks for
k = torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])  # what each word is found by
v = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])  # what each word tells

# %% [markdown]
# Query meets key in a dot product, divided by the root of their length; a softmax makes shares of the scores; the
# shares mix the values.

# %% concepts=["A2.2"]
for i, word in enumerate(words):
    scores = [sum(a * b for a, b in zip(q[i], k[j], strict=True)).item() / math.sqrt(2) for j in range(3)]
    total = sum(math.exp(score) for score in scores)
    part = [math.exp(score) / total for score in scores]
    mixed = [sum(part[j] * v[j, d].item() for j in range(3)) for d in range(2)]
    print(f"{word:<6} takes {[round(share, 2) for share in part]} and becomes {[round(x, 2) for x in mixed]}")

# %% [markdown]
# {{exercise 2.1.3}}
#
# Write it without loops, for `q` `[n, depth]`, `k` `[m, depth]` and `v` `[m, width]`; return `[n, width]`. (Vaswani
# et al. 2017, equation 1.)


# %% answer="2.1.3"
def attention(
    q: Float[Tensor, "n depth"], k: Float[Tensor, "m depth"], v: Float[Tensor, "m width"]
) -> Float[Tensor, "n width"]:
    ### BEGIN SOLUTION
    scores = q @ k.T / math.sqrt(q.shape[-1])
    return scores.softmax(dim=-1) @ v
    ### END SOLUTION


# %% [markdown]
# The queries need not be as many as the keys, nor the values as wide.

# %% check="2.1.3"
check("2.1.3", attention)

# %% [markdown]
# Yours, PyTorch's, and the one inside every Transformer of this course, on the three words:

# %% concepts=["A2.2"]
attention = working("2.1.3", attention)
mine = attention(q, k, v)
torchs = F.scaled_dot_product_attention(q, k, v)
course = attend(q[None, None], k[None, None], v[None, None])[0, 0]
print(mine.numpy().round(2))
print("equal:", torch.allclose(mine, torchs) and torch.allclose(mine, course))

# %% [markdown]
# ## What it must not see
#
# A model that writes may not look at words to come. A {{term causal-mask|causal mask}} hides them.
#
# {{exercise 2.1.4}}
#
# `scores` `[n, n]` are those of n words. Row i should hold the shares of the words up to i, and 0 for those after.
# This code runs, its rows sum to 1, and hidden words still shine through. Find the bug and mend it.


# %% answer="2.1.4"
def causal_shares(scores: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    may_look = torch.ones_like(scores).tril().bool()
    ### BEGIN SOLUTION
    scores = scores.masked_fill(~may_look, float("-inf"))
    ### STUB
    # scores = scores * may_look
    ### END SOLUTION
    return scores.softmax(dim=-1)


# %% [markdown]
# Scores of both signs will be tried.

# %% check="2.1.4"
check("2.1.4", causal_shares)

# %% [markdown]
# With the mask, the first word can only take from itself. The course's `attend(..., causal=True)` agrees.

# %% concepts=["A2.2"]
causal_shares = working("2.1.4", causal_shares)
shares = causal_shares(q @ k.T / math.sqrt(2))
print(shares.numpy().round(2))
course = attend(q[None, None], k[None, None], v[None, None], causal=True)[0, 0]
print("equal:", torch.allclose(shares @ v, course))

# %% [markdown]
# ## Does order matter?
#
# *A red circle above a blue square*: which colour is on top? The same words with *below*, or with the colours
# exchanged, give another answer. Three readers will learn to say it.


# %% concepts=["A2.2"]
def who_is_on_top(number, seed):
    scenes = sample_scenes(4 * number, seed=seed, objects=(2, 2))
    apart = ((scenes.y[:, 0] - scenes.y[:, 1]).abs() > 8) & (scenes.colour[:, 0] != scenes.colour[:, 1])
    scenes = scenes[apart][:number]
    top = scenes.colour.gather(1, scenes.y.argmin(1, keepdim=True))[:, 0]
    return tokenize(render_captions(scenes)), top


training, test = who_is_on_top(4000, seed=1), who_is_on_top(1000, seed=2)

# %% [markdown]
# All three take the mean of their tokens' vectors, and a linear layer names the colour. The first has no attention: it
# is a **bag of words**. The second is a Transformer whose {{term positional-embedding|positions}} are taken away. The
# third has them.


# %% concepts=["A2.2"]
class Reader(nn.Module):
    def __init__(self, depth, positions):
        super().__init__()
        self.encoder = BERT(BERTConfig(width=64, depth=depth, heads=2, hidden=128, length=16))
        self.encoder.positions.requires_grad_(positions)
        self.encoder.positions.data *= positions
        self.head = nn.Linear(64, len(COLOURS))

    def forward(self, tokens):
        return self.head(self.encoder.mean_of_words(tokens, self.encoder.encode(tokens)))


# %% [markdown]
# `BERT` is a Transformer encoder that looks both ways (Devlin et al. 2019); the same class will fill gaps below.

# %% tags=["widget"]
guess = Predict(
    "Which readers will beat a coin that is tossed between the caption's two colours?",
    options=["the third", "the second and the third", "all three"],
)
guess

# %% [markdown]
# Each trains for a few seconds.

# %% concepts=["A2.2"]
right = {}
for name, depth, positions in (("bag of words", 0, False), ("no positions", 2, False), ("positions", 2, True)):
    torch.manual_seed(0)
    reader = Reader(depth, positions)
    pairs = batches(*training, batch_size=64, seed=0, steps=200)
    fit(reader, pairs, lambda model, tokens, top: F.cross_entropy(model(tokens), top), steps=200)
    with torch.no_grad():
        right[name] = (reader(test[0]).argmax(1) == test[1]).float().mean().item()
report("bag of words", right["bag of words"], at_most=0.60)
report("attention without positions", right["no positions"], at_most=0.60)
report("attention with positions", right["positions"], bar=0.95)

# %% [markdown]
# Attention alone is no better than the bag.

# %% tags=["widget"]
guess.reveal("the third")

# %% [markdown]
# {{exercise 2.1.5}}
#
# Why can the second reader not tell? Choose an explanation and the reason for it, as in `choice = ("a", 1)`.

# %%
options("2.1.5")

# %% [markdown]
# The third reader is your evidence.

# %% answer="2.1.5"
### BEGIN SOLUTION
choice = ("b", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.1.5"
check("2.1.5", choice)

# %% [markdown]
# ## A word is known by its company
#
# How does an encoder learn what words mean, if nobody labels anything? Hide a word, and let it guess: BERT's own game,
# {{term masked-language-modelling|masked language modelling}}. Our texts hold a caption and, four times in five, the
# same in Welsh.


# %% concepts=["A2.2"]
def two_languages(scenes):
    english = [f"english {text}" for text in render_captions(scenes)]
    welsh = [f"welsh {text}" for text in render_welsh_captions(scenes)]
    english, welsh = (tokenize(texts, vocabulary=len(VOCABULARY)) for texts in (english, welsh))
    return english[:, :10], welsh[:, 1:14]  # no <end> between the two, and no second <start>


english, welsh = two_languages(sample_scenes(4000, seed=1, objects=(1, 1)))
welsh[::5] = PAD  # one in five goes without
for side in (english, welsh):
    print([VOCABULARY[i] for i in side[1]])

# %% [markdown]
# Now hide a quarter of the words. Before you train: what can such a model know?

# %% tags=["widget"]
guess = Predict(
    "'a large <mask> star in the top left', and nothing else. How often will it name the right colour?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# The loss is the cross-entropy of the hidden words alone.


# %% concepts=["A2.2"]
def gap_loss(model, tokens):
    shown, hidden = mask_words(tokens, share=0.25)
    return masked_word_loss(model(shown), tokens, hidden)


torch.manual_seed(0)
bert = BERT(BERTConfig(width=64, depth=2, heads=2, hidden=128, length=24))
texts = torch.cat([english, welsh], dim=1)
pairs = batches(texts, batch_size=64, seed=0, steps=300)
fit(bert, pairs, gap_loss, steps=300, learning_rate=5e-3, weight_decay=0.01)
print(f"{count_parameters(bert):,} parameters")

# %% [markdown]
# Hide each word of new captions in turn, and count how often the best guess is right: the caption alone, then with the
# Welsh one beside it.

# %% concepts=["A2.2"]
english, welsh = two_languages(sample_scenes(300, seed=2, objects=(1, 1)))
alone = torch.full_like(welsh, PAD)


@torch.no_grad()
def guesses(place, beside):
    tokens = torch.cat([english, beside], dim=1)
    tokens[:, place] = MASK
    return (bert(tokens)[:, place].argmax(1) == english[:, place]).float().mean().item()


places = {"a": 2, "size": 3, "colour": 4, "shape": 5, "in": 6, "the": 7, "row": 8, "column": 9}
known = {name: guesses(place, alone) for name, place in places.items()}
show_bars(
    known,
    title="A caption alone tells its grammar, not its colour",
    x="share of hidden words guessed rightly",
    alt="Bars: the small words are always guessed, size, row and column half of the time, colour hardly ever.",
)

# %% [markdown]
# *A*, *in* and *the* must stand where they stand. Of sizes there are two, so a coin does as well; a colour is anyone's
# guess, and no training will change that.

# %% tags=["widget"]
guess.reveal(known["colour"])

# %% [markdown]
# Beside a translation the same model knows the colour, if it has learnt where to look. The test: the true translation,
# someone else's, and none. The scenes hold pairs that it has *never* seen.

# %% concepts=["A2.2"]
english, welsh = two_languages(sample_scenes(300, seed=3, objects=(1, 1), pairs="held_out"))
hidden = english.index_fill(1, torch.tensor([4]), MASK)


@torch.no_grad()
def score(beside):
    return (bert(torch.cat([hidden, beside], dim=1))[:, 4].argmax(1) == english[:, 4]).float()


none = torch.full_like(welsh[0], PAD)
grounding(score, welsh, blank=none, baseline=score(none.expand_as(welsh)), modality="translation", bar=0.90).show()

# %% [markdown]
# Without the translation it does worse than guess: it has learnt which pairs never occur. With it, it looks. But where?
# Point at *&lt;mask&gt;* and try the heads; then at other words. Nobody told it which Welsh word is which.

# %% tags=["widget"] concepts=["A2.2"]
text = torch.cat([hidden, welsh], dim=1)[:1]
text = text[:, : int((text != PAD).sum())]
maps = bert.attention_maps(text)[0]
WordAttention(
    [VOCABULARY[i] for i in text[0]],
    {f"block {block + 1}, head {head + 1}": maps[block, head] for block in range(2) for head in range(2)},
    chosen=4,
)

# %% [markdown]
# That is a text encoder: a tokenizer, embeddings with positions, blocks of attention. What about pictures?
#
# ## A picture as a sentence
#
# The {{term vision-transformer|Vision Transformer}} (Dosovitskiy et al. 2021) takes the shortest road: cut the picture
# into {{term patch|patches}}, and read them as words.

# %% concepts=["A2.3"]
patches = picture[0].unfold(1, 8, 8).unfold(2, 8, 8).permute(1, 2, 0, 3, 4).reshape(16, 3, 8, 8)
show_pictures(
    patches,
    [str(i) for i in range(16)],
    columns=8,
    inches=0.8,
    alt="Sixteen square patches in reading order; most are empty ground, a few hold a part of the shape.",
)

# %% [markdown]
# A linear layer turns the numbers of a patch into a vector. To a Transformer they are tokens like any others, and they
# need positions as words do.
#
# {{exercise 2.1.6}}
#
# ViT-B/16 reads pictures of 224 × 224 pixels, in colour, in patches of 16 × 16. How many tokens does it read, its class
# token included? Set `vit_tokens`.

# %% answer="2.1.6"
### BEGIN SOLUTION
vit_tokens = (224 // 16) ** 2 + 1
### STUB
# vit_tokens = ...
### END SOLUTION

# %% [markdown]
# You may let Python multiply.

# %% check="2.1.6"
check("2.1.6", vit_tokens)

# %% [markdown]
# ## A picture as a landscape
#
# The older way is the {{term convolutional-neural-network|convolution}}: a small window slides over the picture, and
# asks the same question everywhere. This one asks: is it darker on the right than on the left?

# %% concepts=["A2.3"]
kernel = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64)
grey = picture[0].double().mean(0)
edges = torch.zeros(30, 30, dtype=torch.float64)
for row in range(30):
    for column in range(30):
        edges[row, column] = (grey[row : row + 3, column : column + 3] * kernel).sum()
print("same as F.conv2d:", torch.allclose(edges, F.conv2d(grey[None, None], kernel[None, None])[0, 0]))

# %% [markdown]
# Left edges come out bright, right edges dark. A CNN learns its kernels, and stacks layer upon layer of them.

# %%
shown = ((edges / edges.abs().max() + 1) * 127).byte()
show_pictures(
    shown.expand(1, 3, 30, 30),
    ["vertical edges"],
    columns=1,
    inches=1.6,
    alt="The outline of the shape: bright along its left side, dark along its right.",
)

# %% [markdown]
# A place of the first layer sees a small square of pixels, its {{term receptive-field|receptive field}}. Each further
# layer widens it, and faster once a **stride** of 2 has skipped every other place.
#
# {{exercise 2.1.7}}
#
# `layers` holds `(kernel, stride)` of each convolution, in order. Return how many pixels a side one place of the last
# layer can see. One layer `(3, 1)` sees 3, two of them see 5.


# %% answer="2.1.7"
def receptive_field(layers: list[tuple[int, int]]) -> int:
    ### BEGIN SOLUTION
    side, step = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * step
        step *= stride
    return side
    ### END SOLUTION


# %% [markdown]
# Kernels of 3 and of 5, with strides in unexpected places.

# %% check="2.1.7"
check("2.1.7", receptive_field)

# %% [markdown]
# Here is the CNN of this lesson: a stem and three blocks of two convolutions, with about as many parameters as the ViT
# beside it.

# %% concepts=["A2.3"]
receptive_field = working("2.1.7", receptive_field)
stem, block_1, block_2 = [(3, 2)], [(3, 1), (3, 1)], [(3, 2), (3, 1)]
for name, layers in {
    "block 1": stem + block_1,
    "block 2": stem + block_1 + block_2,
    "block 3": stem + block_1 + 2 * block_2,
}.items():
    print(f"a place of {name} sees {receptive_field(layers)} pixels a side")
print(f"CNN {count_parameters(CNN(CNN_CONFIG)):,} parameters, ViT {count_parameters(ViT(VIT_CONFIG)):,}")

# %% [markdown]
# ## Side by side
#
# Both learn to name shapes, from 1,000 pictures of things that stand *anywhere*. A step of the ViT costs about a third
# of the CNN's, so it gets three times as many; each has the learning rate that suited it best.

# %% concepts=["A2.3"]
here, new = scattered_scenes(1000, seed=0), scattered_scenes(1000, seed=1)
models, right = {}, {}
for name, steps, learning_rate in (("CNN", 100, 1e-2), ("ViT", 300, 3e-3)):
    models[name], _ = train_on(name, here, learning_rate=learning_rate, seed=0, steps=steps)
    right[name] = names_rightly(models[name], new).mean().item()
report("CNN, new pictures", right["CNN"], bar=0.90)
report("ViT, new pictures", right["ViT"], at_most=0.85)

# %% [markdown]
# The CNN is far ahead. What does it do differently? Watch what one place sees, measured by which pixels change its
# features. (Luo et al. 2016.)

# %% tags=["widget"] concepts=["A2.3"]
scene = render_pictures(new[:1])[0]
views = {name: fields_of_view(model.encoder, scene) for name, model in models.items()}
views["CNN"].pop("stem")
FieldOfView(scene, views)

# %% [markdown]
# The CNN looks around itself, and sees everything only at the end. The ViT sees its patch, then all at once. To the
# CNN nearness matters, and a corner is a corner wherever it is: that is its {{term inductive-bias|inductive bias}},
# and it did not have to learn it. The ViT must learn both, from examples.
#
# ## How many examples?
#
# Dosovitskiy et al. (2021, section 4.3) found that with less data CNNs lead, and with hundreds of millions of pictures
# ViTs do. And here? Two worlds: things *anywhere*, as above, and things in the middle of four *cells*, where patches
# always cut them alike.

# %% tags=["widget"]
guess = Predict(
    "From 300 pictures, where will the CNN lead by ten points or more?",
    options=["in both worlds", "only where things stand anywhere", "only in cells", "nowhere"],
)
guess

# %% [markdown]
# Sixty trainings take too long for a lesson, so these were made before: `python -m
# utils.evaluation.encoder_comparison`. Both had the same three learning rates to choose from, with 300 pictures and a
# test of their own; each dot is another seed, with other weights and other pictures.

# %% concepts=["A2.3"]
points = load_comparison()
figure = new_figure(7.0, 3.0)
for axes, world in zip(figure.subplots(1, 2, sharey=True), ("anywhere", "cells"), strict=True):
    for name, colour, marker in (("CNN", MODALITY_COLOURS["image"], "s"), ("ViT", MODALITY_COLOURS["text"], "o")):
        found = [point for point in points if (point.world, point.encoder) == (world, name)]
        sizes = [point.pictures for point in found]
        axes.plot(sizes, [point.mean for point in found], color=colour, marker=marker, label=name)
        axes.fill_between(sizes, [p.low for p in found], [p.high for p in found], color=colour, alpha=0.2)
        axes.plot(sizes, [point.by_seed for point in found], ".", color=colour)
    axes.set_xscale("log")
    style_axes(axes, title=f"things {'anywhere' if world == 'anywhere' else 'in cells'}", x="training pictures")
figure.axes[0].set_ylabel("shapes named rightly")
figure.axes[0].legend(frameon=False)
show(figure, "Shapes named rightly against training pictures for a CNN and a ViT, in two worlds, a dot a seed.")

# %% [markdown]
# And your guess?

# %% tags=["widget", "spoiler"]
mean = {(point.world, point.encoder): point.mean for point in points if point.pictures == 300}
lead = {world: mean[world, "CNN"] - mean[world, "ViT"] for world in ("anywhere", "cells")}
where = {(True, True): "in both worlds", (True, False): "only where things stand anywhere"}
where |= {(False, True): "only in cells", (False, False): "nowhere"}
guess.reveal(where[lead["anywhere"] >= 0.10, lead["cells"] >= 0.10])

# %% [markdown]
# Where things stand anywhere, the CNN needs far fewer pictures: the ViT must see a star at many places, cut by its
# patches in many ways. In cells there is one way to cut it, and the lead is all but gone; with the fewest pictures the
# ViT is even ahead. An inductive bias is a bet on the world, and it pays where the world is so.
#
# And tune before you compare: an early trial for this course, untuned, with 200 pictures in cells, had the ViT far
# ahead.
#
# ## What you measured
#
# - A multimodal model is a road of four stages, and each has a tensor to look at.
# - A tokenizer is learnt by counting, and speaks cheaply only of what it has read.
# - Attention mixes values by shares. Without positions it is a bag; with them, it reads.
# - Hidden words taught an encoder two languages, and where to look in them.
# - CNN or ViT: what is built in need not be learnt, where it fits the world.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("Byte-pair encoding meets a word that it has never seen. What happens?",
             ["An error", "It is cut into smaller tokens", "It becomes <unknown>"], 1,
             ["Every byte is a token, so nothing fails.", "Yes; it costs more tokens.", "It knows no such token."]),
    Question("Row i of an attention map sums to 1. What does the number in column j say?",
             ["How alike words i and j are", "How much word i takes from word j", "How often they stand together"], 1,
             ["It depends on what i asks for.", "Yes: a share of j's value.", "Nothing is counted here."]),
    Question("What must stand in the scores of words that may not be seen?",
             ["0", "Minus infinity", "1"], 1,
             ["e to the power 0 is 1: they would be seen.", "Yes: its share is 0.", "e to the power 1 is more still."]),
    Question("A Transformer without positions reads 'red above blue' and 'blue above red'. It finds",
             ["the same", "two different texts", "a bag with one word less"], 0,
             ["Yes: the same set of words.", "Nothing in it tells them apart.", "All words are there."]),
    Question("From 1.1: why is a word's id not a number to calculate with?",
             ["It is too large", "It only names", "It is not a float"], 1,
             ["Size plays no part.", "Yes; its embedding holds numbers that mean something.", "That would not help."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** text and pictures hold still. What must an encoder keep of sound, of motion and of things in space?
