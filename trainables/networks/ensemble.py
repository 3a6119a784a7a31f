"""An ensemble of networks."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """A network whose prediction is the mean of its members' probabilities.

    Attributes:
        members: The networks.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Return the log of the mean probabilities as logits (N, K)."""
        log_p = torch.stack([member(x).log_softmax(dim=1) for member in self.members])
        return log_p.logsumexp(dim=0) - math.log(len(self.members))
