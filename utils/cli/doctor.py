"""`course doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.cli.messages import console
from utils.lessons import LESSONS, ROOT

PACKAGE = "multimodal-hands-on"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DISK_GIGABYTES, MEMORY_GIGABYTES = 1.0, 4.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, what was found, whether that is well, whether it has to be, and the remedy."""

    name: str
    found: str
    well: bool = True
    required: bool = True
    remedy: str = ""


def run_doctor() -> int:
    """Print every finding; return 1 if something required is missing."""
    out = console()
    findings = []
    for finding in examine():
        sign, style = ("✓", "green") if finding.well else ("✗", "red") if finding.required else ("·", "yellow")
        out.print(f"{sign} ", style=style, end="")
        out.print(f"{finding.name:<22}{finding.found}")
        if not finding.well and finding.remedy:
            out.print(f"  {'':<22}{finding.remedy}")
        findings.append(finding)
    missing = [finding.name for finding in findings if finding.required and not finding.well]
    if missing:
        out.print(f"Required and not well: {', '.join(missing)}.", style="bold")
        return 1
    out.print("All that is required is there; lines with a dot are for changing or testing the course.", style="bold")
    return 0


def examine() -> Iterator[Finding]:
    """Yield the findings, the quick ones first."""
    yield _python()
    yield Finding("Platform", f"{platform.system()} {platform.release()}, {platform.machine()}")
    yield from _resources()
    yield from _packages()
    yield from _torch()
    yield _kernel()
    yield _notebooks()
    yield _progress()
    yield _isolation()
    yield _browser()


def _python() -> Finding:
    from packaging.specifiers import SpecifierSet

    wanted = importlib.metadata.metadata(PACKAGE)["Requires-Python"]
    version = platform.python_version()
    well = SpecifierSet(wanted).contains(version, prereleases=True)
    return Finding("Python", f"{version} at {sys.executable}", well, remedy=f"the course takes Python {wanted}")


def _resources() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("Cores", str(cores))
    if importlib.util.find_spec("psutil"):
        import psutil

        memory = psutil.virtual_memory()
        yield Finding(
            "Memory",
            f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB",
            well=memory.available / 1e9 >= MEMORY_GIGABYTES / 2,
            required=False,
            remedy=f"lessons are made for {MEMORY_GIGABYTES:g} GB: close other programs before the ones that train",
        )
    free = shutil.disk_usage(ROOT).free / 1e9
    yield Finding(
        "Disk", f"{free:.1f} GB free", free >= DISK_GIGABYTES, remedy=f"make room: {DISK_GIGABYTES:g} GB or more"
    )


def _packages() -> Iterator[Finding]:
    """Compare what is installed with the ranges in pyproject.toml; a group that is well takes one line."""
    groups = (
        ("Packages", "", True, "pip install -e . -c constraints.txt"),
        ("For authors (dev)", "dev", False, "to change a lesson: pip install -e '.[dev]' -c constraints.txt"),
        ("For tests (test)", "test", False, "to run the tests: pip install -e '.[test]' -c constraints.txt"),
    )
    for name, extra, required, remedy in groups:
        count, faults = 0, []
        for package, wanted in _requirements(extra):
            count += 1
            try:
                version = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                faults.append(f"{package} is missing")
                continue
            if not wanted.contains(version, prereleases=True):
                faults.append(f"{package} {version} is not {wanted}")
        yield Finding(
            name, "; ".join(faults) or f"{count} packages, all within their ranges", not faults, required, remedy
        )


def _requirements(extra: str) -> Iterator[tuple[str, object]]:
    """Yield name and range of what the course needs, or of what `extra` adds to that."""
    from packaging.requirements import Requirement

    for line in importlib.metadata.requires(PACKAGE) or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if requirement.name == PACKAGE or (marker and not marker.evaluate({"extra": extra})):
            continue
        if not extra or (marker and not marker.evaluate({"extra": ""})):
            yield requirement.name, requirement.specifier


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that it links to is not there
        yield Finding(
            "PyTorch", f"cannot be imported: {error}", well=False, remedy="install PyTorch for this machine anew"
        )
        return
    from utils.training.device import choose_device, has_fast_mode

    device = choose_device()
    yield Finding("PyTorch", f"{torch.__version__}, trains on {device.type}, {torch.get_num_threads()} threads")
    fast = has_fast_mode(device)
    yield Finding("Fast mode (bf16)", "yes" if fast else "not on this machine: training takes its time, no more")


def _kernel() -> Finding:
    found = importlib.util.find_spec("ipykernel") is not None
    text = "this Python" if found else "ipykernel is missing"
    return Finding("Notebook kernel", text, found, remedy="pip install -e . -c constraints.txt")


def _notebooks() -> Finding:
    missing = [lesson.id for lesson in LESSONS if not (lesson.notebook.is_file() and lesson.solution.is_file())]
    found = f"lessons {', '.join(missing)} are not there" if missing else f"{len(LESSONS)} lessons"
    return Finding("Notebooks", found, not missing, remedy="git checkout course solutions, or course build")


def _progress() -> Finding:
    from utils.exercises.progress import progress_path

    path = progress_path()
    if path is None:
        return Finding("Progress", "not kept (COURSE_PROGRESS, CI)")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        remedy = f"set COURSE_PROGRESS to a file that you may write, such as {Path('~', 'progress.json')}"
        return Finding("Progress", f"{path} cannot be written: {error.strerror}", well=False, remedy=remedy)
    return Finding("Progress", str(path))


def _isolation() -> Finding:
    from utils.grading.sandbox import examine as examine_isolation

    isolation = examine_isolation()
    well = isolation.level != "none"
    found = isolation.found if well else f"none: {isolation.found}"
    remedy = f"only grading other people's work needs it: {isolation.remedy}"
    return Finding("Isolation for grading", found, well, required=False, remedy=remedy)


def _browser() -> Finding:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    remedy = "only the browser tests need one: apt-get install chromium, or install Chrome and put it on the PATH"
    return Finding("Chromium", found or "not found", found is not None, required=False, remedy=remedy)
