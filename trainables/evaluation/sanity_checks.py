"""Sanity checks of an evaluation (after Carlini et al., 2019, arXiv:1902.06705)."""

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks import pgd
from trainables.data_pipeline.images import Images
from trainables.methods import pgd_at
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.threat import Threat

SAMPLE_SIZE = 200
"""Images that the checks use; their attacks are short."""
MAX_OUTPUT_DIFFERENCE = 1e-4
"""Largest distance of two normalised outputs for one image: the limit of pyautoattack."""
MAX_BLACK_BOX_GAIN = 0.002
"""Largest share of images that only a black-box attack misclassifies: the limit of pyautoattack."""
MAX_STEPS_GAIN = 0.01
"""Largest gain of robust accuracy with more steps; rounding causes less on 200 images."""
MAX_SUITE_GAP = 0.06
"""Largest gap between the suite and PGD: networks of Bag of Tricks and TRADES lose 2 to 5 points
to AutoAttack; networks with masked gradients more (hypersphere embedding 8, arXiv:2002.08619)."""


def outputs_probabilities(model: Module, images: Images) -> bool:
    """Return whether a network returns probabilities, whose gradients vanish in attacks."""
    with in_mode(model, "eval"), torch.no_grad():
        outputs = model(sample_images(images)[0])
    sums_to_one = (outputs.sum(dim=1) - 1).abs() < 1e-5  # rounding of a softmax in fp32
    return bool(((outputs >= 0) & (outputs <= 1)).all() and sums_to_one.all())


def sample_images(images: Images) -> tuple[Tensor, Tensor]:
    """Return the first images (M, C, H, W) in [0, 1] and their labels (M,)."""
    rows = torch.arange(min(SAMPLE_SIZE, len(images)), device=images.y.device)
    return next(images.stream([rows]))


def check_network(
    model: Module, images: Images, threat: Threat, robust_mask: Tensor
) -> Iterator[str]:
    """Yield the sanity checks that the network fails.

    Args:
        model: Images to logits.
        images: The N evaluated images.
        threat: The set of allowed perturbations.
        robust_mask: Mask (N,) of the images robust to all attacks.
    """
    x, y = sample_images(images)
    with in_mode(model, "eval"), frozen_weights(model):
        yield from check_randomness(model, x)
        yield from check_zero_gradients(model, x, y)
        with torch.no_grad():
            right = model(x).argmax(dim=1) == y
        few, many = (pgd_robust_mask(model, x, y, threat, steps) & right for steps in (10, 50))
    share = float((many.float() - few.float()).mean())
    if share > MAX_STEPS_GAIN:
        yield (
            f"PGD-50 leaves {100 * share:.1f} points more than PGD-10: more steps weaken the "
            "attack, as with masked gradients"
        )
    gap = float(many.float().mean() - robust_mask[: len(x)].float().mean())
    if gap > MAX_SUITE_GAP:
        yield (
            f"the suite is {100 * gap:.1f} points below PGD-50, for ordinary networks at most "
            f"{100 * MAX_SUITE_GAP:.0f}: gradients may be masked"
        )


def check_randomness(model: Module, x: Tensor) -> Iterator[str]:
    """Yield a message if two outputs of the network for the same images differ."""
    with torch.no_grad():
        one, other = (F.normalize(model(x), dim=1) for _ in range(2))
    difference = float((one - other).norm(dim=1).max())
    if difference > MAX_OUTPUT_DIFFERENCE:
        yield f"the network is randomised: two outputs for one image differ by {difference:.2g}"


def check_zero_gradients(model: Module, x: Tensor, y: Tensor) -> Iterator[str]:
    """Yield a message if the gradient of cross-entropy is 0 at some images."""
    x = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(F.cross_entropy(model(x), y, reduction="sum"), x)
    share = float((grad.flatten(1).abs().sum(dim=1) == 0).float().mean())
    if share:
        yield f"cross-entropy has no gradient at {100 * share:.1f} % of the images"


def pgd_robust_mask(model: Module, x: Tensor, y: Tensor, threat: Threat, steps: int) -> Tensor:
    """Return the images (N,) that are correct at the last iterate of PGD with a fixed seed."""
    rng = Generator(x.device).manual_seed(0)
    view = folded_view(model)
    ends = pgd.perturb(pgd_at.inner(view, x, y), x, y, threat=threat, rng=rng, steps=steps)
    with torch.no_grad():
        right: Tensor = model(ends).argmax(dim=1) == y
    return right


def check_black_box_gain(
    misclassified: Mapping[str, int], black_box: Sequence[str], n_images: int
) -> Iterator[str]:
    """Yield a message if black-box attacks find more than attacks with gradients before them.

    Args:
        misclassified: Attack of the suite, in order, to the number of images that it misclassifies
            of those that are robust to the attacks before it.
        black_box: The attacks without gradients.
        n_images: Number of images N.
    """
    if len(misclassified) == len([name for name in misclassified if name in black_box]):
        return
    for name in black_box:
        share = misclassified.get(name, 0) / n_images
        before = (
            list(misclassified)[: list(misclassified).index(name)] if name in misclassified else []
        )
        if share > MAX_BLACK_BOX_GAIN and any(other not in black_box for other in before):
            yield (
                f"{name} misclassifies {100 * share:.1f} % of the images that attacks with "
                "gradients did not"
            )
