"""Square: random search over squares, without gradients (arXiv:1912.00049)."""

from functools import partial

import torch
from pyautoattack.square import SquareAttack
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluation.autoattack import (
    attack_settings,
    remove_rounding,
    seed_global_rng,
    wrap_model,
)
from trainables.hparams.ranges import Count
from trainables.threat import Threat

NUMBERS = ("queries", "restarts")
BLACK_BOX = True


def passes(*, queries: Count = 5000, restarts: Count = 1) -> list[AttackAttempt]:
    """Return one attempt for each restart.

    Args:
        queries: Outputs of the network that the attack may use for each image.
        restarts: Independent attacks; the strongest counts.
    """
    return [partial(run, queries=queries)] * restarts


@torch.no_grad()
def run(
    model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator, queries: int
) -> Tensor:
    """Return the last points of the search."""
    settings = attack_settings(threat, x.device)
    # the size of the squares follows the published counts of queries, as in AutoAttack
    attack = SquareAttack(wrap_model(model), n_queries=queries, resc_schedule=False, **settings)
    attack.init_hyperparam(x)
    with seed_global_rng(rng):
        _, result = attack.attack_single_run(x.contiguous(), y)
    return remove_rounding(result, x, threat)
