"""Custom images: which files are accepted, and the errors for the others."""

import numpy as np
import pytest
import torch

from trainables.data import arrays
from trainables.data_pipeline.images import DataError

RNG = np.random.default_rng(0)
GOOD = {
    "x_train": RNG.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8),
    "y_train": np.arange(20) % 4,
    "x_test": RNG.integers(0, 256, (8, 6, 5, 3), dtype=np.uint8),
    "y_test": np.arange(8) % 4,
}


def write(path, **changes):
    content = {k: v for k, v in (GOOD | changes).items() if v is not None}
    np.savez(path, **content)
    return str(path)


def test_colour_images_come_with_channels_first_and_their_own_statistics(tmp_path):
    data = arrays.load(path=write(tmp_path / "a.npz"))
    assert data.image_format.shape == (3, 6, 5)
    assert data.classes == 4
    assert torch.equal(data.train.x[3, 1], torch.from_numpy(GOOD["x_train"][3, :, :, 1]))
    pixels = GOOD["x_train"].reshape(-1, 3) / 255
    np.testing.assert_allclose(data.mean, pixels.mean(axis=0))
    np.testing.assert_allclose(data.std, pixels.std(axis=0, ddof=1))


def test_grey_images_may_lack_the_channel_axis(tmp_path):
    grey = {key: GOOD[key][..., 0] for key in ("x_train", "x_test")}
    assert arrays.load(path=write(tmp_path / "a.npz", **grey)).image_format.shape == (1, 6, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "has x_test but no labels of test"),
        ({"x_train": GOOD["x_train"] / 255 - 0.5}, "undo a normalisation"),
        ({"x_train": GOOD["x_train"] * 0.7}, "whole grey levels or floats from 0 to 1"),
        ({"x_train": GOOD["x_train"].astype(int) * 2}, "grey levels from 0 to 255"),
        ({"x_train": GOOD["x_train"].reshape(20, -1)}, "(N, C, H, W) with C 1 or 3, got (20, 90)"),
        ({"x_train": GOOD["x_train"][:5]}, "one label for each of 5 images"),
        ({"y_train": GOOD["y_train"] * 0.5}, "got float64 of shape (20,). Write y.astype(int)."),
        ({"y_train": np.arange(20)}, "two training images per class, got 20 different labels"),
        ({"y_train": GOOD["y_train"] * 0, "y_test": GOOD["y_test"] * 0}, "at least two classes"),
        ({"y_test": GOOD["y_test"] + 1}, "y_test has label 4, which the training labels lack"),
        ({"y_test": np.full(8, 2**63 + 1, np.uint64)}, "label 9223372036854775809, which"),
        ({"x_test": GOOD["x_test"][:, 1:]}, "of one size, got (3, 6, 5) and (3, 5, 5)"),
        ({"y_train": np.full((20, 4), 0.25)}, "a single 1 per row (one-hot)"),
        ({"y_train": np.ones((20, 4), int)}, "several classes per image"),
        ({"labels_train": GOOD["y_train"]}, "both y_train and labels_train may be the labels"),
        (dict.fromkeys(GOOD) | {"weights": np.zeros(3)}, "must hold images and labels"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(tmp_path, changes, message):
    with pytest.raises(DataError) as error:
        arrays.load(path=write(tmp_path / "a.npz", **changes))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("images_train", "targets_train", "images_test", "targets_test"),
        ("trainX", "trainY", "testX", "testY"),
        ("train_data", "train_labels", "val_data", "val_labels"),
    ],
)
def test_the_names_that_others_use_mean_the_same(tmp_path, names):
    np.savez(tmp_path / "a.npz", **dict(zip(names, GOOD.values(), strict=True)))
    data = arrays.load(path=str(tmp_path / "a.npz"))
    expected = arrays.load(path=write(tmp_path / "b.npz"))
    for split, other in ((data.train, expected.train), (data.test, expected.test)):
        assert torch.equal(split.x, other.x)
        assert torch.equal(split.y, other.y)


def test_arrays_without_a_split_beside_training_images_are_left_out(tmp_path):
    extra = {"labels": np.array(["a", "b", "c", "d"]), "data": np.zeros(3), "features": np.ones(2)}
    data = arrays.load(path=write(tmp_path / "a.npz", **extra))
    assert torch.equal(data.train.y, torch.from_numpy(GOOD["y_train"]))
    assert "left out: labels, data, features" in data.notes


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda y: y[:, None], None),
        (lambda y: np.eye(4, dtype=int)[y], None),
        (lambda y: np.eye(4, dtype=np.float32)[y], None),
        (lambda y: y + 1, "labels 1, 2, 3, 4 are numbered from 0 to 3"),
        (lambda y: y * 10**12, "are numbered from 0 to 3"),
        (lambda y: y * 10 - 10, "labels -10, 0, 10, 20 are numbered"),
        (lambda y: np.array(["ant", "bee", "cat", "dog"])[y], "labels ant, bee, cat, dog are"),
    ],
)
def test_labels_of_any_form_become_indices_of_classes(tmp_path, change, note):
    changes = {key: change(GOOD[key]) for key in ("y_train", "y_test")}
    data = arrays.load(path=write(tmp_path / "a.npz", **changes))
    assert torch.equal(data.train.y, torch.from_numpy(GOOD["y_train"]))
    assert torch.equal(data.test.y, torch.from_numpy(GOOD["y_test"]))
    assert data.classes == 4
    assert [note in each for each in data.notes] == [True] * (note is not None)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x / 255,
        lambda x: (x / 255).astype(np.float32),
        lambda x: x.astype(np.int64),
        lambda x: x.transpose(0, 3, 1, 2),
    ],
)
def test_other_types_and_axes_of_images_are_read_as_pixels_and_said(tmp_path, change):
    changes = {key: change(GOOD[key]) for key in ("x_train", "x_test")}
    data = arrays.load(path=write(tmp_path / "a.npz", **changes))
    assert torch.equal(data.train.x, torch.from_numpy(GOOD["x_train"].transpose(0, 3, 1, 2)))
    assert len(data.notes) == 2


def test_images_without_a_test_split_are_divided_by_class(tmp_path):
    np.savez(tmp_path / "a.npz", images=GOOD["x_train"], labels=GOOD["y_train"], ids=np.arange(20))
    data = arrays.load(path=str(tmp_path / "a.npz"), test_share=0.4)
    assert (len(data.train), len(data.test)) == (12, 8)
    assert data.test.y.bincount().tolist() == [2, 2, 2, 2]
    rows = {row.numpy().tobytes() for row in data.train.x} | {
        row.numpy().tobytes() for row in data.test.x
    }
    assert len(rows) == 20  # each image is in one split
    assert "left out: ids" in data.notes
    assert any("8 images are cut off" in note for note in data.notes)


def test_a_truncated_file_is_refused(tmp_path):
    path = write(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a complete"):
        arrays.load(path=path)


def test_a_compressed_file_that_is_corrupt_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **GOOD)
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    whole[200:260] = bytes(60)
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(DataError, match="not a complete"):
        arrays.load(path=str(tmp_path / "a.npz"))


def test_a_file_that_holds_code_is_not_run(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **{**GOOD, "y_test": np.array([print] * 8, dtype=object)}, allow_pickle=True)
    with pytest.raises(DataError, match="plain arrays"):
        arrays.load(path=str(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no file"):
        arrays.load(path=str(tmp_path / "none.npz"))
