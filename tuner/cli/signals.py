"""Handlers of SIGINT and SIGTERM that exit with status 130 and without a traceback."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT_STATUS = 130
was_terminated = threading.Event()
"""Set once SIGTERM has asked the search of this process to end."""
SHOW_CURSOR = b"\x1b[?25h\n"


def install_import_handler() -> None:
    """Let Ctrl-C end `python -m tuner.NAME` silently while its imports run."""
    # while Python imports the parent package of `-m`, sys.argv[0] is still "-m"
    is_importing = sys.argv[:1] == ["-m"]
    if is_importing:
        exit_on_interrupt()


def exit_on_interrupt() -> None:
    """Let Ctrl-C end the process silently, if nothing else handles it."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, exit_now)


def restore_default() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, which `run_command` handles."""
    if signal.getsignal(signal.SIGINT) is exit_now:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def second_sigint_exits() -> Iterator[None]:
    """Let the second Ctrl-C end the process at once; on the first, Ray ends the search cleanly.

    Ray installs its handler for the first Ctrl-C and then restores the handlers set here. Files
    are written atomically, so that exiting at once is safe. Cluster schedulers end jobs with
    SIGTERM, on which Ray would save no results; here SIGTERM acts as Ctrl-C.
    """
    if hasattr(sys, "ps1") or threading.current_thread() is not threading.main_thread():
        yield  # a notebook must survive; Python allows signal handlers in the main thread only
        return
    was_terminated.clear()
    handlers = {signal.SIGINT: exit_now, signal.SIGTERM: raise_sigint}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def raise_sigint(_signal: int, _frame: FrameType | None) -> None:
    """Send SIGINT to this process, as Ctrl-C does."""
    was_terminated.set()
    signal.raise_signal(signal.SIGINT)


def exit_now(_signal: int, _frame: FrameType | None) -> None:
    """Exit; an exception could be handled as a failed import or as a trial's error."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), SHOW_CURSOR)  # the live table hides the cursor
    os._exit(INTERRUPT_STATUS)
