"""The held-out figures of the checkpoint "flow_scenes"."""

from __future__ import annotations

from utils.evaluation.drawings import judge_drawings
from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.models.flow import Flow, draw
from utils.training.checkpoints import Figure, load_checkpoint
from utils.world import render_captions, sample_scenes

NUMBER, STEPS, GUIDANCE = 400, 8, 2.0


def measure(model: Flow) -> dict[str, Figure]:
    """Return how often drawings are right in colour and shape, and in all, beside those of other captions."""
    reader, _ = load_checkpoint("scene_reader")
    figures = {}
    for pairs in ("seen", "held_out"):
        scenes = sample_scenes(NUMBER, seed=1100, objects=(1, 1), pairs=pairs)
        pictures = draw(model, render_captions(scenes), steps=STEPS, guidance=GUIDANCE)
        judged = judge_drawings(reader, pictures, scenes)
        on = (
            f"{NUMBER} captions of one object, {pairs.replace('_', '-')} pairs, {STEPS} steps, guidance {GUIDANCE:g}, "
            "read by scene_reader"
        )
        figures[f"colour and shape right, {pairs}"] = figure_of(judged.objects, 0.90, on)
        figures[f"size and place right too, {pairs}"] = figure_of(judged.right, 0.85, on)
        if pairs == "seen":
            others = judge_drawings(reader, pictures[derangement(NUMBER)], scenes)
            on = f"{on}, each against another's caption"
            figures["colour and shape right, shuffled captions"] = figure_of(others.objects, 0.08, on, at_most=True)
    return figures
