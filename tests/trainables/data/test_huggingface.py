"""Folders as Hugging Face's `datasets` and its hub write them."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from trainables.data import huggingface
from trainables.data_pipeline.images import DataError

RNG = np.random.default_rng(0)


def table(number=6, label="label", labels=None, **more):
    pixels = RNG.integers(0, 256, (number, 5, 5, 3), dtype=np.uint8)
    cells = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        cells.append({"bytes": file.getvalue(), "path": None})
    labels = labels or [index % 2 for index in range(number)]
    return pa.table({"img": cells, label: labels, **more}), pixels


def save_to_disk(path, content):
    """Write the rows as `Dataset.save_to_disk` does: a stream of Arrow batches."""
    path.mkdir(parents=True)
    file = path / "data-00000-of-00001.arrow"
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)
    (path / "state.json").write_text("{}")


def test_what_save_to_disk_wrote(tmp_path):
    (train, pixels), (test, _) = table(), table(4)
    save_to_disk(tmp_path / "train", train)
    save_to_disk(tmp_path / "test", test)
    data = huggingface.load(root=str(tmp_path))
    assert torch.equal(data.train.x, torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()))
    assert data.train.y.tolist() == [0, 1] * 3
    assert (len(data.test), data.classes) == (4, 2)


def test_the_parquet_files_of_the_hub(tmp_path):
    (tmp_path / "data").mkdir()
    for split in ("train", "validation"):
        content, _ = table(labels=["no", "yes"] * 3)
        pq.write_table(content, tmp_path / f"data/{split}-00000-of-00001.parquet")
    data = huggingface.load(root=str(tmp_path), size=3)
    assert data.label_values == ("no", "yes")
    assert data.image_format.shape == (3, 3, 3)
    assert "the test split is validation" in data.notes


def test_two_columns_of_labels_need_a_choice(tmp_path):
    content, _ = table(label="fine_label", coarse_label=[0, 0, 0, 1, 1, 1])
    save_to_disk(tmp_path / "all", content)
    with pytest.raises(DataError, match=r"got fine_label, coarse_label among .*data\.label=COLUMN"):
        huggingface.load(root=str(tmp_path))
    data = huggingface.load(root=str(tmp_path), label="coarse_label", test_share=0.4)
    assert len(data.test) == 2


def test_a_folder_without_tables_or_with_a_broken_one_is_refused(tmp_path):
    with pytest.raises(DataError, match="save_to_disk"):
        huggingface.load(root=str(tmp_path))
    (tmp_path / "train.parquet").write_bytes(b"<html>")
    with pytest.raises(DataError, match="cannot be read"):
        huggingface.load(root=str(tmp_path))
