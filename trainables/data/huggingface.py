"""Custom images: a folder that Hugging Face's `datasets` saved, or of the hub's Parquet files."""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from torch import Tensor

from trainables.data_pipeline.array_values import describe_numbering, number_labels
from trainables.data_pipeline.arrow_tables import (
    decode_cell,
    find_column,
    find_tables,
    read_table,
)
from trainables.data_pipeline.decoded_images import match_channels, stack_images
from trainables.data_pipeline.images import DataError, Dataset
from trainables.data_pipeline.test_split import build_dataset
from trainables.hparams.ranges import Count, OpenFraction, PathText

RECIPE = "cifar10"
Column = Annotated[str, Field(min_length=1)]


def load(
    *,
    root: PathText,
    image: Column | None = None,
    label: Column | None = None,
    size: Count | None = None,
    test_share: OpenFraction = 0.2,
) -> Dataset:
    """Return the images, held in memory; neither `datasets` nor its scripts are used.

    Args:
        root: Folder that `save_to_disk` wrote, or with .parquet files whose paths name the split.
        image: Column of encoded images; `None`: the only one there is.
        label: Column of labels; `None`: the only one there is.
        size: Height and width of the images, in pixels; each is cropped at its centre to a square
            and resized. `None`: all images have one size already.
        test_share: Share of the images, stratified by class, that become the test split if there
            is none.

    Raises:
        DataError: If there are no images, or sizes differ without `size`.
    """
    tables = find_tables(Path(root))
    train_files = tables.get("train") or tables.get("all")
    if train_files is None:
        raise DataError(f"{root} has no training split, only {', '.join(tables)}.")
    train, labels = read_split(train_files, image, label, size)
    values = np.unique(labels)
    test_name = next((name for name in ("test", "validation") if name in tables), None)
    test, notes = None, describe_numbering(values.tolist())
    if test_name:
        test_x, test_labels = read_split(tables[test_name], image, label, size)
        train, test_x = match_channels(train, test_x)
        test = test_x, number_labels(test_labels, values, f"{root}: {test_name}")
        notes = [f"the test split is {test_name}", *notes]
    return build_dataset(
        (train, number_labels(labels, values, root)),
        test,
        source=root,
        label_values=values.tolist(),
        test_share=test_share,
        notes=notes,
    )


def read_split(
    files: list[Path], image: str | None, label: str | None, size: int | None
) -> tuple[Tensor, np.ndarray]:
    """Return the pixels (N, C, H, W) and labels (N,) of a split.

    Raises:
        DataError: If a column is missing or an image cannot be decoded.
    """
    table, source = read_table(files), str(files[0].parent)
    cells = table[find_column(table, image, "image")]
    labels: np.ndarray = table[find_column(table, label, "label")].to_numpy()
    pixels = stack_images((decode_cell(cell.as_py(), source) for cell in cells), size, source)
    return pixels, labels.astype(str) if labels.dtype == object else labels
