"""Results folders written by hand, as a search writes them."""

import json
from contextlib import closing
from pathlib import Path

import pandas as pd
import yaml

from tuner.layout import EVENT_LOG_FILE, TRIAL_COLUMNS
from tuner.storage.event_log import EventLog


def rising_curve(top):
    """Return four accuracies that rise to `top` at the third and fall by 0.05 after."""
    return [0.25 * top, 0.5 * top, top, top - 0.05]


def epoch_row(trial, epoch, robust):
    return {
        "trial_id": trial,
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "val_clean_accuracy": robust + 0.3,
        "val_robust_accuracy": robust,
        "lr": 0.1,
        "eps": 0.3,
        "gradient_passes": 6.0 * epoch,
        "seconds": 1.5,
        "exam_seconds": 0.5,
        "diverged": False,
        "level": 0,
        "collapsed_at": 0,
        "micro_batch": None,
    }


def trial_row(name, top, *, status="completed", knobs, **others):
    """Return a row of `trials` whose curve is `rising_curve(top)`."""
    return {
        "trial_id": name,
        "status": status,
        **knobs,
        "best_epoch": 3,
        "level": 0,
        "val_clean_accuracy": top + 0.3,
        "val_robust_accuracy": top,
        "val_balanced_clean_accuracy": None,
        "val_balanced_robust_accuracy": None,
        "last_val_robust_accuracy": top - 0.05,
        "robust_overfitting": 0.05,
        "collapsed_at": None,
        "epochs": 4,
        "seconds": 6.0,
        "gradient_passes": 24.0,
        "micro_batch": None,
        "seed": 0,
        "checkpoint": "",
        "error": "",
        **others,
    }


def write_study_folder(folder: Path, rows, *, curves=True, **said) -> Path:
    """Write the results folder of a study that ended and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "command": "python -m tuner.search space=weight_decay",
        "space": "weight_decay",
        "searched": {"optimizer.weight_decay": "loguniform(1e-05, 0.01)"},
        "fixed": {"data": {"name": "mnist5k", "validation": 1000}},
        "study": {"trials": len(rows)},
        "versions": {"torch": "2.15.0"},
        "machine": {"cores": 2},
        "git_commit": "0" * 40,
    }
    text = yaml.safe_dump({**about, **said}, sort_keys=False, allow_unicode=True)
    (folder / "search.yaml").write_text(text, encoding="utf-8")
    pd.DataFrame(rows).astype(TRIAL_COLUMNS).to_parquet(folder / "trials.parquet")
    epochs = [
        epoch_row(row["trial_id"], epoch, robust)
        for row in rows
        for epoch, robust in enumerate(rising_curve(row["val_robust_accuracy"]), start=1)
        if curves
    ]
    pd.DataFrame(epochs).astype({"micro_batch": "Int64"}).to_parquet(folder / "epochs.parquet")
    return folder


def write_small_study_folder(folder: Path, **said) -> Path:
    """Write a study of six trials, of which 0003 is best; 0004 was stopped and 0005 failed."""
    tops = [0.40, 0.45, 0.50, 0.60, 0.35, 0.30]
    rows = [
        trial_row(f"{i:04d}", top, knobs={"optimizer.weight_decay": 10.0 ** (i - 5)})
        for i, top in enumerate(tops)
    ]
    rows[4]["status"] = "stopped"
    rows[5] |= {"status": "failed", "error": "RuntimeError: no more memory"}
    return write_study_folder(folder, rows, **said)


def write_two_run_study(folder: Path) -> Path:
    """Write a study of three trials, of which the first two were trained again at full length.

    Runs have 2 and 3 epochs. The reports came in the order of `REPORTS`.
    """
    tops = {"0000": (0.6, 1, 3), "0001": (0.55, 1, 3), "0002": (0.2, 0, 2)}
    rows = [
        trial_row(name, top, knobs={"a": i + 1, "b": (i + 1) ** 2}, level=level, best_epoch=epoch)
        for i, (name, (top, level, epoch)) in enumerate(tops.items())
    ]
    rows[2]["status"] = "stopped"
    said = {"levels": [{"epochs": 2}, {"epochs": 3}], "scheduler": {"name": "asha"}}
    write_study_folder(folder, rows, **said)
    epochs = [
        epoch_row(trial, epoch, robust) | {"level": level, "gradient_passes": passes}
        for trial, level, epoch, robust, passes in sorted(REPORTS)
    ]
    pd.DataFrame(epochs).astype({"micro_batch": "Int64"}).to_parquet(folder / "epochs.parquet")
    lines = [
        event_line("reported", trial, report={"level": level, "epoch": epoch})
        for trial, level, epoch, _, _ in REPORTS
    ]
    (folder / EVENT_LOG_FILE).write_text("".join(lines))
    return folder


REPORTS = [
    *(("0000", 0, 1, 0.1, 6.0), ("0001", 0, 1, 0.3, 6.0)),
    *(("0000", 0, 2, 0.4, 12.0), ("0001", 0, 2, 0.5, 12.0)),
    *(("0001", 1, 1, 0.2, 18.0), ("0002", 0, 1, 0.1, 6.0), ("0002", 0, 2, 0.2, 12.0)),
    *(("0001", 1, 2, 0.5, 24.0), ("0000", 1, 1, 0.3, 18.0), ("0001", 1, 3, 0.55, 30.0)),
    *(("0000", 1, 2, 0.5, 24.0), ("0000", 1, 3, 0.6, 30.0)),
]
"""Trial, level, epoch, robust accuracy and gradient passes so far, in the order of an event log."""


def hold_event_log(folder):
    """Hold the lock of a study's event log, as a running search does."""
    return closing(EventLog(folder))


def event_line(kind, number, **about):
    """Return a line of an event log."""
    return json.dumps({"event": kind, "trial_id": number, **about}) + "\n"


def began_line(number, knobs):
    return event_line("began", number, knobs=knobs, seed=0, groups={})


def reported_line(number, epoch, robust):
    row = epoch_row(number, epoch, robust)
    del row["trial_id"]
    return event_line("reported", number, report=row)


def ended_line(number):
    return event_line("ended", number, status="completed", error="")
