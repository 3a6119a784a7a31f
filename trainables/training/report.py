"""What a trial reports after every epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from trainables.training.constraint import Constraint


@dataclass(frozen=True, kw_only=True)
class Report:
    """One row of a study; the field names are columns of `epochs`, and all that analysis reads.

    Attributes:
        epoch: Epochs finished, from 1.
        train_loss: What the method minimises, in nats per example; not finite if diverged.
        val_clean_accuracy: Fraction of the validation split classified correctly; 0 if diverged.
        val_robust_accuracy: The same under the exam's attack; 0 if diverged.
        lr: Learning rate of the last step.
        eps: Radius that the last step trained with, on the [0, 1] pixel scale.
        gradient_passes: Forward passes with gradients per training example so far: the cost.
        seconds: Wall time of this epoch, examination included.
        exam_seconds: Wall time of the examination.
        diverged: Whether the loss was no longer finite, which ends the trial.
        level: Which of the trial's whole runs this is, from 0; a trial has several where short
            ones decide which are worth a long one.
        collapsed_at: Updates since the start of the run after which the sentinel found that PGD
            fools where one step does not, which ends epoch and trial; 0 if it has not.
        micro_batch: Images that the update took at a time; whole batches if none.
    """

    epoch: int
    train_loss: float
    val_clean_accuracy: float
    val_robust_accuracy: float
    lr: float
    eps: float
    gradient_passes: float
    seconds: float
    exam_seconds: float
    diverged: bool = False
    level: int = 0
    collapsed_at: int = 0
    micro_batch: int | None = None

    @property
    def position(self) -> tuple[int, int]:
        """When in a trial it was: level, then epoch."""
        return self.level, self.epoch

    @property
    def has_failed(self) -> bool:
        """Whether the trial ends here because training has failed."""
        return self.diverged or self.collapsed_at > 0

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> "Report":
        """Return the report among whatever else Ray has put beside it."""
        return cls(**{field.name: result[field.name] for field in fields(cls)})

    def violation(self, constraint: Constraint | None) -> float:
        """Return by how much the epoch misses a constraint; at most 0 if it satisfies it."""
        if constraint is None:
            return 0.0
        return constraint.violation(robust=self.val_robust_accuracy, clean=self.val_clean_accuracy)

    def score(self, constraint: Constraint | None = None) -> tuple[float, float, float]:
        """Return what the best epoch has most of.

        First it misses the constraint by as little as can be, all that satisfy it being equal; then
        comes robust accuracy, then clean accuracy.
        """
        missed = max(0.0, self.violation(constraint))
        return -missed, self.val_robust_accuracy, self.val_clean_accuracy
