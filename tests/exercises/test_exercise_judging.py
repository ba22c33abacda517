from dataclasses import replace

import pytest
import torch
from toys import BUG, CHOICE, FUNCTION, MODULE, NUMBER, TOYS, TUNE, attention, forgets_the_scale

from utils.exercises import Case, Misconception
from utils.exercises.checking import assess, blind_spots, distinguishes, run, run_misconceptions
from utils.exercises.definition import DefinitionError, custom
from utils.exercises.judging import judge
from utils.exercises.running import make_cases


def verdict_on(exercise, answer, seed=1):
    return assess(exercise, answer, seed).verdict


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_the_reference_earns_all_points(toy):
    verdict = verdict_on(toy, toy.reference)
    assert (verdict.status, verdict.earned, verdict.misconception) == ("passed", toy.points, None)


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_dots_are_to_do_and_earn_nothing(toy):
    assert (verdict_on(toy, ...).status, verdict_on(toy, ...).earned) == ("to do", 0)


def test_a_misconception_is_named_when_the_outputs_agree_on_all_cases():
    verdict = verdict_on(FUNCTION, lambda query, key, scale: torch.softmax(query @ key.T, 1))
    assert verdict.status == "not yet"
    assert verdict.misconception.name == "no scale"
    assert verdict.earned == 0


def test_a_misconception_is_not_named_when_one_case_disagrees():
    def half_wrong(query, key, scale):
        return forgets_the_scale(query, key, scale) if scale < 1 else attention(query, key, scale) + 1

    assert verdict_on(FUNCTION, half_wrong).misconception is None


def test_a_misconception_that_raises_is_recognised_by_its_error():
    verdict = verdict_on(FUNCTION, lambda query, key, scale: (query @ key * scale).softmax(-1))
    assert (verdict.status, verdict.misconception.name) == ("crashed", "no transpose")


def test_another_error_of_the_same_type_is_not_taken_for_the_misconception():
    def other_runtime_error(query, key, scale):
        raise RuntimeError("something else")

    verdict = verdict_on(FUNCTION, other_runtime_error)
    assert (verdict.status, verdict.misconception) == ("crashed", None)


def test_a_misconception_that_is_right_on_the_cases_drawn_is_never_named():
    # with two rows alike, forgetting the scale makes no difference
    blind = replace(FUNCTION, cases=lambda rng: [Case(args=(torch.ones(2, 3), torch.ones(2, 3)), kwargs={"scale": 2})])
    assert not distinguishes(blind, seed=1)
    assert "'no scale' gives the same as 'the reference'" in blind_spots(blind, seed=1)[0]
    assert verdict_on(blind, forgets_the_scale).passed
    almost = verdict_on(blind, lambda query, key, scale: attention(query, key, scale) * (1 + 2e-4))
    assert (almost.status, almost.misconception) == ("not yet", None)


def test_two_misconceptions_that_cannot_be_told_apart_are_a_blind_spot():
    twice = replace(
        FUNCTION,
        misconceptions=(
            *FUNCTION.misconceptions,
            Misconception(name="again", sentence="The same.", answer=lambda query, key, scale: scale * query @ key.T),
        ),
    )
    assert blind_spots(twice, seed=1) == ["on seed 1, 'again' gives the same as 'no softmax'"]


def test_a_predicate_recognises_a_mistake_with_many_faces():
    assert verdict_on(NUMBER, 7_654_321).misconception.name == "in the millions"
    assert verdict_on(NUMBER, 1000).misconception is None


def test_a_predicate_that_stumbles_over_an_odd_answer_recognises_nothing():
    assert verdict_on(NUMBER, "many").misconception is None
    assert verdict_on(CHOICE, 3).misconception is None


def test_the_planted_bug_is_still_to_do():
    verdict = verdict_on(BUG, lambda table: table.float().mean(0))
    assert (verdict.status, verdict.misconception.planted, verdict.earned) == ("to do", True, 0)


def test_a_bug_may_sit_in_a_module():
    from toys import Gate, GateWithoutResidual

    planted = Misconception(name="as given", sentence="The bug.", answer=GateWithoutResidual, planted=True)
    bug = replace(MODULE, kind="bug", misconceptions=(planted,))
    assert bug.runs_as == "module"
    assert verdict_on(bug, Gate).passed
    assert verdict_on(bug, GateWithoutResidual).status == "to do"


