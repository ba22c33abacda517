"""What a benchmark has measured is printed at the end of the test run, whether it passed or not."""

import pytest


@pytest.fixture
def show_measured(record_property):
    """Call it with the lines to print; they travel with the test's report, so that it works under xdist too."""
    return lambda lines: record_property("measured", "\n".join(lines))


def pytest_terminal_summary(terminalreporter):
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    shown = [value for report in reports for name, value in report.user_properties if name == "measured"]
    if shown:
        terminalreporter.section("measured in this run")
        terminalreporter.write_line("\n".join(shown))
