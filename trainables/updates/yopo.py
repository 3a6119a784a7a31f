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
    """Change the weights once, by whole passes between which only the first layer is attacked.

    A whole pass gives the slope of the loss at the first layer's output. With that slope held, the
    images take a few steps through the first layer alone. The other layers learn from the whole
    passes, the first one from where those steps end. (In the published code the first layer learns
    from both.) Gradients are summed over the passes, so the learning rate should be divided by
    their number.

    Args:
        model: The network, in train mode throughout.
        optimizer: Takes the step.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Gives the outer objective, which serves as the inner one too.
        threat: The set of allowed perturbations.
        rng: Source of the random start; the global one if None.
        passes: Whole passes, m of YOPO-m-n.
        steps: Steps through the first layer after each, n of YOPO-m-n.
        step_size: Length of one step, in the units of eps; a quarter of eps if none.

    Returns:
        The loss before the step, averaged over the passes (scalar).
    """
    first = first_layer(model)
    length = step_length(step_size, threat)
    x_adv = threat.project(threat.random_point(x, rng), x)
    total = torch.zeros((), device=x.device)
    optimizer.zero_grad()
    for _ in range(passes):
        loss, slope = full_pass(model, first, method, x, x_adv, y)
        total += loss / passes
        if slope is None:  # a method that trains on clean images alone has nothing to attack
            continue
        for _ in range(steps):
            x_adv = x_adv.detach().requires_grad_()
            (grad,) = torch.autograd.grad(
                (slope * first_layer_output(model, first, x_adv)).sum(), x_adv
            )
            x_adv = threat.project(x_adv.detach() + length * threat.steepest_step(grad), x)
        (slope * first_layer_output(model, first, x_adv.detach())).sum().backward()
    optimizer.step()
    return total


def first_layer(model: Module) -> Module:
    """Return the first module with parameters of its own."""
    return next(m for m in model.modules() if list(m.parameters(recurse=False)))


def full_pass(
    model: Module, first: Module, method: BoundMethod, x: Tensor, x_adv: Tensor, y: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Add the gradients of all layers but the first.

    Returns:
        The loss, and its slope at what the first layer makes of `x_adv`, if it depends on that.
    """
    x_adv = x_adv.detach().requires_grad_()
    caught: list[Tensor] = []

    def catch(_: Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if inputs[0].requires_grad:  # of x_adv, not of x
            output.retain_grad()
            caught.append(output)

    own = list(first.parameters(recurse=False))
    with with_forward_hook(first, catch), without_gradients(own):
        loss = method.outer(model, x, x_adv, y)
        loss.backward()
    return loss.detach(), caught[-1].grad if caught else None


def first_layer_output(model: Module, first: Module, x: Tensor) -> Tensor:
    """Return what the first layer makes of images (N, C, H, W), without the layers behind it."""
    reached: list[Tensor] = []

    def stop(_: Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        reached.append(output)
        raise StopForward

    with with_forward_hook(first, stop), suppress(StopForward):
        model(x)
    return reached[0]


class StopForward(Exception):  # noqa: N818  # no error: it skips the layers behind the first
    """Ends a forward pass once the first layer has answered."""


@contextmanager
def with_forward_hook(
    module: nn.Module, hook: Callable[[Module, tuple[Tensor, ...], Tensor], None]
) -> Iterator[None]:
    """Call `hook` with the inputs and the output of `module`, while inside."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def without_gradients(parameters: list[Parameter]) -> Iterator[None]:
    """Keep `parameters` from gathering gradients, while inside."""
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)
