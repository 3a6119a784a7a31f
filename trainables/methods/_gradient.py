"""The gradient of the loss with respect to the images, which several methods penalise."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module


def input_gradient(model: Module, x: Tensor, y: Tensor, *, differentiable: bool = False) -> Tensor:
    """Return the gradient of each example's cross-entropy at `x`, flattened to (N, C * H * W).

    Args:
        model: Maps images to logits.
        x: Images (N, C, H, W).
        y: Labels (N,).
        differentiable: Whether the result can be differentiated with respect to the weights.
    """
    x = x.detach().requires_grad_()
    loss = F.cross_entropy(model(x), y, reduction="sum")
    (grad,) = torch.autograd.grad(loss, x, create_graph=differentiable)
    return grad.flatten(1)


def clip_derivative(points: Tensor) -> Tensor:
    """Return the derivative of clipping to [0, 1] as maximum and minimum, shaped as `points`.

    It is 1 inside the range, 0 outside, and at 0 and 1 a half: the maximum of two equal tensors
    sends half of its gradient to each. `torch.clamp` has 1 there.
    """
    inside, allowed = (points > 0) & (points < 1), (points >= 0) & (points <= 1)
    return (inside.to(points.dtype) + allowed) / 2
