"""Ctrl-C at a moment of our choosing: work that must not stop half done finishes first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def delayed_interrupt() -> Iterator[Callable[[], bool]]:
    """Make Ctrl-C (and a notebook's stop button) wait until the `with` block ends, where it raises `KeyboardInterrupt`.

    Yields a function that says whether it was pressed, for a block that wants to end early. Pressed a second time it
    does not wait. Where Ctrl-C would not raise anyway (outside the main thread, or where a program handles the signal
    itself) nothing changes.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return
    pressed = False

    def wait(_signal, _frame):
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    signal.signal(signal.SIGINT, wait)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
