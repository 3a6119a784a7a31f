"""Square: random search over squares, without gradients (arXiv:1912.00049)."""

from functools import partial

import torch
from pyautoattack.square import SquareAttack
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluation.autoattack import attack_settings, seed_global_rng, wrap_model
from trainables.hparams.ranges import Count
from trainables.threat import Threat

NUMBERS = ("queries", "restarts")
BLACK_BOX = True


def passes(*, queries: Count = 5000, restarts: Count = 1) -> list[AttackAttempt]:
    """Return one pass a restart.

    Args:
        queries: Answers of the network that the attack may see of each image.
        restarts: Independent attacks; the worst counts.
    """
    return [partial(run, queries=queries)] * restarts


@torch.no_grad()
def run(
    model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator, queries: int
) -> Tensor:
    """Return where the search ends."""
    about = attack_settings(threat, x.device)
    # the size of the squares follows the published counts of queries, as in AutoAttack
    attack = SquareAttack(wrap_model(model), n_queries=queries, resc_schedule=False, **about)
    attack.init_hyperparam(x)
    with seed_global_rng(rng):
        _, points = attack.attack_single_run(x.contiguous(), y)
    ends: Tensor = points
    return ends
