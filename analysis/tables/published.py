"""What the papers published, as frames and as sheets: nothing of ours."""

import pandas as pd

from analysis.tables.footnotes import marks, notes
from analysis.tables.metrics import heading
from analysis.tables.papers import Source
from analysis.tables.sheet import Line, Sheet
from search_spaces import _published
from trainables.problems import InputError, did_you_mean


def tables() -> list[Source]:
    """Return the tables, and the places in texts, that there are published numbers of."""
    return list(dict.fromkeys(Source(each["paper"], each["table"]) for each in _published.lines()))


def published(paper: str, table: str) -> pd.DataFrame:
    """Return the published numbers of a table, one a row.

    Args:
        paper: Its short name, such as "bag_of_tricks".
        table: As the paper calls it, such as "Table 2".

    Returns:
        `dataset`, `architecture`, `method`, `setting` (the paper's knobs), `metric`, `value` and
        `std` in the paper's units (accuracies and errors in percent), `printed` as it stands there.

    Raises:
        InputError: If there is no such table.
    """
    known(Source(paper, table))
    some = [each for each in _published.lines() if (each["paper"], each["table"]) == (paper, table)]
    frame = pd.DataFrame(some).drop(columns=["paper", "table"])
    numbers = {name: pd.to_numeric(frame[name]) for name in ("value", "std")}
    return frame.assign(printed=frame["value"], **numbers)


def known(source: Source) -> None:
    """Check that there is such a table.

    Raises:
        InputError: If not.
    """
    there = {str(each): each for each in tables()}
    if source not in there.values():
        raise InputError([
            f"table: there are no published numbers of {source}.{did_you_mean(str(source), there)}"
            f" There are: {', '.join(there)}."
        ])


def sheet(source: Source) -> Sheet:
    """Return a published table by itself.

    Raises:
        InputError: If there is none.
    """
    known(source)
    rows = _published.rows(source.paper, source.table)
    metrics = list(dict.fromkeys(name for row in rows for name in row.numbers))
    labelled = zip(_published.labels(rows), rows, strict=True)
    named = {label or f"{row.method}, {row.architecture}": row.numbers for label, row in labelled}
    some = notes([source], list(named))
    return Sheet(
        caption=f"{source.title}, as published.",
        headings=("setting", *map(heading, metrics)),
        lines=tuple(
            Line(label, tuple(numbers.get(name, "") for name in metrics), marks(label, some))
            for label, numbers in named.items()
        ),
        notes=tuple(note.text for note in some),
    )
