"""What a study is after: one accuracy or two, and what trials must satisfy."""

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
    """What a study maximises.

    Attributes:
        objectives: Accuracies on the validation split, "robust" the first.
        constraint: What the kept epoch of a trial must satisfy, if anything.
    """

    objectives: tuple[Objective, ...] = ROBUST_ONLY
    constraint: Constraint | None = None

    @property
    def is_multi_objective(self) -> bool:
        """Whether there is a front of trials rather than a best one."""
        return len(self.objectives) > 1

    def objective_values(self, report: Report) -> list[float]:
        """Return where an epoch lies, an accuracy an objective."""
        values = {"robust": report.val_robust_accuracy, "clean": report.val_clean_accuracy}
        return [values[name] for name in self.objectives]


def pareto_mask(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return of each point whether no other is as high everywhere and higher somewhere.

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
