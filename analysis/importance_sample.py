"""Trials from which the importance of knobs is computed, compared at the same epoch."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.frames import Frames, Study
from analysis.knob_domains import KnobDomain, find_domain
from analysis.selection import score_epochs
from trainables.errors import InputError

MIN_TRIALS, MIN_TRIALS_PER_KNOB = 10, 5
"""Minimum number of trials, in total and per knob; below it importance is noise."""
REACHED_SHARE = 0.75
"""Share of the trials that must have reached the epoch at which trials are compared."""
VARIANT_COLUMN = "variant"
"""The column that names alternatives, which may be a knob's values by other names."""
MAX_SAMPLE = 200
"""Trials used at most, drawn at random, to limit the time."""


@dataclass(frozen=True)
class Sample:
    """Trials that have the same knobs.

    Attributes:
        study: Their study.
        shared_settings: Settings that these trials share; empty: all trials of the study.
        domains: What each knob was drawn from; at least two.
        ranked_knobs: The knobs to rank.
        values: A row a trial, a column a knob.
        score: The highest robust accuracy of each by `compared_at`.
        compared_at: Epoch at which trials are compared, as text.
    """

    study: str
    shared_settings: str
    domains: dict[str, KnobDomain]
    ranked_knobs: tuple[str, ...]
    values: pd.DataFrame
    score: np.ndarray
    compared_at: str


def collect_samples(frames: Frames) -> list[Sample]:
    """Return the samples of all studies that are large enough.

    Raises:
        InputError: If no study is large enough.
    """
    problems: list[str] = []
    found = [
        each for study in frames.studies.values() for each in split_study(frames, study, problems)
    ]
    if not found:
        raise InputError(problems)
    return found


def split_study(frames: Frames, study: Study, problems: list[str]) -> Iterator[Sample]:
    """Yield the sample of all trials of a study, then samples of trials that have further knobs.

    Args:
        frames: Frames with its trials.
        study: The study.
        problems: Samples that are too small are appended to it.
    """
    rows, moment = score_trials(frames, study)
    varied = select_varying_knobs(rows[list(study.knobs)])
    has = rows[varied].notna()
    shared = [path for path in varied if has[path].all()]
    parts = [("", rows, shared, shared)]
    if len(shared) < len(varied):
        for _, part in rows.groupby(list(has.to_numpy().T)):
            own = [path for path in varied if part[path].nunique() > 1 and part[path].notna().all()]
            alike = [path for path in shared if path not in own]
            among = ", ".join(f"{path}={part[path].iloc[0]}" for path in alike)
            parts.append((among, part, own, [path for path in own if path not in shared]))
    for among, part, paths, ranked in parts:
        if reason := explain_too_few(part, paths, moment):
            if ranked or not among:
                problems.append(f"{study.name}{f', {among}' if among else ''}: {reason}")
        elif ranked:
            part = part.sample(MAX_SAMPLE, random_state=0) if len(part) > MAX_SAMPLE else part
            domains = {
                path: find_domain(path, part[path].tolist(), study.description) for path in paths
            }
            score = part["score"].to_numpy(dtype=float)
            yield Sample(study.name, among, domains, tuple(ranked), part, score, moment)


def explain_too_few(trials: pd.DataFrame, knobs: Sequence[str], compared_at: str) -> str:
    """Return why there are too few trials to rank knobs; an empty string if there are enough."""
    need = max(MIN_TRIALS, MIN_TRIALS_PER_KNOB * len(knobs))
    if len(knobs) < 2:
        return f"{len(knobs)} of their knobs varies in all trials; it takes two to compare them."
    if len(trials) < need:
        return (
            f"ranking {len(knobs)} knobs needs {need} trials, got {len(trials)} that reached "
            f"{compared_at}; write trials={need} or more."
        )
    if trials["score"].nunique() == 1:
        return f"all {len(trials)} trials have the same robust accuracy; no knob matters."
    return ""


def select_varying_knobs(knobs: pd.DataFrame) -> list[str]:
    """Return the knobs that vary, without the variant if another knob is equivalent to it.

    >>> columns = {"variant": ["a", "b"], "optimizer": ["sgd", "adam"], "x": [1, 1]}
    >>> select_varying_knobs(pd.DataFrame(columns))
    ['optimizer']
    """
    varied = [str(path) for path in knobs if knobs[path].nunique() > 1]
    groups = {path: pd.factorize(knobs[path])[0].tolist() for path in varied}
    label = groups.pop(VARIANT_COLUMN, None)
    return list(groups) if label is None or label in groups.values() else varied


def score_trials(frames: Frames, study: Study) -> tuple[pd.DataFrame, str]:
    """Return the trials of a study with `score`, their best up to an epoch, and that epoch."""
    trials = frames.trials[(frames.trials["study"] == study.name)]
    trials = trials[trials["status"] != "failed"].set_index("trial_id")
    epochs = score_epochs(frames)
    epochs = epochs[(epochs["study"] == study.name) & epochs["trial_id"].isin(trials.index)]
    order = epochs.groupby(["level", "epoch"]).ngroup()
    ends = order.groupby(epochs["trial_id"]).max().astype(float)
    over = trials["status"].isin(["completed", "diverged"]) | (
        trials.reindex(columns=["collapsed_at"])["collapsed_at"].fillna(0) > 0
    )
    ends[ends.index.isin(trials.index[over])] = math.inf
    least = np.quantile(ends, 1 - REACHED_SHARE, method="lower") if len(ends) else math.inf
    early = epochs[order <= least]
    score = early.groupby("trial_id")["robust"].max()[ends >= least].rename("score")
    moment = "its end"
    if least < math.inf:
        last = epochs[order == least].iloc[0]
        moment = f"epoch {last['epoch']}" + (
            f" of run {last['level'] + 1}" * bool(epochs["level"].max())
        )
    return trials[list(study.knobs)].join(score.fillna(0.0), how="inner"), moment
