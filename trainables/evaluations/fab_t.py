"""Fast adaptive boundary attack towards the most likely wrong classes (arXiv:1907.02044)."""

from functools import partial

import torch
from pyautoattack.fab_pt import FABAttack_PT
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluation.autoattack import attack_settings, seed_global_rng, wrap_model
from trainables.hparams.ranges import Count
from trainables.threat import Threat

NUMBERS = ("steps",)


def passes(*, classes: int, steps: Count = 100, targets: Count = 9) -> list[AttackAttempt]:
    """Return one attempt for each target.

    Args:
        classes: Number of classes K.
        steps: Steps of each attempt.
        targets: Number of wrong classes to attack; all if there are fewer.
    """
    ranks = range(2, min(targets, classes - 1) + 2)
    return [partial(run, rank=rank, steps=steps) for rank in ranks]


@torch.no_grad()
def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    rank: int,
    steps: int,
) -> Tensor:
    """Return the nearest misclassified point if it is within eps, or else the image."""
    attack = FABAttack_PT(
        wrap_model(model), n_iter=steps, targeted=True, **attack_settings(threat, x.device)
    )
    attack.target_class = rank
    with seed_global_rng(rng):
        points: Tensor = attack.attack_single_run(x.contiguous(), y, is_targeted=True)
    outside = threat.norm(points - x) > threat.eps
    return torch.where(outside.view(-1, 1, 1, 1), x, points)
