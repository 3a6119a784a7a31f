"""Read the weights that any software wrote; never run code from their files."""

import argparse
import collections
import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trainables.errors import InputError
from trainables.training.weight_wrappers import NORMALIZATIONS, split_normalization

ENTRIES = (
    *("state_dict", "model_state_dict", "model_state", "state_dict_model", "net_state_dict"),
    *("network_state_dict", "model", "net", "network", "params", "weights", "module"),
    *("student", "classifier", "backbone"),
)
"""Entries of checkpoints that hold the weights, in order of preference."""
AVERAGED_ENTRIES = (
    *("state_dict_ema", "ema_state_dict", "model_ema", "ema", "ema_model", "params_ema"),
    *("swa_state_dict", "swa", "swa_model", "average", "averaged"),
)
"""Entries with an average of the weights; read if there is no other."""
NOT_WEIGHTS = ("optim", "opt", "sched", "scaler", "callbacks", "loops", "hyper", "args", "config")
"""First letters of entries that hold tensors but no network."""
NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
"""Where pickles of numpy before and since 2.0 find its functions."""
PLAIN_NUMBERS = (np.bool_, np.integer, np.floating, np.complexfloating)
"""Numbers without references: the state of other data types in a pickle may corrupt memory."""
HTML_STARTS = (b"<!doctype", b"<html", b"<?xml", b"<head")


def harmless_globals() -> list[object | tuple[object, str]]:
    """Return the classes and functions that checkpoints may name: they only hold values."""
    multiarray = np._core.multiarray  # type: ignore[attr-defined]
    reconstructors: list[tuple[object, str]] = [
        (getattr(multiarray, name), f"{module}.{name}")
        for module in NUMPY_MODULES
        for name in ("scalar", "_reconstruct")
    ]
    kinds = [kind for name, kind in vars(np.dtypes).items() if name.endswith("DType")]
    return [
        *reconstructors,
        *(kind for kind in kinds if is_plain(kind)),
        *(np.dtype, np.ndarray, argparse.Namespace, collections.defaultdict),
        *(set, int, float, complex, list, dict, tuple, slice, bytearray),
    ]


def is_plain(kind: type[np.dtype[np.generic]]) -> bool:
    """Return whether a class of data types is of plain numbers."""
    scalar: type = kind.type  # type: ignore[assignment]  # a property only of instances
    return issubclass(scalar, PLAIN_NUMBERS) and not issubclass(scalar, np.timedelta64)


@dataclass(frozen=True)
class WeightsFile:
    """The tensors in a file of weights.

    Attributes:
        file: The file.
        tensors: The tensors of the network by name, as the file names them.
        notes: What was chosen in the file.
        is_ordered: Whether the tensors are in the order of the network's layers.
    """

    file: Path
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = ()
    is_ordered: bool = field(default=True, kw_only=True)


def read_weights_file(file: Path) -> WeightsFile:
    """Return the weights in a safetensors file or a file of `torch.save`; never run code.

    The state dictionary may be an entry of a checkpoint, at any depth.

    Raises:
        InputError: If there are no weights, or reading them would run code.
    """
    check_content(file)
    if file.suffix == ".safetensors":
        return WeightsFile(file, read_safetensors(file), is_ordered=False)
    found = list(find_state_dicts(load_torch_file(file), ()))
    if not found:
        raise InputError([
            f"weights: {file} holds no state dictionary of tensors, which "
            "torch.save(network.state_dict(), FILE) writes."
        ])
    path, tensors = min(found, key=lambda each: entry_rank(each[0]))
    notes = [f"Weights are the entry {'.'.join(path)} of {file.name}."] if path else []
    if others := [".".join(each) or "top level" for each, _ in found if each != path]:
        notes.append(f"Not used: {', '.join(others)}.")
    return WeightsFile(file, tensors, tuple(notes))


