"""How a sweep's figures are stored: sweeps take too long for a lesson, which reads what was measured once."""

from __future__ import annotations

import json
from pathlib import Path


def store(figures: object, path: Path) -> None:
    """Write `figures`, which JSON can hold, to the file at `path`, whose folder is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
