"""Trials of which nothing is heard, and those that cannot write their checkpoint."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from trainables.patience import GaveUpError
from trainables.trainable import REFUSED

ALLOWANCE = 3.0
"""The first report after a start may take so many times as long: it reads images and compiles."""
STEP = 1.0
"""The most seconds that count between two looks: while this process waited, it heard nothing."""


@dataclass
class Heard:
    """What is known of a trial that runs.

    Attributes:
        at: When it began or was last heard of, by the vigil's own clock.
        allowed: Seconds until it must be heard of again; any if none.
        refused_since: Since when it has been unable to write its checkpoint; none if it is able.
        refused: Why.
    """

    at: float
    allowed: float | None
    refused_since: float | None = None
    refused: str = ""


class Vigil(tune.Callback):
    """Ends the process of a trial that hangs; Ray's news of its death does the rest.

    Attributes:
        hung: Why the process of a trial was ended, by Ray's name of it.
    """

    def __init__(
        self, limit: float | None, patience: float | None, tell: Callable[[str], None]
    ) -> None:
        """Begin to listen.

        Args:
            limit: Seconds that a trial may be silent; any if none.
            patience: Seconds that a trial may try to write its checkpoint; for ever if none.
            tell: Called with what a person should know.
        """
        self.limit, self.patience, self.tell = limit, patience, tell
        self.heard: dict[Trial, Heard] = {}
        self.hung: dict[str, str] = {}
        self.now, self.looked = 0.0, time.monotonic()

    def __getstate__(self) -> dict[str, object]:
        """Return nothing: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Wait for the first report of a process."""
        allowed = self.limit and self.limit * ALLOWANCE
        self.heard[trial] = Heard(self.now, allowed)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: object,
    ) -> None:
        """Wait for the next."""
        before = self.heard[trial].refused_since if trial in self.heard else None
        self.heard[trial] = Heard(self.now, self.limit)
        if reason := result.get(REFUSED):
            since = self.now if before is None else before
            self.heard[trial] = Heard(self.now, None, since, reason)
            self.tell(f"trial {trial.config['trial']} {reason}; trying again.")
        elif before is not None:
            self.tell(f"trial {trial.config['trial']} has written its checkpoint after all.")

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Wait no longer."""
        self.heard.pop(trial, None)

    on_trial_error = on_trial_complete

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """End what has been silent for too long.

        Raises:
            GaveUpError: If a checkpoint could not be written for too long.
        """
        looked = time.monotonic()
        self.now += min(looked - self.looked, STEP)
        self.looked = looked
        for trial, heard in list(self.heard.items()):
            if self.patience is not None and heard.refused_since is not None:
                if self.now - heard.refused_since > self.patience:
                    raise GaveUpError(f"trial {trial.config['trial']} {heard.refused}")
            elif heard.allowed is not None and self.now - heard.at > heard.allowed:
                self.end(trial, heard.allowed)

    def end(self, trial: Trial, silent: float) -> None:
        """End the process of a trial, as if it had died."""
        del self.heard[trial]
        reason = f"reported nothing for {timedelta(seconds=round(silent))} (report_limit)"
        self.hung[trial.trial_id] = reason
        self.tell(f"trial {trial.config['trial']} {reason}; its process is ended.")
        if actor := trial.temporary_state.ray_actor:
            ray.kill(actor)
