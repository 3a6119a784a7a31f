"""You only propagate once (Zhang et al., 2019, arXiv:1905.00877)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Generator, Tensor, nn
from torch.nn import Module, Parameter
from torch.optim import Optimizer

from trainables.attacks.pgd import step_length
from trainables.hparams.ranges import Count, Positive
from trainables.protocols import BoundMethod
from trainables.threat import Threat

GRADIENT_STEPS = "passes"


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    threat: Threat,
    rng: Generator | None = None,
    passes: Count = 5,
    steps: Count = 3,
    step_size: Positive | None = None,
) -> Tensor:
    """Update the weights once, with full passes between which only the first layer is attacked.

    A full pass computes the gradient of the loss at the first layer's output. With that gradient
    fixed, the images take a few steps through the first layer only. The other layers get gradients
    from the full passes, the first layer from the end of those steps. (In the published code the
    first layer gets both.) Gradients are summed over the passes, so divide the learning rate by
    their number.

    Args:
        model: The network, in train mode throughout.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method whose outer objective is also the inner one.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        passes: Full passes, m of YOPO-m-n.
        steps: Steps through the first layer after each, n of YOPO-m-n.
        step_size: Length of one step, in the units of eps. `None`: a quarter of eps.

    Returns:
        The loss before the step, averaged over the passes (scalar).
    """
    first = first_layer(model)
    length = step_length(step_size, threat)
    x_adv = threat.project(threat.random_point(x, rng), x)
    total = torch.zeros((), device=x.device)
    optimizer.zero_grad()
    for _ in range(passes):
        loss, output_grad = full_pass(model, first, method, x, x_adv, y)
        total += loss / passes
        if output_grad is None:  # the method uses clean images only
            continue
        for _ in range(steps):
            x_adv = x_adv.detach().requires_grad_()
            (grad,) = torch.autograd.grad(
                (output_grad * first_layer_output(model, first, x_adv)).sum(), x_adv
            )
            x_adv = threat.project(x_adv.detach() + length * threat.steepest_step(grad), x)
        (output_grad * first_layer_output(model, first, x_adv.detach())).sum().backward()
    optimizer.step()
    return total


def first_layer(model: Module) -> Module:
    """Return the first module that directly holds parameters."""
    return next(m for m in model.modules() if list(m.parameters(recurse=False)))


def full_pass(
    model: Module, first: Module, method: BoundMethod, x: Tensor, x_adv: Tensor, y: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Accumulate the gradients of all layers but the first.

    Returns:
        The loss, and its gradient at the first layer's output for `x_adv`. `None`: the loss does
        not depend on `x_adv`.
    """
    x_adv = x_adv.detach().requires_grad_()
    caught: list[Tensor] = []

    def catch(_: Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if inputs[0].requires_grad:  # of x_adv, not of x
            output.retain_grad()
            caught.append(output)

    first_parameters = list(first.parameters(recurse=False))
    with with_forward_hook(first, catch), without_gradients(first_parameters):
        loss = method.outer(model, x, x_adv, y)
        loss.backward()
    return loss.detach(), caught[-1].grad if caught else None


def first_layer_output(model: Module, first: Module, x: Tensor) -> Tensor:
    """Return the first layer's output for images (N, C, H, W) without running later layers."""
    reached: list[Tensor] = []

    def stop(_: Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        reached.append(output)
        raise StopForward

    with with_forward_hook(first, stop), suppress(StopForward):
        model(x)
    return reached[0]


class StopForward(Exception):  # noqa: N818  # not an error: skips the later layers
    """Ends a forward pass after the first layer."""


@contextmanager
def with_forward_hook(
    module: nn.Module, hook: Callable[[Module, tuple[Tensor, ...], Tensor], None]
) -> Iterator[None]:
    """Call `hook` with the inputs and the output of `module` inside the block."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def without_gradients(parameters: list[Parameter]) -> Iterator[None]:
    """Exclude `parameters` from gradient accumulation inside the block."""
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)
