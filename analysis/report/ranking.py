"""The importance of knobs, as sentences and rows of the page."""

from dataclasses import dataclass, replace

import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames
from analysis.importance import compute_importances, compute_interactions
from analysis.report.trials import describe_questions
from trainables.errors import InputError

MAX_TRIALS, MIN_TRIALS_PER_STUDY = 150, 50
"""Trials to rank by, of all studies together and of each: forests of 1,000 take a minute."""
MAX_PAIRS = 8


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Which knobs matter.

    Attributes:
        knobs: Rows of `analysis.importance.importances`.
        pairs: Those of `analysis.importance.interactions` with the largest effects.
        notes: What cannot be ranked, and what was left out.
    """

    knobs: list[dict[object, object]]
    pairs: list[dict[object, object]]
    notes: list[str]


def build_ranking(frames: Frames) -> Ranking:
    """Return the importance of knobs, or the reasons why there are too few trials."""
    frames, questions = keep_main_questions(frames)
    some, notes = sample_trials(frames)
    notes = [*questions, *notes]
    try:
        ranked, joint = compute_importances(some), compute_interactions(some)
    except InputError as error:
        return Ranking(knobs=[], pairs=[], notes=[*notes, *error.problems])
    largest = joint.sort_values("effect", ascending=False).head(MAX_PAIRS) if len(joint) else joint
    knobs, pairs = ranked.to_dict("records"), largest.to_dict("records")
    return Ranking(knobs=knobs, pairs=pairs, notes=notes)


def keep_main_questions(frames: Frames) -> tuple[Frames, list[str]]:
    """Return frames with the trials of one threat and data set per study, and a note on the others.

    Accuracies under different threats, or on different data, cannot be compared.
    """
    trials = frames.trials.reset_index(drop=True)
    asked = pd.Series(describe_questions(replace(frames, trials=trials)), index=trials.index)
    kept, notes = list[pd.Series](), list[str]()
    for name in frames.studies:
        mine = asked[trials["study"] == name]
        if mine.nunique() > 1:
            main = mine.value_counts().index[0]
            number = int((mine == main).sum())
            notes.append(
                f"{name}: by {number} of its {len(mine)} trials, those of {main}; others have "
                "another threat or data set."
            )
            mine = mine[mine == main]
        kept.append(mine)
    if not notes:
        return frames, notes
    return keep_trials(frames, trials.loc[pd.concat(kept).index]), notes


def keep_trials(frames: Frames, trials: pd.DataFrame) -> Frames:
    """Return frames with some of their trials."""
    kept = pd.MultiIndex.from_frame(trials[TRIAL_KEYS].astype(str))
    there = pd.MultiIndex.from_frame(frames.epochs[TRIAL_KEYS].astype(str)).isin(kept)
    return replace(frames, trials=trials, epochs=frames.epochs[there])


def sample_trials(frames: Frames) -> tuple[Frames, list[str]]:
    """Return frames reduced to a sample of trials that is ranked in seconds, and a note on it."""
    most = max(MIN_TRIALS_PER_STUDY, MAX_TRIALS // len(frames.studies))
    parts, notes = list[pd.DataFrame](), list[str]()
    for name in frames.studies:
        rows = frames.trials[frames.trials["study"] == name]
        if len(rows) > most:
            notes.append(f"{name}: by {most} of its {len(rows)} trials, drawn at random.")
            rows = rows.sample(most, random_state=0)
        parts.append(rows)
    if not notes:
        return frames, notes
    return keep_trials(frames, pd.concat(parts).sort_index()), notes
