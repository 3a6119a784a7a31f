"""What a trial reports after every epoch."""

from dataclasses import dataclass


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
    micro_batch: int | None = None

    def score(self) -> tuple[float, float]:
        """Return what the best epoch has most of: robust accuracy, then clean accuracy."""
        return self.val_robust_accuracy, self.val_clean_accuracy
