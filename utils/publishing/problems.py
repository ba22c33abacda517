"""How the build says what is wrong: where, in which cell, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """Something an author has to mend: the file, the line where the cell begins (if known), the cell's id, and what."""

    file: Path
    message: str
    cell: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}{f' (cell {self.cell})' if self.cell else ''}: {self.message}"


class BuildError(Exception):
    """The notebooks cannot be built; `problems` says why, one entry for each thing to mend."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
