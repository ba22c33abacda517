# %% [markdown]
# # 2.3 Contrastive alignment
#
# **How can pictures and sentences learn to live in one space, from nothing but pairs?**
#
# Nobody tells the model what *red* is, or *circle*. It sees pictures beside their captions, thousands of them, and
# plays
# one game: find the caption that belongs to this picture, and the picture that belongs to this caption. Below you see
# what the game leads to; by the end you will have trained it yourself.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from utils.evaluation import class_embeddings, grounding, hits_at_k, report, zero_shot_correct
from utils.evaluation.held_out.clip_scenes import attribute_prompts
from utils.exercises import check, options, working
from utils.figures import principal_plane, show_curves, show_matrix, show_pictures
from utils.models.blocks import count_parameters
from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit, overfit
from utils.widgets import JointMap, Predict, Question, Quiz, SearchBox, TemperatureMatrix
from utils.world import COLOURS, SHAPES, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.batching import batches
from utils.world.candidates import retrieval_scenes
from utils.world.digits import digit_caption, handwritten_digits

# %% [markdown]
# Here is a model that has finished the game. Each row is a picture it has never seen, each column a caption; the number
# is how well they match, from -1 to 1. Every row is brightest on the diagonal.

# %% concepts=["A2.10"]
trained, card = load_checkpoint("clip_scenes")
answer = retrieval_scenes(5, pairs="one_held_out", seed=3)
with torch.no_grad():
    images, texts = trained(render_pictures(answer), tokenize(render_captions(answer)))
show_matrix(
    images @ texts.T,
    pictures=render_pictures(answer),
    captions=render_captions(answer),
    title="Each picture is most similar to its own caption",
    alt="Similarity of five pictures to five captions: the diagonal is the brightest cell of each row.",
)

# %% [markdown]
# **You will be able to** write the contrastive loss by hand and vectorised · say what the temperature does · train a
# CLIP in this notebook and prove that it uses its eyes · classify without a classifier · say what such a model
# cannot do.
#
# **Time** about {{minutes}} minutes · **builds on** 1.1, pictures and sentences as tensors.
#
# ## Pairs, and nothing else
#
# Our world is small: one or two objects on a pale ground. Some pairs of shape and colour, such as the red circle, are
# *held out*: they never occur in training. Remember them; they will be the test.

# %%
scenes = sample_scenes(20_000, seed=1)
pictures, captions = render_pictures(scenes), render_captions(scenes)
tokens = tokenize(captions)
print("pictures", list(pictures.shape), "tokens", list(tokens.shape))
show_pictures(pictures[:6], captions[:6], alt="Six pictures of one or two coloured shapes above their captions.")

# %% [markdown]
# ## Two towers
#
# CLIP (Radford et al. 2021) is a **dual encoder**: one network reads pictures, another reads text, and they share
# nothing but the width of their output. Each turns what it reads into a vector of length 1, an arrow on a sphere. Ours
# is a thousand times smaller than the original, and otherwise the same.

# %% concepts=["A3.1"]
torch.manual_seed(0)
vision = ViTConfig(width=64, depth=3, heads=2, hidden=256, clip_style=True)
text = TextConfig(width=64, depth=1, heads=2, hidden=256)
model = CLIP(CLIPConfig(vision=vision, text=text, width=64))
print(f"{count_parameters(model):,} parameters")

# %% [markdown]
# Untrained, it already gives every picture and every caption an arrow. They point nowhere in particular.

# %%
with torch.no_grad():
    images, texts = model(pictures[:4], tokens[:4])
print("images", list(images.shape), "texts", list(texts.shape))
print("lengths", [round(length, 3) for length in images.norm(dim=1).tolist()])

# %% [markdown]
# Training takes 128 pairs at a time. Every picture of the batch is compared with every caption of the batch, and the
# pairs that do *not* belong together are what it learns from: they are the **negatives**, and they come for free.
#
# {{exercise 2.3.1}}
#
# A batch holds 128 pictures and their 128 captions. How many (picture, caption) combinations in it are wrong? Set
# `wrong_pairs` to the number.

