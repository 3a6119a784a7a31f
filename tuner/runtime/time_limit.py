"""When the time of a study is over, whatever the clock on the wall says."""

import time
from dataclasses import dataclass

from ray import tune


@dataclass(frozen=True)
class TimeLimitStopper(tune.Stopper):
    """Ends a study after so many seconds.

    Ray's own counts by the time of day, and a clock that is set forward by an hour ends a study
    that has begun.

    Attributes:
        started_at: When it began, by the monotonic clock.
        budget: Seconds that it has; no limit if none.
    """

    started_at: float
    budget: float | None

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Return that no trial ends alone."""
        return False

    def stop_all(self) -> bool:
        """Return whether the time is over."""
        return self.budget is not None and time.monotonic() - self.started_at >= self.budget
