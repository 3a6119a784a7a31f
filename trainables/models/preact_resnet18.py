"""The 18-layer pre-activation residual network for small images (He et al., arXiv:1603.05027).

As in Bag of Tricks (arXiv:2010.00467), whose tables call it ResNet-18: a 3x3 stem, a final
BatchNorm, and a shortcut that, where it projects, starts after the first activation of its block.
The code of Wong et al. (arXiv:2001.03994) starts it at the input of the block. That of GradAlign
(arXiv:2007.02617) does so too, and has neither BatchNorm nor an activation after the blocks.
"""

from torch import nn

from trainables.hparams.ranges import Count
from trainables.models._layers import doubling_stages
from trainables.models._preact import Shortcut, preact_resnet

FORMER_VALUES = {"shortcut": "activated", "final_norm": True}
"""What the code did before it had these knobs."""


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    width: Count = 64,
    shortcut: Shortcut = "activated",
    final_norm: bool = True,
) -> nn.Module:
    """Return the network; 11.17 M parameters on CIFAR-10 at full width.

    Args:
        shape: Channels, height and width of an image; the last stage sees an eighth of both.
        classes: Number of classes K.
        width: Channels of the first stage; doubled at each of the three that follow.
        shortcut: Where a projecting shortcut starts: "activated" is after the first BatchNorm
            and activation of its block, "raw" at the input of the block.
        final_norm: Whether BatchNorm and an activation follow the last block.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    plan = doubling_stages(width, (2, 2, 2, 2))
    return preact_resnet(shape[0], classes, width, plan, shortcut=shortcut, final_norm=final_norm)
