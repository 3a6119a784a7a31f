"""A rule, as Ray asks it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController


class RuleScheduler(FIFOScheduler):
    """Ray's scheduler: it runs trials in order, and ends them where a rule stops or pauses them."""

    def __init__(self, decide: Callable[[str, dict[str, object]], bool]) -> None:
        """Listen to a rule.

        Args:
            decide: Called with a trial's number and what an epoch measured; returns whether the
                trial goes on.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # in Ray
        self.decide = decide

    def on_trial_result(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, object]
    ) -> str:
        """Return what is decided of an epoch."""
        goes_on = self.decide(trial.config["trial"], result)
        return str(self.CONTINUE if goes_on else self.STOP)

    def choose_trial_to_run(self, tune_controller: "TuneController") -> Trial | None:
        """Return the first trial that waits for room; those that have ended are not looked at."""
        live = tune_controller.get_live_trials()  # type: ignore[no-untyped-call]  # in Ray
        pending = (trial for trial in live if trial.status == Trial.PENDING)
        return min(pending, key=lambda trial: str(trial.config["trial"]), default=None)
