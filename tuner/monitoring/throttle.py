"""Rate limiter for work whose cost grows with the study."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Throttle:
    """Limits how often something is done, and its share of the time.

    Attributes:
        min_seconds: Minimum seconds between two starts.
        max_share: Maximum share of the time, from 0 to 1.
    """

    def __init__(self, min_seconds: float, max_share: float) -> None:
        self.min_seconds, self.max_share = min_seconds, max_share
        self.started_at, self.last_duration = -min_seconds, 0.0

    @property
    def ready(self) -> bool:
        """Whether it may be done again."""
        return time.monotonic() - self.started_at >= max(
            self.min_seconds, self.last_duration / self.max_share
        )

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the time that the body takes."""
        self.started_at = time.monotonic()
        yield
        self.last_duration = time.monotonic() - self.started_at
