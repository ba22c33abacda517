import json
import os
import subprocess
import sys
import threading

import pytest
import torch
from toys import BUG, CHOICE, FUNCTION, MODULE, NUMBER, TOYS, TUNE, attention, forgets_the_scale

from utils.exercises import ExerciseNotPassed, UnknownExercise, check, checking, hint, options, progress, working


def printed(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_check_prints_one_stable_line_for_a_pass(toy, capsys):
    assert check(toy.id, toy.reference) is None
    assert printed(capsys) == f"{toy.id} {toy.title}: passed, {'1 point' if toy.points == 1 else '3 points'}\n"


def test_check_never_raises_for_a_wrong_answer(capsys):
    for answer in (..., None, 3, "text", forgets_the_scale, lambda: 1, lambda *a, **k: 1 / 0, torch.nn.Linear):
        check("0.1.91", answer)
    assert printed(capsys).count("0.1.91 Attention, vectorised: ") == 8


def test_check_draws_fresh_cases_each_time_unless_a_seed_is_given(capsys):
    seen = []

    def spy(query, key, scale):
        seen.append(query)
        return attention(query, key, scale)

    for seed in (None, None, 7, 7):
        check("0.1.91", spy, seed=seed)
    first, second, third, fourth = seen[::2]
    assert not torch.equal(first, second)
    assert torch.equal(third, fourth)


@pytest.mark.parametrize(("name", "value"), [("COURSE_STRICT", "1"), ("NBGRADER_EXECUTION", "autograde")])
def test_strict_mode_raises_after_showing(monkeypatch, capsys, name, value):
    monkeypatch.setenv(name, value)
    check("0.1.91", attention)
    with pytest.raises(ExerciseNotPassed, match="Attention, vectorised: not yet"):
        check("0.1.91", forgets_the_scale)
    assert "without the scale" in printed(capsys)
    with pytest.raises(ExerciseNotPassed, match="to do"):
        check("0.1.91", ...)


@pytest.mark.parametrize("call", [lambda: check("0.1.99", 1), lambda: working("9.9.9", 1), lambda: hint("x")])
def test_an_unknown_number_is_a_clear_error(call):
    with pytest.raises(UnknownExercise, match=r"near it are .*\d\.\d\.\d"):
        call()


def test_a_check_off_the_main_thread_says_that_no_limit_holds(monkeypatch):
    bundles = []
    monkeypatch.setattr(checking.view, "display_bundle", lambda bundle, metadata=None: bundles.append(bundle))
    thread = threading.Thread(target=check, args=("0.1.91", attention))
    thread.start()
    thread.join()
    assert bundles[0]["text/plain"].endswith("passed, 3 points")
    assert "the time limit was not enforced" in bundles[0]["text/html"]


def test_the_display_carries_the_result_for_programs(monkeypatch):
    shown = []
    monkeypatch.setattr(checking.view, "display_bundle", lambda bundle, metadata=None: shown.append(metadata))
    check("0.1.91", attention)
    assert shown == [{"course": {"exercise": "0.1.91", "status": "passed", "earned": 3.0, "points": 3}}]


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_working_is_the_reference_until_the_learners_own_passes(toy, capsys):
    wrong = toy.misconceptions[0].answer
    assert working(toy.id, ...) is toy.reference
    assert working(toy.id, wrong) is toy.reference
    mine = toy.alternatives[0] if toy.alternatives else toy.reference
    assert working(toy.id, mine) is mine
    assert printed(capsys) == ""


def test_working_does_not_run_again_what_was_checked(capsys):
    calls = []

    def mine(query, key, scale):
        calls.append(1)
        return attention(query, key, scale)

    check("0.1.91", mine)
    assert len(calls) == 2
    assert working("0.1.91", mine) is mine
    assert len(calls) == 2


def test_working_believes_only_this_very_answer(capsys):
    check("0.1.91", attention)
    assert working("0.1.91", forgets_the_scale) is FUNCTION.reference
    settings = dict(TUNE.reference)
    check("0.1.96", settings)
    assert working("0.1.96", settings) is settings
    settings["temperature"] = 1.0
    assert working("0.1.96", settings) is TUNE.reference


def test_working_does_not_wait_again_for_an_answer_that_was_too_slow(monkeypatch, capsys):
    calls = []

    def endless(query, key, scale):
        calls.append(1)
        while True:
            pass

    check("0.1.91", endless)
    assert "too slow" in printed(capsys)
    assert working("0.1.91", endless) is attention
    assert len(calls) == 1


def test_working_tries_again_when_a_helper_was_mended(capsys):
    helper = {"scale": 0.0}

    def mine(query, key, scale):
        return attention(query, key, scale + helper["scale"])

    helper["scale"] = 1.0
    check("0.1.91", mine)
    helper["scale"] = 0.0
    assert working("0.1.91", mine) is mine


def test_working_and_strictness_do_not_mix(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    assert working("0.1.91", forgets_the_scale) is attention


def test_the_planted_bug_works_on_with_the_reference():
    assert working("0.1.95", BUG.misconceptions[0].answer) is BUG.reference


def test_working_on_a_number_and_a_module():
    assert working("0.1.93", 1024) == 3072
    assert working("0.1.92", MODULE.misconceptions[0].answer) is MODULE.reference


def test_hints_come_one_after_the_other_and_then_the_place_of_the_solution(capsys):
    for _ in range(5):
        hint("0.1.91")
    assert printed(capsys).splitlines() == [
        "0.1.91 hint 1 of 3: What should each row sum to?",
        "0.1.91 hint 2 of 3: Look at softmax.",
        "0.1.91 hint 3 of 3: logits.softmax(dim=-1)",
        *["0.1.91: no more hints: A worked solution is in solutions/0_start/1_start_here.ipynb"] * 2,
    ]


def test_options_are_shown_for_a_choice_only(capsys):
    options("0.1.94")
    assert "  b  Relations <between> objects\n" in printed(capsys)
    with pytest.raises(ValueError, match=r"exercise 0\.1\.91 is a function: only a choice has options"):
        options("0.1.91")


def test_progress_follows_checks_and_hints_but_not_what_is_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "mine.json"))
    check("0.1.91", ...)
    assert progress.read_progress().records == {}
    check("0.1.91", forgets_the_scale)
    hint("0.1.91")
    check("0.1.91", attention)
    check("0.1.91", forgets_the_scale)
    working("0.1.91", forgets_the_scale)
    record = progress.read_progress().records["0.1.91"]
    assert (record.status, record.attempts, record.hints_opened) == ("passed", 3, 1)
    assert record.last_misconception == "no scale"
    assert record.first_passed_at


