# %% [markdown]
# # 3.8 Alignment tuning
#
# **Why does a model speak of things that are not there, and how is it taught not to?**
#
# Who has read a thousand captions of kitchens sees a spoon in every kitchen. So do models: they tell of what *usually*
# stands beside what they see. Below, one captioner describes four pictures of which it said too much, and again after
# it was told which of its own captions were the better ones.

# %% tags=["setup"]
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from utils.evaluation import grounding, report
from utils.evaluation.hallucination import answers_by_captions, chair, poll, polled
from utils.evaluation.held_out.hearsay_captioner import companions_told, held_out_scenes, things_told
from utils.evaluation.reward_sweep import SHOWN, pieces, stored_ways, measured_scenes
from utils.exercises import check, options, working
from utils.figures import show_bars, show_curves, show_pictures
from utils.training.alignment import Written, align, also_in_other_colours, both_log_probabilities, chase_rewards
from utils.training.alignment import compare_captions, learn_rewards, log_probabilities, reward, write_captions
from utils.training.checkpoints import load_checkpoint
from utils.training.preferences import PreferencePairs, implicit_rewards
from utils.training.recipes.hearsay_captioner import SEED, training_scenes
from utils.training.recipes.llava_scenes import seen
from utils.widgets import ChasePoint, Predict, Question, Quiz, RewardChase
from utils.world import BACKGROUND, render_pictures
from utils.world.companions import COMPANIONS, company_scenes, hearsay, list_things
from utils.world.mentions import made_up, mentions

# %% [markdown]
# A cross stands before what is made up. All pairs of shape and colour that these pictures are about were kept from
# both.


# %% concepts=["A3.12"]
def marked(caption, scene):
    return ", ".join(words if true else f"✗ {words}" for words, true in pieces(caption, scene))


before, _ = load_checkpoint("hearsay_captioner")
after, card = load_checkpoint("dpo_captioner")
scenes = held_out_scenes(400)
pictures = render_pictures(scenes)
told = {"before": write_captions(before, pictures, seed=1).texts}
four = [i for i, text in enumerate(told["before"]) if any(made_up(text, scenes[i])) and len(scenes[i].things) < 3][:4]
rows = {"before": [told["before"][i] for i in four], "after": write_captions(after, pictures[four], seed=1).texts}
show_pictures(
    pictures[four].repeat(2, 1, 1, 1),
    [f"{name}: {marked(text, scenes[i])}" for name in rows for i, text in zip(four, rows[name], strict=True)],
    columns=4,
    inches=1.7,
    alt="Four pictures twice: the captions of the upper row name things that are not there, those of the lower do not.",
)

# %% [markdown]
# **You will be able to** measure {{term hallucination}} in two ways · turn comparisons into training, by
# {{term direct preference optimisation|DPO}} and by a {{term reward model}} with {{term policy gradient}} · tell when a
# reward has stopped meaning what it should.
#
# **Time** about {{minutes}} minutes · **builds on** 2.8, a model that writes captions; 3.7, how it is instructed.
#
# ## Where it comes from
#
# In the captioner's training scenes, each shape has a companion that often stands beside it. And the captions lie: half
# of them also mention a companion that is *not* there. We planted that, openly. Real captions have such noise too, and
# what models make up is what often stands together (Rohrbach et al. 2018; Li et al. 2023).

# %%
for shape, looks in COMPANIONS.items():
    print(f"{shape:<9} keeps company with a {' '.join(looks)}")

# %% [markdown]
# Here is what it read. The last thing of each second caption or so is hearsay.

# %% concepts=["A3.12"]
training = training_scenes()
texts = hearsay(training, seed=SEED)
for text, scene in list(zip(texts, training, strict=True))[:4]:
    print(text, "| made up:", sum(made_up(text, scene)))
share = sum(any(made_up(text, scene)) for text, scene in zip(texts, training, strict=True)) / len(texts)
print(f"training captions with something made up: {share:.2f}")

