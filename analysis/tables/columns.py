"""The columns of a comparison; validation numbers and published numbers are separate columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from analysis.tables.cells import Cell, format_difference, format_summary
from analysis.tables.metrics import METRICS, format_heading


@dataclass(frozen=True)
class TableColumn:
    """A column.

    Attributes:
        heading: What is in it, and whose it is.
        value: Text for a cell; empty: no value.
    """

    heading: str
    value: Callable[[Cell], str]


def list_columns(some: Sequence[Cell], *, comparable: bool) -> Iterator[TableColumn]:
    """Yield the columns that have at least one value.

    Args:
        some: The cells.
        comparable: Whether differences make sense.
    """
    for metric in dict.fromkeys(name for cell in some for name in cell.published):
        name = format_heading(metric)
        yield TableColumn(f"{name}: paper", partial(format_published, metric=metric))
        if not any(cell.test_values(metric) for cell in some):
            continue
        where = "here" if METRICS[metric].is_training_cost else "ours, test"
        yield TableColumn(f"{name}: {where}", partial(format_test_values, metric=metric))
        if comparable and not METRICS[metric].is_training_cost:
            yield TableColumn(f"{name}: ours - paper", partial(format_difference, metric=metric))
    for name, metric in (("clean", "clean_acc"), ("PGD", "pgd10_acc")):
        yield TableColumn(
            f"{name} %: ours, validation", partial(format_validation_values, metric=metric)
        )


def format_published(cell: Cell, metric: str) -> str:
    """Return the numbers as printed in the paper."""
    return cell.published.get(metric, "")


def format_test_values(cell: Cell, metric: str) -> str:
    """Return statistics of our seeds on the test split, or of their cost."""
    return format_summary(list(cell.test_values(metric).values()), metric)


def format_validation_values(cell: Cell, metric: str) -> str:
    """Return statistics of our seeds on validation images."""
    return format_summary(list(cell.validation_values(metric).values()))
