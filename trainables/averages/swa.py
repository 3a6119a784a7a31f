"""Stochastic weight averaging (Izmailov et al., 2018, arXiv:1803.05407).

The plain mean of the networks from a point of the run on. Chen et al. (2021, openreview:qZzy5urZw9)
apply it to adversarial training from the first drop of the learning rate on, against robust
overfitting. Both recompute BatchNorm's statistics for the averaged weights with a pass over the
clean training images.
"""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_swa_avg_fn, update_bn

from trainables.hparams.ranges import FractionBelowOne
from trainables.networks.averaging import Average

Every = Literal["epoch", "step"]
ROUNDING = 1e-9
"""Of a share times a number of steps, which may be whole."""


class Swa(Average):
    """Averages the weights of the network with equal weights.

    Until the end of the epoch in which averaging starts, the network in training is validated.

    Attributes:
        first: Number of the first step that is averaged, from 1.
        every: Whether the network after each step or after each epoch is averaged.
        recomputes: Whether BatchNorm's statistics are recomputed; else they are averaged.
        steps: Steps so far.
        is_ready: Whether the statistics fit the averaged weights.
    """

    def __init__(self, model: nn.Module, *, first: int, every: Every, recomputes: bool) -> None:
        self.model, self.first, self.every, self.recomputes = model, first, every, recomputes
        # torch's averages of many tensors at once, its default on GPUs, refuse BatchNorm's counters
        self.averaged_model = AveragedModel(
            model, avg_fn=None if recomputes else get_swa_avg_fn(), use_buffers=not recomputes
        )
        self.steps, self.is_ready = 0, False

    def evaluation_model(self) -> nn.Module:
        """Return the network with the averaged weights, or the network in training before."""
        averaged: nn.Module = self.averaged_model.module
        return averaged if self.is_ready else self.model

    def on_step(self) -> None:
        """Average the weights, if they are due."""
        self.steps += 1
        if self.every == "step" and self.steps >= self.first:
            self.averaged_model.update_parameters(self.model)

    def on_epoch_end(self, images: Iterable[Tensor]) -> None:
        """Average the weights, if they are due, and recompute BatchNorm's statistics.

        Args:
            images: Batches of the training images (N, C, H, W) in [0, 1].
        """
        if self.steps < self.first:
            return
        if self.every == "epoch":
            self.averaged_model.update_parameters(self.model)
        if self.recomputes:
            update_bn(images, self.averaged_model.module)
        self.is_ready = True

    def state_dict(self) -> dict[str, object]:
        """Return the averages and what counts steps."""
        state = dict(self.averaged_model.state_dict())
        return {"averages": state, "steps": self.steps, "is_ready": self.is_ready}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the averages."""
        averages, steps = state["averages"], state["steps"]
        assert isinstance(averages, dict)
        assert isinstance(steps, int)
        self.averaged_model.load_state_dict(averages)
        self.steps, self.is_ready = steps, bool(state["is_ready"])


def build(
    model: nn.Module,
    *,
    run_steps: int,
    start: FractionBelowOne = 0.75,
    every: Every = "epoch",
    statistics: Literal["recomputed", "averaged"] = "recomputed",
) -> Average:
    """Return the average.

    Args:
        model: The network in training.
        run_steps: Optimizer steps of the whole run.
        start: Share of the run before the first network that is averaged; 0.75 in most experiments
            of Izmailov et al., whose schedule is constant from there on.
        every: Whether the network after each epoch is averaged, as in the published code, or after
            each step, which suits short runs.
        statistics: BatchNorm's running statistics. "recomputed": means over a pass of the clean,
            augmented training images in train mode, after each epoch, as in the published code;
            "averaged": means of those of the averaged networks, which takes no time.
    """
    first = int(start * run_steps + ROUNDING) + 1
    return Swa(model, first=first, every=every, recomputes=statistics == "recomputed")
