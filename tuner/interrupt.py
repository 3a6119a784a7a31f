"""Ctrl-C while a command is still being imported: its exit status, and no traceback."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def quietly() -> None:
    """Let Ctrl-C end the process, if it is `python -m tuner.NAME` and has come no further."""
    # what Python has in place of the command's name while it imports the package around it
    imported = sys.argv[:1] == ["-m"]
    if imported and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


def as_usual() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, which a command handles itself."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave(_signal: int, _frame: FrameType | None) -> None:
    """End the process: nothing is open yet, and an exception would be taken for a failed import."""
    os._exit(INTERRUPTED)
