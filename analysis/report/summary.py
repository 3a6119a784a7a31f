"""Summary of a study in a few sentences, shown first on the page."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.frames import Frames, Study
from analysis.report.trials import CLEAN, QUESTION, ROBUST, find_leaders
from analysis.statistics import wilson_interval
from tuner.config.class_balance import (
    ClassBalance,
    WinnerAccuracies,
    describe_winner_balance,
)
from tuner.storage.search_yaml import VariantSection

SELECTED_RULE = "best_validation_robust"
"""The rule of an evaluation that looks at the checkpoint which a search takes."""


@dataclass(frozen=True, kw_only=True)
class StudySummary:
    """Summary of a study, or of its trials with the same threat and data set.

    Attributes:
        title: Its name, and the threat and data set where there are several in it.
        figures: A few numbers with what they are, the most important first.
        sentences: What follows from them, and what does not.
    """

    title: str
    figures: list[tuple[str, str]]
    sentences: list[str]


def summarize_studies(frames: Frames) -> list[StudySummary]:
    """Return the summary of each study, separately for each threat and data set."""
    leaders = find_leaders(frames)
    return [
        summarize_trials(
            frames,
            study,
            trials[trials[QUESTION] == question],
            title=f"{name}, {question}" if len(questions) > 1 else name,
            leader=frames.trials.iloc[leaders[name, question]]
            if (name, question) in leaders
            else None,
        )
        for name, study in frames.studies.items()
        for trials in [frames.trials[frames.trials["study"] == name]]
        for questions in [sorted(set(trials[QUESTION])) or [""]]
        for question in questions
    ]


def summarize_trials(
    frames: Frames, study: Study, trials: pd.DataFrame, *, title: str, leader: pd.Series | None
) -> StudySummary:
    """Return the summary of trials.

    Args:
        frames: Of all studies.
        study: The study of the trials.
        trials: Trials of one study, threat and data set.
        title: What they are called.
        leader: Their best; `None`: no trial has an accuracy.
    """
    tested = frames.evaluation[frames.evaluation["study"] == study.name]
    if leader is None:
        sentence = f"No trial has reported an accuracy; {format_status_counts(trials)}."
        return StudySummary(title=title, figures=[], sentences=[sentence])
    figures = [
        (
            f"{format_percent(leader[ROBUST])}",
            f"robust accuracy of the best, {study.split} split",
        ),
        (f"{format_percent(leader[CLEAN])}", "its clean accuracy"),
        *list_test_numbers(tested, str(leader["trial_id"])),
        (f"{len(trials)}", format_status_counts(trials)),
    ]
    return StudySummary(
        title=title,
        figures=figures,
        sentences=[*describe_trials(trials, study, leader), *describe_test(tested, study, leader)],
    )


def describe_trials(trials: pd.DataFrame, study: Study, leader: pd.Series) -> Iterator[str]:
    """Yield sentences on the trials of a study."""
    knobs = ", ".join(
        f"{path}={format_knob(leader[path])}" for path in list_set_knobs(study, leader)
    )
    about = f" ({knobs})" if knobs else ""
    yield f"Best: trial {leader['trial_id']}{about}, epoch {leader['best_epoch']}."
    if (gap := leader.get("robust_overfitting")) is not None and pd.notna(gap):
        yield (
            f"Robust overfitting: its last epoch is {100 * gap:.1f} points below its best; the "
            f"median over trials that ran to the end is {format_median_gap(trials)}."
        )
    if images := count_validation_images(study):
        yield describe_resolution(trials, leader, images)
    yield from describe_class_balance(study, leader)
    if "collapsed_at" in trials and (collapsed := int((trials["collapsed_at"] > 0).sum())):
        yield (
            f"{collapsed} of {len(trials)} trials collapsed: their networks are robust to one "
            "step only (catastrophic overfitting)."
        )


def describe_class_balance(study: Study, leader: pd.Series) -> Iterator[str]:
    """Yield what imbalanced classes of the validation split mean for the leader."""
    description: VariantSection = study.description
    if variants := study.description.get("variants"):
        description = variants.get(str(leader.get("variant")), {})
    balanced = [
        None if pd.isna(value := leader.get(name)) else float(value)
        for name in ("val_balanced_clean_accuracy", "val_balanced_robust_accuracy")
    ]
    yield from describe_winner_balance(
        ClassBalance.from_description(description.get("validation_classes")),
        WinnerAccuracies(
            robust=float(leader[ROBUST]),
            clean=float(leader[CLEAN]),
            balanced_clean=balanced[0],
            balanced_robust=balanced[1],
        ),
    )


def list_set_knobs(study: Study, leader: pd.Series) -> list[str]:
    """Return the knobs that a trial has."""
    return [path for path in study.knobs if pd.notna(leader[path])]


def describe_resolution(trials: pd.DataFrame, leader: pd.Series, images: int) -> str:
    """Return how many trials lie in Wilson's interval of the leader's robust accuracy."""
    low, high = wilson_interval(float(leader[ROBUST]), images)
    alike = int((trials[ROBUST] >= low).sum()) - 1
    others = {0: "no other trial is", 1: "1 other trial is"}.get(alike, f"{alike} others are")
    return (
        f"On {images} validation images its robust accuracy is known to within [{100 * low:.1f}, "
        f"{100 * high:.1f}] %; {others} in that interval."
    )


def describe_test(tested: pd.DataFrame, study: Study, leader: pd.Series) -> Iterator[str]:
    """Yield the leader's results on the test split, and the failed sanity checks."""
    own = select_leader_rows(tested, str(leader["trial_id"]))
    if own.empty and study.folder:
        yield f"No test number exists of it; python -m tuner.evaluate {study.folder} makes them."
    for check in list_failed_checks(own):
        yield f"Sanity check of its test number failed: {check}."


