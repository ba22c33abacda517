"""The floors of the house: a module of utils/ imports its own package and what lies below, and nothing goes round."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from utils.lessons import ROOT

# from the ground up; the ground floor has a step, since scenes and figures share one palette
FLOORS = (
    {"style", "lessons"},
    {"world", "figures", "glossary", "concepts", "catalogue"},
    {"models"},
    {"training"},
    {"evaluation"},
    {"widgets", "exercises"},
    {"publishing"},
    {"grading"},
    {"cli"},
)
WITHOUT_A_NOTEBOOK = FLOORS[:5]
NOTEBOOK = {"ipywidgets", "anywidget", "IPython", "ipykernel", "traitlets", "jupyterlab", "nbformat", "nbclient"}
ORACLES = {"transformers", "diffusers", "peft", "timm", "open_clip", "torchvision", "torchaudio", "torch_geometric"}

UTILS = ROOT / "utils"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(UTILS.rglob("*.py"))}


def package_of(module: str) -> str:
    """The package or module of `utils` that `module` is part of, "" for `utils` itself."""
    return module.partition(".")[2].partition(".")[0]


def imports(tree: ast.AST, module: str, *, at_once: bool = False) -> set[str]:
    """The modules that `tree` imports, in functions too or, with `at_once`, when it is imported itself.

    A name imported from a package is a module of it if there is one of that name.
    """
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in inner}
        elif not (at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            found |= imports(node, module, at_once=at_once)
    return found


@cache
def imports_of(module: str, *, at_once: bool = False) -> set[str]:
    return imports(ast.parse(MODULES[module].read_text(encoding="utf-8")), module, at_once=at_once)


def upward(module: str, imported: set[str]) -> set[str]:
    """Those of the imported modules that stand as high as `module` or higher, its own package apart."""
    floors = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
    own = package_of(module)
    other = {name for name in imported if name.partition(".")[0] == "utils" and package_of(name) != own}
    return {name for name in other if floors[package_of(name)] >= floors[own]}


def go_round(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, none if there is no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_every_package_has_its_floor():
    assert {package_of(module) for module in MODULES} - {""} == set().union(*FLOORS)


def test_imports_point_downwards():
    found = {module: upward(module, imports_of(module)) for module in MODULES if package_of(module)}
    assert {module: names for module, names in found.items() if names} == {}
    assert not imports_of("utils") & set(MODULES), "`import utils` imports no part of it"


@pytest.mark.parametrize(
    ("module", "line", "expected"),
    [
        ("utils.models.clip", "import utils.training.loop", {"utils.training.loop"}),
        ("utils.models.clip", "from utils.training import loop", {"utils.training.loop"}),
        ("utils.models.clip", "def f():\n    from utils import evaluation", {"utils.evaluation"}),
        ("utils.widgets.base", "if True:\n    from utils.exercises import check", {"utils.exercises"}),
        ("utils.style", "from utils.world import Scene", {"utils.world"}),
        ("utils.training.loop", "from utils.models.clip import CLIP\nimport utils.training.device", set()),
    ],
)
def test_an_import_that_points_upwards_is_found(module, line, expected):
    assert upward(module, imports(ast.parse(line), module)) == expected


def test_no_import_goes_round():
    assert go_round({module: imports_of(module) & set(MODULES) for module in MODULES}) == []
    assert go_round({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_oracles_are_for_tests():
    assert {module for module in MODULES if roots(imports_of(module)) & ORACLES} == set()


def test_the_lower_floors_know_no_notebook():
    lower = {module for module in MODULES if package_of(module) in set().union(*WITHOUT_A_NOTEBOOK)}
    assert "utils.world.scenes" in lower
    assert {module for module in lower if roots(imports_of(module, at_once=True)) & NOTEBOOK} == set()


def test_an_import_inside_a_function_waits_for_its_call():
    tree = ast.parse("def show():\n    from IPython.display import display\nif True:\n    import anywidget")
    assert imports(tree, "utils.style", at_once=True) == {"anywidget"}
    assert imports(tree, "utils.style") == {"anywidget", "IPython.display"}


@pytest.mark.parametrize(
    "code", ["import utils", "import utils.lessons", "import utils.style", "import utils.exercises"]
)
def test_a_light_import_stays_light(code):
    heavy = {"torch", "numpy", "matplotlib", "IPython", "pandas", "sklearn", "skimage"}
    code = f"{code}; import sys; print(*({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_help_needs_no_torch():
    code = "import sys; sys.argv = ['course', '--help']\nfrom utils.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\nprint('torch' in sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "course COMMAND --help" in ran.stdout
    assert ran.stderr.strip() == "False"
