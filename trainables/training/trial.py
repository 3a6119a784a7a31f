"""One trial: a configuration, trained and validated epoch by epoch."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainables.accuracy import NO_ACCURACY, Accuracies
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.data_pipeline.images import Batch
from trainables.injection import inject
from trainables.networks.averaging import Average
from trainables.networks.cuda_graph import CudaGraph
from trainables.networks.memory_format import to_channels_last
from trainables.networks.precision import (
    allow_graphs,
    compile_layers,
    resolve_precision,
    set_deterministic,
    set_precision,
)
from trainables.step_context import RunContext
from trainables.training.constraint import parse_constraint
from trainables.training.fidelity import Rung, find_rung_epochs
from trainables.training.foreign_weights import load_foreign_weights
from trainables.training.graphed_update import GraphedUpdate
from trainables.training.images import load_images
from trainables.training.loop import EpochResult, count_steps, list_epoch_lrs, train_epoch
from trainables.training.network import build_network
from trainables.training.report import Report
from trainables.training.teacher import build_teacher


class TrainingOutOfMemoryError(torch.OutOfMemoryError):
    """Training ran out of memory, rather than building or validating a network."""


class Trial:
    """A network in training and the state that its next epoch depends on.

    Attributes:
        config: Group to member and knobs, and `epochs`, `seed`, `device`, `precision`
            and `compile`; optional: `init`, a file of weights to start from, `constraint`,
            `graphs` and `deterministic` (used on GPUs), `study` if trials share the data set, and
            `rungs` of the scheduler.
        model: The network with its normalisation layer.
        teacher: Second network that the method learns from; `None`: there is none.
        loaded_names: Names of its tensors that `init` has loaded.
        best_report: Report of the epoch with the highest robust validation accuracy so far,
            among those that satisfy the constraint; otherwise of the nearest to satisfying it.
        best_weights: The weights of that epoch.
        on_step: Called after each step with the level and the epochs trained; `None`: nothing.
    """

    def __init__(self, config: Mapping[str, Any], level: int = 0) -> None:
        """Build the components that `config` names.

        Args:
            config: Configuration of one run.
            level: Index of the run in the trial.

        Raises:
            InputError: If the configuration is invalid.
            DataError: If the images cannot be read.
        """
        self.config, self.level = config, level
        self.components = bind({k: v for k, v in config.items() if k in GROUPS})
        components = self.components
        self.epochs, self.device = config["epochs"], config["device"]
        bound = config.get("constraint")
        self.constraint = parse_constraint(bound) if bound else None
        torch.manual_seed(config["seed"])
        self.rng = torch.Generator(self.device).manual_seed(config["seed"])
        self.dataset, self.train_images, self.validation_images, self.extra_images = load_images(
            components.data, self.device, config.get("study")
        )
        self.graphs = config.get("graphs", "auto")
        self.precision = resolve_precision(config["precision"], self.device)
        set_deterministic(wanted=self.device == "cuda" and config.get("deterministic", False))
        self.loaded_names: frozenset[str] = frozenset()
        self.model = self.build_model()
        self.average = self.build_average()
        self.teacher = build_teacher(
            components.teacher,
            components.model,
            self.dataset.image_format,
            self.average,
            self.prepare_network,
        )
        self.optimizer = self.build_optimizer()
        self.peak_lr = components.optimizer.scale_lr(
            self.optimizer.param_groups[0]["lr"], components.data.batch_size
        )
        self.threat = components.threat.build()
        self.graphed = self.build_graphs()
        self.memory: dict[str, Tensor] = {}
        self.epoch, self.gradient_passes = 0, 0.0
        self.best_report: Report | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.on_step: Callable[[int, float], None] | None = None
        self.diverged, self.collapsed_at = False, 0
        self.raw_epochs = self.find_raw_epochs()
        self.n_images = len(self.train_images)
        self.detector_images = self.select_detector_images()

    def select_detector_images(self) -> Batch | None:
        """Return the images of the overfitting detector; `None`: it is off, or not needed."""
        sentinel = self.components.sentinel
        is_needed = sentinel.every > 0 and self.components.attacks_in_one_step
        return sentinel.select_images(self.train_images) if is_needed else None

    def build_model(self) -> nn.Module:
        """Return the network at the start, on the device and in the precision of the trial."""
        model = build_network(self.components.model, self.dataset.image_format)
        if file := self.config.get("init"):
            loaded = load_foreign_weights(Path(file), model, replace_head=True)
            self.loaded_names = loaded.names
        return self.prepare_network(model)

    def prepare_network(self, model: nn.Module) -> nn.Module:
        """Return a network on the device and in the precision of the trial."""
        model = to_channels_last(model.to(self.device))
        set_precision(model, self.precision)
        allow_graphs(model, allowed=bool(self.graphs))
        if self.config["compile"]:
            compile_layers(model)
        return model

    def build_average(self) -> Average:
        """Return the average of the network, which is validated and saved."""
        steps = self.epochs * count_steps(self.components, len(self.train_images))
        return inject(self.components.average.build, RunContext(run_steps=steps))(self.model)

    def build_optimizer(self) -> Optimizer:
        """Return the optimizer of the network, and of the teacher if it is trained along.

        Parameters that were loaded may have another learning rate.
        """
        optimizer, teacher = self.components.optimizer, self.trained_teacher
        parameters = dict(self.model.named_parameters())
        if teacher:
            parameters |= {f"teacher.{name}": p for name, p in teacher.named_parameters()}
        if not self.loaded_names:
            return optimizer.build(parameters.values())
        return optimizer.build(optimizer.split_parameters(parameters.items(), self.loaded_names))

    @property
    def trained_teacher(self) -> nn.Module | None:
        """The teacher if it is trained along, otherwise `None`."""
        return self.teacher.trained_network if self.teacher else None

    def build_graphs(self) -> GraphedUpdate | None:
        """Return what runs updates as CUDA graphs; `None`: nothing does."""
        if self.device != "cuda" or not self.graphs or self.config["compile"]:
            return None
        graphed = GraphedUpdate(self.model, self.optimizer, CudaGraph, self.teacher)
        name = str(self.config["optimizer"]["name"])
        if not getattr(GROUPS["optimizer"].load(name), "CAPTURABLE", True):
            graphed.obstacle = f"optimizer={name} counts steps on the host"
        return graphed

    def continue_from(self, shorter: "Trial") -> None:
        """Take over the best epoch and the cost of a shorter run of the same configuration."""
        self.gradient_passes = shorter.gradient_passes
        self.best_report, self.best_weights = shorter.best_report, shorter.best_weights

    @property
    def micro_batch(self) -> int | None:
        """Images that the update takes at a time; `None`: whole batches."""
        return self.components.update.micro_batch

    @micro_batch.setter
    def micro_batch(self, size: int) -> None:
        update = self.components.update.with_micro_batch(size)
        self.components = replace(self.components, update=update)

    def run_epochs(self) -> Iterator[Report]:
        """Train to the end, or until the network diverges or collapses; yield reports."""
        while self.epoch < self.epochs and not (self.diverged or self.collapsed_at):
            yield self.run_epoch()

    def run_epoch(self) -> Report:
        """Train for one epoch and validate.

        Raises:
            TrainingOutOfMemoryError: If training runs out of memory; do not reuse the trial.
            RuntimeError: If `graphs` is true and the updates cannot be captured.
        """
        start = time.perf_counter()
        try:
            result = self.train_one_epoch()
        except torch.OutOfMemoryError as error:
            raise TrainingOutOfMemoryError(str(error)) from error
        if self.graphs is True and self.graphed and self.graphed.obstacle:
            raise RuntimeError(
                f"graphs=true, but updates cannot run as a CUDA graph ({self.graphed.obstacle}); "
                "graphs=auto runs them as usual."
            )
        self.epoch += 1
        self.gradient_passes += result.gradient_passes
        self.diverged = not math.isfinite(result.loss)
        self.collapsed_at = result.collapsed_at
        self.average.on_epoch_end(self.iterate_clean_images())
        report = self.build_report(result, start)
        if self.best_report is None or report.score(self.constraint) > self.best_report.score(
            self.constraint
        ):
            self.best_report = report
            validated = self.average.evaluation_model()
            self.best_weights = {k: v.clone() for k, v in validated.state_dict().items()}
        if self.periods_finished() > self.periods_finished(self.epoch - 1):
            self.average.on_period_end()
        return report

    def train_one_epoch(self) -> EpochResult:
        """Train for one epoch."""
        return train_epoch(
            self.model,
            self.optimizer,
            self.average,
            self.train_images,
            self.components,
            classes=self.dataset.classes,
            threat=self.threat,
            peak_lr=self.peak_lr,
            rng=self.rng,
            memory=self.memory,
            epoch=self.epoch,
            epochs=self.epochs,
            extra_images=self.extra_images,
            teacher=self.teacher,
            n_images=self.n_images,
            detector_images=self.detector_images,
            on_step=self.report_share if self.on_step else None,
            graphed=self.graphed,
        )

    def iterate_clean_images(self) -> Iterator[Tensor]:
        """Yield the training images of an epoch in batches, augmented but not attacked.

        They are the same after every epoch and leave the random numbers of training alone.
        """
        data = self.components.data
        rng = torch.Generator(self.device).manual_seed(self.config["seed"])
        for batch in data.iterate_batches(self.train_images, rng, self.extra_images):
            x = data.augment(data.apply_policy(batch[0], rng), rng)
            yield x.contiguous(memory_format=torch.channels_last)

    def report_share(self, share: float) -> None:
        """Report that a share of the current epoch is trained."""
        if self.on_step:
            self.on_step(self.level, self.epoch + share)

    def periods_finished(self, epoch: int | None = None) -> int:
        """Return the number of finished periods after `epoch` epochs; `None`: so far."""
        after = self.epoch if epoch is None else epoch
        return self.components.periods.locate_period(after / self.epochs)[0]

    def find_raw_epochs(self) -> frozenset[int]:
        """Return the epochs in which the trained network is validated beside its average."""
        rungs = [Rung(**rung) for rung in self.config.get("rungs", ())]
        steps = count_steps(self.components, len(self.train_images))
        lrs = list_epoch_lrs(self.components, self.threat, self.peak_lr, self.epochs, steps)
        return find_rung_epochs(rungs, self.level, lrs) | {self.epochs}

    def validate(self, model: nn.Module) -> Accuracies:
        """Return the accuracies of a network; 0 after divergence."""
        if self.diverged:
            return NO_ACCURACY
        measure = self.components.exam.measure_accuracies
        return measure(model, self.validation_images, threat=self.threat)

    def build_report(self, result: EpochResult, start: float) -> Report:
        """Return the report of the epoch that began at `start`; a diverged network scores 0."""
        trained = time.perf_counter()
        validated = self.average.evaluation_model()
        accuracies = self.validate(validated)
        has_raw = validated is not self.model and self.epoch in self.raw_epochs
        raw = self.validate(self.model) if has_raw else None
        now = time.perf_counter()
        return Report(
            epoch=self.epoch,
            train_loss=result.loss,
            val_clean_accuracy=accuracies.clean,
            val_robust_accuracy=accuracies.robust,
            val_balanced_clean_accuracy=accuracies.balanced_clean,
            val_balanced_robust_accuracy=accuracies.balanced_robust,
            val_clean_accuracy_raw=raw.clean if raw else None,
            val_robust_accuracy_raw=raw.robust if raw else None,
            average_horizons=self.average.horizons(),
            lr=result.last_step.lr,
            eps=result.last_step.threat.eps,
            gradient_passes=self.gradient_passes,
            seconds=now - start,
            exam_seconds=now - trained,
            diverged=self.diverged,
            level=self.level,
            collapsed_at=self.collapsed_at,
            micro_batch=self.micro_batch,
            precision=self.precision,
            cuda_graph=self.graphed.outcome if self.graphed else "off",
        )