# %% [markdown]
# Cross-entropy asks a model to say what people *would say*. People said this. A captioner that makes things up has
# learnt its lesson well.
#
# ## Two rulers
#
# The first is CHAIR (Rohrbach et al. 2018): read the captions, and count what is not there. It has two rates: the share
# of *captions* with anything made up, and the share of *mentions* that are.
#
# {{exercise 3.8.1}}
#
# `mentioned` holds a list of names for each caption, `there` a list for each picture. Return both shares: of the
# captions, then of all mentions. Each caption mentions something.


# %% answer="3.8.1"
def chair_rates(mentioned: list[list[str]], there: list[list[str]]) -> tuple[float, float]:
    ### BEGIN SOLUTION
    wrong = [[name not in real for name in said] for said, real in zip(mentioned, there, strict=True)]
    mentions = sum(len(row) for row in wrong)
    return sum(any(row) for row in wrong) / len(wrong), sum(sum(row) for row in wrong) / mentions
    ### END SOLUTION


# %% [markdown]
# In some of the check's captions a thing is mentioned twice.

# %% check="3.8.1"
check("3.8.1", chair_rates)

# %% [markdown]
# Yours and the course's, on the captions above. A name is size, colour and shape; one wrong word makes it another
# thing.

# %% concepts=["A3.12"]
chair_rates = working("3.8.1", chair_rates)
names = [[" ".join(sorted(name)) for name in mentions(text)] for text in told["before"]]
real = [[" ".join(sorted(name)) for name in mentions(list_things(scene.things))] for scene in scenes]
found = chair(told["before"], scenes)
mine = chair_rates(names, real)
theirs = torch.stack([found.sentences.mean(), found.objects.mean()])
print("the same:", torch.allclose(torch.tensor(mine), theirs, atol=1e-6))
report("captions with something made up", mine[0], bar=0.35)
report("objects told of, of those that are there", found.recall.mean().item(), bar=0.90)

# %% [markdown]
# It sees well: nearly all that is there, it tells. It only says more than it sees. Who says nothing makes nothing up,
# so the two figures go together, always.
#
# The second ruler is POPE (Li et al. 2023): ask "is there a red circle?", as often about what is there as about what is
# not. What is not there can be chosen kindly or cruelly: at random, among what is most frequent (popular), or among
# what mostly stands beside what is here (adversarial).

# %% tags=["widget"]
cruel = Predict(
    "Which questions about things that are not there fool it most?",
    options=["random things", "popular things", "things that often stand beside these"],
)
cruel

# %% [markdown]
# Our captioner only describes. So its answer is yes if its caption mentions the thing. What stood beside a held-out
# pair in training nobody can say, so this poll has new pictures of seen pairs.


# %% concepts=["A3.12"]
common = company_scenes(200, seed=21)


def poll_accuracy(model, negatives):
    captions = write_captions(model, render_pictures(common), seed=1).texts
    asked = poll(common, seed=5, negatives=negatives, training=training)
    return polled(answers_by_captions(captions, asked), asked).right.mean().item()


kinds = {"random": "random", "popular": "popular", "adversarial": "adversarial (often beside these)"}
accuracy = {label: poll_accuracy(before, kind) for kind, label in kinds.items()}
show_bars(
    accuracy,
    title="It is fooled by what usually stands there",
    x="right answers to a balanced poll (chance 0.5)",
    alt="Accuracy in three polls: about things at random, popular ones, and those that often stand beside; the last is "
    "lowest.",
)

# %% [markdown]
# The same captions, the same pictures: only the questions changed.

# %% tags=["widget"]
cruel.reveal("things that often stand beside these")

# %% [markdown]
# Before we mend it: does it look at all? {{term grounding|Grounding}}, on the share of things told. The baseline is a
# caption that somebody wrote of a training picture.

# %% concepts=["A3.12"]
ground = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand(3, 32, 32)
some = scenes[:150]
grounding(
    lambda shown: things_told(write_captions(before, shown, seed=1).texts, some),
    pictures[:150],
    modality="picture",
    blank=ground,
    baseline=things_told(texts[:150], some),
    bar=0.90,
).show()

# %% [markdown]
# ## Which of two?
#
# Nobody can write down what makes a good caption, but everybody can say which of two is better. So the captioner writes
# four captions of each picture, and an annotator compares each with each: {{term preference pair|preference pairs}}
# (Ouyang et al. 2022). Our annotator is the world itself. It counts what a caption tells rightly, less what it makes up
# or repeats; and it slips in every tenth pair, as people do.

