"""Gradient scattering (Liu et al., 2020, arXiv:2006.08403)."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import run_pgd
from analysis.diagnostics._weights import (
    Direction,
    direction_norm,
    draw_gaussian,
    enable_weight_gradients,
    move_weights,
    trainable_weights,
)
from trainables.hparams.ranges import Count, Positive
from trainables.networks.cosine import cosine_similarity
from trainables.threat import Threat


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    batch: int,
    rng: Generator | None = None,
    distance: Positive = 0.01,
    steps: Count = 10,
    step_size: Positive | None = None,
) -> dict[str, Tensor]:
    """Return how adversarial examples and the loss's gradients change with the weights.

    The weights move a little in a random direction, and the images are attacked before and after
    from the same start. Where perturbations change much, so does the gradient of the adversarial
    loss by the weights, which makes training hard.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        batch: Images per batch.
        rng: Source of the direction and of the random start.
        distance: How far the weights move, as a share of their Euclidean length.
        steps: Gradient evaluations of PGD.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.

    Returns:
        `perturbation_cosine` and `sign_cosine`, (N,) each, between the perturbations before and
        after, and between their signs; `gradient_change`, ||g(w') - g(w)|| / ||w' - w|| for the
        mean adversarial loss, in nats a squared unit of weights, and `clean_gradient_change` for
        the clean one.
    """
    direction = draw_gaussian(model, rng)
    far = distance * direction_norm(trainable_weights(model)) / direction_norm(direction)
    deltas: list[Tensor] = []
    gradients: list[tuple[Direction, Direction]] = []
    for steps_away in (0.0, far):
        state = rng.clone_state() if rng else None
        with move_weights(model, (steps_away, direction)):
            x_adv = run_pgd(
                model, x, y, threat=threat, rng=state, steps=steps, step_size=step_size, batch=batch
            )
            deltas.append(x_adv - x)
            gradients.append((
                compute_weight_gradient(model, x_adv, y, batch),
                compute_weight_gradient(model, x, y, batch),
            ))
    changes = [
        direction_norm([b - a for a, b in zip(*each, strict=True)])
        / (far * direction_norm(direction))
        for each in zip(*gradients, strict=True)
    ]
    return {
        "perturbation_cosine": cosine_similarity(*deltas),
        "sign_cosine": cosine_similarity(*(delta.sign() for delta in deltas)),
        "gradient_change": torch.tensor(changes[0]),
        "clean_gradient_change": torch.tensor(changes[1]),
    }


def compute_weight_gradient(model: Module, x: Tensor, y: Tensor, batch: int) -> Direction:
    """Return the gradient of the mean cross-entropy on images (N, C, H, W) by the weights."""
    mine = trainable_weights(model)
    total = [torch.zeros_like(p) for p in mine]
    with enable_weight_gradients(model):
        for some, labels in zip(x.split(batch), y.split(batch), strict=True):
            loss = F.cross_entropy(model(some), labels, reduction="sum") / len(y)
            parts = torch.autograd.grad(loss, mine, materialize_grads=True)
            total = [whole + part for whole, part in zip(total, parts, strict=True)]
    return total
