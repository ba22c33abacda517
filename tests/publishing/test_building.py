"""From one source to two notebooks, on a toy lesson."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
import toy

from utils.lessons import LESSONS
from utils.publishing.building import build, find_orphans, find_stale
from utils.publishing.problems import BuildError
from utils.publishing.trees import WIDGET_VIEW


def cells(path: Path) -> dict:
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def marked(path: Path, key: str) -> dict:
    """The cells of `path` that are an exercise's "answer" or "check", by exercise."""
    found = {cell.metadata.get("course", {}).get(key): cell for cell in cells(path).values()}
    return {exercise: cell for exercise, cell in found.items() if exercise}


def test_both_trees_are_valid_notebooks_with_the_same_ids_in_the_same_order(built):
    for path in (built.solution, built.notebook):
        nbformat.validate(nbformat.read(path, as_version=4))
    assert list(cells(built.solution)) == list(cells(built.notebook))
    assert {"answer-9-1-1", "check-9-1-1"} < set(cells(built.solution))


def test_a_rebuild_gives_the_same_bytes_but_for_measured_figures(built, tmp_path):
    again = toy.write_source(tmp_path)
    build(**again.options)

    def without_measured(path):
        return [line for line in path.read_text(encoding="utf-8").split("\n") if "speed" not in line]

    assert without_measured(again.solution) == without_measured(built.solution)
    assert without_measured(again.notebook) == without_measured(built.notebook)


def test_nothing_volatile_is_stored(built):
    content = nbformat.read(built.solution, as_version=4)
    assert "version" not in content.metadata.language_info
    assert "widgets" not in content.metadata
    assert content.metadata.kernelspec.name == "python3"
    assert all("execution" not in cell.metadata for cell in content.cells)


def test_the_notebook_says_which_lesson_it_is(built):
    for path in (built.solution, built.notebook):
        assert nbformat.read(path, as_version=4).metadata.course == {"lesson": "9.1"}


def test_the_learner_gets_stubs_for_solutions(built):
    sources = {exercise: cell.source for exercise, cell in marked(built.notebook, "answer").items()}
    assert 'raise NotImplementedError("exercise 9.1.1")' in sources["9.1.1"]
    assert sources["9.1.2"] == "prediction = ..."
    assert "number = number + 1" in sources["9.1.3"]
    assert not any("number + 7" in source or "SOLUTION" in source for source in sources.values())
    assert "return 2 * number" in marked(built.solution, "answer")["9.1.1"].source


def test_checks_keep_the_expected_output_and_answers_and_spoilers_keep_none(built):
    assert "9.1.1 Twice: passed, 2 points" in str(marked(built.notebook, "check")["9.1.1"].outputs)
    assert "twice 21 is 42" in built.notebook.read_text(encoding="utf-8")
    assert all(not cell.outputs for cell in marked(built.notebook, "answer").values())
    spoiler = next(cell for cell in cells(built.notebook).values() if "spoiler" in cell.metadata.get("tags", []))
    assert spoiler.outputs == []
    assert spoiler.execution_count is None
    assert "the answer is 42\\n" in built.solution.read_text(encoding="utf-8")


def test_answers_and_checks_carry_nbgraders_metadata_too(built):
    answer, check = marked(built.notebook, "answer")["9.1.3"], marked(built.notebook, "check")["9.1.3"]
    assert answer.metadata.course == {"answer": "9.1.3"}
    assert check.metadata.course == {"check": "9.1.3"}
    assert answer.metadata.nbgrader.items() >= {"grade_id": "answer-9-1-3", "solution": True, "grade": False}.items()
    assert check.metadata.nbgrader.items() >= {"grade_id": "check-9-1-3", "grade": True, "points": 3}.items()
    assert check.metadata.nbgrader.schema_version == answer.metadata.nbgrader.schema_version == 3
    assert check.metadata.editable is False
    assert answer.metadata.deletable is False


def test_nbgrader_itself_takes_the_metadata(built):
    from nbgrader.nbgraderformat import ValidationError
    from nbgrader.nbgraderformat import read as read_as_nbgrader

    try:
        read_as_nbgrader(str(built.notebook), as_version=4)
    except ValidationError as error:
        pytest.fail(f"nbgrader refuses the notebook: {error}")


def test_headers_and_minutes_are_expanded(built):
    text = "\n".join(cell.source for cell in cells(built.notebook).values() if cell.cell_type == "markdown")
    assert "This takes 7 minutes." in text
    assert "9.1.1 Twice" in text
    assert "●●○○○" in text
    assert "3 minutes · 2 points" in text
    assert "{{" not in text


