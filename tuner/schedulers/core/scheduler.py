"""The interface of schedulers, which decide which trials continue.

Its state depends on the reports alone, so that it can be rebuilt by replaying them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trainables.training.fidelity import Level, Rung
from trainables.training.report import Report
from tuner.schedulers.core.future_runs import (
    FutureRuns,
    Position,
    end_position,
    epochs_between,
)

Decision = Literal["continue", "pause", "stop"]


@dataclass(frozen=True)
class Resume:
    """How a paused trial resumes.

    Attributes:
        trial: Number of the trial.
        source: Number of the trial whose checkpoint it resumes from.
        hyperparameters: Changed knobs by path, e.g. "optimizer.lr".
    """

    trial: str
    source: str
    hyperparameters: Mapping[str, object] = field(default_factory=dict)


class Scheduler:
    """A scheduler that stops nothing, and the base class of the others.

    Attributes:
        levels: The runs of a trial, from the cheapest.
        rungs: Where it compares trials, and needs the accuracy of the trained network too.
        note: Where it compares trials, for users; empty: nothing to say.
    """

    def __init__(self, levels: tuple[Level, ...], rungs: tuple[Rung, ...] = ()) -> None:
        self.levels, self.rungs, self.note = levels, rungs, ""

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        return 0

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Record an epoch of a trial with these searched knobs; return the decision."""
        return "continue"

    def on_end(self, trial: str) -> None:
        """Record that a trial, which is not paused, has ended."""

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the paused trial to resume, or `None`.

        Args:
            is_idle: Whether a slot is free and no other trial can use it.
        """
        return None

    def on_resume(self, resume: Resume) -> None:
        """Record that a trial has resumed."""

    def describe_findings(self) -> str:
        """Return what the trials have shown about early stopping, for users; empty: nothing."""
        return ""

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return what is still to be trained, in the order in which it is expected.

        Args:
            running: The position of each running trial.
            n_new: Number of trials that have not started.
        """
        end = end_position(self.levels)
        started = [
            FutureRuns(1, epochs_between(self.levels, at, end), completing=1)
            for at in running.values()
        ]
        return [*started, FutureRuns(n_new, epochs_between(self.levels, (0, 0), end), completing=1)]
