"""What a sweep stores is what its lesson reads."""

import json

import pytest

from utils.evaluation import expert_sweep, fusion_sweep, instruction_sweep, label_sweep, reward_sweep
from utils.evaluation.storing import store


def test_figures_come_back_and_their_folder_is_made(tmp_path):
    figures = {"ein Maß": [0.5, None, True], "empty": {}}
    store(figures, tmp_path / "new" / "figures.json")
    text = (tmp_path / "new" / "figures.json").read_text(encoding="utf-8")
    assert json.loads(text) == figures
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    "module", [expert_sweep, instruction_sweep, label_sweep, reward_sweep], ids=lambda module: module.__name__
)
def test_a_sweep_of_the_same_figures_leaves_its_file_as_it_is(module, tmp_path, monkeypatch):
    before = module.FIGURES.read_bytes()
    monkeypatch.setattr(module, "sweep", lambda: json.loads(before))
    monkeypatch.setattr(module, "FIGURES", tmp_path / "figures.json")
    module.main()
    assert module.FIGURES.read_bytes() == before


def test_so_does_the_sweep_of_fusions(tmp_path, monkeypatch):
    before, scores = fusion_sweep.FIGURES.read_bytes(), fusion_sweep.stored_sweep()
    monkeypatch.setattr(fusion_sweep, "sweep", lambda: scores)
    monkeypatch.setattr(fusion_sweep, "FIGURES", tmp_path / "figures.json")
    fusion_sweep.main()
    assert fusion_sweep.FIGURES.read_bytes() == before
