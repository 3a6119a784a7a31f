"""A trial that outgrows the memory: it goes on with a part of each batch at a time."""

from collections.abc import Iterator

from torch.nn.modules.batchnorm import _BatchNorm

from trainables.training.trial import TrainingOutOfMemoryError, Trial


def halve_micro_batch(trial: Trial, error: TrainingOutOfMemoryError) -> int:
    """Return how many images a trial should take at a time after an accident: half as many.

    Args:
        trial: As it was when memory ran out.
        error: What training raised.

    Raises:
        OutgrownError: If it took single images already, or if the gradients of parts do not add up
            to those of the batch.
    """
    whole = trial.components.data.batch_size
    size = min(whole, trial.micro_batch or whole)
    reasons = [
        *micro_batch_obstacles(trial),
        *(["images go one at a time already"] if size == 1 else []),
    ]
    if reasons:
        raise TrainingOutOfMemoryError(
            f"{str(error).splitlines()[0]} Smaller parts are no way out, because {reasons[0]}; "
            "lower data.batch_size, or give a trial more of a GPU, gpu=1."
        )
    return size // 2


def micro_batch_obstacles(trial: Trial) -> Iterator[str]:
    """Yield why a trial would learn something else from parts of its batches, if so."""
    update, method = trial.components.update, trial.components.method
    if not update.divides_batches:
        yield f"{update.name} has no update.micro_batch"
    if any(isinstance(module, _BatchNorm) for module in trial.model.modules()):
        yield "BatchNorm's statistics are those of a whole batch"
    if method.whole_batch:
        yield f"the loss of {method.name} is one of a whole batch"
