"""An autograder for Gradescope: the zip to upload there, and what it does in the container.

How the platform works (gradescope-autograders.readthedocs.io/en/latest: specs, best_practices, troubleshooting):
`setup.sh` runs once, as root, when the image is built from the zip, which lies in /autograder/source; for each
submission a fresh container runs `run_autograder` as root, finds the files in /autograder/submission and leaves
/autograder/results/results.json. Who handed in and when, and what late work costs, Gradescope keeps to itself.

A container is usually not allowed to make namespaces, so answers run with the limits, the system call filter and the
unprivileged user that are left (`trust`); solutions, definitions and results are files that only root can read. The
container is the outer wall, and it holds one submission.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import stat
import traceback
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from utils.grading.exporting import gradescope_results, to_json
from utils.grading.grader import Grader
from utils.grading.records import Grade, Submission, SubmissionError, Unusable
from utils.grading.submissions import find_submissions
from utils.grading.writing import write_file
from utils.lessons import LESSONS, ROOT, Lesson, find_lesson
from utils.publishing.submission import NotebookError, find_lesson_of, parse_notebook, read_pristine

FILES = Path(__file__).parent / "autograder_files"
SETTINGS = "autograder.json"
FAILED = "The grader failed, by no fault of your work: please tell your instructor."


def build_autograder(lesson: Lesson, destination: Path, *, nonce: str | None = None) -> Path:
    """Write the zip that grades `lesson` on Gradescope to the file `destination`, and return its path.

    It holds the course as it is here, without the other lessons' solutions. The hidden cases follow from `nonce`, by
    default a new secret, so that a submission keeps its grade when it is graded again. Raises `NotebookError` where
    the lesson has not been built, `ExportError` where the file cannot be written.
    """
    read_pristine(lesson.solution)  # a missing or damaged one is told here, not in the container
    settings = {"lesson": lesson.id, "nonce": nonce or secrets.token_hex(16)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(FILES.iterdir()):
            _add(archive, path.name, path.read_bytes(), 0o755)
        _add(archive, SETTINGS, to_json(settings, indent=2).encode(), 0o600)
        for path in _course_files(lesson):
            _add(archive, f"course/{path.relative_to(ROOT).as_posix()}", path.read_bytes(), 0o600)
    write_file(destination, buffer.getvalue())
    return destination


def grade_folder(folder: Path, lesson: Lesson, nonce: str) -> Grade:
    """Grade the one notebook of `lesson` in `folder`. Is there none, or several, the grade's problem says so."""
    contents: dict[str, bytes] = {}
    problems = []
    try:
        for item in find_submissions(folder):
            try:
                contents |= _take(item, lesson)
            except (SubmissionError, NotebookError) as error:
                problems.append(str(error))
    except SubmissionError as error:  # nothing in the whole folder is a notebook
        problems.append(str(error))
    if len(contents) == 1:
        [(source, content)] = contents.items()
        with Grader(trust=True, lessons=[lesson]) as grader:
            return grader.grade(content, source, nonce)
    if contents:
        problem = f"{len(contents)} notebooks of lesson {lesson.id} were handed in ({', '.join(contents)}): submit one."
    else:
        name = lesson.notebook.name
        problem = "\n".join([f"No notebook of lesson {lesson.id} was handed in: submit your {name}.", *problems])
    return Grade(lesson=lesson.id, problem=problem)


def main(arguments: Sequence[str] | None = None) -> None:
    """Grade what lies in `submission` below a folder, Gradescope's /autograder, and write its results.json there."""
    parser = argparse.ArgumentParser(prog="run_autograder", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    settings = json.loads((folder / "source" / SETTINGS).read_text(encoding="utf-8"))
    lesson = find_lesson(settings["lesson"])
    try:
        grade = grade_folder(folder / "submission", lesson, settings["nonce"])
    except Exception:  # noqa: BLE001 - the learner must get an answer, and the instructor sees what is printed
        traceback.print_exc()
        grade = Grade(lesson=lesson.id, problem=FAILED)
    write_file(folder / "results" / "results.json", to_json(gradescope_results(grade), indent=2).encode())


def _take(item: Submission | Unusable, lesson: Lesson) -> dict[str, bytes]:
    """Return the content of a notebook of `lesson`, by its name. Raises SubmissionError, NotebookError for another."""
    if isinstance(item, Unusable):
        raise SubmissionError(item.problem)
    content = item.read()
    found = find_lesson_of(parse_notebook(content, Path(item.source)), LESSONS)
    if found != lesson:
        raise SubmissionError(f"{item.source} belongs to lesson {found.id}")
    return {item.source: content}


def _course_files(lesson: Lesson) -> Iterator[Path]:
    """Yield what grading `lesson` takes of the course: its code, this lesson's solution, what to install.

    No answer is judged by a trained model, so checkpoints and speech stay out.
    """
    for path in sorted((ROOT / "utils").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path
    yield lesson.solution
    for name in ("pyproject.toml", "constraints.txt", "LICENSE"):
        yield ROOT / name


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | mode) << 16
    archive.writestr(info, content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
