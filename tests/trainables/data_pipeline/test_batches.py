"""The validation split, the order of the images, and their augmentation."""

import pytest
import torch

from trainables.data_pipeline.batches import (
    augment,
    augment_with_source,
    iterate_batches,
    split_validation,
)
from trainables.data_pipeline.images import DataError, Images


def images(counts):
    """Return images of one pixel, each with its own value, `counts[k]` of class k."""
    y = torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])
    return Images(x=torch.arange(len(y)).view(-1, 1, 1, 1).to(torch.uint8), y=y)


def test_the_split_is_stratified_and_has_the_size_asked_for():
    """Of 100, 60 and 40 images, a tenth is 10, 6 and 4."""
    train, validation = split_validation(images([100, 60, 40]), validation=20)
    assert validation.y.bincount().tolist() == [10, 6, 4]
    assert train.y.bincount().tolist() == [90, 54, 36]


def test_shares_that_are_no_whole_numbers_still_add_up():
    """A fifth of 7, 7 and 6 images is 1.4, 1.4 and 1.2: the remaining one goes to the first."""
    _, validation = split_validation(images([7, 7, 6]), validation=4)
    assert validation.y.bincount().tolist() == [2, 1, 1]


def test_no_image_is_in_both_parts_and_none_is_lost():
    everything = images([100, 60, 40])
    train, validation = split_validation(everything, validation=33)
    both = torch.cat([train.x.flatten(), validation.x.flatten()]).sort().values
    assert torch.equal(both, everything.x.flatten())


def test_the_seed_decides_the_split():
    first, again, other = (
        split_validation(images([50, 50]), validation=20, split_seed=seed)[1].x
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_limit_keeps_the_classes_in_their_shares_and_the_validation_as_it_was():
    whole = split_validation(images([100, 60, 40]), validation=20)
    train, validation = split_validation(images([100, 60, 40]), validation=20, limit=40)
    assert train.y.bincount().tolist() == [20, 12, 8]
    assert torch.equal(validation.x, whole[1].x)


@pytest.mark.parametrize("too_much", [{"validation": 100}, {"validation": 60, "limit": 41}])
def test_more_than_there_is_is_refused(too_much):
    with pytest.raises(DataError, match=r"lower data\.validation"):
        split_validation(images([50, 50]), **too_much)


def test_an_epoch_shows_each_image_once_in_an_order_that_the_seed_decides():
    def epoch(seed):
        rng = torch.Generator().manual_seed(seed)
        return list(iterate_batches(images([50, 50]), rng, batch_size=30))

    assert [len(batch.y) for batch in epoch(0)] == [30, 30, 30, 10]
    pixels = torch.cat([batch.x for batch in epoch(0)]).flatten()
    torch.testing.assert_close(pixels.sort().values, torch.arange(100) / 255)
    rows = torch.cat([batch.rows for batch in epoch(0)])
    torch.testing.assert_close(pixels, rows / 255)  # the pixel of each image is its row
    assert torch.equal(pixels, torch.cat([batch.x for batch in epoch(0)]).flatten())
    assert not torch.equal(pixels, torch.cat([batch.x for batch in epoch(1)]).flatten())


@pytest.mark.parametrize("padding", ["zero", "reflect"])
def test_a_crop_is_a_window_of_the_padded_image(padding):
    torch.manual_seed(0)
    x = torch.rand(6, 2, 5, 4)
    rng = torch.Generator().manual_seed(0)
    moved = augment(x, rng, crop=2, padding=padding)
    mode = "constant" if padding == "zero" else "reflect"
    padded = torch.nn.functional.pad(x, [2] * 4, mode=mode)
    corners = set()
    for image, window in zip(padded, moved, strict=True):
        places = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if image[:, i : i + 5, j : j + 4].equal(window)
        ]
        assert places
        corners.add(places[0])
    assert len(corners) > 1  # each image by its own draw


def test_a_flip_mirrors_about_half_of_the_images_left_to_right():
    x = torch.rand(1000, 1, 2, 3)
    flipped = augment(x, torch.Generator().manual_seed(0), flip=True)
    mirrored = (flipped == x.flip(3)).flatten(1).all(dim=1)
    same = (flipped == x).flatten(1).all(dim=1)
    assert (mirrored ^ same).all()
    assert 400 < mirrored.sum() < 600  # 6 standard deviations of 1,000 fair coins are 95


def test_by_default_images_are_left_alone():
    x = torch.rand(3, 1, 4, 4)
    assert augment(x, torch.Generator()) is x


@pytest.mark.parametrize(
    "knobs",
    [{"crop": 2, "flip": True, "cutout": 2}, {"crop": 1, "padding": "reflect"}, {}],
    ids=["zeros", "reflected", "none"],
)
def test_the_source_says_which_pixel_each_pixel_was(knobs):
    x = torch.rand(50, 2, 5, 4) + 0.1
    rng, alone = (torch.Generator().manual_seed(0) for _ in range(2))
    moved, source = augment_with_source(lambda x, rng: augment(x, rng, **knobs), x, rng)
    assert torch.equal(moved, augment(x, alone, **knobs))  # of the same draws
    assert torch.equal(rng.get_state(), alone.get_state())
    expected = torch.zeros(50, 2, 20)
    for image, (pixels, rows) in enumerate(zip(x.flatten(2), source, strict=True)):
        for place, row in enumerate(rows.tolist()):
            if row >= 0:
                expected[image, :, place] = pixels[:, row]
    assert torch.equal(moved.flatten(2), expected)
    assert (source < 0).any() == ("flip" in knobs)


def test_cutout_blackens_a_whole_square_somewhere_in_each_image():
    x = torch.ones(200, 2, 5, 7)
    cut_out = augment(x, torch.Generator().manual_seed(0), cutout=3)
    assert ((cut_out == 0).flatten(1).sum(dim=1) == 2 * 9).all()  # never cut off at the border
    blot = (cut_out[:, 0] == 0).float()
    rows, columns = blot.amax(dim=2), blot.amax(dim=1)
    assert (rows.sum(dim=1) == 3).all()
    assert (columns.sum(dim=1) == 3).all()
    places = {tuple(r.nonzero().flatten().tolist()) for r in rows}
    assert places == {(0, 1, 2), (1, 2, 3), (2, 3, 4)}  # everywhere that it fits
    assert len({tuple(c.nonzero().flatten().tolist()) for c in columns}) == 5
