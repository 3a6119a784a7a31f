"""Names that published code gives to the tensors of our networks, by simple rules for each."""

import re
from collections.abc import Callable, Sequence

import torch

Renames = Sequence[tuple[str, str]]
"""Patterns of our names in a block, and what published code writes there."""

BOTTLENECK: Renames = [(r"downsample", "shortcut")]
PREACT: Renames = [(r"shortcut\.weight", "shortcut.0.weight")]
WIDE: Renames = [(r"shortcut\.weight", "convShortcut.weight")]
SENET: Renames = [
    (r"conv2\.0\.", "conv2."),
    (r"conv2\.1\.gate\.1", "fc1"),
    (r"conv2\.1\.gate\.3", "fc2"),
    (r"shortcut\.weight", "shortcut.0.weight"),
]
DUAL_PATH: Renames = [
    (r"inside\.0\.", "conv1."),
    (r"inside\.1\.", "bn1."),
    (r"inside\.3\.", "conv2."),
    (r"inside\.4\.", "bn2."),
    (r"inside\.6\.", "conv3."),
    (r"inside\.7\.", "bn3."),
]
REGNET: Renames = [
    (r"proj\.", "shortcut."),
    *((rf"f\.{part}\.0\.", f"conv{i}.") for i, part in enumerate("abc", 1)),
    *((rf"f\.{part}\.1\.", f"bn{i}.") for i, part in enumerate("abc", 1)),
]


def rename_blocks(
    names: Sequence[str],
    depths: Sequence[int],
    renames: Renames,
    *,
    block: str = "layer{}.{}.",
    outside: Sequence[str],
) -> dict[str, str]:
    """Return the published names of the tensors of a network of stages.

    Args:
        names: Our names.
        depths: Blocks of each stage.
        renames: Rules for the rest of a name in a block.
        block: The beginning of a name, for a stage from 1 and a block from 0.
        outside: Names of the layers that are outside of blocks, in order.
    """
    places = [(stage, i) for stage, depth in enumerate(depths, 1) for i in range(depth)]
    numbers = list(dict.fromkeys(n.split(".")[0] for n in names))
    inside = [n for n in numbers if any(re.match(rf"{n}\.[a-z]\w*\.", name) for name in names)]
    others = [n for n in numbers if n not in inside]
    assert len(inside) == len(places)
    assert len(others) == len(outside)
    published = {}
    for name in names:
        number, _, rest = name.partition(".")
        if number in inside:
            for pattern, text in renames:
                rest = re.sub(f"^{pattern}", text, rest)
            published[name] = block.format(*places[inside.index(number)]) + rest
        else:
            published[name] = f"{outside[others.index(number)]}.{rest}"
    return published


def rename_vgg(names: Sequence[str]) -> dict[str, str]:
    last = names[-1].split(".")[0]
    return {
        name: name.replace(f"{last}.", "classifier.") if name.startswith(f"{last}.") else
        f"features.{name}"
        for name in names
    }  # fmt: skip


def rename_googlenet(names: Sequence[str]) -> dict[str, str]:
    blocks = iter(["a3", "b3", "a4", "b4", "c4", "d4", "e4", "a5", "b5"])
    numbers: dict[str, str] = {}
    published = {}
    for name in names:
        number, _, rest = name.partition(".")
        if match := re.match(r"branches\.(\d)\.", rest):
            if number not in numbers:
                numbers[number] = next(blocks)
            rest = f"b{int(match[1]) + 1}.{rest[match.end() :]}"
            published[name] = f"{numbers[number]}.{rest}"
        else:
            published[name] = f"pre_layers.{name}" if number in "01" else f"linear.{rest}"
    return published


def rename_densenet(names: Sequence[str]) -> dict[str, str]:
    outside = iter(["conv1", "bn", "linear"])
    dense: dict[str, int] = {}
    trans: dict[str, int] = {}
    others: dict[str, str] = {}
    published = {}
    for name in names:
        number, _, rest = name.partition(".")
        if match := re.match(r"denselayer(\d+)\.", rest):
            stage = dense.setdefault(number, len(dense) + 1)
            rest = rest[match.end() :].replace("norm", "bn")
            published[name] = f"dense{stage}.{int(match[1]) - 1}.{rest}"
        elif re.match(r"(norm|conv)\.", rest):
            stage = trans.setdefault(number, len(trans) + 1)
            published[name] = f"trans{stage}.{rest.replace('norm', 'bn')}"
        else:
            if number not in others:
                others[number] = next(outside)
            published[name] = f"{others[number]}.{rest}"
    return published