def test_a_changed_input_is_told_even_when_the_values_are_right():
    def spoils(query, key, scale):
        value = attention(query, key, scale)
        key.zero_()
        return value

    verdict = verdict_on(FUNCTION, spoils)
    assert verdict.status == "not yet"
    assert "changed its input key" in verdict.public_text


def test_a_misconception_may_be_to_change_the_input():
    def in_place(query, key, scale):
        value = attention(query, key, scale)
        query.mul_(scale)
        return value

    wrong = Misconception(name="in place", sentence="Your input was changed.", answer=in_place)
    exercise = replace(FUNCTION, misconceptions=(wrong,))
    assert distinguishes(exercise, seed=1)
    assert verdict_on(exercise, in_place).misconception is wrong


def test_each_part_earns_its_share():
    def right_for_few(query, key, scale):
        return attention(query, key, scale) if len(query) == 4 else None

    verdict = verdict_on(FUNCTION, right_for_few)
    assert verdict.groups == {"few": True, "many": False}
    assert verdict.earned == 1.5
    assert verdict.case == 1


def test_an_answer_that_is_right_but_for_a_crash_in_one_part_keeps_the_other():
    def crashes_for_many(query, key, scale):
        return attention(query, key, scale) if len(query) == 4 else 1 / 0

    verdict = verdict_on(FUNCTION, crashes_for_many)
    assert (verdict.status, verdict.earned) == ("crashed", 1.5)
    assert verdict.problem.type == "ZeroDivisionError"


def test_a_part_that_is_still_a_stub_leaves_the_other_its_points():
    def half_written(query, key, scale):
        if len(query) == 4:
            return attention(query, key, scale)
        raise NotImplementedError

    verdict = verdict_on(FUNCTION, half_written)
    assert (verdict.status, verdict.earned) == ("to do", 1.5)


def test_too_slow_is_told_before_what_else_is_wrong():
    def wrong_then_endless(query, key, scale):
        while len(query) == 6:
            pass

    verdict = verdict_on(replace(FUNCTION, time_limit=0.2), wrong_then_endless)
    assert verdict.status == "too slow"
    assert verdict.public_text.startswith("stopped after 0.2 seconds")


def test_an_answer_that_needs_another_exercise_says_which():
    def waits(query, key, scale):
        raise NotImplementedError("exercise 2.2.4")

    verdict = verdict_on(FUNCTION, waits)
    assert (verdict.status, verdict.public_text) == ("to do", "it calls exercise 2.2.4, which is still to do")


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (("b", 3), "passed", ""),
        (["B ", 3], "passed", ""),
        (("b", 2), "not yet", "the right option, b, with reason 2, which is not why"),
        (("c", 3), "not yet", "option c, which is not the right one"),
        (("z", 3), "not yet", "option 'z' where one of a, b, c was expected"),
        (("b", 9), "not yet", "reason 9 where a number from 1 to 3 was expected"),
        (("b", True), "not yet", "where a pair such as"),
        ("b3", "not yet", "'b3' where a pair such as (\"a\", 1)"),
        (None, "not yet", "None where a pair such as"),
        (("b", ...), "to do", ""),
    ],
)
def test_a_choice_is_judged_by_option_and_reason(answer, status, said):
    verdict = verdict_on(CHOICE, answer)
    assert verdict.status == status
    assert said in verdict.public_text


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"temperature": 0.12, "steps": 5}, "passed", ""),
        ({"temperature": 0.4, "steps": 5}, "not yet", "when measured, where at least 0.9 is the target"),
        ({"temperature": 0.1}, "not yet", "settings 'temperature' where 'temperature', 'steps' were expected"),
        ({"temperature": 0.0, "steps": 5}, "not yet", "the temperature must be above 0"),
        ({"temperature": "hot", "steps": 5}, "crashed", "raised TypeError"),
        ({"temperature": float("nan"), "steps": 5}, "not yet", "NaN when measured"),
        ({"temperature": ..., "steps": 5}, "to do", ""),
        (0.1, "not yet", "0.1 where a dictionary of settings was expected"),
        (None, "not yet", "None where a dictionary"),
    ],
)
def test_a_tune_is_measured_against_its_target(settings, status, said):
    verdict = verdict_on(TUNE, settings)
    assert verdict.status == status
    assert said in verdict.public_text


