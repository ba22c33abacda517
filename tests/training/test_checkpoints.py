"""Checkpoints come back to the last bit, or with a message that says what is wrong and what to do."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch

from utils.models.clip import CLIP, CLIPConfig
from utils.models.text import TextConfig
from utils.models.vit import ViTConfig
from utils.training import checkpoints
from utils.training.checkpoints import (
    CheckpointError,
    Figure,
    ModelCard,
    load_card,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from utils.training.recipes import find_recipe
from utils.world.tokenizer import VOCABULARY, tokenize

CONFIG = CLIPConfig(
    vision=ViTConfig(width=16, depth=1, heads=2, hidden=32, clip_style=True),
    text=TextConfig(width=16, depth=1, heads=2, hidden=32),
    width=8,
)


def load_clip(name: str, folder):
    return load_checkpoint(name, folder, recipe=find_recipe("clip_scenes"))


def make(seed: int = 0, config: CLIPConfig = CONFIG) -> CLIP:
    torch.manual_seed(seed)
    return CLIP(config)


def card(**changes) -> ModelCard:
    fields = {
        "name": "toy",
        "architecture": "CLIP",
        "config": dataclasses.asdict(CONFIG),
        "recipe": "course train toy",
        "seed": 0,
        "data": "none",
        "steps": 1,
        "seconds": 0.5,
        "parameters": 1234,
        "vocabulary": len(VOCABULARY),
        "figures": {"recall@1": Figure(0.97, 0.95, 0.94, 0.99, "64 unseen captions, × both ways")},
    }
    return ModelCard(**{**fields, **changes})


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(make(), card(), tmp_path)
    return tmp_path


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def edit_card(folder, **changes) -> None:
    path = folder / "toy.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_weights_and_card_come_back_to_the_last_bit(saved):
    model, loaded = load_clip("toy", saved)
    expected = make().state_dict()
    assert model.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    assert dataclasses.replace(loaded, sha256="") == card()
    assert model.config == CONFIG
    assert not model.training


def test_the_loaded_model_computes_what_the_saved_one_did(saved):
    tokens = tokenize(["a red circle", "a blue star"])
    assert torch.equal(load_clip("toy", saved)[0].encode_text(tokens), make().encode_text(tokens))


def test_siglip_with_its_bias_comes_back(tmp_path):
    config = dataclasses.replace(CONFIG, bias=-4.0)
    save_checkpoint(make(config=config), card(config=dataclasses.asdict(config)), tmp_path)
    assert load_clip("toy", tmp_path)[0].logit_bias.item() == -4


def test_a_save_makes_its_folder_and_leaves_two_files(tmp_path):
    path = save_checkpoint(make(), card(), tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "toy.safetensors"
    assert contents(path.parent).keys() == {"toy.safetensors", "toy.json"}


def test_the_same_model_and_card_make_the_same_files(tmp_path):
    save_checkpoint(make(), card(), tmp_path / "a")
    save_checkpoint(make(), card(), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_figure_says_whether_it_meets_its_bar(saved):
    assert load_card("toy", saved).figures["recall@1"].met
    assert not Figure(0.9, 0.95, 0.8, 1.0, "").met
    assert not Figure(float("nan"), 0.95, 0.8, 1.0, "").met


class TestWhatIsBroken:
    def test_a_missing_checkpoint_names_those_there_are_and_the_command(self, saved):
        with pytest.raises(CheckpointError, match=r"no checkpoint 'other' in .*\(there: toy\); `course train other`"):
            load_clip("other", saved)

    def test_an_empty_or_missing_folder_holds_none(self, tmp_path):
        for folder in (tmp_path, tmp_path / "nowhere"):
            with pytest.raises(CheckpointError, match=r"\(there: none\)"):
                load_clip("toy", folder)

    def test_missing_weights_are_named(self, saved):
        (saved / "toy.safetensors").unlink()
        with pytest.raises(CheckpointError, match=r"there is no .*toy\.safetensors; `course train toy` makes it"):
            load_clip("toy", saved)

    @pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 100, 0.2, 0.5, 0.999, -1])
    def test_truncated_weights_are_found_at_any_length(self, saved, kept):
        path = saved / "toy.safetensors"
        data = path.read_bytes()
        path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
        with pytest.raises(CheckpointError, match=r"truncated or broken .*`course train toy` makes it anew"):
            load_clip("toy", saved)

    def test_weights_with_one_bit_changed_are_found(self, saved):
        path = saved / "toy.safetensors"
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
        with pytest.raises(CheckpointError, match="not the file that its model card describes"):
            load_clip("toy", saved)

    def test_the_weights_of_another_save_are_found(self, saved, tmp_path):
        save_checkpoint(make(seed=1), card(), tmp_path / "later")
        shutil.copy(tmp_path / "later" / "toy.safetensors", saved)
        with pytest.raises(CheckpointError, match="a save was cut short"):
            load_clip("toy", saved)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"width": 12}, r"vision_projection.weight is \[8, 16\] in the file and \[12, 16\] in the model"),
            ({"vision": ViTConfig(width=16, depth=2, heads=2, hidden=32, clip_style=True)}, "is missing; .* more"),
            ({"bias": -10.0}, "logit_bias is missing"),
        ],
    )
    def test_weights_for_another_configuration_name_what_differs(self, saved, changes, message):
        other = make(config=dataclasses.replace(CONFIG, **changes))
        before = {name: value.clone() for name, value in other.state_dict().items()}
        with pytest.raises(CheckpointError, match=f"for another configuration of CLIP: .*{message}"):
            load_weights(other, "toy", saved)
        assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())

    def test_weights_that_the_model_lacks_are_named(self, tmp_path):
        save_checkpoint(make(config=dataclasses.replace(CONFIG, bias=-10.0)), card(), tmp_path)
        with pytest.raises(CheckpointError, match="logit_bias is not in the model"):
            load_clip("toy", tmp_path)

    def test_a_newer_vocabulary_asks_for_an_update(self, saved):
        edit_card(saved, vocabulary=len(VOCABULARY) + 5)
        with pytest.raises(CheckpointError, match=rf"knows {len(VOCABULARY) + 5} tokens .* update the course"):
            load_clip("toy", saved)

    def test_an_older_and_smaller_vocabulary_still_works(self, tmp_path):
        config = dataclasses.replace(CONFIG, text=dataclasses.replace(CONFIG.text, vocabulary=40))
        save_checkpoint(make(config=config), card(config=dataclasses.asdict(config), vocabulary=40), tmp_path)
        assert load_clip("toy", tmp_path)[0].text.embedding.num_embeddings == 40

    def test_another_architecture_is_refused(self, saved):
        edit_card(saved, architecture="GPT")
        with pytest.raises(CheckpointError, match="holds a GPT, not a CLIP"):
            load_clip("toy", saved)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "null",
            "[1, 2]",
            "3",
            '"text"',
            "{}",
            '{"figures": []}',
            '{"figures": {}}',
            '{"figures": {"a": 1}}',
            "\xff",
        ],
    )
    def test_a_card_that_is_none_is_said_to_be_broken(self, saved, text):
        (saved / "toy.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(CheckpointError, match=r"the model card .*toy\.json is broken .*makes it anew"):
            load_clip("toy", saved)

    def test_a_card_with_a_field_of_another_version_is_said_to_be_broken(self, saved):
        edit_card(saved, surprise=1)
        with pytest.raises(CheckpointError, match=r"broken .*surprise"):
            load_card("toy", saved)

    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"vision": {}, "text": {"size": 3}},
            {"vision": {"image_size": 30}, "text": {}},
            {"vision": {"width": "16"}, "text": {}},
            {"vision": 3, "text": {}},
        ],
    )
    def test_a_card_whose_configuration_makes_no_model_is_refused(self, saved, config):
        edit_card(saved, config=config)
        with pytest.raises(CheckpointError, match="is not that of a CLIP of this course"):
            load_clip("toy", saved)


class TestAnInterruptedSave:
    """The old pair of files stays, both of them, or the new pair is there, both of them."""

    @pytest.mark.parametrize("place", ["save", "dumps", "write"])
    def test_stopped_before_the_files_are_moved_it_leaves_the_old_ones(self, saved, monkeypatch, place):
        before = contents(saved)

        def stop(*_, **__):
            raise KeyboardInterrupt

        def write_half(path, data, *_, **__):
            path.write_text(str(data)[: len(str(data)) // 2])
            raise OSError("no space left on device")

        if place == "save":
            monkeypatch.setattr(checkpoints, "save", stop)
        elif place == "dumps":
            monkeypatch.setattr(checkpoints.json, "dumps", stop)
        else:
            monkeypatch.setattr("pathlib.Path.write_bytes", write_half)
        with pytest.raises((KeyboardInterrupt, OSError)):
            save_checkpoint(make(seed=1), card(seed=1), saved)
        monkeypatch.undo()
        assert contents(saved) == before

    def test_ctrl_c_between_the_two_moves_waits_for_the_second(self, saved, monkeypatch):
        real, moved = os.replace, []

        def press_and_move(source, target):
            os.kill(os.getpid(), signal.SIGINT)
            moved.append(real(source, target))

        press_once = iter((press_and_move, lambda *paths: moved.append(real(*paths))))
        monkeypatch.setattr(checkpoints.os, "replace", lambda *paths: next(press_once)(*paths))
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(make(seed=1), card(seed=1), saved)
        assert len(moved) == 2
        model, loaded = load_clip("toy", saved)
        assert loaded.seed == 1
        assert torch.equal(model.vision.positions, make(seed=1).vision.positions)

    def test_power_cut_between_the_two_moves_is_noticed_on_the_next_load(self, saved, monkeypatch):
        real, calls = os.replace, []

        def once(*paths):
            calls.append(paths)
            if len(calls) == 2:
                raise SystemError("as if the process ended here")
            real(*paths)

        monkeypatch.setattr(checkpoints.os, "replace", once)
        with pytest.raises(SystemError):
            save_checkpoint(make(seed=1), card(seed=1), saved)
        with pytest.raises(CheckpointError, match="a save was cut short"):
            load_clip("toy", saved)

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
    def test_a_process_stopped_while_it_saves_over_and_over_leaves_a_checkpoint_that_loads(self, tmp_path, how):
        script = textwrap.dedent(
            """
            import sys; sys.path.insert(0, sys.argv[2])
            from pathlib import Path
            from test_checkpoints import card, make
            from utils.training.checkpoints import save_checkpoint
            models = [make(seed) for seed in range(2)]
            for number in range(10**6):
                save_checkpoint(models[number % 2], card(seed=number % 2), Path(sys.argv[1]))
                if number == 1:
                    print("saving", flush=True)
            """
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), os.path.dirname(__file__)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout.readline() == "saving\n"
            time.sleep(0.3)
            process.send_signal(how)
            process.wait(timeout=60)
        assert process.returncode != 0
        assert self.loads_whole(tmp_path) or how == signal.SIGKILL

    def loads_whole(self, folder) -> bool:
        """False if the process was killed in the one moment between the two moves, and loading says so."""
        try:
            model, loaded = load_clip("toy", folder)
        except CheckpointError as error:
            if "a save was cut short" not in str(error):
                raise
            return False
        return torch.equal(model.vision.positions, make(loaded.seed).vision.positions)


# --- models that look through another checkpoint's frozen tower


class Looks(torch.nn.Module):
    """Eyes of which a part is another checkpoint's, and a head of its own."""

    def __init__(self, vision):
        super().__init__()
        self.vision, self.head = vision, torch.nn.Linear(4, 2)


