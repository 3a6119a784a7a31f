"""Gradient alignment (Andriushchenko and Flammarion, 2020, arXiv:2007.02617)."""

from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval
from trainables.methods._gradient import input_gradient
from trainables.networks.cosine import cosine_similarity
from trainables.threat import Threat


def measure(
    model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator | None = None
) -> dict[str, Tensor]:
    """Return the cosine between the loss's gradients at each image and at a random point nearby.

    It is near 1 where the loss is nearly linear within the ball, and falls at once where a network
    overfits catastrophically. The point is inside the ball and [0, 1], as in the authors'
    evaluation.
    Images where a gradient vanishes have no cosine (nan); the authors' code counts 1.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The ball.
        rng: Source of the points.

    Returns:
        `alignment`, (N,), in [-1, 1].
    """
    nearby = threat.project(threat.random_point(x, rng), x)
    with frozen_eval(model) as seen:
        return {
            "alignment": cosine_similarity(
                input_gradient(seen, x, y), input_gradient(seen, nearby, y)
            )
        }
