"""CUDA graphs: the kernels of a function, recorded once and started all at once."""

import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Generator, Tensor

TIMED_CALLS = 3
"""Calls that are timed to decide whether a graph is faster."""


class Graph(Protocol):
    """Records a function's operations and repeats them on the same tensors."""

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """Return the result of `function`, called where the capture will be."""
        ...

    def capture(self, function: Callable[[], Tensor], rng: Generator | None = None) -> Tensor:
        """Record `function`, which draws from `rng`; return the tensor of its results."""
        ...

    def replay(self) -> None:
        """Repeat the operations."""
        ...

    def is_faster(self, replay: Callable[[], object], function: Callable[[], object]) -> bool:
        """Return whether `replay` takes less time than `function`."""
        ...


class CudaGraph:
    """A CUDA graph.

    Args:
        pool: Graph that shares its memory; the two must not run at the same time.
    """

    def __init__(self, pool: Graph | None = None) -> None:
        self.graph = torch.cuda.CUDAGraph()
        self.owner = pool if isinstance(pool, CudaGraph) else None
        self.stream: torch.cuda.Stream = self.owner.stream if self.owner else torch.cuda.Stream()

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """Return the result of `function`, called on the stream of the capture."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            result = function()
        torch.cuda.current_stream().wait_stream(self.stream)
        return result

    def capture(self, function: Callable[[], Tensor], rng: Generator | None = None) -> Tensor:
        """Record `function`, which draws from `rng`; return the tensor of its results."""
        if rng is not None:
            self.graph.register_generator_state(rng)
        pool = self.owner.graph.pool() if self.owner else None
        with torch.cuda.graph(self.graph, pool=pool, stream=self.stream):
            return function()

    def replay(self) -> None:
        """Repeat the operations."""
        self.graph.replay()

    def is_faster(self, replay: Callable[[], object], function: Callable[[], object]) -> bool:
        """Return whether `replay` takes less time than `function`; each is called a few times."""
        return seconds_of(replay) < seconds_of(function)


def seconds_of(function: Callable[[], object]) -> float:
    """Return the seconds of a few calls, until the GPU has finished."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(TIMED_CALLS):
        function()
    torch.cuda.synchronize()
    return time.perf_counter() - start
