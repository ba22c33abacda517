"""The held-out figures of the checkpoint "cad_scenes"."""

from __future__ import annotations

import torch

from utils.evaluation.grounding import derangement
from utils.evaluation.held_out.figures import figure_of
from utils.evaluation.programs import best_by_outline, runs, solid_ious, usual_program
from utils.models.cad_writer import CADWriter
from utils.training.checkpoints import Figure
from utils.training.recipes.cad_scenes import JITTER, training_scenes
from utils.world import BACKGROUND, render_pictures, render_programs, sample_scenes

TRIES, TEMPERATURE = 8, 1.0


@torch.no_grad()
def measure(model: CADWriter, scenes: int = 250) -> dict[str, Figure]:
    """Return how many programs run and how good their solids are: one try, eight, and without the true picture."""
    figures = {}
    for pairs, words in (("seen", "pairs that training shows"), ("held_out", "only pairs that training never shows")):
        shown = sample_scenes(scenes, seed=6100, objects=(2, 2), pairs=pairs, jitter=JITTER)
        on = f"{scenes} scenes of 2 objects, {words}"
        pictures, wanted = render_pictures(shown), render_programs(shown)
        written = model.write(pictures)
        figures[f"valid {pairs}"] = figure_of(runs(written), 0.98, on)
        figures[f"IoU {pairs}"] = figure_of(solid_ious(written, wanted), 0.93, on)
    exact = torch.tensor([float(one == true) for one, true in zip(written, wanted, strict=True)])
    figures["exact held_out"] = figure_of(exact, 0.5, on)

    tries = [model.write(pictures, temperature=TEMPERATURE, seed=i) for i in range(TRIES)]
    figures["IoU held_out, one try"] = figure_of(
        solid_ious(tries[0], wanted), 0.87, f"{on}; drawn at temperature {TEMPERATURE:g}"
    )
    figures[f"IoU held_out, best of {TRIES}"] = figure_of(
        solid_ious(best_by_outline(tries, pictures), wanted), 0.96, f"{on}; {TRIES} tries, chosen by their outlines"
    )

    empty = torch.tensor(BACKGROUND, dtype=torch.uint8).view(3, 1, 1).expand_as(pictures)
    for name, other in (("shuffled", pictures[derangement(scenes)]), ("blank", empty)):
        scores = solid_ious(model.write(other), wanted)
        figures[f"IoU held_out, {name} pictures"] = figure_of(scores, 0.2, f"{on}; {name} pictures", at_most=True)
    usual = usual_program(render_programs(training_scenes(300)))
    figures["IoU held_out, without a picture"] = figure_of(
        solid_ious([usual] * scenes, wanted), 0.2, f"{on}; the program that is best for training's scenes", at_most=True
    )
    return figures
