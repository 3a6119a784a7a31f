"""How often to do what takes longer the larger a study is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throttle:
    """Lets something be done again and again, for a share of the time at most.

    Attributes:
        min_seconds: Seconds between two times, at least.
        max_share: Of the time.
    """

    def __init__(self, min_seconds: float, max_share: float) -> None:
        self.min_seconds, self.max_share = min_seconds, max_share
        self.started_at, self.last_duration = -min_seconds, 0.0

    @property
    def ready(self) -> bool:
        """Whether the last time is long enough ago."""
        return time.monotonic() - self.started_at >= max(
            self.min_seconds, self.last_duration / self.max_share
        )

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Do it inside."""
        self.started_at = time.monotonic()
        yield
        self.last_duration = time.monotonic() - self.started_at
