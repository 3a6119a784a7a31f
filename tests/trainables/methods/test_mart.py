"""MART against the values its definition gives."""

import pytest
import torch

from tests.oracles import Halfspace
from trainables.methods import mart


def test_boosted_cross_entropy_of_three_classes():
    """-log 0.2 - log(1 - 0.5), of each example; the guard of 1.0001 moves the second by 0.0002."""
    p = torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    expected = -torch.log(torch.tensor([0.2 * (1.0001 - 0.5), 0.8 * (1.0001 - 0.1)]))
    torch.testing.assert_close(mart.boosted_cross_entropy(p.log(), torch.tensor([0, 2])), expected)


def test_a_certain_mistake_is_expensive_but_finite():
    logits = torch.tensor([[0.0, 200.0]])
    assert mart.boosted_cross_entropy(logits, torch.tensor([0])).isfinite()


def test_the_shift_is_priced_by_doubt():
    """Clean margin 1, attacked 0: log 4 for the boosted fair coin, and the shift times 1 - p."""
    model, x, y = Halfspace(torch.tensor([1.0])), torch.tensor([[1.0]]), torch.tensor([1])
    p = torch.tensor(1.0).sigmoid()
    shift = p * (2 * p).log() + (1 - p) * (2 * (1 - p)).log()
    loss = mart.outer(model, x, 0 * x, y, beta=3.0)
    boosted = -(torch.tensor(0.5) * (1.0001 - 0.5)).log()
    torch.testing.assert_close(loss, boosted + 3 * (1 - p) * shift)


@pytest.mark.parametrize(
    ("data", "knobs"),
    [
        ({}, ["data.mixup", "data.cutmix"]),
        ({"mixup": 0.2, "cutmix": 0}, ["data.mixup"]),
        ({"mixup": 0, "cutmix": 0}, []),
    ],
)
def test_mixed_labels_are_refused(data, knobs):
    """Without a value it is searched."""
    found = [text.partition(":")[0] for text in mart.conflicts({"data": data})]
    assert found == knobs
