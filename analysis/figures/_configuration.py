"""Configurations of trials, searched or fixed, and names of lines."""

import json
from collections.abc import Sequence

import pandas as pd

from analysis.figures._style import MAX_LINES
from analysis.frames import Frames, Study, as_mapping, get_knob_values, list_fixed_knobs
from trainables.errors import InputError

MAX_NAME_PARTS = 3
"""Of the name of a line; studies that differ in more are called by their own names."""


def number_settings(frames: Frames) -> "pd.Series[int]":
    """Return a number for each trial, the same for those that differ in their seed alone."""
    whole = pd.DataFrame({path: frames.trials[path].astype(str) for path in frames.knobs})
    whole["fixed"] = [json.dumps(each, default=str) for each in list_fixed_knobs(frames)]
    lengths = {name: describe_length(study) for name, study in frames.studies.items()}
    whole["length"] = [lengths[name] for name in frames.trials["study"]]
    return whole.groupby(list(whole), dropna=False).ngroup()


def describe_length(study: Study) -> str:
    """Return the length of a study's training, or its name if the length is unknown."""
    epochs = as_mapping(study.description.get("study")).get("epochs")
    return study.name if epochs is None else f"{epochs} {study.description.get('levels')}"


def name_lines(
    frames: Frames, *, along: str, by: Sequence[str] = (), most: float = MAX_LINES
) -> "pd.Series[str]":
    """Return, for each trial, the name of the line that it belongs to; empty if there is one line.

    Trials are distinguished by the members of groups, such as the method, and by what their studies
    fix to different values.

    Args:
        frames: Of one or several studies.
        along: Path of the knob that the lines run along.
        by: Paths to compare; empty: those above.
        most: Largest number of lines; by default that of the colours.

    Raises:
        InputError: If there are more lines.
    """
    rows = list_fixed_knobs(frames)
    candidates = by or [
        *(path for path in frames.knobs if "." not in path and path != "variant"),
        *dict.fromkeys(path for row in {id(row): row for row in rows}.values() for path in row),
    ]
    values = {
        path: get_knob_values(frames, path).map(lambda value: json.dumps(value, default=str))
        for path in dict.fromkeys(candidates)
        if path != along and (path not in frames.knobs or "." not in path or by)
    }
    differing = [path for path, value in values.items() if value.nunique() > 1]
    # knobs of a group differ with its member, which says it all
    telling = [
        path
        for path in differing
        if "." not in path or by or path.partition(".")[0] not in differing
    ]
    if len(telling) > MAX_NAME_PARTS and not by:
        names = frames.trials["study"].astype(str)
    else:
        # a member without a knob of another one is named by the group alone
        parts = [
            [
                ""
                if text == "null" and path.partition(".")[0] in telling
                else format_name_part(path, text)
                for text in values[path]
            ]
            for path in telling
        ]
        joined = [", ".join(filter(None, row)) for row in zip(*parts, strict=True)]
        names = pd.Series(joined if telling else "", index=frames.trials.index, dtype="str")
    if names.nunique() == 1:
        return names.map(lambda _: "")
    if names.nunique() > most:
        raise InputError([
            f"expected at most {most} lines to tell apart, got {names.nunique()} "
            f"({', '.join(telling)}); load fewer studies."
        ])
    return names


def format_name_part(path: str, text: str) -> str:
    """Return what a value adds to the name of a line.

    >>> format_name_part("method", '"trades"'), format_name_part("attack.steps", "10")
    ('trades', 'steps 10')
    >>> format_name_part("attack.steps", "null")
    'steps unknown'
    """
    value = "unknown" if text == "null" else text.strip('"')
    return value if "." not in path else f"{path.rpartition('.')[2]} {value}"
