"""What a trial leaves on disk: its best weights, and what it needs to go on.

Neither file holds code: weights are safetensors, the rest is read by torch's weights-only reader.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import Json, PositiveInt, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainables.binding import bind_member, check_member
from trainables.bound_components import BoundModel, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.errors import InputError
from trainables.hparams.trusted_code import trust_files
from trainables.io.remote_files import is_url, temporary_copy
from trainables.networks.ensemble import Ensemble
from trainables.training.report import Report
from trainables.training.trial import Trial, build_network
from trainables.training.weights import is_state_dict, load_tensors, load_torch_file, load_weights

WEIGHTS_FILE, STATE_FILE, METRICS_FILE = "model.safetensors", "state.pt", "metrics.json"


def save(trial: Trial, folder: Path) -> None:
    """Write the best epoch's weights and report, and the state that the next epoch depends on."""
    assert trial.best_report is not None
    about = {
        "model": json.dumps(trial.config["model"]),
        "shape": json.dumps(trial.dataset.image_format.shape),
        "classes": json.dumps(trial.dataset.classes),
    }
    weights = {name: tensor.contiguous() for name, tensor in trial.best_weights.items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata=about)
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
            # tensors that another entry holds as well take no room
            "examined": trial.average.evaluation_model().state_dict(),
            "rng": trial.rng.get_state(),
            "global_rng": torch.get_rng_state(),
            "memory": trial.memory,
            "micro_batch": trial.micro_batch,
        },
        folder / STATE_FILE,
    )


def restore(trial: Trial, folder: Path) -> None:
    """Take up where `save` left off."""
    state = torch.load(folder / STATE_FILE, weights_only=True, map_location=trial.device)
    trial.epoch, trial.gradient_passes = state["epoch"], state["passes"]
    trial.diverged, trial.collapsed_at = state["diverged"], state["collapsed_at"]
    trial.model.load_state_dict(state["model"])
    # a trial may go on with other knobs than it was saved with
    own = trial.optimizer.state_dict()["param_groups"]
    trial.optimizer.load_state_dict(state["optimizer"] | {"param_groups": own})
    trial.average.load_state_dict(state["average"])
    trial.rng.set_state(state["rng"].cpu())
    torch.set_rng_state(state["global_rng"].cpu())
    trial.memory.update(state["memory"])
    if size := state.get("micro_batch"):  # an accident may have made it smaller than configured
        trial.micro_batch = size
    trial.best_report = Report(**json.loads((folder / METRICS_FILE).read_text()))
    trial.best_weights = load_file(folder / WEIGHTS_FILE, device=trial.device)


def read_level(folder: Path) -> int:
    """Return which of its whole runs a trial was in when it was saved."""
    level: int = torch.load(folder / STATE_FILE, weights_only=True, map_location="cpu")["level"]
    return level


def checkpoint_position(folder: Path) -> tuple[int, int] | None:
    """Return the level and epoch that `save` left in a folder, or none if it is not whole."""
    try:
        state = load_torch_file(folder / STATE_FILE)
        moment = state["level"], state["epoch"]
        json.loads((folder / METRICS_FILE).read_text())
        read_metadata(folder / WEIGHTS_FILE)
    except (OSError, LookupError, TypeError, ValueError):
        return None
    return moment


def load_model(
    path: Path | str, *, last: bool = False, trust: Iterable[Path | str] = ()
) -> nn.Module:
    """Return the network that a folder such as `best/`, or a file in it, holds; in eval mode.

    Args:
        path: A folder with `model.safetensors`, or such a file; or the address of one, such as
            s3://bucket/studies/NAME/best.
        last: Whether to return the network of the last epoch instead, from the state beside it.
        trust: Files of code that may define it. What a file names and you do not is not imported.

    Returns:
        Images (N, C, H, W) in [0, 1] to logits (N, K), normalisation included.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is broken, or this version does not have the model that the file names.
    """
    with trust_files(trust):
        return load_trusted_model(path, last=last)


def load_trusted_model(path: Path | str, *, last: bool) -> nn.Module:
    """Return what `load_model` does, by such code as is trusted.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is broken, or of no network that can be had.
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
        mean=(0.0,) * channels,  # the true ones are among the weights
        std=(1.0,) * channels,
    )
    name = values.pop("name", None)
    if wrong := list(check_member("model", GROUPS["model"], name, values)):
        raise InputError(wrong)
    bound = bound_model(bind_member(GROUPS["model"], name, values))
    weights = load_last_weights(file.parent) if last else load_tensors(file)
    model = build_for_weights(weights, partial(build_model, bound, str(name), images))
    load_weights(model, weights, file.with_name(STATE_FILE) if last else file)
    return model.eval()


def build_model(model: BoundModel, name: str, images: ImageFormat) -> nn.Module:
    """Return the network that the bound group `model` describes.

    Args:
        model: The functions of the group.
        name: Of its member.
        images: What it is to take.

    Raises:
        InputError: If it cannot be built.
    """
    try:
        return build_network(model, images)
    except Exception as error:  # a user's file can fail in any way
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        raise InputError([
            f"model: {name} cannot be built for images of {images.shape} in {images.classes} "
            f"classes ({reason}); mend it or choose another model=NAME."
        ]) from None


@dataclass(frozen=True)
class ModelMetadata:
    """What the metadata of a file says of its network, each as JSON."""

    model: Json[dict[str, object]]
    shape: Json[tuple[PositiveInt, PositiveInt, PositiveInt]]
    classes: Json[PositiveInt]


def read_metadata(file: Path) -> dict[str, Any]:
    """Return what a safetensors file says of its network: the model, image shape and classes.

    Nothing if it does not say all three, as files from elsewhere do not.

    Raises:
        InputError: If it is broken.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError([
            f"weights: {file} cannot be read ({error}); expected a whole safetensors file."
        ]) from None
    try:
        return vars(TypeAdapter(ModelMetadata).validate_python(metadata))
    except ValidationError:
        return {}


def load_last_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights that were examined after the last epoch of a trial.

    Raises:
        InputError: If the trial did not leave them.
    """
    file = folder / STATE_FILE
    if not file.is_file():
        raise InputError([f"rules: last_epoch needs {file}, and there is none."])
    try:
        found = load_torch_file(file)
    except InputError:
        found = None
    weights = found.get("examined") if isinstance(found, Mapping) else None
    if not is_state_dict(weights):
        raise InputError([
            f"rules: last_epoch needs {file}, which is broken; leave last_epoch and oracle away."
        ])
    return dict(weights)


def load_external_model(file: Path, model: nn.Module) -> nn.Module:
    """Return a network with weights that were trained elsewhere; in eval mode.

    Args:
        file: safetensors, or a state dictionary as torch saves it.
        model: Of this project, behind its normalisation; weights may be of the whole, or of what
            is behind it.

    Raises:
        InputError: If they are of another network.
    """
    weights = load_tensors(file)
    whole = next(iter(model.state_dict())) in weights
    load_weights(model if whole else model.get_submodule("1"), weights, file)
    return model.eval()


def build_for_weights(weights: Mapping[str, Tensor], build: Callable[[], nn.Module]) -> nn.Module:
    """Return a network for `weights`, or an ensemble of them if they are of several."""
    members = {name.split(".")[1] for name in weights if name.startswith("members.")}
    return Ensemble([build() for _ in members]) if members else build()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder, none if it is being deleted."""
    try:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0