# %% concepts=["A3.11"]
compared = compare_captions(before, company_scenes(300, seed=11), seed=11)
for which, tokens in (("chosen  ", compared.pairs.chosen), ("rejected", compared.pairs.rejected)):
    for text in Written(tokens[:3], compared.pairs.prompt[:3]).texts:
        print(which, "|", text)
report("pairs for each picture", len(compared) / 300, bar=1.0)

# %% [markdown]
# Captions that are worth the same make no pair. And if both captions of a pair were the same? Nothing would be learnt,
# silently. So it is refused:

# %%
try:
    PreferencePairs(compared.pairs.chosen[:2], compared.pairs.chosen[:2], compared.pairs.prompt[:2])
except ValueError as error:
    print(error)

# %% [markdown]
# How likely is a whole caption? The product of its words' chances, each given all before it; in logarithms, a sum. Word
# by word first:

# %% concepts=["A3.11"]
row, begins = compared.pairs.chosen[:1], int(compared.pairs.prompt[0])
picture = seen(before, compared.pictures[:1])
with torch.no_grad():
    chances = before.language.decode(before.embed(row, before.projector(picture))).softmax(dim=-1)
total = 0.0
for place in range(begins, int((row != 0).sum())):
    total += math.log(chances[0, place - 1, row[0, place]])
print(f"log p = {total:.2f}")

# %% [markdown]
# Mind the `place - 1`: what stands at a place was foretold by the one before. All at once it is the same:

# %%
with torch.no_grad():
    at_once = log_probabilities(before, row, compared.pairs.prompt[:1], picture)
print("the same:", math.isclose(at_once.item(), total, abs_tol=1e-3))

# %% [markdown]
# ## DPO
#
# Let a caption's **reward** be β times how much likelier the model has become to say it, in logarithms, than the model
# that we began with, the *reference*. The chance that the chosen caption beats the rejected one is the sigmoid of the
# difference of their rewards (Bradley and Terry 1952). DPO makes that chance large (Rafailov et al. 2023, equation 7).
#
# {{exercise 3.8.2}}
#
# The four tensors, `[pairs]`, are log-probabilities of whole captions. Return the mean of minus the logarithm of the
# chance that the chosen one wins.


# %% answer="3.8.2"
def dpo_loss(
    policy_chosen: Float[Tensor, " pairs"],
    policy_rejected: Float[Tensor, " pairs"],
    reference_chosen: Float[Tensor, " pairs"],
    reference_rejected: Float[Tensor, " pairs"],
    beta: float,
) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    chosen = beta * (policy_chosen - reference_chosen)
    rejected = beta * (policy_rejected - reference_rejected)
    return -F.logsigmoid(chosen - rejected).mean()
    ### END SOLUTION


# %% [markdown]
# `F.logsigmoid` is the logarithm of the sigmoid, without overflow.

# %% check="3.8.2"
check("3.8.2", dpo_loss)

# %% [markdown]
# {{exercise 3.8.3}}
#
# At the first step the model *is* its reference. What does the loss say then, at β = 0.1, whatever the pairs? Two
# digits are enough.

# %% answer="3.8.3"
### BEGIN SOLUTION
first_loss = math.log(2)
### STUB
# first_loss = ...
### END SOLUTION

# %% [markdown]
# A calculation is welcome.

# %% check="3.8.3"
check("3.8.3", first_loss)

# %% [markdown]
# That number is a good alarm: a DPO that does not begin there has a wrong reference.
#
# Now train, with your loss. One precaution, known from 2.8: these pictures show only seen pairs, and who learns more
# of these forgets how to tell of others. So each comparison comes a second time, with the picture's colours mixed and
# without the words for them. (Without that, recall on new pairs fell when we tried.)

# %% concepts=["A3.11"]
dpo_loss = working("3.8.2", dpo_loss)
first_loss = working("3.8.3", first_loss)
both_ways = also_in_other_colours(compared, seed=11)
tuned, history = align(before, both_ways, beta=1.0, loss=dpo_loss)
print("the first loss is ln 2:", math.isclose(history.losses[0], first_loss, rel_tol=2e-2))
report("the last losses", history.smooth()[-1], at_most=0.60)

