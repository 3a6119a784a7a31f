"""Which knobs matter, in words and rows for the page."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.frames import IDENTITY, Frames
from analysis.importance import importances, interactions
from trainables.problems import InputError

MOST, LEAST = 150, 50
"""Trials to rank by, of all studies together and of each: forests of 1,000 take a minute."""
PAIRS = 8


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Which knobs matter.

    Attributes:
        knobs: Rows of `analysis.importance.importances`.
        pairs: Those of `analysis.importance.interactions` with the largest effects.
        notes: What cannot be ranked, and what was left out.
    """

    knobs: list[dict[Any, Any]]
    pairs: list[dict[Any, Any]]
    notes: list[str]


def ranking(frames: Frames) -> Ranking:
    """Return which knobs matter; nothing, and the reasons, where there are too few trials."""
    some, notes = sampled(frames)
    try:
        ranked, joint = importances(some), interactions(some)
    except InputError as error:
        return Ranking(knobs=[], pairs=[], notes=[*notes, *error.each])
    largest = joint.sort_values("effect", ascending=False).head(PAIRS) if len(joint) else joint
    knobs, pairs = ranked.to_dict("records"), largest.to_dict("records")
    return Ranking(knobs=knobs, pairs=pairs, notes=notes)


def sampled(frames: Frames) -> tuple[Frames, list[str]]:
    """Return frames with so many trials a study as can be ranked in seconds, and what was left."""
    most = max(LEAST, MOST // len(frames.studies))
    parts, notes = list[pd.DataFrame](), list[str]()
    for name in frames.studies:
        rows = frames.trials[frames.trials["study"] == name]
        if len(rows) > most:
            notes.append(f"{name}: by {most} of its {len(rows)} trials, drawn at random.")
            rows = rows.sample(most, random_state=0)
        parts.append(rows)
    if not notes:
        return frames, notes
    trials = pd.concat(parts).sort_index()
    kept = pd.MultiIndex.from_frame(trials[IDENTITY].astype(str))
    there = pd.MultiIndex.from_frame(frames.epochs[IDENTITY].astype(str)).isin(kept)
    return replace(frames, trials=trials, epochs=frames.epochs[there]), notes
