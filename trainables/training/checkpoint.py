"""Checkpoints: the best weights of a trial, and the state that it resumes from.

No file holds code: weights are safetensors, the rest is read by torch's weights-only loader.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from trainables.binding import bind_member, bound_model, check_member
from trainables.bound_components import BoundModel
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.errors import InputError
from trainables.hparams.trusted_code import trust_files
from trainables.io.addresses import is_url
from trainables.io.remote_files import temporary_copy
from trainables.networks.averaging import Ensemble
from trainables.training.network import build_network
from trainables.training.report import Report
from trainables.training.trial import Trial
from trainables.training.weight_files import is_state_dict, load_torch_file
from trainables.training.weights import (
    hash_tensors,
    load_best_weights,
    load_weights,
    read_metadata,
)

WEIGHTS_FILE, STATE_FILE, METRICS_FILE = "model.safetensors", "state.pt", "metrics.json"


def save(trial: Trial, folder: Path) -> None:
    """Write the best epoch's weights and report, and the state that the next epoch depends on."""
    assert trial.best_report is not None
    weights = {name: tensor.contiguous() for name, tensor in trial.best_weights.items()}
    about = {
        "model": trial.config["model"],
        "shape": trial.dataset.image_format.shape,
        "classes": trial.dataset.classes,
        "sha256": hash_tensors(weights),
    }
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata=metadata)
    (folder / METRICS_FILE).write_text(json.dumps(asdict(trial.best_report)))
    torch.save(
        {
            "level": trial.level,
            "epoch": trial.epoch,
            "passes": trial.gradient_passes,
            "diverged": trial.diverged,
            "collapsed_at": trial.collapsed_at,
            "model": trial.model.state_dict(),
            "optimizer": trial.optimizer.state_dict(),
            "average": trial.average.state_dict(),
            # torch.save stores shared tensors once
            "examined": trial.average.evaluation_model().state_dict(),
            "rng": trial.rng.get_state(),
            "global_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state() if trial.device == "cuda" else None,
            "memory": trial.memory,
            "teacher": trial.trained_teacher.state_dict() if trial.trained_teacher else None,
            "micro_batch": trial.micro_batch,
            "graph_obstacle": trial.graphed.obstacle if trial.graphed else "",
        },
        folder / STATE_FILE,
    )


def restore(trial: Trial, folder: Path) -> None:
    """Restore what `save` wrote."""
    state = torch.load(folder / STATE_FILE, weights_only=True, map_location=trial.device)
    trial.epoch, trial.gradient_passes = state["epoch"], state["passes"]
    trial.diverged, trial.collapsed_at = state["diverged"], state["collapsed_at"]
    trial.model.load_state_dict(state["model"])
    # a trial may resume with other knobs than it was saved with
    param_groups = [
        saved | own  # what only the saved one has is state, such as LAMB's number of steps
        for saved, own in zip(
            state["optimizer"]["param_groups"],
            trial.optimizer.state_dict()["param_groups"],
            strict=True,
        )
    ]
    trial.optimizer.load_state_dict(state["optimizer"] | {"param_groups": param_groups})
    trial.average.load_state_dict(state["average"])
    trial.rng.set_state(state["rng"].cpu())
    torch.set_rng_state(state["global_rng"].cpu())
    if (cuda_rng := state.get("cuda_rng")) is not None and trial.device == "cuda":
        torch.cuda.set_rng_state(cuda_rng.cpu())
    if trial.graphed:
        trial.graphed.obstacle = state.get("graph_obstacle", "")
    trial.memory.update(state["memory"])
    if trial.trained_teacher:
        trial.trained_teacher.load_state_dict(state["teacher"])
    # running out of memory may have made it smaller than configured
    if size := state.get("micro_batch"):
        trial.micro_batch = size
    trial.best_report = Report(**json.loads((folder / METRICS_FILE).read_text()))
    weights = load_best_weights(folder / WEIGHTS_FILE)
    trial.best_weights = {name: tensor.to(trial.device) for name, tensor in weights.items()}