def test_a_check_works_where_progress_cannot_be_kept(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    bundles = []
    monkeypatch.setattr(checking.view, "display_bundle", lambda bundle, metadata=None: bundles.append(bundle))
    check("0.1.91", attention)
    hint("0.1.91")
    assert bundles[0]["text/plain"] == "0.1.91 Attention, vectorised: passed, 3 points"
    assert bundles[0]["text/html"].count("your progress was not saved") == 1
    assert "your progress was not saved" in bundles[1]["text/html"]


def test_a_choice_may_be_checked_with_its_parts_apart(capsys):
    check("0.1.94", ["b", 3])
    assert "passed" in printed(capsys)
    assert working("0.1.94", ("a", 1)) == CHOICE.reference
    assert NUMBER.reference == working("0.1.93", ...)


def test_importing_the_exercises_brings_neither_torch_nor_ipython_nor_numpy():
    code = "import sys, utils.exercises; print({'torch', 'IPython', 'numpy', 'matplotlib'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


KERNEL_EXERCISE = """
from utils.exercises import Case, Exercise, Misconception, check
from utils.exercises.registry import registered
double = Exercise(
    id="0.1.91", title="Double", kind="function", entry="double", points=1, difficulty=1, importance=1, minutes=1,
    hints=("a", "b", "c"), reference=lambda x: 2 * x, time_limit=0.5,
    cases=lambda rng: [Case(args=(int(rng.integers(5, 99)),))],
    misconceptions=(Misconception(name="adds two", sentence="You add two.", answer=lambda x: x + 2),),
)
keep = registered(double)
keep.__enter__()
"""


def test_in_a_real_kernel_results_are_displayed_and_loops_are_stopped():
    import nbformat
    from nbclient import NotebookClient

    cells = [
        KERNEL_EXERCISE,
        "def double(x):\n    print('p')\n    display('d')\n    return 2 * x\ncheck('0.1.91', double)",
        "def double(x):\n    y = x\n    return y / 0\ncheck('0.1.91', double)",
        "import time\ndef double(x):\n    time.sleep(60)\ncheck('0.1.91', double)",
        "check('0.1.91', lambda x: x + 2)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    environment = {**os.environ, "COURSE_PROGRESS": "off"}
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=environment)
    _, passed, crashed, slow, named = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in passed] == ["display_data"]
    assert passed[0].data["text/plain"] == "0.1.91 Double: passed, 1 point"
    assert passed[0].data["text/html"].startswith("<div")
    assert passed[0].metadata["course"] == {"exercise": "0.1.91", "status": "passed", "earned": 1.0, "points": 1}
    assert "line 3: return y / 0" in crashed[0].data["text/html"]
    assert "stopped after 0.5 seconds" in slow[0].data["text/plain"]
    assert "adds two: You add two." in named[0].data["text/plain"]
    json.dumps(notebook)
