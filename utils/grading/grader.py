"""Grade one submission: its answers run isolated on fresh cases, and what comes back is judged here.

Cases, expected values and tolerances never leave this process, and nothing that comes back is run. The same exercise
definitions serve the notebook's own check.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import importlib.util
import json
import math
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from utils.exercises.checking import run, run_misconceptions
from utils.exercises.definition import Case, DefinitionError, Exercise
from utils.exercises.judging import Verdict, judge
from utils.exercises.registry import UnknownExercise, find_exercise
from utils.exercises.running import Outcome, Problem, TooSlow, limited, make_cases, measure_settings
from utils.grading.feedback import PROCESS_ENDED, feedback
from utils.grading.protocol import pack
from utils.grading.records import NOTEBOOK_LIMIT, ExerciseGrade, Grade
from utils.grading.sandbox import RunEnded, Sandbox, open_sandbox
from utils.lessons import LESSONS, SOLUTIONS, Lesson
from utils.publishing.submission import (
    Answer,
    NotebookError,
    Pristine,
    Task,
    find_lesson_of,
    parse_notebook,
    read_pristine,
    take_answers,
)
from utils.publishing.verdicts import joined

PATIENCE = 1.5
"""A run is ended after this many times what its exercise may take: by then it has not heeded being interrupted."""
MARGIN_SECONDS = 3.0
JUDGING_SECONDS = 20.0
MEASURING_MEMORY = 4_000_000_000
"""Bytes of address space beyond the grader's own for measuring a learner's settings."""


@dataclass(frozen=True)
class _Question:
    """One exercise of one submission, ready to be run: its cases and what its reference gives."""

    exercise: Exercise
    answer: str
    seed: int
    cases: tuple[Case, ...]
    expected: tuple[Outcome, ...]


class Grader:
    """Grades submissions one at a time. It belongs in the main thread of a process of its own.

    `slot` numbers the graders that work at the same time on one machine, from 0. Raises IsolationError where answers
    cannot be isolated, unless `trust`. `solutions` holds the executed notebooks of the `lessons`.
    """

    def __init__(
        self,
        *,
        slot: int = 0,
        trust: bool = False,
        lessons: Iterable[Lesson] = LESSONS,
        solutions: Path = SOLUTIONS,
    ) -> None:
        import torch

        torch.set_num_threads(1)  # one slot, one core; and `_measured` forks, which other threads would not survive
        self._lessons = tuple(lessons)
        self._pristine = cache(lambda lesson: read_pristine(solutions / f"{lesson.path}.ipynb"))
        self._sandbox: Sandbox = open_sandbox(slot, self._modules_to_preload(), trust=trust)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """End the isolated process."""
        self._sandbox.close()

    def grade(self, content: bytes, source: str, nonce: str) -> Grade:
        """Grade the notebook with these bytes, whatever they are; nothing that a submission does is raised.

        `source` names it in messages. The hidden cases follow from `nonce` and the answers alone.
        """
        start = time.perf_counter()
        try:
            grade = self._grade(content, source, nonce)
        except NotebookError as error:
            grade = Grade(lesson="", problem=str(error))
        return replace(grade, seconds=round(time.perf_counter() - start, 3))

    def _grade(self, content: bytes, source: str, nonce: str) -> Grade:
        if len(content) > NOTEBOOK_LIMIT:
            raise NotebookError(f"{source} has {len(content)} bytes, the limit is {NOTEBOOK_LIMIT}")
        notebook = parse_notebook(content, Path(source))
        lesson = find_lesson_of(notebook, self._lessons)
        pristine = self._pristine(lesson)
        answers = take_answers(notebook, pristine)
        digest = _digest(answers)
        settled: dict[str, ExerciseGrade] = {}
        questions: list[_Question] = []
        for task in pristine.tasks:
            answer = answers[task.exercise]
            if answer.source is None:
                settled[task.exercise] = _unanswered(task, answer)
                continue
            try:
                questions.append(_ask(task, answer.source, nonce, digest))
            except (UnknownExercise, DefinitionError) as error:
                settled[task.exercise] = _not_graded(task, answer.source, error)
        for question, verdict in zip(questions, self._verdicts(questions, setup_of(pristine)), strict=True):
            settled[question.exercise.id] = _graded(question, verdict)
        notes = tuple(note for answer in answers.values() for note in answer.notes)
        return Grade(lesson=lesson.id, exercises=tuple(settled[task.exercise] for task in pristine.tasks), notes=notes)

    def _verdicts(self, questions: Sequence[_Question], setup: str) -> list[Verdict]:
        """Return the verdict of each question.

        All are run together first: a later answer may use what an earlier one defines. One that failed after another
        that failed gets a second run, with those answers alone that passed: what a wrong or hostile answer has done to
        the process shall cost itself only. So does every value after one that failed.
        """
        outcomes = self._run_all(questions, setup)
        verdicts = [_judge(question, outcomes[question.exercise.id]) for question in questions]
        for index, question in enumerate(questions):
            before = verdicts[:index]
            is_value = question.exercise.runs_as == "value"
            if all(verdict.passed for verdict in before) or (verdicts[index].passed and not is_value):
                continue
            helpers = [other for other, verdict in zip(questions, before, strict=False) if verdict.passed]
            again = self._run_some(helpers, [question], setup)[0].get(question.exercise.id, _ended(question, "ended"))
            verdict = _judge(question, again)
            # of two values the second counts, even if the first was right: the better one would be a second guess
            counts = again[0].problem is None if is_value else verdict.earned > verdicts[index].earned
            if counts:
                verdicts[index] = verdict
        return verdicts

    def _run_all(self, questions: Sequence[_Question], setup: str) -> dict[str, tuple[Outcome, ...]]:
        """Run all answers, in order; what ends its process, or never ends, is left behind and the rest run anew."""
        outcomes: dict[str, tuple[Outcome, ...]] = {}
        lost = 0
        while len(outcomes) < len(questions):
            done = [question for question in questions if question.exercise.id in outcomes]
            helpers = [question for question in done if not _is_fatal(outcomes[question.exercise.id])]
            rest = questions[len(done) :]
            fresh, reason = self._run_some(helpers, rest, setup)
            outcomes |= fresh
            culprit = next((question for question in rest if question.exercise.id not in fresh), None)
            if reason == "lost" and lost < 2:  # the sandbox itself died: not the answer's doing, as far as one knows
                lost += 1
            elif culprit is not None:
                outcomes[culprit.exercise.id] = _ended(culprit, reason)
        return outcomes

    def _run_some(
        self, helpers: Sequence[_Question], questions: Sequence[_Question], setup: str
    ) -> tuple[dict[str, tuple[Outcome, ...]], str]:
        """Define the helpers' answers, then run `questions` until one gives no outcome; return why it did not."""
        parts = [_part(helper, called=False) for helper in helpers] + [_part(question) for question in questions]
        outcomes: dict[str, tuple[Outcome, ...]] = {}
        seconds = sum(question.exercise.time_limit for question in (*helpers, *questions))
        waiting = MARGIN_SECONDS + sum(PATIENCE * helper.exercise.time_limit for helper in helpers)
        try:
            request = pack({"setup": setup, "parts": parts})
            with self._sandbox.run(request, cpu_seconds=math.ceil(PATIENCE * seconds + waiting)) as started:
                for question in questions:
                    message = started.receive(waiting + PATIENCE * question.exercise.time_limit)
                    outcomes[question.exercise.id] = _outcomes(message, question)
                    waiting = MARGIN_SECONDS
        except RunEnded as end:
            return outcomes, end.reason
        return outcomes, ""

    def _modules_to_preload(self) -> list[str]:
        """Return the modules that the lessons' setup cells import, and can: without them each run would."""
        modules = {"torch", "numpy", "IPython.core.inputtransformer2"}
        for lesson in self._lessons:
            try:
                setup = setup_of(self._pristine(lesson))
            except NotebookError:  # not built: told to those who hand it in
                continue
            for node in ast.walk(ast.parse(setup)):
                if isinstance(node, ast.Import):
                    modules |= {name.name for name in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module)
        roots = {name: name.partition(".")[0] for name in modules}
        return sorted(name for name, root in roots.items() if root != "utils" and importlib.util.find_spec(root))


