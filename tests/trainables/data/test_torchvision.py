"""The data sets that torchvision downloads, from files laid out as it lays them out."""

import gzip
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from trainables.data import _torchvision, cifar10, cifar100, fashion_mnist, mnist, svhn
from trainables.data_pipeline.images import DataError

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
