"""The 18-layer squeeze-and-excitation network for small images (Hu et al., arXiv:1709.01507).

As in Bag of Tricks (arXiv:2010.00467): pre-activation blocks, after a stem with BatchNorm and
activation, and without those two ahead of the classifier.
"""

from torch import Tensor, nn

from trainables.hparams.ranges import Count
from trainables.models._layers import build_blocks, classifier, conv_bn_relu, doubling_stages
from trainables.models._preact import PreActBlock

SE_REDUCTION = 16


def build(shape: tuple[int, int, int], classes: int, *, width: Count = 64) -> nn.Module:
    """Return the network; 11.26 M parameters on CIFAR-10 at full width.

    Args:
        shape: Channels, height and width of an image; the last stage sees an eighth of both.
        classes: Number of classes K.
        width: Channels of the first stage; doubled at each of the three that follow.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *conv_bn_relu(shape[0], width),
        *build_blocks(width, doubling_stages(width, (2, 2, 2, 2)), SEBlock),
        *classifier(8 * width, classes),
    )


class SEBlock(PreActBlock):
    """A pre-activation block whose second convolution is gated."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(in_channels, out_channels, stride)
        self.conv2 = nn.Sequential(self.conv2, SqueezeExcitation(out_channels))


class SqueezeExcitation(nn.Module):
    """Each channel times a gate in (0, 1) that the means of all channels decide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = max(1, width // SE_REDUCTION)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(width, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, width, H, W), gated."""
        gate: Tensor = self.gate(x)
        return x * gate
