"""The report of a trial after every epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from trainables.training.constraint import Constraint

EXPECTED_GRAPH_OUTCOMES = frozenset({"", "off", "captured", "too few steps"})
"""Values of `cuda_graph` that name no obstacle."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The results of one epoch; the fields are columns of `epochs`.

    Attributes:
        epoch: Epochs finished, from 1.
        train_loss: Loss of the method, in nats per example; not finite if diverged.
        val_clean_accuracy: Fraction of the validation split classified correctly; 0 if diverged.
        val_robust_accuracy: The same under the validation attack; 0 if diverged.
        val_balanced_clean_accuracy: Mean over classes of the fraction of their validation images
            classified correctly; 0 if diverged. `None`: unknown, as in older studies.
        val_balanced_robust_accuracy: The same under the validation attack.
        val_clean_accuracy_raw: `val_clean_accuracy` of the trained network where an average of it
            is validated and saved, in epochs in which the scheduler compares trials (its rungs) and
            in the last epoch of a run; `None`: not measured.
        val_robust_accuracy_raw: The same under the validation attack.
        average_horizons: How far the average has left its first network behind: minus the logarithm
            of that network's weight in it, which is the steps so far in horizons of the average if
            its decay is constant. `None`: there is no average that lags behind.
        lr: Learning rate of the last step.
        eps: Radius that the last step trained with, on the [0, 1] pixel scale.
        gradient_passes: Forward passes with gradients per training example so far: the cost.
        seconds: Wall time of this epoch, validation included.
        exam_seconds: Wall time of the validation attack.
        diverged: Whether the loss was not finite, which ends the trial.
        level: Index of the run, from 0; a trial has several if short runs decide which trials get
            a long one.
        collapsed_at: Update since the start of the run at which the detector found catastrophic
            overfitting, which ends epoch and trial; 0: it did not.
        micro_batch: Images that the update took at a time; `None`: whole batches.
        precision: Precision of training; empty in studies of older versions, as is the next one.
        cuda_graph: Whether updates ran as a CUDA graph: "captured", "off" (without a GPU, or with
            graphs=false), or why they could not.
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
    val_balanced_clean_accuracy: float | None = None
    val_balanced_robust_accuracy: float | None = None
    val_clean_accuracy_raw: float | None = None
    val_robust_accuracy_raw: float | None = None
    average_horizons: float | None = None
    precision: str = ""
    cuda_graph: str = ""

    @property
    def position(self) -> tuple[int, int]:
        """Level and epoch."""
        return self.level, self.epoch

    @property
    def has_failed(self) -> bool:
        """Whether training failed, which ends the trial."""
        return self.diverged or self.collapsed_at > 0

    @property
    def graph_obstacle(self) -> str:
        """Why updates could not run as a CUDA graph; empty if they did, or had no need to."""
        return "" if self.cuda_graph in EXPECTED_GRAPH_OUTCOMES else self.cuda_graph

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> "Report":
        """Return the report in a result of Ray, which has other keys too."""
        return cls(**{field.name: result[field.name] for field in fields(cls)})

    def violation(self, constraint: Constraint | None) -> float:
        """Return the shortfall of the epoch; at most 0 if it satisfies the constraint."""
        if constraint is None:
            return 0.0
        return constraint.violation(robust=self.val_robust_accuracy, clean=self.val_clean_accuracy)

    def score(self, constraint: Constraint | None = None) -> tuple[float, float, float]:
        """Return the sort key of an epoch; the best epoch has the largest.

        The smallest violation of the constraint comes first (0 if satisfied), then robust accuracy,
        then clean accuracy.
        """
        violation = max(0.0, self.violation(constraint))
        return -violation, self.val_robust_accuracy, self.val_clean_accuracy
