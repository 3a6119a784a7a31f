"""A trial that outgrows the memory: it goes on with a part of each batch at a time."""

import inspect
from collections.abc import Iterator

from torch.nn.modules.batchnorm import _BatchNorm

from trainables.bind import unwrapped
from trainables.trial import OutgrownError, Trial


def smaller(trial: Trial, accident: OutgrownError) -> int:
    """Return how many images a trial should take at a time after an accident: half as many.

    Args:
        trial: As it was when memory ran out.
        accident: What training raised.

    Raises:
        OutgrownError: If it took single images already, or if the gradients of parts do not add up
            to those of the batch.
    """
    whole: int = trial.parts["data"].batches.keywords["batch_size"]
    size = min(whole, trial.micro_batch or whole)
    reasons = [*undivided(trial), *(["images go one at a time already"] if size == 1 else [])]
    if reasons:
        raise OutgrownError(
            f"{str(accident).splitlines()[0]} Smaller parts are no way out, because {reasons[0]}; "
            "lower data.batch_size, or give a trial more of a GPU, gpu=1."
        )
    return size // 2


def undivided(trial: Trial) -> Iterator[str]:
    """Yield why a trial would learn something else from parts of its batches, if so."""
    update, outer = (
        unwrapped(function)
        for function in (trial.parts["update"].update, trial.parts["method"].outer)
    )
    if "micro_batch" not in trial.parts["update"].update.keywords:
        yield f"{update.__module__.rpartition('.')[2]} has no update.micro_batch"
    if any(isinstance(module, _BatchNorm) for module in trial.model.modules()):
        yield "BatchNorm's statistics are those of a whole batch"
    if getattr(inspect.getmodule(outer), "WHOLE_BATCH", False):
        yield f"the loss of {outer.__module__.rpartition('.')[2]} is one of a whole batch"
