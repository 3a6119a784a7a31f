"""Ray's searcher over an Optuna study that knows what happened to each trial.

Ray's own tells Optuna that a trial stopped early is complete with its last value, and leaves one
that reports NaN running for ever. Here each epoch is told, a trial stopped early is PRUNED, one
that raised FAILs, and a complete one is worth its best epoch, because that is the one kept.
"""

import itertools
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from ray import tune
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from tuner.domains import values
from tuner.metric import METRIC, MODE


class StudySearcher(Searcher):
    """Proposes configurations from an Optuna study.

    Attributes:
        study: The Optuna study.
    """

    def __init__(
        self,
        searched: Mapping[str, Any],
        sampler: optuna.samplers.BaseSampler,
        *,
        listed: bool,
        epochs: int,
    ) -> None:
        """Create an empty study.

        Args:
            searched: Path of each knob, such as "optimizer.lr", to its domain.
            sampler: What proposes.
            listed: Whether to try every combination of listed values, in order, instead.
            epochs: Epochs of a whole trial.
        """
        super().__init__(metric=METRIC, mode=MODE)
        self.epochs = epochs
        self.labels = {path: labelled(domain) for path, domain in searched.items()}
        self.distributions: dict[str, Any] = {
            path: distribution(domain, self.labels[path]) for path, domain in searched.items()
        }
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        if listed:
            for cell in itertools.product(*self.labels.values()):
                self.study.enqueue_trial(dict(zip(self.labels, cell, strict=True)))
        self.asked: dict[str, optuna.Trial] = {}
        self.best: dict[str, float] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the searched knobs of a new trial by group, and its number."""
        trial = self.study.ask(self.distributions)
        self.asked[trial_id] = trial
        config: dict[str, Any] = {"trial": f"{trial.number:04d}"}
        for path, label in trial.params.items():
            group, knob = path.split(".")
            labels = self.labels[path]
            config.setdefault(group, {})[knob] = labels[label] if labels else label
        return config

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
        state = optuna.trial.TrialState
        if error or not result:
            self.study.tell(trial, state=state.FAIL)
            return
        if trial_id not in self.best or result["epoch"] not in steps(trial):
            trial.report(result[METRIC], step=result["epoch"])
        whole = result["epoch"] >= self.epochs or result["diverged"]
        best = max(result[METRIC], self.best.pop(trial_id, result[METRIC]))
        self.study.tell(trial, best if whole else None, state.COMPLETE if whole else state.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Write everything that the next proposal depends on."""
        Path(checkpoint_path).write_bytes(pickle.dumps(self.__dict__))

    def restore(self, checkpoint_path: str) -> None:
        """Take up where `save` left off; the file is this study's own."""
        self.__dict__ = pickle.loads(Path(checkpoint_path).read_bytes())


def steps(trial: optuna.Trial) -> set[int]:
    """Return the epochs that a trial has told."""
    return set(trial.study.trials[trial.number].intermediate_values)


def labelled(domain: Any) -> dict[Any, Any]:  # noqa: ANN401
    """Return each listed value by what Optuna may call it; nothing if values are not listed."""
    scalar = (bool, int, float, str)
    return {v if isinstance(v, scalar) else str(v): v for v in values(domain) or []}


def distribution(domain: Any, labels: Mapping[Any, Any]) -> Any:  # noqa: ANN401
    """Return Optuna's distribution for Ray's domain."""
    plain = tune.choice(list(labels)) if labels else domain
    return OptunaSearch.convert_search_space({"knob": plain})["knob"]
