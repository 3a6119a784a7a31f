"""An Optuna sampler that mixes a prior, the best trial and uniform draws, as PriorBand does."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from tuner.searchers.core.config_prior import Component, ConfigPrior
from tuner.searchers.core.density import Density, Value, sample_uniform
from tuner.searchers.core.distributions import VARIANT
from tuner.searchers.core.trial_subset import TrialSubset

Policy = Literal["centre", "prior", "incumbent", "uniform", "model"]
MUTATION_PROBABILITY = 0.5
"""Probability that a knob of the best trial is perturbed (Mallik et al., 2023, appendix)."""


@dataclass(frozen=True)
class PolicyShares:
    """Probabilities of the ways to draw a trial."""

    uniform: float
    prior: float
    incumbent: float


@dataclass(frozen=True)
class Choice:
    """How the knobs of a trial are drawn.

    Attributes:
        policy: The centre of the prior itself, from the prior, around the best trial, uniformly, or
            by the model.
        component: The density of "centre", "prior" and "incumbent".
        kept: Parameters that keep the values of the best trial.
    """

    policy: Policy
    component: Component
    kept: frozenset[str] = frozenset()


UNIFORM = Choice("uniform", Component("", 1.0))


class PriorSampler(optuna.samplers.BaseSampler):
    """Draws one trial of a study; what it draws depends on its seed and the study alone."""

    def __init__(
        self,
        prior: ConfigPrior,
        shortlist: TrialSubset,
        *,
        seed: int,
        number: int,
        eta: int,
        local: float,
        startup: int,
        model: optuna.samplers.BaseSampler,
    ) -> None:
        """Create the sampler of a trial.

        Args:
            prior: Prior of a configuration.
            shortlist: Trials of the study, shared by its samplers.
            seed: Seed of the draws.
            number: Number of the trial.
            eta: Share 1 / eta of the trials that count as good.
            local: Standard deviation around the best trial, as a share of the range.
            startup: Trials that must have ended before the model is used.
            model: Proposes trials in place of uniform draws and those around the best trial.
        """
        self.prior, self.shortlist, self.seed, self.number = prior, shortlist, seed, number
        self.eta, self.local, self.startup, self.model = eta, local, startup, model
        self.choice: Choice | None = None

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # the signature of all samplers
        trial: FrozenTrial,
    ) -> dict[str, BaseDistribution]:
        """Return that no parameters are drawn jointly: given a choice, they are independent."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return no values."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Value:
        """Return the value of a parameter.

        Each has a separate random generator: a trial whose process died between two of them
        gets the same values.
        """
        choice = self.choice = self.choice or self.choose(study)
        if choice.policy == "model":
            proposed: Value = self.model.sample_independent(
                study, trial, param_name, param_distribution
            )
            return proposed
        rng = np.random.default_rng([self.seed, zlib.crc32(param_name.encode())])
        density = choice.component.find(self.prior.label_of(trial.params), param_name)
        if density is None:
            return sample_uniform(param_distribution, rng)
        if choice.policy == "centre" or param_name in choice.kept:
            return density.centre
        return density.sample(param_distribution, rng)

    def choose(self, study: optuna.Study) -> Choice:
        """Return how to draw the trial."""
        rng, components = np.random.default_rng(self.seed), self.prior.components
        if self.number == 0:
            return Choice("centre", components[0])
        if self.number <= self.eta:
            return UNIFORM  # the centre must hold its own before the prior is drawn from
        n_finished, best = self.rank_trials(study)
        shares = self.mix(n_finished, best)
        policy = rng.choice(
            ["uniform", "prior", "incumbent"],
            p=[shares.uniform, shares.prior, shares.incumbent],
        )
        if policy == "prior":
            weights = np.array([each.weight for each in components])
            index = rng.choice(len(components), p=weights / weights.sum())
            return Choice("prior", components[index])
        if n_finished >= self.startup:
            return Choice("model", Component("", 1.0))
        if policy == "incumbent":
            names = sorted(best[0].params)
            changed = rng.random(len(names)) < MUTATION_PROBABILITY
            changed[rng.integers(len(names))] = True
            kept = frozenset(np.array(names)[~changed].tolist())
            return Choice("incumbent", self.around(best[0], perturb=True), kept)
        return UNIFORM

    def rank_trials(self, study: optuna.Study) -> tuple[int, Sequence[FrozenTrial]]:
        """Return the number of trials that have ended, and the best of them, best first."""
        trials = study.get_trials(deepcopy=False)
        if len(study.directions) > 1:
            n_finished = sum(each.state == optuna.trial.TrialState.COMPLETE for each in trials)
            return n_finished, study.best_trials
        self.shortlist.update(trials)
        return len(self.shortlist.finished), [trials[n] for _, n in self.shortlist.best]

    def mix(self, n_finished: int, best: Sequence[FrozenTrial]) -> PolicyShares:
        """Return the probabilities of the ways to draw a trial.

        Args:
            n_finished: Number of trials that have ended.
            best: The best of them, best first.
        """
        rung = math.floor(math.log(1 + n_finished, self.eta) + 1e-9)
        uniform = 1 / (1 + self.eta**rung)
        top = best[: n_finished // self.eta]
        if not top or not top[0].params:
            return PolicyShares(uniform, 1 - uniform, 0.0)
        incumbent = self.around(top[0], perturb=False)
        scores = {"prior": 0.0, "incumbent": 0.0}
        for weight, trial in zip(range(len(top), 0, -1), top, strict=True):
            label = self.prior.label_of(trial.params)
            known = trial.params, trial.distributions
            scores["prior"] += weight * self.prior.value_at(*known)
            scores["incumbent"] += weight * incumbent.value_at(*known, label)
        share = scores["prior"] / (scores["prior"] + scores["incumbent"])
        return PolicyShares(uniform, (1 - uniform) * share, (1 - uniform) * (1 - share))

    def around(self, trial: FrozenTrial, *, perturb: bool) -> Component:
        """Return the density around a trial.

        Args:
            trial: The trial.
            perturb: Whether listed values differ from those of the trial.
        """
        label = self.prior.label_of(trial.params)
        return Component(
            "incumbent",
            1.0,
            {
                ("" if name == VARIANT else label, name): Density(
                    trial.params[name], self.spread_of(distribution, perturb=perturb)
                )
                for name, distribution in trial.distributions.items()
            },
        )

    def spread_of(self, distribution: BaseDistribution, *, perturb: bool) -> float:
        """Return the spread of a parameter around the best trial."""
        if not isinstance(distribution, CategoricalDistribution):
            return self.local
        return 0.0 if perturb else 1 - self.local
