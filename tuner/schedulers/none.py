"""Every trial runs to its last epoch."""

from tuner.ladder import Course
from tuner.rule import Rule


def build(*, course: Course) -> Rule:
    """Return a rule that stops nothing."""
    return Rule(course.levels([]))
