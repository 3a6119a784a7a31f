"""Which trials go on: what every scheduler is to a study, on a cluster as in a replay.

A rule knows what has been reported and nothing else, so that it can be told of the past again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trainables.training.fidelity import Level
from trainables.training.report import Report

Decision = Literal["continue", "pause", "stop"]


@dataclass(frozen=True)
class Resume:
    """How a trial that waits goes on.

    Attributes:
        trial: Its number.
        source: The number of the trial whose checkpoint it goes on from.
        hyperparameters: What changes, by path such as "optimizer.lr".
    """

    trial: str
    source: str
    hyperparameters: Mapping[str, object] = field(default_factory=dict)


class Scheduler:
    """Lets every trial run to its end.

    Attributes:
        levels: The whole runs that a trial may consist of.
    """

    def __init__(self, levels: tuple[Level, ...]) -> None:
        self.levels = levels

    def on_start(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        return 0

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Take note of an epoch of a trial with these searched knobs; return what to do."""
        return "continue"

    def on_end(self, trial: str) -> None:
        """Take note that a trial, which did not wait, will report no more."""

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return which trial need not wait any longer, if any.

        Args:
            is_idle: Whether there is room and nothing else to do with it.
        """
        return None

    def on_resume(self, resume: Resume) -> None:
        """Take note that a trial has gone on."""
