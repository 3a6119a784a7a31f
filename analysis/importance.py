"""Which knobs robust accuracy hangs on, and which pairs of them."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from analysis import additivity
from analysis.domains import Domain, domain
from analysis.frames import Frames, Study
from analysis.selection import judged
from trainables.problems import InputError

SEEDS, TREES = 5, 16
"""Forests, whose disagreement says how far to trust them, and trees in each."""
LEAST, PER_KNOB = 10, 5
"""Trials below which importance is noise: so many, and so many a knob."""
REACHED = 0.75
"""Share of the trials that must have come as far as where they are compared."""
TOP = 0.1
"""Share of the trials that PED-ANOVA calls good; at least five."""
PLACE = ["study", "among"]
VARIANT = "variant"
"""The column that names alternatives, which may be a knob's values by other names."""
MOST = 200
"""Trials that are looked at; of more, so many drawn at random, for the time it takes."""


@dataclass(frozen=True)
class Sample:
    """Trials that have the same knobs.

    Attributes:
        study: Their study.
        among: What they have in common, if they are not all trials of it.
        domains: What each knob was drawn from; at least two.
        asked: The knobs that it is to rank.
        values: A row a trial, a column a knob.
        score: The highest robust accuracy of each by `moment`.
        moment: Where trials are compared, in words.
    """

    study: str
    among: str
    domains: dict[str, Domain]
    asked: tuple[str, ...]
    values: pd.DataFrame
    score: np.ndarray
    moment: str


def importances(frames: Frames) -> pd.DataFrame:
    """Return a row a study and knob: its share of the variance of robust accuracy.

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
        InputError: If no study has trials enough, with what each lacks.
    """
    rows = [row for sample in known(frames) for row in ranked(sample)]
    return pd.DataFrame(rows)


def interactions(frames: Frames) -> pd.DataFrame:
    """Return a row a pair of knobs: how much more their joint effect is than the sum of both.

    A Gaussian process with a length a knob is fitted to the trials that `importances` compares;
    `h` is Friedman and Popescu's H squared of its partial dependences (arXiv:0811.1679, equation
    44), the share of the joint effect that is no sum: 0 for knobs that may be tuned one after the
    other. `effect` is that part's standard deviation over the trials, as a fraction: the accuracy
    that is at stake. A large share of a small effect is nothing.

    Returns:
        `study`, `among`, `knob`, `other`, `h`, `effect`, `n`, `compared_at`; the largest effect
        first.

    Raises:
        InputError: If no study has trials enough, with what each lacks.
    """
    rows = [row for sample in known(frames) for row in pairs(sample)]
    columns = [*PLACE, "knob", "other", "h", "effect", "n", "compared_at"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        [*PLACE, "effect"], ascending=[True, True, False], ignore_index=True
    )


def known(frames: Frames) -> list[Sample]:
    """Return the samples of all studies that are large enough.

    Raises:
        InputError: If none is.
    """
    problems: list[str] = []
    found = [each for study in frames.studies.values() for each in samples(frames, study, problems)]
    if not found:
        raise InputError(problems)
    return found


def samples(frames: Frames, study: Study, problems: list[str]) -> Iterator[Sample]:
    """Yield the trials of a study, then those that have knobs which others lack.

    Args:
        frames: With its trials.
        study: Which.
        problems: Where to say which are too few.
    """
    rows, moment = compared(frames, study)
    varied = telling(rows[list(study.knobs)])
    has = rows[varied].notna()
    shared = [path for path in varied if has[path].all()]
    parts = [("", rows, shared, shared)]
    if len(shared) < len(varied):
        for _, part in rows.groupby(list(has.to_numpy().T)):
            own = [path for path in varied if part[path].nunique() > 1 and part[path].notna().all()]
            alike = [path for path in shared if path not in own]
            among = ", ".join(f"{path}={part[path].iloc[0]}" for path in alike)
            parts.append((among, part, own, [path for path in own if path not in shared]))
    for among, part, paths, asked in parts:
        if reason := lacking(part, paths, moment):
            if asked or not among:
                problems.append(f"{study.name}{f', {among}' if among else ''}: {reason}")
        elif asked:
            part = part.sample(MOST, random_state=0) if len(part) > MOST else part
            domains = {path: domain(path, part[path].tolist(), study.said) for path in paths}
            score = part["score"].to_numpy(dtype=float)
            yield Sample(study.name, among, domains, tuple(asked), part, score, moment)


def lacking(trials: pd.DataFrame, knobs: Sequence[str], moment: str) -> str:
    """Return why trials cannot tell which of their knobs matter; nothing if they can."""
    need = max(LEAST, PER_KNOB * len(knobs))
    if len(knobs) < 2:
        return f"{len(knobs)} of their knobs varies in all trials; it takes two to compare them."
    if len(trials) < need:
        return (
            f"to tell which of {len(knobs)} knobs matter takes {need} trials, got {len(trials)} "
            f"that came to {moment}; write trials={need} or more."
        )
    if trials["score"].nunique() == 1:
        return f"all {len(trials)} trials came to the same robust accuracy; no knob matters."
    return ""


