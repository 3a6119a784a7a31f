"""The validation attack (the group `exam`), the same for every trial of a study."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module

from trainables.accuracy import Accuracies, compute_accuracies
from trainables.attacks import apgd, pgd
from trainables.data_pipeline.images import Images
from trainables.hparams.ranges import Count, Positive
from trainables.networks.folded_view import graphed_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision, is_reduced
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.threat import Threat
from trainables.threats.l1 import L1

START_SEED = 0
"""Seed of the random starts: each image has the same start in every epoch of every trial."""


def measure_accuracies(
    model: Module,
    images: Images,
    *,
    threat: Threat,
    steps: Count = 10,
    step_size: Positive | None = None,
    restarts: Count = 1,
    exam_batch: Count = 250,
) -> Accuracies:
    """Return the accuracies on `images` without an attack and under PGD.

    The attack maximises cross-entropy in eval mode, in the precision of training. An image counts
    as misclassified only where the network in fp32 misclassifies it. The attack stops for an image
    once that is misclassified, clean or at any point of any restart.

    In l1 it is Auto-PGD, because PGD whose steps change a fixed share of the values is weak: on a
    small network on MNIST at eps 8, ten steps of PGD left 67.5 % of 200 images, ten of Auto-PGD
    54.5 % and hundred of AutoAttack's Auto-PGD as many. The first restart begins at the image, and
    the point of the largest cross-entropy counts.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        images: The validation split.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps. Not in l1.
        restarts: Independent attacks; the strongest counts.
        exam_batch: Images attacked at once.
    """
    rng = Generator(images.y.device).manual_seed(START_SEED)
    length = pgd.step_length(step_size, threat)
    clean_masks, robust_masks = list[Tensor](), list[Tensor]()
    with in_mode(model, "eval"), frozen_weights(model):
        attacked, reduced = graphed_view(model), is_reduced(model)
        exact = graphed_view(model, mixed=False) if reduced else attacked

        def predict(x: Tensor) -> Tensor:
            with torch.no_grad(), full_precision(model):
                classes: Tensor = exact(x).argmax(dim=1)
            return classes

        for first in range(0, len(images), exam_batch):
            batch = images[first : first + exam_batch]
            x, y = batch.x.float() / 255, batch.y
            clean = predict(x) == y
            robust = clean.clone()
            for restart in range(restarts):
                rows = robust.nonzero()[:, 0]
                if isinstance(threat, L1):
                    start = threat.random_point(x, rng) if restart else x
                    points = find_worst_points(
                        attacked, start[rows], x[rows], y[rows], threat, steps
                    )
                    robust[rows] = predict(points) == y[rows]
                    continue
                start = threat.project(threat.random_point(x, rng), x)
                robust[rows] = find_robust_images(
                    attacked,
                    start[rows],
                    x[rows],
                    y[rows],
                    threat=threat,
                    steps=steps,
                    step_size=length,
                    exact_classes=predict if reduced else None,
                )
            clean_masks.append(clean)
            robust_masks.append(robust)
    return compute_accuracies(torch.cat(clean_masks), torch.cat(robust_masks), images.y)


def find_worst_points(
    model: Module, start: Tensor, x: Tensor, y: Tensor, threat: Threat, steps: int
) -> Tensor:
    """Return the points (N, C, H, W) where Auto-PGD finds the largest cross-entropy."""

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        return F.cross_entropy(logits, y, reduction="none"), logits

    return apgd.run_from(objective, start, x, threat, steps) if len(x) else x
