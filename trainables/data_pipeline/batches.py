"""From a data set to batches: the validation split, the order, the augmentation.

Everything happens on the device that the images are on, for whole batches, from one generator.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from trainables.data_pipeline.images import DataError, Images
from trainables.hparams.ranges import Count, Natural, NonNegative, Seed


def split_validation(
    train: Images,
    *,
    validation: Count = 1000,
    limit: Count | None = None,
    split_seed: Seed = 0,
) -> tuple[Images, Images]:
    """Return what to train on and what to validate on, cut from the training split.

    Args:
        train: The training split.
        validation: Images held out for validation, classes in their shares of the whole.
        limit: Training images to keep, likewise; all that are left if none.
        split_seed: Decides which images; the same for every trial, whatever its own seed.

    Raises:
        DataError: If there are not that many images.
    """
    wanted = validation + (1 if limit is None else limit)
    if wanted > len(train):
        raise DataError(
            f"{validation} images for validation and {limit or 'at least 1'} for training are more "
            f"than the {len(train)} there are; lower data.validation or data.limit."
        )
    rng = Generator().manual_seed(split_seed)
    order = torch.randperm(len(train), generator=rng)
    held_out, rest = stratified_split(train.y.cpu(), order, validation)
    if limit is not None:
        rest, _ = stratified_split(train.y.cpu(), rest, limit)
    return train[rest.to(train.y.device)], train[held_out.to(train.y.device)]


def stratified_split(y: Tensor, order: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Split the rows `order` in two, the first part of `size` rows, each class in its share.

    Shares that are no whole numbers go to the classes with the largest remainders.
    """
    labels, counts = y[order].unique(return_counts=True)
    exact = counts.double() * size / len(order)
    take = exact.floor().long()
    spare = size - int(take.sum())
    take[(exact - take).argsort(descending=True, stable=True)[:spare]] += 1
    first = torch.zeros(len(order), dtype=torch.bool)
    for label, number in zip(labels, take, strict=True):
        first[(y[order] == label).nonzero()[: int(number), 0]] = True
    return order[first], order[~first]


def iterate_batches(
    images: Images, rng: Generator, *, batch_size: Count = 128
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each image once, in random order, as pixels (N, C, H, W) in [0, 1] and labels (N,).

    Args:
        images: What to draw from.
        rng: Decides the order; on the device of the images.
        batch_size: Images a batch; the last one may be smaller.
    """
    order = torch.randperm(len(images), generator=rng, device=images.y.device)
    yield from images.stream(order.split(batch_size))


def augment(
    x: Tensor,
    rng: Generator,
    *,
    crop: Natural = 0,
    padding: Literal["zero", "reflect"] = "zero",
    flip: bool = False,
    cutout: Natural = 0,
) -> Tensor:
    """Return randomly moved, mirrored and blotted images, each by its own draw.

    Args:
        x: Images (N, C, H, W).
        rng: Source of the draws; on the device of `x`.
        crop: Pixels that an image may move each way; 0 for none, 4 is usual on CIFAR.
        padding: What comes in at the border.
        flip: Whether to mirror every other image, left to right.
        cutout: Side of a black square somewhere inside, in pixels (DeVries and Taylor,
            arXiv:1708.04552, as in Rice et al., arXiv:2002.11569); 0 for none.
    """
    if crop:
        x = random_crop(x, rng, crop, "reflect" if padding == "reflect" else "constant")
    if flip:
        mirrored = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) < 0.5
        x = torch.where(mirrored, x.flip(3), x)
    if cutout:
        x = x.masked_fill(cutout_mask(x, rng, cutout), 0.0)
    return x


def apply_mixup(
    x: Tensor, y: Tensor, rng: Generator, *, classes: int, mixup: NonNegative = 0.0
) -> tuple[Tensor, Tensor]:
    """Return images blended with others of the batch, and their labels in the same shares.

    Mixup (Zhang et al., arXiv:1710.09412) as in Rice et al. (arXiv:2002.11569): one share for the
    whole batch, and the attack maximises the loss of the blended labels.

    Args:
        x: Images (N, C, H, W).
        y: Labels (N,).
        rng: Source of the share and of who is blended with whom.
        classes: Number of classes K.
        mixup: The share is drawn from Beta(mixup, mixup); at 0 nothing is blended.

    Returns:
        Images, and labels (N,) or, once blended, probabilities (N, K).
    """
    if not mixup:
        return x, y
    seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
    share = np.random.default_rng(seed).beta(mixup, mixup)  # torch's takes no generator
    other = torch.randperm(len(x), generator=rng, device=x.device)
    target = F.one_hot(y, classes).to(x.dtype)
    return torch.lerp(x[other], x, share), torch.lerp(target[other], target, share)


def random_crop(x: Tensor, rng: Generator, margin: int, mode: str) -> Tensor:
    """Return images (N, C, H, W) padded by `margin` pixels and cut back to size at random."""
    n, channels, height, width = x.shape
    padded = F.pad(x, [margin] * 4, mode=mode)
    shifts = torch.randint(2 * margin + 1, (2, n, 1), generator=rng, device=x.device)
    rows = shifts[0] + torch.arange(height, device=x.device)
    columns = shifts[1] + torch.arange(width, device=x.device)
    image = torch.arange(n, device=x.device).view(n, 1, 1, 1)
    channel = torch.arange(channels, device=x.device).view(1, channels, 1, 1)
    return padded[image, channel, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]


def cutout_mask(x: Tensor, rng: Generator, side: int) -> Tensor:
    """Return a mask (N, 1, H, W) of a random square, whole, in each image (N, C, H, W)."""
    n, _, height, width = x.shape
    unit = torch.rand(2, n, 1, generator=rng, device=x.device)
    inside = []
    for draw, length in zip(unit, (height, width), strict=True):
        first = (draw * (length + 1 - side)).floor()
        place = torch.arange(length, device=x.device)
        inside.append((place >= first) & (place < first + side))
    rows, columns = inside
    mask: Tensor = rows.view(n, 1, height, 1) & columns.view(n, 1, 1, width)
    return mask
