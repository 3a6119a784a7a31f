"""The checkpoints of simulated runs: small, in the files of real ones."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from trainables.training.checkpoint import METRICS_FILE, STATE_FILE, WEIGHTS_FILE
from trainables.training.report import Report

N_KEPT_CHECKPOINTS = 2
"""Checkpoints of a run that are kept, as on Ray."""


@dataclass(frozen=True, kw_only=True)
class SimulatedState:
    """What a run continues from.

    Attributes:
        level: Index of the level.
        epoch: Epochs trained at this level.
        skill: What the trial has learned so far.
        best: Its best report so far.
    """

    level: int
    epoch: int = 0
    skill: float = 0.0
    best: Report | None = None


def write_checkpoint(folder: Path, report: Report, best: Report, skill: float) -> Path:
    """Write a checkpoint; return its folder.

    Args:
        folder: The folder of the run.
        report: The last epoch.
        best: The best epoch so far.
        skill: What the trial has learned so far.
    """
    path = folder / f"checkpoint_{report.level:02d}{report.epoch:04d}"
    path.mkdir(parents=True, exist_ok=True)
    save_file({"bias": torch.zeros(1)}, path / WEIGHTS_FILE)
    (path / METRICS_FILE).write_text(json.dumps(asdict(best)))
    state = {"level": report.level, "epoch": report.epoch, "skill": skill}
    torch.save(state, path / STATE_FILE)
    return path


def read_checkpoint(path: Path) -> SimulatedState:
    """Return the state in a checkpoint."""
    state = torch.load(path / STATE_FILE, weights_only=True)
    best = Report(**json.loads((path / METRICS_FILE).read_text()))
    return SimulatedState(
        level=state["level"], epoch=state["epoch"], skill=state["skill"], best=best
    )


def delete_old_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a run but the newest, as Ray does."""
    for path in sorted(folder.glob("checkpoint_*"))[:-N_KEPT_CHECKPOINTS]:
        shutil.rmtree(path)
