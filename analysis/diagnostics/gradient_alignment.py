"""Gradient alignment (Andriushchenko and Flammarion, 2020, arXiv:2007.02617)."""

from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval
from trainables.methods._gradient import clip_derivative, input_gradient
from trainables.networks.cosine import cosine_similarity
from trainables.threat import Threat


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    through_clip: bool = True,
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
        through_clip: Whether the gradients pass through the clip of the point to [0, 1], as in the
            authors' evaluation: they vanish at pixels that are clipped, and are halved at pixels of
            0 and 1. On MNIST's images alignment is then lower: 0.58 instead of 0.73 at eps 0.3 for
            a network trained briefly by FGSM.

    Returns:
        `alignment`, (N,), in [-1, 1].
    """
    with frozen_eval(model) as seen:

        def gradient(points: Tensor) -> Tensor:
            grad = input_gradient(seen, points.clamp(0, 1), y)
            return grad * clip_derivative(points).flatten(1) if through_clip else grad

        nearby = threat.random_point(x, rng)
        return {"alignment": cosine_similarity(gradient(x), gradient(nearby))}
