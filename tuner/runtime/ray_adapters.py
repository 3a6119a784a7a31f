"""The interfaces of Ray Tune to the parts of a study: searcher, scheduler, callback and stopper."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

from ray import cloudpickle as ray_pickle
from ray import tune
from ray.exceptions import RayActorError, WorkerCrashedError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import ConcurrencyLimiter, Searcher

from tuner.config.objectives import METRIC, MODE
from tuner.runtime.study_events import StudyEvents
from tuner.runtime.trial_queue import FailureCause, TrialQueue

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController

PROCESS_DEATH_ERRORS = (RayActorError, WorkerCrashedError)
"""Ray's errors for a trial whose process was killed or whose node was lost."""
ENDED = (Trial.ERROR, Trial.TERMINATED)
"""Ray's status of a trial that does not run any more."""


class QueueSearcher(Searcher):
    """Gives Ray the runs of a trial queue."""

    def __init__(self, queue: TrialQueue) -> None:
        super().__init__(metric=METRIC, mode=MODE)
        self.queue = queue

    def __getstate__(self) -> dict[str, object]:
        """Return no state: Ray pickles its searcher, and the event log holds the state."""
        return {}

    def suggest(  # type: ignore[override]  # FINISHED is a str
        self, trial_id: str
    ) -> Mapping[str, object] | str | None:
        """Return the next configuration; `None` if more may follow later."""
        config = self.queue.suggest(trial_id)
        return Searcher.FINISHED if config is None and not self.queue.running else config

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Report an epoch to the queue."""
        self.queue.on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Report the end of a trial; errors are reported by `StudyCallback`."""
        if not error:
            self.queue.on_trial_complete(trial_id, result)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the event log and the Optuna storage hold the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the queue is built from the event log."""


class SchedulerAdapter(FIFOScheduler):
    """Runs trials in order; ends each that our scheduler stops or pauses."""

    def __init__(self, decide: Callable[[str, dict[str, object]], bool]) -> None:
        """Connect to a scheduler.

        Args:
            decide: Called with a trial's number and the result of an epoch; returns whether the
                trial continues.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # in Ray
        self.decide = decide

    def __getstate__(self) -> dict[str, object]:
        """Return no state, as for `QueueSearcher`."""
        return {}

    def on_trial_result(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, object]
    ) -> str:
        """Return Ray's CONTINUE or STOP for a trial that reported an epoch."""
        continues = self.decide(trial.config["trial"], result)
        return str(self.CONTINUE if continues else self.STOP)

    def choose_trial_to_run(self, tune_controller: "TuneController") -> Trial | None:
        """Return the pending trial with the lowest number; ended trials are not scanned."""
        live = tune_controller.get_live_trials()
        pending = (trial for trial in live if trial.status == Trial.PENDING)
        return min(pending, key=lambda trial: str(trial.config["trial"]), default=None)


class StudyCallback(tune.Callback):
    """Reports what happens in Ray to the study, also what Ray itself does not report."""

    def __init__(
        self,
        events: StudyEvents,
        limiter: ConcurrencyLimiter,
        kill_reasons: Mapping[str, str],
    ) -> None:
        """Connect the parts.

        Args:
            events: The events of the study.
            limiter: Ray's searcher, which counts the trials that run.
            kill_reasons: Ray's trial id to the reason why its process was killed.
        """
        self.events, self.limiter, self.kill_reasons = events, limiter, kill_reasons
        self.n_seen, self.by_id = 0, dict[str, Trial]()

    def __getstate__(self) -> dict[str, object]:
        """Return no state: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Report a trial that starts or resumes."""
        self.events.on_trial_start(trial)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, object],
        **info: object,
    ) -> None:
        """Report an epoch."""
        self.events.on_trial_result(trial, result)

    def on_checkpoint(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        checkpoint: tune.Checkpoint,
        **info: object,
    ) -> None:
        """Report a new checkpoint."""
        self.events.on_checkpoint(trial, self.events.store.checkpoint_path(checkpoint))

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Report a trial that ended without an error or paused."""
        self.events.on_trial_complete(trial)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Report a trial that raised or whose process died."""
        error = load_trial_error(trial.pickled_error_file)
        cause: FailureCause = "died" if isinstance(error, PROCESS_DEATH_ERRORS) else "raised"
        reason = self.kill_reasons.get(trial.trial_id) or summarize_error(trial.error_file)
        self.events.on_trial_error(trial, cause, reason)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """Report trials that Ray has ended without reporting it.

        Ray does so if a process is to be reused whose last trial does not end in time
        (`TUNE_FUNCTION_THREAD_TIMEOUT_S`). Without this, the study would wait for them for ever.
        """
        running = self.events.queue.running
        self.by_id |= {trial.trial_id: trial for trial in trials[self.n_seen :]}
        self.n_seen = len(trials)
        self.by_id = {name: trial for name, trial in self.by_id.items() if name in running}
        for name, trial in list(self.by_id.items()):
            if trial.status in ENDED:
                reason = summarize_error(trial.error_file)
                if trial.status == Trial.ERROR:
                    self.events.warn(
                        f"trial {trial.config['trial']}: Ray gave it no process ({reason}); it is "
                        "started again."
                    )
                self.limiter.on_trial_complete(name, error=True)
                self.events.on_trial_error(trial, "lost", reason)


@dataclass(frozen=True)
class TimeLimitStopper(tune.Stopper):
    """Stops a study after a number of seconds.

    Ray's `TimeoutStopper` uses the time of day, so that setting the clock forward ends a study.

    Attributes:
        started_at: Start of the study on the monotonic clock, in seconds.
        budget: Seconds that the study may take; `None`: no limit.
    """

    started_at: float
    budget: float | None

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Return `False`: no single trial is stopped."""
        return False

    def stop_all(self) -> bool:
        """Return whether the budget is used up."""
        return self.budget is not None and time.monotonic() - self.started_at >= self.budget


def load_trial_error(file: str | None) -> Exception | None:
    """Return the exception that ended a trial, from the file that Ray wrote on this machine.

    `Trial.get_pickled_error` reads the copy in the results folder, which Ray writes later.
    """
    if file is None or not Path(file).is_file():
        return None
    error: Exception = ray_pickle.loads(Path(file).read_bytes())
    return error


def summarize_error(error_file: str | None) -> str:
    """Return the type of the exception in a traceback, and the first line of its message.

    A line that ends with a colon is followed by the next one: PyTorch's "Error(s) in loading
    state_dict for Network:" alone says nothing.
    """
    if error_file is None or not Path(error_file).is_file():
        return "ended without a message"
    lines = [line for line in Path(error_file).read_text().splitlines() if line.strip()]
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    after = lines[frames[-1] :] if frames else lines[-1:]
    message = [line.strip() for line in dropwhile(lambda line: line.startswith(" "), after)]
    if not message:
        return lines[-1].strip() if lines else "ended without a message"
    end = next((n for n, line in enumerate(message, start=1) if not line.endswith(":")), None)
    return " ".join(message[:end])
