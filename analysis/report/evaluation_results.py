"""Results of attacks on the test split, as rows of a table."""

import pandas as pd

from analysis.frames import Frames
from analysis.report.summary import list_failed_checks
from tuner.storage.frames import Row

HEADINGS = {
    "study": "study",
    "trial_id": "trial",
    "rule": "checkpoint by",
    "attack": "attack",
    "eps": "eps",
    "n": "images",
    "clean_accuracy": "clean %",
    "attacked": "attacked",
    "fooled": "fooled",
    "robust_accuracy": "robust %",
    "interval": "95 % interval",
    "alone": "counted",
    "seconds": "seconds",
}


def collect_test_results(frames: Frames) -> dict[str, object]:
    """Return `headings`, `rows` of texts, and `failed_checks`, the failed sanity checks.

    A column that no evaluation has is left out, and the study if there is only one.
    """
    frame = frames.evaluation
    headings = [k for k in HEADINGS if k in frame or (k == "interval" and "low" in frame)]
    if len(frames.studies) == 1:
        headings.remove("study")
    rows = [[format_test_cell(row, key) for key in headings] for row in frame.to_dict("records")]
    return {
        "headings": [HEADINGS[key] for key in headings],
        "rows": rows,
        "failed_checks": list_failed_checks(frame),
    }


def format_test_cell(row: Row, key: str) -> str:
    """Return the text of one cell."""
    if key == "interval":
        return f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
    value = row[key]
    if pd.isna(value):
        return ""
    if key == "alone":
        return "alone" if value else "worst case so far"
    if key.endswith("_accuracy"):
        return f"{100 * value:.1f}"
    if key == "eps":
        return f"{row.get('norm', '')} {value:.4g}".strip()
    return f"{value:.1f}" if key == "seconds" else str(value)
