"""The results of a study: the winner, the frames of trials and epochs, and the networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from torch import nn

from trainables.errors import InputError
from trainables.training.checkpoint import load_model
from tuner.cli.format import format_percent, format_value
from tuner.evaluation import table
from tuner.evaluation.best_folder import read_best_config, read_best_metrics
from tuner.evaluation.checkpoints import read_ranked_trials
from tuner.layout import EPOCHS_FILE, TRIALS_FILE
from tuner.storage.remote_folders import fetch_checkpoints

BEST_FOLDER = "best"


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best trial of a study, at its best epoch.

    Attributes:
        trial_id: Number of the trial.
        knobs: Values of the knobs in which trials differ, by path.
        config: The whole configuration, as in best/config.yaml.
        metrics: What the trial reported in that epoch, as in best/metrics.json: accuracies are
            fractions on the validation split, which are optimistically biased, as they are the
            best of many.
        checkpoint: Folder that holds the weights.
    """

    trial_id: str
    knobs: Mapping[str, object]
    config: Mapping[str, object]
    metrics: Mapping[str, object]
    checkpoint: Path

    @property
    def robust_accuracy(self) -> float:
        """Robust accuracy on the validation split, in [0, 1]."""
        return float(str(self.metrics["val_robust_accuracy"]))

    @property
    def clean_accuracy(self) -> float:
        """Accuracy without attack on the validation split, in [0, 1]."""
        return float(str(self.metrics["val_clean_accuracy"]))

    def __str__(self) -> str:
        """Return the trial, its knobs and its accuracies."""
        knobs = "".join(f" {path}={format_value(value)}" for path, value in self.knobs.items())
        return (
            f"trial {self.trial_id},{knobs}: robust {format_percent(self.robust_accuracy)} %, "
            f"clean {format_percent(self.clean_accuracy)} %, epoch {self.metrics['epoch']}"
        )


class Result:
    """The results of a study, read from its folder.

    The frames are read when they are first used; `Study.load(FOLDER).result` reads them again.

    Attributes:
        folder: The results folder on this machine.
        trust: Python files that the results may name and that may run.
    """

    def __init__(self, folder: Path | str, *, trust: tuple[str, ...] = ()) -> None:
        """Read nothing yet.

        Args:
            folder: The results folder on this machine.
            trust: Python files that the results may name and that may run.
        """
        self.folder = Path(folder)
        self.trust = trust

    def __repr__(self) -> str:
        """Return the folder, how the trials ended, and the best trial."""
        try:
            ends = self.trials["status"].value_counts(sort=False).items()
            words = ", ".join(f"{count} {status}" for status, count in ends)
            return f"Result({str(self.folder)!r}): {words}\n  best: {self.best}"
        except InputError as error:
            return f"Result({str(self.folder)!r}): {' '.join(error.problems)}"

    @property
    def best(self) -> Best:
        """The best trial.

        Raises:
            InputError: If no trial has completed an epoch, or the files of the best are corrupt.
        """
        config, metrics = read_best_config(self.folder), read_best_metrics(self.folder)
        knobs = metrics.pop("knobs")
        assert isinstance(knobs, Mapping)
        return Best(
            trial_id=str(metrics.pop("trial_id")),
            knobs=knobs,
            config=config,
            metrics=metrics,
            checkpoint=self.folder / BEST_FOLDER,
        )

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per trial: status, knobs, accuracies, cost, checkpoint, error.

        Raises:
            InputError: If no trial has ended, or the file cannot be read.
        """
        return self._read_frame(TRIALS_FILE)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row per trial and epoch: everything that the trial reported.

        Raises:
            InputError: If no trial has ended, or the file cannot be read.
        """
        return self._read_frame(EPOCHS_FILE)

    @property
    def evaluation(self) -> pd.DataFrame:
        """One row per checkpoint and attack on the test split; empty before an evaluation.

        Raises:
            InputError: If the file is corrupt.
        """
        return table.read_table(self.folder)

    def load_model(self, trial_id: str | None = None, *, last: bool = False) -> nn.Module:
        """Return the network of the best trial, or of another one, in eval mode.

        Args:
            trial_id: Number of a trial, as in `trials`; `None`: the best one.
            last: Whether to return the network of its last epoch instead of its best one. `best/`
                has none, so that it needs `trial_id`.

        Returns:
            Images (N, C, H, W) in [0, 1] to logits (N, K), normalisation included.

        Raises:
            InputError: If there is no such trial, it has no checkpoint, or that is corrupt.
        """
        checkpoint = self.best.checkpoint if trial_id is None else self._find_checkpoint(trial_id)
        try:
            return load_model(checkpoint, last=last, trust=self.trust)
        except FileNotFoundError as error:
            raise InputError([f"{checkpoint}: {error}"]) from None

    def _find_checkpoint(self, trial_id: str) -> Path:
        """Return the folder of a trial's checkpoint, fetched if it is remote.

        Raises:
            InputError: If there is no such trial, or it has no checkpoint.
        """
        trials = read_ranked_trials(self.folder).set_index("trial_id")
        if trial_id not in trials.index:
            first, last = trials.index.min(), trials.index.max()
            raise InputError([
                f"trial_id: must be that of a trial that completed an epoch, {first} to {last}, "
                f"got {trial_id!r}."
            ])
        path = str(trials.loc[trial_id, "checkpoint"])
        if not path:
            raise InputError([
                f"trial_id: trial {trial_id} has no checkpoint any more: disk_budget deletes "
                "those of the worst trials."
            ])
        fetch_checkpoints(self.folder, [self.folder / path])
        return self.folder / path

    def _read_frame(self, name: str) -> pd.DataFrame:
        """Return a frame of the folder.

        Raises:
            InputError: If it cannot be read.
        """
        file = self.folder / name
        if not file.is_file():
            raise InputError([
                f"{file}: there is no such file; a study writes it when its first trial has ended."
            ])
        try:
            return pd.read_parquet(file)
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError([
                f"{file}: cannot be read ({reason}); rerun its search with resume=auto to rewrite "
                "it."
            ]) from None
