"""What was understood of a data set, as text."""

from collections.abc import Iterator

from trainables.data_pipeline.images import Dataset, Images


def describe_dataset(
    name: str, data: Dataset, train: Images, validation: Images, extra: str = ""
) -> Iterator[str]:
    """Yield one line about the images of a study, a caution if few train, and the assumptions.

    Args:
        name: Name of the data set.
        data: The data set.
        train: Its training images.
        validation: Its validation images.
        extra: What is mixed into the training batches, as text.
    """
    shape = "x".join(map(str, data.image_format.shape))
    yield (
        f"data {name}: images {shape} in {data.classes} classes; {len(train):,} for training "
        f"({describe_counts(train, data.classes)}), {len(validation):,} for validation, "
        f"{len(data.test):,} for tests{extra}."
    )
    if len(validation) > len(train):
        yield (
            f"caution: more images are held out for validation than trained on; write "
            f"data.validation={(len(train) + len(validation)) // 5}, say."
        )
    for note in data.notes:
        yield f"data {name}: {note}."


def describe_attacked(name: str, data: Dataset, images: Images, split: str) -> Iterator[str]:
    """Yield one line about the images of an evaluation, and one for each assumption.

    Args:
        name: Name of the data set.
        data: The data set.
        images: The images that are attacked.
        split: Name of the split from which they are drawn.
    """
    shape = "x".join(map(str, data.image_format.shape))
    yield (
        f"data {name}: {len(images):,} {split} images {shape} in {data.classes} classes "
        f"({describe_counts(images, data.classes)})."
    )
    for note in data.notes:
        yield f"data {name}: {note}."


def describe_counts(images: Images, classes: int) -> str:
    """Return the numbers of images of the rarest and the commonest class as text."""
    counts = images.y.bincount(minlength=classes)
    rarest, commonest = int(counts.min()), int(counts.max())
    if rarest == commonest:
        return f"{rarest:,} per class"
    return f"rarest class {rarest:,}, commonest {commonest:,}"
