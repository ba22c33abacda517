"""What all tests share: one thread, and measured figures that are printed when the run ends."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small matrices are slower on several threads, and sums then depend on how many there are."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def playwright_driver():
    """The one Playwright of the session: its synchronous interface allows no second one in a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture
def measured(record_property):
    """Call it with lines, such as redraw times or a ratio: they are printed when the run ends, and never asserted on.

    They travel with the test's report, so that it works under xdist too.
    """
    return lambda lines: record_property("measured", lines)


def pytest_terminal_summary(terminalreporter):
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    shown = [value for report in reports for name, value in report.user_properties if name == "measured"]
    if shown:
        terminalreporter.section("measured in this run")
        terminalreporter.write_line("\n".join(shown))
