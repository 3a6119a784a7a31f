"""The exam: how good a network is, by the same measure for every trial of a study."""

import torch
from torch import Generator
from torch.nn import Module

from trainables.attacks import pgd
from trainables.images import Images
from trainables.methods import pgd_at
from trainables.modes import frozen, in_mode
from trainables.ranges import Count, Positive
from trainables.threat import Threat

SEED = 0
"""Of the random starts: every epoch and every trial meets the same ones."""


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

    The attack maximises cross-entropy in eval mode. Images that are misclassified as they are
    count as not robust and are not attacked.

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
    size = threat.eps / 4 if step_size is None else step_size
    clean, robust = 0, 0
    with in_mode(model, "eval"), frozen(model):
        for first in range(0, len(images), exam_batch):
            some = images[first : first + exam_batch]
            x, y = some.x.float() / 255, some.y
            with torch.no_grad():
                right = model(x).argmax(dim=1) == y
            x, y = x[right], y[right]
            clean += len(y)
            if len(y):
                x_adv = pgd.perturb(
                    pgd_at.inner(model, x, y),
                    x,
                    y,
                    threat=threat,
                    rng=rng,
                    steps=steps,
                    step_size=size,
                    restarts=restarts,
                )
                with torch.no_grad():
                    robust += int((model(x_adv).argmax(dim=1) == y).sum())
    return clean / len(images), robust / len(images)
