"""The data that the page draws its table and charts from, once, as compact JSON."""

from dataclasses import asdict
from typing import Any

from analysis.frames import Frames
from analysis.report.columns import build_columns
from analysis.report.curves import collect_curves
from analysis.report.leaders import find_leaders, find_pareto_labels


def build_payload(frames: Frames) -> dict[str, Any]:
    """Return everything that the page draws, as values that JSON has.

    Rows of `trials` are called by their number, from 0.
    """
    trials = frames.trials.reset_index(drop=True)
    return {
        "names": name_trials(frames),
        "columns": [asdict(column) for column in build_columns(frames)],
        "curves": collect_curves(frames),
        "best": list(find_leaders(frames).values()),
        "fronts": [
            find_pareto_labels(trials[trials["study"] == study]) for study in frames.studies
        ],
        "logarithmic": sorted(path for path in frames.knobs if is_logarithmic(frames, path)),
    }


def name_trials(frames: Frames) -> list[str]:
    """Return what each trial is called: by its study too, where there are several."""
    trials = frames.trials["trial_id"].astype(str)
    if len(frames.studies) == 1:
        return trials.tolist()
    return (frames.trials["study"].astype(str) + " " + trials).tolist()


def is_logarithmic(frames: Frames, path: str) -> bool:
    """Return whether a knob was searched on a logarithmic scale in any study."""
    return any(
        str(domain).startswith(("loguniform", "lograndint", "qlog"))
        for study in frames.studies.values()
        for each in [study.description, *(study.description.get("variants") or {}).values()]
        for domain in [(each.get("searched") or {}).get(path)]
    )
