"""The weights of this project: read their description, check them, and load them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import Json, PositiveInt, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from typing_extensions import TypedDict

from trainables.errors import InputError
from trainables.training.weight_files import read_safetensors


class NetworkDescription(TypedDict, total=False):
    """The metadata of a weights file about its network, each as JSON."""

    model: Json[dict[str, object]]
    shape: Json[tuple[PositiveInt, PositiveInt, PositiveInt]]
    classes: Json[PositiveInt]
    sha256: Json[str]


def read_metadata(file: Path) -> NetworkDescription:
    """Return the model, image shape, classes and hash of weights in a safetensors file.

    The result is empty if one of the first three is missing, as in files of other programs.

    Raises:
        InputError: If it is corrupt.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError([
            f"weights: {file} cannot be read ({error}); expected a whole safetensors file."
        ]) from None
    if not {"model", "shape", "classes"} <= metadata.keys():
        return {}
    try:
        return TypeAdapter(NetworkDescription).validate_python(metadata)
    except ValidationError:
        return {}


def load_best_weights(file: Path) -> dict[str, Tensor]:
    """Return the weights in a safetensors file.

    Raises:
        InputError: If they cannot be read, or differ from those that `save` wrote.
    """
    weights, expected = read_safetensors(file), read_metadata(file).get("sha256")
    if expected and hash_tensors(weights) != expected:
        raise InputError([
            f"weights: {file} is corrupt: its tensors do not match the hash in its metadata; "
            "restore it from a copy. If you changed them, save them without sha256 there."
        ])
    return weights


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], file: Path) -> None:
    """Load weights into the network that they belong to.

    Raises:
        InputError: If they are of another network or not finite; names the first such tensor.
    """
    for name, mine in model.state_dict().items():
        if name not in weights:
            raise InputError([f"weights: {file} is of another network: it has no {name}."])
        if weights[name].shape != mine.shape:
            raise InputError([
                f"weights: {file} is of another network: {name} must be {tuple(mine.shape)}, "
                f"got {tuple(weights[name].shape)}."
            ])
        if flaw := tensor_mismatch(weights[name], mine):
            raise InputError([f"weights: {file} cannot be used: {name} {flaw}."])
    if more := [name for name in weights if name not in model.state_dict()]:
        raise InputError([f"weights: {file} is of another network: it has {more[0]} as well."])
    model.load_state_dict(weights)


def tensor_mismatch(given: Tensor, mine: Tensor) -> str | None:
    """Return why a tensor of the same shape cannot replace `mine`, or `None`."""
    if given.layout is not torch.strided or given.is_meta:
        return f"must be a dense tensor, got {'no numbers' if given.is_meta else given.layout}"
    kinds = [(dtype.is_floating_point, dtype.is_complex) for dtype in (given.dtype, mine.dtype)]
    if kinds[0] != kinds[1] or given.is_quantized:
        return f"must be of the kind of {mine.dtype}, got {given.dtype}"
    if wrong := int((~given.to(mine.dtype).isfinite()).sum()):
        return f"must be finite, got nan or inf in {wrong} of {mine.numel()} places"
    return None


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensor_bytes(tensors[name]))
    return digest.hexdigest()


def tensor_bytes(tensor: Tensor) -> bytes:
    """Return the raw bytes of a tensor."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return bytes(flat.view(dtype=torch.uint8).numpy()) if len(flat) else b""
