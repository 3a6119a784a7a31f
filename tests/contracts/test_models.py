"""What every network of the project must do beyond the contract of networks."""

import pytest
import torch

from trainables.binding import bind_member, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.training.network import build_network

MODELS = GROUPS["model"].members()
NARROW = {"width": 4}
each_model = pytest.mark.parametrize("name", MODELS)


def build(name, shape=(3, 16, 16), **settings):
    torch.manual_seed(0)
    narrow = NARROW if "width" in GROUPS["model"].member_knobs(name) else {}
    images = ImageFormat(shape=shape, classes=7, mean=(0.5,) * shape[0], std=(0.5,) * shape[0])
    return build_network(
        bound_model(bind_member(GROUPS["model"], name, {**narrow, **settings})), images
    )


@each_model
@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 28, 28), (3, 32, 24)])
@pytest.mark.parametrize("size", [1, 3])
def test_images_of_any_size_give_logits(name, shape, size):
    model = build(name, shape).eval()
    assert model(torch.rand(size, *shape)).shape == (size, 7)


@each_model
@pytest.mark.parametrize("activation", ["relu", "softplus", "tanh"])
def test_the_activation_is_the_one_asked_for(name, activation):
    kinds = {
        type(module).__name__.lower() for module in build(name, activation=activation).modules()
    }
    assert activation in kinds
    assert not kinds & ({"relu", "softplus", "tanh"} - {activation})


@each_model
def test_cosines_stay_within_the_scale(name):
    logits = build(name, head="cosine", s=3.0).eval()(torch.rand(5, 3, 16, 16))
    assert logits.shape == (5, 7)
    assert logits.abs().max() <= 3 * (1 + 1e-6)  # float32 rounding of the norms
