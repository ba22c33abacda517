import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch
from toys import BUG, CHOICE, FUNCTION, MODULE, NUMBER, TOYS, TUNE, attention

from utils.exercises import Case, Misconception
from utils.exercises.checking import assess
from utils.exercises.view import Html, call_text, hint_bundle, options_bundle, result_bundle, tag


def bundle_for(exercise, answer, seed=1, notes=()):
    a = assess(exercise, answer, seed)
    return result_bundle(exercise, a.verdict, a.cases, a.outcomes, a.expected, notes)


class Outline(HTMLParser):
    """Collects the elements, checks that each is closed, and keeps the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.seen, self.text, self.deepest_details = [], [], "", 0
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))
        self.deepest_details = max(self.deepest_details, self.open.count("details"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_line_of_a_pass_is_short_and_stable():
    assert bundle_for(FUNCTION, attention)["text/plain"] == "0.1.91 Attention, vectorised: passed, 3 points"
    assert bundle_for(NUMBER, 3072)["text/plain"] == "0.1.93 How many numbers?: passed, 1 point"


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_the_view_of_a_pass_depends_on_nothing_but_the_exercise(toy):
    views = {
        json.dumps(bundle_for(toy, answer, seed)) for seed, answer in enumerate([toy.reference, *toy.alternatives])
    }
    assert len(views) == 1


def test_what_a_right_answer_prints_does_not_change_its_view():
    def chatty(query, key, scale):
        print(query)
        return attention(query, key, scale)

    assert bundle_for(FUNCTION, chatty) == bundle_for(FUNCTION, attention)


def test_a_known_mistake_is_told_in_text_and_html():
    bundle = bundle_for(FUNCTION, FUNCTION.misconceptions[0].answer)
    assert bundle["text/plain"] == (
        "0.1.91 Attention, vectorised: not yet\n  no scale: Your numbers are those without the scale."
    )
    assert "no scale: Your numbers are those without the scale." in Outline(bundle["text/html"]).text


def test_the_html_tells_what_was_called_and_what_came_back():
    def crooked(query, key, scale):
        value = attention(query, key, scale)
        value[2, 1] += 0.5
        return value

    text = Outline(bundle_for(FUNCTION, crooked)["text/html"]).text
    assert "attention(query=tensor float32 (4, 8), key=tensor float32 (5, 8), scale=0.5)" in text
    assert "1 of 2, part: few" in text
    assert "Came backtensor float32 (4, 5)" in text
    assert "Expectedtensor float32 (4, 5)" in text
    assert "Largest difference0.5 at [2, 1]" in text


def test_the_html_of_a_crash_shows_the_learners_own_line_and_prints():
    def crashes(query, key, scale):
        print("so far so good")
        return query @ key

    bundle = bundle_for(replace(FUNCTION, misconceptions=()), crashes)
    text = Outline(bundle["text/html"]).text
    assert re.fullmatch(r"  in your line \d+: return query @ key", bundle["text/plain"].splitlines()[-1])
    assert re.search(r"Your codeline \d+: return query @ key", text)
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x8 and 5x8)" in text
    assert "Printedso far so good" in text


def test_the_planted_bug_says_that_it_is_still_there():
    bundle = bundle_for(BUG, BUG.misconceptions[0].answer)
    assert bundle["text/plain"].splitlines() == [
        "0.1.95 A mean gone wrong: to do",
        "  This is still the code as it was given: find the bug in it.",
    ]
    assert "This is the bug" not in bundle["text/html"]


def test_a_stub_says_to_do_and_nothing_more_than_the_hints():
    bundle = bundle_for(FUNCTION, ...)
    assert bundle["text/plain"] == "0.1.91 Attention, vectorised: to do"
    assert "table" not in bundle["text/html"]


def test_parts_that_are_right_are_counted_in_the_line():
    bundle = bundle_for(FUNCTION, lambda query, key, scale: attention(query, key, scale) if scale < 1 else None)
    assert bundle["text/plain"].startswith("0.1.91 Attention, vectorised: not yet, 1 of 2 parts right\n")
    assert "Part: fewright" in Outline(bundle["text/html"]).text


def test_hints_open_one_by_one():
    outline = Outline(bundle_for(FUNCTION, ...)["text/html"])
    assert outline.deepest_details == 3
    assert [tag for tag, _ in outline.seen].count("summary") == 3
    assert not any("open" in attributes for _, attributes in outline.seen)
    positions = [outline.text.index(f"Hint {number} of 3") for number in (1, 2, 3)]
    assert positions == sorted(positions)


NASTY = "<script>alert('x')</script><img src=x onerror=alert(1)>"


def test_nothing_that_comes_from_outside_reaches_the_page_as_html():
    def nasty(query, key, scale):
        print(NASTY)
        raise ValueError(NASTY)  # <b>line</b>

    def nasty_text(query, key, scale):
        return {NASTY: NASTY}

    nasty_exercise = replace(
        FUNCTION,
        title=NASTY,
        hints=(NASTY, NASTY, NASTY),
        misconceptions=(Misconception(name=NASTY, sentence=NASTY, answer=nasty_text),),
        cases=lambda rng: [Case(args=(NASTY, NASTY, NASTY), group=NASTY), Case(args=(1, 2, 3), group="other")],
        reference=lambda query, key, scale: NASTY,
    )
    pages = [
        bundle_for(nasty_exercise, nasty, notes=[NASTY]),
        bundle_for(nasty_exercise, nasty_text),
        bundle_for(nasty_exercise, nasty_exercise.reference),
        bundle_for(CHOICE, (NASTY, 1)),
        bundle_for(NUMBER, NASTY),
        hint_bundle(nasty_exercise, 1, NASTY),
        options_bundle(replace(CHOICE, options=dict.fromkeys("abc", NASTY), title=NASTY)),
    ]
    for page in pages:
        tags = {tag for tag, _ in Outline(page["text/html"]).seen}
        assert not tags & {"script", "img", "b"}


def test_tag_escapes_children_and_attributes_but_not_html():
    assert tag("p", "<b>", tag("i", "&"), title='"x"') == '<p title="&quot;x&quot;">&lt;b&gt;<i>&amp;</i></p>'
    assert tag("p", Html("<br>")) == "<p><br></p>"


@pytest.mark.parametrize(
    ("exercise", "answer", "word"),
    [
        (FUNCTION, attention, "passed"),
        (FUNCTION, ..., "to do"),
        (FUNCTION, torch.softmax, "crashed"),
        (FUNCTION, FUNCTION.misconceptions[0].answer, "not yet"),
    ],
)
def test_the_status_is_a_word_in_a_named_group_and_no_text_has_a_colour_of_its_own(exercise, answer, word):
    page = bundle_for(exercise, answer)["text/html"]
    outline = Outline(page)
    assert outline.seen[0][1]["role"] == "group"
    assert outline.seen[0][1]["aria-label"] == "Result of exercise 0.1.91"
    assert f": {word}" in outline.text
    assert set(re.findall(r"(?<![-\w])color:([^;\"]+)", page)) == {"inherit"}
    assert set(re.findall(r"background:([^;\"]+)", page)) == {"none"}
    assert all(attributes.get("scope") == "row" for tag, attributes in outline.seen if tag == "th")


def test_notes_are_in_the_html_and_not_in_the_stable_text():
    bundle = bundle_for(FUNCTION, attention, notes=["your progress was not saved"])
    assert "your progress was not saved" not in bundle["text/plain"]
    assert "Note: your progress was not saved" in bundle["text/html"]


@pytest.mark.parametrize("answer", [3071, "3072?", None, 5.5e6])
def test_the_view_of_a_wrong_number_does_not_hold_the_right_one(answer):
    bundle = bundle_for(replace(NUMBER, reference=4096), answer)
    assert "4096" not in "".join(bundle.values())


def test_a_wrong_choice_does_not_show_the_right_one():
    bundle = bundle_for(CHOICE, ("c", 2))
    assert "option c, which is not the right one" in bundle["text/plain"]
    assert not re.search(r"\bb\b.{0,5}3", Outline(bundle["text/html"]).text)


def test_a_tune_shows_what_was_measured_beside_the_target():
    text = Outline(bundle_for(TUNE, {"temperature": 0.4, "steps": 1})["text/html"]).text
    assert re.search(r"Measured0\.70\d*", text)
    assert "Targetat least 0.9" in text


def test_options_are_given_with_letters_and_reasons_with_numbers():
    bundle = options_bundle(CHOICE)
    assert bundle["text/plain"].splitlines() == [
        "0.1.94 What fails?",
        "Options:",
        "  a  The text tower",
        "  b  Relations <between> objects",
        "  c  Nothing",
        "Reasons:",
        "  1  It is too small",
        "  2  It saw no text",
        "  3  One vector holds a bag of words",
    ]
    text = Outline(bundle["text/html"]).text
    assert "b Relations <between> objects" in text
    assert "3 One vector holds a bag of words" in text


def test_the_call_of_a_module_shows_how_it_was_built():
    case = Case(init={"width": 4}, args=(torch.ones(2, 4),))
    assert call_text(MODULE, case) == "Gate(width=4)(x=tensor float32 (2, 4))"


def test_a_call_with_more_arguments_than_names_is_shown_in_order():
    many = replace(FUNCTION, reference=lambda *tensors: tensors[0], misconceptions=(), alternatives=())
    assert call_text(many, Case(args=(1, "two"), kwargs={})) == "attention(tensors=1, 'two')"


def test_a_long_argument_is_cut():
    assert len(call_text(FUNCTION, Case(args=(["word" * 20] * 50,), kwargs={}))) < 200
