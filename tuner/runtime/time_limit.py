"""The time budget of a study, measured on the monotonic clock."""

import time
from dataclasses import dataclass

from ray import tune


@dataclass(frozen=True)
class TimeLimitStopper(tune.Stopper):
    """Stops a study after a number of seconds.

    Ray's `TimeoutStopper` uses the time of day, so that setting the clock forward ends a study.

    Attributes:
        started_at: Start of the study on the monotonic clock, in seconds.
        budget: Seconds that the study may take; `None`: no limit.
    """

    started_at: float
    budget: float | None

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Return `False`: no single trial is stopped."""
        return False

    def stop_all(self) -> bool:
        """Return whether the budget is used up."""
        return self.budget is not None and time.monotonic() - self.started_at >= self.budget
