"""Torchvision's DenseNet (Huang et al., arXiv:1608.06993), for small images."""

from torch import nn

from trainables.models._layers import classifier


def densenet(channels: int, classes: int, depths: tuple[int, int, int, int]) -> nn.Module:
    """Return a network of four dense blocks that grow by 32 channels a layer.

    Args:
        channels: Channels of an image.
        classes: Number of classes K.
        depths: Layers of each block.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    from torchvision.models import DenseNet  # noqa: PLC0415  # seconds to import

    whole = DenseNet(block_config=depths, num_classes=classes)
    net = nn.Sequential(
        nn.Conv2d(channels, 64, 3, padding=1, bias=False),
        *whole.features[4:],  # what is ahead of them divides height and width by four
        nn.ReLU(),
        *classifier(whole.classifier.in_features, classes),
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()  # torchvision starts them otherwise than the other networks
    return net
