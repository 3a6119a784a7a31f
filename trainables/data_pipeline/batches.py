"""From a data set to batches: validation split, order and augmentation.

All operations work on whole batches, on the device of the images, with one generator.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from trainables.data_pipeline.images import DataError, Images, TrainingBatch
from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import Count, FractionBelowOne, Natural, Seed

FORMER_VALUES = {"extra_share": 0.0}


def split_validation(
    train: Images,
    *,
    validation: Count = 1000,
    limit: Count | None = None,
    split_seed: Seed = 0,
) -> tuple[Images, Images]:
    """Return the training and the validation images, cut from the training split.

    Args:
        train: The training split.
        validation: Number of images held out for validation, stratified by class.
        limit: Number of training images to keep, stratified by class. `None`: all remaining ones.
        split_seed: Seed of the split; the same for all trials, independent of their seeds.

    Raises:
        DataError: If the training split has too few images.
    """
    required = validation + (1 if limit is None else limit)
    if required > len(train):
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
    """Split the row indices `order` into `size` rows and the rest, stratified by class.

    Fractional shares are rounded by the largest remainder method.
    """
    labels, counts = y[order].unique(return_counts=True)
    exact = counts.double() * size / len(order)
    take = exact.floor().long()
    missing = size - int(take.sum())
    take[(exact - take).argsort(descending=True, stable=True)[:missing]] += 1
    first = torch.zeros(len(order), dtype=torch.bool)
    for label, number in zip(labels, take, strict=True):
        first[(y[order] == label).nonzero()[: int(number), 0]] = True
    return order[first], order[~first]


def iterate_batches(
    images: Images,
    rng: Generator,
    extra: Images | None = None,
    *,
    batch_size: Count = 128,
    extra_share: FractionBelowOne = 0.5,
) -> Iterator[TrainingBatch]:
    """Yield each image once, in random order: pixels, labels (N,) and rows in the split.

    With further images, an epoch has as many batches of the same sizes; it trains on a random
    part of the images instead of each of them (as Carmon et al., arXiv:1905.13736).

    Args:
        images: The images.
        rng: Generator of the order, on the device of the images.
        extra: Further training images; `None`: there are none.
        batch_size: Images per batch. The last batch may be smaller; a last batch of one image is
            left out, because BatchNorm cannot compute statistics of a single value.
        extra_share: Share of each batch that is drawn from the images of `extra`, with replacement,
            rounded to whole images; at least one image of the data set is in each batch. Carmon et
            al. use 0.5, Gowal et al. (arXiv:2110.09468) 0.7 on CIFAR-10. An epoch counts the
            original images: it has as many steps as without `extra`.
    """
    order = torch.randperm(len(images), generator=rng, device=images.y.device)
    parts = order.split(batch_size)[: count_batches(len(images), batch_size)]
    if extra is None or not extra_share:
        batches = zip(images.stream(parts), parts, strict=True)
        yield from (TrainingBatch(x, y, rows) for (x, y), rows in batches)
    else:
        yield from mix_batches(images, extra, parts, rng, extra_share)


def mix_batches(
    images: Images, extra: Images, parts: Sequence[Tensor], rng: Generator, share: float
) -> Iterator[TrainingBatch]:
    """Yield the batches `parts` of row indices, in which a share is replaced by further images."""
    numbers = [min(round(share * len(part)), len(part) - 1) for part in parts]
    kept = [part[number:] for part, number in zip(parts, numbers, strict=True)]
    shape, device = (sum(numbers),), images.y.device
    drawn = torch.randint(len(extra), shape, generator=rng, device=device).split(numbers)
    streams = zip(images.stream(kept), extra.stream(drawn), kept, strict=True)
    for (x, y), (more_x, more_y), rows in streams:
        # shuffled, so that micro-batches have the same share
        order = torch.randperm(len(y) + len(more_y), generator=rng, device=device)
        all_rows = torch.cat([rows, rows.new_full((len(more_y),), -1)])
        yield TrainingBatch(
            torch.cat([x, more_x])[order], torch.cat([y, more_y])[order], all_rows[order]
        )


def unused(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if a share of further images is set, but there are none."""
    share = config["data"].get("extra_share")
    default = read_knobs(iterate_batches)["extra_share"].default
    if config["data"].get("extra", "searched") is None and share not in (0, default):
        yield "data.extra_share: has no effect without further images; add data.extra=FILE.npz."


