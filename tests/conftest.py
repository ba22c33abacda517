"""What all tests share: one thread, workers that share the tests, and measured figures, printed when the run ends."""

import os

import pytest

# One thread, here and in the kernels, servers and commands that tests start: small matrices are slower on several,
# sums then depend on how many there are, and beside another worker they would take turns on its core. This stands
# before torch is imported, for that is when it is read.
os.environ["OMP_NUM_THREADS"] = "1"

import torch


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Deal the tests out as workers.py says, unless `--dist` asks for something else."""
    from workers import Scheduler

    return Scheduler(config, log) if config.option.dist == "load" else None


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Torch on one thread, also where a plugin has imported it before it could be told."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def worker(request) -> int:
    """The number of this worker, from 0, for what two of them may not have at the same time."""
    return int(getattr(request.config, "workerinput", {"workerid": "gw0"})["workerid"].removeprefix("gw"))


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
