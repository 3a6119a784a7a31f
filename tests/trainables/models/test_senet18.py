"""The gate and where it stands, against their definitions."""

import torch

from trainables.models._preact import PreActBlock
from trainables.models.senet18 import SEBlock, SqueezeExcitation


def test_a_channel_is_multiplied_by_the_sigmoid_of_two_layers_on_the_means():
    torch.manual_seed(0)
    x, block = torch.randn(2, 32, 5, 6), SqueezeExcitation(32)
    _, down, _, up, _ = block.gate
    assert (down.out_channels, up.out_channels) == (2, 32)  # a sixteenth, and back
    squeezed = (x.mean((2, 3)) @ down.weight[:, :, 0, 0].T + down.bias).relu()
    gate = (squeezed @ up.weight[:, :, 0, 0].T + up.bias).sigmoid()
    torch.testing.assert_close(block(x), x * gate[:, :, None, None])


def test_the_gate_is_on_the_convolutions_and_not_on_the_shortcut():
    torch.manual_seed(0)
    x, block = torch.randn(2, 16, 6, 6), SEBlock(16, 16, 1).eval()
    plain = PreActBlock(16, 16, 1).eval()
    gate = block.conv2[1]
    plain.load_state_dict({
        k.replace("conv2.0", "conv2"): v for k, v in block.state_dict().items() if "gate" not in k
    })
    torch.testing.assert_close(block(x) - x, gate(plain(x) - x))
