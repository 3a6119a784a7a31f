"""Our cells of a table: a setting, and what its seeds come to."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.frames import Frames, Study
from analysis.tables.matching import matched
from analysis.tables.measured import CLEAN, ROBUST, Measured, measured
from analysis.tables.metrics import METRICS
from analysis.tables.papers import Source
from analysis.tables.runs import completed, config, epochs, label, variant_of, variants

LEADING = re.compile(r"-?\d+(\.\d+)?")
"""The number in front of a printed deviation."""


@dataclass
class Cell:
    """A setting.

    Attributes:
        label: What tells it from the others.
        published: The paper's numbers of it, as printed, by metric.
        sources: Tables that they stand in, if these are not the study's own.
        seeds: What each seed came to.
    """

    label: str
    published: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    seeds: dict[int, Measured] = field(default_factory=dict)

    def tested(self, metric: str) -> dict[int, float]:
        """Return our numbers on the test split, or of training's cost, by seed."""
        return {
            seed: found.numbers[metric]
            for seed, found in self.seeds.items()
            if metric in found.numbers
        }

    def validated(self, metric: str) -> dict[int, float]:
        """Return the validation accuracies at the selected epoch that are nearest, by seed."""
        column = CLEAN if metric.startswith("clean") else ROBUST
        each = {seed: found.validation[column] for seed, found in self.seeds.items()}
        return {seed: value for seed, value in each.items() if not math.isnan(value)}


@dataclass(frozen=True)
class Cells:
    """The cells of studies that are one table.

    Attributes:
        each: By label.
        left_out: Trials that do not count, counted by why.
    """

    each: Mapping[str, Cell]
    left_out: tuple[str, ...]


def cells(frames: Frames, studies: Sequence[Study]) -> Cells:
    """Return the cells of studies that are runs of the same table with other seeds."""
    found: dict[str, Cell] = {
        name: Cell(name, printed(variant))
        for name, variant in variants(studies[0]).items()
        if name and not variant["searched"]
    }
    left: list[str] = []
    for study in studies:
        trials, others = completed(frames.trials[frames.trials["study"] == study.name])
        left += others
        evaluation = frames.evaluation[frames.evaluation["study"] == study.name]
        attacked = dict(list(evaluation.groupby("trial_id", sort=False)))
        for row in trials.to_dict("records"):
            # a column of another study is missing here
            trial = {str(key): value for key, value in row.items() if not pd.isna(value)}
            about = config(study, trial)
            name = label(study, trial)
            cell = found[name] if name in found else beside(study, trial, about)
            found[name] = cell
            seed = int(trial.get("seed", 0))
            if seed in cell.seeds:
                left.append("1 with a setting and a seed that are there already")
            else:
                cell.seeds[seed] = measured(trial, attacked.get(trial["trial_id"]), about)
    return Cells(found, tuple(left))


def beside(study: Study, trial: Mapping[str, Any], about: Mapping[str, Any]) -> Cell:
    """Return the empty cell of a trial, with what was published for it."""
    name = label(study, trial)
    if published := printed(variant_of(study, trial)):
        return Cell(name, published)
    numbers, sources = matched(about, epochs(study))
    return Cell(name, numbers, tuple(sources))


def printed(variant: Mapping[str, Any]) -> dict[str, str]:
    """Return what a study says was published for one of its variants."""
    return {name: str(value) for name, value in variant["published"].items()}


def summary(values: Sequence[float], metric: str = "clean_acc") -> str:
    """Return mean ± standard deviation (n), in percent or minutes; nothing of nothing.

    >>> summary([0.5, 0.52, 0.54]), summary([0.5]), summary([])
    ('52.00 ± 2.00 (3)', '50.00 (1)', '')
    """
    if not values:
        return ""
    scaled = np.asarray(values, dtype=float) * scale(metric)
    spread = f" ± {scaled.std(ddof=1):.2f}" if len(values) > 1 else ""
    return f"{scaled.mean():.2f}{spread} ({len(values)})"


def scale(metric: str) -> int:
    """Return what our numbers are multiplied by to be in the paper's units."""
    return 1 if METRICS[metric].of_training else 100


def difference(cell: Cell, metric: str) -> str:
    """Return our mean minus the published number, in points; nothing where either is missing."""
    ours = list(cell.tested(metric).values())
    theirs = LEADING.match(cell.published.get(metric, ""))
    if not ours or not theirs or METRICS[metric].of_training:
        return ""
    return f"{np.mean(ours) * scale(metric) - float(theirs[0]):+.2f}"


def worst_of(some: Sequence[Cell]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield metrics whose numbers of ours are a worst case over more attacks, with those."""
    found: dict[str, frozenset[str]] = {}
    for each in (seed for cell in some for seed in cell.seeds.values()):
        for metric, others in each.worst_of.items():
            found[metric] = found.get(metric, frozenset()) | others
    yield from ((metric, others) for metric, others in found.items() if others)
