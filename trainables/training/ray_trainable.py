"""The function trainable of Ray Tune: trains a trial and reports every epoch."""

import gc
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from ray import tune
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.io.remote_files import open_filesystem
from trainables.io.retry import Retry
from trainables.networks.precision import allow_graphs
from trainables.training import checkpoint
from trainables.training.epoch_progress import ProgressWriter
from trainables.training.fidelity import Level
from trainables.training.trial import TrainingOutOfMemoryError, Trial

CHECKPOINT_ERROR = "refused"
"""Key in the report of an epoch whose checkpoint could not be written yet: the reason."""


def trainable(config: dict[str, Any]) -> None:
    """Train one configuration, level by level, from its last checkpoint; report every epoch.

    On a shared GPU each trial may use its share of the memory, so that a trial that needs more
    fails alone. It then restarts from its last checkpoint, or its start, with the same random
    numbers: first without a CUDA graph, which keeps its memory, then with half the micro-batch.

    Args:
        config: Group to member and knobs, and `levels`, `seed`, `device`, `threads`,
            `precision`, `compile`; optional: `rungs`, `constraint`, `memory_share` (on a GPU),
            `level` (the first level), `goes_on_from` (the checkpoint to resume from) and
            `progress_folder` (with `trial`, its number: where to note the share of an epoch that is
            trained).
    """
    torch.set_num_threads(config["threads"])
    if not torch.cuda.is_available():  # Ray may count GPUs that torch cannot use
        config = config | {"device": "cpu"}
    if config["device"] == "cuda":
        torch.cuda.set_per_process_memory_fraction(config["memory_share"])
    saving, done = MemorySaving(), False
    while not done:
        for trial in iterate_levels(config, saving):
            try:
                report_epochs(trial)
            except torch.OutOfMemoryError as error:
                saving = save_memory(trial, error)
                break
        else:
            done = True
        del trial
        gc.collect()  # the traceback of the error referred to tensors
        if config["device"] == "cuda":
            torch.cuda.empty_cache()


@dataclass(frozen=True, kw_only=True)
class MemorySaving:
    """How a trial saves memory.

    Attributes:
        graphs: Whether updates may run as CUDA graphs.
        micro_batch: Images that updates take at a time; `None`: as configured.
    """

    graphs: bool = True
    micro_batch: int | None = None

    def apply_to(self, trial: Trial) -> None:
        """Let a trial save memory."""
        if not self.graphs:
            trial.graphed = None
            for model in (trial.model, trial.average.evaluation_model()):
                allow_graphs(model, allowed=False)
        if self.micro_batch:
            trial.micro_batch = self.micro_batch


def save_memory(trial: Trial, error: torch.OutOfMemoryError) -> MemorySaving:
    """Return how to continue a trial that ran out of memory.

    Args:
        trial: The trial at that time.
        error: Its error.

    Raises:
        OutOfMemoryError: If there is no way, or if it is the validation that does not fit.
    """
    in_training = isinstance(error, TrainingOutOfMemoryError)
    if trial.graphed and (trial.graphed.is_captured or not in_training):
        return MemorySaving(graphs=False, micro_batch=trial.micro_batch)
    if not isinstance(error, TrainingOutOfMemoryError):
        raise error
    return MemorySaving(
        graphs=trial.graphed is not None, micro_batch=halve_micro_batch(trial, error)
    )


def halve_micro_batch(trial: Trial, error: TrainingOutOfMemoryError) -> int:
    """Return half of the current micro-batch size, after a trial ran out of memory.

    Args:
        trial: The trial at that time.
        error: The error of training.

    Raises:
        TrainingOutOfMemoryError: If the size is 1 already, or if the gradients of micro-batches do
            not add up to those of the batch.
    """
    batch_size = trial.components.data.batch_size
    size = min(batch_size, trial.micro_batch or batch_size)
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
    if (attack := trial.components.attack).whole_batch:
        yield f"the attack {attack.name} needs the whole batch"


def report_epochs(trial: Trial) -> None:
    """Train to the end; report every epoch with a checkpoint.

    While the storage cannot take a checkpoint, its epoch is reported without one, with the reason.
    """
    for report in trial.run_epochs():
        metrics = asdict(report)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(trial, Path(folder))

            def report_reason(reason: str, metrics: dict[str, object] = metrics) -> None:
                tune.report(metrics | {CHECKPOINT_ERROR: reason})

            Retry(report_reason)("its checkpoint", partial(report_with_checkpoint, metrics, folder))


def report_with_checkpoint(metrics: dict[str, object], folder: str) -> None:
    """Report an epoch with its checkpoint.

    Raises:
        OSError: If the storage cannot take it.
    """
    try:
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))
    except RuntimeError as error:  # Ray's error if its marker file is missing
        raise OSError(str(error).splitlines()[0]) from error


def iterate_levels(config: Mapping[str, Any], saving: MemorySaving) -> Iterator[Trial]:
    """Yield the runs of a trial, the first from its checkpoint.

    Args:
        config: Configuration of the trial.
        saving: How it saves memory.
    """
    levels = [Level(**level) for level in config["levels"]]
    with starting_checkpoint(config) as folder:
        first = checkpoint.read_level(folder) if folder else config.get("level", 0)
        trial = Trial(levels[first].apply_to(config), first)
        if folder:
            checkpoint.restore(trial, folder)
    for number in range(first, len(levels)):
        if number > first:
            shorter, trial = trial, Trial(levels[number].apply_to(config), number)
            trial.continue_from(shorter)
        saving.apply_to(trial)
        if folder := config.get("progress_folder"):
            trial.on_step = ProgressWriter(Path(folder, config["trial"]))
        yield trial
        if trial.diverged or trial.collapsed_at:
            return


@contextmanager
def starting_checkpoint(config: Mapping[str, Any]) -> Iterator[Path | None]:
    """Provide a local folder with the checkpoint to resume from, or `None`."""
    source = config.get("goes_on_from")
    last = tune.get_checkpoint()
    if last is None and source is not None:
        files, path = open_filesystem(source)
        last = tune.Checkpoint(path, files)
    if last is None:
        yield None
        return
    with last.as_directory() as folder:
        yield Path(folder)
