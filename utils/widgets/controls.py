"""What a learner moves: each control becomes a native HTML element with a visible label.

A control is a small record. It refuses a bad specification when it is made, and a bad value when one arrives, with a
sentence that names the control.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Control:
    """What all controls share: `name` is the keyword of `update`, `label` is what the learner reads."""

    name: str = field(kw_only=False)
    label: str = field(kw_only=False)

    def __post_init__(self):
        if not self.name.isidentifier():
            raise ValueError(f"a control's name is a keyword of update(), so {self.name!r} cannot be one")
        if not self.label.strip():
            raise ValueError(f"control {self.name!r} needs a label that the learner can see")

    @property
    def start(self) -> Any:
        """The value that the control has at first."""
        raise NotImplementedError

    def check(self, value: Any) -> Any:
        """Return `value` in the control's own type, or raise ValueError saying what the control takes."""
        raise NotImplementedError

    def spec(self) -> dict[str, Any]:
        """Return what the browser needs to build the element."""
        return {"kind": type(self).__name__.lower(), "name": self.name, "label": self.label}


@dataclass(frozen=True, kw_only=True)
class Slider(Control):
    """A number from `low` to `high`; `log` gives each factor of ten the same length; `unit` is shown after it.

    With whole `low` and `high` and no `step`, the values are whole numbers; else the step is a power of ten, about a
    hundredth of the way.
    """

    low: float = field(kw_only=False)
    high: float = field(kw_only=False)
    value: float | None = None
    step: float | None = None
    log: bool = False
    unit: str = ""

    def __post_init__(self):
        super().__post_init__()
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"slider {self.name!r} goes from a lower to a higher number, not {self.low} to {self.high}"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"slider {self.name!r} is logarithmic, so it must start above 0, not at {self.low}")
        if self.log and self.step is not None:
            raise ValueError(f"slider {self.name!r} is logarithmic, so it has no step")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError(f"slider {self.name!r} cannot have steps of {self.step}")
        steps = (self.check(self.start) - self.low) / self._step
        if not self.log and abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"slider {self.name!r} cannot start at {self.start}: its steps are {self._step}")

    @property
    def is_whole(self) -> bool:
        """True when every value is a whole number."""
        return not self.log and all(isinstance(part, int) for part in (self.low, self.high, self._step))

    @property
    def _step(self) -> float:
        if self.step is not None:
            return self.step
        if isinstance(self.low, int) and isinstance(self.high, int):
            return 1
        return 10.0 ** math.floor(math.log10((self.high - self.low) / 50))

    @property
    def start(self) -> float:
        """The value at first."""
        return self.low if self.value is None else self.value

    def check(self, value: Any) -> float:
        """Return `value` in its own type, or raise ValueError."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{self.label} takes a number, not {value!r}")
        slack = 1e-9 * (self.high - self.low)
        if not self.low - slack <= value <= self.high + slack:
            raise ValueError(f"{self.label} goes from {self.low} to {self.high}; {value} is outside")
        return round(value) if self.is_whole else float(value)

    def spec(self) -> dict[str, Any]:
        """Return what the browser needs."""
        return super().spec() | {
            "low": self.low,
            "high": self.high,
            "step": self._step,
            "log": self.log,
            "unit": self.unit,
        }


@dataclass(frozen=True, kw_only=True)
class _OneOf(Control):
    options: Sequence[str] = field(kw_only=False)
    value: str | None = None

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "options", tuple(self.options))
        if not self.options or not all(isinstance(option, str) for option in self.options):
            raise ValueError(f"control {self.name!r} needs options, each a string; it has {self.options!r}")
        if len(set(self.options)) < len(self.options):
            raise ValueError(f"control {self.name!r} offers the same option twice: {self.options!r}")
        self.check(self.start)

    @property
    def start(self) -> str:
        """The value at first."""
        return self.options[0] if self.value is None else self.value

    def check(self, value: Any) -> str:
        """Return `value` in its own type, or raise ValueError."""
        if value not in self.options:
            raise ValueError(f"{self.label} is one of {', '.join(self.options)}; {value!r} is not")
        return value

    def spec(self) -> dict[str, Any]:
        """Return what the browser needs."""
        return super().spec() | {"options": list(self.options)}


@dataclass(frozen=True, kw_only=True)
class Select(_OneOf):
    """One of `options`, from a list that opens."""


@dataclass(frozen=True, kw_only=True)
class Choice(_OneOf):
    """One of a few `options`, all in sight."""


@dataclass(frozen=True, kw_only=True)
class Toggle(Control):
    """On or off."""

    value: bool = False

    @property
    def start(self) -> bool:
        """The value at first."""
        return self.value

    def check(self, value: Any) -> bool:
        """Return `value` in its own type, or raise ValueError."""
        if not isinstance(value, bool):
            raise ValueError(f"{self.label} is on or off, not {value!r}")
        return value


@dataclass(frozen=True, kw_only=True)
class Button(Control):
    """Something to press; its value counts the presses, so that `update` can tell one from the next."""

    @property
    def start(self) -> int:
        """The value at first."""
        return 0

    def check(self, value: Any) -> int:
        """Return `value` in its own type, or raise ValueError."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{self.label} counts its presses; {value!r} is no count")
        return value


@dataclass(frozen=True, kw_only=True)
class TextBox(Control):
    """A line of text; `suggestions` are offered while the learner types, and nothing forbids others."""

    value: str = ""
    suggestions: Sequence[str] = ()
    longest: int = 200

    @property
    def start(self) -> str:
        """The value at first."""
        return self.value

    def check(self, value: Any) -> str:
        """Return `value` in its own type, or raise ValueError."""
        if not isinstance(value, str):
            raise ValueError(f"{self.label} takes text, not {value!r}")
        if len(value) > self.longest:
            raise ValueError(f"{self.label} takes at most {self.longest} letters; these are {len(value)}")
        return value

    def spec(self) -> dict[str, Any]:
        """Return what the browser needs."""
        return super().spec() | {"suggestions": list(self.suggestions), "longest": self.longest}


def check_controls(controls: Sequence[Control]) -> tuple[Control, ...]:
    """Return `controls` as a tuple, or raise where one is no control or two share a name."""
    for control in controls:
        if not isinstance(control, Control):
            raise TypeError(f"{control!r} is no control: use Slider, Select, Choice, Toggle, Button or TextBox")
    names = [control.name for control in controls]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two controls are called {name!r}")
    return tuple(controls)


def check_values(controls: Sequence[Control], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return one checked value per control, or raise ValueError naming what is unknown, missing or out of range."""
    unknown = sorted(set(values) - {control.name for control in controls})
    if unknown:
        known = ", ".join(control.name for control in controls)
        raise ValueError(f"there is no control called {', '.join(unknown)}; the controls are {known}")
    missing = [control.name for control in controls if control.name not in values]
    if missing:
        raise ValueError(f"no value for {', '.join(missing)}")
    return {control.name: control.check(values[control.name]) for control in controls}
