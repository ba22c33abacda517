"""How fast our CLIP trains beside transformers' CLIPModel of the same shape, activation, weights and precision.

    python tests/benchmarks/clip_training_speed.py [--threads 1] [--seconds 20] [--shape lesson]

A step is the whole of training: bytes to pixels, forward, loss, backward, fused AdamW. All models step in turn, again
and again, in one process, and each ratio is the median over these rounds: whatever else the machine does then slows
all of them alike. Both clocks are shown: wall time is what a learner waits for, CPU time is what a busy machine spoils
least.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))

import torch
from weights import transformers_clip

from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig, to_pixels
from utils.training.device import autocast, has_fast_mode
from utils.training.objectives import info_nce
from utils.world import render_captions, render_pictures, sample_scenes, tokenize

SHAPES = {
    "lesson": (64, 3, 1, 2),  # width, depth of the vision tower, depth of the text tower, heads
    "larger": (96, 4, 2, 4),
}
Step = Callable[[], float]  # one step of training; returns the loss before it


@dataclass(frozen=True)
class Speed:
    """Samples a second of one contestant, and how often it is as fast as another, by both clocks."""

    samples: float
    cpu_samples: float
    rounds: list[tuple[float, float]]  # seconds of wall and of CPU time, one pair a round

    def over(self, other: Speed) -> tuple[float, float]:
        """Return how many times as fast this one is as `other`: the median over rounds, by wall and by CPU time."""
        pairs = list(zip(self.rounds, other.rounds, strict=True))
        wall, cpu = (statistics.median(theirs[c] / ours[c] for ours, theirs in pairs) for c in (0, 1))
        return wall, cpu


def build(shape: str, length: int = 12) -> CLIP:
    width, vision_depth, text_depth, heads = SHAPES[shape]
    same = {"width": width, "heads": heads, "hidden": 4 * width}
    torch.manual_seed(0)
    return CLIP(
        CLIPConfig(
            vision=ViTConfig(depth=vision_depth, clip_style=True, **same),
            text=TextConfig(depth=text_depth, length=length, **same),
            width=64,
        )
    )


def contestants(shape: str, batch: int = 128) -> dict[str, Step]:
    """A training step of each: ours and transformers', in float32 and, where this CPU has it, in the fast mode."""
    scenes = sample_scenes(batch, seed=0)
    pictures, tokens = render_pictures(scenes), tokenize(render_captions(scenes), 12)

    def ours(fast: bool) -> Step:
        model = build(shape)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

        def step() -> float:
            with autocast(torch.device("cpu"), fast):
                loss = info_nce(model.similarity(*model(pictures, tokens)))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            return loss.item()

        return step

    def theirs(fast: bool) -> Step:
        model = transformers_clip(build(shape)).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

        def step() -> float:
            with autocast(torch.device("cpu"), fast):
                loss = model(input_ids=tokens, pixel_values=to_pixels(pictures), return_loss=True).loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            return loss.item()

        return step

    steps = {"ours": ours(False), "transformers": theirs(False)}
    if has_fast_mode("cpu"):
        steps |= {"ours, fast": ours(True), "transformers, autocast": theirs(True)}
    return steps


def measure(steps: dict[str, Step], seconds: float, batch: int = 128, least: int = 5) -> dict[str, Speed]:
    """Let all step in turn for `seconds`, at least `least` rounds, after one round that is not counted."""
    for step in steps.values():
        step()
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, rounds.values())) < least:
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            rounds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: Speed(*(batch / statistics.median(times[c] for times in taken) for c in (0, 1)), taken)
        for name, taken in rounds.items()
    }


RATIOS = (  # ours, transformers', the bar by wall time
    ("ours", "transformers", 1.0),
    ("ours, fast", "transformers", 1.4),
    ("ours, fast", "transformers, autocast", None),
)


def lines(shape: str, threads: int, speeds: dict[str, Speed]) -> list[str]:
    width, vision, text, heads = SHAPES[shape]
    head = f"CLIP {shape}: width {width}, depth {vision} + {text}, {heads} heads, batch 128, {threads} thread(s)"
    shown = [head + f", {len(next(iter(speeds.values())).rounds)} rounds, load {os.getloadavg()[0]:.1f}"]
    for name, speed in speeds.items():
        shown.append(f"  {name:24} {speed.samples:7.0f} samples/s, {speed.cpu_samples:7.0f} samples/CPU-s")
    for ours, theirs, bar in RATIOS:
        if ours in speeds and theirs in speeds:
            wall, cpu = speeds[ours].over(speeds[theirs])
            verdict = "" if bar is None else f", bar {bar:.2f}: {'met' if wall >= bar else 'NOT met'}"
            shown.append(f"  {ours} over {theirs}: {wall:.2f} by wall time, {cpu:.2f} by CPU time{verdict}")
    return shown


def run(shape: str, threads: int, seconds: float) -> list[str]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return lines(shape, threads, measure(contestants(shape), seconds))
    finally:
        torch.set_num_threads(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--seconds", type=float, default=20.0, help="for each shape and number of threads")
    options = parser.parse_args()
    for shape in options.shape:
        for threads in options.threads:
            print("\n".join(run(shape, threads, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
