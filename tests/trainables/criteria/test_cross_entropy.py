"""Label smoothing by hand: what is taken from the label goes to the others alone."""

import pytest
import torch
import torch.nn.functional as F

from trainables.criteria import cross_entropy


def test_three_classes_smoothed_by_a_fifth():
    p = torch.tensor([[0.5, 0.3, 0.2]])
    expected = -(0.8 * p[:, 0].log() + 0.1 * p[:, 1].log() + 0.1 * p[:, 2].log())
    torch.testing.assert_close(
        cross_entropy.loss(p.log(), torch.tensor([0]), smoothing=0.2), expected
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_it_is_torchs_at_k_over_k_minus_one_of_the_smoothing(smoothing):
    torch.manual_seed(0)
    logits, y = torch.randn(6, 10), torch.randint(0, 10, (6,))
    torch.testing.assert_close(
        cross_entropy.loss(logits, y, smoothing=smoothing),
        F.cross_entropy(logits, y, reduction="none", label_smoothing=smoothing * 10 / 9),
    )
