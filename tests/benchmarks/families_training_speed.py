"""How fast our LLaVA and our mixtures of experts train beside transformers' of the same shape, weights and precision.

    python tests/benchmarks/families_training_speed.py [--threads 1] [--seconds 20] [--family llava]

A step is the whole of training: forward, loss, backward, fused AdamW. As in clip_training_speed.py, both step in turn
in one process, and each ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import torch
import torch.nn.functional as F
from clip_training_speed import Speed, Step, measure
from test_llava_against_transformers import transformers_llava
from test_moe_against_transformers import transformers_deepseek, transformers_mixtral
from torch import Tensor, nn

from utils.models.gpt import GPTConfig, next_token_loss
from utils.models.llava import LLaVA, LLaVAConfig, picture_prompt
from utils.models.moe import MixtureOfExperts, SigmoidRouter, SoftmaxRouter
from utils.models.swiglu import SwiGLU
from utils.models.vit import ViTConfig, to_pixels
from utils.world import VOCABULARY, render_captions, render_pictures, sample_scenes, tokenize
from utils.world.tokenizer import IMAGE, PAD

BATCH, LENGTH, WIDTH = 64, 32, 96
BAR = 1.0  # by wall time


def trained(model: nn.Module, loss: Callable[[], Tensor]) -> Step:
    """A step that makes `loss` smaller by changing `model`."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> float:
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        return value.item()

    return step


def llava(batch: int) -> dict[str, Step]:
    """Captions behind pictures of 16 patches."""
    config = LLaVAConfig(
        ViTConfig(width=64, depth=3, heads=2, hidden=256, clip_style=True),
        GPTConfig(vocabulary=len(VOCABULARY), length=LENGTH, width=WIDTH, depth=4, heads=4, hidden=4 * WIDTH),
    )
    scenes = sample_scenes(batch, seed=0)
    texts = [picture_prompt(f"<image> {caption}", config.vision.patches) for caption in render_captions(scenes)]
    pictures, tokens = render_pictures(scenes), tokenize(texts, LENGTH, len(VOCABULARY))
    labels = tokens.masked_fill((tokens == PAD) | (tokens == IMAGE), -100)
    torch.manual_seed(0)
    ours = LLaVA(config)
    theirs = transformers_llava(ours).train()
    theirs.lm_head.weight = theirs.model.language_model.wte.weight  # one tensor, as in ours

    def their_loss() -> Tensor:
        logits = theirs(input_ids=tokens, pixel_values=to_pixels(pictures)).logits
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())

    return {
        "ours": trained(ours, lambda: next_token_loss(ours(tokens, pictures), tokens)),
        "transformers": trained(theirs, their_loss),
    }


def mixture(ours: MixtureOfExperts, theirs: nn.Module, batch: int) -> dict[str, Step]:
    """One layer learns a linear map of as many tokens as a batch of texts has."""
    x = torch.randn(batch, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))
    wanted = x.flip(-1)
    return {
        "ours": trained(ours, lambda: F.mse_loss(ours(x), wanted)),
        "transformers": trained(theirs.train(), lambda: F.mse_loss(theirs(x), wanted)),
    }


def mixtral(batch: int, hidden: int = 2 * WIDTH, experts: int = 4, top_k: int = 2) -> dict[str, Step]:
    """Four experts, of which each token takes two."""
    torch.manual_seed(0)
    router = SoftmaxRouter(WIDTH, experts, top_k)
    ours = MixtureOfExperts(router, [SwiGLU(WIDTH, hidden) for _ in range(experts)])
    return mixture(ours, transformers_mixtral(ours, WIDTH, hidden, experts, top_k), batch)


def deepseek(batch: int, hidden: int = WIDTH, experts: int = 8, top_k: int = 2) -> dict[str, Step]:
    """Eight smaller experts in four groups, of which two are open, and a shared one."""
    torch.manual_seed(0)
    router = SigmoidRouter(WIDTH, experts, top_k, groups=4, open_groups=2)
    ours = MixtureOfExperts(router, [SwiGLU(WIDTH, hidden) for _ in range(experts)], SwiGLU(WIDTH, hidden))
    return mixture(ours, transformers_deepseek(ours, WIDTH, hidden, experts, top_k, 4, 2, 1), batch)


FAMILIES = {"llava": llava, "mixtral": mixtral, "deepseek": deepseek}


def line(family: str, threads: int, speeds: dict[str, Speed]) -> str:
    wall, cpu = speeds["ours"].over(speeds["transformers"])
    return (
        f"{family:10} batch {BATCH}, {threads} thread(s): ours over transformers {wall:.2f} by wall time, {cpu:.2f} by "
        f"CPU time, bar {BAR:.2f}: {'met' if wall >= BAR else 'NOT met'} ({len(speeds['ours'].rounds)} rounds, load "
        f"{os.getloadavg()[0]:.1f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--family", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seconds", type=float, default=20.0, help="for each family and number of threads")
    options = parser.parse_args()
    for family in options.family:
        for threads in options.threads:
            torch.set_num_threads(threads)
            print(line(family, threads, measure(FAMILIES[family](BATCH), options.seconds, BATCH)), flush=True)


if __name__ == "__main__":
    main()
