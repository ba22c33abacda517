# %% [markdown]
# # 3.9 Models in the world
#
# **What is known about the models that everybody talks about, and which of them have you already built?**
#
# Names, sizes and scores travel fast, and mistakes travel with them. Here is a catalogue that says for each system who
# made it, when, how it works, and *who says so*. What nobody says stays empty.

# %% tags=["setup"]
import textwrap

import torch

from utils.catalogue import FAMILIES, catalogue, corrections, find_system, in_words, show_timeline, to_table
from utils.exercises import check, options, working
from utils.figures import show_bars
from utils.models.blocks import count_parameters
from utils.models.gpt import GPT, PUBLISHED_SHAPES, GPTConfig, parameters_of
from utils.models.llava import Projector, ProjectorConfig
from utils.models.moe import MixtureOfExperts, SigmoidRouter, active_parameters
from utils.models.swiglu import SwiGLU
from utils.models.vit import ViT, ViTConfig
from utils.style import MODALITY_COLOURS
from utils.widgets import ModelCatalogue, Predict, Question, Quiz

# %% [markdown]
# All of them, by date and size. Those in the strip below need not be smaller: their sources give no size.

# %% concepts=["A3.8"]
systems = catalogue()
show_timeline(
    systems.values(),
    title="The best known are not the best documented",
    alt="Systems from 2018 to 2024 by date and number of parameters, from BERT to DeepSeek-V3; a strip below holds "
    "those whose size is not given, among them GPT-4o, Claude 3.5 and Gemini 1.5 Pro.",
)

# %% [markdown]
# **You will be able to** tell a published fact from a rumour · compute a model's size from its shape · tell total from
# {{term active-parameters|active parameters}} · say what a picture costs in tokens, recipe by recipe · name the
# family of a system that is described to you.
#
# **Time** about {{minutes}} minutes · **builds on** 2.1, encoders · 2.3, CLIP · 2.4, soft tokens.
#
# ## One system
#
# Each is a record with the same fields. `None` is a fact of its own: the source does not say.

# %% concepts=["A3.8"]
for name, value in vars(find_system("CogVLM")).items():
    print(f"{name:<18}{value}")

# %% [markdown]
# The word *family* needs care. The articles that this course follows name four; what else there is works on one
# modality, or makes pictures.

# %%
for family, what in FAMILIES.items():
    names = [system.name for system in systems.values() if system.family == family]
    print(f"{family}: {what}\n    {', '.join(names)}")

# %% [markdown]
# "End-to-end" is the articles' word, and not a happy one: Flamingo trains only what lies between two frozen models.
# Read it as *visual tokens in a language model*. CogVLM's authors would rather say deep fusion.
#
# Now browse. Search for a word, keep one family, sort by a column, open a system.

# %% tags=["widget"] concepts=["A3.8"]
ModelCatalogue()

# %% [markdown]
# The whole of it, with links, is also [a page](../../assets/models.md). And many you know from inside, or soon will:
# the course has models of its own with the same mechanism, small enough to train on a laptop.

# %% concepts=["A3.8"]
built = {}
for system in systems.values():
    if system.mini:
        built.setdefault((system.mini.lesson, system.mini.module), []).append(system.name)
for (lesson, module), names in sorted(built.items()):
    print(f"lesson {lesson}  {module:<26}{', '.join(names)}")

# %% [markdown]
# ## What empty means
#
# How many say how large they are?

# %%
table = to_table()
for name in ("family", "parameters", "context"):
    print(f"{name:<11} given by {table[name].notna().sum()} of {len(table)}")

# %% [markdown]
# An empty cell is not a nought. Whoever forgets that computes nonsense, in silence.
#
# {{exercise 3.9.1}}
#
# This function should return the median size of each family that gives any: `models` is a list of records with
# `family` and `parameters`, and the latter may be `None`. Find the bug and mend it. (The median of an even number of
# sizes is the mean of the middle two.)


