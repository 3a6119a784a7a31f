"""Data sets from labelled images: a test split where there is none, and normalisation."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Generator, Tensor, randperm

from trainables.data_pipeline.batches import stratified_split
from trainables.data_pipeline.images import DataError, Dataset, Images

TEST_SEED = 0
"""Seed of the draw of the test split; constant, so that all studies leave out the same images."""


def build_dataset(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor] | None,
    *,
    source: str,
    label_values: Sequence[int | str],
    test_share: float,
    notes: Sequence[str] = (),
) -> Dataset:
    """Return a data set, normalised by mean and standard deviation of its training images.

    Args:
        train: Pixels (N, C, H, W), uint8, and labels (N,) of the training images.
        test: The same of the test images; `None`: they are cut from the training images.
        source: File or folder, for messages.
        label_values: What the source calls the classes, in order.
        test_share: Share of the images that is cut, stratified by class.
        notes: What was assumed or left out.

    Raises:
        DataError: If there are fewer than two classes, or two image sizes.
    """
    images, classes = Images(x=train[0], y=train[1]), len(label_values)
    if classes < 2:
        raise DataError(f"{source}: expected at least two classes, got {classes}.")
    if 2 * classes > len(images):
        raise DataError(
            f"{source}: expected at least two training images per class, got {classes} different "
            f"labels for {len(images)} images; are the labels classes?"
        )
    notes = [*notes]
    if test is None:
        rng = Generator().manual_seed(TEST_SEED)
        n_test = max(1, round(test_share * len(images)))
        held_out, rest = stratified_split(images.y, randperm(len(images), generator=rng), n_test)
        notes.append(f"no test split in {source}: {n_test:,} images are cut off for it")
        images, held = images[rest.sort().values], images[held_out.sort().values]
    else:
        held = Images(x=test[0], y=test[1])
    if images.x.shape[1:] != held.x.shape[1:]:
        raise DataError(
            f"{source}: training and test images must be of one size, got "
            f"{tuple(images.x.shape[1:])} and {tuple(held.x.shape[1:])} (C, H, W)."
        )
    mean, std = measure_pixels(images)
    data = Dataset(train=images, test=held, classes=classes, mean=mean, std=std)
    return replace(data, label_values=tuple(label_values), notes=tuple(notes))


def measure_pixels(images: Images) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel on the [0, 1] scale."""
    pixels = images.x.float().double() / 255
    mean, std = pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3)).clamp(min=1e-3)
    return tuple(mean.tolist()), tuple(std.tolist())
