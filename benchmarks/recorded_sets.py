"""The recorded runs on which schedulers and searchers are compared."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.fastat import load_runs
from trainables.errors import InputError
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.config.settings import Fidelity
from tuner.replay.recordings import Archive, Recording, load_archive

DIGITS_FILE = Path(__file__).parent / "digits_curves_2-core-x86_64_2026-11-28.csv.gz"
"""Four searches of 20 settings, each run in 2, 4, 8 and 16 epochs (see `benchmarks.schedulers`)."""
DIGITS_KNOBS = (
    *("optimizer.lr", "optimizer.weight_decay"),
    *("data.batch_size", "eps_schedule.warmup"),
)
UNKNOWN = 0.0
"""A field of a report that no scheduler reads."""


@dataclass(frozen=True)
class RecordedSet:
    """Recorded runs, as a study would replay them.

    Attributes:
        name: For tables.
        archive: The runs.
        fidelity: The fidelity for which short runs were recorded.
        knobs: Knobs that are known of all runs.
    """

    name: str
    archive: Archive
    fidelity: Fidelity = "epochs"
    knobs: tuple[str, ...] = ()

    def restricted(self, lengths: Sequence[int]) -> "RecordedSet":
        """Return the set with the complete runs of these lengths alone."""
        levels = self.archive.levels
        kept = [number for number, level in enumerate(levels) if level.epochs in lengths]
        runs = tuple(
            replace(
                run,
                reports=tuple(
                    replace(report, level=kept.index(report.level))
                    for report in run.reports
                    if report.level in kept
                ),
            )
            for run in self.archive.runs
        )
        return replace(self, archive=Archive(runs, tuple(levels[number] for number in kept)))


def load_sets(name: str, path: Path) -> Iterator[RecordedSet]:
    """Yield recorded sets.

    Args:
        name: "rice", the logs of arXiv:2002.11569; "fastat", those of arXiv:2604.22853; "digits",
            those of `benchmarks.digits_curves`.
        path: The file.
    """
    if name == "rice":
        yield RecordedSet("Rice et al.", load_archive(path))
    elif name == "fastat":
        yield RecordedSet("FastAT, averaged weights", load_fastat(path, averaged=True))
        yield RecordedSet("FastAT, trained weights", load_fastat(path, averaged=False))
    else:
        yield from load_digits(path)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a compressed table."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def load_fastat(path: Path, *, averaged: bool) -> Archive:
    """Return the runs of FastAT. Their learning rates were not recorded.

    Args:
        path: The table.
        averaged: Whether the moving average is saved, so that runs without one are left out.
    """
    runs = [
        Recording(
            f"{run.method}-{run.seed}",
            {},
            tuple(run.reports if averaged else map(without_average, run.reports)),
        )
        for run in load_runs(path)
        if run.has_average or not averaged
    ]
    return Archive(tuple(runs), (Level(max(len(run.reports) for run in runs)),))


def without_average(report: Report) -> Report:
    """Return the report of a trial that saves the trained network."""
    raw = report.val_robust_accuracy_raw
    assert raw is not None, "every epoch of FastAT has it"
    return replace(report, val_robust_accuracy=raw, average_horizons=None)


def load_digits(path: Path) -> Iterator[RecordedSet]:
    """Yield the searches of the embedded digits.

    Raises:
        InputError: If the file is missing.
    """
    if not path.exists():
        raise InputError([
            f"{path}: expected the curves of the digits, found no file. Write {DIGITS_FILE} by "
            "`python -m benchmarks.digits_curves FOLDER...`."
        ])
    reports = defaultdict[tuple[str, str], list[Report]](list)
    knobs = dict[tuple[str, str], dict[str, float]]()
    lengths = dict[int, int]()
    for row in read_rows(path):
        key, level, epoch = (row["search"], row["trial"]), int(row["level"]), int(row["epoch"])
        robust, clean = float(row["robust"]), float(row["clean"])
        reports[key].append(build_report(epoch, level, robust, clean, lr=float(row["lr"])))
        knobs[key] = {name: float(row[name]) for name in DIGITS_KNOBS}
        lengths[level] = max(lengths.get(level, 0), epoch)
    levels = tuple(Level(lengths[level]) for level in sorted(lengths))
    for search in sorted({key[0] for key in reports}):
        runs = [
            Recording(f"{key[1]}", knobs[key], sort_reports(each))
            for key, each in reports.items()
            if key[0] == search
        ]
        yield RecordedSet(
            f"digits, search {search}", Archive(tuple(runs), levels), "schedule", DIGITS_KNOBS
        )


def sort_reports(reports: Sequence[Report]) -> tuple[Report, ...]:
    """Return reports in the order in which a trial makes them."""
    return tuple(sorted(reports, key=lambda report: report.position))


def build_report(epoch: int, level: int, robust: float, clean: float, *, lr: float) -> Report:
    """Return the report of a recorded epoch."""
    return Report(
        epoch=epoch,
        train_loss=UNKNOWN,
        val_clean_accuracy=clean,
        val_robust_accuracy=robust,
        lr=lr,
        eps=UNKNOWN,
        gradient_passes=UNKNOWN,
        seconds=UNKNOWN,
        exam_seconds=UNKNOWN,
        level=level,
    )