@pytest.fixture
def towers(tmp_path, monkeypatch):
    """A folder that stands for the course's own, with the tower "eyes" in it."""
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    torch.manual_seed(1)
    eyes = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    save_checkpoint(eyes, card(name="eyes"), tmp_path)
    return tmp_path


def looking(folder) -> Looks:
    model = Looks(torch.nn.Sequential(torch.nn.Linear(4, 4)))  # only the first layer, as LLaVA reads all but the last
    model.vision[0].load_state_dict(
        {
            key.removeprefix("0."): tensor
            for key, tensor in checkpoints._read("eyes", folder)[0].items()
            if key[0] == "0"
        }
    )
    return model


def test_a_tower_is_not_stored_twice_and_comes_back_to_the_last_bit(towers):
    model = looking(towers)
    path = save_checkpoint(model, card(name="looks", tower="eyes"), towers / "mine")
    assert checkpoints._read("looks", towers / "mine")[0].keys() == {"head.weight", "head.bias"}
    assert load_card("looks", towers / "mine").tower_sha256 == load_card("eyes", towers).sha256
    other = Looks(torch.nn.Sequential(torch.nn.Linear(4, 4)))
    load_weights(other, "looks", path.parent)
    assert all(torch.equal(other.state_dict()[key], tensor) for key, tensor in model.state_dict().items())


