"""Which checkpoints of a finished search an evaluation looks at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from torch.nn import Module

from trainables.errors import InputError
from trainables.training.checkpoint import WEIGHTS_FILE, load_model, read_metadata
from trainables.training.constraint import parse_constraint
from tuner.evaluation.best_folder import REWRITE_HINT, read_best_config, read_best_metrics
from tuner.layout import TRIAL_COLUMNS, TRIALS_FILE
from tuner.storage.remote_copy import fetch_checkpoints
from tuner.storage.safe_paths import path_problem

SelectionRule = Literal["best_validation_robust", "last_epoch", "oracle"]
REQUIRED_COLUMNS = (
    "trial_id",
    "status",
    "best_epoch",
    "val_clean_accuracy",
    "val_robust_accuracy",
    "seed",
    "checkpoint",
)
"""Columns of `trials` that choose among its rows."""


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """One checkpoint.

    Attributes:
        trial_id: The trial that left it; none if it came from elsewhere.
        rule: What would select it.
        path: The folder or file that holds it.
        is_last_epoch: Whether it is the trial's last epoch rather than its best.
        seed: The trial's.
        loader: How to read it, if not as the trials of a search leave it.
        model_name: Name of the member of `model` that it is, if it does not say so itself.
    """

    path: Path
    rule: str
    trial_id: str = ""
    is_last_epoch: bool = False
    seed: int | None = None
    loader: Callable[[], Module] | None = None
    model_name: str = ""

    @property
    def label(self) -> str:
        """Its name to a reader."""
        which = "last epoch" if self.is_last_epoch else "best epoch"
        return f"trial {self.trial_id}, {which}" if self.trial_id else str(self.path)

    def load(self) -> Module:
        """Return the network.

        Raises:
            InputError: If the checkpoint is not there or not whole.
        """
        try:
            return self.loader() if self.loader else load_model(self.path, last=self.is_last_epoch)
        except FileNotFoundError as error:
            raise InputError([str(error)]) from None

    def read_description(self) -> dict[str, Any]:
        """Return what the checkpoint says of its network; nothing if that had to be told."""
        file = self.path / WEIGHTS_FILE if self.path.is_dir() else self.path
        return {} if self.model_name else read_metadata(file)

    def model_member(self) -> str:
        """Return the name of the member of `model` that it is."""
        return self.model_name or str(self.read_description()["model"]["name"])


def find_checkpoints(
    folder: Path, *, top: int, rules: tuple[SelectionRule, ...], seeds: bool
) -> list[CheckpointRef]:
    """Return what to evaluate.

    Args:
        folder: Of a finished search.
        top: How many trials, best first as the search has them.
        rules: How a checkpoint of each may be selected; the oracle looks at all of them.
        seeds: Whether to take every trial with the winner's knobs instead.

    Raises:
        InputError: If a trial that is asked for has left nothing.
    """
    if top == 1 and not seeds and rules == ("best_validation_robust",):
        return [best_checkpoint(folder)]
    table = read_ranked_trials(folder)
    rows = select_winner_seeds(table) if seeds else table.head(top)
    kept = table["checkpoint"] != ""
    if not seeds and kept.sum() < top:
        raise InputError([
            f"top: must be at most the {kept.sum()} trials with a checkpoint, got {top}."
        ])
    if gone := list(rows.loc[~kept, "trial_id"]):
        which = "seeds: of those with the winner's knobs" if seeds else f"top: of the best {top}"
        raise InputError([
            f"{which}, trial {gone[0]} has no checkpoint any more, for disk_budget deletes those "
            f"of the worst; write {'seeds=false' if seeds else 'a smaller top='}."
        ])
    found = [
        each for row in rows.to_dict("records") for each in trial_checkpoints(folder, row, rules)
    ]
    fetch_checkpoints(folder, [each.path for each in found])
    missing = [each.path for each in found if not (each.path / WEIGHTS_FILE).is_file()]
    if missing:
        raise InputError([f"{folder}: {missing[0]} holds no {WEIGHTS_FILE}."])
    return found


def best_checkpoint(folder: Path) -> CheckpointRef:
    """Return the checkpoint in `best/`, which outlives the trials' own."""
    about = read_best_metrics(folder)
    return CheckpointRef(
        path=folder / "best", rule="best_validation_robust", trial_id=about["trial_id"]
    )


def trial_checkpoints(
    folder: Path, row: Mapping[Any, Any], rules: tuple[SelectionRule, ...]
) -> Iterator[CheckpointRef]:
    """Yield the checkpoints of one trial that any of the rules looks at."""
    about = {"path": folder / row["checkpoint"], "trial_id": row["trial_id"], "seed": row["seed"]}
    if {"best_validation_robust", "oracle"} & set(rules):
        yield CheckpointRef(rule="best_validation_robust", **about)
    if {"last_epoch", "oracle"} & set(rules):
        yield CheckpointRef(rule="last_epoch", is_last_epoch=True, **about)


def read_ranked_trials(folder: Path) -> pd.DataFrame:
    """Return the trials that reported an epoch, best first.

    Raises:
        InputError: If the table is missing or broken.
    """
    file = folder / TRIALS_FILE
    try:
        frame = pd.read_parquet(file)
    except Exception as error:  # a stranger's file can fail in any way
        reason = str(error).partition("\n")[0] if file.exists() else "there is none"
        raise InputError([
            f"{file}: cannot be read ({reason}), which top=, rules= and seeds= need; {REWRITE_HINT}."
        ]) from None
    try:
        frame = frame.astype({name: TRIAL_COLUMNS[name] for name in REQUIRED_COLUMNS})
    except (LookupError, ValueError, TypeError) as error:
        raise InputError([f"{file}: is no table of trials ({error}); {REWRITE_HINT}."]) from None
    if frame[["trial_id", "checkpoint"]].isna().any(axis=None):
        raise InputError([f"{file}: has gaps in trial_id or checkpoint; {REWRITE_HINT}."])
    if problems := list(check_checkpoint_paths(file, frame)):
        raise InputError(problems)
    examined = frame[frame["val_robust_accuracy"].notna()]
    bound = read_best_config(folder).get("constraint")
    limit = parse_constraint(bound) if bound else None
    scores = [
        (max(0.0, limit.violation(robust=robust, clean=clean)) if limit else 0.0, -robust, -clean)
        for robust, clean in zip(
            examined["val_robust_accuracy"], examined["val_clean_accuracy"], strict=True
        )
    ]
    # stable, so that the winner of a tie is the earlier trial, as it is in the search
    return examined.iloc[sorted(range(len(examined)), key=scores.__getitem__)]


def check_checkpoint_paths(file: Path, frame: pd.DataFrame) -> Iterator[str]:
    """Yield which trials of a table have checkpoints that lie outside their results folder."""
    for trial, path in frame[["trial_id", "checkpoint"]].itertuples(index=False):
        if path and (flaw := path_problem(path)):
            yield f"{file}: the checkpoint of trial {trial} {flaw}; {REWRITE_HINT}."


def select_winner_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that differ from the first in nothing but the seed."""
    columns = list(table.columns)
    searched = columns[2 : columns.index("best_epoch")]
    if not searched:
        return table
    alike = (table[searched].astype(str) == table[searched].astype(str).iloc[0]).all(axis=1)
    return table[alike]
