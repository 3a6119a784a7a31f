"""Checkpoints that other software trained: load them, and find out how they normalise images."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.nn import Module

from trainables.binding import bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import Dataset
from trainables.errors import InputError
from trainables.evaluation.normalization import (
    N_MEASURED,
    compare_normalizations,
    list_normalizations,
)
from trainables.training.checkpoint import build_model, load_model
from trainables.training.foreign_weights import load_foreign_weights
from trainables.training.weight_files import WeightsFile, read_weights_file
from trainables.training.weight_matching import match_weights
from trainables.training.weights import read_metadata
from tuner.evaluation.checkpoints import CheckpointRef
from tuner.evaluation.checks import N_CHECK_IMAGES, check_logits
from tuner.evaluation.images import bind_group, draw_subset


@dataclass(frozen=True, kw_only=True)
class ForeignNetwork:
    """A network that other software trained.

    Attributes:
        build: Returns the network with the weights, for a value of `model.normalize`.
        notes: What was done with the file, for the user.
        has_normalization: Whether the file has a normalisation.
    """

    build: Callable[[str | None], Module]
    notes: tuple[str, ...]
    has_normalization: bool


def describes_network(file: Path) -> bool:
    """Return whether a file of weights says of what network it is, as those of this project."""
    return file.suffix == ".safetensors" and file.is_file() and bool(read_metadata(file))


def load_given_checkpoint(
    file: Path, model: Mapping[str, object], dataset: Dataset, device: str
) -> CheckpointRef:
    """Return the checkpoint that `weights=` names; arguments as in `load_foreign_checkpoint`."""
    if describes_network(file):
        return CheckpointRef(path=file, rule="given", loader=partial(load_model, file))
    return load_foreign_checkpoint(file, model, dataset, device)


def load_foreign_checkpoint(
    file: Path, model: Mapping[str, object], dataset: Dataset, device: str
) -> CheckpointRef:
    """Return the checkpoint of a file that does not describe its network.

    Args:
        file: The file.
        model: Name and knobs of the network; with `normalize` if the user typed it.
        dataset: Data set of the evaluation; its test images decide the normalisation if need be.
        device: Device of the measurement.

    Raises:
        InputError: If the weights are of another network, or the normalisation is unclear.
    """
    name = str(model["name"])
    network = prepare_network(read_weights_file(file), model, dataset)
    choice, source, notes = None, "file", network.notes
    if "normalize" in model:
        choice = source = "given"
        if network.has_normalization:
            notes += ("model.normalize= replaces the normalisation of the file.",)
    elif not network.has_normalization:
        few = dataset.test[:N_CHECK_IMAGES]
        if problems := list(check_logits(network.build(None), few, dataset.classes)):
            raise InputError([f"{file}: {problem}" for problem in problems])
        choice, reason = choose_normalization(network, dataset, device)
        source = choice if choice in ("data", "none") else "measured"
        notes += (reason,)

    def load() -> Module:
        return network.build(choice)

    return CheckpointRef(
        path=file,
        rule="given",
        loader=load,
        model_name=name,
        normalization_source=source,
        notes=notes,
    )


def suggest_networks(file: Path, dataset: Dataset) -> str:
    """Return what to type for the networks of this project that a file fits; "": it fits none.

    Args:
        file: File of weights.
        dataset: Data set whose images and classes the network takes.

    Raises:
        InputError: If the file cannot be read.
    """
    weights, images = read_weights_file(file), dataset.image_format
    fitting = []
    for name in GROUPS["model"].members():
        with contextlib.suppress(InputError), torch.device("meta"):
            member = bound_model(bind_group("model", {"name": name}))
            match_weights(weights, build_model(member, name, images)[1], replace_head=False)  # type: ignore[index]  # a sequence
            fitting.append(f"model={name}")
    return " or ".join(fitting)


def prepare_network(
    weights: WeightsFile, model: Mapping[str, object], dataset: Dataset
) -> ForeignNetwork:
    """Return the network of a file, after one attempt to load it.

    Raises:
        InputError: If the weights are of another network.
    """
    name, images = str(model["name"]), dataset.image_format

    def build_empty(normalize: str | None) -> Module:
        chosen = model if normalize in (None, "given") else {**model, "normalize": normalize}
        return build_model(bound_model(bind_group("model", chosen)), name, images)

    def build(normalize: str | None) -> Module:
        loaded, empty = build_empty(normalize), build_empty(normalize)
        load_foreign_weights(weights, loaded)
        if normalize is not None:  # not that of the file
            loaded[0] = empty[0]  # type: ignore[index, operator]  # a sequence
        return loaded.eval()

    loaded = load_foreign_weights(weights, build_empty(None))
    return ForeignNetwork(
        build=build, notes=loaded.notes, has_normalization=loaded.has_normalization
    )


def choose_normalization(network: ForeignNetwork, dataset: Dataset, device: str) -> tuple[str, str]:
    """Return the normalisation with the clearly better clean accuracy, and the reason.

    For a data set that is usually not normalised, it is none unless another is clearly better.

    Raises:
        InputError: If two are too close.
    """
    images = draw_subset(dataset.test, min(N_MEASURED, len(dataset.test))).to(device)
    choices = list_normalizations(dataset)
    measured = compare_normalizations(network.build, images, choices)
    about = f"the file does not say how images are normalised; {measured}"
    if measured.best is not None:
        return measured.best, f"Normalisation is {measured.best}: {about}."
    if not dataset.image_format.is_normalized:
        return "none", f"Normalisation is none, as is usual for this data set: {about}."
    raise InputError([
        f"model.normalize: {about}, and the 95 % intervals overlap; write what it was trained "
        "with: model.normalize=data, none, or a mean and a deviation such as 0.5,0.25."
    ])