def setup_of(pristine: Pristine) -> str:
    """Return the source of the notebook's setup cells."""
    cells = pristine.content["cells"]
    return "\n".join(joined(cell["source"]) for cell in cells if "setup" in cell["metadata"].get("tags", ()))


def seed_of(nonce: str, digest: str, exercise: str) -> int:
    """Return the seed of an exercise's hidden cases: whoever does not know the nonce cannot tell it.

    It depends on the answers, so that what a grade may tell about the cases is of no use for another attempt.
    """
    message = f"{digest} {exercise}".encode()
    return int.from_bytes(hmac.new(nonce.encode(), message, hashlib.sha256).digest()[:7])


def _digest(answers: Mapping[str, Answer]) -> str:
    sources = json.dumps({exercise: answer.source for exercise, answer in answers.items()}, sort_keys=True)
    return hashlib.sha256(sources.encode("ascii")).hexdigest()


def _ask(task: Task, answer: str, nonce: str, digest: str) -> _Question:
    """Draw the cases of an exercise and run its reference. Raises UnknownExercise, DefinitionError."""
    exercise = find_exercise(task.exercise)
    seed = seed_of(nonce, digest, exercise.id)
    cases = make_cases(exercise, seed)
    expected = run(exercise, exercise.reference, cases, seed)
    for outcome in expected:
        if outcome.problem:
            raise DefinitionError(f"exercise {exercise.id!r}: the reference fails: {outcome.problem}")
    return _Question(exercise, answer, seed, cases, expected)


