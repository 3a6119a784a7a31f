"""Further training images: their share of each batch, the length of an epoch, and what is kept out.

Further images are white (255) or have their own values, so that they differ.
"""

import numpy as np
import pytest
import torch

from tests.oracles import tiny_config
from trainables.data import mnist5k
from trainables.data_pipeline import batches
from trainables.data_pipeline.batches import iterate_batches, unused
from trainables.data_pipeline.extra_images import drop_copies, read_extra
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.training import checkpoint
from trainables.training.trial import Trial


def images(first, number, classes=2):
    x = torch.arange(first, first + number, dtype=torch.uint8).view(-1, 1, 1, 1)
    return Images(x=x, y=torch.arange(number) % classes)


ORIGINAL, EXTRA = images(0, 100), images(200, 50)


def epoch(seed=0, extra=EXTRA, **settings):
    rng = torch.Generator().manual_seed(seed)
    return [
        ((x.flatten() * 255).round().int().tolist(), y.tolist())
        for x, y, *_ in iterate_batches(ORIGINAL, rng, extra, **settings)
    ]


def test_rows_are_those_of_the_data_set_and_minus_one_for_further_images():
    rng = torch.Generator().manual_seed(0)
    for x, _, index, _ in iterate_batches(ORIGINAL, rng, EXTRA, batch_size=30, extra_share=0.4):
        numbers = (x.flatten() * 255).round().long()  # from 200 on: a further image
        assert torch.equal(index, torch.where(numbers < 200, numbers, -1))


@pytest.mark.parametrize(
    ("size", "share", "expected"),
    [
        (10, 0.7, [7] * 10),  # 7 of each 10
        (32, 0.7, [22, 22, 22, 3]),  # 22.4 of 32, and 2.8 of the last 4
        (50, 0.0, [0, 0]),
        (50, 0.01, [0, 0]),  # half an image rounds to the even number
        (99, 0.999, [98]),  # at least one image of the data set; a last batch of one is left out
    ],
)
def test_each_batch_has_the_share(size, share, expected):
    drawn = [sum(value >= 200 for value in x) for x, _ in epoch(batch_size=size, extra_share=share)]
    assert drawn == expected


@pytest.mark.parametrize("size", [10, 32, 50, 99])
def test_an_epoch_counts_the_original_images(size):
    """As many batches, of the same sizes, as without further images."""
    lengths = [len(x) for x, _ in epoch(batch_size=size, extra_share=0.7)]
    assert lengths == [len(x) for x, _ in epoch(extra=None, batch_size=size)]


def test_images_keep_their_labels_and_no_original_image_comes_twice():
    rows = [row for x, y in epoch(batch_size=10, extra_share=0.4) for row in zip(x, y, strict=True)]
    assert all(y == value % 2 for value, y in rows)
    own = [value for value, _ in rows if value < 200]
    assert len(own) == len(set(own)) == 60


def test_further_images_are_spread_over_the_batch():
    """Not all in one part of it, which a micro-batch would take."""
    places = [np.array(x) >= 200 for x, _ in epoch(batch_size=50, extra_share=0.5)]
    assert all(0 < place[:25].sum() < 25 for place in places)


def test_the_seed_decides_the_draw_and_without_further_images_nothing_changes():
    assert epoch(0, batch_size=10) == epoch(0, batch_size=10)
    assert epoch(0, batch_size=10) != epoch(1, batch_size=10)
    assert epoch(0, extra_share=0.0, batch_size=10) == epoch(0, extra=None, batch_size=10)


def dataset(train=ORIGINAL, **changes):
    values = {"test": images(150, 5), "classes": 2, "mean": (0.5,), "std": (0.5,)}
    return Dataset(train=train, **values | changes)


def test_copies_of_held_out_images_are_left_out():
    kept = drop_copies(EXTRA, images(190, 12), images(248, 10))
    assert kept.x.flatten().tolist() == list(range(202, 248))


def test_an_image_with_the_same_sum_is_no_copy():
    one, other = (
        Images(x=torch.tensor(p).view(1, 1, 1, 2).byte(), y=torch.zeros(1).long())
        for p in ([1, 3], [3, 1])
    )
    assert len(drop_copies(one, other)) == 1


def test_copies_alone_are_refused():
    with pytest.raises(DataError, match="copies of validation or test images"):
        drop_copies(EXTRA, EXTRA)


def write(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_labels_are_those_of_the_data_set(tmp_path):
    """Of a data set whose labels 10 and 20 are numbered 0 and 1."""
    data = dataset(label_values=(10, 20))
    file = write(tmp_path / "a.npz", image=np.zeros((3, 1, 1), np.uint8), label=[20, 10, 20])
    assert read_extra(data, extra=file).y.tolist() == [1, 0, 1]
    assert read_extra(data) is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.zeros((3, 2, 1), np.uint8), "y": [0, 1, 0]},
            r"images of \(1, 1, 1\) \(C, H, W\)",
        ),
        (
            {"x": np.zeros((3, 1, 1), np.uint8), "y": [0, 1, 2]},
            "label 2, which the training labels",
        ),
        ({"x": np.zeros((3, 1, 1), np.uint8)}, "has x but no labels"),
        (
            {"x_test": np.zeros((3, 1, 1), np.uint8), "y_test": [0, 1, 0]},
            "called images and labels",
        ),
    ],
)
def test_other_images_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        read_extra(dataset(), extra=write(tmp_path / "a.npz", **arrays))


@pytest.fixture
def with_extra(tmp_path):
    """Return a configuration whose further images are half digits and half held-out ones."""
    data = mnist5k.load()
    _, validation = batches.split_validation(
        data.train, validation=tiny_config()["data"]["validation"]
    )
    white = torch.full((100, 1, 28, 28), 255, dtype=torch.uint8)
    x = torch.cat([white, validation.x[:30], data.test.x[:20]])
    y = torch.cat([torch.arange(100) % 10, validation.y[:30], data.test.y[:20]])
    file = write(tmp_path / "extra.npz", x=x[:, 0].numpy(), y=y.numpy())
    return tiny_config(data__extra=file, data__extra_share=0.5)


def test_no_further_image_is_validated_and_no_held_out_image_is_trained(with_extra):
    trial, plain = Trial(with_extra), Trial(tiny_config())
    assert torch.equal(trial.validation_images.x, plain.validation_images.x)
    assert torch.equal(trial.train_images.x, plain.train_images.x)
    assert len(trial.extra_images) == 100
    assert (trial.extra_images.x == 255).all()


def test_a_resumed_trial_draws_the_same_further_images(with_extra, tmp_path):
    config = with_extra | {"epochs": 2}
    whole = list(Trial(config).run_epochs())
    trial = Trial(config)
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    resumed = Trial(config)
    checkpoint.restore(resumed, tmp_path)
    last = resumed.run_epoch()
    assert (last.train_loss, last.val_robust_accuracy) == (
        whole[1].train_loss,
        whole[1].val_robust_accuracy,
    )
    assert last.train_loss != list(Trial(tiny_config(epochs=2)).run_epochs())[1].train_loss


def test_an_epoch_costs_what_it_costs_without_them(with_extra):
    passes = [Trial(config).run_epoch().gradient_passes for config in (with_extra, tiny_config())]
    assert passes[0] == passes[1]


def test_a_share_without_further_images_is_refused():
    assert list(unused({"data": {"extra": None, "extra_share": 0.7}}))
    assert list(unused({"data": {"extra": None}}))  # a searched share
    assert not list(unused({"data": {"extra": None, "extra_share": 0.5}}))
    assert not list(unused({"data": {"extra": "a.npz", "extra_share": 0.7}}))
