"""Evaluate a network with frozen weights, and attack it by PGD on cross-entropy."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks import pgd
from trainables.methods.pgd_at import inner
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.threat import Threat


@contextmanager
def frozen_eval(model: Module) -> Iterator[Module]:
    """Yield the folded view of `model` in eval mode and fp32, with constant weights."""
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        yield folded_view(model)


def run_pgd(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None,
    steps: int,
    step_size: float | None,
    batch: int | None = None,
) -> Tensor:
    """Return the adversarial examples (N, C, H, W) of PGD with random starts.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of the random starts.
        steps: Gradient evaluations.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        batch: Images attacked at a time; `None`: all.
    """
    size = batch or len(x)
    with frozen_eval(model) as seen:
        ends = [
            pgd.perturb(
                inner(seen, some, labels),
                some,
                labels,
                threat=threat,
                rng=rng,
                steps=steps,
                step_size=step_size,
            )
            for some, labels in zip(x.split(size), y.split(size), strict=True)
        ]
    return torch.cat(ends)
