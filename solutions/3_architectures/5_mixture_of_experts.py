# %% [markdown]
# # 3.5 Mixture of experts
#
# **Can a model know more without computing more?**
#
# A dense network asks all of its numbers about every token, also those that have nothing to say about it. A mixture of
# experts has many networks and asks a few. Which few? That is decided by a layer so small that it is easily
# overlooked, and nearly all that goes wrong goes wrong there.

# %% tags=["setup"]
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.expert_sweep import EXPERTS, FACTS, TOP_K, begin, stored_sweep
from utils.evaluation.held_out.moe_llava_scenes import answer_exam, caption_exam, training_questions, written
from utils.evaluation.held_out.vqa_scenes import without_eyes
from utils.evaluation.routing import busiest, how_far_apart, sent_by, shares_by_modality
from utils.exercises import check, options, working
from utils.figures import show_curves, show_intervals
from utils.models.blocks import FeedForward, count_parameters, initialise
from utils.models.moe import MixtureOfExperts, SigmoidRouter, SoftmaxRouter, active_parameters, divide, routings
from utils.models.moe import within_capacity
from utils.models.upcycled import Upcycled
from utils.training.answering import eyes
from utils.training.checkpoints import load_checkpoint
from utils.training.loop import fit
from utils.widgets import ExpertRouting, Predict, Question, Quiz, RoutedText
from utils.world import BACKGROUND, VOCABULARY, ask, batches, render_pictures, sample_scenes
from utils.world.tokenizer import PAD

# %% [markdown]
# Here is an answer, measured before you came. Two kinds of network learn an inventory by heart: pictures, each with a
# number that nothing in it tells. A token meets about equally many parameters in both. The lines are intervals over
# four seeds.

# %% concepts=["A3.5"]
sweep = stored_sweep()
known = {f"{size} numbers, {way}": sweep["inventory"][way][size] for size in FACTS for way in ("dense", "sparse")}
show_intervals(
    known,
    title="The more there is to know, the more the experts are worth",
    x="share of the inventory known by heart",
    alt="For each size of inventory, the share that a dense and a sparse network know by heart, with intervals.",
)

# %% [markdown]
# **You will be able to** write a {{term router}} and its {{term load-balancing-loss|balancing loss}} · see a router
# collapse, and cure it in two ways · say who is dropped when an {{term expert}} is full · make experts out of a trained
# LLaVA · tell when they pay.
#
# **Time** about {{minutes}} minutes · **builds on** 2.1, the Transformer; 2.4, pictures as tokens.
#
# ## A layer of specialists
#
# In a Transformer every block has a {{term feed-forward-network}}. In a {{term mixture-of-experts}} (Shazeer et al.
# 2017) there are several in its place, the experts, and a router: one linear layer that gives each token a score for
# each of them. The token goes to the best `top_k`.
#
# {{exercise 3.5.1}}
#
# `logits` `[tokens, experts]` are the scores. Return each token's weights, `[tokens, experts]`: a softmax over its
# `top_k` best, and zero for the rest (Jiang et al. 2024, Mixtral, section 2.1).


# %% answer="3.5.1"
def route(logits: Float[Tensor, "tokens experts"], top_k: int) -> Float[Tensor, "tokens experts"]:
    ### BEGIN SOLUTION
    best, chosen = logits.topk(top_k, dim=-1)
    return torch.zeros_like(logits).scatter(1, chosen, best.softmax(dim=-1))
    ### END SOLUTION


# %% [markdown]
# The check asks for two experts of many, and once for three.

# %% check="3.5.1"
check("3.5.1", route)

# %% [markdown]
# Six tokens, four experts, two for each. The zeros are what is saved: nobody computes there.

# %% concepts=["A3.5"]
route = working("3.5.1", route)
torch.manual_seed(0)
router = SoftmaxRouter(8, experts=4, top_k=2)
experts = [FeedForward(8, 16) for _ in range(4)]
tokens = torch.randn(6, 8)
with torch.no_grad():
    weights = route(router.linear(tokens), top_k=2)
print(weights.numpy().round(2))

# %% [markdown]
# What comes out of the layer is the weighted sum of what the chosen say. First as one would do it by hand, token by
# token:

# %% concepts=["A3.5"]
with torch.no_grad():
    by_token = torch.zeros(6, 8)
    for i, token in enumerate(tokens):
        for e, expert in enumerate(experts):
            if weights[i, e] > 0:
                by_token[i] += weights[i, e] * expert(token)

# %% [markdown]
# Small steps keep a processor idle. So one turns it round: each expert takes all of its tokens at once. The course's
# layer sorts the tokens by expert, which is the same again.

# %% concepts=["A3.5"]
with torch.no_grad():
    by_expert = torch.zeros(6, 8)
    for e, expert in enumerate(experts):
        mine = weights[:, e] > 0
        by_expert[mine] += weights[mine, e, None] * expert(tokens[mine])
    sorted_by_expert = MixtureOfExperts(router, experts)(tokens)
print("token by token = expert by expert:", torch.allclose(by_token, by_expert, atol=1e-6))
print("and as the course's layer:        ", torch.allclose(by_token, sorted_by_expert, atol=1e-6))

# %% [markdown]
# ## More parameters, the same computation
#
# Take a dense network and share out its hidden units among the experts that a token meets: two experts of half the
# size. There may be any number of others; this token does not meet them. What it meets are the
# {{term active-parameters}}.

# %% concepts=["A3.5"]
dense = FeedForward(96, 384)
print(f"dense       {count_parameters(dense):>9,} parameters, all of them active")
for number in (4, 16, 64):
    layer = divide(dense, SoftmaxRouter(96, number, top_k=2))
    print(f"{number:>2} experts  {count_parameters(layer):>9,} parameters, {active_parameters(layer):,} active")

# %% [markdown]
# Some mixtures have a {{term shared-expert}} besides: it sees *every* token and learns what all of them need, so that
# the others need not each learn it too (Dai et al. 2024, "DeepSeekMoE", section 3.2). It is always active, so it is
# paid for like a chosen one.

# %% concepts=["A3.5"]
layer = divide(dense, SoftmaxRouter(96, 16, top_k=2), shared=1)
print(f"16 experts and a shared one: {active_parameters(layer):,} active")
with torch.no_grad():
    some = torch.randn(5, 96)
    both, alone = layer(some), MixtureOfExperts(layer.router, layer.experts)(some)
    print("what the shared one adds:", torch.allclose(both - alone, layer.shared(some), atol=1e-5))

# %% [markdown]
# {{exercise 3.5.2}}
#
# Mixtral 8x7B (Jiang et al. 2024, table 1) has 32 layers. In each of them stand eight experts, an expert has three
# matrices of 4,096 × 14,336 numbers, and a token goes to two experts. How many numbers of experts does one token meet
# on its way through all layers?

# %% answer="3.5.2"
### BEGIN SOLUTION
active_numbers = 32 * 2 * 3 * 4096 * 14_336
### STUB
# active_numbers = ...
### END SOLUTION

# %% [markdown]
# A calculation is welcome as an answer.

# %% check="3.5.2"
check("3.5.2", active_numbers)

# %% [markdown]
# Four times as many must lie in memory. The rest, attention and embeddings, is small: 47 billion parameters in all, 13
# billion active, as its makers round it (2024, abstract). "8x7B" is not 56 billion.

# %%
active_numbers = working("3.5.2", active_numbers)
print(f"experts: {active_numbers / 1e9:.1f} billion active, {4 * active_numbers / 1e9:.1f} billion stored")

# %% [markdown]
# ## Rich get richer
#
# A router learns from success. An expert that gets more tokens learns more, becomes better, and gets more still
# (Shazeer et al. 2017, section 4). In the end one does all the work and the others sleep:
# **{{term router-collapse|router collapse}}**.
#
# To watch it, we need real tokens. Our LLaVA describes pictures, and we take what arrives at one of its feed-forward
# networks, and what leaves it: four squares of each picture, and words.

# %% concepts=["A3.5"]
llava, _ = load_checkpoint("llava_scenes")
scenes = sample_scenes(200, seed=35)
exam, met = caption_exam(scenes, llava.config.soft_tokens), {}
network = llava.language.blocks[1].feed_forward
handle = network.register_forward_hook(lambda _, given, out: met.update(given=given[0], out=out))
with torch.no_grad():
    llava(exam[0], render_pictures(scenes))