# %% answer="2.3.1"
### BEGIN SOLUTION
wrong_pairs = 128 * 127
### STUB
# wrong_pairs = ...
### END SOLUTION

# %% [markdown]
# You may let Python multiply.

# %% check="2.3.1"
check("2.3.1", wrong_pairs)

# %% [markdown]
# To compare two arrows we take the cosine of the angle between them: 1 for the same direction, 0 for a right angle, -1
# for opposite ones. For vectors of length 1 that is just the dot product.
#
# {{exercise 2.3.2}}
#
# Given `images`, shape `[n, width]`, and `texts`, shape `[m, width]`, of any lengths, return the matrix of cosines,
# shape `[n, m]`: a row for each picture, a column for each caption.

# %% answer="2.3.2"
def cosine_similarities(
    images: Float[Tensor, "n width"], texts: Float[Tensor, "m width"]
) -> Float[Tensor, "n m"]:
    ### BEGIN SOLUTION
    images = images / images.norm(dim=-1, keepdim=True)
    texts = texts / texts.norm(dim=-1, keepdim=True)
    return images @ texts.T
    ### END SOLUTION

# %% [markdown]
# The check brings vectors of many lengths, and not as many pictures as captions.

# %% check="2.3.2"
check("2.3.2", cosine_similarities)

# %% [markdown]
# ## The loss, by hand
#
# Three pictures, three captions. The first picture is sure of its caption; the second hesitates; the third prefers a
# wrong one.

# %%
cosine_similarities = working("2.3.2", cosine_similarities)
similarities = torch.tensor([[0.9, 0.1, 0.3], [0.2, 0.6, 0.5], [0.4, 0.7, 0.3]])
temperature = 0.2

# %% [markdown]
# Read a row as a vote. Divide by the **temperature**, exponentiate, and share out: that is a softmax. The loss of a row
# is minus the logarithm of the share that the right caption got.

# %%
for i, row in enumerate(similarities.tolist()):
    votes = [math.exp(value / temperature) for value in row]
    share = votes[i] / sum(votes)
    print(f"picture {i}: share of its own caption {share:.2f}, loss {-math.log(share):.2f}")

# %% [markdown]
# Being right and sure costs almost nothing; being wrong and sure costs a lot. Now let the captions choose: the same,
# column by column.

# %%
for j, column in enumerate(similarities.T.tolist()):
    votes = [math.exp(value / temperature) for value in column]
    share = votes[j] / sum(votes)
    print(f"caption {j}: share of its own picture {share:.2f}, loss {-math.log(share):.2f}")

# %% [markdown]
# The mean of these six numbers is the contrastive loss, also called **InfoNCE** (van den Oord et al. 2018). At chance,
# with n pairs, it is ln(n).
#
# {{exercise 2.3.3}}
#
# Write it without loops. `similarities` has shape `[n, n]`, with the right pairs on the diagonal; return one number,
# the
# mean over both directions. `F.cross_entropy` is welcome.

# %% answer="2.3.3"
def contrastive_loss(similarities: Float[Tensor, "n n"], temperature: float) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    logits = similarities / temperature
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    ### END SOLUTION

# %% [markdown]
# Three batches of different size and temperature will be tried.

# %% check="2.3.3"
check("2.3.3", contrastive_loss)

# %% [markdown]
# On our three pairs it must give the mean of the six numbers above. And on equal similarities, chance: ln(3).

# %%
contrastive_loss = working("2.3.3", contrastive_loss)
print(f"three pairs      {contrastive_loss(similarities, temperature):.2f}")
print(f"all the same     {contrastive_loss(torch.zeros(3, 3), temperature):.2f}")
print(f"ln(3)            {math.log(3):.2f}")

# %% [markdown]
# ## Temperature
#
# The cosines lie between -1 and 1, so without help the softmax could never be sure. Dividing by a small temperature
# spreads them out. Move the slider, and watch which cells light up and what the loss punishes.

