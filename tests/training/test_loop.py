"""The training loop: reproducible, stoppable, and never the one that spoils a model."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import islice, repeat

import pytest
import torch
from torch import nn

from utils.training.device import set_seed
from utils.training.interruption import delayed_interrupt
from utils.training.loop import History, TrainingInterrupted, fit, overfit


def line_data(rows: int = 64, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3


def make(seed: int = 0) -> nn.Module:
    set_seed(seed)
    return nn.Sequential(nn.Linear(3, 16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, 1))


def squared(model, x, y):
    return (model(x) - y).square().mean()


def weights(model) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(ours, theirs) -> bool:
    return all(map(torch.equal, ours, theirs))


def test_the_same_seed_gives_the_same_losses_and_weights_to_the_last_bit():
    histories, models = [], []
    for _ in range(2):
        model = make(7)
        histories.append(fit(model, repeat(line_data()), squared, steps=20).losses)
        models.append(model)
    assert histories[0] == histories[1]
    assert same(weights(models[0]), weights(models[1]))
    assert fit(make(8), repeat(line_data()), squared, steps=20).losses != histories[0]


def test_the_loss_falls_and_the_history_says_what_happened():
    history = fit(make(), repeat(line_data()), squared, steps=150, learning_rate=0.02)
    assert len(history.losses) == 150
    assert history.losses[-1] < history.losses[0] / 10
    assert history.samples == 150 * 64
    assert history.seconds > 0


def test_on_step_hears_of_every_step():
    heard = []
    history = fit(make(), repeat(line_data()), squared, steps=5, on_step=lambda *told: heard.append(told))
    assert heard == list(enumerate(history.losses))


def test_a_model_trains_in_training_mode_and_comes_back_in_evaluation_mode():
    model, modes = make().eval(), []

    def watched(model, x, y):
        modes.append(model.training)
        return squared(model, x, y)

    fit(model, repeat(line_data()), watched, steps=3)
    assert modes == [True] * 3
    assert not model.training


def test_weights_decay_and_biases_do_not():
    model = nn.Linear(2, 1)
    nn.init.ones_(model.weight)
    nn.init.ones_(model.bias)
    fit(
        model,
        repeat((torch.zeros(4, 2),)),
        lambda model, x: 0 * model(x).sum(),
        steps=50,
        learning_rate=0.1,
        weight_decay=0.1,
    )
    assert (model.weight < 0.9).all()
    assert model.bias.item() == 1


def test_frozen_parameters_stay():
    model = make()
    model[0].requires_grad_(False)
    before = weights(model)
    fit(model, repeat(line_data()), squared, steps=5)
    after = weights(model)
    assert same(before[:2], after[:2])
    assert not same(before[2:], after[2:])


@pytest.mark.parametrize(("steps", "warm_up"), [(1, 0.15), (2, 0.15), (10, 0.1), (4, 0.25), (5, 0), (5, 0.99)])
def test_any_warm_up_gives_finite_learning(steps, warm_up):
    """A warm-up of just one whole step makes PyTorch's schedule divide by zero."""
    model = make()
    assert len(fit(model, repeat(line_data()), squared, steps=steps, warm_up=warm_up).losses) == steps
    assert all(value.isfinite().all() for value in weights(model))


def test_the_fast_mode_trains_as_well():
    history = fit(make(), repeat(line_data()), squared, steps=100, learning_rate=0.02, fast=True)
    assert history.losses[-1] < history.losses[0] / 4


def test_smoothing_averages_over_the_window_so_far():
    history = History(losses=[4.0, 2.0, 0.0, 2.0])
    assert history.smooth(2) == [4, 3, 1, 1]
    assert history.smooth(10) == [4, 3, 2, 2]
    assert History().smooth() == []


class TestOverfit:
    def test_a_working_model_learns_one_batch_by_heart(self):
        set_seed(0)
        model = nn.Sequential(nn.Linear(3, 64), nn.GELU(), nn.Linear(64, 1))
        history = overfit(model, line_data(16), squared, steps=200, learning_rate=0.02)
        assert history.losses[-1] < 0.01 * history.losses[0]

    def test_the_model_itself_stays_as_it_is(self):
        model = make().train()
        before = copy.deepcopy(model.state_dict())
        overfit(model, line_data(), squared, steps=10)
        assert model.training
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_a_model_that_never_sees_its_input_does_not(self):
        history = overfit(make(), line_data(), lambda model, x, y: squared(model, 0 * x, y), steps=100)
        assert history.losses[-1] > 0.2 * history.losses[0]


