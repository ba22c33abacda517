"""The session's one JupyterLab and one Chromium, and the measured times at the end of the run."""

from __future__ import annotations

import pytest
from harness import Lab, why_not

MEASURED: list[str] = []


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab over an empty folder, and a browser; skips with the way to install what is missing."""
    if reason := why_not():
        pytest.skip(reason)
    lab = Lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"))
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def measured():
    """Call it with a line, such as a redraw time: it is printed when the run ends, and never asserted on."""
    return MEASURED.append


def pytest_terminal_summary(terminalreporter):
    if MEASURED:
        terminalreporter.section("measured in the browser")
        for line in MEASURED:
            terminalreporter.write_line(line)