def list_test_numbers(tested: pd.DataFrame, trial: str) -> list[tuple[str, str]]:
    """Return the worst case over all attacks on the leader's checkpoint, if there are any."""
    own = select_leader_rows(tested, trial)
    if own.empty:
        return []
    worst = own.sort_values("robust_accuracy").iloc[0]
    between = f"[{100 * worst['low']:.1f}, {100 * worst['high']:.1f}]"
    met = ", ".join(dict.fromkeys(own["attack"]))
    return [
        (
            format_percent(worst["robust_accuracy"]),
            f"its robust accuracy on {worst['n']} test images {between}, the least over {met}",
        )
    ]


def select_leader_rows(tested: pd.DataFrame, trial: str) -> pd.DataFrame:
    """Return the rows of an evaluation that are about the leader's checkpoint."""
    if "rule" not in tested or "robust_accuracy" not in tested:
        return tested.iloc[:0]
    return tested[(tested["trial_id"] == trial) & (tested["rule"] == SELECTED_RULE)]


def list_failed_checks(tested: pd.DataFrame) -> list[str]:
    """Return the failed sanity checks of some rows, each once."""
    said = tested.get("audit", pd.Series(dtype=str)).fillna("")
    return list(dict.fromkeys(doubt for text in said for doubt in text.split("; ") if doubt))


def count_validation_images(study: Study) -> int | None:
    """Return the number of images of the validation split, if it is known."""
    images = study.description.get("fixed", {}).get("data", {}).get("validation")
    return images if isinstance(images, int) else None


def format_median_gap(trials: pd.DataFrame) -> str:
    """Return the median robust overfitting of trials that ran to the end, in points."""
    gaps = trials.loc[trials["status"] == "completed", "robust_overfitting"].dropna()
    return f"{100 * gaps.median():.1f} (n={len(gaps)})" if len(gaps) else "unknown (n=0)"


def format_status_counts(trials: pd.DataFrame) -> str:
    """Return the number of trials by status."""
    each = trials["status"].value_counts()
    return "trials: " + (", ".join(f"{n} {status}" for status, n in each.items()) or "none")


def format_percent(share: float) -> str:
    """Return a share in percent.

    >>> format_percent(0.7345)
    '73.5 %'
    """
    return f"{100 * share:.1f} %"


def format_knob(value: object) -> str:
    """Return the value of a knob, a number to three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
