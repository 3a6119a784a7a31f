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

from tuner.domains import called, multiple, multiples, scale, spelled, values
from tuner.metric import METRIC, MODE
from tuner.plan import Variant
from tuner.progress import Record

VARIANT = "variant"
NAME = "attuner"
"""Of the study, to whoever opens its storage."""
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
        epochs: int,
        storage: optuna.storages.BaseStorage | None = None,
        past: Mapping[str, Record] | None = None,
    ) -> None:
        """Create an empty study, or take one up.

        Args:
            variants: What trials choose among, and what each searches.
            sampler: What proposes the trial of a number. There is one for each, so that a proposal
                depends on what the study knows and not on what has been drawn before.
            listed: Whether to try every combination of listed values, in order, instead.
            epochs: Epochs of a whole trial.
            storage: Where the study is kept; in memory if none.
            past: What has become of its trials, by number.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.epochs, self.sampler = epochs, sampler
        self.variants = {variant.label: variant for variant in variants}
        self.study = optuna.create_study(
            study_name=NAME, storage=storage, load_if_exists=True, direction="maximize"
        )
        if listed and not self.study.trials:
            for cell in self.cells():
                self.study.enqueue_trial(cell)
        self.asked: dict[str, optuna.Trial] = {}
        self.best: dict[str, float] = {}
        self.past = past or {}
        self.cut_off = deque(self.reconciled())

    def reconciled(self) -> Iterator[int]:
        """Tell the study what it had no time to hear; yield the numbers of trials cut off."""
        for trial in self.study.get_trials(states=[STATE.RUNNING]):
            record = self.past.get(f"{trial.number:04d}")
            if record is None or record.status == "running":
                yield trial.number
            elif record.status == "failed" or not record.best:
                self.study.tell(trial.number, state=STATE.FAIL)
            else:
                whole = record.status in {"completed", "diverged"} or record.collapsed_at
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
        number = f"{trial.number:04d}"
        record = self.past.get(number)
        if record and record.best:
            self.best[trial_id] = record.best.val_robust_accuracy
        came = {"goes_on_from": record.checkpoint} if record and record.checkpoint else {}
        return config | {"trial": number, VARIANT: label} | came

    def new_trial(self) -> optuna.Trial:
        """Return a trial that the study has not had, or one that waits in a list."""
        waiting = self.study.get_trials(states=[STATE.WAITING])
        number = waiting[0].number if waiting else len(self.study.trials)
        self.study.sampler = self.sampler(number)
        return self.study.ask()

    def cut_off_trial(self) -> optuna.Trial | None:
        """Return the next trial that an earlier run has begun and not ended, if any is left."""
        if not self.cut_off:
            return None
        number = self.cut_off.popleft()
        self.study.sampler = self.sampler(number)
        return optuna.Trial(self.study, self.study.trials[number]._trial_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Tell the study what an epoch measured."""
        value = result[METRIC]
        self.asked[trial_id].report(value, step=result["epoch"])
        self.best[trial_id] = max(value, self.best.get(trial_id, value))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the study how a trial ended."""
        trial = self.asked.pop(trial_id, None)
        if trial is None:
            return
        if error or not result:
            self.study.tell(trial, state=STATE.FAIL)
            return
        if trial_id not in self.best or result["epoch"] not in steps(trial):
            trial.report(result[METRIC], step=result["epoch"])
        whole = result["epoch"] >= self.epochs or result["diverged"] or result["collapsed_at"]
        best = max(result[METRIC], self.best.pop(trial_id, result[METRIC]))
        self.study.tell(trial, best if whole else None, STATE.COMPLETE if whole else STATE.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the study is kept in its storage, trial by trial."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: a study is taken up by `past`."""


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