def telling(knobs: pd.DataFrame) -> list[str]:
    """Return the knobs that vary, without the variant's label where one of them says the same.

    >>> telling(pd.DataFrame({"variant": ["a", "b"], "optimizer": ["sgd", "adam"], "x": [1, 1]}))
    ['optimizer']
    """
    varied = [str(path) for path in knobs if knobs[path].nunique() > 1]
    groups = {path: pd.factorize(knobs[path])[0].tolist() for path in varied}
    label = groups.pop(VARIANT, None)
    return list(groups) if label is None or label in groups.values() else varied


def compared(frames: Frames, study: Study) -> tuple[pd.DataFrame, str]:
    """Return the trials of a study with `score`, their best where they are compared, and where."""
    trials = frames.trials[(frames.trials["study"] == study.name)]
    trials = trials[trials["status"] != "failed"].set_index("trial_id")
    epochs = judged(frames)
    epochs = epochs[(epochs["study"] == study.name) & epochs["trial_id"].isin(trials.index)]
    order = epochs.groupby(["level", "epoch"]).ngroup()
    ends = order.groupby(epochs["trial_id"]).max().astype(float)
    over = trials["status"].isin(["completed", "diverged"]) | (
        trials.reindex(columns=["collapsed_at"])["collapsed_at"].fillna(0) > 0
    )
    ends[ends.index.isin(trials.index[over])] = math.inf
    least = np.quantile(ends, 1 - REACHED, method="lower") if len(ends) else math.inf
    early = epochs[order <= least]
    score = early.groupby("trial_id")["robust"].max()[ends >= least].rename("score")
    moment = "its end"
    if least < math.inf:
        last = epochs[order == least].iloc[0]
        moment = f"epoch {last['epoch']}" + (
            f" of run {last['level'] + 1}" * bool(epochs["level"].max())
        )
    return trials[list(study.knobs)].join(score.fillna(0.0), how="inner"), moment


def ranked(sample: Sample) -> list[dict[str, Any]]:
    """Return the rows of `importances` for one sample."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = as_study(sample)
    forests = [
        FanovaImportanceEvaluator(n_trees=TREES, seed=seed).evaluate(study, list(sample.domains))
        for seed in range(SEEDS)
    ]
    n = len(sample.score)
    best = PedAnovaImportanceEvaluator(target_quantile=min(0.5, max(TOP, 5 / n)))
    divergence = optuna.importance.get_param_importances(study, evaluator=best)
    rows = []
    for knob in sample.asked:
        shares = [forest[knob] / (sum(forest.values()) or 1.0) for forest in forests]
        rows.append({
            "study": sample.study,
            "among": sample.among,
            "knob": knob,
            "importance": float(np.mean(shares)),
            "std": float(np.std(shares, ddof=1)),
            "ped_anova": divergence[knob],
            "n": n,
            "compared_at": sample.moment,
        })
    return sorted(rows, key=lambda row: -float(row["importance"]))


def as_study(sample: Sample) -> optuna.Study:
    """Return trials as a study of Optuna's, each knob on the scale on which it was drawn.

    For a range with a log scale Optuna's forests see the plain numbers, where most of the range is
    its uppermost decade.
    """
    study = optuna.create_study(direction="maximize")
    ranges = {knob: distribution(each) for knob, each in sample.domains.items()}
    places = {knob: each.places(sample.values[knob]) for knob, each in sample.domains.items()}
    for number, score in enumerate(sample.score):
        params = {knob: column[number].item() for knob, column in places.items()}
        trial = optuna.create_trial(params=params, distributions=ranges, value=float(score))
        study.add_trial(trial)
    return study


def distribution(found: Domain) -> BaseDistribution:
    """Return what Optuna would have drawn the places of a domain from."""
    if found.values:
        return CategoricalDistribution([float(place) for place in range(len(found.values))])
    return FloatDistribution(0, 1)


def pairs(sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the rows of `interactions` for one sample."""
    inputs = {knob: each.inputs(sample.values[knob]) for knob, each in sample.domains.items()}
    x = np.hstack(list(inputs.values()))
    ends = np.cumsum([0, *(part.shape[1] for part in inputs.values())])
    columns = {k: list(range(a, b)) for k, a, b in zip(inputs, ends, ends[1:], strict=False)}
    score = sample.score
    process = additivity.fitted(x, (score - score.mean()) / score.std())
    alone = {knob: additivity.effect(process, x, columns[knob]) for knob in columns}
    for one, other in itertools.combinations(columns, 2):
        if {one, other} & set(sample.asked):
            joint = additivity.effect(process, x, columns[one] + columns[other])
            excess = joint - alone[one] - alone[other]
            yield {
                "study": sample.study,
                "among": sample.among,
                "knob": one,
                "other": other,
                "h": additivity.h_statistic(joint, alone[one], alone[other]),
                "effect": float(excess.std() * score.std()),
                "n": len(score),
                "compared_at": sample.moment,
            }
