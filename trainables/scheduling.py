"""Common functions of the schedules: warm-up, restarts and learning-rate scaling."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import AfterValidator
from torch.nn import Parameter
from torch.optim import Optimizer

from trainables.hparams.ranges import Count, Fraction, OpenFraction, valid_milestones

TOLERANCE = 1e-9
"""Tolerance of rounding errors, so that 100 of 150 epochs is two thirds."""

FORMER_VALUES: dict[str, object] = {"loaded_lr_factor": 1.0}
"""What the code did before it had these knobs."""
LR_FACTOR = "lr_factor"
"""Key of an optimizer's parameter group: factor of its learning rate."""

Resets = Annotated[tuple[OpenFraction, ...], AfterValidator(valid_milestones)]


def scale_lr(lr: float, batch_size: int, *, lr_batch_size: Count | None = None) -> float:
    """Return the peak learning rate for batches of `batch_size` (Goyal et al., arXiv:1706.02677).

    Args:
        lr: Peak learning rate.
        batch_size: Images per batch.
        lr_batch_size: Batch size that `lr` is meant for; for others, it is scaled linearly (128 in
            Table 3 of Bag of Tricks, arXiv:2010.00467). `None`: no scaling.
    """
    return lr * batch_size / lr_batch_size if lr_batch_size else lr


def split_parameters(
    named: Iterable[tuple[str, Parameter]],
    loaded: Collection[str],
    *,
    loaded_lr_factor: Fraction = 1.0,
) -> list[dict[str, object]]:
    """Return the parameter groups of an optimizer: parameters that were loaded, and new ones.

    Args:
        named: Parameters and their names.
        loaded: Names of those that `init=` has loaded; empty: a network from scratch.
        loaded_lr_factor: Factor of the learning rate of parameters that `init=` has loaded; new
            ones, such as the last layer for other classes, keep the full rate. 0 freezes them.
    """
    groups: dict[bool, list[Parameter]] = {True: [], False: []}
    for name, parameter in named:
        groups[name in loaded].append(parameter)
    return [
        {"params": parameters, LR_FACTOR: loaded_lr_factor if is_loaded else 1.0}
        for is_loaded, parameters in groups.items()
        if parameters
    ]


def set_lr(optimizer: Optimizer, lr: float) -> None:
    """Set the learning rate of all parameters, each group's times its factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get(LR_FACTOR, 1.0)


def locate_period(progress: float, *, resets: Resets = ()) -> tuple[int, float]:
    """Return the number of completed periods and the completed share of the current one.

    Periods are those of Liu et al. (2020, arXiv:2006.08403).

    Args:
        progress: Completed share of the run, in [0, 1].
        resets: Milestones at which learning rate and eps restart, as shares of the run: epochs
            0:100:150:200 of the paper are [100/200,150/200].
    """
    ends = [0.0, *resets, 1.0]
    completed = sum(progress >= reset - TOLERANCE for reset in resets)
    begin, end = ends[completed], ends[completed + 1]
    return completed, max(0.0, progress - begin) / (end - begin)


def warmup_factor(progress: float, *, warmup: Fraction = 0.0) -> float:
    """Return the warm-up factor min(t / W, 1) of Bag of Tricks' text (arXiv:2010.00467).

    Its published code computes (t + 1) / W instead, which overshoots the preset value.

    Args:
        progress: Completed share of the run, in [0, 1].
        warmup: Length of the warm-up, as a share of the run: 10 of 110 epochs is 10/110.
    """
    return min(progress / warmup, 1.0) if warmup else 1.0
