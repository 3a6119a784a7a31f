"""Mixup and CutMix: images and labels of a batch mixed with those of other images."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from trainables.data_pipeline.images import Batch
from trainables.hparams.ranges import NonNegative


def apply_mixup(
    x: Tensor,
    y: Tensor,
    rng: Generator,
    *,
    classes: int,
    mixup: NonNegative = 0.0,
    cutmix: NonNegative = 0.0,
) -> Batch:
    """Return images mixed with others of the batch, and labels mixed in the same proportion.

    Mixup (Zhang et al., arXiv:1710.09412) as in Rice et al. (arXiv:2002.11569): one proportion for
    the whole batch, and the attack maximises the loss of the mixed labels. CutMix (Yun et al.,
    arXiv:1905.04899) likewise, as in Rebuffi et al. (arXiv:2103.01946). With both, each batch has
    one of the two with the same probability, as in timm.

    Args:
        x: Images (N, C, H, W).
        y: Labels (N,).
        rng: Generator of the proportion and the pairs.
        classes: Number of classes K.
        mixup: Parameter of the proportion in which images are blended, which is drawn from
            Beta(mixup, mixup); 0: no mixup.
        cutmix: Parameter of the share of the image that is kept, which is drawn from
            Beta(cutmix, cutmix); a rectangle of another image replaces the rest. Rebuffi et al. use
            1 with weight averaging. 0: no CutMix.

    Returns:
        The images, and labels (N,) or, with mixup or CutMix, probabilities (N, K).
    """
    if not mixup and not cutmix:
        return x, y
    if mixup and cutmix:
        cuts = bool(torch.rand((), generator=rng, device=rng.device) < 0.5)
    else:
        cuts = cutmix > 0
    alpha = cutmix if cuts else mixup
    seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
    draws = np.random.default_rng(seed)  # torch's Beta takes no generator
    share = draws.beta(alpha, alpha)
    other = torch.randperm(len(x), generator=rng, device=x.device)
    target = F.one_hot(y, classes).to(x.dtype)
    if not cuts:
        return torch.lerp(x[other], x, share), torch.lerp(target[other], target, share)
    height, width = x.shape[2:]
    rows, columns = (
        cut_interval(length, share, int(draws.integers(length))) for length in (height, width)
    )
    mixed = x.clone()
    mixed[:, :, rows, columns] = x[other][:, :, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    return mixed, torch.lerp(target, target[other], area / (height * width))


def cut_interval(length: int, kept: float, centre: int) -> slice:
    """Return the rows, or columns, of the rectangle that CutMix replaces.

    Args:
        length: Number of rows.
        kept: Share of the image that is kept, were the rectangle inside the image.
        centre: Row of the middle of the rectangle, which ends at the border of the image.

    >>> cut_interval(32, 0.75, 16), cut_interval(32, 0.75, 2), cut_interval(32, 1.0, 5)
    (slice(8, 24, None), slice(0, 10, None), slice(5, 5, None))
    """
    half = int(length * (1 - kept) ** 0.5) // 2
    return slice(max(0, centre - half), min(length, centre + half))
