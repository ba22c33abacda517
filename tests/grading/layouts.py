"""What a class hands in, in each of the layouts, made small: files by path, and the learners that must be found."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def zipped(members: dict[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]], method=zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of the members; a list may hold the same name twice."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return buffer.getvalue()


def plant(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files below `folder`; a path that ends in "/" is an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


@dataclass(frozen=True)
class Layout:
    """`found`: for each notebook, its learner and whatever else of a submission is not the default."""

    files: dict[str, bytes]
    found: list[dict]
    unusable: list[str] = field(default_factory=list)  # a part of each problem's sentence
    name: str = "class"


METADATA = b"""\
submission_901:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0042'
    :email: ada@example.org
  :created_at: 2026-04-26 17:34:00.861687000 Z
  :score: 2.0
  :results: !ruby/object:Results
    tests:
    - output: |-
        a line: and another
submission_902:
  :submitters:
  - :name: Grace Hopper
    :sid:
    :email: grace@example.org
  - :name: Alan Turing
    :sid: '43'
    :email:
  :created_at: 2026-04-27 08:00:00.000000000 -07:00
submission_903:
  :submitters: []
"""

LAYOUTS = {
    "notebooks": Layout(
        {"ada.ipynb": NOTEBOOK, "bob.IPYNB": NOTEBOOK, "Zoë Ó.ipynb": NOTEBOOK},
        [{"learner": "ada"}, {"learner": "bob"}, {"learner": "Zoë Ó"}],
    ),
    "notebooks that a browser gave another suffix": Layout(
        {"ada.ipynb.json": NOTEBOOK, "bob.ipynb.txt": NOTEBOOK}, [{"learner": "ada"}, {"learner": "bob"}]
    ),
    "one learner's notebooks, named as the lessons are": Layout(
        {"1_start_here.ipynb": NOTEBOOK, "3_contrastive_alignment.ipynb.zip": zipped({"x.ipynb": NOTEBOOK})},
        [{"learner": "ada"}, {"learner": "ada"}],
        name="ada",
    ),
    "many people's notebooks, numbered by a browser": Layout(
        {"1_start_here (1).ipynb": NOTEBOOK, "1_start_here (2).ipynb": NOTEBOOK},
        [{"learner": "1_start_here (1)"}, {"learner": "1_start_here (2)"}],
    ),
    "one learner's copy of the course": Layout(
        {"0_start/1_start_here.ipynb": NOTEBOOK, "2_how_it_works/3_contrastive_alignment.ipynb": NOTEBOOK},
        [{"learner": "ada"}, {"learner": "ada"}],
        name="ada",
    ),
    "a folder for each learner": Layout(
        {
            "ada/start.ipynb": NOTEBOOK,
            "ada/deep/er/2.ipynb": NOTEBOOK,
            "bob/course/0_start/1_start_here.ipynb": NOTEBOOK,
        },
        [{"learner": "ada"}, {"learner": "ada"}, {"learner": "bob"}],
    ),
    "a zip for each learner": Layout(
        {"ada.zip": zipped({"any/work.ipynb": NOTEBOOK}), "bob.ipynb.zip": zipped({"bob.ipynb": NOTEBOOK})},
        [{"learner": "ada"}, {"learner": "bob"}],
    ),
    "a folder for each learner, with zips": Layout(
        {"ada/late.zip": zipped({"work.ipynb": NOTEBOOK}), "ada/work.ipynb": NOTEBOOK, "bob/work.ipynb": NOTEBOOK},
        [{"learner": "ada"}, {"learner": "ada"}, {"learner": "bob"}],
    ),
    "Canvas": Layout(
        {
            "lovelaceada_17_9300_work.ipynb": NOTEBOOK,
            "hopper-grace_LATE_18_9301_my_12_34_work-2.ipynb": NOTEBOOK,
            "ozoë_19_9302_work.zip": zipped({"w/a.ipynb": NOTEBOOK, "w/b.ipynb": NOTEBOOK}),
            "turingalan_20_text.html": b"typed",
        },
        [
            {"learner": "17", "name": "lovelaceada", "platform": {"canvas_user": "17", "canvas_submission": "9300"}},
            {
                "learner": "18",
                "name": "hopper-grace",
                "late": True,
                "attempt": 3,
                "platform": {"canvas_user": "18", "canvas_submission": "9301"},
            },
            *[{"learner": "19", "name": "ozoë", "platform": {"canvas_user": "19", "canvas_submission": "9302"}}] * 2,
        ],
        ["turingalan_20_text.html is a web page"],
    ),
    "Canvas, people of the same name": Layout(
        {"smithjo_17_9300_work.ipynb": NOTEBOOK, "smithjo_18_9301_work.ipynb": NOTEBOOK},
        [
            {"learner": "17", "name": "smithjo", "platform": {"canvas_user": "17", "canvas_submission": "9300"}},
            {"learner": "18", "name": "smithjo", "platform": {"canvas_user": "18", "canvas_submission": "9301"}},
        ],
    ),
    "Canvas, anonymous": Layout(
        {"anon_Ab1cD_9300_work.ipynb": NOTEBOOK, "LATE_anon_Ef2gH_9301_work.ipynb": NOTEBOOK},
        [
            {"learner": "anon_Ab1cD", "platform": {"canvas_anonymous": "Ab1cD", "canvas_submission": "9300"}},
            {
                "learner": "anon_Ef2gH",
                "late": True,
                "platform": {"canvas_anonymous": "Ef2gH", "canvas_submission": "9301"},
            },
        ],
    ),
    "Canvas, with something that the teacher added": Layout(
        {
            "lovelaceada_17_9300_work.ipynb": NOTEBOOK,
            "hoppergrace_18_9301_work.ipynb": NOTEBOOK,
            "by mail.ipynb": NOTEBOOK,
        },
        [
            {"learner": "17", "name": "lovelaceada", "platform": {"canvas_user": "17", "canvas_submission": "9300"}},
            {"learner": "18", "name": "hoppergrace", "platform": {"canvas_user": "18", "canvas_submission": "9301"}},
            {"learner": "by mail"},
        ],
    ),
    "names that look like Canvas's by chance": Layout(
        {"hw_2026_10_ada.ipynb": NOTEBOOK, "hw_2026_10_bob.ipynb": NOTEBOOK, "lab_2_3_cyd.ipynb": NOTEBOOK},
        [{"learner": "hw_2026_10_ada"}, {"learner": "hw_2026_10_bob"}, {"learner": "lab_2_3_cyd"}],
    ),
    "Moodle, folders": Layout(
        {
            "Ada Lovelace_42_assignsubmission_file/work.ipynb": NOTEBOOK,
            "Ada Lovelace_43_assignsubmission_file_/sub/work.ipynb": NOTEBOOK,  # before Moodle 4.1
            "Participant_44_assignsubmission_file/work.zip": zipped({"work.ipynb": NOTEBOOK}),
            "Ada Lovelace_42_assignsubmission_onlinetext/onlinetext.html": b"here it is",
            "Ada Lovelace_42_assignfeedback_file/feedback.pdf": b"well done",
            "Red team_7_assignsubmission_file/work.ipynb": NOTEBOOK,
            "Default group_assignsubmission_file/work.ipynb": NOTEBOOK,
        },
        [
            {"learner": "42", "name": "Ada Lovelace", "platform": {"moodle_participant": "42"}},
            {"learner": "43", "name": "Ada Lovelace", "platform": {"moodle_participant": "43"}},
            {"learner": "44", "name": "Participant", "platform": {"moodle_participant": "44"}},
            {"learner": "7", "name": "Red team", "platform": {"moodle_participant": "7"}},
            {"learner": "Default group", "name": "Default group"},
        ],
        ["onlinetext.html is a web page"],
    ),
    "Moodle, flat": Layout(
        {
            "Ada Lovelace_42_assignsubmission_file_my_work_1.ipynb": NOTEBOOK,
            "Grace Hopper_43_assignsubmission_file_work.zip": zipped({"work.ipynb": NOTEBOOK}),
        },
        [
            {"learner": "42", "name": "Ada Lovelace", "platform": {"moodle_participant": "42"}},
            {"learner": "43", "name": "Grace Hopper", "platform": {"moodle_participant": "43"}},
        ],
    ),
    "Gradescope": Layout(
        {
            "submission_metadata.yml": METADATA,
            "submission_901/work.ipynb": NOTEBOOK,
            "submission_902/work.ipynb": NOTEBOOK,
            "submission_903/work.ipynb": NOTEBOOK,
        },
        [
            {
                "learner": "ada@example.org",
                "name": "Ada Lovelace",
                "submitted": "2026-04-26T17:34:00.861687+00:00",
                "platform": {"gradescope_submission": "901", "email": "ada@example.org", "sid": "0042"},
            },
            {
                "learner": "grace@example.org",
                "name": "Grace Hopper",
                "submitted": "2026-04-27T15:00:00+00:00",
                "platform": {"gradescope_submission": "902", "email": "grace@example.org"},
            },
            {
                "learner": "43",
                "name": "Alan Turing",
                "submitted": "2026-04-27T15:00:00+00:00",
                "platform": {"gradescope_submission": "902", "sid": "43"},
            },
            {"learner": "903", "platform": {"gradescope_submission": "903"}},
        ],
    ),
    "Gradescope, without metadata": Layout(
        {"submission_901/work.ipynb": NOTEBOOK, "submission_902/work.ipynb": NOTEBOOK},
        [
            {"learner": "901", "platform": {"gradescope_submission": "901"}},
            {"learner": "902", "platform": {"gradescope_submission": "902"}},
        ],
    ),
    "Gradescope, with metadata that are damaged": Layout(
        {"submission_metadata.yml": b"a: [", "submission_901/work.ipynb": NOTEBOOK},
        [{"learner": "901", "platform": {"gradescope_submission": "901"}}],
        ["submission_metadata.yml is not sound YAML"],
    ),
    "nbgrader, the course's folder": Layout(
        {
            "submitted/ada/ps1/work.ipynb": NOTEBOOK,
            "submitted/ada/ps1/timestamp.txt": b"2015-02-02 15:58:23.948203 America/New_York",
            "submitted/ada/ps1/submission_secret.txt": b"s",
            "submitted/ada/ps2/work.ipynb": NOTEBOOK,
            "submitted/ada/ps2/timestamp.txt": b"2015-03-02 15:58:23.948203 UTC\n",
            "submitted/bob/ps1/work.ipynb": NOTEBOOK,
            "submitted/bob/ps1/timestamp.txt": b"yesterday",
            "source/ps1/work.ipynb": NOTEBOOK,
            "release/ps1/work.ipynb": NOTEBOOK,
            "gradebook.db": b"",
        },
        [
            {"learner": "ada", "submitted": "2015-02-02T20:58:23.948203+00:00"},
            {"learner": "ada", "submitted": "2015-03-02T15:58:23.948203+00:00"},
            {"learner": "bob"},
        ],
        ["timestamp.txt holds no time"],
    ),
    "nbgrader, submitted": Layout(
        {"ada/ps1/work.ipynb": NOTEBOOK, "ada/ps1/timestamp.txt": b"2015-02-02 15:58:23 +0100"},
        [{"learner": "ada", "submitted": "2015-02-02T14:58:23+00:00"}],
        name="submitted",
    ),
    "what operating systems and Jupyter leave behind": Layout(
        {
            "ada/start.ipynb": NOTEBOOK,
            "bob/start.ipynb": NOTEBOOK,
            "ada/.ipynb_checkpoints/start-checkpoint.ipynb": NOTEBOOK,
            "ada/._start.ipynb": b"\0",
            "ada/.venv/lib/a.py": b"",
            "ada/__pycache__/a.pyc": b"",
            "__MACOSX/ada/._start.ipynb": b"\0",
            ".DS_Store": b"\0",
            "Thumbs.db": b"\0",
            ".hidden.ipynb": NOTEBOOK,
        },
        [{"learner": "ada"}, {"learner": "bob"}],
    ),
    "files that are no notebooks": Layout(
        {
            "ada.pdf": b"%PDF",
            "bob/report.docx": b"PK",
            "bob/data.csv": b"1",
            "cyd/": b"",
            "dan/work.ipynb": NOTEBOOK,
            "dan/helper.py": b"",
            "dan/picture.png": b"",
            "eve.rar": b"Rar!",
            "fay.zip": zipped({}),
            "gus/work.html": b"",
        },
        [{"learner": "dan"}],
        [
            "ada.pdf is a PDF and was not graded: hand in the .ipynb itself (in JupyterLab: File > Download), or",
            "data.csv is not a notebook and was not graded, nor were report.docx",
            "cyd is empty",
            "helper.py is a Python file",
            "eve.rar is an archive of the kind .rar, which is not read",
            "fay.zip is empty",
            "work.html is a web page",
        ],
    ),
}
