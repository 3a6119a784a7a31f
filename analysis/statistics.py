"""Statistics over seeds: spread, confidence intervals, comparison of two settings."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from analysis.frames import Frames
from analysis.selection import BEST_COLUMN, select_epochs
from trainables.errors import InputError, did_you_mean

CONFIDENCE = 0.95
RESAMPLES = 9_999
MIN_DIFFERENCE = 0.01
"""A difference in accuracy that would matter: one point."""
ROUNDING_ERROR = 1e-12
"""Difference of fractions that rounding alone can cause."""
Verdict = Literal["yes", "no", "not enough seeds"]


@dataclass(frozen=True, kw_only=True)
class SeedComparison:
    """Whether one setting beats another.

    Attributes:
        difference: Mean of the first minus mean of the second, as a fraction.
        low: Lower end of its 95 % interval; nan where seeds have no spread.
        high: Upper end.
        p: Two-sided p-value of the difference.
        n: Number of seeds of the first and of the second.
        is_paired: Whether equal seeds were compared pairwise.
        verdict: "yes" if the interval lies above 0; "no" if it lies below what would matter, so
            that more seeds would not change that; "not enough seeds" otherwise.
    """

    difference: float
    low: float
    high: float
    p: float
    n: tuple[int, int]
    is_paired: bool
    verdict: Verdict


def summarize_seeds(frames: Frames, accuracy: str = BEST_COLUMN) -> pd.DataFrame:
    """Return one row per setting: statistics over its seeds, best first within a study.

    A setting is all knobs but the seed. Stopped and failed trials are left out, since their final
    accuracy is unknown; trials that diverged or collapsed count.

    Args:
        frames: Of studies.
        accuracy: A column of `analysis.selection.select_epochs`.

    Returns:
        `study`, the knobs, `trials` (their numbers), `n`, `mean`, `std` (n - 1 in its denominator;
        missing for one seed), `low` and `high` (the interval of `bootstrap_interval`; missing for
        one seed).
    """
    rows = complete_trials(frames)
    rows = rows[rows[accuracy].notna()]
    setting = ["study", *frames.knobs]
    found = []
    for _, group in rows.groupby(setting, observed=True, dropna=False, sort=False):
        values = group[accuracy].to_numpy()
        low, high = bootstrap_interval(values)
        found.append({
            **group.iloc[0][setting].to_dict(),
            "trials": tuple(group["trial_id"]),
            "n": len(values),
            "mean": values.mean(),
            "std": values.std(ddof=1) if len(values) > 1 else math.nan,
            "low": low,
            "high": high,
        })
    columns = [*setting, "trials", "n", "mean", "std", "low", "high"]
    frame = pd.DataFrame(found, columns=columns)
    studies = frame["study"].map(list(frames.studies).index)
    order = np.lexsort((-frame["mean"].to_numpy(dtype=float), studies.to_numpy(dtype=int)))
    return frame.iloc[order].reset_index(drop=True)


def complete_trials(frames: Frames) -> pd.DataFrame:
    """Return the rows of `select_epochs` of trials that completed, diverged or collapsed."""
    rows = select_epochs(frames)
    collapsed = frames.trials.reindex(columns=["study", "trial_id", "collapsed_at"])
    rows = rows.merge(collapsed, how="left", on=["study", "trial_id"])
    failed_training = (rows["status"] == "diverged") | (rows["collapsed_at"].fillna(0) > 0)
    return rows[(rows["status"] == "completed") | failed_training].drop(columns="collapsed_at")


def bootstrap_interval(values: Sequence[float] | np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean (Efron, 1979).

    Percentiles rather than BCa, whose acceleration is estimated by leaving values out: with the
    three to five seeds of such studies that is noise, and with equal values it is undefined. Of so
    few values it is too short all the same: drawn from a normal distribution, the interval of three
    holds the mean in 75 % of 4,000 cases, of five in 83 %, of ten in 90 %. `compare_seeds` takes
    Student's t instead.

    Args:
        values: Accuracies, one a seed. Fewer than two have no interval.
        seed: Of the resampling.
    """
    if len(values) < 2:
        return math.nan, math.nan
    found = stats.bootstrap(
        (np.asarray(values, dtype=float),),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def wilson_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy measured on some images (Wilson, 1927).

    It covers the sampling of images only, for a fixed network; variation over seeds is extra.

    Args:
        accuracy: A fraction in [0, 1].
        images: Number of images.
    """
    test = stats.binomtest(round(accuracy * images), images)
    interval = test.proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def compare_seeds(
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    *,
    paired: bool = False,
    min_difference: float = MIN_DIFFERENCE,
) -> SeedComparison:
    """Return whether `a` beats `b` by more than the noise.

    Matching seeds are compared pairwise with Student's t test, others with Welch's, which does not
    assume equal variances. (A permutation test of three seeds against three can give
    no p below 0.1.) Without any spread over seeds the noise is unknown.

    Args:
        a: Accuracies of one setting, one a seed.
        b: Accuracies of the other.
        paired: Whether both have the same seeds, in the same order.
        min_difference: The least difference that would matter, a fraction.

    Raises:
        ValueError: If pairs are asked for, and there are not as many of one as of the other.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if paired and len(first) != len(second):
        raise ValueError(f"pairs need as many of both, got {len(first)} and {len(second)}")
    n = (len(first), len(second))
    difference = float(first.mean() - second.mean()) if min(n) else math.nan
    noise = [first - second] if paired else [first, second]
    if min(n) < 2 or max(np.ptp(each) for each in noise) < ROUNDING_ERROR:
        unknown = {"low": math.nan, "high": math.nan, "p": math.nan}
        verdict: Verdict = "not enough seeds"
        return SeedComparison(
            difference=difference, n=n, is_paired=paired, verdict=verdict, **unknown
        )
    with warnings.catch_warnings():
        # seeds of one setting have equal values; the other's spread is the noise then
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        test = (
            stats.ttest_rel(first, second)
            if paired
            else stats.ttest_ind(first, second, equal_var=False)
        )
    interval = test.confidence_interval(CONFIDENCE)
    low, high = float(interval.low), float(interval.high)
    return SeedComparison(
        difference=difference,
        low=low,
        high=high,
        p=float(test.pvalue),
        n=n,
        is_paired=paired,
        verdict="yes" if low > 0 else "no" if high < min_difference else "not enough seeds",
    )


def compare_settings(
    frames: Frames,
    knob: str,
    a: object,
    b: object,
    *,
    accuracy: str = BEST_COLUMN,
    min_difference: float = MIN_DIFFERENCE,
) -> SeedComparison:
    """Return whether a value of a knob beats another by more than the noise.

    Trials that are alike in study, seed and all other knobs make pairs, and if there are two pairs,
    they are what is compared. Else, in the studies that tried both values, all trials with the one
    are compared with all with the other, which is fair only if the other knobs were drawn alike for
    both, as random search and grids do and adaptive searchers do not.

    Args:
        frames: Of studies.
        knob: A column of their trials.
        a: The value that may be better.
        b: The other value.
        accuracy: A column of `analysis.selection.select_epochs`.
        min_difference: The least difference that would matter, a fraction.

    Raises:
        InputError: If there is no such knob, or no trial has such a value.
    """
    if knob not in frames.knobs:
        known = ", ".join(frames.knobs)
        raise InputError([
            f"{knob}: no such knob.{did_you_mean(knob, frames.knobs)} There are: {known}."
        ])
    rows = complete_trials(frames)
    rows = rows[rows[accuracy].notna()]
    sides = [rows[rows[knob].map(partial(is_same_value, value))] for value in (a, b)]
    if missing := [value for value, side in zip((a, b), sides, strict=True) if side.empty]:
        there = ", ".join(str(value) for value in sorted(rows[knob].dropna().unique(), key=str))
        raise InputError([
            f"{knob}: no trial that ran to its end has {each}; there are: {there}."
            for each in missing
        ])
    others = ["study", "seed", *(path for path in frames.knobs if path != knob)]
    first, second = (side.drop_duplicates(others)[[*others, accuracy]] for side in sides)
    pairs = first.merge(second, on=others, suffixes=("_a", "_b"))
    if len(pairs) > 1:
        both = (pairs[f"{accuracy}_{side}"].to_numpy() for side in "ab")
        return compare_seeds(*both, paired=True, min_difference=min_difference)
    tried = set(sides[0]["study"]) & set(sides[1]["study"]) or set(frames.studies)
    values = (side.loc[side["study"].isin(tried), accuracy].to_numpy() for side in sides)
    return compare_seeds(*values, min_difference=min_difference)


def is_same_value(one: object, other: object) -> bool:
    """Return whether two values of a knob are the same, but for rounding."""
    if isinstance(one, Real) and isinstance(other, Real):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other or str(one) == str(other)
