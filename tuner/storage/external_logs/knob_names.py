"""What other people's logs call the knobs that they were trained with, and what we do."""

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
"""What logs call a knob, and what it is called here."""
MEMBER_NAMES = {
    "l_inf": "linf",
    "l_2": "l2",
    "PreActResNet18": "preact_resnet18",
    "WideResNet": "wide_resnet",
}
"""What logs call a member, and what it is called here."""
PIXEL_KNOBS = ("threat.eps", "attack.step_size")
"""Lengths, which logs give on the scale of 255."""
DEFAULT_WEIGHT_DECAY = 5e-4
"""Weight decay where the logs of arXiv:2002.11569 say none or zero."""
IGNORED_SETTINGS = ("run", "seed", "fname", "data_dir", "resume", "restarts", "eval", "half", "val")
"""Settings that are no knobs."""
DATASET_PATTERN = re.compile(r"cifar100|cifar10|svhn|fashion_mnist|mnist|imagenet")
"""Data sets that the name of a run may tell."""
METRIC_COLUMNS = (
    *("epoch", "lr", "train_seconds", "test_seconds", "train_loss", "train_acc"),
    *("train_robust_loss", "train_robust_acc", "test_loss", "test_acc", "test_robust_loss"),
    *("test_robust_acc", "test_fgsm_acc", "val_loss", "val_acc", "val_robust_loss"),
    "val_robust_acc",
)
"""Columns that are no settings."""


def map_knobs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the knobs of each row by path, missing where a log does not know them.

    Of settings that have no name here those are kept, under their own, that runs of one experiment
    differ in. The experiment is the first part of a run's name; what it varied may be said nowhere
    else.
    """
    found = pd.DataFrame(index=table.index)
    for column, path in KNOB_PATHS.items():
        if column in table:
            value = table[column].replace(MEMBER_NAMES)
            found[path] = value.where(value.notna(), found[path]) if path in found else value
    if {"model", "model.widen"} <= set(found):
        found["model.widen"] = found["model.widen"].where(found["model"] != "preact_resnet18")
    told = table["run"].str.extract(f"({DATASET_PATTERN.pattern})", expand=False)
    found["data"] = found["data"].where(found["data"].notna(), told) if "data" in found else told
    for path in set(PIXEL_KNOBS) & set(found):
        found[path] = found[path] / 255
    if "l2" in table:
        found["optimizer.weight_decay"] = (
            table["l2"].replace(0, np.nan).fillna(DEFAULT_WEIGHT_DECAY)
        )
    if (experiment := experiment_names(table)).ne(table["run"]).any():
        found["experiment"] = experiment
    return found.join(table[list(unmapped_settings(table))])


def experiment_names(table: pd.DataFrame) -> "pd.Series[str]":
    """Return the first part of the name of each row's run."""
    return table["run"].str.partition("/")[0]


def unmapped_settings(table: pd.DataFrame) -> Iterator[str]:
    """Yield settings without a name here that runs of one experiment differ in."""
    for name in map(str, table):
        known = name in {*KNOB_PATHS, *IGNORED_SETTINGS, *METRIC_COLUMNS} or name.startswith((
            "train_",
            "test_",
        ))
        if not known and table[name].map(np.isscalar).all():
            each = table[name].dropna().groupby(experiment_names(table))
            if (each.nunique() > 1).any():
                yield name
