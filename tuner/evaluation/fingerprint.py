"""Fingerprints of networks, attack files and images: SHA-256 hashes used as cache keys."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.training.checkpoint import WEIGHTS_FILE
from trainables.training.weights import tensor_bytes


def hash_network(model: Module, name: str) -> str:
    """Return the fingerprint of a network: layers, weights, and code if it is user-supplied.

    Args:
        model: Network to hash.
        name: Member of `model` that built it, or the path of a user-supplied file.
    """
    digest = hashlib.sha256(repr(model).encode())
    for key, tensor in model.state_dict().items():
        digest.update(key.encode())
        digest.update(tensor_bytes(tensor))
    digest.update(hash_files([name]).encode())
    return digest.hexdigest()


def hash_images(images: Images) -> str:
    """Return the fingerprint of images: labels, and pixels or names and sizes of files."""
    digest = hashlib.sha256(tensor_bytes(images.y))
    if isinstance(images.x, Tensor):
        digest.update(tensor_bytes(images.x))
    else:
        for file in images.x.files:
            digest.update(f"{file}:{file.stat().st_size}\n".encode())
    return digest.hexdigest()


def hash_files(values: Iterable[object]) -> str:
    """Return the fingerprint of the files among the values: user-supplied code and weights."""
    digest = hashlib.sha256()
    for path in (Path(value) for value in values if isinstance(value, str)):
        file = path / WEIGHTS_FILE if path.is_dir() else path
        if (path.suffix == ".py" or path.is_absolute()) and file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()
