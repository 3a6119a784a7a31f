"""Fingerprints of networks, attack files and images: SHA-256 hashes used as cache keys."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.training.checkpoint import WEIGHTS_FILE


def hash_network(model: Module, name: str) -> str:
    """Return the fingerprint of a network: its layers, its weights, and its code if it is a user's.

    Args:
        model: The network.
        name: Of the member of `model` that built it; the path of a user's own file.
    """
    seen = hashlib.sha256(repr(model).encode())
    for key, tensor in model.state_dict().items():
        seen.update(key.encode())
        seen.update(tensor_bytes(tensor))
    seen.update(hash_files([name]).encode())
    return seen.hexdigest()


def hash_images(images: Images) -> str:
    """Return the fingerprint of images: their pixels, or the names and sizes of photographs."""
    seen = hashlib.sha256(tensor_bytes(images.y))
    if isinstance(images.x, Tensor):
        seen.update(tensor_bytes(images.x))
    else:
        for file in images.x.files:
            seen.update(f"{file}:{file.stat().st_size}\n".encode())
    return seen.hexdigest()


def hash_files(values: Iterable[object]) -> str:
    """Return the fingerprint of the files that some of the values name: a user's code, weights."""
    seen = hashlib.sha256()
    for path in (Path(value) for value in values if isinstance(value, str)):
        file = path / WEIGHTS_FILE if path.is_dir() else path
        if (path.suffix == ".py" or path.is_absolute()) and file.is_file():
            seen.update(file.read_bytes())
    return seen.hexdigest()


def tensor_bytes(tensor: Tensor) -> bytes:
    """Return the numbers of a tensor as they lie in memory."""
    plain = tensor.detach().cpu().contiguous().flatten()
    return bytes(plain.view(dtype=torch.uint8).numpy()) if len(plain) else b""
