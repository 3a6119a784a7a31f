"""Label smoothing and the margin by hand, with labels and with probabilities."""

import pytest
import torch
import torch.nn.functional as F

from trainables.criteria import cross_entropy, hypersphere


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


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_probabilities_mix_the_losses_of_their_labels(smoothing):
    """As of mixup: 3/4 of one label and 1/4 of another, example by example."""
    torch.manual_seed(0)
    logits, first, second = torch.randn(6, 4), torch.arange(6) % 4, (torch.arange(6) + 1) % 4
    mixed = 0.75 * F.one_hot(first, 4) + 0.25 * F.one_hot(second, 4)
    one, other = (cross_entropy.loss(logits, y, smoothing=smoothing) for y in (first, second))
    torch.testing.assert_close(
        cross_entropy.loss(logits, mixed, smoothing=smoothing), 0.75 * one + 0.25 * other
    )


def test_the_margin_lowers_the_cosine_of_the_label_alone():
    """Cosines 0.5 and 0.1 at scale 4, margin 0.2: logits 2 - 0.8 and 0.4."""
    cosines = torch.tensor([[0.5, 0.1, -0.3], [0.2, 0.6, 0.0]])
    lowered = torch.tensor([[0.3, 0.1, -0.3], [0.2, 0.4, 0.0]])
    y = torch.tensor([0, 1])
    found = hypersphere.loss(4 * cosines, y, scale=4.0, m=0.2)
    torch.testing.assert_close(found, F.cross_entropy(4 * lowered, y, reduction="none"))
    # of probabilities each label has its share of the margin
    mixed = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]])
    found = hypersphere.loss(4 * cosines, mixed, scale=4.0, m=0.2)
    expected = -(mixed * (4 * (cosines - 0.2 * mixed)).log_softmax(dim=1)).sum(dim=1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("head", ["linear", "cosine", None])
def test_the_margin_needs_cosines(head):
    found = [text.partition(":")[0] for text in hypersphere.conflicts({"model": {"head": head}})]
    assert found == ["criterion"] * (head == "linear")