def test_a_tower_that_has_changed_in_training_is_not_saved_as_another_ones(towers):
    model = looking(towers)
    with torch.no_grad():
        model.vision[0].bias[0] += 1e-6
    with pytest.raises(CheckpointError, match=r"tower of 'eyes' as it is, and vision\.0\.bias is not that one's"):
        save_checkpoint(model, card(name="looks", tower="eyes"), towers)
    assert not (towers / "looks.safetensors").exists()


def test_a_model_without_a_tower_cannot_name_one(towers):
    with pytest.raises(CheckpointError, match="no weight of this model is that one's"):
        save_checkpoint(torch.nn.Linear(2, 2), card(name="looks", tower="eyes"), towers)


def test_what_was_trained_behind_another_tower_is_not_loaded(towers):
    model = looking(towers)
    save_checkpoint(model, card(name="looks", tower="eyes"), towers)
    torch.manual_seed(2)
    save_checkpoint(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)), card(name="eyes"), towers)
    with pytest.raises(CheckpointError, match=r"trained behind another 'eyes' .* `course train looks` makes it anew"):
        load_weights(model, "looks", towers)


def test_a_tower_that_is_not_there_is_named(towers):
    model = looking(towers)
    save_checkpoint(model, card(name="looks", tower="eyes"), towers)
    (towers / "eyes.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"there is no .*eyes\.safetensors; `course train eyes` makes it"):
        load_weights(model, "looks", towers)
