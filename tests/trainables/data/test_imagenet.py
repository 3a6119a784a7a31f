"""Photographs in folders: what is read, in which order, and what is refused."""

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as shapes

from tests.oracles import tiny_config
from trainables.data import imagenet
from trainables.data_pipeline.batches import iterate_batches
from trainables.data_pipeline.images import DataError
from trainables.data_pipeline.photos import PhotoError
from trainables.training.trial import Trial


@pytest.fixture
def root(tmp_path):
    """Two classes of six training and two test photographs, each of a different size."""
    torch.manual_seed(0)
    for split, number in (("train", 6), ("val", 2)):
        for label, name in enumerate(("n02", "n01")):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                pixels = torch.randint(256, (40 + i, 60 - label, 3), dtype=torch.uint8)
                Image.fromarray(pixels.numpy()).save(folder / f"{i}.JPEG")
    return tmp_path


def test_shapes_labels_and_classes_in_the_order_of_their_names(root):
    data = imagenet.load(root=str(root), size=16, workers=2)
    assert data.image_format.shape == (3, 16, 16)
    assert data.classes == 2
    assert data.train.y.tolist() == [0] * 6 + [1] * 6
    assert data.train.x.files[0] == root / "train/n01/0.JPEG"
    assert len(data.test) == 4


def test_pixels_are_the_centre_of_the_resized_photograph(root):
    data = imagenet.load(root=str(root), size=14, workers=2)
    whole = Image.open(root / "train/n01/3.JPEG")  # 43 x 60
    small = shapes.pil_to_tensor(shapes.resize(whole, [16]))  # 14 * 8/7; 22 wide
    expected = small[:, 1:15, 4:18].float()
    torch.testing.assert_close(data.train.x[3:4].float()[0], expected, rtol=0, atol=0)


def test_batches_are_the_photographs_and_labels_of_one_order(root):
    data = imagenet.load(root=str(root), size=8, workers=3)
    whole = data.train.x.float() / 255
    seen = torch.zeros(12)
    for x, y, *_ in iterate_batches(data.train, torch.Generator().manual_seed(1), batch_size=5):
        for image, label in zip(x, y, strict=True):
            (which,) = [i for i in range(12) if torch.equal(whole[i], image)]
            assert data.train.y[which] == label
            seen[which] += 1
    assert seen.eq(1).all()


def test_a_trial_trains_on_them(root):
    data = {"name": "imagenet", "root": str(root), "size": 16, "workers": 2}
    config = tiny_config(data={**data, "validation": 4, "batch_size": 4}, epochs=1)
    assert Trial(config).run_epoch().train_loss > 0


@pytest.mark.parametrize("wrong", ["nothing", "other classes", "an empty class"])
def test_folders_that_are_not_as_they_should_be_are_refused(root, wrong, tmp_path):
    where = root
    if wrong == "nothing":
        where = tmp_path / "elsewhere"
    elif wrong == "other classes":
        (root / "val/n01").rename(root / "val/n03")
    else:
        (root / "train/n00").mkdir()
        (root / "val/n00").mkdir()
    with pytest.raises(DataError):
        imagenet.load(root=str(where))


def test_a_broken_photograph_is_named(root):
    (root / "train/n01/2.JPEG").write_bytes(b"no photograph")
    data = imagenet.load(root=str(root), size=8)
    with pytest.raises(PhotoError, match=r"2\.JPEG cannot be decoded"):
        data.train.x.float()
