"""Objectives of a study: one accuracy or two, and the constraint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainables.training.constraint import Constraint
from trainables.training.report import Report

METRIC, MODE = "val_robust_accuracy", "max"

Objective = Literal["robust", "clean"]
ROBUST_ONLY: tuple[Objective, ...] = ("robust",)


@dataclass(frozen=True)
class Goal:
    """Objectives and constraint of a study.

    Attributes:
        objectives: Accuracies on the validation split to maximise; "robust" is first.
        constraint: Constraint on the kept epoch of a trial; `None`: no constraint.
    """

    objectives: tuple[Objective, ...] = ROBUST_ONLY
    constraint: Constraint | None = None

    @property
    def is_multi_objective(self) -> bool:
        """Whether the result is a Pareto front rather than one best trial."""
        return len(self.objectives) > 1

    def objective_values(self, report: Report) -> list[float]:
        """Return the accuracies of an epoch in the order of the objectives."""
        values = {"robust": report.val_robust_accuracy, "clean": report.val_clean_accuracy}
        return [values[name] for name in self.objectives]


def pareto_mask(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each point whether it is Pareto-optimal: no other point dominates it.

    >>> pareto_mask([(0.5, 0.9), (0.6, 0.8), (0.5, 0.8), (0.6, 0.8)])
    [True, True, False, True]
    """
    return [
        not any(
            list(other) != list(point) and all(a >= b for a, b in zip(other, point, strict=True))
            for other in points
        )
        for point in points
    ]
