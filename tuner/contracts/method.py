"""The contract of training methods: `inner` and `outer`."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainables.bound_components import BoundMember
from trainables.injection import injected_names, unwrapped
from trainables.protocols import uses_attack
from tuner.contracts.samples import (
    CLASSES,
    SIZES,
    build_network,
    build_smooth_network,
    inner_objective,
    outer_loss,
    sample_batch,
)


def count_views(member: BoundMember) -> int:
    """Return how often each image is in a batch of the method."""
    views: int = getattr(member.module, "VIEWS", 1)
    return views


def batch_sizes(member: BoundMember) -> list[int]:
    """Return the batch sizes to check."""
    return [size * count_views(member) for size in SIZES]


def check_outer(member: BoundMember) -> Iterator[str]:
    """Yield where the training loss is no scalar, not finite, or leaves a weight without gradient.

    Also with two and three classes.
    """
    for size, classes in [*((size, CLASSES) for size in batch_sizes(member)), (6, 2), (6, 3)]:
        where = f"for {size} images of {classes} classes"
        model, (x, x_adv, y) = build_network(classes), sample_batch(size, classes)
        loss = outer_loss(member, model, x, x_adv, y, classes=classes)
        if problem := describe_wrong_loss(loss, x):
            yield f"outer: {problem} {where}"
            return
        loss.backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is None:
                yield f"outer: gives {name} no gradient {where}; does it detach the logits?"
                return
            if not parameter.grad.isfinite().all():
                yield f"outer: gives {name} a gradient that is not finite {where}"
                return


def describe_wrong_loss(loss: object, x: Tensor) -> str | None:
    """Return what is wrong with a training loss, or `None`."""
    if not isinstance(loss, Tensor) or loss.shape != ():
        got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        return f"must return a scalar tensor (shape ()), got {got}; take the mean over the batch"
    if not loss.isfinite():
        return f"must return a finite loss, got {loss.item()}"
    if not loss.requires_grad:
        return "must return a loss with a gradient, got a detached one"
    if loss.device != x.device:
        return f"must return a loss on {x.device}, got {loss.device}"
    return None


def check_inner(member: BoundMember) -> Iterator[str]:
    """Yield where the objective of the attack has another shape or no gradient."""
    declared = uses_attack(unwrapped(member["inner"]))
    for size in batch_sizes(member):
        model, (x, x_adv, y) = build_network().eval(), sample_batch(size)
        objective = inner_objective(member, model, x, y, classes=CLASSES)
        if (objective is not None) != declared:
            wanted = "-> None, because it" if objective is None else "an objective, as it"
            yield f"inner: annotate its return type as {wanted} returns {type(objective).__name__}"
            return
        if objective is None:
            return
        value, logits = objective(x_adv.requires_grad_())
        if value.shape != (size,) or logits.shape != (size, CLASSES):
            yield (
                f"inner: its objective must return values ({size},) and logits ({size}, "
                f"{CLASSES}), got {tuple(value.shape)} and {tuple(logits.shape)}"
            )
            return
        if not torch.allclose(logits, model(x_adv), atol=1e-6):
            yield "inner: its objective must return the logits of the images that it gets"
        (grad,) = torch.autograd.grad(value.sum(), x_adv)
        if not grad.isfinite().all() or not grad.any():
            yield "inner: the gradient of its objective must be finite and not 0 everywhere"


def check_mean(member: BoundMember) -> Iterator[str]:
    """Yield whether the loss is no mean over the images of a batch.

    Then the learning rate would depend on the batch size, and parts of a batch would not add up.
    """
    names = injected_names(unwrapped(member["outer"]))
    views = count_views(member)
    batch = sample_batch(7 * views)
    x, x_adv, y = (part.double() if part.is_floating_point() else part for part in batch)
    model = build_smooth_network()
    whole = outer_loss(member, model, x, x_adv, y, classes=CLASSES)
    if "rng" not in names:  # else the two halves of the doubled batch see different draws
        doubled = [
            torch.cat([view for view in part.chunk(views) for _ in range(2)])
            for part in (x, x_adv, y)
        ]
        twice = outer_loss(member, model, *doubled, classes=CLASSES)
        if not torch.allclose(twice, whole, rtol=1e-6):
            yield (
                f"outer: must be a mean over images, but the loss of a batch twice is "
                f"{(twice / whole).item():.3g} times that of the batch"
            )
            return
    if getattr(member.module, "WHOLE_BATCH", False):
        return
    parts = zip(x.split(2), x_adv.split(2), y.split(2), strict=True)
    total = sum(
        outer_loss(member, model, *part, classes=CLASSES) * len(part[0]) / 7 for part in parts
    )
    if not torch.allclose(torch.as_tensor(total), whole, rtol=1e-9, atol=0):
        yield (
            "outer: the losses of parts of a batch must add up to that of the batch, by their "
            "shares; if it needs whole batches, write WHOLE_BATCH = True"
        )


def check_constant_network(member: BoundMember) -> Iterator[str]:
    """Yield whether a loss or gradient is not finite where the logits ignore the image."""
    model, (x, x_adv, y) = build_network(), sample_batch(3 * count_views(member))
    last = model[3]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    loss = outer_loss(member, model, x, x_adv, y, classes=CLASSES)
    loss.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    if not loss.isfinite() or not all(grad.isfinite().all() for grad in grads):
        yield (
            "outer: loss and gradients must be finite for a network whose logits are constant; "
            "is a norm of 0 divided by?"
        )


def check_repeatable(member: BoundMember) -> Iterator[str]:
    """Yield whether a loss depends on global random numbers, or an input is changed."""
    model, (x, x_adv, y) = build_network().eval(), sample_batch(7 * count_views(member))
    before = [part.clone() for part in (x, x_adv, y)]
    first, again = (outer_loss(member, model, x, x_adv, y, classes=CLASSES) for _ in range(2))
    if not torch.equal(first, again):
        yield "outer: draws from global random numbers; take them from a parameter rng: Generator"
    if not all(map(torch.equal, before, (x, x_adv, y))):
        yield "outer: changes its images or labels in place"
    if x.requires_grad:
        yield "outer: leaves requires_grad on the clean images"


CHECKS = (check_outer, check_inner, check_mean, check_constant_network, check_repeatable)