# %% answer="3.9.1"
def median_sizes(models: list[dict]) -> dict[str, float]:
    ### BEGIN SOLUTION
    sizes = {}
    for model in models:
        if model["parameters"] is not None:
            sizes.setdefault(model["family"], []).append(model["parameters"])
    return {family: torch.tensor(found, dtype=torch.float64).quantile(0.5).item() for family, found in sizes.items()}
    ### STUB
    # sizes = {}
    # for model in models:
    #     sizes.setdefault(model["family"], []).append(model["parameters"] or 0)
    # return {family: torch.tensor(found, dtype=torch.float64).quantile(0.5).item() for family, found in sizes.items()}
    ### END SOLUTION


# %% [markdown]
# Some families of the check give no size at all.

# %% check="3.9.1"
check("3.9.1", median_sizes)

# %% [markdown]
# On the catalogue, yours beside the one that takes empty for nought:

# %%
median_sizes = working("3.9.1", median_sizes)
known = [vars(system) for system in systems.values() if system.family]
honest = median_sizes(known)
careless = median_sizes([{**model, "parameters": model["parameters"] or 0} for model in known])
for family in honest:
    print(f"{family:<20}{in_words(round(honest[family])):>8}   empty as nought: {careless[family] / 1e9:.4g} B")

# %% [markdown]
# Two families are missing from the list, and that is right: no source in them gives a size.
#
# ## Sizes from shapes
#
# Where a paper prints the *shape* of its model, the size can be checked. Here is the course's own GPT, the one you can
# read in a page, built as large as GPT-3 (Brown et al. 2020, table 2.1). The `meta` device keeps shapes and no numbers.

# %% concepts=["A3.8"]
with torch.device("meta"):
    giant = GPT(GPTConfig(vocabulary=50_257, length=2048, width=12_288, depth=96, heads=96, hidden=4 * 12_288))
print(f"{count_parameters(giant):,} parameters on {giant.positions.device}")
print(f"printed: {in_words(find_system('GPT-3').parameters)}")

# %% [markdown]
# It is not *like* GPT-3: shape for shape it *is* GPT-3, without what it learnt. Counting needs no model at all, only
# the sizes; both ways give the same.

# %%
print(parameters_of(PUBLISHED_SHAPES["GPT-3 175B"]) == count_parameters(giant))

# %% [markdown]
# Now the course's ViT in the three sizes of its paper (Dosovitskiy et al. 2021, table 1), and BERT (Devlin et al. 2019,
# section 3).

# %% concepts=["A3.8"]
computed = {}
for name, patch, width, depth, heads in (("B", 16, 768, 12, 12), ("L", 16, 1024, 24, 16), ("H", 14, 1280, 32, 16)):
    with torch.device("meta"):
        vit = ViT(ViTConfig(224, patch, width=width, depth=depth, heads=heads, hidden=4 * width))
    computed[f"ViT-{name}/{patch}"] = count_parameters(vit)
computed |= {name: parameters_of(shape) for name, shape in PUBLISHED_SHAPES.items()}
printed = {"ViT-B/16": 86e6, "ViT-L/16": 307e6, "ViT-H/14": 632e6}
printed |= {"BERT-base": 110e6, "BERT-large": 340e6, "GPT-3 175B": 175e9}
for name, number in computed.items():
    off = number / printed[name] - 1
    print(f"{name:<11}{in_words(number):>8} computed, {in_words(int(printed[name])):>6} printed: {off:+.1%}")

# %% [markdown]
# Within two per cent, all of them: papers round, and do not all count the same parts. A figure that is off by half is
# another matter, and now you would notice.
#
# ## The sum of the parts
#
# LLaVA-NeXT's smallest model is a CLIP that sees, a language model that speaks, and between them a {{term projector}},
# as in 2.4. Which of the three is how large?
#
# {{exercise 3.9.2}}
#
# The vectors of CLIP are 1,024 wide, those of the language model 4,096. The projector has two linear layers with
# biases: the first carries to the language model's width, the second stays there. Set `projector_size` to the number
# of its parameters.

# %% answer="3.9.2"
### BEGIN SOLUTION
projector_size = (1024 * 4096 + 4096) + (4096 * 4096 + 4096)
### STUB
# projector_size = ...
### END SOLUTION

# %% [markdown]
# Let Python multiply.

# %% check="3.9.2"
check("3.9.2", projector_size)

