"""The normalisation layer, and what `model.normalize` may be."""

import pytest
import torch
from torch import nn

from trainables.hparams.knobs import read_knobs
from trainables.networks.normalize import describe_normalization, with_normalization

KNOB = read_knobs(with_normalization)["normalize"]
MEAN, STD = [0.1, 0.2, 0.3], [0.5, 0.6, 0.7]


@pytest.mark.parametrize(
    ("given", "mean", "std"),
    [
        ("data", MEAN, STD),
        (True, MEAN, STD),
        ("none", [0.0] * 3, [1.0] * 3),
        (None, [0.0] * 3, [1.0] * 3),
        (False, [0.0] * 3, [1.0] * 3),
        ("0.5,0.25", [0.5] * 3, [0.25] * 3),
        ([0.5, 0.25], [0.5] * 3, [0.25] * 3),
        ("0.1, 0.2, 0.3, 1, 2, 4", [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]),
    ],
)
def test_the_normalisation_is_that_of_the_knob(given, mean, std):
    model = with_normalization(nn.Identity(), MEAN, STD, normalize=KNOB.validate(given))
    x = torch.rand(2, 3, 4, 4)
    expected = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize(
    "given", ["dat", 3, "0.5", "0.5,0", "0.5,nan", "1,2,3", "a,b", [], "0.5,-1"]
)
def test_other_values_are_refused(given):
    with pytest.raises(ValueError, match="must be data, none, or a mean and a positive deviation"):
        KNOB.validate(given)


def test_constants_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match="needs 2 or 6 numbers for 3 channels, got 4"):
        with_normalization(nn.Identity(), MEAN, STD, normalize="1,2,3,4")


def test_the_description_has_the_constants():
    assert describe_normalization(with_normalization(nn.Identity(), MEAN, STD)) == (
        "mean 0.1/0.2/0.3, std 0.5/0.6/0.7"
    )
    off = with_normalization(nn.Identity(), MEAN, STD, normalize="none")
    assert describe_normalization(off) == describe_normalization(nn.Identity()) == "none"