def check_content(file: Path) -> None:
    """Check that a file is neither empty nor a page or pointer that was saved in its place.

    Raises:
        InputError: If it is.
    """
    try:
        with file.open("rb") as opened:
            start = opened.read(200)
    except OSError as error:
        raise InputError([f"weights: {file} cannot be read ({error.strerror})."]) from None
    if not start:
        raise InputError([f"weights: {file} is empty; download it again."])
    if start.lstrip().lower().startswith(HTML_STARTS):
        raise InputError([
            f"weights: {file} is a web page, not weights; download the file itself, not the page "
            "that shows it."
        ])
    if start.startswith(b"version https://git-lfs"):
        raise InputError([
            f"weights: {file} is a pointer of Git LFS, not weights; run `git lfs pull` there."
        ])


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, sorted by name as such files are.

    Raises:
        InputError: If it is corrupt.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no dict
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError([
            f"weights: {file} cannot be read as tensors ({error}); write it again."
        ]) from None


def load_torch_file(file: Path) -> object:
    """Return the tensors, numbers and plain containers in a file of `torch.save`; never run code.

    Raises:
        InputError: If the file holds anything else.
    """
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(harmless_globals()):  # type: ignore[arg-type]
            warnings.simplefilter("ignore")
            return torch.load(file, weights_only=True, map_location="cpu")
    except Exception as error:  # a corrupt file can raise anything
        # torch's message is left out: it ends with advice on how to run code from the file
        refused = list(refused_globals(file, error))
        reason = (
            f"it names code ({', '.join(refused)}), which is never run"
            if refused
            else "expected a whole file that torch.save made of a state_dict(), or safetensors"
        )
        raise InputError([
            f"weights: {file} cannot be read as tensors: {reason}; where it was made, write it "
            "again with torch.save(network.state_dict(), FILE)."
        ]) from None


def refused_globals(file: Path, error: Exception) -> Iterator[str]:
    """Yield the names in a file that reading it would import."""
    names: list[str] = []
    with contextlib.suppress(Exception):  # a corrupt file or one of an old format
        names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    allowed = {f"{each.__module__}.{each.__qualname__}" for each in harmless_globals()
               if isinstance(each, type)}  # fmt: skip
    allowed |= {each[1] for each in harmless_globals() if isinstance(each, tuple)}
    unknown = [name for name in names if name not in allowed]
    if not unknown and "GLOBAL " in str(error):
        unknown = [str(error).partition("GLOBAL ")[2].split()[0]]
    yield from unknown[:3]


def is_state_dict(content: object) -> TypeGuard[Mapping[str, Tensor]]:
    """Return whether an object is a state dictionary."""
    return isinstance(content, Mapping) and all(isinstance(t, Tensor) for t in content.values())


def find_state_dicts(
    content: object, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Yield the state dictionaries in nested dictionaries, with the names of their entries."""
    if not isinstance(content, Mapping):
        return
    tensors = {str(name): t for name, t in content.items() if isinstance(t, Tensor)}
    if len(tensors) == len(content) and tensors:
        yield path, tensors
        return
    _, pairs = split_normalization(tensors)
    beside = dict(zip(NORMALIZATIONS[0], pairs[0], strict=True)) if pairs else {}
    for name, entry in content.items():
        if not str(name).lower().startswith(NOT_WEIGHTS):
            for where, inside in find_state_dicts(entry, (*path, str(name))):
                yield where, beside | inside  # the pair nearest to the network, if both have one
    if tensors and any(tensor.dim() > 1 for tensor in tensors.values()):
        yield path, tensors  # beside numbers such as an epoch


def entry_rank(path: tuple[str, ...]) -> tuple[int, int]:
    """Return the place of an entry in the order of preference; lower is better."""
    ranks: list[Callable[[str], int | None]] = [
        lambda name: ENTRIES.index(name) if name in ENTRIES else None,
        lambda name: (
            len(ENTRIES) + 1 + AVERAGED_ENTRIES.index(name) if name in AVERAGED_ENTRIES else None
        ),
    ]
    found = [rank for name in path for of in ranks if (rank := of(name)) is not None]
    return max(found, default=len(ENTRIES)), len(path)
