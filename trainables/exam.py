"""The exam: how good a network is, by the same measure for every trial of a study."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks import pgd
from trainables.images import Images
from trainables.methods import pgd_at
from trainables.modes import frozen, in_mode
from trainables.precision import in_full
from trainables.ranges import Count, Positive
from trainables.threat import Threat
from trainables.view import quick

SEED = 0
"""Of the random starts: each image has the same one in every epoch of every trial."""


def accuracies(
    model: Module,
    images: Images,
    *,
    threat: Threat,
    steps: Count = 10,
    step_size: Positive | None = None,
    restarts: Count = 1,
    exam_batch: Count = 250,
) -> tuple[float, float]:
    """Return the fractions of `images` classified correctly as they are and under PGD.

    The attack maximises cross-entropy in eval mode, in fp32 whatever a trial trains with. An image
    is done with once it is misclassified, as it is or at any point of any restart.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        images: What to examine on; the validation split.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps; a quarter of eps if none.
        restarts: Independent attacks; the worst counts.
        exam_batch: Images attacked at once.
    """
    rng = Generator(images.y.device).manual_seed(SEED)
    size = pgd.stride(step_size, threat)
    clean, robust = 0, 0
    with in_mode(model, "eval"), frozen(model), in_full(model):
        model = quick(model)
        for first in range(0, len(images), exam_batch):
            some = images[first : first + exam_batch]
            x, y = some.x.float() / 255, some.y
            with torch.no_grad():
                right = model(x).argmax(dim=1) == y
            clean += int(right.sum())
            for _ in range(restarts):
                start = threat.project(threat.random_point(x, rng), x)
                left = right.nonzero()[:, 0]
                withstood = climb(model, start[left], x[left], y[left], threat, steps, size)
                right[left] = withstood
            robust += int(right.sum())
    return clean / len(images), robust / len(images)


def climb(
    model: Module,
    x_adv: Tensor,
    x: Tensor,
    y: Tensor,
    threat: Threat,
    steps: int,
    step_size: float,
) -> Tensor:
    """Return which images (N,) are classified correctly all along an attack from `x_adv`.

    Args:
        model: Images to logits, in eval mode.
        x_adv: Where the attack starts (N, C, H, W).
        x: The images (N, C, H, W).
        y: Their labels (N,).
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps.
    """
    withstood = torch.ones_like(y, dtype=torch.bool)
    left = withstood.nonzero()[:, 0]
    for step in range(steps + 1):
        x_adv.requires_grad_(step < steps)
        value, logits = pgd_at.inner(model, x[left], y[left])(x_adv)
        right = logits.argmax(dim=1) == y[left]
        withstood[left[~right]] = False
        left = left[right]
        if step == steps or not len(left):
            break
        (grad,) = torch.autograd.grad(value[right].sum(), x_adv)
        moved = x_adv.detach()[right] + step_size * threat.steepest(grad[right])
        x_adv = threat.project(moved, x[left])
    return withstood
