from types import SimpleNamespace

import pytest

from utils.publishing.verdicts import find_verdict, mask_measured, output_summary, output_text


def test_the_line_of_a_passed_exercise_is_understood():
    verdict = find_verdict("2.3.1 InfoNCE, vectorised: passed, 3 points\n", "2.3.1")
    assert (verdict.title, verdict.status, verdict.message) == ("InfoNCE, vectorised", "passed", "3 points")
    assert verdict.line == "2.3.1 InfoNCE, vectorised: passed, 3 points"


def test_sentences_below_the_line_belong_to_the_verdict():
    text = "2.3.1 Loss: not yet, 1 of 2 parts right\n  No temperature: you forgot it.\n  Try again.\nsomething else"
    verdict = find_verdict(text, "2.3.1")
    assert verdict.status == "not yet"
    assert verdict.message == "1 of 2 parts right. No temperature: you forgot it. Try again."


def test_the_last_verdict_counts_and_other_exercises_do_not():
    text = "2.3.1 A: passed, 9 points\n2.3.1 A: to do\n2.3.11 B: passed, 1 point\n2x3.1 C: passed"
    assert find_verdict(text, "2.3.1").status == "to do"
    assert find_verdict(text, "2.3.4") is None


def test_a_title_may_hold_a_colon():
    assert find_verdict("1.1.1 Bytes: how many?: too slow: more than 10 s", "1.1.1").title == "Bytes: how many?"


def test_the_engine_prints_lines_of_this_form():
    from utils.exercises.judging import Verdict
    from utils.exercises.view import status_line

    exercise = SimpleNamespace(id="2.3.1", title="InfoNCE", points=3)
    for status in ("passed", "to do", "not yet", "crashed", "too slow"):
        found = find_verdict(status_line(exercise, Verdict(status, earned=0)), "2.3.1")
        assert (found.title, found.status) == ("InfoNCE", status)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("recall@1 0.97, bar 0.90: met", "recall@1 <measured>, bar 0.90: met"),
        ("seconds 41.20, at most 60.00: met", "seconds <measured>, at most 60.00: met"),
        ("loss -1.5e-05, bar 0.90: NOT met", "loss <measured>, bar 0.90: NOT met"),
        ("accuracy 97%, bar 90%: met", "accuracy <measured>%, bar 90%: met"),
        ("time 41 s, bar 60 s: met", "time <measured> s, bar 60 s: met"),
        ("recall 0.97 [0.95, 0.99], bar 0.90: met", "recall <measured> [<measured>], bar 0.90: met"),
        ("loss nan, bar 0.90: NOT met", "loss <measured>, bar 0.90: NOT met"),
        ("64 captions, 2 words each", "64 captions, 2 words each"),
        ("a 3x3 matrix, bar chart", "a 3x3 matrix, bar chart"),
    ],
)
def test_only_the_measured_figure_is_masked(text, masked):
    assert mask_measured(text) == masked


def test_what_report_prints_is_masked(capsys):
    from utils.evaluation.report import report

    for value in (0.97, 0.91):
        report("recall@1", value, bar=0.9)
        report("seconds", 10 * value, at_most=60)
    lines = [mask_measured(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[:2] == lines[2:]
    assert "0.97" not in lines[0]


def test_text_and_summary_of_outputs_are_found():
    summary = {"exercise": "1.1.1", "status": "passed", "earned": 2, "points": 2}
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "a warning\n"},
        {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
        {
            "output_type": "display_data",
            "data": {"text/plain": "three", "text/html": "no"},
            "metadata": {"course": summary},
        },
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
    ]
    assert output_text(outputs) == "one\ntwo\nthree\n"
    assert output_summary(outputs, "1.1.1") == summary
    assert output_summary(outputs, "1.1.2") == {}
