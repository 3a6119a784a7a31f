"""Published rows of the papers' tables, and the spaces made from them.

`published.csv` holds every number of the tables, and of the texts, of Bag of Tricks
(arXiv:2010.00467), PAS (arXiv:2006.08403), LLR (arXiv:1907.02610), HE (arXiv:2002.08619) and
GradAlign (arXiv:2007.02617); the row of CIFAR-10 of FastAT_Benchmark (arXiv:2604.22853, its
repository at b99c0de: means and deviations of three seeds); and RobustBench's leaderboard for
CIFAR-10 (arXiv:2010.09670, its repository at 78fcc9e of 2025-03-31).
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Layer = dict[str, dict[str, object]]
SpaceFunctions = tuple[
    Callable[[], Layer], Callable[[], dict[str, Layer]], Callable[[], dict[str, dict[str, str]]]
]

NETWORK_NAMES = {
    "ResNet-18": "preact_resnet18",  # the only one of its code with a choice of activations
    "SENet-18": "senet18",
    "DenseNet-121": "densenet121",
    "GoogLeNet": "googlenet",
    "DPN26": "dpn26",
    "WRN-34-10": "wrn_34_10",
    "WRN-34-20": "wrn_34_20",
}
"""Names of networks here, by their names in Bag of Tricks and HE."""
OPTIMIZER_KNOBS: dict[str, dict[str, object]] = {
    "sgd_momentum": {"name": "sgd"},
    "sgd_nesterov": {"name": "sgd", "nesterov": True},
    "sgd_gc": {"name": "sgd", "centralize": "gc"},
    "sgd_gcc": {"name": "sgd", "centralize": "gcc"},
    "adam": {"name": "adam"},
    "adamw": {"name": "adamw"},
}
"""Knobs of optimizers here, by their names in Bag of Tricks."""


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One setting of a table.

    Attributes:
        architecture: The network's name in the paper.
        method: The method's name in the paper.
        setting: The paper's hyper-parameters.
        numbers: Results by metric, as printed, with "± std" if published.
    """

    architecture: str
    method: str
    setting: dict[str, str]
    numbers: dict[str, str]


@cache
def load_lines() -> list[dict[str, str]]:
    """Return every published number: a dictionary a line of the file, as it was printed."""
    with Path(__file__).with_name("published.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def list_rows(paper: str, table: str) -> list[PublishedRow]:
    """Return the rows of a table, in its order; values printed twice are joined by a comma."""
    numbers_of: dict[tuple[str, str, str], dict[str, str]] = {}
    for line in load_lines():
        if (line["paper"], line["table"]) == (paper, table):
            key = line["architecture"], line["method"], line["setting"]
            number = line["value"] + (f" ± {line['std']}" if line["std"] else "")
            numbers, metric = numbers_of.setdefault(key, {}), line["metric"]
            numbers[metric] = f"{numbers[metric]}, {number}" if metric in numbers else number
    return [
        PublishedRow(
            architecture=architecture,
            method=method,
            setting=dict(part.split("=", 1) for part in setting.split(";")),
            numbers=numbers,
        )
        for (architecture, method, setting), numbers in numbers_of.items()
    ]


def label_rows(rows: Sequence[PublishedRow]) -> list[str]:
    """Return distinct labels of rows: network, method and settings, as far as they vary."""
    keys = list(dict.fromkeys(key for row in rows for key in row.setting))
    varying = [key for key in keys if len({row.setting.get(key) for row in rows}) > 1]
    several = {
        name: len({getattr(row, name) for row in rows}) > 1 for name in ("architecture", "method")
    }
    return [
        ", ".join([
            *(getattr(row, name) for name, vary in several.items() if vary),
            *(f"{key}={row.setting[key]}" for key in varying if key in row.setting),
        ])
        for row in rows
    ]


def build_space(
    rows: Sequence[PublishedRow], translate: Callable[[PublishedRow], Layer]
) -> SpaceFunctions:
    """Return `space`, `variants` and `published` of a space whose variants are rows of a table.

    Args:
        rows: The rows.
        translate: From a row to the configuration that it adds to the recipe.
    """
    named = dict(zip(label_rows(rows), rows, strict=True))

    def space() -> Layer:
        return {}

    def variants() -> dict[str, Layer]:
        return {label: translate(row) for label, row in named.items()}

    def published() -> dict[str, dict[str, str]]:
        return {label: row.numbers for label, row in named.items()}

    return space, variants, published


def parse_fraction(text: str) -> float:
    """Return a number or a fraction.

    >>> parse_fraction("0.031"), parse_fraction("51/255")
    (0.031, 0.2)
    """
    over, _, under = text.partition("/")
    return float(over) / float(under or 1)
