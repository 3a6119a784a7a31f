"""The block, against its definition."""

import pytest
import torch

from trainables.models._dual_path import DualPathBlock


@pytest.mark.parametrize(("starts", "stride"), [(False, 1), (True, 1), (True, 2)])
def test_the_residual_part_is_added_and_the_dense_part_put_beside(starts, stride):
    torch.manual_seed(0)
    x = torch.randn(2, 14, 6, 6)  # 8 residual channels and 6 dense ones
    block = DualPathBlock(14, 32, 8, 3, stride, starts=starts).eval()
    old = block.shortcut(x)
    assert old.shape[1] == (8 + 3 if starts else 14)
    out, new = block(x), block.inside(x)
    dense = old.shape[1] - 8
    torch.testing.assert_close(out[:, :8], (old[:, :8] + new[:, :8]).relu())
    torch.testing.assert_close(out[:, 8 : 8 + dense], old[:, 8:].relu())
    torch.testing.assert_close(out[:, 8 + dense :], new[:, 8:].relu())
    assert out.shape == (2, 8 + dense + 3, 6 // stride, 6 // stride)
