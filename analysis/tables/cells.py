"""Our cells of a table: a setting, and the results of its seeds."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.frames import Frames, Study
from analysis.tables.matching import find_published
from analysis.tables.metrics import METRICS
from analysis.tables.our_results import CLEAN, ROBUST, TrialResults, collect_results
from analysis.tables.papers import PaperTable
from analysis.tables.runs import (
    count_epochs,
    find_variant,
    label_setting,
    read_config,
    read_variants,
    select_finished,
)
from tuner.storage.search_yaml import VariantSection

LEADING_NUMBER = re.compile(r"-?\d+(\.\d+)?")
"""The number in front of a printed deviation."""


@dataclass
class Cell:
    """A setting.

    Attributes:
        label: Unique label.
        published: The paper's numbers of it, as printed, by metric.
        sources: Tables that they stand in, if these are not the study's own.
        results: Results by seed.
    """

    label: str
    published: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[PaperTable, ...] = ()
    results: dict[int, TrialResults] = field(default_factory=dict)

    def test_values(self, metric: str) -> dict[int, float]:
        """Return our numbers on the test split, or of the cost of training, by seed."""
        return {
            seed: found.numbers[metric]
            for seed, found in self.results.items()
            if metric in found.numbers
        }

    def validation_values(self, metric: str) -> dict[int, float]:
        """Return the validation accuracies at the selected epoch that are nearest, by seed."""
        column = CLEAN if metric.startswith("clean") else ROBUST
        each = {seed: found.validation[column] for seed, found in self.results.items()}
        return {seed: value for seed, value in each.items() if not math.isnan(value)}


@dataclass(frozen=True)
class TableCells:
    """The cells of studies that are one table.

    Attributes:
        by_label: By label.
        skip_reasons: Trials that do not count, counted by why.
    """

    by_label: Mapping[str, Cell]
    skip_reasons: tuple[str, ...]


def build_cells(frames: Frames, studies: Sequence[Study]) -> TableCells:
    """Return the cells of studies that are runs of the same table with other seeds."""
    found: dict[str, Cell] = {
        name: Cell(name, read_published(variant))
        for name, variant in read_variants(studies[0]).items()
        if name and not variant["searched"]
    }
    left: list[str] = []
    for study in studies:
        trials, others = select_finished(frames.trials[frames.trials["study"] == study.name])
        left += others
        evaluation = frames.evaluation[frames.evaluation["study"] == study.name]
        attacked = dict(list(evaluation.groupby("trial_id", sort=False)))
        for row in trials.to_dict("records"):
            # a column of another study is missing here
            trial: dict[str, object] = {
                str(key): value for key, value in row.items() if not pd.isna(value)
            }
            about = read_config(study, trial)
            name = label_setting(study, trial)
            cell = found[name] if name in found else build_cell(study, trial, about)
            found[name] = cell
            seed = int(row["seed"]) if "seed" in trial else 0
            if seed in cell.results:
                left.append("1 with a setting and a seed that are there already")
            else:
                cell.results[seed] = collect_results(trial, attacked.get(row["trial_id"]), about)
    return TableCells(found, tuple(left))


def build_cell(study: Study, trial: Mapping[str, object], about: Mapping[str, object]) -> Cell:
    """Return the cell of a trial with its published numbers, still without results."""
    name = label_setting(study, trial)
    if published := read_published(find_variant(study, trial)):
        return Cell(name, published)
    numbers, sources = find_published(about, count_epochs(study))
    return Cell(name, numbers, tuple(sources))


def read_published(variant: VariantSection) -> dict[str, str]:
    """Return the published numbers of a variant, as its study records them."""
    return {name: str(value) for name, value in variant["published"].items()}


def format_summary(values: Sequence[float], metric: str = "clean_acc") -> str:
    """Return mean ± standard deviation (n), in percent or minutes; empty without values.

    >>> format_summary([0.5, 0.52, 0.54]), format_summary([0.5]), format_summary([])
    ('52.00 ± 2.00 (3)', '50.00 (1)', '')
    """
    if not values:
        return ""
    scaled = np.asarray(values, dtype=float) * unit_factor(metric)
    spread = f" ± {scaled.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{scaled.mean():.2f}{spread} ({len(values)})"


def unit_factor(metric: str) -> int:
    """Return the factor that converts our numbers to the paper's units."""
    return 1 if METRICS[metric].is_training_cost else 100


def format_difference(cell: Cell, metric: str) -> str:
    """Return our mean minus the published number, in points; nothing where either is missing."""
    ours = list(cell.test_values(metric).values())
    theirs = LEADING_NUMBER.match(cell.published.get(metric, ""))
    if not ours or not theirs or METRICS[metric].is_training_cost:
        return ""
    return f"{np.mean(ours) * unit_factor(metric) - float(theirs[0]):+.2f}"


def find_worst_cases(some: Sequence[Cell]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield metrics for which ours is a worst case over more attacks, with those attacks."""
    found: dict[str, frozenset[str]] = {}
    for each in (seed for cell in some for seed in cell.results.values()):
        for metric, others in each.other_attacks.items():
            found[metric] = found.get(metric, frozenset()) | others
    yield from ((metric, others) for metric, others in found.items() if others)
