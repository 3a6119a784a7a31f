"""No average: the network itself."""

from torch import nn

from trainables.networks.averaging import Average


class NoAverage(Average):
    """Returns the network in training."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def evaluation_model(self) -> nn.Module:
        """Return the network in training."""
        return self.model


def build(model: nn.Module) -> Average:
    """Return the trivial average."""
    return NoAverage(model)
