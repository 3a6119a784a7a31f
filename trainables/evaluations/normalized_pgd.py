"""PGD on a network with normalised features (Pang et al., 2020, arXiv:2002.08619, Table A).

The gradient is that of the network with the input of its last layer normalised to length s. The
result is then evaluated on the network itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from trainables.attacks import pgd as training
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count, Positive
from trainables.methods import pgd_at
from trainables.networks.heads import CosineHead
from trainables.threat import Threat

NUMBERS = ("steps", "restarts")


def passes(
    *,
    steps: Count = 10,
    restarts: Count = 1,
    step_size: Positive | None = None,
    s: Positive = 15.0,
) -> list[AttackAttempt]:
    """Return one attempt for each restart.

    Args:
        steps: Steps of each attempt.
        restarts: Independent attacks; the strongest counts.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        s: Length of the normalised feature.
    """
    return [partial(run, steps=steps, step_size=step_size, s=s)] * restarts


def run(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    steps: int,
    step_size: float | None,
    s: float,
) -> Tensor:
    """Return the last points of the attack on the network with normalised features."""
    with normalise_features(model, x, s):
        objective = pgd_at.inner(model, x, y)
        return training.perturb(
            objective, x, y, threat=threat, rng=rng, steps=steps, step_size=step_size
        )


@contextmanager
def normalise_features(model: nn.Module, x: Tensor, s: float) -> Iterator[None]:
    """Normalise the input of the last layer to length `s`; a cosine head does so already."""

    def normalise(_: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        return s * F.normalize(inputs[0], dim=1)

    last = find_last_layer(model, x[:1])
    handle = None if isinstance(last, CosineHead) else last.register_forward_pre_hook(normalise)
    try:
        yield
    finally:
        if handle:
            handle.remove()


def find_last_layer(model: nn.Module, x: Tensor) -> nn.Module:
    """Return the linear layer that runs last when `model` gets `x`."""
    seen: list[nn.Module] = []
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | CosineHead)]
    handles = [m.register_forward_hook(lambda m, *_: seen.append(m)) for m in layers]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return seen[-1]
