'''Solution regions: what the author writes, and what the learner gets in its place.

    def info_nce(similarity):
        """..."""
        ### BEGIN SOLUTION
        return ...
        ### END SOLUTION

becomes the same function whose body raises `NotImplementedError("exercise 2.3.1")`. A region may carry the lines that
the learner gets instead, commented out after a line `### STUB`; a region outside any function needs them, since a
notebook that is not solved yet has to run to its end.
'''

from __future__ import annotations

BEGIN, STUB, END = "### BEGIN SOLUTION", "### STUB", "### END SOLUTION"


class RegionError(ValueError):
    """A solution region is malformed; `line` counts from 1 inside the cell."""

    def __init__(self, message: str, line: int):
        super().__init__(f"{message} (line {line} of the cell)")
        self.line = line


def has_region(source: str) -> bool:
    """Say whether `source` holds any of the three markers."""
    return any(line.strip() in (BEGIN, STUB, END) for line in source.split("\n"))


def clear_solution(source: str, exercise: str) -> str:
    """Return `source` with every solution region replaced by its stub, or by `raise NotImplementedError`.

    Raises `RegionError` where markers are nested, unmatched or out of order, and where a stub line is not commented.
    """
    kept: list[str] = []
    stub: list[str] | None = None
    begin, indent = 0, ""
    for number, line in enumerate(source.split("\n"), start=1):
        marker = line.strip()
        if marker == BEGIN:
            if begin:
                raise RegionError(f"{BEGIN} inside the region that began in line {begin}", number)
            begin, indent, stub = number, line[: len(line) - len(line.lstrip())], None
        elif marker == STUB:
            if not begin or stub is not None:
                raise RegionError(f"{STUB} without its own {BEGIN}", number)
            stub = []
        elif marker == END:
            if not begin:
                raise RegionError(f"{END} without {BEGIN}", number)
            kept += [f'{indent}raise NotImplementedError("exercise {exercise}")'] if stub is None else stub
            begin = 0
        elif not begin:
            kept.append(line)
        elif stub is not None:
            stub.append(_uncomment(line, number))
    if begin:
        raise RegionError(f"{BEGIN} without {END}", begin)
    return "\n".join(kept)


def _uncomment(line: str, number: int) -> str:
    body = line.lstrip()
    if not body:
        return ""
    if body != "#" and not body.startswith("# "):
        raise RegionError(f"every line after {STUB} begins with `# `", number)
    return (line[: len(line) - len(body)] + body[2:]).rstrip()
