"""Retries of writes while the storage fails."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

ResultT = TypeVar("ResultT")

FIRST_PAUSE, MAX_PAUSE = 0.1, 15.0
"""Seconds before the first retry and the maximum; each pause is twice the one before."""


class RetryTimeout(BaseException):
    """The storage failed for longer than the timeout.

    Not an `Exception`: Ray takes those for errors of a trial, or logs and ignores them.
    """


@dataclass
class Retry:
    """Repeats a storage operation until it succeeds or the timeout has passed.

    After a timeout each further operation is tried once, to save what can be saved at the end.
    Missing files are retried too: an unmounted network share looks like a deleted folder. The
    warning at the first failure lets the user distinguish the two.

    Attributes:
        warn: Called with a message when an operation fails for the first time.
        timeout: Seconds before `RetryTimeout` is raised. `None`: retry without limit.
        has_timed_out: Whether an operation has timed out.
    """

    warn: Callable[[str], None]
    timeout: float | None = None
    has_timed_out: bool = False

    def __getstate__(self) -> dict[str, object]:
        """Return no state: Ray pickles the owners of a `Retry`, and `warn` cannot be pickled."""
        return {}

    def __call__(self, what: str, act: Callable[[], ResultT]) -> ResultT:
        """Return the result of `act`, which is called again while it raises OSError.

        Args:
            what: What `act` writes, for messages.
            act: The operation; must be safe to repeat.

        Raises:
            RetryTimeout: If it has failed for longer than `timeout`.
        """
        start, pause, has_failed = time.monotonic(), FIRST_PAUSE, False
        while True:
            try:
                return act()
            except OSError as error:
                cause = os.strerror(error.errno) if error.errno else str(error)
                reason = f"cannot write {what} ({cause})"
                waited = time.monotonic() - start
                if self.has_timed_out or (self.timeout is not None and waited >= self.timeout):
                    self.has_timed_out = True
                    raise RetryTimeout(reason) from None
                if not has_failed:
                    self.warn(reason)
                has_failed = True
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)