def _part(question: _Question, *, called: bool = True) -> dict[str, Any]:
    exercise = question.exercise
    call = None
    if called:
        call = {
            "runs_as": exercise.runs_as,
            "entry": exercise.entry,
            "time_limit": exercise.time_limit,
            "cases": [
                {
                    "args": case.args,
                    "kwargs": dict(case.kwargs),
                    "init": dict(case.init),
                    "weights": case.weights,
                    "state": None if case.state is None else dict(case.state),
                }
                for case in question.cases
            ],
        }
    return {"exercise": exercise.id, "source": question.answer, "call": call}


def _outcomes(message: Any, question: _Question) -> tuple[Outcome, ...]:
    """Return the outcomes in a message of the isolated process. Raises RunEnded unless it has just the form it must."""
    if not isinstance(message, dict) or set(message) != {"exercise", "outcomes"}:
        raise RunEnded("malformed")
    records = message["outcomes"]
    if message["exercise"] != question.exercise.id or not isinstance(records, list):
        raise RunEnded("malformed")
    if len(records) != len(question.cases):
        raise RunEnded("malformed")
    return tuple(_outcome(record) for record in records)


def _outcome(record: Any) -> Outcome:
    if not isinstance(record, dict) or set(record) != {"value", "problem", "mutated"}:
        raise RunEnded("malformed")
    problem, mutated = record["problem"], record["mutated"]
    if not isinstance(mutated, list) or not all(isinstance(name, str) for name in mutated):
        raise RunEnded("malformed")
    if problem is None:
        return Outcome(value=record["value"], mutated=tuple(mutated))
    texts = ("kind", "message", "type")
    if not isinstance(problem, dict) or set(problem) != {*texts, "line_number"}:
        raise RunEnded("malformed")
    if not all(isinstance(problem[name], str) for name in texts) or type(problem["line_number"]) is not int:
        raise RunEnded("malformed")
    if problem["kind"] not in ("error", "arguments", "weights", "answer", "to do", "too slow", "not run"):
        raise RunEnded("malformed")
    return Outcome(problem=Problem(**problem))


