"""The curves of FastAT_Benchmark (arXiv:2604.22853): 21 methods with 3 seeds on CIFAR-10.

Each run has the accuracies of the trained network and, but for one method, of its moving average
after every epoch, on 1,000 validation images: clean, under PGD-10 and under FGSM. The table has the
columns method, seed, epoch, model_pgd_acc, model_fgsm_acc, wa_pgd_acc and wa_fgsm_acc.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from trainables.robustness.overfitting_detector import Check
from trainables.training.report import Report

DECAY = 0.9995
"""Decay of the average in every method's configuration, constant from the first step."""
STEPS = 383
"""Steps of an epoch: 49,000 images in batches of 128."""
REPLAYS = {"free_at": 4}
"""Methods that repeat each batch, and how often."""


@dataclass(frozen=True)
class Epoch:
    """Accuracies after an epoch, as fractions.

    Attributes:
        number: Epochs so far.
        fgsm: Of the trained network under FGSM.
        pgd: Of the trained network under PGD.
        average: Of its average under PGD; not finite without an average.
    """

    number: int
    fgsm: float
    pgd: float
    average: float


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        method: Its method.
        seed: Its seed.
        epochs: All of its epochs.
    """

    method: str
    seed: int
    epochs: tuple[Epoch, ...]

    @property
    def has_average(self) -> bool:
        """Whether the run has an average."""
        return math.isfinite(self.epochs[0].average)

    @cached_property
    def reports(self) -> list[Report]:
        """What a trial with an average would report."""
        per_epoch = -STEPS * REPLAYS.get(self.method, 1) * math.log(DECAY)
        return [
            Report(
                epoch=epoch.number,
                train_loss=1.0,
                val_clean_accuracy=1.0,
                val_robust_accuracy=epoch.average,
                val_robust_accuracy_raw=epoch.pgd,
                average_horizons=per_epoch * epoch.number,
                lr=0.1,
                eps=8 / 255,
                gradient_passes=2.0 * epoch.number,
                seconds=1.0,
                exam_seconds=0.1,
            )
            for epoch in self.epochs
        ]

    def checks(self, *, averaged: bool) -> list[Check]:
        """Return what the detector would find after each epoch.

        Args:
            averaged: Whether the average is what is saved, rather than the trained network.
        """
        return [
            Check(fgsm=each.fgsm, pgd=each.pgd, kept=each.average if averaged else each.pgd)
            for each in self.epochs
        ]


def load_runs(table: Path) -> list[Run]:
    """Return the runs in a table, ordered by method and seed."""
    frame = pd.read_csv(table).sort_values(["method", "seed", "epoch"])
    columns = ["epoch", "model_fgsm_acc", "model_pgd_acc", "wa_pgd_acc"]
    return [
        Run(
            str(method),
            int(str(seed)),
            tuple(Epoch(int(n), *rest) for n, *rest in rows[columns].to_numpy()),
        )
        for (method, seed), rows in frame.groupby(["method", "seed"])
    ]


def split_by_method(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs of every other method, in the order of names, and those of the others."""
    methods = sorted({run.method for run in runs})
    halves = methods[::2], methods[1::2]
    one, other = ([run for run in runs if run.method in half] for half in halves)
    return one, other
