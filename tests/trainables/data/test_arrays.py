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
        ({"y_test": None}, "lacks ['y_test']"),
        ({"x_train": GOOD["x_train"] / 255}, "must be uint8"),
        ({"x_train": GOOD["x_train"].transpose(0, 3, 1, 2)}, "C 1 or 3"),
        ({"x_train": GOOD["x_train"][:5]}, "one integer per image"),
        ({"y_train": GOOD["y_train"] - 1}, "at least 0"),
        ({"y_train": GOOD["y_train"] * 10**12}, "below 20, the number of training images, got 0"),
        ({"y_test": np.full(8, 2**63 + 1, np.uint64)}, "y_test must be at least 0 and below 20"),
        ({"y_train": GOOD["y_train"] * 0.5}, "one integer per image"),
        ({"y_train": GOOD["y_train"] * 0, "y_test": GOOD["y_test"] * 0}, "at least two classes"),
        ({"y_test": GOOD["y_test"] + 1}, "label 4, which y_train lacks"),
        ({"x_test": GOOD["x_test"][:, 1:]}, "one size"),
        ({k: GOOD[k] + 1 for k in ("y_train", "y_test")}, "got 4 labels from 1 to 4; number them"),
        ({k: GOOD[k] * 5 for k in ("y_train", "y_test")}, "got 4 labels from 0 to 15; number them"),
        ({k: GOOD[k][:, None] for k in ("y_train", "y_test")}, "of shape (20, 1). Write y[:, 0]."),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(tmp_path, changes, message):
    with pytest.raises(DataError) as error:
        arrays.load(path=write(tmp_path / "a.npz", **changes))
    assert message in str(error.value)


def test_the_names_of_medmnist_are_explained(tmp_path):
    names = {"x_train": "train_images", "x_test": "test_images"}
    names |= {"y_train": "train_labels", "y_test": "test_labels"}
    np.savez(tmp_path / "a.npz", **{names[key]: array for key, array in GOOD.items()})
    with pytest.raises(DataError, match=r"train_labels\[:, 0\] as y_train"):
        arrays.load(path=str(tmp_path / "a.npz"))


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