handle.remove()
real = exam[0] != PAD
given, wanted = met["given"][real], met["out"][real]
print(f"{len(given):,} tokens of width {given.shape[1]}")

# %% [markdown]
# Eight small experts shall do together what the network does, one for each token. Real collapses begin by luck; we
# help luck along, and let the router begin with a liking for expert 1.


# %% concepts=["A3.5"]
def small_experts(router, seed=0):
    torch.manual_seed(seed)
    layer = MixtureOfExperts(router, [FeedForward(96, 24) for _ in range(8)])
    initialise(layer)
    with torch.no_grad():
        layer.router.linear.weight[0] += 0.4 * given.mean(dim=0)
    return layer


def imitate(layer, after):
    """Train the layer to do what the network does; `after` sees each routing and may add to the loss."""
    shares = []

    def loss(layer, x, y):
        with routings(layer) as sent:
            error = F.mse_loss(layer(x), y) / wanted.var()
        shares.append(busiest(sent[0]))
        return error + after(layer, sent[0])

    fit(layer, batches(given, wanted, batch_size=512, seed=0, steps=120), loss, steps=120, learning_rate=1e-2)
    return shares


def missed(layer):
    """Return the share of the variation in the network's output that the layer does not give."""
    with torch.no_grad():
        return (F.mse_loss(layer(given), wanted) / wanted.var()).item()


# %% [markdown]
# Commit to a guess: no one tells the router to be fair.

# %% tags=["widget"]
guess = Predict("After 120 steps, what share of the tokens will the busiest of eight experts get?", low=0.0, high=1.0)
guess

# %% [markdown]
# Run it.

# %% concepts=["A3.5"]
collapsed = small_experts(SoftmaxRouter(96, 8, top_k=1))
shares = {"left alone": imitate(collapsed, lambda layer, routing: 0.0)}
report("busiest expert, left alone", shares["left alone"][-1], bar=0.65)
report("what the layer misses of the network's output", missed(collapsed), at_most=0.25)

# %% [markdown]
# And your guess?

# %% tags=["widget"]
guess.reveal(shares["left alone"][-1])

# %% [markdown]
# And it imitates quite well all the same. That is the trap: nothing complains, and most of the parameters are asleep.
#
# ## A price for favourites
#
# The cure of Switch (Fedus et al. 2022, section 2.2) is a second loss. Let $f_e$ be the share of the tokens that chose
# expert $e$, and $P_e$ its probability, averaged over the tokens:
#
# $$\text{balance} = \text{experts} \cdot \sum_e f_e \, P_e$$
#
# $f$ comes from a choice and has no gradient; $P$ has one. So the experts with the fullest queues lose probability.
#
# {{exercise 3.5.3}}
#
# `probabilities` is `[tokens, experts]` and `chosen`, `[tokens, top_k]`, holds the numbers of the experts that each
# token goes to. A token counts for every expert that it chose.


# %% answer="3.5.3"
def load_balancing_loss(
    probabilities: Float[Tensor, "tokens experts"], chosen: Int[Tensor, "tokens top_k"]
) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    experts = probabilities.shape[1]
    sent = F.one_hot(chosen, experts).sum(dim=1).float().mean(dim=0)
    return experts * (sent * probabilities.mean(dim=0)).sum()
    ### END SOLUTION


# %% [markdown]
# In the check's batches one expert is everybody's darling.

# %% check="3.5.3"
check("3.5.3", load_balancing_loss)

# %% [markdown]
# Its ends are easy to remember: at balance it is `top_k`, and if one expert gets everything, their number.

# %% concepts=["A3.5"]
load_balancing_loss = working("3.5.3", load_balancing_loss)
even, one = torch.full((8, 4), 1 / 4), F.one_hot(torch.zeros(8, dtype=torch.long), 4).float()
print(f"balance  {load_balancing_loss(even, torch.arange(8)[:, None] % 4):.2f}")
print(f"collapse {load_balancing_loss(one, torch.zeros(8, 1, dtype=torch.long)):.2f}")

