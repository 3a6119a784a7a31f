"""Our numbers of a trial, by the names of the papers' metrics."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.tables.metrics import METRICS, Metric, parse_attacks

SELECTED_RULE = "best_validation_robust"
REQUIRED_COLUMNS = {
    "rule",
    "norm",
    "eps",
    "n",
    "clean_accuracy",
    "robust_accuracy",
    "alone",
    "after",
}
"""Columns without which rows of an evaluation cannot be compared."""
CLEAN, ROBUST = "val_clean_accuracy", "val_robust_accuracy"


@dataclass(frozen=True)
class TrialResults:
    """Results of a trial.

    Attributes:
        numbers: By metric: fractions, errors too; minutes where the metric is of training.
        images: Test images that the numbers are of.
        other_attacks: By metric, the other attacks that share in the worst case that it is of.
        validation: Accuracies at the selected epoch, as fractions, by their columns in `trials`.
    """

    numbers: Mapping[str, float]
    images: frozenset[int]
    other_attacks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)


def collect_results(
    trial: Mapping[str, Any], evaluation: pd.DataFrame | None, config: Mapping[str, Any]
) -> TrialResults:
    """Return the results of a trial.

    Args:
        trial: Its row of `trials`.
        evaluation: Its rows, if there are any.
        config: Its configuration; what was attacked in another threat than its own is left out.
    """
    numbers: dict[str, float] = {}
    images: set[int] = set()
    worst: dict[str, frozenset[str]] = {}
    rows = [] if evaluation is None else list(select_evaluation_rows(evaluation, config))
    for name, metric in METRICS.items():
        if metric.is_training_cost:
            if trial.get("epochs") and trial.get("seconds"):
                numbers[name] = trial["seconds"] / trial["epochs"] / 60
        elif found := find_closest_row(rows, metric):
            accuracy = found["robust_accuracy" if metric.attacks else "clean_accuracy"]
            numbers[name] = 1 - accuracy if metric.is_error else accuracy
            images.add(int(found["n"]))
            exact = not metric.attacks or (found["alone"] and len(metric.attacks) == 1)
            worst[name] = frozenset() if exact else worst_case_attacks(found) - metric.attacks
    validation = {name: float(trial.get(name, math.nan)) for name in (CLEAN, ROBUST)}
    return TrialResults(numbers, frozenset(images), worst, validation)


def select_evaluation_rows(
    evaluation: pd.DataFrame, config: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the checkpoint that validation chose, under its own threat, last first."""
    if not set(evaluation.columns) >= REQUIRED_COLUMNS:
        return
    radius = config.get("threat.eps", math.nan)
    for row in reversed(evaluation.to_dict("records")):
        threat = row["norm"] == config.get("threat.name") and math.isclose(row["eps"], radius)
        if threat and row["rule"] == SELECTED_RULE:
            yield {str(key): value for key, value in row.items()}


def find_closest_row(rows: Sequence[Mapping[str, Any]], metric: Metric) -> Mapping[str, Any] | None:
    """Return the row that is closest to what a paper measured.

    The attacks are among those behind it; of several such rows the one of the most images, then of
    the fewest other attacks, then the last.
    """
    fit = [row for row in rows if metric.attacks <= worst_case_attacks(row)]
    if not metric.attacks:
        return max(fit, key=lambda row: row["n"], default=None)
    return max(fit, key=lambda row: (row["n"], -len(worst_case_attacks(row))), default=None)


def worst_case_attacks(row: Mapping[str, Any]) -> frozenset[str]:
    """Return the attacks of which a row is the worst case."""
    return parse_attacks(f"{row['after']},{row['attack']}")
