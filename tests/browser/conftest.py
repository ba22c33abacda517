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


@pytest.fixture(scope="module")
def notebook(lab, request):
    """A notebook with the module's `CELL`, run once."""
    name = request.module.__name__.removeprefix("test_").removesuffix("_in_lab")
    page = lab.open(lab.write(f"{name}.ipynb", request.module.CELL.strip()))
    page.run_all()
    yield page
    page.close()


@pytest.fixture
def widget(notebook, request):
    """The one widget of that notebook, of the module's `TITLE`."""
    return notebook.widget(request.module.TITLE)