# %% [markdown]
# Add a little of it, and begin again from the same start.

# %% concepts=["A3.5"]
cured = small_experts(SoftmaxRouter(96, 8, top_k=1))
shares["balancing loss"] = imitate(
    cured, lambda layer, routing: 0.05 * load_balancing_loss(routing.probabilities, routing.chosen)
)
report("busiest expert, with the balancing loss", shares["balancing loss"][-1], at_most=0.40)

# %% [markdown]
# There is a gentler way. A second loss pulls at the weights, and not towards better answers.
# {{term loss-free-balancing|Loss-free balancing}} (Wang et al. 2024; DeepSeek-V3, 2024, section 2.1.2) gives each
# expert a **bias** that only helps to *choose*. After each step the overloaded sink a little, and the idle rise; no
# gradient is involved.


# %% concepts=["A3.5"]
def move_biases(layer, routing):
    load = routing.load.float()
    layer.router.bias += 0.02 * (load.mean() - load).sign()
    return 0.0


without_loss = small_experts(SigmoidRouter(96, 8, top_k=1))
shares["biases"] = imitate(without_loss, move_biases)
report("busiest expert, with biases", shares["biases"][-1], at_most=0.30)

# %% [markdown]
# All three, from the same start:

# %% concepts=["A3.5"]
show_curves(
    {name: (range(1, 121), values) for name, values in shares.items()},
    title="Left alone, one expert keeps nearly everything",
    x="step",
    y="share of the busiest expert",
    level=("a fair share", 1 / 8),
    alt="Share of the busiest of eight experts by step: left alone it stays high, with either cure it falls to near a "
    "fair share.",
)

# %% [markdown]
# And what did the sleepers cost? Compare what is missed with all awake and with one awake:

# %% concepts=["A3.5"]
report("missed with the balancing loss, of what the collapsed misses", missed(cured) / missed(collapsed), at_most=0.80)

# %% [markdown]
# ## The clinic: content too soon
#
# A colleague's model has four layers of experts. Layer 1 sends every token to expert 1, layer 2 to expert 2, and so on:
# each has collapsed. The colleague looks at the balancing loss only, and goes home content. Why?

# %% tags=["widget"]
colleague = Predict(
    "Four layers, each collapsed onto another expert: what does the colleague's balancing loss say?",
    options=["4: collapse", "1: balance", "something between"],
)
colleague

# %% [markdown]
# Measure both: what the loss says, and how busy the busiest expert of each layer is.

# %% concepts=["A3.5"]
layers = torch.stack([F.one_hot(torch.full((10,), e), 4).float() for e in range(4)])  # [layers, tokens, experts]
heap = layers.flatten(0, 1)
print("busiest expert of each layer:", [layer.mean(dim=0).max().item() for layer in layers])
print(f"the colleague's loss: {load_balancing_loss(heap, heap.argmax(dim=-1, keepdim=True)):.2f}, at balance 1.00")

# %% [markdown]
# Look at what goes in.

# %% tags=["widget"]
colleague.reveal("1: balance")

# %% [markdown]
# In went the tokens of *all* layers, in one heap, and in the heap each expert gets its fair share. Others have been
# there: see issue 28255 of huggingface/transformers, on the balancing loss of Mixtral (December 2023).
#
# {{exercise 3.5.4}}
#
# Find the line and mend it. `probabilities` is `[layers, tokens, experts]`, and `chosen`, `[layers, tokens]`, holds the
# one expert of each token. Wanted is the mean of the layers' own losses.


# %% answer="3.5.4"
def balance_of_layers(
    probabilities: Float[Tensor, "layers tokens experts"], chosen: Int[Tensor, "layers tokens"]
) -> Float[Tensor, ""]:
    experts = probabilities.shape[-1]
    ### BEGIN SOLUTION
    sent = F.one_hot(chosen, experts).float().mean(dim=1)
    losses = experts * (sent * probabilities.mean(dim=1)).sum(dim=-1)
    return losses.mean()
    ### STUB
    # probabilities, chosen = probabilities.flatten(0, 1), chosen.flatten()
    # sent = F.one_hot(chosen, experts).float().mean(dim=0)
    # return experts * (sent * probabilities.mean(dim=0)).sum()
    ### END SOLUTION


