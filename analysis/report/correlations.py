"""Rank correlations of knobs with each other and with the robust accuracy."""

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from analysis.frames import Frames
from analysis.importance_sample import score_trials
from analysis.report.ranking import keep_main_questions

MIN_TRIALS = 5
"""Trials below which a correlation is noise."""
SCORE_TITLE = "robust accuracy"


def correlate_knobs(frames: Frames) -> list[dict[str, object]]:
    """Return Spearman's rank correlations for each study with enough trials.

    Only trials that reached the same epoch are compared, by their accuracy up to there. Knobs whose
    values are words have no ranks and are left out. A pair of knobs is compared by the trials that
    have both.

    Returns:
        For each study its `name`, `knobs` and last "robust accuracy", the matrix `values` in
        [-1, 1] (`None`: undefined), `n` trials, and `compared_at`, an epoch as text.
    """
    kept, _ = keep_main_questions(frames)
    found = list[dict[str, object]]()
    for study in kept.studies.values():
        trials, compared_at = score_trials(kept, study)
        numbers = [path for path in study.knobs if is_ranked(trials[path])]
        if len(trials) < MIN_TRIALS or not numbers:
            continue
        table = trials[[*numbers, "score"]].astype("float64").rename(columns={"score": SCORE_TITLE})
        matrix = table.corr(method="spearman", min_periods=MIN_TRIALS)
        found.append({
            "name": study.name,
            "knobs": list(matrix.columns),
            "values": [[None if pd.isna(v) else round(v, 3) for v in row] for row in matrix.values],
            "n": len(trials),
            "compared_at": compared_at,
        })
    return found


def is_ranked(values: pd.Series) -> bool:
    """Return whether the values of a knob are numbers that differ."""
    has_order = is_numeric_dtype(values) or is_bool_dtype(values)
    return bool(has_order and values.nunique() > 1)
