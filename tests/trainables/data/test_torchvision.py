"""The data sets that torchvision downloads, from files laid out as it lays them out."""

import gzip
import pickle
import shutil
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from trainables.data import _torchvision, cifar10, cifar100, fashion_mnist, mnist, svhn
from trainables.data import torchvision as any_set
from trainables.data_pipeline.images import DataError
from trainables.hparams.knobs import read_knobs

EVERY = [mnist, fashion_mnist, cifar10, cifar100, svhn]
every_module = pytest.mark.parametrize("module", EVERY, ids=lambda m: m.__name__.split(".")[-1])


@every_module
def test_missing_files_are_one_clear_error(module, tmp_path):
    with pytest.raises(DataError) as error:
        module.load(root=str(tmp_path), download=False)
    assert str(tmp_path) in str(error.value)
    assert "data.root=FOLDER" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@every_module
def test_a_download_that_fails_leaves_nothing_behind(module, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", refuse)
    with pytest.raises(DataError, match="could not be downloaded"):
        module.load(root=str(tmp_path / "new"), download=True)
    assert not (tmp_path / "new").exists()


def test_mnist_from_its_original_files(shared, tmp_path):
    shutil.copytree(shared / "MNIST", tmp_path / "MNIST")
    data = mnist.load(root=str(tmp_path), download=True)  # finds the files, fetches nothing
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.image_format.shape == (1, 28, 28)
    with gzip.open(shared / "MNIST/raw/train-images-idx3-ubyte.gz") as file:
        first = np.frombuffer(file.read(16 + 784)[16:], dtype=np.uint8).copy()
    assert torch.equal(data.train.x[0].flatten(), torch.from_numpy(first))


@pytest.mark.parametrize(("size", "labels"), [((4, 8, 8, 3), "targets"), ((4, 3, 8, 8), "labels")])
def test_axes_come_in_torchs_order_whatever_they_were(size, labels):
    data = np.arange(np.prod(size), dtype=np.uint8).reshape(size)
    images = _torchvision.as_images(SimpleNamespace(data=data, **{labels: [0, 1, 2, 3]}))
    expected = data.transpose(0, 3, 1, 2) if size[-1] == 3 else data
    assert torch.equal(images.x, torch.from_numpy(expected.copy()))
    assert images.y.tolist() == [0, 1, 2, 3]
    pickle.dumps(images)  # plain tensors, ready for any process


class FewPhotos:
    """A data set of torchvision that decodes photographs of several sizes."""

    def __init__(self, root, *, split="train", download=False):
        self.n = {"train": 8, "test": 4}[split]

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        return Image.new("RGB", (6 + index % 2, 6), (index, 0, 0)), 1 + index % 2


def test_any_other_set_of_torchvision_is_resized(monkeypatch):
    monkeypatch.setattr("torchvision.datasets.GTSRB", FewPhotos)
    data = any_set.load(dataset="GTSRB", root=".", size=4)
    assert data.image_format.shape == (3, 4, 4)
    assert data.train.x[:, 0, 0, 0].tolist() == list(range(8))
    assert data.train.y.tolist() == [0, 1] * 4
    assert len(data.test) == 4
    assert data.notes == ("labels 1, 2 are numbered from 0 to 1",)
    with pytest.raises(DataError, match=r"write data\.size=6"):
        any_set.load(dataset="GTSRB", root=".")


def test_a_set_without_a_test_split_is_divided(monkeypatch):
    monkeypatch.setattr("torchvision.datasets.EuroSAT", FewPhotos)
    data = any_set.load(dataset="EuroSAT", root=".", size=4, test_share=0.25)
    assert (len(data.train), len(data.test)) == (6, 2)


def test_every_set_has_its_splits_and_exists_in_torchvision():
    knob = read_knobs(any_set.load)["dataset"]
    names = get_args(knob.annotation)
    assert set(names) == set(any_set.SPLITS)
    assert all(hasattr(datasets, name) for name in names)
