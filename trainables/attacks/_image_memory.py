"""Perturbations that are kept from epoch to epoch, one for each training image."""

from collections.abc import Iterator, Mapping

import torch
from torch import Generator, Tensor

from trainables.threat import Threat


def remembered(
    memory: dict[str, Tensor], name: str, shape: tuple[int, ...], like: Tensor
) -> Tensor:
    """Return the tensor `name` of `memory`, which is 0 at first; write to it in place.

    Args:
        memory: Tensors that are kept between batches.
        name: Its key.
        shape: Its shape.
        like: Tensor of its type and device.
    """
    if name not in memory:
        memory[name] = torch.zeros(shape, dtype=like.dtype, device=like.device)
    return memory[name]


def random_corner(x: Tensor, threat: Threat, rng: Generator | None) -> Tensor:
    """Return perturbations of full size, shaped as `x`, each entry up or down at random."""
    unit = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
    return threat.eps * threat.steepest_step((unit - 0.5).sign())


def take_pixels(kept: Tensor, source: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return kept perturbations (N, C, H, W) moved like augmented images, and what has one.

    Args:
        kept: Perturbations of the images before augmentation.
        source: Pixel that each pixel was, (N, H * W); -1: none. `None`: nothing has moved.

    Returns:
        The perturbations, and a mask (N, 1, H, W) of the pixels that have one.
    """
    if source is None:
        return kept, torch.ones_like(kept[:, :1], dtype=torch.bool)
    n, channels, height, width = kept.shape
    columns = source.clamp(min=0)[:, None].expand(-1, channels, -1)
    moved = kept.flatten(2).gather(2, columns).view_as(kept)
    return moved, (source >= 0).view(n, 1, height, width)


def put_pixels(kept: Tensor, source: Tensor | None, moved: Tensor) -> Tensor:
    """Return kept perturbations (N, C, H, W) in which the pixels of augmented ones are replaced.

    Args:
        kept: Perturbations of the images before augmentation.
        source: Pixel that each pixel was, as in `take_pixels`.
        moved: Perturbations of the augmented images, (N, C, H, W).
    """
    if source is None:
        return moved
    n, channels, height, width = kept.shape
    pixels = height * width
    columns = torch.where(source < 0, pixels, source)[:, None].expand(-1, channels, -1)
    with_padding = torch.cat([kept.flatten(2), kept.new_zeros(n, channels, 1)], dim=2)
    return with_padding.scatter(2, columns, moved.flatten(2))[..., :pixels].view_as(kept)


def find_unknown_images(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if an attack would not know which images of the data set it gets."""
    name = config["attack"]["name"]
    if config["data"].get("extra") is not None:
        yield (
            f"data.extra: must be left out with attack={name}, which keeps a perturbation of each "
            "image of the data set and none of further images."
        )
    if config["data"].get("policy", "none") != "none":
        yield (
            f"data.policy: must be none with attack={name}, whose perturbations move with their "
            "images when these are cropped or mirrored, but not when they are warped."
        )
    if config["update"].get("micro_batch") is not None:
        yield (
            f"update.micro_batch: must be left out with attack={name}, which needs whole batches."
        )