class TestWhatGoesWrong:
    @pytest.mark.parametrize("warm_up", [-0.1, 1, 20])
    def test_a_warm_up_that_is_no_share_is_refused(self, warm_up):
        with pytest.raises(ValueError, match=f"share of the steps .* not {warm_up}"):
            fit(make(), repeat(line_data()), squared, steps=5, warm_up=warm_up)

    def test_batches_that_run_out_say_how_many_there_were(self):
        with pytest.raises(ValueError, match="ran out after 3 of 10 steps"):
            fit(make(), islice(repeat(line_data()), 3), squared, steps=10)

    def test_no_batch_beyond_the_last_step_is_drawn(self):
        supply = islice(repeat(line_data()), 10)
        fit(make(), supply, squared, steps=4)
        assert len(list(supply)) == 6

    @pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
    def test_a_loss_that_is_no_number_names_the_step_and_leaves_the_weights(self, spoilt):
        model, kept = make(), []

        def bursts(model, x, y):
            return squared(model, x, y) * (spoilt if len(kept) == 4 else 1)

        with pytest.raises(FloatingPointError, match=rf"the loss became {spoilt} at step 5 of 9.*as step 4 left it"):
            fit(
                model,
                repeat(line_data()),
                bursts,
                steps=9,
                on_step=lambda *_: kept.append(weights(model)),
            )
        assert len(kept) == 4
        assert same(weights(model), kept[-1])

    def test_a_gradient_that_is_no_number_does_not_reach_the_weights(self):
        """The loss is a fine 0, but the slope of a square root there is infinite, and 0 times that is no number."""
        model = make()
        before = weights(model)
        with pytest.raises(FloatingPointError, match="the gradient of the loss became nan at step 1 of 3"):
            fit(model, repeat(line_data()), lambda model, x, y: (0 * model(x)).sum().sqrt(), steps=3)
        assert same(weights(model), before)

    def test_training_can_go_on_after_it(self):
        model = make()
        with pytest.raises(FloatingPointError):
            fit(model, repeat(line_data()), lambda model, x, y: squared(model, x, y) * float("nan"), steps=3)
        fit(model, repeat(line_data()), squared, steps=3)
        assert all(value.isfinite().all() for value in weights(model))

    def test_an_error_of_the_loss_comes_through_unchanged_and_signals_work_as_before(self):
        handler = signal.getsignal(signal.SIGINT)

        def broken(*_):
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            fit(make(), repeat(line_data()), broken, steps=3)
        assert signal.getsignal(signal.SIGINT) is handler


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class TestInterruption:
    @pytest.mark.parametrize("pressed", [press_ctrl_c, lambda: (_ for _ in ()).throw(KeyboardInterrupt)])
    def test_a_stop_between_steps_keeps_what_was_learnt(self, pressed):
        model, kept = make(), []

        def after(step, _):
            kept.append(weights(model))
            if step == 5:
                pressed()

        with pytest.raises(TrainingInterrupted, match="stopped after 6 of 50 steps; the model keeps"):
            fit(model, repeat(line_data()), squared, steps=50, on_step=after)
        assert same(weights(model), kept[-1])
        assert not model.training

    def test_a_stop_in_the_middle_of_a_step_lets_the_step_finish(self):
        """As an uninterrupted training of as many steps, to the last bit: never half of an update."""
        model = make()
        steps = []

        def interrupted(model, x, y):
            steps.append(None)
            if len(steps) == 4:
                press_ctrl_c()
            return squared(model, x, y)

        with pytest.raises(TrainingInterrupted, match="after 4 of 50"):
            fit(model, repeat(line_data()), interrupted, steps=50)
        kept = []
        whole = make()
        fit(whole, repeat(line_data()), squared, steps=50, on_step=lambda *_: kept.append(weights(whole)))
        assert same(weights(model), kept[3])

    def test_a_stop_inside_the_optimiser_lets_it_finish(self, monkeypatch):
        real = torch.optim.AdamW.step

        def stopped_at_once(self, *arguments):
            press_ctrl_c()
            return real(self, *arguments)

        monkeypatch.setattr(torch.optim.AdamW, "step", stopped_at_once)
        model = make()
        before = weights(model)
        with pytest.raises(TrainingInterrupted, match="after 1 of 50"):
            fit(model, repeat(line_data()), squared, steps=50)
        assert not any(map(torch.equal, weights(model), before))

    def test_a_stop_in_the_last_step_still_stops_what_comes_after(self):
        with pytest.raises(TrainingInterrupted, match="after 3 of 3"):
            fit(
                make(),
                repeat(line_data()),
                squared,
                steps=3,
                on_step=lambda step, _: press_ctrl_c() if step == 2 else None,
            )

    def test_pressed_twice_it_does_not_wait(self):
        def stuck(model, x, y):
            press_ctrl_c()
            press_ctrl_c()
            time.sleep(30)

        begin = time.perf_counter()
        with pytest.raises(TrainingInterrupted, match="after 0 of 3"):
            fit(make(), repeat(line_data()), stuck, steps=3)
        assert time.perf_counter() - begin < 10

    def test_whoever_handles_ctrl_c_already_goes_on_doing_so(self):
        heard = []
        before = signal.signal(signal.SIGINT, lambda *_: heard.append("mine"))
        try:
            history = fit(make(), repeat(line_data()), squared, steps=3, on_step=lambda step, _: step or press_ctrl_c())
        finally:
            signal.signal(signal.SIGINT, before)
        assert heard == ["mine"]
        assert len(history.losses) == 3

    def test_training_in_another_thread_works(self):
        histories = []
        thread = threading.Thread(target=lambda: histories.append(fit(make(), repeat(line_data()), squared, steps=3)))
        thread.start()
        thread.join()
        assert len(histories[0].losses) == 3

    def test_a_block_that_ends_with_an_error_raises_that_error(self):
        def block():
            with delayed_interrupt():
                press_ctrl_c()
                raise ValueError("first")

        with pytest.raises(ValueError, match="first"):
            block()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_a_real_ctrl_c_to_a_training_process_leaves_a_whole_model(self):
        script = textwrap.dedent(
            """
            import itertools, torch
            from utils.training.loop import TrainingInterrupted, fit
            torch.set_num_threads(1)
            torch.manual_seed(0)
            model, done = torch.nn.Linear(3, 1), []
            def step(number, loss):
                done.append([p.detach().clone() for p in model.parameters()])
                if number == 5:
                    print("training", flush=True)
            batch = torch.randn(8, 3)
            try:
                fit(model, itertools.repeat((batch,)), lambda m, x: m(x).square().mean(), steps=10**6, on_step=step)
            except TrainingInterrupted as stopped:
                whole = all(map(torch.equal, done[-1], [p.detach() for p in model.parameters()]))
                print(f"stopped after {len(done)} of" in str(stopped), whole, flush=True)
            """
        )
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TQDM_DISABLE": "1"},
        ) as process:
            assert process.stdout.readline() == "training\n"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60)[0] == "True True\n"
        assert process.returncode == 0


class TestProgressBar:
    @pytest.fixture
    def shown(self):
        """What a training process prints to standard error, by the environment it runs in."""

        def run(**environment: str) -> str:
            script = (
                "import itertools, torch; from utils.training.loop import fit; model = torch.nn.Linear(3, 1);"
                "fit(model, itertools.repeat((torch.ones(8, 3),)), lambda m, x: m(x).square().mean(), steps=3)"
            )
            environment = {**{k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"}, **environment}
            return subprocess.run(
                [sys.executable, "-W", "ignore", "-c", script],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            ).stderr

        return run

    def test_there_is_a_bar_with_the_number_of_steps(self, shown):
        assert "training" in shown()

    def test_tqdm_disable_silences_it(self, shown):
        assert shown(TQDM_DISABLE="1") == ""
