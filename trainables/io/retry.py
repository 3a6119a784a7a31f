"""Writes that are tried again while the storage refuses them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

ResultT = TypeVar("ResultT")

FIRST_PAUSE, MAX_PAUSE = 0.1, 15.0
"""Seconds before the second try, and the most between two; each pause is twice the one before."""


class RetryTimeout(BaseException):
    """The storage has refused for too long.

    No Exception, because Ray takes those for a trial's, or logs them and goes on.
    """


@dataclass
class Retry:
    """Does what may fail because of the storage until it succeeds.

    Once it has given up it tries everything once, for what can be saved at the end. A file that is
    not there is waited for as well: a share that is away for a moment, or was mounted anew, looks
    like a folder that was deleted, and only the reader can tell, who is told at once.

    Attributes:
        warn: Called with what it cannot do, and why, when that fails for the first time.
        timeout: Seconds after which it is given up; never if none.
        has_timed_out: Whether it has.
    """

    warn: Callable[[str], None]
    timeout: float | None = None
    has_timed_out: bool = False

    def __getstate__(self) -> dict[str, object]:
        """Return nothing: Ray pickles what writes, and a terminal cannot be pickled."""
        return {}

    def __call__(self, what: str, act: Callable[[], ResultT]) -> ResultT:
        """Return what `act` returns; whatever it raises but OSError is raised.

        Args:
            what: It writes, for the reader of messages.
            act: Writes it, or nothing that counts; may be called again.

        Raises:
            GaveUpError: If it has failed for longer than the limit.
        """
        begun, pause, refused = time.monotonic(), FIRST_PAUSE, False
        while True:
            try:
                return act()
            except OSError as error:
                said = os.strerror(error.errno) if error.errno else str(error)
                reason = f"cannot write {what} ({said})"
                waited = time.monotonic() - begun
                if self.has_timed_out or (self.timeout is not None and waited >= self.timeout):
                    self.has_timed_out = True
                    raise RetryTimeout(reason) from None
                if not refused:
                    self.warn(reason)
                refused = True
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
