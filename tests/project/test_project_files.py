"""The tree as a whole: linters pass, nothing of an author's machine is in it, the top level is what it should be."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from repository import files, name_of, pyproject, texts

from utils.lessons import ROOT

# what the project's owner asked for, and what tools look for at the root
HOUSE = {"course", "solutions", "assets", "utils", "tests", "environment.yml", "README.md"}
TOOLS = {"pyproject.toml", "constraints.txt", "LICENSE", ".gitignore", ".ci"}

# written so that no pattern matches itself
FOREIGN = {
    "a path of an author's machine": re.compile(r"(?<![\w.~/-])/(?:work|root|home|opt|Users)/|\b[A-Z]:\\Users\b"),
    "a page that is not in the repository": re.compile(r"\.\./shared/"),
    "the host of a package registry": re.compile(
        r"\b(?:pypi|pythonhosted|npmjs|anaconda|crates)\.(?:org|com|io)\b"
        r"|\b(?:deb|download|files|index|packages|registry)\.[\w-]+\.(?:com|io|org)\b"
    ),
}


def foreign(text: str) -> list[str]:
    """The lines of `text` that name something that other machines do not have."""
    return [
        f"{number}: {what}: {line.strip()[:120]}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in FOREIGN.items()
        if pattern.search(line)
    ]


def run_tool(module: str, *arguments: str, given: str | None = None) -> str:
    """What a linter says, "" if it is content."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 or ran.stdout, f"{module} did not run: {ran.stderr}"
    return "" if ran.returncode == 0 else ran.stdout


def test_ruff_is_content():
    assert run_tool("ruff", "check", "--no-cache", "--quiet", "--output-format=concise", ".") == ""


def test_ruff_would_say_so():
    said = run_tool(
        "ruff", "check", "--no-cache", "--stdin-filename=utils/some.py", "-", given='"""Some."""\nimport os\n'
    )
    assert "F401" in said


def test_codespell_is_content():
    words = [name for name in texts() if name not in ("constraints.txt",) and "/vendor/" not in name]
    assert run_tool("codespell_lib", *words) == ""


def test_codespell_would_say_so(tmp_path):
    page = tmp_path / "page.py"
    page.write_text("# t" + "eh end\n", encoding="utf-8")
    assert "==> the" in run_tool("codespell_lib", str(page))


def test_nothing_in_the_tree_is_of_one_machine_or_names_a_registry():
    assert {name: lines for name, text in texts().items() if (lines := foreign(text))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "cd /" + "work/main",
        'Path("/' + 'root/.cache")',
        "C:" + "\\Users\\me",
        "see .." + "/shared/notes",
        "pip install -i https://pypi" + ".org/simple torch",
        "https://download" + ".example.org/whl/cpu",
    ],
)
def test_what_is_of_one_machine_is_found(line):
    assert len(foreign(f"first\n{line}\n")) == 1


@pytest.mark.parametrize("line", ["utils/world/work/", "https://pytorch.org/get-started/", "~/work/", "the root/leaf"])
def test_what_every_machine_has_is_left_alone(line):
    assert foreign(line) == []


def test_the_top_level_holds_the_house_and_what_tools_look_for():
    top = {path.relative_to(ROOT).parts[0] for path in files()}
    assert top <= HOUSE | TOOLS
    assert {"solutions", "assets", "utils", "tests", "environment.yml", "README.md"} | TOOLS <= top


def test_no_file_is_large():
    large = {name_of(path): path.stat().st_size for path in files() if path.stat().st_size > 5_000_000}
    assert large == {}


def test_the_licence_names_both():
    licence = texts()["LICENSE"]
    assert "MIT License" in licence
    assert "Creative Commons Attribution 4.0 International" in licence
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in licence
    assert pyproject()["project"]["license"] == "MIT AND CC-BY-4.0"
    assert {"MIT", "CC BY 4.0"} <= set(re.findall(r"MIT|CC BY 4\.0", texts()["README.md"]))
