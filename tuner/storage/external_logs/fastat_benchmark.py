"""Logs and tables of FastAT_Benchmark (arXiv:2604.22853), of runs with and without an average.

A log names the method and its settings as `name: value`, and has a section per epoch:
`============ Epoch 0 ============`, `Training loss: 2.29`, `WA Model - PGD accuracy: 0.12` and so
on. A table has the columns `model_pgd_acc`, `wa_pgd_acc` and so on.
"""

import ast
import math
import re
from collections.abc import Iterator

import pandas as pd

from tuner.storage.external_logs.losses import mark_divergence

EPOCH_HEADING = re.compile(r"=+ Epoch (\d+) =+")
SETTING = re.compile(r"([A-Za-z][\w ]*): (\S+)$")
MEASURES = {
    "Training time": "train_seconds",
    "Training loss": "train_loss",
    "Training accuracy": "train_robust_acc",
    "Validation time": "test_seconds",
    "Validation accuracy": "val_acc",
    "FGSM accuracy": "val_fgsm_acc",
    "PGD accuracy": "val_robust_acc",
}
"""What a line of an epoch gives to the name of the column."""
RAW_MEASURES = {
    "Validation accuracy": "val_raw_acc",
    "FGSM accuracy": "val_fgsm_raw_acc",
    "PGD accuracy": "val_robust_raw_acc",
}
"""The same for the trained network beside an average of its weights."""
PREFIXES = {"WA Model - ": MEASURES, "Model - ": RAW_MEASURES}
"""Prefix of a line to its columns; without an average, lines have no prefix."""
DECAY, STEPS = 0.9995, 383
"""Decay of the average at each step, and steps of an epoch: 49,000 images in batches of 128."""
REPLAYS = {"free_at": 4}
"""Methods that repeat each batch, and how often."""
TABLE_COLUMNS = {
    "val_acc": ("wa_val_acc", "model_val_acc"),
    "val_fgsm_acc": ("wa_fgsm_acc", "model_fgsm_acc"),
    "val_robust_acc": ("wa_pgd_acc", "model_pgd_acc"),
    "train_robust_acc": ("train_acc",),
}
"""Column here to the columns of a table, the first of which that has a value counts."""
ASSUMED: dict[str, str | float] = {"norm": "l_inf", "epsilon": 8.0, "model": "resnet18"}
"""Settings that all configurations of the benchmark share, which its logs do not give."""
NOTES = (
    "FastAT_Benchmark: val_* is the moving average of the weights where there is one; *_raw is the "
    "trained network",
    "assumed for FastAT_Benchmark: linf, eps 8/255, ResNet-18, as its configurations say",
)


def is_benchmark_log(text: str) -> bool:
    """Return whether a log has the format of the benchmark."""
    return EPOCH_HEADING.search(text) is not None


def parse_benchmark_log(text: str) -> pd.DataFrame:
    """Return a log as a table: one row per epoch, with the settings in every row."""
    head, *sections = EPOCH_HEADING.split(text)
    settings = dict(parse_settings(head))
    rows = [
        {"epoch": int(number), **dict(parse_measures(content))}
        for number, content in zip(sections[::2], sections[1::2], strict=True)
    ]
    frame = pd.DataFrame([ASSUMED | {"method": ""} | settings | row for row in rows])
    return add_horizons(frame, frame["epoch"] + 1)


def parse_settings(head: str) -> Iterator[tuple[str, object]]:
    r"""Yield the settings before the first epoch.

    >>> dict(parse_settings("Method: elle\nSeed: 0\nlin_reg: 1.0"))
    {'method': 'elle', 'seed': 0, 'lin_reg': 1.0}
    """
    for line in head.splitlines():
        if match := SETTING.match(line.strip()):
            name, value = match[1].lower().replace(" ", "_"), match[2]
            try:
                yield name, ast.literal_eval(value)
            except (ValueError, SyntaxError):
                yield name, value


def parse_measures(section: str) -> Iterator[tuple[str, float]]:
    r"""Yield column and value of each line of an epoch.

    >>> dict(parse_measures("Training loss: 2.2904\nWA Model - PGD accuracy: 0.1190"))
    {'train_loss': 2.2904, 'val_robust_acc': 0.119}
    """
    for line in section.splitlines():
        prefix = next((prefix for prefix in PREFIXES if line.startswith(prefix)), "")
        columns = PREFIXES.get(prefix, MEASURES)
        name, _, value = line.removeprefix(prefix).partition(": ")
        number = re.match(r"[\d.]+|nan|inf", value)
        if name in columns and number:
            yield columns[name], mark_divergence(columns[name], float(number[0]))


def is_benchmark_table(table: pd.DataFrame) -> bool:
    """Return whether a table has the columns of the benchmark."""
    return {"method", "seed", "epoch", "model_pgd_acc", "wa_pgd_acc"} <= {*table.columns}


def convert_benchmark_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the benchmark under the names of this project."""
    names = ("dataset", "method", "seed")
    run = table[[name for name in names if name in table]].astype(str).agg("/".join, axis=1)
    frame = table[[name for name in (*names, "epoch") if name in table]].assign(run=run)
    for name, value in ASSUMED.items():
        frame[name] = value
    for name, columns in TABLE_COLUMNS.items():
        values = table.reindex(columns=list(columns)).bfill(axis=1)
        frame[name] = values.iloc[:, 0]
    has_average = table["wa_pgd_acc"].notna()
    frame["val_raw_acc"] = table["model_val_acc"].where(has_average)
    frame["val_robust_raw_acc"] = table["model_pgd_acc"].where(has_average)
    return add_horizons(frame, table["epoch"])


def add_horizons(frame: pd.DataFrame, epochs: "pd.Series[int]") -> pd.DataFrame:
    """Return a table with `average_horizons`, as in `Report`, where there is an average.

    Args:
        frame: One row per epoch.
        epochs: Epochs so far of each row.
    """
    if "val_robust_raw_acc" not in frame:
        return frame
    steps = epochs * frame["method"].map(REPLAYS).fillna(1) * STEPS
    horizons = -math.log(DECAY) * steps
    return frame.assign(average_horizons=horizons.where(frame["val_robust_raw_acc"].notna()))
