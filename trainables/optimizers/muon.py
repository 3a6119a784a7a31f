"""Muon for matrices and convolutions, AdamW for the rest (Liu et al., 2025, arXiv:2502.16982).

Muon (Keller Jordan et al., 2024) makes the momentum of each matrix orthogonal. A convolution is a
matrix with a row for each output channel. Norms, biases and the last layer are trained by AdamW, as
the authors advise.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from trainables.hparams.ranges import Count, FractionBelowOne, NonNegative, Positive

Group = dict[str, object]
CAPTURABLE = False
"""It counts steps on the host, which a CUDA graph would not repeat."""


class MuonWithAdamW(torch.optim.Optimizer):
    """torch's Muon, which takes matrices only, and its AdamW for all other parameters.

    The two share one learning rate: Muon's steps are scaled to the size of AdamW's.

    Args:
        matrices: Groups of parameters of two dimensions or more.
        others: Groups of other parameters.
        muon: Returns the optimizer of groups of matrices.
        adamw: Returns the optimizer of other parameters.
    """

    def __init__(
        self,
        matrices: list[Group],
        others: list[Group],
        *,
        muon: Callable[[list[Group]], torch.optim.Optimizer],
        adamw: Callable[[list[Group]], torch.optim.Optimizer],
    ) -> None:
        super().__init__([*matrices, *others], {})
        self.kernels: list[Parameter] = [p for group in matrices for p in list_parameters(group)]
        self.flat = [Parameter(p.detach().flatten(1).clone()) for p in self.kernels]
        flat = iter(self.flat)
        flattened: list[Group] = [
            {**group, "params": [next(flat) for _ in list_parameters(group)]} for group in matrices
        ]
        self.parts = [build(some) for build, some in ((muon, flattened), (adamw, others)) if some]
        for inner, own in self.pair_groups():
            own |= settings_of(inner)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step.

        Args:
            closure: Not supported; must be `None`.
        """
        assert closure is None
        for flat, kernel in zip(self.flat, self.kernels, strict=True):
            flat.copy_(kernel.flatten(1))
            flat.grad = None if kernel.grad is None else kernel.grad.flatten(1)
        for inner, own in self.pair_groups():
            inner |= settings_of(own)
        for part in self.parts:
            part.step()
        for flat, kernel in zip(self.flat, self.kernels, strict=True):
            kernel.copy_(flat.view(kernel.shape))
        for part, parameter, kept in self.list_states():
            self.state[kept] = part.state[parameter]

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """Restore the state that `state_dict` returned."""
        super().load_state_dict(state_dict)
        for part, parameter, kept in self.list_states():
            if kept in self.state:
                part.state[parameter] = self.state[kept]

    def pair_groups(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return each group of the two optimizers with the group here that it stands for."""
        inner = [group for part in self.parts for group in part.param_groups]
        return list(zip(inner, self.param_groups, strict=True))

    def list_states(self) -> list[tuple[torch.optim.Optimizer, Tensor, Tensor]]:
        """Return each parameter: the optimizer that moves it, and what it is there and here."""
        there = [
            (part, p) for part in self.parts for group in part.param_groups for p in group["params"]
        ]
        here = [p for group in self.param_groups for p in group["params"]]
        return [(part, p, own) for (part, p), own in zip(there, here, strict=True)]


def build(
    parameters: Iterable[Parameter] | Iterable[dict[str, object]],
    *,
    lr: Positive = 1e-3,
    momentum: FractionBelowOne = 0.95,
    nesterov: bool = True,
    orthogonalization_steps: Count = 5,
    beta1: FractionBelowOne = 0.9,
    beta2: FractionBelowOne = 0.999,
    weight_decay: NonNegative = 0.1,
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: The parameters to optimise, or groups of them, in the order of the network.
        lr: Peak learning rate of both; the schedule multiplies it. A step of Muon is as long as one
            of AdamW with this rate: 0.2 lr in the root mean square over a matrix.
        momentum: Decay rate of Muon's momentum.
        nesterov: Whether Muon's momentum is Nesterov's.
        orthogonalization_steps: Newton-Schulz iterations that make the momentum orthogonal.
        beta1: Decay rate of the average gradient of AdamW.
        beta2: Decay rate of the average squared gradient of AdamW.
        weight_decay: Decoupled decay: each step subtracts lr * weight_decay * weight.
    """
    matrices, others = split_matrices(as_groups(parameters))
    return MuonWithAdamW(
        matrices,
        others,
        muon=partial(
            torch.optim.Muon,
            lr=lr,
            momentum=momentum,
            nesterov=nesterov,
            ns_steps=orthogonalization_steps,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        adamw=partial(
            torch.optim.AdamW, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, fused=True
        ),
    )


def as_groups(parameters: Iterable[Parameter] | Iterable[Group]) -> list[Group]:
    """Return groups of parameters; parameters alone are one group."""
    items: list[Parameter | Group] = list(parameters)
    groups = [item for item in items if isinstance(item, dict)]
    return groups or [{"params": items}]


def settings_of(group: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a group, without its parameters."""
    return {name: value for name, value in group.items() if name != "params"}


def list_parameters(group: Group) -> list[Parameter]:
    """Return the parameters of a group."""
    parameters = group["params"]
    assert isinstance(parameters, list)
    return parameters


def split_matrices(groups: list[Group]) -> tuple[list[Group], list[Group]]:
    """Return the groups of matrices but the last one, and those of all other parameters."""
    matrices = [p for group in groups for p in list_parameters(group) if p.dim() >= 2]
    chosen = {id(p) for p in matrices[:-1]}
    both: tuple[list[Group], list[Group]] = [], []
    for part, is_matrix in zip(both, (True, False), strict=True):
        for group in groups:
            params = [p for p in list_parameters(group) if (id(p) in chosen) == is_matrix]
            if params:
                part.append({**group, "params": params})
    return both


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if a second network is trained, whose last layer would hide the first's."""
    if config.get("teacher", {}).get("name") == "trained":
        yield (
            "optimizer: muon leaves the last layer of one network to AdamW; with teacher=trained "
            "there are two, so write another optimizer=."
        )
