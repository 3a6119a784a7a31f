"""Ray Tune's scheduler interface to our schedulers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController


class RuleScheduler(FIFOScheduler):
    """Run trials in order; end each that our scheduler stops or pauses."""

    def __init__(self, decide: Callable[[str, dict[str, object]], bool]) -> None:
        """Connect to a scheduler.

        Args:
            decide: Called with a trial's number and the result of an epoch; returns whether the
                trial continues.
        """
        super().__init__()  # type: ignore[no-untyped-call]  # in Ray
        self.decide = decide

    def on_trial_result(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, object]
    ) -> str:
        """Return Ray's CONTINUE or STOP for a trial that reported an epoch."""
        continues = self.decide(trial.config["trial"], result)
        return str(self.CONTINUE if continues else self.STOP)

    def choose_trial_to_run(self, tune_controller: "TuneController") -> Trial | None:
        """Return the pending trial with the lowest number; ended trials are not scanned."""
        live = tune_controller.get_live_trials()  # type: ignore[no-untyped-call]  # in Ray
        pending = (trial for trial in live if trial.status == Trial.PENDING)
        return min(pending, key=lambda trial: str(trial.config["trial"]), default=None)
