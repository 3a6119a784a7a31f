"""What the long run of a trial will reach, from its short run and the trials that had both.

A Gaussian process over knobs and fidelity, as in multi-fidelity Bayesian optimisation (Mendes et
al., 2023, arXiv:2304.02497). Its few hyper-parameters are averaged over fixed hypotheses, weighted
by their marginal likelihood, instead of being fitted: with few pairs the prediction stays close to
the short run, and the same runs always give the same prediction.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from tuner.schedulers.core.bias_hypotheses import (
    Hypothesis,
    Matrix,
    Points,
    Vector,
    list_hypotheses,
)

MIN_WEIGHT = 1e-3
"""Posterior probability below which a hypothesis is left out of predictions."""


@dataclass(frozen=True)
class Runs:
    """The results of trials that had a short run.

    Attributes:
        knobs: Positions of the knobs in their ranges, from 0 to 1, (N, K).
        short: Accuracy of the short run of each trial, (N,).
        long: That of the long run, (N,); NaN: unknown.
    """

    knobs: Matrix
    short: Vector
    long: Vector

    def to_points(self) -> Points:
        """Return all short runs, then the long runs that are known."""
        paired = np.flatnonzero(~np.isnan(self.long))
        rows = np.concatenate([np.arange(len(self.short)), paired])
        is_long = np.arange(len(rows)) >= len(self.short)
        return Points(self.knobs[rows], rows, is_long)


@dataclass(frozen=True)
class Prediction:
    """What long runs are expected to reach.

    Attributes:
        mean: Expected accuracy of each, (N,).
        std: Its standard deviation, (N,).
    """

    mean: Vector
    std: Vector


@dataclass(frozen=True)
class Fit:
    """A hypothesis, given the runs."""

    hypothesis: Hypothesis
    points: Points
    factor: tuple[Matrix, bool]
    solved: Vector
    log_evidence: float

    def predict_known(self, runs: Runs) -> tuple[Vector, Vector]:
        """Return mean and variance of the long runs of the fitted trials, (N,)."""
        number = len(runs.short)
        long = Points(runs.knobs, np.arange(number), np.ones(number, dtype=bool))
        across = self.hypothesis.covariance(long, self.points)
        own = self.hypothesis.trial_covariance(runs.knobs, one_long=True, other_long=True)
        return across @ self.solved, own - self.reduction(across, across)

    def predict_new(self, knobs: Matrix, short: Vector) -> tuple[Vector, Vector]:
        """Return mean and variance of the long runs of other trials, given their short ones."""
        trials = np.full(len(knobs), -1)
        across_short, across_long = (
            self.hypothesis.covariance(
                Points(knobs, trials, np.full(len(knobs), is_long)), self.points
            )
            for is_long in (False, True)
        )
        prior = self.hypothesis.trial_covariance
        own_short = prior(knobs, one_long=False, other_long=False) - self.reduction(
            across_short, across_short
        )
        both = prior(knobs, one_long=False, other_long=True) - self.reduction(
            across_short, across_long
        )
        own_long = prior(knobs, one_long=True, other_long=True) - self.reduction(
            across_long, across_long
        )
        gain = both / (own_short + self.hypothesis.noise)
        mean = across_long @ self.solved + gain * (short - across_short @ self.solved)
        return mean, own_long - gain * both

    def reduction(self, one: Matrix, other: Matrix) -> Vector:
        """Return by how much the runs reduce covariances, from those with the runs (N, M), (N,)."""
        reduced: Vector = np.einsum("ij,ji->i", one, cho_solve(self.factor, other.T))
        return reduced


class LongRunModel:
    """Predicts long runs.

    Attributes:
        unrelated: Probability that short runs say nothing about long ones.
    """

    def __init__(self, runs: Runs) -> None:
        """Fit the model.

        Args:
            runs: Results; some trials have a long run.
        """
        self.runs = runs
        self.centre, self.scale = float(runs.short.mean()), float(runs.short.std()) or 1.0
        points = runs.to_points()
        values = np.concatenate([runs.short, runs.long[~np.isnan(runs.long)]])
        fits = [fit(each, points, self.scaled(values)) for each in list_hypotheses()]
        logs = np.array([each.log_evidence + math.log(each.hypothesis.weight) for each in fits])
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        self.unrelated = float(
            sum(w for w, each in zip(weights, fits, strict=True) if not each.hypothesis.related)
        )
        kept = weights >= MIN_WEIGHT
        self.fits = [each for each, keep in zip(fits, kept, strict=True) if keep]
        self.weights = weights[kept] / weights[kept].sum()

    def scaled(self, values: Vector) -> Vector:
        """Return accuracies in units of the spread of short runs."""
        return (values - self.centre) / self.scale

    def predict_known(self) -> Prediction:
        """Return what the long runs of the fitted trials reach, given all their runs, (N,)."""
        return self.mix([each.predict_known(self.runs) for each in self.fits])

    def predict_new(self, knobs: Matrix, short: Vector) -> Prediction:
        """Return what the long runs of other trials reach.

        Args:
            knobs: Positions of their knobs, (N, K).
            short: Accuracies of their short runs, (N,).
        """
        return self.mix([each.predict_new(knobs, self.scaled(short)) for each in self.fits])

    def mix(self, predicted: list[tuple[Vector, Vector]]) -> Prediction:
        """Return the prediction over all hypotheses, as accuracies.

        Args:
            predicted: Mean and variance by each.
        """
        means, variances = (np.stack(each) for each in zip(*predicted, strict=True))
        mean = self.weights @ means
        variance = self.weights @ (np.maximum(variances, 0) + np.square(means - mean))
        return Prediction(self.centre + self.scale * mean, self.scale * np.sqrt(variance))


def fit(hypothesis: Hypothesis, points: Points, values: Vector) -> Fit:
    """Return a hypothesis given runs with these accuracies (N,)."""
    noise = np.diag(hypothesis.noise_variances(points))
    factor = cho_factor(hypothesis.covariance(points, points) + noise, lower=True)
    solved = cho_solve(factor, values)
    log_evidence = -values @ solved / 2 - np.log(np.diag(factor[0])).sum()
    return Fit(hypothesis, points, factor, solved, float(log_evidence))
