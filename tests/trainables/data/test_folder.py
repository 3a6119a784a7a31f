"""Folders of class folders: layouts, sizes, channels, the cache, and bad input."""

import numpy as np
import pytest
import torch
from PIL import Image

from trainables.data import folder
from trainables.data_pipeline import decoded_images
from trainables.data_pipeline.images import DataError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path, *, number=4, size=(6, 6), mode="RGB", suffix=".png"):
    path.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    for _ in range(number):
        pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(path / f"{len(list(path.iterdir())):03}{suffix}")


def test_train_and_test_folders_are_the_splits(tmp_path):
    for split in ("train", "test"):
        for name in ("cat", "ant"):
            write(tmp_path / "set" / split / name)
    data = folder.load(root=str(tmp_path / "set"))
    first = np.asarray(Image.open(tmp_path / "set/train/ant/000.png"))
    assert torch.equal(data.train.x[0], torch.from_numpy(first.transpose(2, 0, 1).copy()))
    assert data.train.y.tolist() == data.test.y.tolist() == [0] * 4 + [1] * 4
    assert data.label_values == ("ant", "cat")


def test_a_class_that_the_test_split_lacks_keeps_its_number(tmp_path):
    for name in ("ant", "bee", "cat"):
        write(tmp_path / "set/train" / name)
    write(tmp_path / "set/val/cat", number=2)
    data = folder.load(root=str(tmp_path / "set"))
    assert data.test.y.tolist() == [2, 2]
    assert data.classes == 3


def test_a_class_may_be_called_train(tmp_path):
    for name in ("car", "plane", "train"):
        write(tmp_path / "set" / name)
    assert folder.load(root=str(tmp_path / "set")).label_values == ("car", "plane", "train")


def test_splits_without_class_folders_are_no_classes(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / "set" / split)
    with pytest.raises(DataError, match="train must be a folder with one folder of images per"):
        folder.load(root=str(tmp_path / "set"))


def test_classes_alone_are_divided(tmp_path):
    for name in ("ant", "bee"):
        write(tmp_path / "set" / name, number=10)
    data = folder.load(root=str(tmp_path / "set"), test_share=0.3)
    assert (len(data.train), len(data.test)) == (14, 6)
    assert data.test.y.bincount().tolist() == [3, 3]


def test_images_of_any_size_are_cropped_and_resized(tmp_path):
    write(tmp_path / "set/ant", size=(12, 8))
    write(tmp_path / "set/bee", size=(9, 9), suffix=".jpg")
    assert folder.load(root=str(tmp_path / "set"), size=5).image_format.shape == (3, 5, 5)


def test_the_centre_of_an_image_is_kept_without_stretching_it(tmp_path):
    """Of 12 x 4 pixels, the middle 4 x 4: white, between black ends."""
    pixels = np.zeros((4, 12, 3), dtype=np.uint8)
    pixels[:, 4:8] = 255
    for name in ("ant", "bee"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(pixels).save(tmp_path / f"set/{name}/{number}.png")
    data = folder.load(root=str(tmp_path / "set"), size=4)
    assert (data.train.x == 255).all()


def test_grey_images_have_one_channel_unless_others_have_colour(tmp_path):
    write(tmp_path / "set/train/ant", mode="L")
    write(tmp_path / "set/train/bee", mode="L")
    write(tmp_path / "set/test/ant", mode="L")
    assert folder.load(root=str(tmp_path / "set")).image_format.shape == (1, 6, 6)
    write(tmp_path / "set/test/bee")
    assert folder.load(root=str(tmp_path / "set")).image_format.shape == (3, 6, 6)


def test_grey_images_of_16_bits_are_scaled_to_8(tmp_path):
    pixels = np.array([[0, 257], [128 * 257, 65535]], dtype=np.uint16)
    for name in ("ant", "bee"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(pixels).save(tmp_path / f"set/{name}/{number}.png")
    data = folder.load(root=str(tmp_path / "set"))
    assert data.train.x[0].tolist() == [[[0, 1], [128, 255]]]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_grey_images_of_32_bits_are_refused(tmp_path, dtype):
    write(tmp_path / "set/ant")
    write(tmp_path / "set/bee")
    Image.fromarray(np.zeros((6, 6), dtype)).save(tmp_path / "set/bee/deep.tif")
    with pytest.raises(DataError, match=r"8 or 16 bits per channel, got one of 32 bits \(mode"):
        folder.load(root=str(tmp_path / "set"))


def test_images_of_three_sizes_are_refused_with_what_to_type(tmp_path):
    write(tmp_path / "set/ant", number=5, size=(8, 7))
    write(tmp_path / "set/bee", size=(6, 6))
    write(tmp_path / "set/cat", number=3, size=(9, 9))
    with pytest.raises(DataError) as error:
        folder.load(root=str(tmp_path / "set"))
    assert "8x7 (5 images), 6x6 (4 images), 9x9 (3 images); write data.size=7" in str(error.value)


def test_an_empty_class_folder_is_refused(tmp_path):
    write(tmp_path / "set/ant")
    (tmp_path / "set/bee").mkdir()
    with pytest.raises(DataError, match="bee holds no image"):
        folder.load(root=str(tmp_path / "set"))


def test_a_class_of_the_test_split_alone_is_refused(tmp_path):
    for place in ("train/ant", "train/bee", "test/cat"):
        write(tmp_path / "set" / place)
    with pytest.raises(DataError, match=r"test has class cat, which .*train lacks"):
        folder.load(root=str(tmp_path / "set"))


@pytest.mark.parametrize("path", ["nowhere", "set"])
def test_a_folder_without_classes_is_refused(tmp_path, path):
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match="one folder of images per class"):
        folder.load(root=str(tmp_path / path))


def test_a_file_that_is_no_image_is_named(tmp_path):
    write(tmp_path / "set/ant")
    write(tmp_path / "set/bee")
    (tmp_path / "set/bee/bad.png").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"bad\.png cannot be decoded"):
        folder.load(root=str(tmp_path / "set"))


def test_decoded_images_are_cached_until_a_file_changes(tmp_path, monkeypatch):
    write(tmp_path / "set/ant")
    write(tmp_path / "set/bee")
    opened = []
    real = decoded_images.open_image
    monkeypatch.setattr(decoded_images, "open_image", lambda f: opened.append(f) or real(f))
    first = folder.load(root=str(tmp_path / "set"))
    again = folder.load(root=str(tmp_path / "set"))
    assert len(opened) == 8
    assert torch.equal(first.train.x, again.train.x)
    write(tmp_path / "set/bee", number=1)
    folder.load(root=str(tmp_path / "set"))
    assert len(opened) == 8 + 9


def test_a_corrupt_cache_is_read_again(tmp_path):
    write(tmp_path / "set/ant")
    write(tmp_path / "set/bee")
    first = folder.load(root=str(tmp_path / "set"))
    (file,) = (tmp_path / "cache/attuner").iterdir()
    file.write_bytes(b"x")
    assert torch.equal(folder.load(root=str(tmp_path / "set")).train.x, first.train.x)
