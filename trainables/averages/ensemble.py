"""An ensemble of the models at the ends of the periods (Liu et al., 2020, arXiv:2006.08403)."""

import copy
from collections.abc import Iterator, Mapping

from torch import nn

from trainables.networks.averaging import Average, Ensemble


class PeriodEnsemble(Average):
    """The ensemble of a copy from the end of each period and the network in training."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.period_models: list[nn.Module] = []
        self.ensemble = Ensemble([model])

    def evaluation_model(self) -> nn.Module:
        """Return the ensemble of the copies so far and the current network.

        It is the same object until a period ends, because folded views are kept for each object.
        """
        return self.ensemble

    def on_period_end(self) -> None:
        """Store a copy of the network."""
        self.period_models.append(copy.deepcopy(self.model))
        self.ensemble = Ensemble([*self.period_models, self.model])

    def state_dict(self) -> dict[str, object]:
        """Return the weights at the end of each period."""
        return {"ends": [end.state_dict() for end in self.period_models]}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the copies."""
        ends = state["ends"]
        assert isinstance(ends, list)
        self.period_models = [copy.deepcopy(self.model) for _ in ends]
        for end, weights in zip(self.period_models, ends, strict=True):
            end.load_state_dict(weights)
        self.ensemble = Ensemble([*self.period_models, self.model])


def build(model: nn.Module) -> Average:
    """Return the average; without restarts it is the network itself."""
    return PeriodEnsemble(model)


def warnings(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a warning if the ensemble has only one member."""
    if config["periods"].get("resets") == ():
        yield (
            "average: an ensemble without periods is the network itself; "
            "write e.g. periods.resets=[1/2]."
        )
