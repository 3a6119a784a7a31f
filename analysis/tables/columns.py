"""The columns of a comparison: a validation number never stands under a published heading."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from analysis.tables.cells import Cell, difference, summary
from analysis.tables.metrics import METRICS, heading


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        heading: What is in it, and whose it is.
        value: What stands there for a cell; empty for none.
    """

    heading: str
    value: Callable[[Cell], str]


def chosen(some: Sequence[Cell], *, comparable: bool) -> Iterator[Column]:
    """Yield the columns that there is anything for.

    Args:
        some: The cells.
        comparable: Whether differences make sense.
    """
    for metric in dict.fromkeys(name for cell in some for name in cell.published):
        name = heading(metric)
        yield Column(f"{name}: paper", partial(published, metric=metric))
        if not any(cell.tested(metric) for cell in some):
            continue
        where = "here" if METRICS[metric].of_training else "ours, test"
        yield Column(f"{name}: {where}", partial(tested, metric=metric))
        if comparable and not METRICS[metric].of_training:
            yield Column(f"{name}: ours - paper", partial(difference, metric=metric))
    for name, metric in (("clean", "clean_acc"), ("PGD", "pgd10_acc")):
        yield Column(f"{name} %: ours, validation", partial(validated, metric=metric))


def published(cell: Cell, metric: str) -> str:
    """Return what is printed in the paper."""
    return cell.published.get(metric, "")


def tested(cell: Cell, metric: str) -> str:
    """Return what our seeds come to on the test split, or their cost."""
    return summary(list(cell.tested(metric).values()), metric)


def validated(cell: Cell, metric: str) -> str:
    """Return what our seeds come to on validation images."""
    return summary(list(cell.validated(metric).values()))
