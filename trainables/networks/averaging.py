"""Which weights are examined and kept, where they are not simply those in training."""

from abc import ABC, abstractmethod

from torch import nn


class Average(ABC):
    """Follows a network in training and offers another for examination."""

    @abstractmethod
    def evaluation_model(self) -> nn.Module:
        """Return the network to examine and to keep: images (N, C, H, W) to logits (N, K)."""

    # most averages take note of only one of these, and keep nothing that their network does not

    def on_step(self) -> None:  # noqa: B027
        """Take note that the optimizer took a step."""

    def on_period_end(self) -> None:  # noqa: B027
        """Take note that the schedules start over."""

    def state_dict(self) -> dict[str, object]:
        """Return what the next epoch depends on."""
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:  # noqa: B027
        """Take up where `state_dict` left off."""
