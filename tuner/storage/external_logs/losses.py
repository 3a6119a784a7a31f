"""Distinguish a loss written as nan, of a run that diverged, from one that is not written."""

import math
from pathlib import Path

import numpy as np
import pandas as pd


def mark_divergence(name: str, value: float) -> float:
    """Return a measured value, infinite if it is a loss of nan: a missing value is nan in tables.

    >>> mark_divergence("train_loss", math.nan), mark_divergence("val_acc", math.nan)
    (inf, nan)
    """
    return math.inf if math.isnan(value) and "loss" in name.lower() else value


def read_table(file: Path) -> pd.DataFrame:
    """Return a table with losses that are written as nan, unlike empty cells, as infinite."""
    table = pd.read_csv(file)
    losses = [
        name
        for name in map(str, table.columns)
        if "loss" in name.lower() and pd.api.types.is_float_dtype(table[name])
    ]
    if losses:
        written = pd.read_csv(file, dtype=str, keep_default_na=False)[losses]
        is_nan = written.apply(lambda column: column.str.strip(" +-").str.lower() == "nan")
        table[losses] = table[losses].mask(is_nan, np.inf)
    return table
