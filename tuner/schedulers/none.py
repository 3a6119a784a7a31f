"""Every trial runs to its last epoch."""

from ray.tune.schedulers import FIFOScheduler, TrialScheduler


def build(*, epochs: int) -> TrialScheduler:
    """Return a scheduler that stops nothing."""
    scheduler: TrialScheduler = FIFOScheduler()  # type: ignore[no-untyped-call]  # in Ray
    return scheduler
