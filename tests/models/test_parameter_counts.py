"""The networks are the published ones: their parameters, counted (docs of each file)."""

import pytest

from trainables.models import lenet, preact_resnet18, small_cnn

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (small_cnn, MNIST, 166_406),
        (lenet, MNIST, 3_274_634),
        # 11.17 M; kuangliu's without the final BatchNorm of 2 x 512 has 11,171,146
        (preact_resnet18, CIFAR, 11_171_146 + 2 * 512),
    ],
    ids=["small_cnn", "lenet", "preact_resnet18"],
)
def test_parameters(model, shape, expected):
    assert sum(p.numel() for p in model.build(shape, 10).parameters()) == expected


def test_half_the_width_is_a_quarter_of_the_parameters_or_so():
    full, half = (
        sum(p.numel() for p in preact_resnet18.build(CIFAR, 10, width=w).parameters())
        for w in (64, 32)
    )
    assert 3.9 < full / half < 4.0  # convolutions shrink fourfold, BatchNorm and the head twofold