# %% [markdown]
# The layers of the check have different darlings.

# %% check="3.5.4"
check("3.5.4", balance_of_layers)

# %% [markdown]
# Mended, the loss says what is:

# %% concepts=["A3.5"]
balance_of_layers = working("3.5.4", balance_of_layers)
print(f"the mended loss: {balance_of_layers(layers, layers.argmax(dim=-1)):.2f}, at collapse 4.00")

# %% [markdown]
# ## No room
#
# Large mixtures live on many machines, an expert on each, and each reserves room for so many tokens and no more: its
# {{term expert-capacity|capacity}}. It is counted in fair shares. Who comes too late is **dropped**: the layer adds
# nothing for it, and the residual connection carries it on as it was.
#
# {{exercise 3.5.5}}
#
# `chosen` `[tokens]` is the expert of each token, in reading order; each expert has places for `room` tokens. Return
# for each token whether it is served.


# %% answer="3.5.5"
def served(chosen: Int[Tensor, " tokens"], experts: int, room: int) -> Bool[Tensor, " tokens"]:
    ### BEGIN SOLUTION
    queue = F.one_hot(chosen, experts).cumsum(dim=0)
    return queue.gather(1, chosen[:, None])[:, 0] <= room
    ### END SOLUTION


# %% [markdown]
# First come, first served.

# %% check="3.5.5"
check("3.5.5", served)

# %% [markdown]
# Yours and the course's turn away the same tokens:

# %% concepts=["A3.5"]
served = working("3.5.5", served)
with torch.no_grad():
    routing = collapsed.router(given)
ours, theirs = served(routing.chosen[:, 0], 8, 600), within_capacity(routing, 600)[:, 0]
print("the same:", torch.equal(ours, theirs))

# %% [markdown]
# How much is lost depends on the router. Here are the collapsed one and the two that were cured:

# %% concepts=["A3.5"]
factors, dropped = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0], {}
for name, layer in {"left alone": collapsed, "balancing loss": cured, "biases": without_loss}.items():
    with torch.no_grad():
        chosen = layer.router(given).chosen[:, 0]
    kept = [served(chosen, 8, round(factor * len(chosen) / 8)).float().mean().item() for factor in factors]
    dropped[name] = (factors, [1 - share for share in kept])
show_curves(
    dropped,
    title="A balanced router needs little room",
    x="room of each expert (fair shares)",
    y="share of tokens dropped",
    alt="Share of dropped tokens by the room of each expert: balanced routers soon drop none, the collapsed one most.",
)

# %% [markdown]
# So balance is more than fairness: a collapsed router either drops nearly everything, or needs room for everybody in
# one place.
#
# ## Dense against sparse
#
# Now the question of the beginning. Both networks below read a picture of an inventory and say its number. A token
# meets the same number of hidden units in both; the sparse one has its router on top. The sweep takes minutes and is
# stored; `python -m utils.evaluation.expert_sweep` makes it again.

# %% concepts=["A3.5"]
vision = eyes()
for way in ("dense", "sparse"):
    language = begin(way, vision, seed=0).language
    print(f"{way:<7}{active_parameters(language):>7,} active parameters of {count_parameters(language):,}")
print(f"{TOP_K} of {EXPERTS} experts")

# %% [markdown]
# You have seen the figure. In numbers, at both of its ends:

# %% concepts=["A3.5"]
few, many = FACTS[0], FACTS[-1]
gain = {size: sweep["inventory"]["sparse"][size].mean - sweep["inventory"]["dense"][size].mean for size in (few, many)}
report(f"{few} numbers: dense knows", sweep["inventory"]["dense"][few].mean, bar=0.85)
report(f"{few} numbers: sparse knows more by", gain[few], at_most=0.12)
report(f"{many} numbers: sparse knows more by", gain[many], bar=0.25)
for size in (few, many):
    dense_knows, sparse_knows = (sweep["inventory"][way][size] for way in ("dense", "sparse"))
    print(f"{size} numbers: the intervals are apart: {sparse_knows.low > dense_knows.high}")

