"""`{{term ...}}` in a lesson's prose becomes a link to the glossary."""

import toy

from utils.glossary import term_link
from utils.publishing.source import read_lesson


def prose(tmp_path, text):
    """The first cell of a lesson whose prose is `text`, and the problems found in it."""
    source = tmp_path / "lesson.py"
    source.write_text(f"# %% [markdown]\n# {text}\n", encoding="utf-8")
    notebook, problems = read_lesson(source, toy.LESSON, ())
    return notebook.cells[0].source, [problem.message for problem in problems]


def test_a_term_becomes_a_link_with_its_sentence(tmp_path):
    text, problems = prose(tmp_path, "This is {{term cross-attention}}, in {{minutes}} minutes.")
    assert text == f"This is {term_link('cross-attention')}, in 7 minutes."
    assert problems == []


def test_other_words_may_stand_for_it(tmp_path):
    text, problems = prose(tmp_path, "Two {{term encoder|encoders, side by side}} and {{ term ViT | a ViT }}.")
    assert text == f"Two {term_link('encoder', 'encoders, side by side')} and {term_link('ViT', 'a ViT')}."
    assert problems == []


def test_an_unknown_term_is_a_problem_with_the_nearest_ones(tmp_path):
    text, problems = prose(tmp_path, "This is {{term cross-attn}}.")
    assert "{{term cross-attn}}" in text
    (problem,) = problems
    assert "the glossary has no term 'cross-attn'; did you mean cross-attention" in problem


def test_a_term_without_a_name_and_a_label_for_something_else_are_problems(tmp_path):
    for expansion in ("{{term}}", "{{minutes|seven}}"):
        _, problems = prose(tmp_path, f"So {expansion}.")
        assert f"{expansion} is not known; there are" in problems[0]


def test_a_term_may_have_several_words_and_a_line_break_between_them(tmp_path):
    text, problems = prose(tmp_path, "By {{term late\n# fusion}} or {{term soft token|soft\n# tokens}}.")
    assert text == f"By {term_link('late fusion')} or {term_link('soft token', 'soft tokens')}."
    assert problems == []


def test_braces_that_are_no_expansion_are_a_problem(tmp_path):
    for left in ("{{term late fusion", "{{}}", "{{term a|b|c}}"):
        _, problems = prose(tmp_path, f"By {left}.")
        assert problems == ["a {{ that begins no expansion, or one without its }}"], left
