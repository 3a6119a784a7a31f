"""How often to do what takes longer the larger a study is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """Lets something be done again and again, for a share of the time at most.

    Attributes:
        every: Seconds between two times, at least.
        share: Of the time.
    """

    def __init__(self, every: float, share: float) -> None:
        self.every, self.share = every, share
        self.began, self.took = -every, 0.0

    @property
    def due(self) -> bool:
        """Whether the last time is long enough ago."""
        return time.monotonic() - self.began >= max(self.every, self.took / self.share)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do it inside."""
        self.began = time.monotonic()
        yield
        self.took = time.monotonic() - self.began
