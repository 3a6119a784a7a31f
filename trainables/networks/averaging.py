"""The interface of weight averages: which weights are validated and saved."""

from abc import ABC, abstractmethod

from torch import nn


class Average(ABC):
    """Derives the network that is validated and saved from the network in training."""

    @abstractmethod
    def evaluation_model(self) -> nn.Module:
        """Return the network to validate and save; maps images (N, C, H, W) to logits (N, K)."""

    # no-ops by default: most averages use only one hook and have no state beyond their network

    def on_step(self) -> None:  # noqa: B027
        """Update the average after an optimizer step."""

    def on_period_end(self) -> None:  # noqa: B027
        """Update the average at the end of a period, when the schedules restart."""

    def state_dict(self) -> dict[str, object]:
        """Return the state that the next epoch depends on."""
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:  # noqa: B027
        """Restore the state that `state_dict` returned."""
