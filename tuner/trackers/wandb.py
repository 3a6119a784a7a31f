"""Weights & Biases: `wandb` in the results folder, offline unless WANDB_MODE says otherwise."""

import os
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

REQUIRES = "wandb"
PROJECT = "attuner"


def build(*, folder: Path) -> "WandbTracker":
    """Return the group of a study's runs, named after its results folder.

    Args:
        folder: The results folder.
    """
    return WandbTracker(import_module("wandb"), folder)


class WandbTracker:
    """A group of runs."""

    def __init__(self, wandb: Any, folder: Path) -> None:  # noqa: ANN401
        self.wandb, self.folder = wandb, folder

    def begin(self, trial: str, knobs: Mapping[str, object]) -> "WandbRun":
        """Return the run of a trial; delete an earlier offline run.

        A server ignores epochs that it has already.
        """
        name = f"{self.folder.name}-{trial}"
        for before in (self.folder / "wandb").glob(f"offline-run-*-{name}"):
            shutil.rmtree(before)
        run = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            mode=os.environ.get("WANDB_MODE", "offline"),
            group=self.folder.name,
            id=name,
            name=trial,
            resume="allow",
            reinit="create_new",
            config=dict(knobs),
            dir=str(self.folder),
            settings=self.wandb.Settings(
                silent=True, console="off", disable_git=True, disable_code=True
            ),
        )
        return WandbRun(run)


class WandbRun:
    """One run."""

    def __init__(self, run: Any) -> None:  # noqa: ANN401
        self.run = run

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        self.run.log(dict(values), step=step)

    def end(self, *, failed: bool) -> None:
        """Finish the run."""
        self.run.finish(exit_code=int(failed))
