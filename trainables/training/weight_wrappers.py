"""Find the network among the tensors of a file, without the prefixes and additions of wrappers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

ANYWHERE = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
"""Parts of names that torch.compile and FSDP add, also between others."""
WRAPPERS = (
    *("module", "model", "net", "network", "classifier", "student", "backbone", "base_model"),
    *("encoder", "ema", "ema_model", "averaged_model"),
)
"""Attributes that hold the network in DataParallel, Lightning and wrappers, in order of preference.

Others are recognised if they hold all tensors."""
DUPLICATES = ("attacker.", "sub_block1.")
"""Second copies of layers: MadryLab's attacker, and a block of TRADES that is never called."""
NORMALIZATIONS = (
    *(("mean", "std"), ("mu", "sigma"), ("mu", "std"), ("mean", "sigma")),
    *(("new_mean", "new_std"), ("_mean", "_std"), ("image_mean", "image_std")),
    *(("pixel_mean", "pixel_std"), ("data_mean", "data_std"), ("means", "sds"), ("means", "stds")),
)
"""Names of the mean and the standard deviation of the images."""
MAX_CHANNELS = 32
"""A mean with more entries is not that of images."""
GREY_LEVELS = 255
MAX_DEPTH = 6
"""Number of wrappers inside each other."""


@dataclass(frozen=True)
class Unwrapped:
    """The tensors of a network, without what wraps it.

    Attributes:
        tensors: By name, without prefixes.
        normalization: Mean and standard deviation of the images, (C,) or (1,) each; `None`: none.
        notes: What was left out, for the user.
    """

    tensors: Mapping[str, Tensor]
    normalization: tuple[Tensor, Tensor] | None
    notes: tuple[str, ...] = ()


def find_networks(tensors: Mapping[str, Tensor]) -> Iterator[Unwrapped]:
    """Yield what may be the network among tensors, outermost first.

    The first is all that there is, for networks that hold a normalisation themselves.
    """
    named = {ANYWHERE.sub("", name): tensor for name, tensor in tensors.items()}
    yield Unwrapped(named, None)
    yield from unwrap(named, "", None, MAX_DEPTH)


def unwrap(
    tensors: Mapping[str, Tensor],
    prefix: str,
    normalization: tuple[Tensor, Tensor] | None,
    depth: int,
) -> Iterator[Unwrapped]:
    """Yield the tensors without additions, and what each wrapper among them holds."""
    own, pairs = split_normalization(tensors)
    # the one nearest to the network, if there are several
    normalization = pairs[0] if pairs else normalization
    copies = {name for name in own if name.startswith(DUPLICATES)}
    rest = {
        name: tensor
        for name, tensor in own.items()
        if name not in copies and (tensor.dim() or name.endswith("num_batches_tracked"))
    }
    notes = [f"The prefix {prefix.rstrip('.')} of their names was removed."] if prefix else []
    if copies:
        notes.append(f"Not used: {min(copies).partition('.')[0]}, a copy.")
    yield Unwrapped(rest, normalization, tuple(notes))
    for name in wrappers_of(rest) if depth else []:
        inside = {
            each.removeprefix(f"{name}."): tensor
            for each, tensor in rest.items()
            if each.startswith(f"{name}.")
        }
        yield from unwrap(inside, f"{prefix}{name}.", normalization, depth - 1)


def wrappers_of(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the first parts of names that may be those of wrappers, in order of preference."""
    first = {name.partition(".")[0] for name in tensors if "." in name}
    return list(first) if len(first) == 1 else [name for name in WRAPPERS if name in first]


def split_normalization(
    tensors: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[tuple[Tensor, Tensor]]]:
    """Return the tensors without the means and deviations of images, and these as pairs."""
    found: list[tuple[Tensor, Tensor]] = []
    used: set[str] = set()
    for name, tensor in tensors.items():
        layer, dot, leaf = name.rpartition(".")
        for mean, std in NORMALIZATIONS:
            other = tensors.get(f"{layer}{dot}{std}")
            if leaf != mean or other is None or f"{layer}{dot}weight" in tensors:
                continue
            if tensor.numel() == other.numel() <= MAX_CHANNELS:
                used |= {name, f"{layer}{dot}{std}"}
                found.append(pixel_scale(tensor, other))
                break
    return {name: t for name, t in tensors.items() if name not in used}, found


def pixel_scale(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return a mean and a deviation (C,) of pixels in [0, 1]; files may have those of [0, 255]."""
    mean, std = mean.detach().float().flatten(), std.detach().float().flatten()
    scale = GREY_LEVELS if float(mean.abs().max()) > 2 or float(std.max()) > 2 else 1
    return mean / scale, std / scale
