"""The networks are the published ones: their parameters, counted (docs of each file)."""

import pytest
import torch

from trainables.components import GROUPS

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
# on CIFAR-10; where no remark says otherwise, those of github.com/kuangliu/pytorch-cifar
COUNTS = {
    "densenet121": 6_956_298,
    "densenet201": 18_104_330,
    "dpn26": 11_574_842,
    "dpn92": 34_236_634,
    "googlenet": 6_166_250,
    # 11.17 M; kuangliu's without the final BatchNorm of 2 x 512 has 11,171,146
    "preact_resnet18": 11_171_146 + 2 * 512,
    "regnetx_200mf": 2_321_946,
    "regnetx_400mf": 4_779_338,
    "resnet18": 11_173_962,
    "resnet50": 23_520_842,
    # 9.13 M; kuangliu's with a 1x1 stem has 9,128,778
    "resnext29": 9_128_778,
    "senet18": 11_260_354,
    "vgg16": 14_728_266,
    # github.com/P2333/Bag-of-Tricks-for-AT without its sub_block1, which no image passes
    "wide_resnet": 46_160_474,
    "wrn_28_10": 36_479_194,
    "wrn_34_10": 46_160_474,
    "wrn_34_20": 184_531_674,
}


def parameters(name, shape=CIFAR, **knobs):
    with torch.device("meta"):  # counts without filling
        return sum(
            p.numel() for p in GROUPS["model"].load(name).build(shape, 10, **knobs).parameters()
        )


@pytest.mark.parametrize(("name", "expected"), COUNTS.items())
def test_parameters_on_cifar(name, expected):
    assert parameters(name) == expected


@pytest.mark.parametrize(("name", "expected"), [("small_cnn", 166_406), ("lenet", 3_274_634)])
def test_parameters_on_mnist(name, expected):
    assert parameters(name, MNIST) == expected


@pytest.mark.parametrize("name", ["preact_resnet18", "resnet18", "senet18", "vgg16", "wrn_28_10"])
def test_half_the_width_is_a_quarter_of_the_parameters_or_so(name):
    usual = GROUPS["model"].member_knobs(name)["width"].default
    full, half = parameters(name), parameters(name, width=usual // 2)
    assert 3.9 < full / half < 4.0  # convolutions shrink fourfold, BatchNorm and the head twofold


@pytest.mark.parametrize(("name", "millions"), [("resnet18", 2.80), ("vgg16", 3.69)])
def test_the_half_width_that_the_documentation_names(name, millions):
    assert round(parameters(name, width=32) / 1e6, 2) == millions


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_the_documentation_names_the_count(name, count):
    assert f"{count / 1e6:.2f} M parameters on CIFAR-10" in GROUPS["model"].load(name).build.__doc__