def read_level(folder: Path) -> int:
    """Return the level of a saved trial."""
    level: int = torch.load(folder / STATE_FILE, weights_only=True, map_location="cpu")["level"]
    return level


def checkpoint_position(folder: Path) -> tuple[int, int] | None:
    """Return the level and epoch of a checkpoint; `None`: it is incomplete."""
    try:
        state = load_torch_file(folder / STATE_FILE)
        position = (state["level"], state["epoch"]) if isinstance(state, dict) else None
        json.loads((folder / METRICS_FILE).read_text())
        load_best_weights(folder / WEIGHTS_FILE)
    except (OSError, LookupError, TypeError, ValueError):
        return None
    return position


def load_model(
    path: Path | str, *, last: bool = False, trust: Iterable[Path | str] = ()
) -> nn.Module:
    """Return the network in a folder or weights file, in eval mode.

    Args:
        path: A folder with `model.safetensors`, or such a file; local or remote, for example
            s3://bucket/studies/NAME/best.
        last: Whether to return the network of the last epoch instead, from the state beside it.
        trust: Code files that may define the network; no other file is imported.

    Returns:
        Images (N, C, H, W) in [0, 1] to logits (N, K), normalisation included.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is corrupt, or names a model that this version does not have.
    """
    with trust_files(trust):
        return load_trusted_model(path, last=last)


def load_trusted_model(path: Path | str, *, last: bool) -> nn.Module:
    """Return what `load_model` returns, with the code trusted so far.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is corrupt, or names an unknown model.
    """
    if is_url(str(path)):
        with temporary_copy(str(path)) as copy:
            return load_trusted_model(copy, last=last)
    file = Path(path) / WEIGHTS_FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no weights at {file}; name a folder that holds {WEIGHTS_FILE}.")
    about = read_metadata(file)
    if not about:
        raise InputError([
            f"weights: {file} does not say of what network it is (its model, image shape and "
            f"classes); write weights={file} model=NAME."
        ])
    values = dict(about["model"])
    channels, height, width = about["shape"]
    images = ImageFormat(
        shape=(channels, height, width),
        classes=about["classes"],
        mean=(0.0,) * channels,  # the weights contain the real values
        std=(1.0,) * channels,
    )
    name = str(values.pop("name", ""))
    if problems := list(check_member("model", GROUPS["model"], name, values)):
        raise InputError(problems)
    bound = bound_model(bind_member(GROUPS["model"], name, values))
    weights = load_last_weights(file.parent) if last else load_best_weights(file)
    model = build_for_weights(weights, partial(build_model, bound, name, images))
    load_weights(model, weights, file.with_name(STATE_FILE) if last else file)
    return model.eval()


def build_model(model: BoundModel, name: str, images: ImageFormat) -> nn.Module:
    """Return the network that the bound group `model` describes.

    Args:
        model: The functions of the group.
        name: Name of the model.
        images: Format of the images.

    Raises:
        InputError: If it cannot be built.
    """
    try:
        return build_network(model, images)
    except Exception as error:  # user-supplied code can raise anything
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        raise InputError([
            f"model: {name} cannot be built for images of {images.shape} in {images.classes} "
            f"classes ({reason}); repair it or choose another model=NAME."
        ]) from None


def load_last_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights that were validated after the last epoch of a trial.

    Raises:
        InputError: If they are missing.
    """
    file = folder / STATE_FILE
    if not file.is_file():
        raise InputError([f"rules: last_epoch needs {file}, and there is none."])
    try:
        state = load_torch_file(file)
    except InputError:
        state = None
    weights = state.get("examined") if isinstance(state, Mapping) else None
    if not is_state_dict(weights):
        raise InputError([
            f"rules: last_epoch needs {file}, which is corrupt; leave last_epoch and oracle out."
        ])
    return dict(weights)


def build_for_weights(weights: Mapping[str, Tensor], build: Callable[[], nn.Module]) -> nn.Module:
    """Return a network for `weights`, or an ensemble if they are of several networks."""
    members = {name.split(".")[1] for name in weights if name.startswith("members.")}
    return Ensemble([build() for _ in members]) if members else build()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder; 0 if it is being deleted."""
    try:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0