def test_a_tune_may_aim_low():
    low = replace(TUNE, direction="at most", target=0.5)
    assert verdict_on(low, {"temperature": 0.9, "steps": 1}).passed
    assert not verdict_on(low, {"temperature": 0.1, "steps": 1}).passed


def test_settings_are_copied_before_they_are_measured():
    def greedy(settings, rng):
        return settings.pop("temperature")

    mine = {"temperature": 1.0, "steps": 1}
    assert verdict_on(replace(TUNE, measure=greedy), mine).passed
    assert mine == {"temperature": 1.0, "steps": 1}


def test_a_measurement_that_never_ends_is_stopped():
    def measure(settings, rng):
        while settings["steps"] > 1000:
            pass
        return 1.0

    slow = replace(TUNE, measure=measure, time_limit=0.2)
    assert verdict_on(slow, {"temperature": 0.1, "steps": 10**9}).status == "too slow"


@pytest.mark.parametrize("answer", [3072, 3072.0, torch.tensor(3072), torch.tensor(3072.0, requires_grad=True)])
def test_a_number_may_come_in_any_dress(answer):
    assert verdict_on(NUMBER, answer).passed


def test_what_is_public_holds_no_number_of_the_cases():
    def crashes_and_quotes(query, key, scale):
        raise ValueError(f"secret {query[0, 0].item()}")

    quoted = verdict_on(FUNCTION, crashes_and_quotes)
    assert "secret" in quoted.detail
    assert "secret" not in quoted.public_text
    off = verdict_on(FUNCTION, lambda query, key, scale: attention(query, key, scale) + 1)
    assert "20 of 20 differ, most at [" in off.detail
    assert off.public_text == "attention returned other values than expected"
    keyed = verdict_on(FUNCTION, lambda query, key, scale: {str(query): 1})
    assert "0." not in keyed.public_text


def test_the_answer_of_a_number_is_never_told():
    verdict = verdict_on(NUMBER, 3071)
    assert "3072" not in verdict.public_text + verdict.detail


def test_none_asks_whether_the_return_is_missing():
    verdict = verdict_on(FUNCTION, lambda query, key, scale: None)
    assert verdict.public_text == (
        "attention returned None where a tensor float32 (4, 5) was expected: is the `return` missing?"
    )


def test_a_custom_comparison_gives_its_own_sentence():
    rows = custom(lambda got, expected, case: "" if (got.sum(1) - 1).abs().max() < 1e-5 else "the rows must sum to one")
    exercise = replace(FUNCTION, compare=rows, misconceptions=FUNCTION.misconceptions[1:3])
    assert verdict_on(exercise, lambda query, key, scale: torch.full((len(query), 2), 0.5)).passed
    assert verdict_on(exercise, lambda query, key, scale: query).public_text == "the rows must sum to one"
    assert verdict_on(exercise, FUNCTION.misconceptions[2].answer).misconception.name == "no softmax"


def test_judging_is_pure_and_needs_no_misconceptions_to_see_a_pass():
    cases = make_cases(FUNCTION, 1)
    expected = run(FUNCTION, attention, cases, 1)
    wrong = run_misconceptions(FUNCTION, cases, 1)
    assert judge(FUNCTION, cases, expected, expected).passed
    unnamed = judge(FUNCTION, cases, wrong["no scale"], expected)
    named = judge(FUNCTION, cases, wrong["no scale"], expected, wrong)
    assert (unnamed.misconception, named.misconception.name) == (None, "no scale")
    assert unnamed.public_text == named.public_text


def test_a_reference_that_fails_is_the_courses_mistake():
    broken = replace(FUNCTION, reference=lambda query, key, scale: 1 / 0)
    with pytest.raises(DefinitionError, match="the reference fails"):
        assess(broken, attention, 1)


def test_a_learner_whose_answer_ends_in_nan_is_told_so():
    verdict = verdict_on(FUNCTION, lambda query, key, scale: attention(query, key, scale) * float("nan"))
    assert "NaN, not a number, first at [0, 0]" in verdict.public_text


def test_inputs_of_each_draw_are_fresh():
    assert not torch.equal(make_cases(FUNCTION, 1)[0].args[0], make_cases(FUNCTION, 2)[0].args[0])
