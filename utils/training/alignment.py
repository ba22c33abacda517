"""A captioner is taught which of its captions are better: by pairs of them, or by a reward model and policy gradient.

The captioner is a LLaVA whose tower is frozen, and which writes a caption of a picture that stands before it. Its
captions are ranked by an annotator, who sees the whole scene and sometimes slips.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from utils.models.joint import JointConfig, JointTransformer
from utils.models.llava import LLaVA
from utils.training.loop import History, fit
from utils.training.preferences import (
    PreferencePairs,
    answer_tokens,
    bradley_terry_loss,
    dpo_loss,
    join_answers,
    leave_one_out,
    penalised_rewards,
    ppo_clip_loss,
    sequence_log_probabilities,
)
from utils.training.recipes.llava_scenes import PICTURE, encode, seen, without_colours
from utils.training.regions import mix_colours
from utils.world.batching import batches
from utils.world.mentions import worth
from utils.world.pictures import render_pictures
from utils.world.scenes import Scenes
from utils.world.tokenizer import PAD, VOCABULARY, detokenize

LONGEST = 28  # tokens of a caption: five things, and room to go wrong
CAPTIONS, SLIPS = 4, 0.1  # drawn of each picture, and how often the annotator takes the worse of two


@dataclass(frozen=True)
class Written:
    """Captions that a model wrote: rows of prompt and caption, `prompt` tokens of which are the prompt."""

    tokens: Int[Tensor, "captions length"]
    prompt: Int[Tensor, " captions"]

    @property
    def texts(self) -> list[str]:
        """The captions as words."""
        return [detokenize(row[length:]) for row, length in zip(self.tokens, self.prompt.tolist(), strict=True)]


def caption_prompts(number: int, soft_tokens: int) -> Int[Tensor, "number length"]:
    """Return what stands before each caption: the picture."""
    return encode([(PICTURE,)], soft_tokens)[0].expand(number, -1)


def write_captions(model: LLaVA, pictures: Tensor, *, temperature: float = 1.0, seed: int = 0) -> Written:
    """Return a caption of each picture, uint8 [pictures, 3, height, width], drawn at this temperature."""
    prompts = caption_prompts(len(pictures), model.config.soft_tokens)
    answers = model.generate(prompts, pictures, LONGEST, temperature=temperature, seed=seed)
    tokens, prompt = join_answers(prompts, answers)
    return Written(tokens[:, : (tokens != PAD).any(dim=0).sum()], prompt)


def log_probabilities(
    model: LLaVA, tokens: Int[Tensor, "captions length"], prompt: Int[Tensor, " captions"], features: Tensor
) -> Float[Tensor, " captions"]:
    """Return log p(caption | picture) of each row, in nats; `features` are what the tower has `seen` of its picture."""
    logits = model.language.decode(model.embed(tokens, model.projector(features)))
    return sequence_log_probabilities(logits, tokens, answer_tokens(tokens, prompt))


@dataclass(frozen=True)
class Compared:
    """Pairs of captions, the better of each by an annotator, and the picture of each pair, uint8."""

    pairs: PreferencePairs
    pictures: UInt8[Tensor, "pairs 3 height width"]

    def __post_init__(self):
        if self.pictures.ndim != 4 or len(self.pictures) != len(self.pairs):
            raise ValueError(
                f"each pair of captions needs its picture: pictures [{len(self.pairs)}, 3, height, width] and not "
                f"{list(self.pictures.shape)}"
            )

    def __len__(self) -> int:
        return len(self.pairs)


def compare_captions(model: LLaVA, scenes: Scenes, *, seed: int, slips: float = SLIPS) -> Compared:
    """Return all pairs of the `CAPTIONS` captions that `model` wrote of each scene, the one of more `worth` chosen.

    So do Ouyang et al. 2022, section 3.5, with all pairs of an annotator's ranking. In the share `slips` of the pairs
    the annotator takes the worse one. Two captions that are worth the same give no pair. Raises `ValueError` if none
    does.
    """
    pictures = render_pictures(scenes)
    tries = [write_captions(model, pictures, seed=seed + i) for i in range(CAPTIONS)]
    width = max(one.tokens.shape[1] for one in tries)
    tokens = torch.stack([F.pad(one.tokens, (0, width - one.tokens.shape[1]), value=PAD) for one in tries])
    worths = torch.tensor(
        [[worth(text, scene) for text, scene in zip(one.texts, scenes, strict=True)] for one in tries]
    )
    better, worse, scene = (worths[:, None] > worths[None, :]).nonzero(as_tuple=True)
    if not len(scene):
        raise ValueError(
            f"all captions of each of the {len(scenes)} pictures are worth the same, so that none is preferred; give "
            "more pictures, or a model that makes mistakes"
        )
    slipped = torch.rand(len(scene), generator=torch.Generator().manual_seed(seed)) < slips
    chosen, rejected = torch.where(slipped, worse, better), torch.where(slipped, better, worse)
    pairs = PreferencePairs(tokens[chosen, scene], tokens[rejected, scene], tries[0].prompt[scene])
    return Compared(pairs, pictures[scene])


def also_in_other_colours(compared: Compared, *, seed: int) -> Compared:
    """Return the pairs, and again those that differ without words for colours, with their pictures' colours mixed.

    As in `regions`: a captioner that learns more of some shape-colour pairs alone forgets how to tell of others.
    """
    pairs, mixed = compared.pairs, mix_colours(compared.pictures, torch.Generator().manual_seed(seed))
    chosen, rejected = without_colours(pairs.chosen), without_colours(pairs.rejected)
    differ = (chosen != rejected).any(dim=1)
    both = PreferencePairs(
        torch.cat([pairs.chosen, chosen[differ]]),
        torch.cat([pairs.rejected, rejected[differ]]),
        torch.cat([pairs.prompt, pairs.prompt[differ]]),
    )
    return Compared(both, torch.cat([compared.pictures, mixed[differ]]))


def both_log_probabilities(
    model: LLaVA, chosen: Tensor, rejected: Tensor, prompt: Tensor, features: Tensor
) -> tuple[Float[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    """Return the log-probabilities of the chosen and of the rejected captions, in one pass."""
    both = log_probabilities(model, torch.cat([chosen, rejected]), prompt.repeat(2), features.repeat(2, 1, 1))
    return both.chunk(2)


def align(
    model: LLaVA,
    compared: Compared,
    *,
    beta: float = 1.0,
    steps: int = 100,
    batch_size: int = 32,
    learning_rate: float = 1e-4,
    seed: int = 0,
    loss: Callable[..., Tensor] = dpo_loss,
) -> tuple[LLaVA, History]:
    """Return a copy of `model` that has learnt from pairs by DPO, with `model` itself as its reference.

    `loss` takes the four log-probabilities and beta as `dpo_loss` does.
    """
    pairs = compared.pairs
    data = pairs.chosen, pairs.rejected, pairs.prompt, seen(model, compared.pictures)
    with torch.no_grad():
        reference = both_log_probabilities(model, *data)
    policy = copy.deepcopy(model)

    def step(policy, chosen, rejected, prompt, features, *reference):
        return loss(*both_log_probabilities(policy, chosen, rejected, prompt, features), *reference, beta)

    rows = batches(*data, *reference, batch_size=batch_size, seed=seed, steps=steps)
    history = fit(policy, rows, step, steps=steps, learning_rate=learning_rate, weight_decay=0.0, description="DPO")
    return policy, history


def new_reward_model(picture_width: int, seed: int = 0) -> JointTransformer:
    """Return an untrained reward model: a caption and the soft features of a picture in, one number out."""
    torch.manual_seed(seed)
    config = JointConfig(
        picture_width=picture_width,
        joint_depth=2,
        vocabulary=len(VOCABULARY),
        length=LONGEST + 1,
        width=64,
        heads=4,
        hidden=128,
        outputs=1,
    )
    return JointTransformer(config)


def captions_alone(tokens: Int[Tensor, "captions length"], prompt: Int[Tensor, " captions"]) -> Tensor:
    """Return captions without the prompt before them, but with its last token: what a reward model reads."""
    (length,) = prompt.unique().tolist()
    return tokens[:, length - 1 :]


def reward(model: JointTransformer, tokens: Tensor, prompt: Tensor, features: Tensor) -> Float[Tensor, " captions"]:
    """Return the reward of each caption of its picture."""
    return model(captions_alone(tokens, prompt), features)[:, 0]


def learn_rewards(
    captioner: LLaVA,
    compared: Compared,
    *,
    steps: int = 60,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    seed: int = 0,
    loss: Callable[..., Tensor] = bradley_terry_loss,
) -> tuple[JointTransformer, History]:
    """Return a reward model that has learnt which caption the annotator prefers, and sees what `captioner` sees.

    `loss` takes the rewards of the chosen and of the rejected captions as `bradley_terry_loss` does.
    """
    pairs, features = compared.pairs, seen(captioner, compared.pictures)
    model = new_reward_model(features.shape[-1], seed)

    def step(model, chosen, rejected, prompt, features):
        return loss(*(reward(model, tokens, prompt, features) for tokens in (chosen, rejected)))

    rows = batches(pairs.chosen, pairs.rejected, pairs.prompt, features, batch_size=batch_size, seed=seed, steps=steps)
    history = fit(model, rows, step, steps=steps, learning_rate=learning_rate, description="reward model")
    return model, history


def penalised_advantages(
    rewards: Float[Tensor, "pictures samples"],
    policy: Float[Tensor, "pictures samples"],
    reference: Float[Tensor, "pictures samples"],
    beta: float,
) -> Float[Tensor, "pictures samples"]:
    """Return how much better each caption's reward, less beta times log(policy / reference), is than the others'."""
    return leave_one_out(penalised_rewards(rewards, policy, reference, beta))


def chase_rewards(
    model: LLaVA,
    judge: JointTransformer,
    scenes: Scenes,
    *,
    beta: float,
    steps: int,
    prompts: int = 16,
    samples: int = 4,
    passes: int = 2,
    learning_rate: float = 5e-5,
    seed: int = 0,
    advantages: Callable[..., Tensor] = penalised_advantages,
) -> Iterator[LLaVA]:
    """Yield a copy of `model` after each step of policy gradient for the rewards of `judge`, less beta times KL.

    At each step it writes `samples` captions of `prompts` pictures; those that get more than the others of the same
    picture, by `advantages` as `penalised_advantages` gives them, become likelier (PPO's clipped loss, Schulman et al.
    2017, in `passes` passes over them).
    """
    policy = copy.deepcopy(model)
    optimiser = torch.optim.Adam([p for p in policy.parameters() if p.requires_grad], lr=learning_rate)
    pictures = render_pictures(scenes)
    features = seen(model, pictures)
    for step, (rows,) in enumerate(batches(torch.arange(len(scenes)), batch_size=prompts, seed=seed, steps=steps)):
        rows = rows.repeat_interleave(samples)
        written = write_captions(policy, pictures[rows], seed=seed + step)
        args = written.tokens, written.prompt, features[rows]
        with torch.no_grad():
            drawn, reference = (log_probabilities(one, *args) for one in (policy, model))
            by_picture = (values.view(-1, samples) for values in (reward(judge, *args), drawn, reference))
            better = advantages(*by_picture, beta).flatten()
            better = better / (better.std() + 1e-6)
        for _ in range(passes):
            loss = ppo_clip_loss(log_probabilities(policy, *args), drawn, better)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimiser.step()
        yield policy


@torch.no_grad()
def divergence(policy: LLaVA, reference: LLaVA, written: Written, features: Tensor) -> Float[Tensor, " captions"]:
    """Return log(policy / reference) of captions that `policy` wrote: the mean is its KL from `reference`, in nats."""
    args = written.tokens, written.prompt, features
    return log_probabilities(policy, *args) - log_probabilities(reference, *args)