# %% tags=["widget"] concepts=["A2.10"]
names = [f"{kind} {i}" for kind in ("picture", "caption") for i in range(3)]
TemperatureMatrix(similarities, rows=names[:3], columns=names[3:])

# %% [markdown]
# Too warm, and a clear winner gets hardly more than the rest. Too cold, and the one wrong winner costs everything. In
# between lies a valley. Here it is for 64 pairs of which most, not all, are matched well.

# %%
torch.manual_seed(0)
noisy = 0.1 + 0.2 * torch.randn(64, 64)
noisy.fill_diagonal_(0.7)
temperatures = torch.logspace(-2, 0.5, 60)
losses = [contrastive_loss(noisy, value).item() for value in temperatures]
show_curves(
    {"contrastive loss": (temperatures.tolist(), losses)},
    log_x=True,
    level=("chance, ln(64)", math.log(64)),
    title="The loss has one valley in the temperature",
    x="temperature",
    y="loss (nats)",
    alt="Loss against temperature on a logarithmic axis: high when cold, one valley, then rising to chance when warm.",
)

# %% [markdown]
# {{exercise 2.3.4}}
#
# Find a temperature whose loss lies at most 0.1 above the bottom of the valley, on 64 pairs drawn afresh for you. Try
# values; the check tells you on which side you are.

# %% answer="2.3.4"
### BEGIN SOLUTION
settings = {"temperature": 0.05}
### STUB
# settings = {"temperature": ...}
### END SOLUTION

# %% [markdown]
# Nothing to derive here: look at the curve, and try.

# %% check="2.3.4"
check("2.3.4", settings)

# %% [markdown]
# CLIP does not search: it makes the temperature a parameter and *learns* it, starting at 0.07. It stores
# `logit_scale` = ln(1 / temperature), so that whatever training does, the scale stays positive.
#
# {{exercise 2.3.5}}
#
# Complete the meeting place of the two towers. `image_features` `[n, image_width]` and `text_features`
# `[m, text_width]` go through their projections, get length 1, and return the logits `[n, m]`, scaled.