# %% [markdown]
# The course's `Projector` agrees. Beside it stand CLIP's vision tower at 336 pixels and Vicuna, a LLaMA of 7 billion,
# whose feed-forward networks have three matrices and nothing a bias (Touvron et al. 2023, section 2.2).

# %% concepts=["A3.8"]
with torch.device("meta"):
    tower = ViT(ViTConfig(336, 14, width=1024, depth=24, heads=16, hidden=4096, clip_style=True))
    projector = Projector(ProjectorConfig(1024, 4096))
width, hidden, depth, vocabulary = 4096, 11_008, 32, 32_000
layer = 4 * width**2 + 3 * width * hidden + 2 * width
parts = {
    "vision tower": count_parameters(tower),
    "projector": count_parameters(projector),
    "language model": 2 * vocabulary * width + depth * layer + width,
}
for name, number in parts.items():
    print(f"{name:<15}{in_words(number):>8}  {number / sum(parts.values()):.1%}")
print(f"together       {in_words(sum(parts.values())):>8}")

# %% [markdown]
# The hub that holds its weights counts 7.06 billion (Hugging Face, 2024). The eyes are less than a twentieth of the
# whole, and the bridge is a rounding error.
#
# ## Total and active
#
# In a {{term mixture-of-experts|mixture of experts}} two numbers answer the question "how large?". All parameters must
# be *stored*; one token *meets* only the experts that the {{term router}} picks for it.

# %% tags=["widget"]
guess = Predict(
    "Of DeepSeek-V3's parameters, what share works on one token?",
    low=0.0,
    high=1.0,
)
guess

# %% [markdown]
# {{exercise 3.9.3}}
#
# Count the experts' parameters. Each of `layers` layers has `routed` experts, of which a token meets `chosen`, and
# `shared` ones which every token meets. An expert is three matrices: two from `width` to `hidden`, one back, no biases.
# Each layer's router is one matrix, from `width` to `routed`, and every token meets it. Return the total and the active
# number.


# %% answer="3.9.3"
def expert_parameters(width: int, hidden: int, layers: int, routed: int, chosen: int, shared: int) -> tuple[int, int]:
    ### BEGIN SOLUTION
    expert = 3 * width * hidden
    router = width * routed
    total = layers * ((routed + shared) * expert + router)
    active = layers * ((chosen + shared) * expert + router)
    return total, active
    ### END SOLUTION


# %% [markdown]
# The check brings layers with and without shared experts.

# %% check="3.9.3"
check("3.9.3", expert_parameters)

# %% [markdown]
# The course's own mixture, made in the shape of one layer of DeepSeek-V3, must agree with you.

# %% concepts=["A3.8"]
expert_parameters = working("3.9.3", expert_parameters)
with torch.device("meta"):
    router = SigmoidRouter(7168, experts=256, top_k=8, groups=8, open_groups=4)
    mixture = MixtureOfExperts(router, [SwiGLU(7168, 2048) for _ in range(256)], shared=SwiGLU(7168, 2048))
counted = (count_parameters(mixture), active_parameters(mixture))
print(counted == expert_parameters(width=7168, hidden=2048, layers=1, routed=256, chosen=8, shared=1))

# %% [markdown]
# Now all of DeepSeek-V3, from the configuration file that came with its weights (DeepSeek 2024, `config_671B.json`).
# Three layers are dense; in the others a token meets one shared expert and a few of many.

# %% concepts=["A3.8"]
config = {"width": 7168, "hidden": 2048, "layers": 61 - 3, "routed": 256, "chosen": 8, "shared": 1}
total, active = expert_parameters(**config)
print(f"experts: {in_words(total)} in all, {in_words(active)} active")

# %% [markdown]
# The rest works on every token: three dense layers, the words' vectors at both ends, and an attention that squeezes
# queries, keys and values through a narrow waist before it spreads them over its heads (chapter 6 comes back to it).

# %% concepts=["A3.8"]
width, heads, waist_q, waist_kv, plain, turned, value = 7168, 128, 1536, 512, 128, 64, 128
queries = width * waist_q + waist_q * heads * (plain + turned)
keys_and_values = width * (waist_kv + turned) + waist_kv * heads * (plain + value)
attention = queries + keys_and_values + heads * value * width
rest = 61 * attention + 3 * 3 * width * 18_432 + 2 * 129_280 * width
deepseek = find_system("DeepSeek-V3")
print(f"total  {in_words(total + rest)} computed, {in_words(deepseek.parameters)} printed")
print(f"active {in_words(active + rest)} computed, {in_words(deepseek.active_parameters)} printed")

