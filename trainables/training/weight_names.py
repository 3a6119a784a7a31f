"""Names that published code gives to the layers of networks, made comparable with ours.

A name becomes a key that says where the layer is and what it does: `layer2.0.conv1.weight` of
pytorch-cifar and `5.conv1.weight` of this project both are `block 2, conv1, weight`. It covers
torchvision, pytorch-cifar (kuangliu), TRADES, AWP, robust_overfitting (Rice), fast_adversarial
(Wong), robustness (MadryLab) and Bag of Tricks.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor

BLOCKS = (
    re.compile(r"(?:layer|block|stage|dense)(\d+)\.(?:layer\.|block\.)?(\d+)\."),
    re.compile(r"features\.(?:denseblock)(\d+)\.denselayer(\d+)\."),
    re.compile(r"(\d+)\.denselayer(\d+)\."),
    re.compile(r"(?:layers?|blocks?)\.(\d+)\.(\d+)\."),
    re.compile(r"([a-e])([345])\."),  # GoogLeNet's a3, b3, a4, ...
    re.compile(r"trans(\d+)()\."),
    re.compile(r"features\.transition(\d+)()\."),
    re.compile(r"(\d+)()\.(?=[a-z]+\d?\.\w)"),  # ours: the position in a sequence
)
"""Beginnings of the names of the layers of a block, with the places of the block."""

ROLES = {
    "conv1": ("inside.0", "f.a.0"),
    "bn1": ("inside.1", "f.a.1", "norm1"),
    "conv2": ("inside.3", "f.b.0", "conv2.0"),
    "bn2": ("inside.4", "f.b.1", "norm2"),
    "conv3": ("inside.6", "f.c.0"),
    "bn3": ("inside.7", "f.c.1"),
    "fc1": ("conv2.1.gate.1", "se.fc1", "se.se1"),
    "fc2": ("conv2.1.gate.3", "se.fc2", "se.se2"),
    "shortcut": (
        *("shortcut.0", "downsample.0", "proj.0", "convShortcut", "conv_shortcut", "shortcut.conv"),
        *("shortcut_conv", "downsample.conv"),
    ),
    "shortcut_bn": ("shortcut.1", "downsample.1", "proj.1", "shortcut.bn", "downsample.bn"),
    "conv": (),
    "bn": ("norm",),
}
"""What a layer does in its block: the names that code gives it."""
ROLE_OF = {name: role for role, names in ROLES.items() for name in (*names, role)}
BRANCH = re.compile(r"(?:branches\.|b)(\d)\.(\d+)")
"""A layer of a branch of GoogLeNet; the first of ours is 0, of published code 1."""
FEATURES = re.compile(r"features\.(\d+)")
"""A layer of a network that is one sequence, as of VGG."""


class Key(NamedTuple):
    """Where a tensor is in a network.

    Attributes:
        block: Number of its block, from 0; `None`: it is outside of them.
        role: What its layer does there.
        leaf: Its name in the layer.
    """

    block: int | None
    role: str
    leaf: str


def describe_tensors(tensors: Mapping[str, Tensor]) -> dict[Key, str] | None:
    """Return the names of a network's tensors by their keys.

    Returns:
        `None` if a name follows no scheme, or two have the same key.
    """
    kinds = layer_kinds(tensors)
    blocks = number_blocks(tensors)
    keys: dict[Key, str] = {}
    for name in tensors:
        layer, _, leaf = name.rpartition(".")
        block = split_block(name)
        if block is None:
            role: str | None = outer_role(layer, kinds)
        else:
            role = block_role(layer[len(block[1]) :])
        if role is None:
            return None
        key = Key(None if block is None else blocks[block[0]], role, leaf)
        if key in keys:
            return None
        keys[key] = name
    return keys


def split_block(name: str) -> tuple[tuple[str, str], str] | None:
    """Return the place of the block that a tensor is in, and the beginning of its name."""
    for pattern in BLOCKS:
        if match := pattern.match(name):
            first, second = match.groups()
            # GoogLeNet's a4 comes after b3
            place = (second, first) if first.isalpha() else (first, second)
            return place, match.group()
    return None


def number_blocks(names: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return the number of each block, from 0 in the order of their places."""
    places = {block[0] for name in names if (block := split_block(name))}

    def order(place: tuple[str, str]) -> tuple[float, float | str]:
        # a transition follows the blocks of its number
        second = float(place[1] or "inf") if not place[1].isalpha() else place[1]
        return float(place[0]), second

    return {place: number for number, place in enumerate(sorted(places, key=order))}


def block_role(layer: str) -> str | None:
    """Return what a layer of a block does, from the rest of its name."""
    if match := BRANCH.fullmatch(layer):
        branch = int(match[1]) - (not layer.startswith("branches"))
        return f"branch {branch}.{match[2]}"
    return ROLE_OF.get(layer)


def layer_kinds(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the kind of each layer outside of blocks: of its weight, or of its statistics."""
    kinds: dict[str, str] = {}
    for name, tensor in tensors.items():
        layer, _, leaf = name.rpartition(".")
        if leaf == "weight" and split_block(name) is None:
            kinds[layer] = {1: "norm", 2: "linear", 4: "conv"}.get(tensor.dim(), "other")
    return kinds


def outer_role(layer: str, kinds: Mapping[str, str]) -> str | None:
    """Return what a layer outside of blocks does: its kind, if it is the only one of it.

    Of a plain sequence of layers, as of VGG, it is the position; the last linear layer is the head.
    """
    kind = kinds.get(layer)
    if kind is None or kind == "other":
        return None
    if Counter(kinds.values())[kind] == 1:
        return kind
    if match := FEATURES.fullmatch(layer):
        return match[1]
    return layer if layer.isdigit() else None
