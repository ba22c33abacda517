"""The session's one JupyterLab and one Chromium."""

from __future__ import annotations

import pytest
from harness import Lab, why_not


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab(tmp_path_factory, request):
    """A JupyterLab over an empty folder, and a browser; skips with the way to install what is missing."""
    if reason := why_not():
        pytest.skip(reason)
    driver = request.getfixturevalue("playwright_driver")
    lab = Lab(driver, tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"))
    yield lab
    lab.close()