def test_concepts_go_into_the_course_metadata(built):
    assert marked(built.notebook, "answer")["9.1.1"].metadata.course.concepts == ["A1.1"]


MISTAKES = {
    "unknown exercise": (lambda text: text.replace('answer="9.1.2"', 'answer="9.1.7"'), "defines no exercise 9.1.7"),
    "answer without check": (
        lambda text: text.replace('# %% check="9.1.2"\ncheck("9.1.2", prediction)\n', ""),
        "the answer cell of 9.1.2 has no check cell",
    ),
    "check without answer": (lambda text: text.replace('# %% answer="9.1.2"', "# %%"), "has no answer cell"),
    "neither": (
        lambda text: text.replace(' answer="9.1.2"', "").replace(' check="9.1.2"', ""),
        "exercise 9.1.2 is defined, but the notebook has neither",
    ),
    "no header": (lambda text: text.replace("{{exercise 9.1.2}}", "Now you."), "exercise 9.1.2 has no header"),
    "unknown header": (lambda text: text.replace("{{exercise 9.1.2}}", "{{exercise 9.1.8}}"), "no exercise 9.1.8"),
    "unknown expansion": (lambda text: text.replace("{{minutes}}", "{{hours}}"), "{{hours}} is not known"),
    "two answers": (
        lambda text: text.replace('answer="9.1.2"', 'answer="9.1.1"'),
        "two cells have the id 'answer-9-1-1'",
    ),
    "two ids": (
        lambda text: text.replace("# %%\ntwice", '# %% id="x"\ntwice').replace("# %%\nprint", '# %% id="x"\nprint'),
        "two cells have the id 'x'",
    ),
    "id not allowed": (lambda text: text.replace("# %%\ntwice", '# %% id="a b"\ntwice'), "may hold letters"),
    "own id for an answer": (lambda text: text.replace('answer="9.1.2"', 'answer="9.1.2" id="x"'), "leave out id='x'"),
    "no end": (
        lambda text: text.replace("    return 2 * number\n    ### END SOLUTION\n", ""),
        "without ### END SOLUTION",
    ),
    "no region": (
        lambda text: text.replace(
            "    ### BEGIN SOLUTION\n    return 2 * number\n    ### END SOLUTION\n", "    return 2\n"
        ),
        "an answer cell without a solution region",
    ),
    "region elsewhere": (
        lambda text: text.replace("twice = working", "### BEGIN SOLUTION\n### END SOLUTION\ntwice = working"),
        "a solution region outside an answer cell",
    ),
    "stub raises": (lambda text: text.replace("### STUB\n# prediction = ...\n", ""), "needs a `### STUB` part"),
    "stub does not parse": (lambda text: text.replace("# prediction = ...", "# prediction = ("), "does not parse"),
    "syntax error": (lambda text: text.replace("twice = working(", "twice = = working("), "syntax error"),
    "time magic": (
        lambda text: text.replace("twice = working", "%time twice = working"),
        "%time prints another figure",
    ),
    "semicolon": (lambda text: text.replace("twice(21))", "twice(21));"), "a trailing `;`"),
    "wrong check": (lambda text: text.replace('check("9.1.2"', 'check("9.1.1"'), 'does not call check("9.1.2", ...)'),
    "misspelt key": (lambda text: text.replace('answer="9.1.2"', 'anwser="9.1.2"'), "did you mean 'answer'?"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_source_is_told_with_its_place_before_anything_runs(mistake, tmp_path):
    change, message = MISTAKES[mistake]
    text = change(toy.SOURCE)
    assert text != toy.SOURCE
    course = toy.write_source(tmp_path, text)
    with pytest.raises(BuildError) as caught:
        build(**course.options)
    assert message in str(caught.value)
    assert str(course.source) in str(caught.value)
    assert not course.solution.exists()


def test_the_place_of_a_mistake_is_the_line_of_its_cell(tmp_path):
    course = toy.write_source(tmp_path, toy.SOURCE.replace("twice(21))", "twice(21));"))
    with pytest.raises(BuildError) as caught:
        build(**course.options)
    (problem,) = caught.value.problems
    line = course.source.read_text(encoding="utf-8").split("\n")[problem.line - 1]
    assert line.startswith("# %%")
    assert f"{course.source}:{problem.line}" in str(problem)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = toy.SOURCE.replace("twice(21))", "twice(21));").replace("{{exercise 9.1.2}}", "Now you.")
    with pytest.raises(BuildError) as caught:
        build(**toy.write_source(tmp_path, text).options)
    assert len(caught.value.problems) == 2


def test_a_lesson_without_a_source_is_an_error(tmp_path):
    with pytest.raises(BuildError, match=r"lesson 9\.1 has no source"):
        build((toy.LESSON,), course=tmp_path, solutions=tmp_path, exercises=lambda lesson: ())


ONE_CELL = "# %%\n{}\n"
BAD_OUTPUTS = {
    "address": ("object()", "an object's address"),
    "stderr": ("import sys; print('careful', file=sys.stderr)", "stderr in the stored output: careful"),
    "bar": ("print('50%|#####     | 5/10')", "a progress bar"),
    "error": ("1 / 0", "ZeroDivisionError"),
    "widget": (
        f"from IPython.display import display\ndisplay({{'{WIDGET_VIEW}': {{'model_id': 'x'}}}}, raw=True)",
        "shows a widget",
    ),
    "death": ("import os\nos._exit(1)", "the kernel died"),
}


@pytest.mark.parametrize("kind", BAD_OUTPUTS)
def test_an_output_that_may_not_be_stored_stops_the_build_with_its_cell_named(kind, tmp_path):
    code, message = BAD_OUTPUTS[kind]
    course = toy.write_source(tmp_path, ONE_CELL.format(code))
    with pytest.raises(BuildError) as caught:
        build(**{**course.options, "exercises": lambda lesson: ()})
    assert message in str(caught.value)
    assert "(cell " in str(caught.value)
    assert not course.solution.exists()
    assert not course.notebook.exists()


def test_a_solution_that_its_check_refuses_stops_the_build(tmp_path):
    course = toy.write_source(tmp_path, toy.SOURCE.replace("return 2 * number", "return 3 * number"))
    with pytest.raises(BuildError) as caught:
        build(**course.options)
    (problem,) = caught.value.problems
    assert problem.cell == "check-9-1-1"
    assert "not yet" in problem.message
    assert course.source.read_text(encoding="utf-8").split("\n")[problem.line - 1] == '# %% check="9.1.1"'


def test_a_widget_keeps_its_still_picture_and_loses_its_view(tmp_path):
    data = f"{{'{WIDGET_VIEW}': {{'model_id': 'x'}}, 'image/png': 'iVBORw0K', 'text/plain': 'a dial'}}"
    text = f'# %% tags=["widget"]\nfrom IPython.display import display\ndisplay({data}, raw=True)\n'
    course = toy.write_source(tmp_path, text)
    build(**{**course.options, "exercises": lambda lesson: ()})
    (cell,) = cells(course.notebook).values()
    assert set(cell.outputs[0].data) == {"image/png", "text/plain"}
    assert cell.metadata.tags == ["widget", "nbval-ignore-output"]


def test_ctrl_c_leaves_the_old_notebooks_whole(built, tmp_path):
    course = toy.write_source(tmp_path, ONE_CELL.format("print('old')"))
    options = {**course.options, "exercises": lambda lesson: ()}
    build(**options)
    before = course.solution.read_bytes(), course.notebook.read_bytes()
    course.source.write_text("# %%\nimport time\nprint('new')\n\n# %%\ntime.sleep(60)\n", encoding="utf-8")

    def interrupt(lesson, done, total):
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build(**options, on_cell=interrupt)
    assert time.monotonic() - begun < 20
    assert (course.solution.read_bytes(), course.notebook.read_bytes()) == before
    assert [path.name for path in course.solution.parent.iterdir() if ".tmp" in path.name] == []


def test_a_fresh_build_is_not_stale(built):
    assert find_stale(**built.options, execute=False) == []
    assert find_stale(**built.options) == []


def swapped(text: str) -> str:
    """The source with its last two sections exchanged."""
    one, two = text.index("# %% [markdown]\n# What was measured?"), text.index("# %% [markdown]\n# What comes next")
    return f"{text[:one]}{text[two:]}\n{text[one:two]}"


STALE = {
    "a changed word": (lambda text: text.replace("What is two?", "What is three?"), ""),
    "changed code": (lambda text: text.replace("twice(21))", "twice(22))"), ""),
    "a new cell": (lambda text: text + "\n# %%\nprint('more')\n", ""),
    "a cell less": (
        lambda text: text[: text.index("# %% [markdown]\n# What comes next")],
        "not in the source any more",
    ),
    "another order": (swapped, "stand in another order"),
    "another tag": (lambda text: text.replace('"spoiler"', '"other"'), "its metadata differs"),
    "another solution": (
        lambda text: text.replace("return 2 * number", "return number * 2"),
        "its source differs",
    ),
}


@pytest.mark.parametrize("change", STALE)
def test_a_source_that_changed_makes_its_notebooks_stale(change, built, tmp_path):
    alter, message = STALE[change]
    course = copied(built, tmp_path, alter(toy.SOURCE))
    stale = find_stale(**course.options, execute=False)
    assert stale
    assert stale[0].file == course.solution
    assert stale[0].cell
    assert message in str(stale[0])
    assert "course build 9.1" in str(stale[0])


@pytest.mark.parametrize("tree", ["solution", "notebook"])
def test_a_notebook_edited_by_hand_is_stale(tree, built, tmp_path):
    course = copied(built, tmp_path)
    path = getattr(course, tree)
    path.write_text(path.read_text(encoding="utf-8").replace("What was measured?", "Edited."), encoding="utf-8")
    (stale,) = find_stale(**course.options, execute=False)
    assert stale.file == path


def test_an_edited_expected_output_is_stale(built, tmp_path):
    course = copied(built, tmp_path)
    text = course.notebook.read_text(encoding="utf-8")
    course.notebook.write_text(text.replace("9.1.1 Twice: passed", "9.1.1 Twice: to do"), encoding="utf-8")
    (stale,) = find_stale(**course.options, execute=False)
    assert (stale.file, stale.cell, stale.difference) == (course.notebook, "check-9-1-1", "its output differs")


def test_an_output_that_would_come_out_otherwise_is_found_by_running(built, tmp_path):
    course = copied(built, tmp_path)
    for path in (course.solution, course.notebook):
        path.write_text(path.read_text(encoding="utf-8").replace("twice 21 is 42", "twice 21 is 43"), encoding="utf-8")
    assert find_stale(**course.options, execute=False) == []
    (stale,) = find_stale(**course.options)
    assert "twice 21 is 42" in str(stale)


def test_missing_and_broken_notebooks_are_stale(built, tmp_path):
    course = copied(built, tmp_path)
    course.solution.unlink()
    course.notebook.write_text("{", encoding="utf-8")
    stale = find_stale(**course.options, execute=False)
    assert [entry.file for entry in stale] == [course.solution, course.notebook]


def test_notebooks_of_no_lesson_are_found(built, tmp_path):
    course = copied(built, tmp_path)
    extra = course.course / "9_toy" / "old.ipynb"
    extra.write_text("{}", encoding="utf-8")
    (orphan,) = find_orphans((toy.LESSON,), course=course.course, solutions=course.solutions)
    assert orphan.file == extra
    assert "delete it" in str(orphan)


def test_without_execution_words_change_and_outputs_stay(built, tmp_path):
    course = copied(built, tmp_path, toy.SOURCE.replace("What is two?", "What is three?"))
    assert build(**course.options, execute=False) == [course.solution, course.notebook]
    text = course.notebook.read_text(encoding="utf-8")
    assert "What is three?" in text
    assert "twice 21 is 42" in text
    assert find_stale(**course.options, execute=False) == []


def test_without_execution_changed_code_has_no_output_and_counts_as_stale(built, tmp_path):
    course = copied(built, tmp_path, toy.SOURCE.replace("twice(21))", "twice(22))"))
    build(**course.options, execute=False)
    (stale,) = find_stale(**course.options, execute=False)
    assert "has never been run" in str(stale)


def test_a_build_that_changes_nothing_writes_nothing(built, tmp_path):
    course = copied(built, tmp_path)
    assert build(**course.options, execute=False) == []


def test_publishing_starts_without_torch():
    code = (
        "import sys, utils.publishing.building, utils.publishing.checking, utils.publishing.pytest_plugin\n"
        "sys.exit('torch' in sys.modules or 'nbformat' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_lesson_has_its_own_place():
    assert len({lesson.path for lesson in LESSONS}) == len({lesson.id for lesson in LESSONS}) == len(LESSONS)


def copied(built, root: Path, text: str = toy.SOURCE):
    """The built toy course again below `root`, with the source `text`."""
    course = toy.write_source(root, text)
    course.notebook.parent.mkdir(parents=True)
    course.solution.write_bytes(built.solution.read_bytes())
    course.notebook.write_bytes(built.notebook.read_bytes())
    assert json.loads(course.notebook.read_text(encoding="utf-8"))["cells"]
    return course
