"""Weight averages: their interface, and the ensemble that some of them return."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


class Average(ABC):
    """Derives the network that is validated and saved from the network in training.

    The hooks do nothing by default: most averages use one, and have no state but their network.
    """

    @abstractmethod
    def evaluation_model(self) -> nn.Module:
        """Return the network to validate and save; maps images (N, C, H, W) to logits (N, K)."""

    def on_step(self) -> None:
        """Update the average after an optimizer step."""
        return

    def on_epoch_end(self, images: Iterable[Tensor]) -> None:  # noqa: ARG002
        """Update the average after an epoch, before it is validated.

        Args:
            images: Batches of the training images (N, C, H, W) in [0, 1], augmented but not
                attacked; they are made as they are read.
        """
        return

    def on_period_end(self) -> None:
        """Update the average at the end of a period, when the schedules restart."""
        return

    def horizons(self) -> float | None:
        """Return how far the average is from the first network that it has averaged.

        It is minus the logarithm of that network's weight: with a constant decay, the steps so far
        in horizons of the average. `None`: the average does not lag behind.
        """
        return None

    def state_dict(self) -> dict[str, object]:
        """Return the state that the next epoch depends on."""
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the state that `state_dict` returned."""
        assert not state


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