# %% [markdown]
# While nearly all fits in, the two lie close together. Once there is more to know than the dense network can hold, the
# experts win clearly. And a *skill*? The same two, describing things
# whose pair of shape and colour no training showed:

# %% tags=["widget"]
skill = Predict(
    "Which describes new pairs better, at equal active parameters?",
    options=["the sparse one, clearly", "the dense one, clearly", "no clear difference, or the dense one"],
)
skill

# %% [markdown]
# With intervals over four seeds, as before:

# %% concepts=["A3.5"]
size, described = next(iter(sweep["descriptions"]["dense"])), {}
for way in ("dense", "sparse"):
    described[f"descriptions, {way}"] = sweep["descriptions"][way][size]
show_intervals(
    described,
    title="A skill that fits into the dense network gains nothing from experts",
    x="share of descriptions that are right, pairs never seen",
    alt="Share of right descriptions of the dense and of the sparse network, with intervals.",
)
difference = described["descriptions, sparse"].mean - described["descriptions, dense"].mean
report("descriptions: sparse is better by", difference, at_most=0.05)

# %% [markdown]
# Jelassi et al. (2025) call them a "mixture of parrots": experts improve memorising more than reasoning.

# %% tags=["widget"]
skill.reveal("no clear difference, or the dense one")

# %% [markdown]
# ## Experts out of a trained model
#
# Nobody likes to throw a trained model away. **{{term sparse-upcycling|Sparse upcycling}}** (Komatsuzaki et al. 2023)
# copies a trained feed-forward network into every expert and adds a fresh router. MoE-LLaVA (Lin et al. 2024, section
# 3) does so with a LLaVA, in every second block, and then trains the mixtures alone.

# %% concepts=["A3.5"]
trained, card = load_checkpoint("moe_llava_scenes")
torch.manual_seed(0)
fresh = Upcycled(trained.config, llava)
config = trained.config
print(f"{config.experts} experts, {config.top_k} a token, in the blocks", [block + 1 for block in config.blocks])

# %% [markdown]
# Fresh from the copying, before any training: what will it answer?

# %% tags=["widget"]
at_once = Predict(
    "Four copies of a network, and a router that knows nothing. Its logits are...",
    options=["those of the LLaVA", "near them", "nonsense"],
)
at_once

# %% [markdown]
# Compare all logits with those of the LLaVA.

# %% concepts=["A3.5"]
new = sample_scenes(200, seed=36, objects=(2, 2), pairs="held_out")
pictures, exam = render_pictures(new), caption_exam(new, llava.config.soft_tokens)
upcycled = fresh.put_into(llava, "sparse")
with torch.no_grad():
    print("the same logits:", torch.allclose(upcycled(exam[0], pictures), llava(exam[0], pictures), atol=1e-4))

# %% [markdown]
# The weights of the chosen sum to 1, and all experts say the same: a weighted mean of equal things.

# %% tags=["widget"]
at_once.reveal("those of the LLaVA")

# %% [markdown]
# The checkpoint went on from there; only the mixtures learnt, by the loss of the text and a little of balance. Beside
# them it holds the fair comparison: the dense networks in the same places, trained on for as long.

# %% concepts=["A3.5"]
for name, model in (
    ("before", llava),
    ("sparse, trained on", trained.put_into(llava, "sparse")),
    ("dense, trained on", trained.put_into(llava, "dense")),
):
    report(f"captions of new pairs, {name}", written(model, exam, pictures).mean().item(), bar=0.95)

# %% [markdown]
# Honestly: no clear gain. Our world is small, and the dense LLaVA holds all of it; each token meets two experts of the
# full size here, so the sparse one even computes more. Lin et al. trained their mixtures on 665,000 texts, and a dense
# model with the same training came close (2024, table 6, rows b and d).
#
# Does it still look? {{term grounding|Grounding}}, on questions about new pairs. The baseline gives the usual answer to
# a question of that form, and sees nothing.

