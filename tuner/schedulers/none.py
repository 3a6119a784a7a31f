"""Every trial runs to its last epoch."""

from tuner.ladder import FidelityPlan
from tuner.rule import Scheduler


def build(*, course: FidelityPlan) -> Scheduler:
    """Return a rule that stops nothing."""
    return Scheduler(course.plan_levels([]))
