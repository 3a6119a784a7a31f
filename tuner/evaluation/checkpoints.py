"""Select the checkpoints of a finished search to evaluate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from torch.nn import Module

from trainables.errors import InputError
from trainables.networks.normalize import describe_normalization
from trainables.training.checkpoint import WEIGHTS_FILE, load_model
from trainables.training.constraint import parse_constraint
from trainables.training.weights import NetworkDescription, read_metadata
from tuner.commands.evaluate import SelectionRule
from tuner.evaluation.best_folder import REWRITE_HINT, read_best_config, read_best_metrics
from tuner.layout import TRIAL_COLUMNS, TRIALS_FILE
from tuner.storage.frames import Row
from tuner.storage.remote_folders import fetch_checkpoints
from tuner.storage.safe_files import path_problem

REQUIRED_COLUMNS = (
    "trial_id",
    "status",
    "best_epoch",
    "val_clean_accuracy",
    "val_robust_accuracy",
    "seed",
    "checkpoint",
)
"""Columns of `trials.parquet` that the selection reads."""


@dataclass(frozen=True, kw_only=True)
class CheckpointRef:
    """One checkpoint.

    Attributes:
        path: Folder or file that holds it.
        rule: Selection rule that selects it.
        trial_id: Trial that saved it; "": it is not from a search.
        is_last_epoch: Whether it is the trial's last epoch rather than its best.
        seed: Seed of the trial.
        loader: Function that loads the network; `None`: `load_model`.
        model_name: Member of `model` that built it; "": the file names it.
        normalization_source: Where its normalisation comes from: "file", "data", "none", "given" or
            "measured" (mean and deviation of the training images).
        notes: What was done to load it, for the user.
    """

    path: Path
    rule: str
    trial_id: str = ""
    is_last_epoch: bool = False
    seed: int | None = None
    loader: Callable[[], Module] | None = None
    model_name: str = ""
    normalization_source: str = "file"
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name in messages."""
        which = "last epoch" if self.is_last_epoch else "best epoch"
        return f"trial {self.trial_id}, {which}" if self.trial_id else str(self.path)

    def load(self) -> Module:
        """Return the network.

        Raises:
            InputError: If the checkpoint is missing or incomplete.
        """
        try:
            return self.loader() if self.loader else load_model(self.path, last=self.is_last_epoch)
        except FileNotFoundError as error:
            raise InputError([str(error)]) from None

    def describe_normalization(self, model: Module) -> str:
        """Return how its network normalises images, for the table."""
        constants = describe_normalization(model)
        return constants if constants == "none" else f"{self.normalization_source}: {constants}"

    def read_description(self) -> NetworkDescription:
        """Return the file's description of its network; empty if `model_name` is set."""
        file = self.path / WEIGHTS_FILE if self.path.is_dir() else self.path
        return {} if self.model_name else read_metadata(file)

    def model_member(self) -> str:
        """Return the name of the member of `model` that built the network."""
        return self.model_name or str(self.read_description()["model"]["name"])


def find_checkpoints(
    folder: Path, *, top: int, rules: tuple[SelectionRule, ...], seeds: bool
) -> list[CheckpointRef]:
    """Return the checkpoints to evaluate.

    Args:
        folder: Results folder of a finished search.
        top: Number of trials, ranked as the search ranks them.
        rules: Rules that select a checkpoint of each trial; `oracle` evaluates all of them.
        seeds: Whether to take all trials with the winner's knobs instead of the best `top`.

    Raises:
        InputError: If a selected trial has no checkpoint.
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
    if deleted := list(rows.loc[~kept, "trial_id"]):
        which = "seeds: of those with the winner's knobs" if seeds else f"top: of the best {top}"
        raise InputError([
            f"{which}, trial {deleted[0]} has no checkpoint any more: disk_budget deletes those "
            f"of the worst trials; write {'seeds=false' if seeds else 'a smaller top='}."
        ])
    checkpoints = [
        checkpoint
        for row in rows.to_dict("records")
        for checkpoint in trial_checkpoints(folder, row, rules)
    ]
    fetch_checkpoints(folder, [checkpoint.path for checkpoint in checkpoints])
    missing = [c.path for c in checkpoints if not (c.path / WEIGHTS_FILE).is_file()]
    if missing:
        raise InputError([f"{folder}: {missing[0]} holds no {WEIGHTS_FILE}."])
    return checkpoints


def best_checkpoint(folder: Path) -> CheckpointRef:
    """Return the checkpoint in `best/`, which exists even if the trial's folder is deleted."""
    about = read_best_metrics(folder)
    return CheckpointRef(
        path=folder / "best", rule="best_validation_robust", trial_id=str(about["trial_id"])
    )


def trial_checkpoints(
    folder: Path, row: Row, rules: tuple[SelectionRule, ...]
) -> Iterator[CheckpointRef]:
    """Yield the checkpoints of one trial that the rules select from."""
    about = {"path": folder / row["checkpoint"], "trial_id": row["trial_id"], "seed": row["seed"]}
    if {"best_validation_robust", "oracle"} & set(rules):
        yield CheckpointRef(rule="best_validation_robust", **about)
    if {"last_epoch", "oracle"} & set(rules):
        yield CheckpointRef(rule="last_epoch", is_last_epoch=True, **about)


def read_ranked_trials(folder: Path) -> pd.DataFrame:
    """Return the trials that reported an epoch, best first.

    Raises:
        InputError: If the table is missing or corrupt.
    """
    file = folder / TRIALS_FILE
    try:
        frame = pd.read_parquet(file)
    except Exception as error:  # an untrusted file can fail in any way
        reason = str(error).partition("\n")[0] if file.exists() else "there is none"
        raise InputError([
            f"{file}: cannot be read ({reason}), but top=, rules= and seeds= need it; "
            f"{REWRITE_HINT}."
        ]) from None
    try:
        frame = frame.astype({name: TRIAL_COLUMNS[name] for name in REQUIRED_COLUMNS})
    except (LookupError, ValueError, TypeError) as error:
        raise InputError([f"{file}: is not a table of trials ({error}); {REWRITE_HINT}."]) from None
    if frame[["trial_id", "checkpoint"]].isna().any(axis=None):
        raise InputError([f"{file}: has gaps in trial_id or checkpoint; {REWRITE_HINT}."])
    if problems := list(check_checkpoint_paths(file, frame)):
        raise InputError(problems)
    validated = frame[frame["val_robust_accuracy"].notna()]
    bound = read_best_config(folder).get("constraint")
    limit = parse_constraint(str(bound)) if bound else None
    scores = [
        (max(0.0, limit.violation(robust=robust, clean=clean)) if limit else 0.0, -robust, -clean)
        for robust, clean in zip(
            validated["val_robust_accuracy"], validated["val_clean_accuracy"], strict=True
        )
    ]
    # a stable sort: of equal trials the earlier one comes first, as in the search
    return validated.iloc[sorted(range(len(validated)), key=scores.__getitem__)]


def check_checkpoint_paths(file: Path, frame: pd.DataFrame) -> Iterator[str]:
    """Yield a problem for each trial whose checkpoint lies outside the results folder."""
    for trial, path in frame[["trial_id", "checkpoint"]].itertuples(index=False):
        if path and (flaw := path_problem(path)):
            yield f"{file}: the checkpoint of trial {trial} {flaw}; {REWRITE_HINT}."


def select_winner_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that differ from the first one in the seed alone."""
    columns = list(table.columns)
    searched = columns[2 : columns.index("best_epoch")]
    if not searched:
        return table
    alike = (table[searched].astype(str) == table[searched].astype(str).iloc[0]).all(axis=1)
    return table[alike]
