"""One trial: a configuration, trained epoch by epoch, examined after each."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from trainables.bind import bind
from trainables.bound_components import BoundModel, Components
from trainables.constraint import constraint
from trainables.groups import GROUPS
from trainables.images import Dataset, Format
from trainables.loop import EpochResult, train_epoch
from trainables.memory_format import to_channels_last
from trainables.node_cache import read_once
from trainables.precision import compile_layers, compute_in
from trainables.report import Report


class OutgrownError(torch.OutOfMemoryError):
    """Training ran out of memory, rather than building or examining a network."""


class Trial:
    """A network in training and everything that its next epoch depends on.

    Attributes:
        config: Group to member and knobs, and `epochs`, `seed`, `device`, `precision`
            and `compile`; `constraint` if there is one, `study` if trials share what they read.
        model: The network, behind its normalisation.
        best: Report of the epoch with the highest robust accuracy on the validation split so far,
            among those that satisfy the constraint; if none does, of the one nearest to it.
        best_weights: The weights of that epoch.
    """

    def __init__(self, config: Mapping[str, Any], level: int = 0) -> None:
        """Build every part that `config` names.

        Args:
            config: Of one whole run.
            level: Which of a trial's whole runs it is.

        Raises:
            InputError: If it names what there is not.
            DataError: If the images cannot be had.
        """
        self.config, self.level = config, level
        self.components = bind({k: v for k, v in config.items() if k in GROUPS})
        components = self.components
        self.epochs, self.device = config["epochs"], config["device"]
        bound = config.get("constraint")
        self.constraint = constraint(bound) if bound else None
        torch.manual_seed(config["seed"])
        self.rng = torch.Generator(self.device).manual_seed(config["seed"])
        self.dataset = dataset(components.data.load, self.device, config.get("study"))
        self.train, self.validation = components.data.cut(self.dataset.train)
        model = network(components.model, self.dataset.format)
        self.model = to_channels_last(model.to(self.device))
        compute_in(self.model, config["precision"])
        if config["compile"]:
            compile_layers(self.model)
        self.optimizer = components.optimizer.build(self.model.parameters())
        self.average = components.average.build(self.model)
        self.peak_lr = components.optimizer.scaled(
            self.optimizer.param_groups[0]["lr"], components.data.batch_size
        )
        self.threat = components.threat.build()
        self.memory: dict[str, Tensor] = {}
        self.epoch, self.passes = 0, 0.0
        self.best: Report | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.diverged, self.collapsed_at = False, 0
        single = components.sentinel.every > 0 and follows_one_slope(components)
        self.watched = components.sentinel.watched(self.train) if single else None

    def follows(self, shorter: "Trial") -> None:
        """Keep what a shorter run of the same configuration came to, and add to its cost."""
        self.passes = shorter.passes
        self.best, self.best_weights = shorter.best, shorter.best_weights

    @property
    def micro_batch(self) -> int | None:
        """Images that the update takes at a time; whole batches if none."""
        return self.components.update.micro_batch

    @micro_batch.setter
    def micro_batch(self, size: int) -> None:
        update = self.components.update.with_micro_batch(size)
        self.components = replace(self.components, update=update)

    def reports(self) -> Iterator[Report]:
        """Train to the end, or until the network diverges or collapses; yield a row an epoch."""
        while self.epoch < self.epochs and not (self.diverged or self.collapsed_at):
            yield self.advance()

    def advance(self) -> Report:
        """Train for one epoch and examine.

        Raises:
            OutgrownError: If training runs out of memory; the trial is then of no more use.
        """
        start = time.perf_counter()
        try:
            result = self.train_once()
        except torch.OutOfMemoryError as error:
            raise OutgrownError(str(error)) from error
        self.epoch += 1
        self.passes += result.passes
        self.diverged = not math.isfinite(result.loss)
        self.collapsed_at = result.collapsed_at
        report = self.examine(result, start)
        if self.best is None or report.score(self.constraint) > self.best.score(self.constraint):
            self.best = report
            examined = self.average.examined()
            self.best_weights = {k: v.clone() for k, v in examined.state_dict().items()}
        if self.periods_over() > self.periods_over(self.epoch - 1):
            self.average.period_over()
        return report

    def train_once(self) -> EpochResult:
        """Train for one epoch."""
        return train_epoch(
            self.model,
            self.optimizer,
            self.average,
            self.train,
            self.components,
            classes=self.dataset.classes,
            threat=self.threat,
            peak_lr=self.peak_lr,
            rng=self.rng,
            memory=self.memory,
            epoch=self.epoch,
            epochs=self.epochs,
            watched=self.watched,
        )

    def periods_over(self, epoch: int | None = None) -> int:
        """Return how many periods are over after `epoch` epochs; those so far if none."""
        after = self.epoch if epoch is None else epoch
        return self.components.periods.within(after / self.epochs)[0]

    def examine(self, result: EpochResult, start: float) -> Report:
        """Return the row of the epoch that began at `start`; a diverged network scores 0."""
        trained = time.perf_counter()
        clean, robust = 0.0, 0.0
        if not self.diverged:
            exam = self.components.exam.accuracies
            clean, robust = exam(self.average.examined(), self.validation, threat=self.threat)
        now = time.perf_counter()
        return Report(
            epoch=self.epoch,
            train_loss=result.loss,
            val_clean_accuracy=clean,
            val_robust_accuracy=robust,
            lr=result.pace.lr,
            eps=result.pace.threat.eps,
            gradient_passes=self.passes,
            seconds=now - start,
            exam_seconds=now - trained,
            diverged=self.diverged,
            level=self.level,
            collapsed_at=self.collapsed_at,
            micro_batch=self.micro_batch,
        )


def follows_one_slope(components: Components) -> bool:
    """Return whether training attacks in a single step, by what its members say of themselves."""
    attacker = components.attack if components.update.uses_attack else components.update
    return components.method.attacks and attacker.gradient_steps == 1


def network(model: BoundModel, images: Format) -> nn.Module:
    """Return the network that the bound group `model` describes, on the CPU.

    Raises:
        TypeError: If a user's own is none.
    """
    built = model.build(images.shape, images.classes)
    if not isinstance(built, nn.Module):
        raise TypeError(f"build() must return a torch.nn.Module, got {built!r}")
    bare = model.headed(model.activated(built))
    return model.normalized(bare, images.mean, images.std)


def dataset(load: partial[Dataset], where: str, study: str | None = None) -> Dataset:
    """Return the data set on a device; a reused process loads it once, and so do those of a study.

    Args:
        load: Reads it.
        where: The device.
        study: Whose processes on this node read it once, if any do.
    """
    return _dataset(load.func, tuple(sorted(load.keywords.items())), where, study)


@lru_cache(maxsize=1)
def _dataset(
    load: Callable[..., Dataset],
    settings: tuple[tuple[str, object], ...],
    where: str,
    study: str | None,
) -> Dataset:
    def read() -> Dataset:
        data = load(**dict(settings))
        if not isinstance(data, Dataset):
            raise TypeError(f"must return a trainables.images.Dataset, got {data!r}")
        return data

    # two files of a user's own may have one name
    source = getattr(load, "__globals__", {}).get("__file__", load.__module__)
    data = read_once(read, study, f"{source} {settings}") if study else read()
    return Dataset(
        train=data.train.to(where),
        test=data.test,
        classes=data.classes,
        mean=data.mean,
        std=data.std,
    )