# %% [markdown]
# The same pictures as before, of pairs that neither training ever showed:

# %% concepts=["A3.11"]
told["tuned"] = write_captions(tuned, pictures, seed=1).texts
now = chair(told["tuned"], scenes)
report("made up, of what was before", (now.sentences.mean() / found.sentences.mean()).item(), at_most=0.50)
report("objects told of, change", (now.recall.mean() - found.recall.mean()).item(), bar=-0.02)

# %% [markdown]
# The checkpoint at the head of this page had more pairs and twice the steps:

# %%
report("made up, from its card", card.figures["captions with something made up"].value, at_most=0.20)
report("objects told of, from its card", card.figures["objects told of"].value, bar=0.92)

# %% [markdown]
# Did it learn to look, or never to speak of companions again? The proof are companions that *are* there. And the
# cruellest poll:

# %% concepts=["A3.11"]
kept = [companions_told(told[name], scenes).mean().item() for name in ("before", "tuned")]
report("companions that are there, told of: change", kept[1] - kept[0], bar=-0.05)
report("adversarial poll before", accuracy["adversarial (often beside these)"], at_most=0.92)
report("adversarial poll after", poll_accuracy(tuned, "adversarial"), bar=0.93)

# %% [markdown]
# It looks. One thing about DPO surprises nearly everybody. The loss wants the *difference* to grow. What became of the
# chosen captions themselves?

# %% tags=["widget"]
chosen_now = Predict(
    "How likely are the chosen captions now, beside what they were?",
    options=["likelier, all of them", "some likelier, some less likely", "less likely, all of them"],
)
chosen_now

# %% [markdown]
# Look at the implicit rewards of both:

# %% concepts=["A3.11"]
pairs = compared.pairs
args = pairs.chosen, pairs.rejected, pairs.prompt, seen(before, compared.pictures)
with torch.no_grad():
    policy, reference = (both_log_probabilities(model, *args) for model in (tuned, before))
chosen, rejected = (implicit_rewards(*pair, beta=1.0) for pair in zip(policy, reference, strict=True))
report("chosen captions that have become likelier", (chosen > 0).float().mean().item(), bar=0.40)
report("chosen captions that have become less likely", (chosen < 0).float().mean().item(), bar=0.02)
report("rejected captions that have become less likely", (rejected < 0).float().mean().item(), bar=0.60)

# %% [markdown]
# Some chosen ones were the annotator's slips, and some share their words with rejected ones. Nothing in the loss
# forbids that both fall; Razin et al. (2024) call it likelihood displacement.

# %% tags=["widget"]
chosen_now.reveal("some likelier, some less likely")

# %% [markdown]
# ## A judge, and a policy that pleases it
#
# The older way has two steps (Ziegler et al. 2019; Ouyang et al. 2022): train a {{term reward model}} on the
# comparisons; then let the captioner write, and make likelier what the judge likes. It is
# {{term reinforcement learning from human feedback|RLHF}}, and LLaVA-RLHF (Sun et al. 2023) brought it to pictures.
#
# {{exercise 3.8.4}}
#
# The judge has given a reward to both captions of each pair, `[pairs]`. Return the mean surprise that the chosen one
# won, by Bradley and Terry.


# %% answer="3.8.4"
def reward_loss(chosen: Float[Tensor, " pairs"], rejected: Float[Tensor, " pairs"]) -> Float[Tensor, ""]:
    ### BEGIN SOLUTION
    return -F.logsigmoid(chosen - rejected).mean()
    ### END SOLUTION


# %% [markdown]
# You have written most of it before.

# %% check="3.8.4"
check("3.8.4", reward_loss)

# %% [markdown]
# So DPO *is* a reward model, whose rewards come from the captioner itself. This one has a network of its own, which
# reads caption and picture together, as in 3.2, and gives one number.

