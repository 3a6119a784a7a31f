"""The block, against its definition."""

import torch
from torch import nn

from trainables.models.googlenet import Inception


def test_four_branches_see_1_3_5_and_3_pixels_and_stand_side_by_side():
    torch.manual_seed(0)
    block = Inception(3, 1, (2, 4), (2, 5), 6).eval()
    x = torch.randn(1, 3, 9, 9)
    out = block(x)
    assert out.shape == (1, 1 + 4 + 5 + 6, 9, 9)
    for part, branch, pixels in zip(
        out.split((1, 4, 5, 6), 1), block.branches, (1, 3, 5, 3), strict=True
    ):
        torch.testing.assert_close(part, branch(x))
        assert reach(branch) == pixels


def reach(branch):
    """Return the side of the square of pixels that one pixel of the result depends on."""
    sizes = [m.kernel_size for m in branch if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    return 1 + sum((size if isinstance(size, int) else size[0]) - 1 for size in sizes)
