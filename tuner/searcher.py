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

from trainables.levels import Level, elapsed
from trainables.report import Report
from tuner.goal import Goal
from tuner.metric import METRIC, MODE
from tuner.parameters import Parameters
from tuner.plan import Variant
from tuner.record import Record

NAME = "attuner"
"""Of the study, to whoever opens its storage."""
NUMBER, GOES_ON = "trial_id", "goes_on"
"""Attributes: the number of a trial of ours, and that of one which goes on though it had ended to
Optuna; what else Optuna counts has neither."""
STATE = optuna.trial.TrialState


class StudySearcher(Searcher):
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
        past: Mapping[str, Record] | None = None,
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
            past: What has become of its trials, by number.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.levels, self.sampler, self.goal = levels, sampler, goal or Goal()
        self.parameters = Parameters(variants)
        self.study = study or opened(None, self.goal)
        trials = self.study.get_trials(deepcopy=False)
        self.ours = sum(NUMBER in trial.user_attrs for trial in trials)
        self.lent = sum(not numbered(trial) for trial in trials)
        self.waiting = deque(numbered(each) for each in trials if each.state == STATE.WAITING)
        for cell in unlisted(self.study, self.parameters) if listed else ():
            self.enqueue(cell)
        self.asked: dict[str, optuna.Trial] = {}
        self.best: dict[str, Report] = {}
        self.heard: dict[str, Report] = {}
        self.past = past or {}
        self.cut_off = deque(self.reconciled())

    def reconciled(self) -> Iterator[int]:
        """Tell the study what it had no time to hear; yield those that it asked for in vain."""
        for trial in self.study.get_trials(states=[STATE.RUNNING]):
            record = self.past.get(numbered(trial))
            if record is None:
                yield trial.number
            elif record.status != "running":
                self.close(self.taken_up(trial.number), record.best, *outcome(record, self.goal))

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the groups of a new trial, its number and the label of its variant."""
        trial = self.taken_up(self.cut_off.popleft()) if self.cut_off else self.new_trial()
        self.asked[trial_id] = trial
        return self.parameters.draw(trial) | {"trial": trial.user_attrs[NUMBER]}

    def new_trial(self) -> optuna.Trial:
        """Return a trial that the study has not had, or one that waits in a list."""
        if not self.waiting:
            self.enqueue({})
        self.study.sampler = self.sampler_of(self.waiting.popleft())
        return self.study.ask()

    def enqueue(self, params: Mapping[str, object]) -> None:
        """Add the next of our trials, to be asked for."""
        number = f"{self.ours:04d}"
        enqueue(self.study, params, number)
        self.waiting.append(number)
        self.ours += 1

    def takes_up(self, trial_id: str, number: str) -> None:
        """Take note that a trial goes on under another of Ray's names.

        To Optuna what had waited has ended, and can be told no more. It is a trial of its own from
        here on, of the same values, which the sampler learns of when it ends.
        """
        trials = self.study.get_trials(deepcopy=False)
        last = next(trial for trial in reversed(trials) if numbered(trial) == number)
        if last.state.is_finished():
            again = optuna.trial.create_trial(
                state=STATE.RUNNING,
                params=last.params,
                distributions=last.distributions,
                user_attrs={GOES_ON: number},
            )
            self.study.add_trial(again)
            last = self.study.get_trials(deepcopy=False)[-1]
        self.asked[trial_id] = optuna.Trial(self.study, last._trial_id)
        record = self.past.get(number)
        if record and record.best and record.last:
            self.best[trial_id], self.heard[trial_id] = record.best, record.last

    def renames(self, before: str, now: str) -> None:
        """Take note that a trial which never began has another of Ray's names."""
        if before in self.asked:
            self.asked[now] = self.asked.pop(before)

    def lets_go(self, trial_id: str) -> None:
        """Take note that a trial will go on under another of Ray's names."""
        self.asked.pop(trial_id, None)

    def taken_up(self, index: int) -> optuna.Trial:
        """Return a trial that an earlier run has begun, by Optuna's number."""
        trial = self.study.get_trials(deepcopy=False)[index]
        self.study.sampler = self.sampler_of(numbered(trial))
        return optuna.Trial(self.study, trial._trial_id)

    def sampler_of(self, number: str) -> optuna.samplers.BaseSampler:
        """Return what proposes the trial of a number.

        Trials that are lent count before ours, for else those of a study with the same seed would
        be drawn once more.
        """
        return self.sampler(self.lent + int(number))

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Tell the study what an epoch measured."""
        report = Report.taken(result)
        if not self.goal.several:
            asked, step = self.asked[trial_id], elapsed(self.levels, report.moment)
            # one trial, where asking for all would take longer the more there are
            known = self.study._storage.get_trial(asked._trial_id)
            if step not in known.intermediate_values:  # it may be lost, and is reported again
                asked.report(report.val_robust_accuracy, step=step)
        best = self.best.get(trial_id, report)
        self.best[trial_id] = max(best, report, key=lambda each: each.score(self.goal.constraint))
        self.heard[trial_id] = report

    def on_trial_complete(
        self, trial_id: str, result: dict[str, object] | None = None, error: bool = False
    ) -> None:
        """Tell the study how a trial ended."""
        if trial_id not in self.asked:
            return
        last = self.heard.get(trial_id)
        if result and not error and (last is None or Report.taken(result).moment != last.moment):
            self.on_trial_result(trial_id, result)
            last = self.heard[trial_id]
        best, state = None, STATE.FAIL
        if last and not error:  # one that is taken up after its last epoch has no result
            best = self.best[trial_id]
            end = len(self.levels) - 1, self.levels[-1].epochs
            whole = last.moment == end or last.broken
            state = STATE.COMPLETE if whole else STATE.PRUNED
        values = self.goal.point(best) if best and state == STATE.COMPLETE else None
        self.close(self.asked.pop(trial_id), best, state, values)

    def close(
        self,
        trial: optuna.Trial,
        best: Report | None,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the study that a trial has ended, and by how much its best epoch misses."""
        known = trial.constraints
        for name, margin in margins(best, self.goal).items():
            if name not in known:  # or it died between telling this and telling that it had ended
                trial.set_constraint(name, margin)
        self.study.tell(trial, values, state)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study is kept in its storage, trial by trial."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a study is taken up by `past`."""


