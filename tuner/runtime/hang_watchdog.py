"""Trials of which nothing is heard, and those that cannot write their checkpoint."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from trainables.io.retry import RetryTimeout
from trainables.training.ray_trainable import CHECKPOINT_ERROR

STARTUP_FACTOR = 3.0
"""The first report after a start may take so many times as long: it reads images and compiles."""
MAX_CLOCK_STEP = 1.0
"""The most seconds that count between two looks: while this process waited, it heard nothing."""


@dataclass
class LastReport:
    """What is known of a trial that runs.

    Attributes:
        time_reported: When it began or was last heard of, by the vigil's own clock.
        silence_limit: Seconds until it must be heard of again; any if none.
        write_failing_since: Since when it has been unable to write its checkpoint; none if it is able.
        write_error: Why.
    """

    time_reported: float
    silence_limit: float | None
    write_failing_since: float | None = None
    write_error: str = ""


class HangWatchdog(tune.Callback):
    """Ends the process of a trial that hangs; Ray's news of its death does the rest.

    Attributes:
        kill_reasons: Why the process of a trial was ended, by Ray's name of it.
    """

    def __init__(
        self, report_limit: float | None, write_limit: float | None, warn: Callable[[str], None]
    ) -> None:
        """Begin to listen.

        Args:
            report_limit: Seconds that a trial may be silent; any if none.
            write_limit: Seconds that a trial may try to write its checkpoint; for ever if none.
            warn: Called with what a person should know.
        """
        self.report_limit, self.write_limit, self.warn = report_limit, write_limit, warn
        self.last_reports: dict[Trial, LastReport] = {}
        self.kill_reasons: dict[str, str] = {}
        self.clock, self.last_check = 0.0, time.monotonic()

    def __getstate__(self) -> dict[str, object]:
        """Return nothing: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Wait for the first report of a process."""
        allowed = self.report_limit and self.report_limit * STARTUP_FACTOR
        self.last_reports[trial] = LastReport(self.clock, allowed)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: object,
    ) -> None:
        """Wait for the next."""
        before = (
            self.last_reports[trial].write_failing_since if trial in self.last_reports else None
        )
        self.last_reports[trial] = LastReport(self.clock, self.report_limit)
        if reason := result.get(CHECKPOINT_ERROR):
            since = self.clock if before is None else before
            self.last_reports[trial] = LastReport(self.clock, None, since, reason)
            self.warn(f"trial {trial.config['trial']} {reason}; trying again.")
        elif before is not None:
            self.warn(f"trial {trial.config['trial']} has written its checkpoint after all.")

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Wait no longer."""
        self.last_reports.pop(trial, None)

    on_trial_error = on_trial_complete

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """End what has been silent for too long.

        Raises:
            GaveUpError: If a checkpoint could not be written for too long.
        """
        looked = time.monotonic()
        self.clock += min(looked - self.last_check, MAX_CLOCK_STEP)
        self.last_check = looked
        for trial, heard in list(self.last_reports.items()):
            if self.write_limit is not None and heard.write_failing_since is not None:
                if self.clock - heard.write_failing_since > self.write_limit:
                    raise RetryTimeout(f"trial {trial.config['trial']} {heard.write_error}")
            elif (
                heard.silence_limit is not None
                and self.clock - heard.time_reported > heard.silence_limit
            ):
                self.kill_trial(trial, heard.silence_limit)

    def kill_trial(self, trial: Trial, silent_seconds: float) -> None:
        """End the process of a trial, as if it had died."""
        del self.last_reports[trial]
        reason = f"reported nothing for {timedelta(seconds=round(silent_seconds))} (report_limit)"
        self.kill_reasons[trial.trial_id] = reason
        self.warn(f"trial {trial.config['trial']} {reason}; its process is ended.")
        if actor := trial.temporary_state.ray_actor:
            ray.kill(actor)