# %% [markdown]
# The headline of a whole report, from fifteen numbers. The active count is a little high, since a token looks up one
# row of the first table and does not meet all of it. Your guess?

# %% tags=["widget"]
guess.reveal((active + rest) / (total + rest))

# %% [markdown]
# The same for MoE-LLaVA, whose every second layer has experts; sizes from its configuration (Lin et al. 2024).

# %% concepts=["A3.8"]
width, hidden = 2048, 5632
total, active = expert_parameters(width, hidden, layers=12, routed=4, chosen=2, shared=0)
rest = 24 * 4 * width**2 + 12 * 3 * width * hidden + 2 * 100_352 * width
moe_llava = find_system("MoE-LLaVA")
print(f"total  {in_words(total + rest)} computed, {in_words(moe_llava.parameters)} printed")
print(f"active {in_words(active + rest)} computed, {in_words(moe_llava.active_parameters)} printed")

# %% [markdown]
# So "a model of three billion" and "a model of two billion" may be one model. Ask which number is meant.
#
# ## What a picture costs
#
# You pay by the token, and the window is counted in tokens. What a picture costs is a *recipe*, and makers publish
# theirs. Several cut it into tiles.
#
# {{exercise 3.9.4}}
#
# A picture of `width` × `height` pixels is covered by square tiles of side `tile`, in rows and columns; those at the
# edges may stick out. Each tile costs `per_tile` tokens, and a small view of the whole costs `whole` more, once. Return
# the tokens.


