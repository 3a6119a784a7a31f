"""Operations of a training step: its convolutions and linear layers, forward and backward."""

from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.contenders import build_network
from benchmarks.gpu.settings import NetworkSettings, Settings
from benchmarks.gpu.trials import draw_batch


def count_step_flops(settings: Settings, network: NetworkSettings) -> int:
    """Return the operations of one PGD-AT step; a multiplication and an addition are two."""
    model, (x, _) = build_network(settings, network), draw_batch(settings, network)
    return settings.attack_steps * count_flops(model, x, of_images=True) + count_flops(
        model, x, of_images=False
    )


def count_flops(model: nn.Module, x: Tensor, *, of_images: bool) -> int:
    """Return the operations of a forward pass and of the gradient of images or of weights.

    Args:
        model: Images to logits; changed: eval mode, and weights with or without gradients.
        x: The images (N, C, H, W).
        of_images: Whether the gradient is that of the images, as in an attack. Otherwise the first
            convolution needs none of its input.
    """
    model.eval().requires_grad_(not of_images)
    images = x.clone().requires_grad_(of_images)
    with FlopCounterMode(display=False) as counter:
        model(images).sum().backward()
    return int(counter.get_total_flops())
