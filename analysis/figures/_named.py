"""What trials are called in a picture, and which of them are the best."""

import pandas as pd

from analysis.figures._scale import shortened, worded
from analysis.figures._style import NAMED
from analysis.frames import Frames

LONGEST = 22
"""Letters of a name beside a panel."""


def leaders(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that stand out from the others: the best ten, or the better half of few."""
    return best(table, min(NAMED, max(1, len(table) // 2)))


def best(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the best trials, best first: feasible ones before others, then by robust accuracy."""
    order = ["robust", "study", "trial_id"]
    rising = [False, True, True]
    if "feasible" in table:
        order, rising = ["feasible", *order], [False, *rising]
    return table.sort_values(order, ascending=rising).head(most)


def called(frames: Frames, table: pd.DataFrame, most: int = LONGEST) -> list[str]:
    """Return a short name for each row: its variant, the value of the only knob, or its trial.

    Args:
        frames: Of the studies.
        table: Rows of `trials`.
        most: Letters of a name.
    """
    knobs = [knob for knob in frames.knobs if frames.trials[knob].nunique() > 1]
    several = len(frames.studies) > 1
    names = []
    for row in table.to_dict("records"):
        if isinstance(row.get("variant"), str):
            name = row["variant"]
        elif len(knobs) == 1 and not pd.isna(row[knobs[0]]):
            name = f"{knobs[0].rpartition('.')[2]} {worded(row[knobs[0]])}"
        else:
            name = str(row["trial_id"])
        names.append(shortened(f"{row['study']}/{name}" if several else name, most))
    return names
