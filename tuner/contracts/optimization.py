"""The contract of optimizers (`build`) and of schedules of learning rate and radius (`factor`)."""

from collections.abc import Iterator

import torch

from trainables.bound_components import BoundMember


def minimise(member: BoundMember, *, steps: int, gradient: float, **knobs: float) -> float:
    """Return a weight that starts at 3 after some steps with the gradient `gradient` * weight."""
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = member["build"]([weight], lr=0.1, **knobs)
    for _ in range(steps):
        optimizer.zero_grad()
        (gradient * weight.square().sum()).backward()
        optimizer.step()
    return weight.item()


def check_descent(member: BoundMember) -> Iterator[str]:
    """Yield whether the optimizer does not lower a function."""
    decay = {"weight_decay": 0.0} if "weight_decay" in member["build"].keywords else {}
    if not (last := minimise(member, steps=5, gradient=1.0, **decay)) < 3:
        yield f"build: must descend, but a weight of 3 becomes {last:.3g} when w ** 2 is minimised"


def check_weight_decay(member: BoundMember) -> Iterator[str]:
    """Yield whether weight decay does not shrink a weight."""
    if "weight_decay" not in member["build"].keywords:
        return
    if not 0 < (last := minimise(member, steps=1, gradient=0.0, weight_decay=0.1)) < 3:
        yield f"build: weight_decay must shrink a weight of 3 a little, but it becomes {last:.3g}"


def check_factor(member: BoundMember) -> Iterator[str]:
    """Yield whether the factor is no share of the peak, or depends on more than progress."""
    factor = member["factor"]
    values = [factor(step / 100) for step in range(101)]
    if not all(0 <= value <= 1 for value in values):
        yield f"factor: must be in [0, 1], got {min(values):.3g} to {max(values):.3g}"
    if max(values) <= 0.9:
        yield f"factor: must reach the peak, 1, during the run, got at most {max(values):.3g}"
    if [factor(t) for t in (0.9, 0.1)] != [values[90], values[10]]:
        yield "factor: must depend on the progress alone, because a trial may be resumed"


OPTIMIZER_CHECKS = (check_descent, check_weight_decay)
SCHEDULE_CHECKS = (check_factor,)
