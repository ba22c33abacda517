"""What is installed: environment.yml and constraints.txt say what pyproject.toml says, and utils/ needs no more."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from repository import name_of, pyproject, requirements, texts

from utils.lessons import ROOT

CONDA_NAMES = {"torch": "pytorch"}  # where conda's name differs
GIVEN = {"jupyterlab", "nbval", "matplotlib", "torch", "ipywidgets", "pytest"}
EVERYTHING = requirements("dev", "test")


def conda() -> tuple[dict, dict[str, SpecifierSet], list[str]]:
    """environment.yml: the whole, the ranges by conda's name, and what pip installs."""
    environment = yaml.safe_load(texts()["environment.yml"])
    plain = [line for line in environment["dependencies"] if isinstance(line, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    found = [Requirement(line) for line in plain]
    return environment, {requirement.name: requirement.specifier for requirement in found}, pip


def test_the_conda_environment_has_the_projects_name_and_python():
    environment, ranges, pip = conda()
    project = pyproject()["project"]
    assert set(environment) == {"name", "channels", "dependencies"}
    assert environment["name"] == project["name"]
    assert ranges["python"] == SpecifierSet(project["requires-python"])
    assert pip == ["-e ."]


def test_the_conda_environment_gives_the_six_packages_in_the_projects_ranges():
    _, ranges, _ = conda()
    expected = {CONDA_NAMES.get(name, name): requirements()[name].specifier for name in GIVEN}
    assert {name: bounds for name, bounds in ranges.items() if name not in ("python", "pip")} == expected
    assert "pip" in ranges


def pins() -> list[Requirement]:
    return [Requirement(line) for line in texts()["constraints.txt"].splitlines()]


@pytest.mark.parametrize("package", sorted(EVERYTHING))
def test_the_package_is_pinned_within_its_range(package):
    found = [pin for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(package)]
    assert found, "make constraints.txt anew: README.md says how"
    for pin in found:
        (bound,) = pin.specifier
        assert bound.operator == "=="
        assert EVERYTHING[package].specifier.contains(Version(bound.version))


def test_every_supported_python_has_just_one_pin_of_each_package():
    supported = [
        f"3.{minor}" for minor in range(30) if f"3.{minor}.9" in SpecifierSet(pyproject()["project"]["requires-python"])
    ]
    assert supported == ["3.11", "3.12", "3.13"]
    for python in supported:
        here = {"python_version": python, "python_full_version": f"{python}.9"}
        names = [pin.name for pin in pins() if pin.marker is None or pin.marker.evaluate(here)]
        assert len(names) == len(set(names))
        assert {canonicalize_name(name) for name in EVERYTHING} <= {canonicalize_name(name) for name in names}


def test_constraints_hold_names_versions_and_markers_alone():
    line = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w .'<>=!()]+)?")  # no option, no address, no hash, no comment
    assert [text for text in texts()["constraints.txt"].splitlines() if not line.fullmatch(text)] == []


def test_constraints_leave_the_choice_of_gpu_to_torch():
    gpu = re.compile(r"(nvidia|cuda|triton|pytorch-triton)\b")
    assert [pin.name for pin in pins() if gpu.match(pin.name)] == []


# --- what utils/ imports


def closure(*extras: str) -> set[str]:
    """The distributions that an installation with `extras` brings, as far as they are installed here."""
    found: set[str] = set()
    waiting = list(requirements(*extras).values())
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        try:
            lines = [] if name in found else metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        found.add(name)
        for inner in map(Requirement, lines):
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in wanted.extras or {""}):
                waiting.append(inner)
    return found


def foreign_imports(tree: ast.Module) -> tuple[set[str], set[str]]:
    """The packages that a module imports from outside: all of them, and those that importing it imports."""
    inside = {
        node for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    everywhere, at_once = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {node.module.partition(".")[0]}
        else:
            continue
        names -= {*sys.stdlib_module_names, "utils"}
        everywhere |= names
        at_once |= set() if node in inside else names
    return everywhere, at_once


HOLDERS = {name: {*map(canonicalize_name, held_by)} for name, held_by in metadata.packages_distributions().items()}


def importable(*extras: str) -> set[str]:
    """The packages that can be imported after an installation with `extras`."""
    distributions = closure(*extras)
    return {package for package, holders in HOLDERS.items() if holders & distributions}


# files that may import more than a plain installation brings: which extra, and whether as soon as they are imported
EXTRAS = {
    "utils/publishing/building.py": ("dev", False),  # once it is asked for: `course check` lives beside it
    "utils/publishing/source.py": ("dev", False),
    "utils/publishing/trees.py": ("dev", False),
    "utils/grading/cluster.py": ("cluster", False),
    "utils/grading/nbgrader_config.py": ("dev", True),  # read by nbgrader itself
}


def test_utils_imports_what_a_plain_installation_brings():
    plain = importable()
    assert "torch" in plain
    assert not {"nbgrader", "jupytext", "transformers", "hypothesis", "distributed"} & plain
    lacking, unused = {}, set(EXTRAS)
    for path in (ROOT / "utils").rglob("*.py"):
        everywhere, at_once = foreign_imports(ast.parse(path.read_text(encoding="utf-8")))
        extra, from_the_start = EXTRAS.get(name_of(path), ("", False))
        more = importable(extra) if extra else plain
        if names := (at_once - (more if from_the_start else plain)) | (everywhere - more):
            lacking[name_of(path)] = names
        if everywhere - plain:
            unused.discard(name_of(path))
    assert unused == set()
    assert lacking == {}
