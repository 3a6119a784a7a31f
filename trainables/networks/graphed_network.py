"""A network in eval mode as CUDA graphs, for the attacks of validation and evaluation.

These attacks drop images that are misclassified, so that batches have many sizes. Each batch is
padded to the next of a few sizes, for which forward and backward pass are captured when they first
occur. Sizes for which the graph is not faster are run as usual, for example large batches of large
networks, where padding costs more than starting kernels.
"""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainables.networks.cuda_graph import CudaGraph, Graph
from trainables.networks.host_sync import HostSyncDetector

MIN_SIZE = 8
"""Smallest captured batch."""
WARM_UPS = 3
"""Calls before a capture, in which torch allocates and chooses kernels."""

NewGraph = Callable[[Graph | None], Graph]
"""Returns a graph that shares the memory of another one."""
PassKey = tuple[tuple[int, ...], torch.dtype, str, bool]
"""Shape and type of a batch, the precision of fp32 products, whether gradients are enabled."""


class GraphedNetwork(nn.Module):
    """Runs a frozen network in eval mode as graphs; numbers are those of padded batches.

    The network, which owns this object, is referred to weakly: a cycle would keep GPU memory until
    Python's garbage collection.
    """

    def __init__(self, network: nn.Module, new_graph: NewGraph = CudaGraph) -> None:
        super().__init__()
        self.source = weakref.ref(network)
        self.new_graph = new_graph
        self.passes: dict[PassKey, Passes | None] = {}
        self.pool: Graph | None = None
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, K) of images (N, C, H, W)."""
        if not len(x):
            return self.run_network(x)
        shape, precision = (padded_size(len(x)), *x.shape[1:]), torch.get_float32_matmul_precision()
        key = shape, x.dtype, precision, torch.is_grad_enabled()
        if key not in self.passes:
            self.passes[key] = self.capture(x, shape)
        passes = self.passes[key]
        if passes is None:
            return self.run_network(x)
        logits: Tensor = ReplayedPasses.apply(x, self, passes)
        return logits

    def run_network(self, x: Tensor) -> Tensor:
        """Return the logits (N, K) without a graph."""
        network = self.source()
        assert network is not None
        logits: Tensor = network(x)
        return logits

    def capture(self, x: Tensor, shape: tuple[int, ...]) -> "Passes | None":
        """Return the captured passes of a shape; `None`: impossible, or not faster."""
        try:
            passes = Passes(self.run_network, x, shape, self.new_graph, self.pool)
        except RuntimeError:  # torch's, also if memory runs out
            return None
        if not passes.is_faster(self.run_network, x):
            return None
        self.pool = passes.forward_graph
        return passes


def padded_size(n: int) -> int:
    """Return the smallest 2^k or 1.5 * 2^k that is at least `n` and `MIN_SIZE`.

    >>> [padded_size(n) for n in (1, 8, 9, 13, 130, 250)]
    [8, 8, 12, 16, 192, 256]
    """
    size = MIN_SIZE
    while size < n:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


class Passes:
    """The forward pass for one batch size and, where gradients are enabled, the backward pass."""

    def __init__(
        self,
        run_network: Callable[[Tensor], Tensor],
        x: Tensor,
        shape: tuple[int, ...],
        new_graph: NewGraph,
        pool: Graph | None,
    ) -> None:
        self.has_backward = torch.is_grad_enabled()
        self.x = x.new_zeros(shape).contiguous(memory_format=torch.channels_last)
        self.x[: len(x)] = x.detach()
        self.x.requires_grad_(self.has_backward)
        self.forward_graph = new_graph(pool)
        self.backward_graph = new_graph(self.forward_graph)
        forward = partial(run_network, self.x)
        self.grad_logits = torch.ones_like(forward())
        for _ in range(WARM_UPS):
            with HostSyncDetector(x.device) as detector:
                output = self.forward_graph.warm_up(forward)
                if self.has_backward:
                    self.backward_graph.warm_up(partial(self.differentiate, output))
            if detector.found:
                raise RuntimeError(f"the host waits for {detector.found[0]}")
        self.logits = self.forward_graph.capture(forward)
        if self.has_backward:
            self.grad_x = self.backward_graph.capture(partial(self.differentiate, self.logits))

    def differentiate(self, logits: Tensor) -> Tensor:
        """Return the gradient at the batch for the gradient at its logits."""
        (grad,) = torch.autograd.grad(logits, self.x, self.grad_logits)
        return grad

    def run_forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, K) of N images."""
        with torch.no_grad():
            self.x[: len(x)] = x
        self.forward_graph.replay()
        return self.logits.detach()[: len(x)].clone()

    def run_backward(self, grad_logits: Tensor) -> Tensor:
        """Return the gradient at the N images of the last forward pass."""
        n = len(grad_logits)
        self.grad_logits[:n] = grad_logits
        self.grad_logits[n:] = 0
        self.backward_graph.replay()
        return self.grad_x[:n].clone()

    def is_faster(self, run_network: Callable[[Tensor], Tensor], x: Tensor) -> bool:
        """Return whether the passes are faster than those of the network, for one batch."""
        ones = self.grad_logits[: len(x)].clone()

        def replay() -> None:
            self.run_forward(x.detach())
            if self.has_backward:
                self.run_backward(ones)

        def run() -> None:
            images = x.detach().requires_grad_(self.has_backward)
            logits = run_network(images)
            if self.has_backward:
                torch.autograd.grad(logits, images, ones)

        return self.forward_graph.is_faster(replay, run)


class ReplayedPasses(torch.autograd.Function):
    """Lets torch differentiate replayed passes, once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, owner: GraphedNetwork, passes: Passes) -> Tensor:  # noqa: ANN401
        """Return the logits."""
        ctx.owner, ctx.passes = owner, passes
        ctx.save_for_backward(x)
        owner.calls += 1  # the passes of all sizes share their memory
        ctx.call = owner.calls
        return passes.run_forward(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_logits: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        """Return the gradient at the images; another forward pass since then is repeated first."""
        if ctx.call != ctx.owner.calls:
            (x,) = ctx.saved_tensors
            ctx.owner.calls += 1
            ctx.passes.run_forward(x)
        return ctx.passes.run_backward(grad_logits), None, None