def count_batches(n_images: int, batch_size: int) -> int:
    """Return the number of batches of an epoch.

    >>> count_batches(100, 50), count_batches(101, 50), count_batches(102, 50), count_batches(1, 50)
    (2, 2, 3, 1)
    """
    full, rest = divmod(n_images, batch_size)
    return full + (rest > 1 or full == 0)


def augment(
    x: Tensor,
    rng: Generator,
    *,
    crop: Natural = 0,
    padding: Literal["zero", "reflect"] = "zero",
    flip: bool = False,
    cutout: Natural = 0,
) -> Tensor:
    """Return images with random crop, flip and cutout, drawn independently for each image.

    Args:
        x: Images (N, C, H, W).
        rng: Generator of the draws, on the device of `x`.
        crop: Maximum shift of an image in each direction, in pixels; 0: no crop, 4 is usual on
            CIFAR.
        padding: Padding of the border before cropping.
        flip: Whether to mirror each image left to right with probability 1/2.
        cutout: Side of a black square at a random position inside the image, in pixels (DeVries
            and Taylor, arXiv:1708.04552, as in Rice et al., arXiv:2002.11569); 0: no cutout.
    """
    if crop:
        x = random_crop(x, rng, crop, "reflect" if padding == "reflect" else "constant")
    if flip:
        mirrored = torch.rand(len(x), 1, 1, 1, generator=rng, device=x.device) < 0.5
        x = torch.where(mirrored, x.flip(3), x)
    if cutout:
        x = x.masked_fill(cutout_mask(x, rng, cutout), 0.0)
    return x


def augment_with_source(
    augment: Callable[[Tensor, Generator], Tensor], x: Tensor, rng: Generator
) -> tuple[Tensor, Tensor]:
    """Return augmented images and where their pixels come from, as `TrainingBatch` describes it.

    The same draws are applied to an image of pixel numbers, in which padding is 0.

    Args:
        augment: Moves pixels without blending them, as `augment` does.
        x: Images (N, C, H, W).
        rng: Generator of the draws, on the device of `x`.
    """
    n, _, height, width = x.shape
    before = rng.get_state()
    augmented = augment(x, rng)
    after = rng.get_state()
    rng.set_state(before)
    # floats are exact up to 2^24 pixels
    numbers = torch.arange(1, height * width + 1, dtype=torch.float32, device=x.device)
    numbers = numbers.view(1, 1, height, width).expand(n, 1, height, width)
    source = augment(numbers, rng).flatten(1).long() - 1
    rng.set_state(after)
    return augmented, source


def random_crop(x: Tensor, rng: Generator, margin: int, mode: str) -> Tensor:
    """Return random crops of images (N, C, H, W) that are padded by `margin` pixels."""
    n, channels, height, width = x.shape
    padded = F.pad(x, [margin] * 4, mode=mode)
    shifts = torch.randint(2 * margin + 1, (2, n, 1), generator=rng, device=x.device)
    rows = shifts[0] + torch.arange(height, device=x.device)
    columns = shifts[1] + torch.arange(width, device=x.device)
    image = torch.arange(n, device=x.device).view(n, 1, 1, 1)
    channel = torch.arange(channels, device=x.device).view(1, channels, 1, 1)
    return padded[image, channel, rows.view(n, 1, height, 1), columns.view(n, 1, 1, width)]


def cutout_mask(x: Tensor, rng: Generator, side: int) -> Tensor:
    """Return a mask (N, 1, H, W) of a random square inside each image (N, C, H, W)."""
    n, _, height, width = x.shape
    unit = torch.rand(2, n, 1, generator=rng, device=x.device)
    inside = []
    for draw, length in zip(unit, (height, width), strict=True):
        first = (draw * (length + 1 - side)).floor()
        position = torch.arange(length, device=x.device)
        inside.append((position >= first) & (position < first + side))
    rows, columns = inside
    mask: Tensor = rows.view(n, 1, height, 1) & columns.view(n, 1, 1, width)
    return mask
