"""Smaller micro-batches for a trial that runs out of memory."""

from collections.abc import Iterator

from torch.nn.modules.batchnorm import _BatchNorm

from trainables.training.trial import TrainingOutOfMemoryError, Trial


def halve_micro_batch(trial: Trial, error: TrainingOutOfMemoryError) -> int:
    """Return half of the current micro-batch size, after a trial ran out of memory.

    Args:
        trial: The trial at that time.
        error: The error of training.

    Raises:
        TrainingOutOfMemoryError: If the size is 1 already, or if the gradients of micro-batches do
            not add up to those of the batch.
    """
    whole = trial.components.data.batch_size
    size = min(whole, trial.micro_batch or whole)
    reasons = [
        *micro_batch_obstacles(trial),
        *(["the micro-batch is one image already"] if size == 1 else []),
    ]
    if reasons:
        raise TrainingOutOfMemoryError(
            f"{str(error).splitlines()[0]} Smaller micro-batches are impossible: {reasons[0]}; "
            "lower data.batch_size, or give a trial more of a GPU, gpu=1."
        )
    return size // 2


def micro_batch_obstacles(trial: Trial) -> Iterator[str]:
    """Yield the reasons why micro-batches would change the training of a trial."""
    update, method = trial.components.update, trial.components.method
    if not update.divides_batches:
        yield f"{update.name} has no update.micro_batch"
    if any(isinstance(module, _BatchNorm) for module in trial.model.modules()):
        yield "BatchNorm's statistics need the whole batch"
    if method.whole_batch:
        yield f"the loss of {method.name} needs the whole batch"
