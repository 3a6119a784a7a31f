"""The 18-layer pre-activation residual network for small images (He et al., arXiv:1603.05027).

As in Bag of Tricks (arXiv:2010.00467), whose tables call it ResNet-18: a 3x3 stem, a final
BatchNorm, and a shortcut that, where it projects, starts after the first activation of its block.
"""

from torch import Tensor, nn

from trainables.ranges import Count


def build(shape: tuple[int, int, int], classes: int, *, width: Count = 64) -> nn.Module:
    """Return the network; 11.17 M parameters on CIFAR-10 at full width.

    Args:
        shape: Channels, height and width of an image; the last stage sees an eighth of both.
        classes: Number of classes K.
        width: Channels of the first stage; doubled at each of the three that follow.

    Returns:
        Images (N, C, H, W) to logits (N, K).
    """
    widths = [width, 2 * width, 4 * width, 8 * width]
    layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1, bias=False)]
    before = width
    for stage, after in enumerate(widths):
        layers.append(PreActBlock(before, after, 1 if stage == 0 else 2))
        layers.append(PreActBlock(after, after, 1))
        before = after
    return nn.Sequential(
        *layers,
        nn.BatchNorm2d(before),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(before, classes),
    )


class PreActBlock(nn.Module):
    """Two 3x3 convolutions, each after BatchNorm and activation, beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.act = nn.ReLU()
        projects = stride != 1 or before != after
        self.shortcut = nn.Conv2d(before, after, 1, stride=stride, bias=False) if projects else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (N, after, H / stride, W / stride) of features (N, before, H, W)."""
        ready = self.act(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(ready)
        inside: Tensor = self.conv2(self.act(self.bn2(self.conv1(ready))))
        return inside + shortcut
