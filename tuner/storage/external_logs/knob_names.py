"""Map the setting names of other repositories' logs to knobs of this project."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

KNOB_PATHS = {
    "dataset": "data",
    "norm": "threat",
    "epsilon": "threat.eps",
    "eps": "threat.eps",
    "model": "model",
    "width_factor": "model.widen",
    "method": "method",
    "attack": "attack",
    "attack_iters": "attack.steps",
    "pgd_train_n_iters": "attack.steps",
    "pgd_alpha": "attack.step_size",
    "pgd_alpha_train": "attack.step_size",
    "batch_size": "data.batch_size",
    "lr_max": "optimizer.lr",
    "l2": "optimizer.weight_decay",
    "weight_decay": "optimizer.weight_decay",
    "cutout_len": "data.cutout",
    "mixup_alpha": "data.mixup",
    "lr_schedule": "schedule",
    "epochs": "planned_epochs",
}
"""Name of a setting in logs to the path of the knob."""
MEMBER_NAMES = {
    "l_inf": "linf",
    "l_2": "l2",
    "PreActResNet18": "preact_resnet18",
    "WideResNet": "wide_resnet",
}
"""Value of a setting in logs to the name of the group member."""
PIXEL_KNOBS = ("threat.eps", "attack.step_size")
"""Knobs that logs give in pixel values from 0 to 255."""
DEFAULT_WEIGHT_DECAY = 5e-4
"""Weight decay where the logs of arXiv:2002.11569 give no value or 0."""
IGNORED_SETTINGS = ("run", "seed", "fname", "data_dir", "resume", "restarts", "eval", "half", "val")
"""Settings that are not knobs."""
DATASET_PATTERN = re.compile(r"cifar100|cifar10|svhn|fashion_mnist|mnist|imagenet")
"""Data sets that the name of a run may contain."""
METRIC_COLUMNS = (
    *("epoch", "lr", "train_seconds", "test_seconds", "train_loss", "train_acc"),
    *("train_robust_loss", "train_robust_acc", "test_loss", "test_acc", "test_robust_loss"),
    *("test_robust_acc", "test_fgsm_acc", "val_loss", "val_acc", "val_robust_loss"),
    *("val_robust_acc", "val_fgsm_acc", "val_raw_acc", "val_robust_raw_acc", "val_fgsm_raw_acc"),
    *("test_raw_acc", "test_robust_raw_acc", "average_horizons"),
)
"""Columns that are not settings."""


def map_knobs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the knobs of each row by path, missing where a log does not give them.

    A setting without a knob keeps its name, and is kept only if runs of one experiment differ in
    it. The experiment is the first part of a run's name, and a column if it is not the whole name:
    what the experiment varied may be given nowhere else.
    """
    knobs = pd.DataFrame(index=table.index)
    for column, path in KNOB_PATHS.items():
        if column in table:
            value = table[column].replace(MEMBER_NAMES)
            knobs[path] = value.where(value.notna(), knobs[path]) if path in knobs else value
    if {"model", "model.widen"} <= set(knobs):
        knobs["model.widen"] = knobs["model.widen"].where(knobs["model"] != "preact_resnet18")
    dataset = table["run"].str.extract(f"({DATASET_PATTERN.pattern})", expand=False)
    knobs["data"] = (
        knobs["data"].where(knobs["data"].notna(), dataset) if "data" in knobs else dataset
    )
    for path in set(PIXEL_KNOBS) & set(knobs):
        knobs[path] = knobs[path] / 255
    if "l2" in table:
        knobs["optimizer.weight_decay"] = (
            table["l2"].replace(0, np.nan).fillna(DEFAULT_WEIGHT_DECAY)
        )
    if (experiment := experiment_names(table)).ne(table["run"]).any():
        knobs["experiment"] = experiment
    return knobs.join(table[list(unmapped_settings(table))])


def experiment_names(table: pd.DataFrame) -> "pd.Series[str]":
    """Return the first part of the run name of each row."""
    return table["run"].str.partition("/")[0]


def unmapped_settings(table: pd.DataFrame) -> Iterator[str]:
    """Yield the settings without a knob that runs of one experiment differ in.

    A column that changes within a run is a measurement and no setting.
    """
    for name in map(str, table):
        is_known = name in {*KNOB_PATHS, *IGNORED_SETTINGS, *METRIC_COLUMNS} or name.startswith((
            "train_",
            "test_",
        ))
        if is_known or not table[name].map(np.isscalar).all():
            continue
        if (table.groupby("run")[name].nunique() <= 1).all():
            values = table[name].dropna().groupby(experiment_names(table))
            if (values.nunique() > 1).any():
                yield name
