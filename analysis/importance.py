"""Importance of knobs, and of pairs of knobs, for robust accuracy."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from analysis import interactions
from analysis.frames import Frames
from analysis.importance_sample import Sample, collect_samples
from analysis.knob_domains import KnobDomain

N_FORESTS, N_TREES = 5, 16
"""Forests, whose disagreement says how far to trust them, and trees in each."""
TOP_SHARE = 0.1
"""Share of the trials that PED-ANOVA calls good; at least five."""
SAMPLE_KEYS = ["study", "among"]


def compute_importances(frames: Frames) -> pd.DataFrame:
    """Return one row per study and knob: its share of the variance of robust accuracy.

    fANOVA (Hutter et al., 2014) by Optuna: of a random forest's variance over the range that was
    searched, on the scale on which it was searched, the share that the knob explains alone, all
    knobs of a study being 1 together. Beside it PED-ANOVA (arXiv:2304.10255): how far the best
    tenth of the trials lies from the others. Where trials were stopped early, all are compared at
    the last epoch that three quarters of them reached. A knob that only some trials have is ranked
    among those.

    Returns:
        `study`, `among` (empty, or what these trials have in common), `knob`, `importance`
        (mean over five forests), `std` over them, `ped_anova`, `n` trials, `compared_at`; the most
        important first.

    Raises:
        InputError: If no study has enough trials, with what each lacks.
    """
    rows = [row for sample in collect_samples(frames) for row in rank_knobs(sample)]
    return pd.DataFrame(rows)


def compute_interactions(frames: Frames) -> pd.DataFrame:
    """Return one row per pair of knobs: how far their joint effect is from the sum of both.

    A Gaussian process with one length scale per knob is fitted to the trials that
    `compute_importances` compares. `h` is Friedman and Popescu's H squared of its partial
    dependences (arXiv:0811.1679, equation 44): the share of the joint effect that is not additive,
    0 for knobs that may be tuned one after the other. `effect` is the standard deviation of that
    part over the trials, as a fraction of accuracy. A large share of a small effect is negligible.

    Returns:
        `study`, `among`, `knob`, `other`, `h`, `effect`, `n`, `compared_at`; the largest effect
        first.

    Raises:
        InputError: If no study has enough trials, with what each lacks.
    """
    rows = [row for sample in collect_samples(frames) for row in measure_pairs(sample)]
    columns = [*SAMPLE_KEYS, "knob", "other", "h", "effect", "n", "compared_at"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        [*SAMPLE_KEYS, "effect"], ascending=[True, True, False], ignore_index=True
    )


def rank_knobs(sample: Sample) -> list[dict[str, Any]]:
    """Return the rows of `compute_importances` for one sample."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ordered = build_optuna_study(sample, order_words(sample))
    forests = [
        FanovaImportanceEvaluator(n_trees=N_TREES, seed=seed).evaluate(
            ordered, list(sample.domains)
        )
        for seed in range(N_FORESTS)
    ]
    n = len(sample.score)
    best = PedAnovaImportanceEvaluator(target_quantile=min(0.5, max(TOP_SHARE, 5 / n)))
    unordered = build_optuna_study(sample, {})
    divergence = optuna.importance.get_param_importances(unordered, evaluator=best)
    rows = []
    for knob in sample.ranked_knobs:
        shares = [forest[knob] / (sum(forest.values()) or 1.0) for forest in forests]
        rows.append({
            "study": sample.study,
            "among": sample.shared_settings,
            "knob": knob,
            "importance": float(np.mean(shares)),
            "std": float(np.std(shares, ddof=1)),
            "ped_anova": divergence[knob],
            "n": n,
            "compared_at": sample.compared_at,
        })
    return sorted(rows, key=lambda row: -float(row["importance"]))


def order_words(sample: Sample) -> dict[str, KnobDomain]:
    """Return the domains of knobs with choices, words in the order of their mean score."""
    return {
        knob: domain if domain.is_ordered else domain.order_by(sample.values[knob], sample.score)
        for knob, domain in sample.domains.items()
        if domain.values
    }


def build_optuna_study(sample: Sample, ordered: Mapping[str, KnobDomain]) -> optuna.Study:
    """Return trials as an Optuna study, each knob on the scale on which it was sampled.

    For a range with a log scale Optuna's forests see the plain numbers, where most of the range is
    its uppermost decade.

    Args:
        sample: The trials.
        ordered: Domains whose values are ordered; those of other choices are categories.
    """
    study = optuna.create_study(direction="maximize")
    domains = {**sample.domains, **ordered}
    ranges = {
        knob: build_distribution(domain, is_ordered=knob in ordered)
        for knob, domain in domains.items()
    }
    positions = {knob: domain.positions(sample.values[knob]) for knob, domain in domains.items()}
    for number, score in enumerate(sample.score):
        params = {knob: column[number].item() for knob, column in positions.items()}
        trial = optuna.create_trial(params=params, distributions=ranges, value=float(score))
        study.add_trial(trial)
    return study


def build_distribution(domain: KnobDomain, *, is_ordered: bool) -> BaseDistribution:
    """Return the Optuna distribution of the positions in a domain."""
    if not domain.values:
        return FloatDistribution(0, 1)
    if is_ordered:
        return IntDistribution(0, len(domain.values) - 1)
    return CategoricalDistribution([float(index) for index in range(len(domain.values))])


def measure_pairs(sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the rows of `compute_interactions` for one sample."""
    inputs = {knob: each.encode(sample.values[knob]) for knob, each in sample.domains.items()}
    x = np.hstack(list(inputs.values()))
    ends = np.cumsum([0, *(part.shape[1] for part in inputs.values())])
    columns = {k: list(range(a, b)) for k, a, b in zip(inputs, ends, ends[1:], strict=False)}
    score = sample.score
    process = interactions.fit_gaussian_process(x, (score - score.mean()) / score.std())
    alone = {
        knob: interactions.compute_partial_dependence(process, x, columns[knob]) for knob in columns
    }
    for one, other in itertools.combinations(columns, 2):
        if {one, other} & set(sample.ranked_knobs):
            joint = interactions.compute_partial_dependence(
                process, x, columns[one] + columns[other]
            )
            excess = joint - alone[one] - alone[other]
            yield {
                "study": sample.study,
                "among": sample.shared_settings,
                "knob": one,
                "other": other,
                "h": interactions.h_statistic(joint, alone[one], alone[other]),
                "effect": float(excess.std() * score.std()),
                "n": len(score),
                "compared_at": sample.compared_at,
            }
