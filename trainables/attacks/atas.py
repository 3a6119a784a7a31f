"""A step whose length follows the image's gradients: ATAS (Huang et al., arXiv:2208.08909).

Images with large gradients, on which training collapses, take short steps. The start is the
perturbation of the last epoch, which moves with its image when that is cropped or mirrored. The
published code also keeps the perturbation of the padding around an image; here it is drawn anew.
"""

import torch
from torch import Generator, Tensor

from trainables.attacks._image_memory import (
    find_unknown_images,
    put_pixels,
    remembered,
    take_pixels,
)
from trainables.hparams.ranges import Count, Fraction, Natural, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1
WHOLE_BATCH = True
"""Gradients are those of the mean over the batch, and rows of images are those of the batch."""
DELTA, NORM = "perturbation of each image", "gradient norm of each image"
"""Keys of `memory`: (training images, C, H, W) and (training images,)."""
IMAGE_COPIES = 1
"""Tensors in fp32, each as large as the training images, for the check of memory."""
conflicts = find_unknown_images


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    index: Tensor,
    n_images: int,
    source: Tensor | None = None,
    epoch: int = 0,
    epochs: int = 1,
    rng: Generator | None = None,
    longest: Positive = 16 / 255,
    least: Positive = 4 / 255,
    most: Positive = 14 / 255,
    hardness: Positive = 0.01,
    beta: Fraction = 0.5,
    constant: Natural = 5,
    resets: Count = 10,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, C, H, W) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        memory: Keeps a perturbation of each training image, as large as the images in fp32, and a
            mean gradient norm; in every checkpoint too.
        index: Rows (N,) of the images in the training split.
        n_images: Images of the training split.
        source: Pixel of the image before augmentation that each pixel was, (N, H * W); -1: none.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        rng: Generator of the first starts. `None`: the global generator.
        longest: Length of a step at a gradient of 0, in the units of eps.
        least: Shortest step, likewise.
        most: Longest step, likewise.
        hardness: Gradient norm at which a step has half of the length, c of the paper; of the mean
            loss of a batch.
        beta: Weight of earlier squared gradient norms.
        constant: Epochs at first in which all steps are eps.
        resets: Every how many epochs all starts are drawn again, uniformly from the ball.

    Returns:
        Allowed inputs (N, C, H, W), detached.
    """
    deltas = remembered(memory, DELTA, (n_images, *x.shape[1:]), x)
    norms = remembered(memory, NORM, (n_images,), x)
    # numbers 0 and 1, which are tensors in a CUDA graph; the last epoch is never reset
    new = 1.0 * ((epoch == 0) | (((epoch + 1) % resets == 0) & (epoch + 1 != epochs)))
    drawn = threat.random_point(x, rng) - x
    kept = deltas[index]
    moved, has_one = take_pixels(kept, source)
    delta = torch.where(has_one, new * drawn + (1 - new) * moved, drawn)
    start = (x + delta).clamp_(0, 1).detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum() / len(x), start)
    squared = (1 - beta) * grad.flatten(1).square().sum(dim=1) + beta * norms[index]
    adapted = (longest / (1 + squared.sqrt() / hardness)).clamp(least, most) * threat.step_scale
    later = 1.0 * (epoch >= constant)
    lengths = later * adapted + (1 - later) * threat.eps
    norms[index] = later * squared + (1 - later) * norms[index]
    step = lengths.view(-1, *[1] * (x.dim() - 1)) * threat.steepest_step(grad)
    x_adv = threat.project(start.detach() + step, x)
    deltas[index] = put_pixels(new * drawn + (1 - new) * kept, source, x_adv - x)
    return x_adv
