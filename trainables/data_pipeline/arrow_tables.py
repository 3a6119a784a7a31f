"""Tables of encoded images in Arrow and Parquet files, as Hugging Face's `datasets` writes them."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from trainables.data_pipeline.array_files import SPLIT_WORDS
from trainables.data_pipeline.images import DataError

SUFFIXES = (".arrow", ".parquet")


def find_tables(root: Path) -> dict[str, list[Path]]:
    """Return the files of each split in a folder: train, validation and test, or all.

    The split is a part of the path, e.g. train/data-00000-of-00001.arrow.

    Raises:
        DataError: If there is no table.
    """
    splits: dict[str, list[Path]] = {}
    files = sorted(f for f in root.rglob("*") if f.suffix in SUFFIXES)
    for file in files:
        if file.name.startswith("cache-"):  # of transformations
            continue
        words = re.split(r"[^a-z]+", str(file.relative_to(root)).lower())
        named = (split for split, names in SPLIT_WORDS.items() if {*names} & {*words})
        splits.setdefault(next(named, "all"), []).append(file)
    if not splits:
        raise DataError(
            f"{root} must be a folder of {' or '.join(SUFFIXES)} files, as save_to_disk of Hugging "
            "Face's datasets writes them; write data.root=FOLDER."
        )
    return splits


def read_table(files: Sequence[Path]) -> pa.Table:
    """Return the rows of some files.

    Raises:
        DataError: If one cannot be read.
    """
    return pa.concat_tables([read_table_file(file) for file in files])


def read_table_file(file: Path) -> pa.Table:
    """Return the rows of an Arrow or Parquet file.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        if file.suffix == ".parquet":
            return pq.read_table(file)
        with pa.memory_map(str(file)) as source:
            return pa.ipc.open_stream(source).read_all()
    except (OSError, ValueError) as error:  # Arrow's errors are ValueErrors
        reason = str(error).partition("\n")[0]
        raise DataError(f"{file} cannot be read ({reason}); fetch or write it again.") from None


def find_column(table: pa.Table, wanted: str | None, kind: str) -> str:
    """Return the name of the column of images or of labels.

    Args:
        table: The rows.
        wanted: Name of the column; `None`: the only one that can be it.
        kind: "image" or "label".

    Raises:
        DataError: If there is none, or more than one.
    """
    if wanted is not None:
        if wanted in table.column_names:
            return wanted
        raise DataError(f"no column {wanted}; there are {', '.join(table.column_names)}.")
    check = is_image_type if kind == "image" else is_label_type
    found = [str(field.name) for field in table.schema if check(field.type)]
    if len(found) == 1:
        return found[0]
    if kind in found:
        return kind
    raise DataError(
        f"expected one column of {kind}s, got {', '.join(found) or 'none'} among "
        f"{', '.join(table.column_names)}; write data.{kind}=COLUMN."
    )


def is_image_type(kind: pa.DataType) -> bool:
    """Return whether a column of a type can hold encoded images: bytes, or bytes and path."""
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def is_label_type(kind: pa.DataType) -> bool:
    """Return whether a column of a type can hold labels: whole numbers or words."""
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind))


def decode_cell(cell: object, where: str) -> Image.Image:
    """Return the image in a cell: bytes, or a dictionary of bytes and path.

    Raises:
        DataError: If it holds no image.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise DataError(f"{where}: a cell holds no encoded image; embed the images in the table.")
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{where}: an image cannot be decoded ({error}).") from None
