"""An exponential moving average of the weights (as in Gowal et al., 2020, arXiv:2010.03593).

Not checked against the authors' code: what they released evaluates networks and does not train. The
decay is constant; codes that begin at (1 + t) / (10 + t) follow the weights faster at first.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainables.hparams.ranges import FractionBelowOne
from trainables.networks.averaging import Average


class Ema(Average):
    """Averages all weights and BatchNorm statistics over the steps so far."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.averaged_model = AveragedModel(model)
        self.average_tensors = get_ema_multi_avg_fn(decay)
        self.steps = 0

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
        for old, new in by_type.values():
            if self.steps:
                self.average_tensors(old, new, self.averaged_model.n_averaged)
            else:
                torch._foreach_copy_(old, new)
        self.averaged_model.n_averaged += 1
        self.steps += 1

    def state_dict(self) -> dict[str, object]:
        """Return the averages and the number of steps."""
        return dict(self.averaged_model.state_dict())

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the averages."""
        self.averaged_model.load_state_dict(state)
        self.steps = int(self.averaged_model.n_averaged)


def state_tensors(model: nn.Module) -> list[Tensor]:
    """Return the parameters and buffers of a network, detached."""
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]


def build(model: nn.Module, *, decay: FractionBelowOne = 0.995) -> Average:
    """Return the average.

    Args:
        model: The network in training.
        decay: Weight of the old average in each step; 0.995 averages about 200 steps, so a short
            run needs less.
    """
    return Ema(model, decay)
