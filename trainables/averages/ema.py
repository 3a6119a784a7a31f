"""An exponential moving average of the weights (as in Gowal et al., 2020, arXiv:2010.03593).

Not checked against the authors' code: what they released evaluates networks and does not train.

An average that starts with its full decay is made of the first, untrained weights for many updates;
the first BatchNorm variances, which are large, spoil it even longer: in FastAT_Benchmark
(arXiv:2604.22853) it is at chance for nine horizons. So the decay is warmed up, as TensorFlow's
`ExponentialMovingAverage` does with `num_updates`, and the horizon is a small share of a short run.
"""

import math
import sys

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainables.hparams.ranges import Fraction, FractionBelowOne
from trainables.networks.averaging import Average

FORMER_VALUES = {"warmup": False, "max_share": 0.0}


class Ema(Average):
    """Averages all weights and BatchNorm statistics over the steps so far.

    Attributes:
        decay: Weight of the old average in a step, after the warm-up.
        steps: Steps so far.
        forgotten: See `horizons`.
        is_former: Whether a study is older than `FORMER_VALUES`. Its reports lack the horizons, and
            its rungs must not compare networks of two kinds.
    """

    def __init__(
        self, model: nn.Module, decay: float, *, warmup: bool = False, is_former: bool = False
    ) -> None:
        self.model, self.decay, self.warmup, self.is_former = model, decay, warmup, is_former
        self.averaged_model = AveragedModel(model)
        self.steps, self.forgotten = 0, 0.0

    def evaluation_model(self) -> nn.Module:
        """Return the network with the averaged weights."""
        averaged: nn.Module = self.averaged_model.module
        return averaged

    def on_step(self) -> None:
        """Update the averages; the first step copies the weights.

        torch's `update_parameters` does the same, but waits for the device at each step.
        """
        pairs = zip(
            state_tensors(self.averaged_model.module), state_tensors(self.model), strict=True
        )
        by_type: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
        for averaged, current in pairs:
            old, new = by_type.setdefault(averaged.dtype, ([], []))
            old.append(averaged)
            new.append(current)
        average_tensors = get_ema_multi_avg_fn(self.decay_after(self.steps))
        for old, new in by_type.values():
            if self.steps:
                average_tensors(old, new, self.averaged_model.n_averaged)
            else:
                torch._foreach_copy_(old, new)
        self.averaged_model.n_averaged += 1
        self.count_step()

    def count_step(self) -> None:
        """Count a step."""
        if self.steps:
            # the decay may be 0
            decay = max(self.decay_after(self.steps), sys.float_info.min)
            self.forgotten -= math.log(decay)
        self.steps += 1

    def decay_after(self, steps: int) -> float:
        """Return the weight of the old average in the step that follows `steps` steps."""
        return min(self.decay, (1 + steps) / (10 + steps)) if self.warmup else self.decay

    def horizons(self) -> float | None:
        """Return minus the logarithm of the weight that the first network has in the average.

        `None`: as in the older studies that average in the former way.
        """
        return None if self.is_former else self.forgotten

    def state_dict(self) -> dict[str, object]:
        """Return the averages and the number of steps."""
        return dict(self.averaged_model.state_dict())

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the averages."""
        self.averaged_model.load_state_dict(state)
        self.steps, self.forgotten = 0, 0.0
        for _ in range(int(self.averaged_model.n_averaged)):
            self.count_step()


def state_tensors(model: nn.Module) -> list[Tensor]:
    """Return the parameters and buffers of a network, detached."""
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]


def decay_in_run(decay: float, run_steps: int | None, max_share: float) -> float:
    """Return the decay whose horizon, 1 / (1 - decay) steps, is at most a share of the run.

    >>> decay_in_run(0.995, 1000, 0.05), decay_in_run(0.995, 10_000, 0.05)
    (0.98, 0.995)
    """
    if not max_share or run_steps is None:
        return decay
    return min(decay, max(0.0, 1 - 1 / (max_share * run_steps)))


def build(
    model: nn.Module,
    *,
    run_steps: int | None = None,
    decay: FractionBelowOne = 0.995,
    warmup: bool = True,
    max_share: Fraction = 0.05,
) -> Average:
    """Return the average.

    Args:
        model: The network in training.
        run_steps: Optimizer steps of the whole run; `None`: unknown.
        decay: Weight of the old average in each step; 0.995 averages about 200 steps, its horizon.
        warmup: Whether the decay after t steps is at most (1 + t) / (10 + t), so that the average
            leaves the first weights behind at once. False: constant, as in most published code.
        max_share: Largest horizon as a share of the steps of the run; a short run, also one that
            decides which trials get a long one, has a smaller decay. 0: the same in every run.
    """
    is_former = {"warmup": warmup, "max_share": max_share} == FORMER_VALUES
    decay = decay_in_run(decay, run_steps, max_share)
    return Ema(model, decay, warmup=warmup, is_former=is_former)
