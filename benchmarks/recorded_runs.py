"""Recorded runs that simulated trials repeat."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trainables.training.fidelity import Level
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


def repeat_run(run: Recording, levels: Sequence[Level], first: int) -> Iterator[Report]:
    """Yield the reports of a trial that repeats a run, thinned to the epochs of its levels.

    Args:
        run: The recorded run.
        levels: Complete runs that the trial has still to do.
        first: The number of the first of them.
    """
    for number, level in enumerate(levels, start=first):
        for epoch in range(1, level.epochs + 1):
            there = run.reports[math.ceil(epoch * len(run.reports) / level.epochs) - 1]
            yield replace(there, epoch=epoch, level=number, seconds=EPOCH_SECONDS)
