"""Published numbers of papers, as frames and as tables, without our results."""

import pandas as pd

from analysis.tables.footnotes import number_footnotes, select_footnotes
from analysis.tables.metrics import format_heading
from analysis.tables.papers import PaperTable
from analysis.tables.text_table import TableLine, TextTable
from search_spaces.tables import _published
from trainables.errors import InputError, did_you_mean


def list_tables() -> list[PaperTable]:
    """Return the tables, and the places in texts, with published numbers."""
    return list(
        dict.fromkeys(PaperTable(each["paper"], each["table"]) for each in _published.load_lines())
    )


def load_published(paper: str, table: str) -> pd.DataFrame:
    """Return the published numbers of a table, one per row.

    Args:
        paper: Its short name, such as "bag_of_tricks".
        table: As the paper calls it, such as "Table 2".

    Returns:
        `dataset`, `architecture`, `method`, `setting` (the paper's knobs), `metric`, `value` and
        `std` in the paper's units (accuracies and errors in percent), `printed` as it stands there.

    Raises:
        InputError: If there is no such table.
    """
    check_published(PaperTable(paper, table))
    some = [
        each for each in _published.load_lines() if (each["paper"], each["table"]) == (paper, table)
    ]
    frame = pd.DataFrame(some).drop(columns=["paper", "table"])
    numbers = {name: pd.to_numeric(frame[name]) for name in ("value", "std")}
    return frame.assign(printed=frame["value"], **numbers)


def check_published(source: PaperTable) -> None:
    """Check that a table exists.

    Raises:
        InputError: If not.
    """
    there = {str(each): each for each in list_tables()}
    if source not in there.values():
        raise InputError([
            f"table: there are no published numbers of {source}.{did_you_mean(str(source), there)}"
            f" There are: {', '.join(there)}."
        ])


def build_published_table(source: PaperTable) -> TextTable:
    """Return a published table without our results.

    Raises:
        InputError: If there is none.
    """
    check_published(source)
    rows = _published.list_rows(source.paper, source.table)
    metrics = list(dict.fromkeys(name for row in rows for name in row.numbers))
    labelled = zip(_published.label_rows(rows), rows, strict=True)
    named = {label or f"{row.method}, {row.architecture}": row.numbers for label, row in labelled}
    some = select_footnotes([source], list(named))
    return TextTable(
        caption=f"{source.title}, as published.",
        headings=("setting", *map(format_heading, metrics)),
        lines=tuple(
            TableLine(
                label,
                tuple(numbers.get(name, "") for name in metrics),
                number_footnotes(label, some),
            )
            for label, numbers in named.items()
        ),
        notes=tuple(note.text for note in some),
    )
