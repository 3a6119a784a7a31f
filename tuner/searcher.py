"""Ray's searcher over an Optuna study that knows what happened to each trial.

Ray's own tells Optuna that a trial stopped early is complete with its last value, and leaves one
that reports NaN running for ever. Here each epoch is told, a trial stopped early is PRUNED, one
that raised FAILs, and a complete one is worth its best epoch, because that is the one kept.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from ray.tune.search import Searcher
from ray.tune.search.sample import LogUniform

from trainables.levels import Level
from tuner.domains import called, multiple, multiples, scale, spelled, values
from tuner.metric import METRIC, MODE
from tuner.plan import Variant
from tuner.progress import Record

VARIANT = "variant"
NAME = "attuner"
"""Of the study, to whoever opens its storage."""
NUMBER, GOES_ON = "trial_id", "goes_on"
"""Attributes of a trial of ours: its number, and that of one that had ended for Optuna."""
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
        storage: optuna.storages.BaseStorage | None = None,
        past: Mapping[str, Record] | None = None,
    ) -> None:
        """Create an empty study, or take one up.

        Args:
            variants: What trials choose among, and what each searches.
            sampler: What proposes the trial of a number. There is one for each, so that a proposal
                depends on what the study knows and not on what has been drawn before.
            listed: Whether to try every combination of listed values, in order, instead.
            levels: The whole runs that a trial may consist of.
            storage: Where the study is kept; in memory if none.
            past: What has become of its trials, by number.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.levels, self.sampler = levels, sampler
        self.variants = {variant.label: variant for variant in variants}
        self.study = optuna.create_study(
            study_name=NAME, storage=storage, load_if_exists=True, direction="maximize"
        )
        if listed and not self.study.trials:
            for cell in self.cells():
                self.enqueue(cell)
        self.asked: dict[str, optuna.Trial] = {}
        self.best: dict[str, float] = {}
        self.past = past or {}
        self.cut_off = deque(self.reconciled())

    def reconciled(self) -> Iterator[int]:
        """Tell the study what it had no time to hear; yield the trials that nobody knows of."""
        for trial in self.study.get_trials(states=[STATE.RUNNING]):
            record = self.past.get(numbered(trial))
            if record is None:
                yield trial.number
            elif record.status == "running":
                continue
            elif record.status == "failed" or not record.best:
                self.study.tell(trial.number, state=STATE.FAIL)
            else:
                whole = record.status in {"completed", "diverged"}
                value = record.best.val_robust_accuracy if whole else None
                self.study.tell(trial.number, value, STATE.COMPLETE if whole else STATE.PRUNED)

    def cells(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of listed values by Optuna's names, the last fastest."""
        for label, variant in self.variants.items():
            named = {self.called(label, path): labelled(d) for path, d in variant.searched.items()}
            for cell in itertools.product(*named.values()):
                yield {VARIANT: label} | dict(zip(named, cell, strict=True))

    def called(self, label: str, path: str) -> str:
        """Return Optuna's name for a knob: its path, and where variants differ, of which it is.

        To Optuna a name has one range for ever.
        """
        mine = self.variants[label].searched[path]
        others = [v.searched[path] for v in self.variants.values() if path in v.searched]
        return (
            path if all(spelled(each) == spelled(mine) for each in others) else f"{label}: {path}"
        )

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the groups of a new trial, its number and the label of its variant."""
        trial = self.cut_off_trial() or self.new_trial()
        self.asked[trial_id] = trial
        label = next(iter(self.variants))
        if len(self.variants) > 1:
            label = trial.suggest_categorical(VARIANT, list(self.variants))
        variant = self.variants[label]
        config: dict[str, Any] = {group: dict(knobs) for group, knobs in variant.fixed.items()}
        for path, domain in variant.searched.items():
            group, knob = path.split(".")
            config.setdefault(group, {})[knob] = draw(trial, self.called(label, path), domain)
        return config | {"trial": trial.user_attrs[NUMBER], VARIANT: label}

    def new_trial(self) -> optuna.Trial:
        """Return a trial that the study has not had, or one that waits in a list."""
        if not self.study.get_trials(deepcopy=False, states=[STATE.WAITING]):
            self.enqueue({})
        waiting, *_ = self.study.get_trials(deepcopy=False, states=[STATE.WAITING])
        self.study.sampler = self.sampler(int(waiting.user_attrs[NUMBER]))
        return self.study.ask()

    def enqueue(self, params: Mapping[str, Any]) -> None:
        """Add the next trial, to be asked for: some of its parameters settled, or none."""
        ours = sum(NUMBER in trial.user_attrs for trial in self.study.get_trials(deepcopy=False))
        self.study.enqueue_trial(dict(params), user_attrs={NUMBER: f"{ours:04d}"})

    def cut_off_trial(self) -> optuna.Trial | None:
        """Return a trial that an earlier run has asked for and not begun, if any is left."""
        if not self.cut_off:
            return None
        trial = self.study.trials[self.cut_off.popleft()]
        self.study.sampler = self.sampler(int(trial.user_attrs[NUMBER]))
        return optuna.Trial(self.study, trial._trial_id)

    def takes_up(self, trial_id: str, number: str) -> None:
        """Take note that a trial goes on under another of Ray's names.

        To Optuna what had waited has ended. It is a trial of its own from here on, of the same
        values, which the sampler learns of when it ends: ended trials can be told no more.
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
        if record and record.best:
            self.best[trial_id] = record.best.val_robust_accuracy

    def lets_go(self, trial_id: str) -> None:
        """Take note that a trial will go on under another of Ray's names."""
        self.asked.pop(trial_id, None)
        self.best.pop(trial_id, None)

    def step(self, result: Mapping[str, Any]) -> int:
        """Return how many epochs a trial has trained for when it reports."""
        before = sum(level.epochs for level in self.levels[: result["level"]])
        return before + int(result["epoch"])

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study what an epoch measured."""
        value = result[METRIC]
        self.asked[trial_id].report(value, step=self.step(result))
        self.best[trial_id] = max(value, self.best.get(trial_id, value))

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,
        error: bool = False,
    ) -> None:
        """Tell the study how a trial ended."""
        trial = self.asked.pop(trial_id, None)
        if trial is None:
            return
        if error or not result:
            self.study.tell(trial, state=STATE.FAIL)
            return
        if trial_id not in self.best or self.step(result) not in steps(trial):
            trial.report(result[METRIC], step=self.step(result))
        end = (len(self.levels) - 1, self.levels[-1].epochs)
        whole = (result["level"], result["epoch"]) == end or result["diverged"]
        best = max(result[METRIC], self.best.pop(trial_id, result[METRIC]))
        self.study.tell(trial, best if whole else None, STATE.COMPLETE if whole else STATE.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study is kept in its storage, trial by trial."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a study is taken up by `past`."""


def numbered(trial: optuna.trial.FrozenTrial) -> str:
    """Return the number of the trial of ours that a trial of Optuna's is of."""
    found: str = trial.user_attrs.get(NUMBER) or trial.user_attrs[GOES_ON]
    return found


def steps(trial: optuna.Trial) -> set[int]:
    """Return the epochs that a trial has told."""
    return set(trial.study.trials[trial.number].intermediate_values)


def draw(trial: optuna.Trial, name: str, domain: Any) -> Any:  # noqa: ANN401
    """Return what a trial takes from Ray's domain, under Optuna's `name` for it.

    Of a domain with a step Optuna is asked which multiple, for what it would do with the step
    itself is not what Ray does: it counts from the low end, and drops the step where it is log.
    """
    if labels := labelled(domain):
        return labels[trial.suggest_categorical(name, list(labels))]
    log = isinstance(scale(domain), LogUniform)
    if found := multiples(domain):
        return multiple(domain, trial.suggest_int(name, *found, log=log))
    return trial.suggest_float(name, domain.lower, domain.upper, log=log)


def labelled(domain: Any) -> dict[Any, Any]:  # noqa: ANN401
    """Return each listed value by what Optuna may call it; nothing if values are not listed."""
    return {called(value): value for value in values(domain) or []}
