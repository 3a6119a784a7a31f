"""Run a diagnosis: every measure on every checkpoint with every seed."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from torch import Generator, Tensor
from torch.nn import Module

from analysis.commands.diagnose import MEASURES, compares_networks, draws_picture
from analysis.diagnostics import _contour_plot, _table
from analysis.diagnostics._prepare import DiagnosedCheckpoint, Diagnosis
from trainables.binding import bind_member
from trainables.injection import inject, injected_names
from trainables.threat import Threat
from tuner.evaluation import fingerprint

ProgressCallback = Callable[[int, int], None]
"""Called with the number of finished steps of a measurement and their total."""


@dataclass(frozen=True, kw_only=True)
class MeasureContext:
    """Arguments that a measure may declare; they are injected by name.

    Attributes:
        threat: The ball.
        rng: Source of all draws.
        batch: Images per batch.
        others: All networks of a diagnosis by label.
        report_progress: Called with the number of finished steps and their total.
    """

    threat: Threat
    rng: Generator
    batch: int
    others: Mapping[str, Module]
    report_progress: ProgressCallback


class DiagnosisRunner:
    """Runs a diagnosis.

    Attributes:
        diagnosis: What is made.
        console: Where progress is shown.
        networks: By label.
        fingerprints: Their fingerprints, likewise.
        n_measurements: Number of measurements: one per checkpoint, measure and seed.
        n_started: Those that have begun, or exist already.
    """

    def __init__(self, diagnosis: Diagnosis, console: Console) -> None:
        self.diagnosis, self.console = diagnosis, console
        self.device = diagnosis.images.y.device
        loaded = {subject.label: subject.checkpoint for subject in diagnosis.checkpoints}
        self.networks = {label: each.load().to(self.device) for label, each in loaded.items()}
        self.fingerprints = {
            label: fingerprint.hash_network(self.networks[label], each.model_member())
            for label, each in loaded.items()
        }
        everything = torch.arange(len(diagnosis.images), device=self.device)
        self.x, self.y = next(diagnosis.images.stream([everything]))
        self.images_fingerprint = fingerprint.hash_images(diagnosis.images)
        seeds = sum(len(self.list_seeds(name)) for name in diagnosis.measures)
        self.n_measurements, self.n_started = seeds * len(diagnosis.checkpoints), 0

    def measure_checkpoint(self, subject: DiagnosedCheckpoint) -> Iterator[dict[str, object]]:
        """Yield the rows of a checkpoint; each measurement is written before the next begins."""
        known = _table.read_table(subject.folder)
        for name in self.diagnosis.measures:
            for seed in self.list_seeds(name):
                self.n_started += 1
                key = self.build_key(subject, name, seed)
                kept = known[known["key"] == key].drop_duplicates("quantity").to_dict("records")
                picture = self.picture_path(subject, name, key)
                lost = draws_picture(name) and not picture.with_suffix(".npz").exists()
                about = {**self.describe_checkpoint(subject), "key": key}
                found = self.run_measure(subject, name, seed, picture) if lost or not kept else kept
                rows = [{**row, **about} for row in found]
                _table.append_rows(subject.folder, rows)
                yield from rows

    def list_seeds(self, name: str) -> range:
        """Return the seeds of a measure: one if it does not depend on the seed."""
        settings = self.diagnosis.settings
        once = draws_picture(name) or "rng" not in injected_names(MEASURES.load(name).measure)
        return range(settings.seed, settings.seed + (1 if once else settings.seeds))

    def run_measure(
        self, subject: DiagnosedCheckpoint, name: str, seed: int, picture: Path
    ) -> list[dict[str, object]]:
        """Return the rows of a measure on a checkpoint."""
        begun = time.perf_counter()
        position = f"{self.n_started} of {self.n_measurements}"
        title = f"{position}: {subject.label}: {name}, seed {seed}"
        with self.show_progress(title) as report_progress:
            found = self.compute_quantities(subject, name, seed, report_progress)
        planes = {key: value for key, value in found.items() if value.dim() == 3}
        if planes:
            split = self.diagnosis.settings.split
            _contour_plot.save_planes(
                picture, planes, f"{subject.label}, n = {len(self.y)} {split} images"
            )
        return [
            {
                "measure": name,
                "quantity": quantity,
                **summarize_quantity(value, len(self.y)),
                "seed": seed,
                "settings": json.dumps(self.describe_measure(name), sort_keys=True),
                "seconds": time.perf_counter() - begun,
                "date": str(date.today()),
            }
            for quantity, value in found.items()
            if quantity not in planes
        ]

    def compute_quantities(
        self, subject: DiagnosedCheckpoint, name: str, seed: int, report_progress: ProgressCallback
    ) -> dict[str, Tensor]:
        """Return the quantities of a measure: one value per image (N,), or one for all images."""
        context = MeasureContext(
            threat=self.diagnosis.threat,
            rng=Generator(self.device).manual_seed(seed),
            batch=self.diagnosis.settings.batch,
            others=self.networks,
            report_progress=report_progress,
        )
        measure = inject(self.bind_measure(name), context)
        model, size = self.networks[subject.label], self.diagnosis.settings.batch
        if "batch" in injected_names(self.bind_measure(name).func):  # it splits the images itself
            return measure(model, self.x, self.y)
        parts: list[dict[str, Tensor]] = []
        for some, labels in zip(self.x.split(size), self.y.split(size), strict=True):
            parts.append(measure(model, some, labels))
            report_progress(min(len(parts) * size, len(self.y)), len(self.y))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def bind_measure(self, name: str) -> partial[dict[str, Tensor]]:
        """Return a measure with its knobs set."""
        return bind_member(MEASURES, name, self.diagnosis.measures[name])["measure"]

    @contextmanager
    def show_progress(self, title: str) -> Iterator[ProgressCallback]:
        """Show the progress of a measurement: a bar, or a line at its end."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        quiet, begun = not self.console.is_terminal, time.perf_counter()
        with Progress(*columns, console=self.console, transient=True, disable=quiet) as progress:
            task = progress.add_task(title, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        if quiet:
            seconds = time.perf_counter() - begun
            self.console.print(f"{title} ({seconds:.1f} s)", soft_wrap=True)

    def describe_checkpoint(self, subject: DiagnosedCheckpoint) -> dict[str, object]:
        """Return the columns that describe a checkpoint."""
        return {
            "study": subject.study,
            "trial_id": subject.checkpoint.trial_id,
            "rule": subject.checkpoint.rule,
            "checkpoint": str(subject.checkpoint.path),
            "weights": self.fingerprints[subject.label],
        }

    def describe_measure(self, name: str) -> dict[str, object]:
        """Return all settings that a result depends on, except for the network."""
        settings = self.diagnosis.settings
        return {
            **self.bind_measure(name).keywords,
            **self.diagnosis.groups,
            "split": settings.split,
            "images": settings.images,
            "batch": settings.batch,
        }

    def build_key(self, subject: DiagnosedCheckpoint, name: str, seed: int) -> str:
        """Return the unique key of a measurement."""
        about = json.dumps([name, seed, self.describe_measure(name)], sort_keys=True)
        files = fingerprint.hash_files([name, self.diagnosis.groups["threat"]["name"]])
        others = json.dumps(self.fingerprints) if compares_networks(name) else ""
        seen = [self.fingerprints[subject.label], about, files, self.images_fingerprint, others]
        return hashlib.sha256("".join(seen).encode()).hexdigest()[:16]

    def picture_path(self, subject: DiagnosedCheckpoint, name: str, key: str) -> Path:
        """Return the path of a measure's picture, without a suffix."""
        return subject.folder / _table.PICTURE_FOLDER / f"{Path(name).stem}-{key}"


def summarize_quantity(value: Tensor, images: int) -> Mapping[str, object]:
    """Return the mean, the standard deviation and the number of images of a quantity.

    Args:
        value: Of each image (N,), nan where it has none; or of all together, ().
        images: How many that is.
    """
    if value.dim() == 0:
        return {"value": float(value), "std": float("nan"), "n": images}
    there = value.double()[~value.isnan()]
    deviation = float(there.std()) if len(there) > 1 else float("nan")
    return {"value": float(there.mean()), "std": deviation, "n": len(there)}