# %% concepts=["A3.11"]
reward_loss = working("3.8.4", reward_loss)
judge, _ = learn_rewards(before, compared, loss=reward_loss)
fresh = compare_captions(before, company_scenes(100, seed=12, pairs="held_out"), seed=12, slips=0.0)
with torch.no_grad():
    better, worse = (
        reward(judge, tokens, fresh.pairs.prompt, seen(before, fresh.pictures))
        for tokens in (fresh.pairs.chosen, fresh.pairs.rejected)
    )
report("pairs that the judge ranks rightly, held out", (better > worse).float().mean().item(), bar=0.80)

# %% [markdown]
# Good, not perfect: it read a few hundred pairs, one in ten of them wrong.
#
# Now the captioner is a *policy*. It writes four captions of a picture. Those with more reward than the *others*
# become likelier, by their advantage; the rest less likely (Williams 1992; Kool et al. 2019). And so that it stays a
# captioner, each caption pays β times log(policy / reference): on average that is the
# {{term Kullback-Leibler divergence|KL divergence}} from the reference.
#
# {{exercise 3.8.5}}
#
# A colleague wrote this, and the captioner ran away within minutes. Find the line and mend it. All tensors are
# `[pictures, samples]`.


# %% answer="3.8.5"
def advantages(
    rewards: Float[Tensor, "pictures samples"],
    policy: Float[Tensor, "pictures samples"],
    reference: Float[Tensor, "pictures samples"],
    beta: float,
) -> Float[Tensor, "pictures samples"]:
    ### BEGIN SOLUTION
    penalised = rewards - beta * (policy - reference)
    others = (penalised.sum(dim=1, keepdim=True) - penalised) / (penalised.shape[1] - 1)
    return penalised - others
    ### STUB
    # penalised = rewards + beta * (policy - reference)
    # others = (penalised.sum(dim=1, keepdim=True) - penalised) / (penalised.shape[1] - 1)
    # return penalised - others
    ### END SOLUTION


# %% [markdown]
# The mean of the others is a baseline: without it, an easy picture would make all its captions likelier.

# %% check="3.8.5"
check("3.8.5", advantages)

# %% [markdown]
# A few steps of it, live, with PPO's clipped loss (Schulman et al. 2017) round your advantages:

# %% concepts=["A3.11"]
advantages = working("3.8.5", advantages)
*_, chased = chase_rewards(before, judge, company_scenes(400, seed=13), beta=1.0, steps=25, advantages=advantages)
told["policy gradient"] = write_captions(chased, pictures, seed=1).texts
then = chair(told["policy gradient"], scenes)
report("made up, of what was before", (then.sentences.mean() / found.sentences.mean()).item(), at_most=0.80)
report("objects told of, change", (then.recall.mean() - found.recall.mean()).item(), bar=-0.06)

# %% [markdown]
# Beside each other:

# %% concepts=["A3.11"]
rates = {name: chair(told[name], scenes) for name in ("before", "tuned", "policy gradient")}
show_bars(
    {name.replace("tuned", "DPO"): rate.sentences.mean().item() for name, rate in rates.items()},
    title="Both ways make the captioner honest",
    x="captions with something made up (pairs never seen)",
    alt="Share of captions with something made up: highest before, lower after policy gradient and after DPO.",
)

# %% [markdown]
# ## Too much of a good thing
#
# The reward rises with each step. So go on, for longer?

# %% tags=["widget"]
longer = Predict(
    "Three times as many steps, with nothing that holds it. The judge's reward, and the true worth of the captions...",
    options=["both go on rising", "the reward rises, the worth falls", "both fall"],
)
longer

# %% [markdown]
# We cannot ask people about every caption, but our world sees all: a caption is *worth* one for each thing that it
# tells rightly, less one for each that it makes up or repeats. The long ways were walked before you came.

# %% concepts=["A3.11"]
ways = stored_ways()
free = ways[0.0][-1]
kl = [math.sqrt(max(0.0, one.kl)) for one in free]
first, highest = free[0], max(one.reward for one in free)
show_curves(
    {
        "the judge's reward (of its highest)": (kl, [one.reward / highest for one in free]),
        "true worth (of what it was)": (kl, [one.worth / first.worth for one in free]),
    },
    title="The judge is ever happier, the captions are not",
    x="distance from the reference (root of the KL divergence, nats)",
    y="share",
    alt="Over the distance from the reference the judge's reward keeps rising; the true worth rises, then falls.",
)

