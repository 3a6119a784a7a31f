"""The block, against its definition."""

import torch

from trainables.models._preact import PreActBlock


def test_a_projecting_shortcut_starts_after_the_activation_and_a_plain_one_before():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 6)
    for after, stride in ((4, 1), (8, 2)):
        block = PreActBlock(4, after, stride).eval()
        with torch.no_grad():
            block.conv2.weight.zero_()  # leaves the shortcut alone
            ready = block.bn1(x).relu()
            expected = x if block.shortcut is None else block.shortcut(ready)
            torch.testing.assert_close(block(x), expected)
    assert block.shortcut is not None
