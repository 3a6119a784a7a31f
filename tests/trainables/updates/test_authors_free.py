"""Free adversarial training beside two published codes, on images with many pixels at 0 or 1.

Two batches, three replays of each, SGD at 0.05 and eps 8/255, in float64. The numbers are the loss
of the last replay of each batch, and digests of the perturbation and of the weights at the end.
"""

import pytest
import torch

from tests.trainables.formulas import digest, images, labels, network
from trainables.criteria import cross_entropy
from trainables.methods import pgd_at
from trainables.protocols import BoundMethod
from trainables.threats.linf import Linf
from trainables.updates import free

ROUNDING = 1e-12
"""Numbers of order 1 in float64 after a few hundred operations."""

SHAFAHI = (
    [1.3949980323597808, 1.431362774671062],
    [-0.00014524328249818446, 0.025792851567666652, 0.001200875538750214],
    [0.0015644768458926857, 0.25838590247505844, 0.0001824896297565389],
)
"""ashafahi/free_adv_train, commit c42cac2: the update of free_train.py, under TensorFlow 2.21."""

WONG = (
    [1.3952332886995, 1.4816846004040407],
    [0.0010635099772651109, 0.022066272797166577, -0.0007514752834028707],
    [0.0015585851090073682, 0.25831001844754936, 0.00016894699787824093],
)
"""locuslab/fast_adversarial, commit 54f7287: the replays of CIFAR10/train_free.py."""

EARLIER = (
    [1.3949980323597808, 1.4827310579469104],
    [0.0, 0.025526481073423632, 0.00012590242421054633],
    [0.0015618396028346873, 0.2583272162637026, 0.000173072096260422],
)
"""Neither: what this code did before it had the knob."""


def outer(model, x, x_adv, y):
    return pgd_at.outer(model, x, x_adv, y, criterion=cross_entropy.loss)


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({}, SHAFAHI),
        ({"at_range": "stay"}, SHAFAHI),
        ({"at_range": "project"}, WONG),
        ({"at_range": "move"}, EARLIER),
    ],
)
def test_two_batches_are_replayed_as_in_the_published_code(knobs, expected):
    model, memory, losses = network(), {}, []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    method = BoundMethod(inner=pgd_at.inner, outer=outer)
    for x in (images(), (1 - images()).flip(1)):
        for _ in range(3):
            loss = free.update(
                model,
                optimizer,
                x,
                labels(),
                method=method,
                threat=Linf(eps=8 / 255),
                memory=memory,
                **knobs,
            )
        losses.append(loss.item())
    weights = torch.cat([p.flatten() for p in model.parameters()])
    ends = (losses, digest(memory["delta"]), digest(weights))
    for numbers, theirs in zip(ends, expected, strict=True):
        assert numbers == pytest.approx(theirs, rel=0, abs=ROUNDING)