# %% [markdown]
# This is {{term over-optimisation}}, and Gao et al. (2023) found curves of this form for reward models of many sizes.
# The judge learnt from captions that the *reference* wrote. Where one of two was better, it mostly said less, and so
# the judge came to like brevity. Far from what it has seen it guesses, and the policy looks for just the places where
# it guesses too high.

# %% concepts=["A3.11"]
for name, moments in (("free", ways[0.0]), ("held", ways[max(ways)])):
    lost = sum(max(one.worth for one in way) - way[-1].worth for way in moments) / len(moments)
    gained = sum(way[-1].reward - max(way, key=lambda one: one.worth).reward for way in moments) / len(moments)
    print(f"{name}: after its best, worth changed by {-lost:+.2f} and the judge's reward by {gained:+.2f}")

# %% [markdown]
# Those are means over the stored seeds. Now walk both ways, and read what is written there.

# %% tags=["widget"]
longer.reveal("the reward rises, the worth falls")

# %% [markdown]
# One way is free; the other pays for each step away from the reference.


# %% tags=["widget"] concepts=["A3.11"]
def points(way):
    found = []
    for one in way:
        captions = [pieces(text, tested[i]) for text, i in zip(one.captions, SHOWN, strict=True)]
        found.append(ChasePoint(one.kl, one.reward, one.worth, captions))
    return found


tested = measured_scenes()
RewardChase(
    {"nothing holds it": points(ways[0.0][-1]), f"held by beta {max(ways):g}": points(ways[max(ways)][-1])},
    render_pictures(tested[list(SHOWN)]),
)

# %% [markdown]
# {{exercise 3.8.6}}
#
# A team has trained its captioner by a reward model for a week. The reward still rises, every day. Since yesterday,
# some people who try it complain. What should the team do, and why? Answer as in `choice = ("a", 1)`.

# %%
options("3.8.6")

# %% [markdown]
# Ask what the reward *is*.

# %% answer="3.8.6"
### BEGIN SOLUTION
choice = ("c", 3)
### STUB
# choice = ...
### END SOLUTION

# %% [markdown]
# Letter and number must fit together.

# %% check="3.8.6"
check("3.8.6", choice)

# %% [markdown]
# ## What you measured
#
# - A captioner that saw well made things up, since its captions had; the cruellest poll found it, the kindest did not.
# - A few hundred comparisons of its own captions, some of them wrong, halved that and more, and what is there was still
#   told, companions included.
# - A reward is a guess. Chased far enough, it rises while the captions get worse.
#
# ## Recall

# %% tags=["widget"]
Quiz([
    Question("A captioner says nothing at all. Its CHAIR rates are...",
             ["perfect", "the worst possible", "those of chance"], 0,
             ["Yes: so recall stands beside them, always.", "It makes nothing up.", "Nothing is guessed."]),
    Question("What does β do in DPO?",
             ["It is the learning rate", "It holds the model to its reference", "It counts the pairs"], 1,
             ["That is another number.", "Yes: the larger, the sooner the loss is content.", "No number of pairs."]),
    Question("Why are comparisons asked for, and not marks from 1 to 10?",
             ["They are cheaper to store", "People agree more on which is better", "Marks cannot be learnt from"], 1,
             ["Hardly.", "Yes: each has a scale of their own.", "They can."]),
    Question("The judge's reward rises, the KL divergence too. What is known about the captions?",
             ["They become better", "They become worse", "Neither: look at them"], 2,
             ["Up to a point, perhaps.", "Beyond a point, perhaps.", "Yes: only a true measure tells."]),
    Question("From 2.8: why is a caption not judged letter by letter?",
             ["One scene can be told in several ways", "Letters are too many", "Models cannot spell"], 0,
             ["Yes; here, any order of things is right.", "Their number is no matter.", "They write whole words."]),
])  # fmt: skip

# %% [markdown]
# **Next door:** the models that everybody talks about, and which of their mechanisms you have built already.