def opened(storage: optuna.storages.BaseStorage | None, goal: Goal) -> optuna.Study:
    """Return the study that a storage holds, or a new one."""
    directions = [optuna.study.StudyDirection.MAXIMIZE for _ in goal.objectives]
    return optuna.create_study(
        study_name=NAME, storage=storage, load_if_exists=True, directions=directions
    )


def enqueue(study: optuna.Study, params: Mapping[str, object], number: str) -> None:
    """Add a trial of ours, to be asked for: some of its parameters settled, or none."""
    study.enqueue_trial(dict(params), user_attrs={NUMBER: number})


def numbered(trial: optuna.trial.FrozenTrial) -> str:
    """Return the number of the trial of ours that one of Optuna's is of; none if it is of none."""
    found: str = trial.user_attrs.get(NUMBER) or trial.user_attrs.get(GOES_ON, "")
    return found


def unlisted(study: optuna.Study, parameters: Parameters) -> Iterator[dict[str, object]]:
    """Yield the combinations of listed values that a study does not have, in order."""
    ours = [trial for trial in study.trials if NUMBER in trial.user_attrs]
    had = [trial.system_attrs.get("fixed_params") or trial.params for trial in ours]
    yield from (cell for cell in parameters.cells() if cell not in had)


def outcome(record: Record, goal: Goal) -> tuple[optuna.trial.TrialState, Sequence[float] | None]:
    """Return the state of a trial that has ended, to Optuna, and its worth if it is whole."""
    if record.status == "failed" or not record.best:
        return STATE.FAIL, None
    whole = record.status in {"completed", "diverged"} or record.collapsed_at
    return (STATE.COMPLETE, goal.point(record.best)) if whole else (STATE.PRUNED, None)


def margins(best: Report | None, goal: Goal) -> dict[str, float]:
    """Return by how much an epoch misses each constraint, by name; at most 0 if it does not."""
    return {str(goal.constraint): best.margin(goal.constraint)} if best and goal.constraint else {}
