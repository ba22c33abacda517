"""One line for a measured figure and the bar that it must meet."""

from __future__ import annotations


def report(name: str, value: float, *, bar: float | None = None, at_most: float | None = None) -> None:
    """Print `name`, the measured `value` and whether it meets its bar.

    Give `bar` where more is better and `at_most` where less is. The line looks like `recall@1 0.97, bar 0.90: met`;
    when notebooks are checked only the measured number is masked, so that "met" must come out on every machine.
    """
    if (bar is None) == (at_most is None):
        raise ValueError("give either bar= (the value must reach it) or at_most= (the value must stay below it)")
    met = value >= bar if bar is not None else value <= at_most
    limit = f"bar {bar:.2f}" if bar is not None else f"at most {at_most:.2f}"
    print(f"{name} {value:.2f}, {limit}: {'met' if met else 'NOT met'}")
