"""Stands for the real grader in tests of what lies around it: no torch, no isolation, and it does what it is told.

A notebook of these tests is a line of text: "points 2", "sleep 0.5", "die" (by SIGKILL), "die once FILE", "exit",
"hang" (after touching FILE: "hang FILE"), "raise", "unusable", "print".
"""

import os
import signal
import sys
import time
from pathlib import Path

from utils.grading.isolation import IsolationError
from utils.grading.records import ExerciseGrade, Grade

NAME = "fake_grader:Grader"


class Grader:
    """Has the interface of `utils.grading.grader.Grader`."""

    def __init__(self, *, slot=0, trust=False):
        self.slot, self.trust = slot, trust
        assert not os.environ.get("FAKE_GRADER_FAILS"), "it cannot be made"
        if "FAKE_GRADER_CANNOT_ISOLATE" in os.environ:
            raise IsolationError("this machine cannot isolate: get another")
        starts = os.environ.get("FAKE_GRADER_STARTS")
        if starts:
            with open(starts, "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")

    def grade(self, content, source, nonce):
        what, *rest = content.decode().split()
        notes = ()
        if what == "sleep":
            time.sleep(float(rest[0]))
        elif what == "die" or (what == "die-once" and _first_time(rest[0])):
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "exit":
            os._exit(3)
        elif what == "hang":
            _first_time(rest[0] if rest else os.devnull)
            time.sleep(1000)
        elif what == "raise":
            raise ValueError("the course is wrong")
        elif what == "unusable":
            return Grade(lesson="", problem=f"{source} is not a notebook: hand it in again")
        elif what == "print":
            print("this goes to standard error", sys.stdin.read(1))
        elif what == "where":
            notes = (str(os.getpid()), str(self.slot), str(self.trust), os.environ["OMP_NUM_THREADS"])
        points = float(rest[0]) if what == "points" else 1.0
        exercise = ExerciseGrade(
            exercise="2.3.1",
            title="InfoNCE",
            status="passed" if points >= 1 else "not yet",
            earned=points,
            points=2.0,
            feedback=f"nonce {nonce[:4]}",
        )
        return Grade(lesson="2.3", exercises=(exercise,), notes=notes, seconds=0.1)

    def close(self):
        """Nothing to close."""


def _first_time(name):
    try:
        Path(name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
