"""Labels of trials in a figure, and which trials are the best."""

import pandas as pd

from analysis.figures._axes import format_word, shorten_word
from analysis.figures._style import MAX_NAMED
from analysis.frames import Frames

MAX_LABEL_LENGTH = 22
"""Letters of a name beside a panel."""


def select_leaders(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials to highlight: the best ten, or the better half if there are few."""
    return select_best(table, min(MAX_NAMED, max(1, len(table) // 2)))


def select_best(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the best trials, best first: feasible ones before others, then by robust accuracy."""
    order = ["robust", "study", "trial_id"]
    rising = [False, True, True]
    if "feasible" in table:
        order, rising = ["feasible", *order], [False, *rising]
    return table.sort_values(order, ascending=rising).head(most)


def label_trials(
    frames: Frames, table: pd.DataFrame, max_length: int = MAX_LABEL_LENGTH
) -> list[str]:
    """Return a short name for each row: its variant, the value of the only knob, or its trial.

    Args:
        frames: Of the studies.
        table: Rows of `trials`.
        max_length: Letters of a name.
    """
    knobs = [knob for knob in frames.knobs if frames.trials[knob].nunique() > 1]
    several = len(frames.studies) > 1
    names = []
    for row in table.to_dict("records"):
        if isinstance(row.get("variant"), str):
            name = row["variant"]
        elif len(knobs) == 1 and not pd.isna(row[knobs[0]]):
            name = f"{knobs[0].rpartition('.')[2]} {format_word(row[knobs[0]])}"
        else:
            name = str(row["trial_id"])
        names.append(shorten_word(f"{row['study']}/{name}" if several else name, max_length))
    return names