# %% answer="3.9.4"
def tile_tokens(width: int, height: int, tile: int, per_tile: int, whole: int) -> int:
    ### BEGIN SOLUTION
    columns = -(-width // tile)
    rows = -(-height // tile)
    return columns * rows * per_tile + whole
    ### END SOLUTION


# %% [markdown]
# Few of the check's pictures are a whole number of tiles.

# %% check="3.9.4"
check("3.9.4", tile_tokens)

# %% [markdown]
# Nine recipes for one square picture of 1,024 pixels a side. Most shrink it first: the last column says to what.

# %% concepts=["A3.8"]
tile_tokens = working("3.9.4", tile_tokens)
recipes = {
    "Flamingo": ("learnt queries, Alayrac et al. 2022", 64),
    "Qwen-VL": ("448 px, learnt queries, Bai et al. 2023", 256),
    "Gemini 1.5 Pro": ("a fixed price, Google's API guide 2024", 258),
    "LLaVA-1.5": ("336 px in patches of 14, Liu et al. 2024", (336 // 14) ** 2),
    "GPT-4o": ("768 px in tiles of 512, OpenAI's API guide 2024", tile_tokens(768, 768, 512, 170, 85)),
    "CogVLM": ("490 px in patches of 14, Wang et al. 2023", (490 // 14) ** 2),
    "Claude 3.5 Sonnet": ("pixels / 750, Anthropic's API guide 2024", round(1024 * 1024 / 750)),
    "LLaVA-NeXT": ("672 px in tiles of 336, Liu et al. 2024", tile_tokens(672, 672, 336, 576, 576)),
    "a ViT, unshrunk": ("1024 px in patches of 16", (1024 // 16) ** 2),
}
for name, (recipe, tokens) in recipes.items():
    print(f"{name:<18}{tokens:>5}  {recipe}")

# %% [markdown]
# The dearest is dozens of times the cheapest, for one and the same picture.

# %% concepts=["A3.8"]
show_bars(
    {name: tokens for name, (_, tokens) in recipes.items()},
    title="One picture, nine prices",
    x="tokens for a picture of 1024 × 1024 pixels",
    format=",.0f",
    colours=dict.fromkeys(recipes, MODALITY_COLOURS["image"]),
    alt="Bars of the tokens that one picture takes by nine recipes: Flamingo's is shortest, then Qwen-VL and Gemini; "
    "LLaVA-NeXT and a ViT on the unshrunk picture are longest.",
)

# %% [markdown]
# A price alone says little; the window matters too. How many such pictures fill it?

# %%
for name in ("GPT-4o", "Claude 3.5 Sonnet", "Gemini 1.5 Pro"):
    window, tokens = find_system(name).context, recipes[name][1]
    print(f"{name:<18}{window // tokens:>6,} pictures in {window:,} tokens")

# %% [markdown]
# ## What is it?
#
# {{exercise 3.9.5}}
#
# A report says: *"A vision encoder cuts the picture into patches. Two linear layers carry each patch to the width of a
# language model, which reads them before the question. In every second layer of the language model stand four
# feed-forward networks; a small matrix picks two of them for each token."* Which of the articles' four families is
# that, and what tells?

# %%
options("3.9.5")

# %% [markdown]
# Every sentence of the report is true; only one tells the family.

# %% answer="3.9.5"
### BEGIN SOLUTION
choice = ("d", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# A right letter for a wrong reason is told as such.

# %% check="3.9.5"
check("3.9.5", choice)

# %% [markdown]
# Families overlap: how a picture comes in is one question, which weights a token meets is another. The articles' four
# words answer now the one, now the other.
#
# ## Where the articles slip
#
# A course that follows other people's articles should say where they are wrong. Each correction names its source.

# %% concepts=["A3.8"]
for slip in corrections():
    print(f"said: {slip.claim}")
    print(textwrap.fill(slip.fact, 100, initial_indent="fact: ", subsequent_indent="      "))
    print(f"      -- {slip.source.title}, {slip.source.year}\n")

# %% [markdown]
# None of these is a disgrace: names are alike, and announcements are read in haste. The cure is cheap: before you pass
# a figure on, open its source. That goes for this catalogue too.
#
# ## What you measured
#
# - Sizes follow from shapes: six models within two per cent of what their papers print.
# - The parts of LLaVA-NeXT add up to its size; the projector hardly counts.
# - DeepSeek-V3's total and active parameters follow from its configuration file.
# - One picture costs dozens of times more tokens by one recipe than by another.
# - Half of the systems give a size, and of the best known none does. Empty stays empty.
#
# ## Recall
#
# From memory; the last one reaches back to 2.3.

# %% tags=["widget"]
Quiz([
    Question("A catalogue has no number of parameters for GPT-4V. What follows?",
             ["It has few", "Nothing about its size", "It is smaller than GPT-3"], 1,
             ["Empty is not nought.", "Yes: its maker does not say, so nobody outside knows.", "No source says so."]),
    Question("What does it take to make a model of GPT-3's shape on the meta device?",
             ["As much memory as the model", "Hardly anything", "A download"], 1,
             ["That is what it saves.", "Yes: shapes are kept and numbers are not, and counting needs no more.",
              "Nothing is fetched, since nothing was learnt."]),
    Question("A mixture of experts has 671 billion parameters, 37 billion of them active. How many must memory hold?",
             ["37 billion", "671 billion", "Something between"], 1,
             ["One token meets so many; the next may meet others.", "Yes: any token may go to any expert.",
              "Then some token would find its expert missing."]),
    Question("Which of these does LLaVA have?",
             ["Layers in which two streams attend to each other", "A projector and a decoder", "A router"], 1,
             ["ViLBERT and LXMERT have those.", "Yes: soft tokens, read like words.", "MoE-LLaVA has one."]),
    Question("From 2.3: where do CLIP's picture and text first meet?",
             ["In cross-attention", "In the dot product of their vectors", "In one sequence"], 1,
             ["There is none between its towers.", "Yes: not before the very end.", "Each tower reads its own."]),
])  # fmt: skip

# %% [markdown]
# **Sources** stand beside each figure, in the catalogue and in [its page](../../assets/models.md). Shapes: Brown et al.
# 2020 · Devlin et al. 2019 · Dosovitskiy et al. 2021 · Touvron et al. 2023, "LLaMA" · DeepSeek-AI 2024 · Lin et al.
# 2024, "MoE-LLaVA".
#
# **Next door:** take a system that you use every day, and write its record. Which fields stay empty?
