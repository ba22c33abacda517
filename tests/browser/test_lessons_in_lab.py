"""Each lesson as its learner meets it: opened in JupyterLab, run from top to bottom, its widgets moved, an exercise solved."""

import shutil

import pytest

from utils.exercises import find_exercise
from utils.lessons import LESSONS, find_lesson

# an exercise of each lesson, with a wrong answer whose name the check must know, and a right one
ANSWERS = {
    "2.3": (
        "2.3.2",
        "def cosine_similarities(images, texts):\n    return images @ texts.T",
        "dot products, not cosines",
        "def cosine_similarities(images, texts):\n    return F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T",
    ),
}


@pytest.fixture(scope="module", params=[lesson.id for lesson in LESSONS])
def lesson(request):
    return find_lesson(request.param)


@pytest.fixture(scope="module")
def page(lab, lesson):
    """The learner's notebook, opened and run from top to bottom, unsolved."""
    target = lab.root / lesson.notebook.name
    shutil.copy(lesson.notebook, target)
    page = lab.open(target.name)
    page.run_all(timeout=600)
    yield page
    page.close()


def test_an_unsolved_lesson_runs_to_its_end_without_an_error(page, lesson):
    page.screenshot(f"lesson-{lesson.id}-run")
    assert page.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0


def test_each_widget_of_a_lesson_is_accessible(page, lesson):
    widgets = page.page.locator(".course-widget")
    assert widgets.count() > 0
    for i in range(widgets.count()):
        assert page.axe(widgets.nth(i)) == []


def test_a_wrong_answer_is_diagnosed_and_a_right_one_passes(page, lesson):
    if lesson.id not in ANSWERS:
        pytest.fail(f"lesson {lesson.id} has no answers to type here: add a wrong and a right one")
    number, wrong, name, right = ANSWERS[lesson.id]
    answer, check = (f"{kind}-{number.replace('.', '-')}" for kind in ("answer", "check"))
    for typed in (wrong, right):
        page.type_in_cell(answer, typed)
        page.run_cell(answer)
        page.run_cell(check)
        shown = page.cell_output_text(check)
        if typed is wrong:
            page.screenshot(f"lesson-{lesson.id}-diagnosis", page.cell(check))
            assert name in shown
        else:
            assert f"{find_exercise(number).title}: passed" in shown