def newest_first(
    weights: dict[str, torch.Tensor], depths: Sequence[int], stem: int
) -> dict[str, torch.Tensor]:
    """Return the weights of a DenseNet under published names, with new channels in front."""
    growth, changed, start = 32, dict(weights), stem
    for stage, depth in enumerate(depths, 1):
        for layer in range(depth):
            change_layer(changed, f"dense{stage}.{layer}.bn1", start, growth)
            change_layer(changed, f"dense{stage}.{layer}.conv1", start, growth)
        whole = start + depth * growth
        after = [f"trans{stage}.bn", f"trans{stage}.conv"] if stage < len(depths) else []
        for name in after or ["bn", "linear"]:
            change_layer(changed, name, start, growth)
        start = whole // 2
    return changed


def change_layer(weights: dict[str, torch.Tensor], layer: str, start: int, growth: int) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = weights.get(f"{layer}.{name}")
        if tensor is None or (name == "bias" and layer == "linear"):
            continue
        axis = 1 if tensor.dim() > 1 else 0
        order = list(range(start, tensor.shape[axis], growth))[::-1]
        rows = [i for first in order for i in range(first, first + growth)] + list(range(start))
        weights[f"{layer}.{name}"] = tensor.index_select(axis, torch.tensor(rows))


Rename = Callable[[Sequence[str]], dict[str, str]]


def staged(depths: Sequence[int], renames: Renames, outside: str, **about: str) -> Rename:
    return lambda names: rename_blocks(names, depths, renames, outside=outside.split(), **about)


ARCHITECTURES: dict[str, tuple[str, dict[str, object], Rename]] = {
    "kuangliu, TRADES, Madry ResNet18": (
        *("resnet18", {"width": 8}, staged((2, 2, 2, 2), BOTTLENECK, "conv1 bn1 linear")),
    ),
    "torchvision ResNet18": (
        *("resnet18", {"width": 8, "stem": "large"}, staged((2, 2, 2, 2), [], "conv1 bn1 fc")),
    ),
    "kuangliu, Madry ResNet50": (
        *("resnet50", {}, staged((3, 4, 6, 3), BOTTLENECK, "conv1 bn1 linear")),
    ),
    "Rice, AWP, Bag of Tricks PreActResNet18": (
        *("preact_resnet18", {"width": 8}, staged((2, 2, 2, 2), PREACT, "conv1 bn linear")),
    ),
    "Wong PreActResNet18": (
        "preact_resnet18",
        {"width": 8, "shortcut": "raw"},
        staged((2, 2, 2, 2), PREACT, "conv1 bn linear"),
    ),
    "kuangliu PreActResNet18": (
        "preact_resnet18",
        {"width": 8, "final_norm": False},
        staged((2, 2, 2, 2), PREACT, "conv1 linear"),
    ),
    "TRADES, AWP, Rice, Bag of Tricks WideResNet": (
        "wide_resnet",
        {"depth": 16, "widen": 2},
        staged((2, 2, 2), WIDE, "conv1 bn1 fc", block="block{}.layer.{}."),
    ),
    "VGG16": ("vgg16", {"width": 8}, rename_vgg),
    "GoogLeNet": ("googlenet", {}, rename_googlenet),
    "SENet18": ("senet18", {"width": 16}, staged((2, 2, 2, 2), SENET, "conv1 bn1 linear")),
    "DPN26": ("dpn26", {}, staged((2, 2, 2, 2), DUAL_PATH, "conv1 bn1 linear")),
    "RegNetX_200MF": ("regnetx_200mf", {}, staged((1, 1, 4, 7), REGNET, "conv1 bn1 linear")),
    "RegNetX_400MF": ("regnetx_400mf", {}, staged((1, 2, 7, 12), REGNET, "conv1 bn1 linear")),
    "ResNeXt29_2x64d": ("resnext29", {}, staged((3, 3, 3), BOTTLENECK, "conv1 bn1 linear")),
    "DenseNet121": ("densenet121", {}, rename_densenet),
}
"""Published architectures: our network of the same architecture, its knobs, and their names."""
DENSE_DEPTHS, DENSE_STEM = (6, 12, 24, 16), 64
