"""Depth and first weights of wide residual networks."""

import pytest
import torch
from torch import nn

from trainables.hparams.knobs import check_value, read_knobs
from trainables.models import wide_resnet
from trainables.models._preact import PreActBlock

SHAPE = (3, 32, 32)


@pytest.mark.parametrize(("depth", "blocks"), [(10, 3), (16, 6), (34, 15)])
def test_depth_counts_layers(depth, blocks):
    net = wide_resnet.build(SHAPE, 10, depth=depth, widen=2, width=4)
    assert sum(isinstance(module, PreActBlock) for module in net) == blocks


@pytest.mark.parametrize("depth", [4, 9, 12, 35])
def test_a_depth_that_no_number_of_blocks_has_is_refused(depth):
    (problem,) = check_value("model.depth", read_knobs(wide_resnet.build)["depth"], depth)
    assert problem == f"model.depth: must be 10, 16, 22, ..., 6 n + 4, got {depth}."


def test_first_weights_have_the_published_spread():
    torch.manual_seed(0)
    net = wide_resnet.build(SHAPE, 10, depth=10, widen=4)
    for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
        spread = (2 / (conv.kernel_size[0] ** 2 * conv.out_channels)) ** 0.5
        assert conv.weight.std().item() == pytest.approx(spread, rel=0.15)
    assert not net[-1].bias.any()
