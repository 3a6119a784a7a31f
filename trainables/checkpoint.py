"""What a trial leaves on disk: its best weights, and what it needs to go on.

Neither file holds code: weights are safetensors, the rest is read by torch's weights-only reader.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainables.bind import filled
from trainables.ensemble import Ensemble
from trainables.groups import GROUPS
from trainables.images import Format
from trainables.report import Report
from trainables.trial import Trial, network

WEIGHTS, STATE, METRICS = "model.safetensors", "state.pt", "metrics.json"


def save(trial: Trial, folder: Path) -> None:
    """Write the best epoch's weights and report, and the state that the next epoch depends on."""
    assert trial.best is not None
    about = {
        "model": json.dumps(trial.config["model"]),
        "shape": json.dumps(trial.dataset.format.shape),
        "classes": json.dumps(trial.dataset.classes),
    }
    weights = {name: tensor.contiguous() for name, tensor in trial.best_weights.items()}
    save_file(weights, folder / WEIGHTS, metadata=about)
    (folder / METRICS).write_text(json.dumps(asdict(trial.best)))
    torch.save(
        {
            "epoch": trial.epoch,
            "passes": trial.passes,
            "diverged": trial.diverged,
            "model": trial.model.state_dict(),
            "optimizer": trial.optimizer.state_dict(),
            "average": trial.average.state_dict(),
            "rng": trial.rng.get_state(),
            "global_rng": torch.get_rng_state(),
            "memory": trial.memory,
        },
        folder / STATE,
    )


def restore(trial: Trial, folder: Path) -> None:
    """Take up where `save` left off."""
    state = torch.load(folder / STATE, weights_only=True, map_location=trial.device)
    trial.epoch, trial.passes, trial.diverged = state["epoch"], state["passes"], state["diverged"]
    trial.model.load_state_dict(state["model"])
    trial.optimizer.load_state_dict(state["optimizer"])
    trial.average.load_state_dict(state["average"])
    trial.rng.set_state(state["rng"].cpu())
    torch.set_rng_state(state["global_rng"].cpu())
    trial.memory.update(state["memory"])
    trial.best = Report(**json.loads((folder / METRICS).read_text()))
    trial.best_weights = load_file(folder / WEIGHTS, device=trial.device)


def load_model(path: Path | str) -> nn.Module:
    """Return the network that a folder such as `best/`, or a file in it, holds; in eval mode.

    Args:
        path: A folder with `model.safetensors`, or such a file.

    Returns:
        Images (N, C, H, W) in [0, 1] to logits (N, K), normalisation included.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If this version does not have the model that the file names.
    """
    file = Path(path) / WEIGHTS if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no weights at {file}; name a folder that holds {WEIGHTS}.")
    with safe_open(file, framework="pt") as opened:
        about = {key: json.loads(text) for key, text in opened.metadata().items()}
    values = dict(about["model"])
    channels, height, width = about["shape"]
    images = Format(
        shape=(channels, height, width),
        classes=about["classes"],
        mean=(0.0,) * channels,  # the true ones are among the weights
        std=(1.0,) * channels,
    )
    parts = filled(GROUPS["model"], values.pop("name"), values)
    weights = load_file(file)
    model = either(weights, lambda: network(parts, images))
    model.load_state_dict(weights)
    return model.eval()


def either(weights: dict[str, Tensor], build: Callable[[], nn.Module]) -> nn.Module:
    """Return a network for `weights`, or an ensemble of them if they are of several."""
    members = {name.split(".")[1] for name in weights if name.startswith("members.")}
    return Ensemble([build() for _ in members]) if members else build()