def _ended(question: _Question, reason: str) -> tuple[Outcome, ...]:
    """Return the outcomes of an answer that gave none."""
    problem = Problem("too slow") if reason == "too slow" else Problem("error", type=PROCESS_ENDED)
    return tuple(Outcome(problem=problem) for _ in question.cases)


def _is_fatal(outcomes: Sequence[Outcome]) -> bool:
    """Whether running the answer again, before another, would spoil that one too."""
    kinds = {(outcome.problem.kind, outcome.problem.type) for outcome in outcomes if outcome.problem}
    return any(kind == "too slow" or type_ == PROCESS_ENDED for kind, type_ in kinds)


def _judge(question: _Question, outcomes: tuple[Outcome, ...]) -> Verdict:
    """Judge what came back. Values may be of any form and size: a judgement that takes too long goes against them."""
    exercise, cases, expected, seed = question.exercise, question.cases, question.expected, question.seed
    if exercise.kind == "tune":
        outcomes = tuple(_measured(exercise, outcome, seed) for outcome in outcomes)

    def decide() -> Verdict:
        verdict = judge(exercise, cases, outcomes, expected)
        if verdict.status in ("not yet", "crashed"):
            wrong = run_misconceptions(exercise, cases, seed)
            verdict = judge(exercise, cases, outcomes, expected, wrong)
        return verdict

    try:
        return limited(decide, JUDGING_SECONDS)
    except TooSlow:
        return judge(exercise, cases, _ended(question, "too slow"), expected)


def _measured(exercise: Exercise, outcome: Outcome, seed: int) -> Outcome:
    """Measure a learner's settings with the course's code, in a copy of this process that has limits.

    The code is ours, the numbers are not: a width of a billion must not take the grader with it.
    """
    if not hasattr(os, "fork"):
        return measure_settings(exercise, outcome, seed)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _measure_in_copy(exercise, outcome, seed, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        in_time, _, _ = select.select([pipe], [], [], PATIENCE * exercise.time_limit + MARGIN_SECONDS)
        said = pipe.read() if in_time else b""
    if not said:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not said:
        return replace(outcome, problem=Problem("too slow"))
    data = json.loads(said)
    problem = data["problem"] and Problem(**data["problem"])
    return replace(outcome, measured=data["measured"], problem=problem)


def _measure_in_copy(exercise: Exercise, outcome: Outcome, seed: int, writer: int) -> None:
    import resource

    from utils.grading.isolation import address_space

    memory, seconds = MEASURING_MEMORY, math.ceil(PATIENCE * exercise.time_limit + 1)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + memory,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    measured = measure_settings(exercise, outcome, seed)
    said = measured.problem
    problem = said and {"kind": said.kind, "message": said.message, "type": said.type}
    with os.fdopen(writer, "w") as pipe:
        json.dump({"measured": measured.measured, "problem": problem}, pipe)


def _graded(question: _Question, verdict: Verdict) -> ExerciseGrade:
    exercise = question.exercise
    planted = verdict.misconception is None or verdict.misconception.planted
    return ExerciseGrade(
        exercise=exercise.id,
        title=exercise.title,
        status=verdict.status,
        earned=verdict.earned,
        points=exercise.points,
        feedback=feedback(exercise, verdict, question.answer),
        misconception="" if planted else verdict.misconception.name,
        groups=dict(verdict.groups) if len(verdict.groups) > 1 else {},
        answer=question.answer,
    )


def _unanswered(task: Task, answer: Answer) -> ExerciseGrade:
    text = f"This is still to do: {answer.problem}." if answer.problem else "This is still to do."
    return ExerciseGrade(
        exercise=task.exercise, title=task.title, status="to do", earned=0.0, points=task.points, feedback=text
    )


def _not_graded(task: Task, answer: str, error: Exception) -> ExerciseGrade:
    return ExerciseGrade(
        exercise=task.exercise,
        title=task.title,
        status="not graded",
        earned=0.0,
        points=task.points,
        feedback=f"The course cannot grade this exercise; that is not your fault. {error}",
        answer=answer,
    )
