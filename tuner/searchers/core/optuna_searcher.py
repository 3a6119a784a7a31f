"""Ray searcher over an Optuna study that records the outcome of each trial.

Ray's OptunaSearch marks a trial that was stopped early as COMPLETE with its last value, and leaves
one that reports NaN RUNNING. Here every epoch is reported; a trial that was stopped early is
PRUNED, one that raised is FAIL, and the value of a COMPLETE one is that of its best epoch, whose
checkpoint is kept. With two objectives no epochs are reported, because Optuna does not allow it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from ray.tune.search import Searcher

from trainables.training.fidelity import Level, epochs_trained
from trainables.training.report import Report
from tuner.config.objectives import METRIC, MODE, Goal
from tuner.config.plan import Variant
from tuner.searchers.core.distributions import Parameters
from tuner.searchers.core.optuna_storage import (
    NUMBER_ATTRIBUTE,
    PROMOTED_ATTRIBUTE,
    RESUMED_ATTRIBUTE,
    enqueue_trial,
    open_study,
    own_number,
)
from tuner.state.trial import Record

TRIAL_STATE = optuna.trial.TrialState


class OptunaSearcher(Searcher):
    """Proposes configurations from an Optuna study.

    Attributes:
        study: The Optuna study.
    """

    def __init__(
        self,
        variants: Sequence[Variant],
        sampler: Callable[[int], optuna.samplers.BaseSampler],
        *,
        listed: bool,
        levels: Sequence[Level],
        goal: Goal | None = None,
        study: optuna.Study | None = None,
        records: Mapping[str, Record] | None = None,
    ) -> None:
        """Create an empty study, or continue one.

        Args:
            variants: Variants of the search space.
            sampler: From the number of a trial to its sampler. Each trial has one, so that its
                proposal depends on the trials of the study and not on earlier draws.
            listed: Whether to run a grid search over listed values instead.
            levels: The runs of a trial, from the cheapest.
            goal: Objectives and constraint; `None`: robust accuracy.
            study: The study to continue; `None`: a new one, in memory.
            records: Recorded trials by number.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.levels, self.make_sampler, self.goal = levels, sampler, goal or Goal()
        self.parameters = Parameters(variants)
        self.study = study or open_study(None, self.goal)
        trials = self.study.get_trials(deepcopy=False)
        self.n_own = sum(NUMBER_ATTRIBUTE in trial.user_attrs for trial in trials)
        self.n_transferred = sum(not own_number(trial) for trial in trials)
        self.queued = deque(
            own_number(each) for each in trials if each.state == TRIAL_STATE.WAITING
        )
        for cell in missing_cells(self.study, self.parameters) if listed else ():
            self.enqueue_next(cell)
        self.running_trials: dict[str, optuna.Trial] = {}
        self.best_reports: dict[str, Report] = {}
        self.last_reports: dict[str, Report] = {}
        self.records = records or {}
        self.interrupted = deque(self.reconcile())

    def reconcile(self) -> Iterator[int]:
        """Finish trials whose end was not reported to Optuna; yield those that never started."""
        for trial in self.study.get_trials(states=[TRIAL_STATE.RUNNING]):
            record = self.records.get(own_number(trial))
            if record is None:
                yield trial.number
            elif record.status != "running":
                self.finish_trial(
                    self.reattach(trial.number),
                    record.best_report,
                    *optuna_outcome(record, self.goal),
                )

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the groups of a new trial, its number and the label of its variant."""
        trial = self.reattach(self.interrupted.popleft()) if self.interrupted else self.new_trial()
        self.running_trials[trial_id] = trial
        return self.parameters.suggest(trial) | {"trial": trial.user_attrs[NUMBER_ATTRIBUTE]}

    def new_trial(self) -> optuna.Trial:
        """Return a new trial, or the next one that is queued."""
        if not self.queued:
            self.enqueue_next({})
        self.study.sampler = self.sampler_for(self.queued.popleft())
        return self.study.ask()

    def enqueue_next(self, params: Mapping[str, object]) -> None:
        """Queue a trial with these parameters fixed and the next number."""
        number = f"{self.n_own:04d}"
        enqueue_trial(self.study, params, number)
        self.queued.append(number)
        self.n_own += 1

    def attach(self, trial_id: str, number: str) -> None:
        """Resume a trial under a new Ray ID.

        To Optuna a paused trial has ended and takes no more reports. It resumes as a new Optuna
        trial with the same values, which the sampler learns from when it ends.
        """
        trials = self.study.get_trials(deepcopy=False)
        last = next(trial for trial in reversed(trials) if own_number(trial) == number)
        if last.state.is_finished():
            resumed = optuna.trial.create_trial(
                state=TRIAL_STATE.RUNNING,
                params=last.params,
                distributions=last.distributions,
                user_attrs={
                    RESUMED_ATTRIBUTE: number,
                    PROMOTED_ATTRIBUTE: f"Optuna trial {last.number}",
                },
            )
            self.study.add_trial(resumed)
            last = self.study.get_trials(deepcopy=False)[-1]
        self.running_trials[trial_id] = optuna.Trial(self.study, last._trial_id)
        record = self.records.get(number)
        if record and record.best_report and record.last_report:
            self.best_reports[trial_id] = record.best_report
            self.last_reports[trial_id] = record.last_report

    def rename(self, old: str, new: str) -> None:
        """Change Ray's ID of a trial that never started."""
        if old in self.running_trials:
            self.running_trials[new] = self.running_trials.pop(old)

    def detach(self, trial_id: str) -> None:
        """Forget Ray's ID of a trial, which resumes under another one."""
        self.running_trials.pop(trial_id, None)

    def reattach(self, index: int) -> optuna.Trial:
        """Return a trial of an earlier process by Optuna's number."""
        trial = self.study.get_trials(deepcopy=False)[index]
        self.study.sampler = self.sampler_for(own_number(trial))
        return optuna.Trial(self.study, trial._trial_id)

    def sampler_for(self, number: str) -> optuna.samplers.BaseSampler:
        """Return the sampler of the trial of a number.

        Transferred trials count first: without that, a study with the same seed would repeat the
        draws of the study that they come from.
        """
        return self.make_sampler(self.n_transferred + int(number))

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Report an epoch to Optuna."""
        report = Report.from_result(result)
        if not self.goal.is_multi_objective:
            trial = self.running_trials[trial_id]
            step = epochs_trained(self.levels, report.position)
            # read one trial: reading all would take longer the more there are
            stored = self.study._storage.get_trial(trial._trial_id)
            if step not in stored.intermediate_values:  # epochs may be reported twice after a crash
                trial.report(report.val_robust_accuracy, step=step)
        best = self.best_reports.get(trial_id, report)
        self.best_reports[trial_id] = max(
            best, report, key=lambda each: each.score(self.goal.constraint)
        )
        self.last_reports[trial_id] = report

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Report the end of a trial to Optuna."""
        if trial_id not in self.running_trials:
            return
        last = self.last_reports.get(trial_id)
        if (
            result
            and not error
            and (last is None or Report.from_result(result).position != last.position)
        ):
            self.on_trial_result(trial_id, result)
            last = self.last_reports[trial_id]
        best, state = None, TRIAL_STATE.FAIL
        if last and not error:  # a trial resumed after its last epoch has no result
            best = self.best_reports[trial_id]
            end = len(self.levels) - 1, self.levels[-1].epochs
            is_complete = last.position == end or last.has_failed
            state = TRIAL_STATE.COMPLETE if is_complete else TRIAL_STATE.PRUNED
        values = (
            self.goal.objective_values(best) if best and state == TRIAL_STATE.COMPLETE else None
        )
        self.finish_trial(self.running_trials.pop(trial_id), best, state, values)

    def finish_trial(
        self,
        trial: optuna.Trial,
        best: Report | None,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Report a trial's end, and by how much its best epoch violates the constraint."""
        reported = trial.constraints
        for name, margin in constraint_violations(best, self.goal).items():
            if name not in reported:  # the process may have died between the two reports
                trial.set_constraint(name, margin)
        self.study.tell(trial, values, state)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study's storage holds every trial."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a study is resumed from its storage and `records`."""


def missing_cells(study: optuna.Study, parameters: Parameters) -> Iterator[dict[str, object]]:
    """Yield the combinations of listed values that a study lacks, in order."""
    own = [trial for trial in study.trials if NUMBER_ATTRIBUTE in trial.user_attrs]
    present = [trial.system_attrs.get("fixed_params") or trial.params for trial in own]
    yield from (cell for cell in parameters.grid_cells() if cell not in present)


def optuna_outcome(
    record: Record, goal: Goal
) -> tuple[optuna.trial.TrialState, Sequence[float] | None]:
    """Return Optuna's state of a trial that has ended, and its values if it is complete."""
    if record.status == "failed" or not record.best_report:
        return TRIAL_STATE.FAIL, None
    is_complete = record.status in {"completed", "diverged"} or record.collapsed_at
    return (
        (TRIAL_STATE.COMPLETE, goal.objective_values(record.best_report))
        if is_complete
        else (TRIAL_STATE.PRUNED, None)
    )


def constraint_violations(best: Report | None, goal: Goal) -> dict[str, float]:
    """Return by how much an epoch violates each constraint, by name; at most 0: satisfied."""
    return (
        {str(goal.constraint): best.violation(goal.constraint)} if best and goal.constraint else {}
    )
