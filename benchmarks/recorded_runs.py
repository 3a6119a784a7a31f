"""Recorded runs that simulated trials repeat."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trainables.training.report import Report
from tuner.replay.recordings import Recording

EPOCH_SECONDS = 60.0
KNOBS = ("optimizer.weight_decay", "optimizer.lr")
"""Knobs by which the recorded runs nearest to a trial are found."""
N_NEAREST = 5


class RecordedRuns:
    """Recorded runs, which simulated trials repeat."""

    def __init__(self, runs: Sequence[Recording]) -> None:
        """Store the runs.

        Args:
            runs: Recorded runs with a learning rate and a weight decay.
        """
        self.runs = runs
        self.positions = np.log10([[run.knobs[knob] for knob in KNOBS] for run in runs])

    def find_run(self, config: Mapping[str, Any]) -> Recording:
        """Return the run of a trial: one of those nearest to it, drawn by its number."""
        position = np.log10([config["optimizer"][knob.partition(".")[2]] for knob in KNOBS])
        near = np.argsort(np.linalg.norm(self.positions - position, axis=1), kind="stable")[
            :N_NEAREST
        ]
        return self.runs[int(random.Random(config["trial"]).choice(near))]

    def train_epoch(
        self, config: Mapping[str, Any], level: int, epoch: int, skill: float
    ) -> tuple[Report, float]:
        """Return an epoch of the run that a trial repeats, thinned to the epochs of its level.

        Workers differ in speed by some percent, so that they do not report all at once.
        """
        run, n_epochs = self.find_run(config), config["levels"][level]["epochs"]
        report = run.reports[math.ceil(epoch * len(run.reports) / n_epochs) - 1]
        pace = random.Random(f"{config['trial']} {config['went_on']}").uniform(0.9, 1.1)
        seconds = EPOCH_SECONDS * pace
        return replace(report, epoch=epoch, level=level, seconds=seconds), skill
