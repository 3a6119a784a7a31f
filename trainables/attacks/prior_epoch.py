"""One step from the perturbation of the last epoch: FGSM-PGI (Jia et al., arXiv:2207.08859).

The paper's FGSM-MEP: the start follows the gradients of all epochs so far. The published code, like
this one, augments the images and not the perturbations.
"""

import torch
from torch import Generator, Tensor

from trainables.attacks._image_memory import find_unknown_images, random_corner, remembered
from trainables.hparams.ranges import Count, NonNegative, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1
WHOLE_BATCH = True
"""Gradients are divided by their sum over the batch, and rows of images are those of the batch."""
DELTA, MOMENTUM = "prior perturbations", "prior gradients"
"""Keys of `memory`, (training images, C, H, W) each."""
IMAGE_COPIES = 2
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
    epoch: int = 0,
    rng: Generator | None = None,
    decay: NonNegative = 0.3,
    resets: Count | None = 40,
    reach: Positive = 1.0,
    project_start: bool = False,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, C, H, W) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        memory: Keeps a perturbation and a mean gradient of each training image, twice the memory of
            the training images in fp32, in every checkpoint too.
        index: Rows (N,) of the images in the training split.
        n_images: Images of the training split.
        epoch: Epochs finished so far.
        rng: Generator of the first starts. `None`: the global generator.
        decay: Weight of earlier gradients in the next start; 0: it ends where this step does, the
            paper's FGSM-EP.
        resets: Epochs after which starts are drawn again, at random corners of the ball. `None`:
            they are drawn in the first epoch only.
        reach: Length of the steps as a multiple of eps.
        project_start: Whether the start is clipped to [0, 1], as in FastAT_Benchmark
            (arXiv:2604.22853); not so in the published code.

    Returns:
        Allowed inputs (N, C, H, W), detached.
    """
    shape = (n_images, *x.shape[1:])
    deltas, momenta = (remembered(memory, name, shape, x) for name in (DELTA, MOMENTUM))
    old = 1.0 - 1.0 * (epoch % resets == 0 if resets else epoch == 0)  # a tensor in a CUDA graph
    delta = (1 - old) * random_corner(x, threat, rng) + old * deltas[index]
    start = (x + delta).clamp_(0, 1) if project_start else x + delta
    start = start.detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    tiny = torch.finfo(grad.dtype).tiny
    momentum = grad / grad.abs().sum().clamp(min=tiny) + old * decay * momenta[index]
    length = reach * threat.eps
    following = threat.project(x + delta + length * threat.steepest_step(momentum), x)
    momenta[index] = momentum
    deltas[index] = following - x
    return threat.project(x + delta + length * threat.steepest_step(grad), x)
