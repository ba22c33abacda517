"""Made-up classes, and texts that learners might choose to do harm, for tests of exports, reports and similarity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from utils.grading.gradebook import Entry
from utils.grading.records import ExerciseGrade, Grade

HOSTILE = {
    "script": "<script>document.title='owned'</script>",
    "attribute": "\" onmouseover=\"document.title='owned'\" x='",
    "image": "<img src=x onerror=\"document.title='owned'\">",
    "template": "{{ 7 * 7 }}{% raw %}",
    "comment": "--><!--]]>",
    "ANSI": "\x1b[2J\x1b[31mred",
    "bidi": "file\u202egnp.exe",
    "NUL": "nul\0nul",
    "surrogates": "\ud800 \udcff",
    "no characters": "\ufffe \uffff",
    "formula": '=HYPERLINK("http://example.org","click")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-1-1",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "lines": 'one\ntwo,three;four"five',
    "path": "../../../etc/passwd",
    "device": "CON",
    "huge": "x" * 200_000,
    "points": "Points Possible",
    "empty": " ",
}
SENTENCE = "Your numbers are those of a loss that forgets to normalise."
START = datetime(2025, 3, 1, 12, tzinfo=UTC)


def exercise(number: str, status: str = "passed", *, points: float = 3.0, **fields) -> ExerciseGrade:
    earned = points if status == "passed" else 0.0
    title = fields.pop("title", f"Exercise {number}")
    return ExerciseGrade(exercise=number, title=title, status=status, **{"earned": earned, "points": points, **fields})


def entry(
    learner: str, *exercises: ExerciseGrade, lesson: str = "2.3", notes=(), seconds: float = 1.0, **fields
) -> Entry:
    exercises = exercises or (exercise(f"{lesson}.1"), exercise(f"{lesson}.2", "not yet", feedback="not quite"))
    grade = Grade(lesson=lesson, exercises=exercises, notes=tuple(notes), seconds=seconds)
    return Entry(**{"learner": learner, "source": f"{learner}_{lesson}.ipynb", "digest": "d", "grade": grade, **fields})


def hostile_entries() -> list[Entry]:
    """One learner for each hostile text, which stands in every field that a learner has a say in."""
    found = []
    for text in HOSTILE.values():
        one = exercise(
            "2.3.1", "crashed", title="InfoNCE", feedback=text, misconception=text, groups={text: False}, answer=text
        )
        platform = {"canvas_user": "17", "moodle_participant": text, "email": text, text: text}
        found.append(entry(text, one, notes=(text,), name=text, source=f"{text}.ipynb", platform=platform))
    return found


def large_class(size: int) -> list[Entry]:
    """A class of `size` learners with two lessons of three and four exercises; the same one each time."""
    lessons = {"0.1": ("0.1.1", "0.1.2", "0.1.3"), "2.3": ("2.3.1", "2.3.2", "2.3.3", "2.3.4")}
    found = []
    for index in range(size):
        learner = f"learner{index:05}"
        for place, (lesson, numbers) in enumerate(lessons.items()):
            if place and index % 5 == 0:
                continue
            exercises = []
            for number_of, number in enumerate(numbers):
                draw = (index * 7 + number_of * 3 + place) % 10
                status = ("passed",) * 5 + ("not yet", "not yet", "crashed", "too slow", "to do")
                wrong = status[draw] == "not yet"
                exercises.append(
                    exercise(
                        number,
                        status[draw],
                        feedback=SENTENCE if wrong else "",
                        misconception=f"mistake {draw}" if wrong else "",
                        answer=f"def answer(x):\n    return x + {index}\n" if status[draw] != "to do" else "",
                    )
                )
            submitted = START + timedelta(minutes=index)
            found.append(
                entry(
                    learner,
                    *exercises,
                    lesson=lesson,
                    name=f"Learner {index}",
                    late=index % 11 == 0,
                    submitted=submitted,
                    platform={"canvas_user": str(1000 + index)},
                )
            )
    return found