# %% concepts=["A3.5"]
sparse = trained.put_into(llava, "sparse")
shown = sample_scenes(300, seed=37, pairs="held_out")
asked = ask(shown, seed=37)
questions = answer_exam(asked, llava.config.soft_tokens)
ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
grounding(
    lambda seen: written(sparse, questions, seen),
    render_pictures(shown)[asked.scene],
    modality="picture",
    blank=ground,
    baseline=without_eyes(training_questions(), asked),
    bar=0.72,
).show()

# %% [markdown]
# ## Who is sent where?
#
# Nobody told the router what a picture is. Do squares of pictures and words go to the same experts? We compare how both
# are shared out: 0 if alike, 1 if no expert serves both.

# %% concepts=["A3.5"]
routes = {"trained": sent_by(sparse, exam[0], pictures), "untrained": sent_by(upcycled, exam[0], pictures)}
for name, found in routes.items():
    for block, routing in zip(trained.config.blocks, found, strict=True):
        apart = how_far_apart(shares_by_modality(routing, exam[0]))
        report(f"{name}, block {block + 1}: pictures and words are apart by", apart, bar=0.05)

# %% [markdown]
# Even an untrained router tells them apart a little, since their vectors point elsewhere. Look before you call an
# expert "the one for vision": Lin et al. (2024, section 4.4) found text and pictures sent to the experts in much the
# same way, while the experts did divide the *layers* among them.
#
# Now see it happen. Then take room away, and find out who is dropped: the tokens of all texts are one batch.


# %% tags=["widget"] concepts=["A3.5"]
def routed(i):
    length = int((exam[0][i] != PAD).sum())
    words = [VOCABULARY[token] for token in exam[0][i, :length].tolist()]
    rows = slice(i * exam[0].shape[1], i * exam[0].shape[1] + length)
    chosen = {name: torch.stack([r.chosen[rows] for r in found]).numpy() for name, found in routes.items()}
    return RoutedText(pictures[i], words, chosen)


ExpertRouting(
    [routed(i) for i in range(12)],
    experts=trained.config.experts,
    layers=[f"block {block + 1}" for block in trained.config.blocks],
)

# %% [markdown]
# {{exercise 3.5.6}}
#
# Four teams have a dense model that should become better. Who should buy experts, and why? Answer as in
# `choice = ("a", 1)`.

# %%
options("3.5.6")

# %% [markdown]
# Think of what a mixture gives, and of what it costs.

# %% answer="3.5.6"
### BEGIN SOLUTION
choice = ("b", 1)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.5.6"
check("3.5.6", choice)

# %% [markdown]
# ## What you measured
#
# - A router that is left alone can put all experts but one to sleep, and no loss complains; a balancing loss or biases
#   wake them.
# - At equal active parameters, experts knew more facts once there were more than the dense network could hold. A skill
#   that fitted into it gained nothing.
# - A LLaVA with upcycled experts began exactly where it had stopped, and went on to look.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("What does a mixture of experts save?",
             ["Memory", "Computation for each token", "Training data"], 1,
             ["All experts must be kept.", "Yes: a token meets a few of them.", "Each expert sees fewer tokens."]),
    Question("Why does the balancing loss multiply loads with probabilities?",
             ["Loads alone have no gradient", "To keep it below 1", "Probabilities alone are too small"], 0,
             ["Yes: a choice cannot be differentiated.", "It is top_k at balance.", "Their size is not the point."]),
    Question("An expert is full. What becomes of the next token that chose it?",
             ["It waits", "The layer adds nothing for it", "Training stops"], 1,
             ["There is no next round.", "Yes: the residual connection carries it on.", "Nothing complains."]),
    Question("An upcycled model, before any training, answers...",
             ["like the dense one", "at random", "twice as well"], 0,
             ["Yes: all experts are copies, and the weights sum to 1.", "The router cannot do harm yet.", "Not yet."]),
    Question("From 2.6: which other method left a frozen model as it was, to the last bit, wherever no picture stood?",
             ["Full fine-tuning", "Partial LoRA", "A linear probe of the words"], 1,
             ["It moved every weight.", "Yes: it acts on picture tokens alone.", "It reads, and changes nothing."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** four families of architecture are on the table now. Which of them is best, on one world and one budget?
