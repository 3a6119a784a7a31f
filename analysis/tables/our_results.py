"""Our numbers of a trial, by the names of the papers' metrics."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass(frozen=True, kw_only=True)
class EvaluationRow:
    """A row of an evaluation.

    Attributes:
        n: Number of images.
        clean_accuracy: Accuracy without an attack.
        robust_accuracy: Accuracy in the worst case of `attacks`.
        is_alone: Whether its attack was not preceded by others.
        attacks: The attacks of which it is the worst case.
    """

    n: int
    clean_accuracy: float
    robust_accuracy: float
    is_alone: bool
    attacks: frozenset[str]


def collect_results(
    trial: Mapping[str, object], evaluation: pd.DataFrame | None, config: Mapping[str, object]
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
    epochs, seconds = read_number(trial, "epochs"), read_number(trial, "seconds")
    for name, metric in METRICS.items():
        if metric.is_training_cost:
            if epochs > 0 and seconds > 0:
                numbers[name] = seconds / epochs / 60
        elif found := find_closest_row(rows, metric):
            accuracy = found.robust_accuracy if metric.attacks else found.clean_accuracy
            numbers[name] = 1 - accuracy if metric.is_error else accuracy
            images.add(found.n)
            exact = not metric.attacks or (found.is_alone and len(metric.attacks) == 1)
            worst[name] = frozenset() if exact else found.attacks - metric.attacks
    validation = {name: read_number(trial, name) for name in (CLEAN, ROBUST)}
    return TrialResults(numbers, frozenset(images), worst, validation)


def read_number(values: Mapping[str, object], key: str) -> float:
    """Return a number of a row or a configuration; nan where it has none."""
    value = values.get(key)
    return float(value) if isinstance(value, int | float) else math.nan


def select_evaluation_rows(
    evaluation: pd.DataFrame, config: Mapping[str, object]
) -> Iterator[EvaluationRow]:
    """Yield the rows of the checkpoint that validation chose, under its own threat, last first."""
    if not set(evaluation.columns) >= REQUIRED_COLUMNS:
        return
    radius = read_number(config, "threat.eps")
    for row in reversed(evaluation.to_dict("records")):
        threat = row["norm"] == config.get("threat.name") and math.isclose(row["eps"], radius)
        if threat and row["rule"] == SELECTED_RULE:
            yield EvaluationRow(
                n=int(row["n"]),
                clean_accuracy=row["clean_accuracy"],
                robust_accuracy=row["robust_accuracy"],
                is_alone=bool(row["alone"]),
                attacks=parse_attacks(f"{row['after']},{row['attack']}"),
            )


def find_closest_row(rows: Sequence[EvaluationRow], metric: Metric) -> EvaluationRow | None:
    """Return the row that is closest to what a paper measured.

    The attacks are among those behind it; of several such rows the one of the most images, then of
    the fewest other attacks, then the last.
    """
    fit = [row for row in rows if metric.attacks <= row.attacks]
    if not metric.attacks:
        return max(fit, key=lambda row: row.n, default=None)
    return max(fit, key=lambda row: (row.n, -len(row.attacks)), default=None)
