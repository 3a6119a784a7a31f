"""`evaluation.parquet`: what attacks on checkpoints came to, a row each, never written over."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import binomtest

from trainables.problems import InputError
from tuner.results import whole

FILE = "evaluation.parquet"
COLUMNS = {
    "checkpoint": "str",
    "trial_id": "str",
    "rule": "str",
    "seed": "Int64",
    "attack": "str",
    "settings": "str",
    "key": "str",
    "norm": "str",
    "eps": "float64",
    "n": "int64",
    "clean_accuracy": "float64",
    "attacked": "int64",
    "fooled": "int64",
    "target_success": "float64",
    "robust_accuracy": "float64",
    "low": "float64",
    "high": "float64",
    "alone": "bool",
    "after": "str",
    "rejected": "int64",
    "audit": "str",
    "seconds": "float64",
    "date": "str",
}
"""`robust_accuracy` is that of the worst case over `after` and this attack, or, where `alone`, of
this attack; `low` and `high` are its 95 % confidence interval, by Wilson's score. `target_success`
is, of an attack that counts them, the share of those attacked that were taken for the class aimed
at."""

IDENTITY = ["key", "rule", "after"]
"""What tells a row from all others."""


def read(folder: Path) -> pd.DataFrame:
    """Return the rows so far.

    Raises:
        InputError: If the file is broken.
    """
    file = folder / FILE
    if not file.exists():
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([
            f"{file} cannot be read ({reason}); move it away to start anew."
        ]) from None
    if missing := [name for name in COLUMNS if name not in frame]:
        raise InputError([f"{file} lacks {missing[0]}; move it away to start anew."])
    return frame


def add(folder: Path, row: Mapping[str, Any]) -> None:
    """Write one more row, or that the checkpoint is also what another rule would take."""
    before = read(folder)
    same = (before[IDENTITY] == pd.Series({name: row[name] for name in IDENTITY})).all(axis=1)
    if same.any():
        return
    frame = pd.DataFrame([*before.to_dict("records"), dict(row)], columns=list(COLUMNS))
    whole(folder / FILE, frame.astype(COLUMNS).to_parquet)


def interval(successes: int, number: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson's score interval).

    >>> [round(end, 4) for end in interval(50, 100)]
    [0.4038, 0.5962]
    """
    found = binomtest(successes, number).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
