"""Kill trials that stop reporting, and report a study in which nothing happens.

A study whose checkpoints cannot be written is ended.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from trainables.io.retry import RetryTimeout
from trainables.training.ray_trainable import CHECKPOINT_ERROR

STARTUP_FACTOR = 3.0
"""The limit of the first report is longer by this factor: the trial loads data and compiles."""
QUIET_FACTOR, MIN_QUIET = 3.0, 60.0
"""A study is quiet for longer than its rhythm explains if nothing happens for this many times its
longest pause so far, and for this many seconds."""
MAX_CLOCK_STEP = 1.0
"""Most seconds counted between two checks: a blocked driver receives no reports."""


@dataclass
class LastReport:
    """The last report of a running trial.

    Attributes:
        time_reported: When it started or last reported, on the watchdog's clock.
        silence_limit: Seconds within which it must report again; `None`: no limit.
        write_failing_since: Since when its checkpoint cannot be written; `None`: it can.
        write_error: The error of that write.
    """

    time_reported: float
    silence_limit: float | None
    write_failing_since: float | None = None
    write_error: str = ""


class HangWatchdog(tune.Callback):
    """Kills the process of a trial that hangs; Ray then reports its death as any other.

    Attributes:
        kill_reasons: Ray's trial id to the reason why its process was killed.
    """

    def __init__(
        self, report_limit: float | None, write_limit: float | None, warn: Callable[[str], None]
    ) -> None:
        """Start with no trials.

        Args:
            report_limit: Seconds that a trial may be silent; `None`: no limit.
            write_limit: Seconds that a trial may retry its checkpoint; `None`: no limit.
            warn: Called with warnings for the user.
        """
        self.report_limit, self.write_limit, self.warn = report_limit, write_limit, warn
        self.last_reports: dict[Trial, LastReport] = {}
        self.kill_reasons: dict[str, str] = {}
        self.clock, self.last_check = 0.0, time.monotonic()
        self.last_event, self.longest_pause, self.was_reported = 0.0, 0.0, False

    def __getstate__(self) -> dict[str, object]:
        """Return no state: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Start the limit of the first report."""
        self.note_event()
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
        """Restart the limit."""
        self.note_event()
        before = (
            self.last_reports[trial].write_failing_since if trial in self.last_reports else None
        )
        self.last_reports[trial] = LastReport(self.clock, self.report_limit)
        if reason := result.get(CHECKPOINT_ERROR):
            since = self.clock if before is None else before
            self.last_reports[trial] = LastReport(self.clock, None, since, reason)
            self.warn(f"trial {trial.config['trial']} {reason}; trying again.")
        elif before is not None:
            self.warn(f"trial {trial.config['trial']} has written its checkpoint now.")

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Forget an ended trial."""
        self.note_event()
        self.last_reports.pop(trial, None)

    on_trial_error = on_trial_complete

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """Kill trials that exceeded their limit; report a study in which nothing happens.

        Raises:
            RetryTimeout: If a checkpoint could not be written for too long.
        """
        now = time.monotonic()
        self.clock += min(now - self.last_check, MAX_CLOCK_STEP)
        self.last_check = now
        quiet = self.clock - self.last_event
        if not self.was_reported and quiet > max(MIN_QUIET, QUIET_FACTOR * self.longest_pause):
            self.was_reported = True
            duration = timedelta(seconds=round(quiet))
            self.warn(f"nothing has happened for {duration}; waiting for {describe_wait(trials)}.")
        for trial, last in list(self.last_reports.items()):
            if self.write_limit is not None and last.write_failing_since is not None:
                if self.clock - last.write_failing_since > self.write_limit:
                    raise RetryTimeout(f"trial {trial.config['trial']} {last.write_error}")
            elif (
                last.silence_limit is not None
                and self.clock - last.time_reported > last.silence_limit
            ):
                self.kill_trial(trial, last.silence_limit)

    def note_event(self) -> None:
        """Note that a trial has started, reported or ended."""
        self.longest_pause = max(self.longest_pause, self.clock - self.last_event)
        self.last_event, self.was_reported = self.clock, False

    def kill_trial(self, trial: Trial, silent_seconds: float) -> None:
        """Kill the process of a trial, as if it had died."""
        del self.last_reports[trial]
        reason = f"reported nothing for {timedelta(seconds=round(silent_seconds))} (report_limit)"
        self.kill_reasons[trial.trial_id] = reason
        self.warn(f"trial {trial.config['trial']} {reason}; its process is ended.")
        if actor := trial.temporary_state.ray_actor:
            ray.kill(actor)


def describe_wait(trials: Sequence[Trial]) -> str:
    """Return what a study waits for: trials that run, and trials that have no process yet."""
    waits = []
    for status, what in ((Trial.RUNNING, "to report"), (Trial.PENDING, "to get a process")):
        numbers = sorted(str(trial.config["trial"]) for trial in trials if trial.status == status)
        if numbers:
            waits.append(f"trial {', '.join(numbers)} {what}")
    return " and ".join(waits) or "Ray to start a trial"
