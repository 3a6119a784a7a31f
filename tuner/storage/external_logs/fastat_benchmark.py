"""Logs and tables of FastAT_Benchmark (arXiv:2604.22853), of runs with and without an average.

A log names the method and its settings as `name: value`, and has a section per epoch:
`============ Epoch 0 ============`, `Training loss: 2.29`, `WA Model - PGD accuracy: 0.12` and so
on. A table has the columns `model_pgd_acc`, `wa_pgd_acc` and so on.
"""

import ast
import re
from collections.abc import Iterator

import pandas as pd

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
NETWORKS = {"WA Model - ": "", "Model - ": "raw_"}
"""Prefix of a line to that of the column; without an average, lines have no prefix."""
TABLE_COLUMNS = {
    "val_acc": ("wa_val_acc", "model_val_acc"),
    "val_fgsm_acc": ("wa_fgsm_acc", "model_fgsm_acc"),
    "val_robust_acc": ("wa_pgd_acc", "model_pgd_acc"),
    "raw_val_acc": ("model_val_acc",),
    "raw_val_robust_acc": ("model_pgd_acc",),
    "train_robust_acc": ("train_acc",),
}
"""Column here to the columns of a table, the first of which that has a value counts."""
ASSUMED: dict[str, object] = {"norm": "l_inf", "epsilon": 8.0, "model": "resnet18"}
"""Settings that all configurations of the benchmark share, which its logs do not give."""
NOTES = (
    "FastAT_Benchmark: val_* is the moving average of the weights where there is one; raw_* is the "
    "network itself",
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
    return pd.DataFrame([ASSUMED | settings | row for row in rows])


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
        prefix = next((prefix for prefix in NETWORKS if line.startswith(prefix)), "")
        name, _, value = line.removeprefix(prefix).partition(": ")
        number = re.match(r"[\d.]+", value)
        if name in MEASURES and number:
            yield NETWORKS.get(prefix, "") + MEASURES[name], float(number[0])


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
    return frame
