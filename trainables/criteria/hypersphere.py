"""Cross-entropy with an additive margin on cosines, for hypersphere embedding (arXiv:2002.08619).

The margin of CosFace (Wang et al., arXiv:1801.09414). Attacks and validation do not use it.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from trainables.criteria.cross_entropy import loss as cross_entropy
from trainables.hparams.ranges import FractionBelowOne


def loss(logits: Tensor, y: Tensor, *, scale: float, m: FractionBelowOne = 0.2) -> Tensor:
    """Return the cross-entropy of each example, with the cosine of the label lowered by the margin.

    Args:
        logits: Scaled cosines (N, K).
        y: Labels (N,), or probabilities (N, K).
        scale: Scale of the cosines in the logits.
        m: The margin, in units of cosines; 0.1 to 0.3 in the published experiments.

    Returns:
        (N,), in nats.
    """
    # not by F.one_hot, which looks at the labels: that prevents the capture in a graph
    classes = torch.arange(logits.shape[1], device=y.device)
    target = y if y.is_floating_point() else (y[:, None] == classes).to(logits.dtype)
    return cross_entropy(logits - scale * m * target, y)


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if the network has no cosine head."""
    if config["model"].get("head") == "linear":
        yield "criterion: hypersphere needs cosines for logits; write model.head=cosine."
