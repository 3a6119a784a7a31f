"""Memory formats: speed of channels last without memory corruption on CPUs."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from trainables.networks.folded_view import folded_view
from trainables.networks.memory_format import is_unsafe, to_channels_last

TRAINING = """
import torch
from torch import nn
from trainables.networks.memory_format import to_channels_last
from trainables.networks.folded_view import folded_view

torch.manual_seed(0)
for channels in (2, 4):
    conv = nn.Conv2d(channels, 2 * channels, 1, stride=2, bias=False)
    model = to_channels_last(nn.Sequential(conv, nn.BatchNorm2d(2 * channels)))
    for batch in (10, 16, 33):
        for size in (8, 14, 32):
            x = torch.rand(batch, channels, size, size).requires_grad_()
            for attacked in [model, folded_view(model.eval())] * 4:
                logits = attacked(x.contiguous(memory_format=torch.channels_last))
                logits.square().sum().backward()
print("survived")
"""


def test_narrow_strided_convolutions_do_not_corrupt_memory():
    """In a separate process, which dies with "invalid next size" or hangs where it fails.

    AVX2 is what most laptops have; on a CPU without AVX-512 the variable changes nothing.
    """
    done = subprocess.run(
        [sys.executable, "-c", TRAINING],
        check=False,
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "survived"


@pytest.mark.parametrize(
    ("conv", "unsafe"),
    [
        (nn.Conv2d(2, 4, 1, stride=2), True),
        (nn.Conv2d(7, 4, 1, stride=(1, 2)), True),
        (nn.Conv2d(8, 4, 1, stride=2), False),
        (nn.Conv2d(2, 4, 1), False),
        (nn.Conv2d(2, 4, 3, stride=2), False),
    ],
)
def test_only_narrow_strided_1x1_convolutions_keep_channels_first(conv, unsafe):
    assert is_unsafe(conv) is unsafe
    model = to_channels_last(nn.Sequential(conv))
    x = torch.rand(3, conv.in_channels, 4, 6).contiguous(memory_format=torch.channels_last)
    seen = []
    conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].is_contiguous()))
    model(x)
    assert seen == [unsafe]
    assert (conv.weight.stride() == (conv.in_channels, 1, 1, 1)) or not unsafe


def test_the_layout_changes_no_number():
    """1e-6: rounding of sums of two products near 1 in fp32."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 1, stride=2), nn.BatchNorm2d(4)).eval()
    x = torch.rand(3, 2, 4, 6)
    expected = model(x)
    to_channels_last(model)
    for network in (model, folded_view(model)):
        torch.testing.assert_close(network(x), expected, atol=1e-6, rtol=0)