# %% answer="2.3.5"
class DualEncoderHead(nn.Module):
    def __init__(self, image_width, text_width, width):
        super().__init__()
        self.image_projection = nn.Linear(image_width, width, bias=False)
        self.text_projection = nn.Linear(text_width, width, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(
        self, image_features: Float[Tensor, "n image_width"], text_features: Float[Tensor, "m text_width"]
    ) -> Float[Tensor, "n m"]:
        ### BEGIN SOLUTION
        images = F.normalize(self.image_projection(image_features), dim=-1)
        texts = F.normalize(self.text_projection(text_features), dim=-1)
        return self.logit_scale.exp() * images @ texts.T
        ### END SOLUTION

# %% [markdown]
# The check puts weights of its own into your module, and compares what comes out.

# %% check="2.3.5"
check("2.3.5", DualEncoderHead)

# %% [markdown]
# ## Overfit first
#
# Before any real training, a test that takes seconds: can the model learn *one* batch by heart? If not, something is
# broken, and an hour of training would only hide it.

# %%
def training_loss(model, pictures, tokens):
    images, texts = model(pictures, tokens)
    return contrastive_loss(images @ texts.T, torch.exp(-model.logit_scale))


history = overfit(model, (pictures[:128], tokens[:128]), training_loss, steps=80)
print(f"chance {math.log(128):.2f}")
report("loss on one batch, learnt by heart", history.losses[-1], at_most=1.0)

# %% [markdown]
# It can. Now commit to a guess.

# %% tags=["widget"]
guess = Predict(
    "After half a minute of training, for what share of pictures will the right caption win among 64 unseen ones?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# Now train: 600 batches of 128 pairs, each drawn from the 20,000. The line below is the whole of it; `fit` is a plain
# loop of AdamW with a learning rate that rises and falls.

# %% concepts=["A2.10", "A3.1"]
history = fit(model, batches(pictures, tokens, batch_size=128, seed=0, steps=600), training_loss, steps=600)
show_curves(
    {"training loss": (range(1, 601), history.smooth())},
    level=("chance, ln(128)", math.log(128)),
    title="The game is being learnt",
    x="step",
    y="loss (nats)",
    alt="Training loss falling from chance towards zero over 600 steps.",
)

# %% [markdown]
# ## Does it find what it never saw?
#
# A falling loss proves little: the model might know its 20,000 pairs by heart. So we take 64 new scenes whose captions
# never occurred, and let every picture choose among 64 captions, and every caption among 64 pictures.
#
# {{exercise 2.3.6}}
#
# Return recall@1 both ways, as two floats: the share of pictures (rows) whose largest similarity is their own caption,
# and the share of captions (columns) whose largest similarity is their own picture.

# %% answer="2.3.6"
def recall_at_1(similarities: Float[Tensor, "n n"]) -> tuple[float, float]:
    ### BEGIN SOLUTION
    right = torch.arange(len(similarities))
    image_to_text = (similarities.argmax(dim=1) == right).float().mean().item()
    text_to_image = (similarities.argmax(dim=0) == right).float().mean().item()
    return image_to_text, text_to_image
    ### END SOLUTION

# %% [markdown]
# In the check's matrices some captions attract every picture, so that the two ways differ.

# %% check="2.3.6"
check("2.3.6", recall_at_1)

# %% [markdown]
# We measure on eight sets of 64 scenes, first with shape-colour pairs that training showed.

# %%
recall_at_1 = working("2.3.6", recall_at_1)


@torch.no_grad()
def recall(model, pairs, sets=8):
    candidates = [retrieval_scenes(64, pairs=pairs, seed=s, exclude=set(captions)) for s in range(sets)]
    both = [model(render_pictures(found), tokenize(render_captions(found))) for found in candidates]
    ways = torch.tensor([recall_at_1(images @ texts.T) for images, texts in both]).mean(0)
    return ways.tolist()


seen = recall(model, "seen")
report("recall@1 picture to caption", seen[0], bar=0.95)
report("recall@1 caption to picture", seen[1], bar=0.95)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(seen[0])

# %% [markdown]
# Now scenes that each hold a pair the model has *never* seen, such as a red circle. It has seen red things, and it has
# seen circles. If it had learnt whole pictures by heart, it would fail here.

# %%
new = recall(model, "one_held_out")
report("recall@1 on new pairs, picture to caption", new[0], bar=0.90)
report("recall@1 on new pairs, caption to picture", new[1], bar=0.90)

# %% [markdown]
# It composes: *red* and *circle* have become parts that it can put together.
#
# ## Does it use its eyes?
#
# The course asks this of every model. Keep the captions as they are and take the pictures away: exchange them between
# samples, or show an empty ground to all. A baseline without eyes picks the caption that is most like the others. Only
# the true pictures may score.

# %% concepts=["A2.10"]
test = retrieval_scenes(64, pairs="one_held_out", seed=100, exclude=set(captions))
with torch.no_grad():
    texts = model.encode_text(tokenize(render_captions(test)))
    without_eyes = hits_at_k((texts @ texts.mean(0)).expand(64, 64)).float()


@torch.no_grad()
def score(shown):
    return hits_at_k(model.encode_image(shown) @ texts.T).float()


true_pictures = render_pictures(test)
empty = torch.full((3, 32, 32), 240, dtype=torch.uint8)
grounding(score, true_pictures, blank=empty, baseline=without_eyes, modality="picture", bar=0.90).show()

# %% [markdown]
# ## Classify without a classifier
#
# Nobody trained this model to name colours. But a class is just another sentence: write one for each, and ask which
# sentence a picture is nearest to. That is **zero-shot** classification.
#
# One sentence a class is a narrow ask: ours speak of size and place too. So write many for each class and take their
# middle: **prompt ensembling**.
#
# {{exercise 2.3.7}}
#
# `text_vectors` has shape `[classes, prompts, width]`, every vector of length 1. Return one vector of length 1 for each
# class, shape `[classes, width]`: the direction in the middle of its prompts.

# %% answer="2.3.7"
def class_vectors(text_vectors: Float[Tensor, "classes prompts width"]) -> Float[Tensor, "classes width"]:
    ### BEGIN SOLUTION
    middle = text_vectors.mean(dim=1)
    return middle / middle.norm(dim=-1, keepdim=True)
    ### END SOLUTION

# %% [markdown]
# The prompts of one class may point in quite different directions.

# %% check="2.3.7"
check("2.3.7", class_vectors)

# %% [markdown]
# With it, the model that ships with the course, larger than yours and trained for longer, names colours and shapes of
# objects it has never seen together. Compare one sentence of a kind it never read, *a picture of a star*, with all the
# captions that one can write of a star.

# %%
class_vectors = working("2.3.7", class_vectors)
new_things = sample_scenes(1000, seed=5, objects=(1, 1), pairs="held_out")


@torch.no_grad()
def zero_shot(prompts, labels):
    vectors = torch.stack([trained.encode_text(tokenize(texts)) for texts in prompts])
    classes, images = class_vectors(vectors), trained.encode_image(render_pictures(new_things))
    return zero_shot_correct(images, classes, labels).mean().item()


colour, shape = new_things.colour[:, 0], new_things.shape[:, 0]
odd = "a picture of a {}"
report("colour, one odd sentence", zero_shot([[odd.format(name)] for name in COLOURS], colour), bar=0.50)
report("colour, all captions", zero_shot(attribute_prompts("colour"), colour), bar=0.98)
report("shape, one odd sentence", zero_shot([[odd.format(name)] for name in SHAPES], shape), bar=0.50)
report("shape, all captions", zero_shot(attribute_prompts("shape"), shape), bar=0.95)

# %% [markdown]
# Radford et al. (2021, section 3.1.4) gained almost five points on ImageNet by the same means.
#
# Where does that model come from? Its card says: recipe, seed, data, and what it reached on held-out data. `course
# train
# clip_scenes` makes it again.

# %%
print(f"{card.parameters:,} parameters, {card.steps:,} steps, {card.data}")
for name, figure in card.figures.items():
    report(name, figure.value, **{"at_most" if figure.at_most else "bar": figure.bar})

# %% [markdown]
# ## Real handwriting, and a second loss
#
# Now real data: digits that people wrote by hand, bundled with scikit-learn, with captions such as *a handwritten
# seven*. There are only ten captions, so a batch of 96 holds each about ten times.

# %%
train, held_out = handwritten_digits("train"), handwritten_digits("test")
show_pictures(train.pictures[:6], train.captions[:6], alt="Six handwritten digits with their captions.")

# %% [markdown]
# For InfoNCE that is awkward: the caption of one seven counts as *wrong* for every other seven. **SigLIP** (Zhai et al.
# 2023) asks a simpler question of each cell by itself: do these two match, yes or no? A sigmoid instead of a
# softmax, and
# any number of matches in a row.
#
# {{exercise 2.3.8}}
#
# This loss for `logits` `[n, n]` and the class of each pair, `labels` `[n]`, runs without an error, and yet it
# teaches the
# model that other people's sevens are not sevens. Find the bug and mend it.

# %% answer="2.3.8"
def sigmoid_loss(logits: Float[Tensor, "n n"], labels: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    matches = (labels[:, None] == labels[None, :]).float()
    ### STUB
    # matches = torch.eye(len(labels))
    ### END SOLUTION
    signs = 2 * matches - 1  # +1 pulls together, -1 pushes apart
    return -F.logsigmoid(signs * logits).sum(dim=1).mean()

# %% [markdown]
# Batches with repeated labels will tell.

# %% check="2.3.8"
check("2.3.8", sigmoid_loss)

# %% [markdown]
# Train a new model with it, 600 batches of 96. SigLIP also learns a bias, which starts at the log-odds of a
# match: one in ten.

# %% concepts=["A2.10"]
sigmoid_loss = working("2.3.8", sigmoid_loss)
torch.manual_seed(0)
reader = CLIP(CLIPConfig(vision=vision, text=text, width=64, bias=math.log(0.1 / 0.9)))


def digit_loss(model, pictures, tokens, labels):
    down, right = torch.randint(-2, 3, (2,)).tolist()  # nobody writes in the middle
    images, texts = model(pictures.roll((down, right), dims=(2, 3)), tokens)
    return sigmoid_loss(model.similarity(images, texts), labels)


paired = train.pictures, tokenize(train.captions), train.labels
fit(reader, batches(*paired, batch_size=96, seed=0, steps=600, drop_last=True), digit_loss, steps=600)
print("trained on", len(train), "digits")

# %% [markdown]
# Ten sentences are the classifier. The digits below were not in training.

# %%
with torch.no_grad():
    names = reader.encode_text(tokenize([digit_caption(digit) for digit in range(10)]))
    right = zero_shot_correct(reader.encode_image(held_out.pictures), names, held_out.labels)
report("handwritten digits, held out", right.mean().item(), bar=0.93)

# %% [markdown]
# ## What it cannot do
#
# First, one object. Put *left* for *right* in its caption: does the model prefer the true one? A coin would be right
# half of the time.

# %% concepts=["A3.1"]
one = sample_scenes(1000, seed=9, objects=(1, 1))
said = render_captions(one)
mirrored = [" ".join({"left": "right", "right": "left"}.get(word, word) for word in text.split()) for text in said]


@torch.no_grad()
def prefers(scenes, captions, others):
    images = trained.encode_image(render_pictures(scenes))
    first, second = (trained.encode_text(tokenize(texts)) for texts in (captions, others))
    return ((images * first).sum(1) > (images * second).sum(1)).float().mean().item()


print(said[0], "/", mirrored[0])
report("prefers the true place", prefers(one, said, mirrored), bar=0.90)

# %% [markdown]
# It knows left from right. Now take two objects and exchange their places. *A red circle above a blue square* becomes
# *a blue square above a red circle*: the same words, another picture.

# %% concepts=["A3.1"]
two = sample_scenes(1000, seed=9, objects=(2, 2))
said, exchanged = render_captions(two), render_captions(two.swapped())
print(said[0], "/", exchanged[0])
report("prefers the true order", prefers(two, said, exchanged), at_most=0.60)

# %% [markdown]
# No better than a coin, from the model that finds one caption in 64. Large models have the same gap (Yuksekgonul et
# al. 2023, "When and why vision-language models behave like bags-of-words").
#
# {{exercise 2.3.9}}
#
# Why? Choose an explanation and the reason for it, as in `choice = ("a", 1)`.

# %%
options("2.3.9")

# %% [markdown]
# One of these holds for this model, and you have seen the evidence against the others.

# %% answer="2.3.9"
### BEGIN SOLUTION
choice = ("c", 2)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="2.3.9"
check("2.3.9", choice)

# %% [markdown]
# This is the price of the dual encoder: picture and text meet only once, at the very end, in a single dot product. The
# fusion models of chapter 3 let them meet earlier. Its reward is speed: a million pictures can be encoded once and
# searched for ever.
#
# ## Living in the space
#
# So search. The pictures below are encoded once; each search encodes only your sentence.

# %% tags=["widget"] concepts=["A2.11"]
shelf = sample_scenes(2000, seed=21, pairs="all")
shelf_pictures, shelf_captions = render_pictures(shelf), render_captions(shelf)
with torch.no_grad():
    shelf_vectors = trained.encode_image(shelf_pictures)


@torch.no_grad()
def search(sentence):
    scores = shelf_vectors @ trained.encode_text(tokenize(sentence))[0]
    best = scores.topk(6)
    return [(shelf_pictures[i], s, shelf_captions[i]) for s, i in zip(*map(Tensor.tolist, best), strict=True)]


SearchBox(search, text="a large red circle in the top left", suggestions=shelf_captions[:8])

# %% [markdown]
# Directions in the space have meaning. Take the arrow of a *picture*, subtract the arrow of one *sentence*, add that of
# another, and look for the nearest picture: a red thing becomes a blue one, and its shape stays.

# %% concepts=["A2.11"]
red = sample_scenes(4000, seed=22, objects=(1, 1), pairs="all")
red = red[red.colour[:, 0] == COLOURS.index("red")]
singles = shelf[shelf.count == 1]
with torch.no_grad():
    vectors, candidates = (trained.encode_image(render_pictures(s)) for s in (red, singles))
    colours = class_embeddings(lambda texts: trained.encode_text(tokenize(texts)), attribute_prompts("colour"))
    turned = vectors - colours[COLOURS.index("red")] + colours[COLOURS.index("blue")]
    nearest = singles[(turned @ candidates.T).argmax(1)]
blue = nearest.colour[:, 0] == COLOURS.index("blue")
same_shape = nearest.shape[:, 0] == red.shape[:, 0]
report("picture - red + blue is blue", blue.float().mean().item(), bar=0.90)
report("and keeps its shape", (blue & same_shape).float().mean().item(), bar=0.60)

# %% [markdown]
# Last, take the space in your hand. Forty arrows, pictures and captions, laid on the plane in which they differ most.
# Choose a point and see its nearest neighbours of the other kind.

# %% tags=["widget"] concepts=["A2.11"]
few = retrieval_scenes(20, pairs="one_held_out", seed=4)
with torch.no_grad():
    images, texts = trained(render_pictures(few), tokenize(render_captions(few)))
vectors = torch.cat([images, texts])
names = render_captions(few)
JointMap(
    principal_plane(vectors).numpy(),
    [f"picture of {name}" for name in names] + names,
    ["image"] * 20 + ["text"] * 20,
    embeddings=vectors.numpy(),
    pictures=dict(enumerate(render_pictures(few))),
    pairs=[(i, i + 20) for i in range(20)],
)

# %% [markdown]
# ## What you measured
#
# - A few hundred thousand parameters and half a minute found the right caption among 64 unseen ones, also for
#   combinations never shown; with exchanged or empty pictures it found nothing.
# - Sentences are classifiers: colour, shape, and real handwritten digits, without a label in sight.
# - Order escapes it: it knows *what*, and hardly *how arranged*.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("In a batch of n pairs, what are the negatives?",
             ["Captions written to be wrong", "The other captions and pictures of the batch", "Blank pictures"], 1,
             ["Nobody writes them.", "Yes: n(n - 1) of them, for free.", "Those only appear when we test grounding."]),
    Question("The temperature goes to zero. What does the softmax of a row become?",
             ["All equal", "All of it on the largest", "All of it on the right one"], 1,
             ["That is a very high one.", "Yes, right or wrong.", "Only if the right one is the largest."]),
    Question("Why test on shape-colour pairs that training never showed?",
             ["Chance is lower there", "To see whether it composes or has learnt by heart", "To get a better score"], 1,
             ["It stays 1 in 64.", "Yes: red and circle are known, the red circle is not.", "Rather a worse one."]),
    Question("A batch holds the same caption twelve times. Which loss takes that in its stride?",
             ["InfoNCE", "SigLIP with all matches marked", "Neither"], 1,
             ["It counts eleven of them as wrong.", "Yes: each cell is its own question.", "One of them does."]),
    Question("From 1.1: what does permuting a picture's axes do that reshaping it does not?",
             ["It is faster", "It keeps each number with its pixel", "It makes floats"], 1,
             ["Not in any way that matters.", "Yes: reshape deals the numbers out anew.", "Neither of them does."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** picture and text met only at the end here. What if each could look at the other while it reads?
