"""The best trial of each study, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.frames import Frames, Study
from analysis.report.summary import (
    count_validation_images,
    format_knob,
    list_set_knobs,
    select_leader_rows,
)
from analysis.report.trials import CLEAN, QUESTION, ROBUST, find_leaders
from analysis.statistics import wilson_interval
from analysis.tables.metrics import METRICS, parse_attacks

AUTOATTACK = METRICS["aa_acc"].attacks
EPS_ROUNDING = 1e-9
"""Difference of equal radii that were typed in different ways."""


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    """The best trial of a study, with 95 % intervals (Wilson).

    Attributes:
        study: Name of the study.
        question: Threat and data set.
        trial: Number of the trial.
        knobs: Its knobs.
        clean: Clean accuracy on the validation split.
        robust: Robust accuracy on the validation split, which is optimistically biased.
        autoattack: Robust accuracy on the test split under AutoAttack.
        worst_case: The same under all attacks that were made, with their names.
        trials: Number of trials of the study.
        epochs: Epochs that they trained together.
        rank: What rows are sorted by, the best first.
    """

    study: str
    question: str
    trial: str
    knobs: str
    clean: str
    robust: str
    autoattack: str
    worst_case: str
    trials: int
    epochs: int
    rank: tuple[str, float, float]


def build_leaderboard(frames: Frames) -> list[LeaderboardRow]:
    """Return the best trial of each study and question, the most robust first.

    Rows are sorted within a threat and data set: by AutoAttack, then by validation accuracy.

    Args:
        frames: As `add_selected_epochs` returns them.
    """
    rows = [
        describe_leader(frames, frames.studies[name], frames.trials.iloc[row])
        for (name, _), row in find_leaders(frames).items()
    ]
    return sorted(rows, key=lambda row: row.rank)


def describe_leader(frames: Frames, study: Study, leader: pd.Series) -> LeaderboardRow:
    """Return the row of a study."""
    trials = frames.trials
    own = trials[(trials["study"] == study.name) & (trials[QUESTION] == leader[QUESTION])]
    tested = select_threat(frames.evaluation[frames.evaluation["study"] == study.name], leader)
    rows = [*list_worst_cases(select_leader_rows(tested, str(leader["trial_id"])))]
    complete = [row for attacks, row in rows if attacks >= AUTOATTACK]
    epochs = own.reindex(columns=["epochs"])["epochs"].sum()
    standard = min(row["robust_accuracy"] for row in complete) if complete else -1.0
    images = count_validation_images(study)
    return LeaderboardRow(
        study=study.name,
        question=str(leader[QUESTION]),
        trial=str(leader["trial_id"]),
        knobs=", ".join(f"{k}={format_knob(leader[k])}" for k in list_set_knobs(study, leader)),
        clean=format_with_interval(leader[CLEAN], images),
        robust=format_with_interval(leader[ROBUST], images),
        autoattack=format_worst_case(complete),
        worst_case=format_worst_case([row for _, row in rows], with_names=True),
        trials=len(own),
        epochs=int(epochs),
        rank=(str(leader[QUESTION]), -standard, -float(leader[ROBUST])),
    )


def select_threat(tested: pd.DataFrame, leader: pd.Series) -> pd.DataFrame:
    """Return the rows of an evaluation under the threat that a trial was trained against."""
    threat, eps = leader.get("threat"), leader.get("threat.eps")
    if tested.empty or threat is None or eps is None:
        return tested
    same_eps = (tested["eps"].astype(float) - float(eps)).abs() < EPS_ROUNDING
    selected: pd.DataFrame = tested[(tested["norm"] == threat) & same_eps]
    return selected


def list_worst_cases(tested: pd.DataFrame) -> Iterator[tuple[frozenset[str], pd.Series]]:
    """Yield rows of an evaluation, each with the attacks over which it is the worst case."""
    for _, row in tested.iterrows():
        after = str(row.get("after") or "")
        yield parse_attacks(f"{after},{row['attack']}"), row


def format_worst_case(rows: Sequence[pd.Series], *, with_names: bool = False) -> str:
    """Return the lowest accuracy of some rows with its interval; empty if there are none."""
    if not rows:
        return ""
    worst = min(rows, key=lambda row: float(row["robust_accuracy"]))
    text = format_interval(worst["robust_accuracy"], worst["low"], worst["high"])
    names = f": {', '.join(dict.fromkeys(str(row['attack']) for row in rows))}"
    return f"{text}, n = {worst['n']:,}{names if with_names else ''}"


def format_with_interval(accuracy: float, images: int | None) -> str:
    """Return an accuracy in percent, with Wilson's interval if the number of images is known."""
    if pd.isna(accuracy):
        return ""
    if images is None:
        return f"{100 * accuracy:.1f}"
    return format_interval(accuracy, *wilson_interval(float(accuracy), images))


def format_interval(accuracy: float, low: float, high: float) -> str:
    """Return an accuracy and its interval in percent.

    >>> format_interval(0.5, 0.469, 0.531)
    '50.0 [46.9, 53.1]'
    """
    return f"{100 * accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
