"""Ray's searcher over an Optuna study that knows what happened to each trial.

Ray's own tells Optuna that a trial stopped early is complete with its last value, and leaves one
that reports NaN running for ever. Here each epoch is told, a trial stopped early is PRUNED, one
that raised FAILs, and a complete one is worth its best epoch, because that is the one kept.
Of two objectives Optuna hears no epochs, for it takes none.
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
from tuner.state.trial import Record

STUDY_NAME = "attuner"
"""Of the study, to whoever opens its storage."""
NUMBER_ATTRIBUTE, RESUMED_ATTRIBUTE = "trial_id", "goes_on"
"""Attributes: the number of a trial of ours, and that of one which goes on though it had ended to
Optuna; what else Optuna counts has neither."""
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
        """Create an empty study, or take one up.

        Args:
            variants: What trials choose among, and what each searches.
            sampler: What proposes the trial of a number. There is one for each, so that a proposal
                depends on what the study knows and not on what has been drawn before.
            listed: Whether to try every combination of listed values, in order, instead.
            levels: The whole runs that a trial may consist of.
            goal: What the study is after; robust accuracy if none.
            study: The study to take up; `None`: a new one, in memory.
            records: What has become of its trials, by number.
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
        """Tell the study what it had no time to hear; yield those that it asked for in vain."""
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
        """Return a trial that the study has not had, or one that waits in a list."""
        if not self.queued:
            self.enqueue_next({})
        self.study.sampler = self.sampler_for(self.queued.popleft())
        return self.study.ask()

    def enqueue_next(self, params: Mapping[str, object]) -> None:
        """Add the next of our trials, to be asked for."""
        number = f"{self.n_own:04d}"
        enqueue_trial(self.study, params, number)
        self.queued.append(number)
        self.n_own += 1

    def attach(self, trial_id: str, number: str) -> None:
        """Take note that a trial goes on under another of Ray's names.

        To Optuna what had waited has ended, and can be told no more. It is a trial of its own from
        here on, of the same values, which the sampler learns of when it ends.
        """
        trials = self.study.get_trials(deepcopy=False)
        last = next(trial for trial in reversed(trials) if own_number(trial) == number)
        if last.state.is_finished():
            again = optuna.trial.create_trial(
                state=TRIAL_STATE.RUNNING,
                params=last.params,
                distributions=last.distributions,
                user_attrs={RESUMED_ATTRIBUTE: number},
            )
            self.study.add_trial(again)
            last = self.study.get_trials(deepcopy=False)[-1]
        self.running_trials[trial_id] = optuna.Trial(self.study, last._trial_id)
        record = self.records.get(number)
        if record and record.best_report and record.last_report:
            self.best_reports[trial_id], self.last_reports[trial_id] = (
                record.best_report,
                record.last_report,
            )

    def rename(self, old: str, new: str) -> None:
        """Take note that a trial which never began has another of Ray's names."""
        if old in self.running_trials:
            self.running_trials[new] = self.running_trials.pop(old)

    def detach(self, trial_id: str) -> None:
        """Take note that a trial will go on under another of Ray's names."""
        self.running_trials.pop(trial_id, None)

    def reattach(self, index: int) -> optuna.Trial:
        """Return a trial that an earlier run has begun, by Optuna's number."""
        trial = self.study.get_trials(deepcopy=False)[index]
        self.study.sampler = self.sampler_for(own_number(trial))
        return optuna.Trial(self.study, trial._trial_id)

    def sampler_for(self, number: str) -> optuna.samplers.BaseSampler:
        """Return what proposes the trial of a number.

        Trials that are lent count before ours, for else those of a study with the same seed would
        be drawn once more.
        """
        return self.make_sampler(self.n_transferred + int(number))

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Tell the study what an epoch measured."""
        report = Report.from_result(result)
        if not self.goal.is_multi_objective:
            asked, step = (
                self.running_trials[trial_id],
                epochs_trained(self.levels, report.position),
            )
            # one trial, where asking for all would take longer the more there are
            known = self.study._storage.get_trial(asked._trial_id)
            if step not in known.intermediate_values:  # it may be lost, and is reported again
                asked.report(report.val_robust_accuracy, step=step)
        best = self.best_reports.get(trial_id, report)
        self.best_reports[trial_id] = max(
            best, report, key=lambda each: each.score(self.goal.constraint)
        )
        self.last_reports[trial_id] = report

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Tell the study how a trial ended."""
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
        if last and not error:  # one that is taken up after its last epoch has no result
            best = self.best_reports[trial_id]
            end = len(self.levels) - 1, self.levels[-1].epochs
            whole = last.position == end or last.has_failed
            state = TRIAL_STATE.COMPLETE if whole else TRIAL_STATE.PRUNED
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
        """Tell the study that a trial has ended, and by how much its best epoch misses."""
        known = trial.constraints
        for name, margin in constraint_violations(best, self.goal).items():
            if name not in known:  # or it died between telling this and telling that it had ended
                trial.set_constraint(name, margin)
        self.study.tell(trial, values, state)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study is kept in its storage, trial by trial."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a study is taken up by `records`."""


def open_study(storage: optuna.storages.BaseStorage | None, goal: Goal) -> optuna.Study:
    """Return the study that a storage holds, or a new one."""
    directions = [optuna.study.StudyDirection.MAXIMIZE for _ in goal.objectives]
    return optuna.create_study(
        study_name=STUDY_NAME, storage=storage, load_if_exists=True, directions=directions
    )


def enqueue_trial(study: optuna.Study, params: Mapping[str, object], number: str) -> None:
    """Add a trial of ours, to be asked for: some of its parameters settled, or none."""
    study.enqueue_trial(dict(params), user_attrs={NUMBER_ATTRIBUTE: number})


def own_number(trial: optuna.trial.FrozenTrial) -> str:
    """Return the number of the trial of ours that one of Optuna's is of; none if it is of none."""
    found: str = trial.user_attrs.get(NUMBER_ATTRIBUTE) or trial.user_attrs.get(
        RESUMED_ATTRIBUTE, ""
    )
    return found


def missing_cells(study: optuna.Study, parameters: Parameters) -> Iterator[dict[str, object]]:
    """Yield the combinations of listed values that a study does not have, in order."""
    ours = [trial for trial in study.trials if NUMBER_ATTRIBUTE in trial.user_attrs]
    had = [trial.system_attrs.get("fixed_params") or trial.params for trial in ours]
    yield from (cell for cell in parameters.grid_cells() if cell not in had)


def optuna_outcome(
    record: Record, goal: Goal
) -> tuple[optuna.trial.TrialState, Sequence[float] | None]:
    """Return the state of a trial that has ended, to Optuna, and its worth if it is whole."""
    if record.status == "failed" or not record.best_report:
        return TRIAL_STATE.FAIL, None
    whole = record.status in {"completed", "diverged"} or record.collapsed_at
    return (
        (TRIAL_STATE.COMPLETE, goal.objective_values(record.best_report))
        if whole
        else (TRIAL_STATE.PRUNED, None)
    )


def constraint_violations(best: Report | None, goal: Goal) -> dict[str, float]:
    """Return by how much an epoch misses each constraint, by name; at most 0 if it does not."""
    return (
        {str(goal.constraint): best.violation(goal.constraint)} if best and goal.constraint else {}
    )
