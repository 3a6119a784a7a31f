"""Ctrl-C, its exit status and no traceback: while a command is imported, and the second time."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT_STATUS = 130
SHOW_CURSOR = b"\x1b[?25h\n"


def install_import_handler() -> None:
    """Let Ctrl-C end the process, if it is `python -m tuner.NAME` and has come no further."""
    # what Python has in place of the command's name while it imports the package around it
    imported = sys.argv[:1] == ["-m"]
    if imported and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, exit_now)


def restore_default() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, which a command handles itself."""
    if signal.getsignal(signal.SIGINT) is exit_now:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def second_sigint_exits() -> Iterator[None]:
    """Let the second Ctrl-C end the process at once, where the first has Ray end a search cleanly.

    Ray puts back what it found as soon as it has heard the first. What is on the disk then is whole
    at any moment, and the system ends what this process has started. Schedulers of clusters end
    jobs with SIGTERM, at which Ray would leave no results; here it does what Ctrl-C does.
    """
    if hasattr(sys, "ps1") or threading.current_thread() is not threading.main_thread():
        yield  # a notebook outlives its searches; no other thread may say what a signal does
        return
    handlers = {signal.SIGINT: exit_now, signal.SIGTERM: raise_sigint}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_sigint(_signal: int, _frame: FrameType | None) -> None:
    """Do as Ctrl-C does."""
    signal.raise_signal(signal.SIGINT)


def exit_now(_signal: int, _frame: FrameType | None) -> None:
    """End the process; an exception would be taken for a failed import, or for a trial's."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), SHOW_CURSOR)  # a live table hides it
    os._exit(INTERRUPT_STATUS)
