"""The contract of networks: `build`."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from trainables.bound_components import BoundMember
from trainables.data_pipeline.images import ImageFormat
from tuner.contracts.samples import CLASSES

SHAPE = (3, 32, 32)
"""Images that a custom network must take; those of `data=` if it is given."""


def build(member: BoundMember, shape: tuple[int, int, int], classes: int = CLASSES) -> nn.Module:
    """Return the network, with the same initial weights at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: nn.Module = member["build"](shape, classes)
    return network


def check_network(
    member: BoundMember, shape: tuple[int, int, int] = SHAPE, classes: int = CLASSES
) -> Iterator[str]:
    """Yield where outputs are no logits, a weight gets no gradient, or images mix.

    Args:
        member: The network.
        shape: Channels, height and width of the images.
        classes: Number of classes K.
    """
    network = build(member, shape, classes)
    if not isinstance(network, nn.Module):
        yield f"build: must return a torch.nn.Module, got {type(network).__name__}"
        return
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    for size in (4, 1):
        logits = network.eval()(x[:size])
        got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        if got != (size, classes):
            yield f"build: must return logits {(size, classes)} for {size} images, got {got}"
            return
    yield from check_outputs(network, x)
    network.train()(x).square().sum().backward()
    idle = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
    if idle:
        yield f"build: {', '.join(idle[:3])} get no gradient; are these layers used?"


def check_outputs(network: nn.Module, x: torch.Tensor) -> Iterator[str]:
    """Yield where the outputs in eval mode are no logits of each image alone."""
    logits = network(x)
    if not logits.isfinite().all():
        yield "build: its logits must be finite"
    if (logits >= 0).all() and torch.allclose(logits.sum(dim=1), torch.ones(len(x)), atol=1e-5):
        yield "build: returns probabilities, but attacks need logits; remove the softmax"
    if not torch.equal(network(x), logits):
        yield "build: two outputs for the same images differ in eval mode"
    elif not torch.allclose(network(x[:1]), logits[:1], rtol=1e-4, atol=1e-5):
        yield "build: the logits of an image depend on the others of the batch in eval mode"


def check_repeatable(
    member: BoundMember, shape: tuple[int, int, int] = SHAPE, classes: int = CLASSES
) -> Iterator[str]:
    """Yield whether the seed does not decide the initial weights."""
    one, other = (build(member, shape, classes).state_dict() for _ in range(2))
    if list(one) != list(other) or not all(torch.equal(one[name], other[name]) for name in one):
        yield "build: the same seed gives other initial weights; draw from torch's generator"


def check_device(
    member: BoundMember, shape: tuple[int, int, int] = SHAPE, classes: int = CLASSES
) -> Iterator[str]:
    """Yield whether the network makes tensors on another device than that of the images."""
    network = build(member, shape, classes).to("meta").eval()
    try:
        network(torch.empty(2, *shape, device="meta"))
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        yield f"build: must make its tensors on the device of the images ({reason})"


CHECKS = (check_network, check_repeatable, check_device)


def checks_for(images: ImageFormat) -> list[partial[Iterator[str]]]:
    """Return the checks of a network for images of a data set."""
    return [partial(check, shape=images.shape, classes=images.classes) for check in CHECKS]
