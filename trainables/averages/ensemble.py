"""The models at the ends of the periods, asked together (Liu et al., 2020, arXiv:2006.08403)."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from trainables.networks.averaging import Average
from trainables.networks.ensemble import Ensemble


class PeriodEnsemble(Average):
    """Keeps a copy at the end of each period, and offers them beside the network in training."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.period_models: list[nn.Module] = []

    def evaluation_model(self) -> nn.Module:
        """Return the ensemble of the ends so far and of the network as it is."""
        return Ensemble([*self.period_models, self.model])

    def on_period_end(self) -> None:
        """Keep a copy."""
        self.period_models.append(copy.deepcopy(self.model))

    def state_dict(self) -> dict[str, object]:
        """Return the weights at each end."""
        return {"ends": [end.state_dict() for end in self.period_models]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the ends up again."""
        self.period_models = [copy.deepcopy(self.model) for _ in state["ends"]]
        for end, weights in zip(self.period_models, state["ends"], strict=True):
            end.load_state_dict(weights)


def build(model: nn.Module) -> Average:
    """Return the average; without periods it is the network itself."""
    return PeriodEnsemble(model)


def warnings(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield the problem of an ensemble of one."""
    if config["periods"].get("resets") == ():
        yield (
            "average: an ensemble without periods is the network itself; "
            "write periods.resets=[1/2], say."
        )
