"""CUDA graphs: the kernels of a function, recorded once and started all at once."""

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
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

    def release(self) -> None:
        """Return memory that the warm-up used."""
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

    def warm_up(self, function: Callable[[], Tensor]) -> Tensor:
        """Return the result of `function`, called on the stream of the capture."""
        stream = capture_stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = function()
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def capture(self, function: Callable[[], Tensor], rng: Generator | None = None) -> Tensor:
        """Record `function`, which draws from `rng`; return the tensor of its results."""
        if rng is not None:
            # newer versions of torch do it themselves, and warn
            with warnings.catch_warnings(), suppress(AttributeError):
                warnings.simplefilter("ignore")
                self.graph.register_generator_state(rng)
        pool = self.owner.graph.pool() if self.owner else None
        with torch.cuda.graph(self.graph, pool=pool, stream=capture_stream()):
            return function()

    def replay(self) -> None:
        """Repeat the operations."""
        self.graph.replay()

    def release(self) -> None:
        """Return memory that the warm-up used to the GPU: other streams cannot use it."""
        torch.cuda.empty_cache()

    def is_faster(self, replay: Callable[[], object], function: Callable[[], object]) -> bool:
        """Return whether `replay` takes less time than `function`; each is called a few times."""
        return seconds_of(replay) < seconds_of(function)


@cache
def capture_stream() -> torch.cuda.Stream:
    """Return the stream of all captures of the process: cuBLAS keeps memory for each stream."""
    return torch.cuda.Stream()


def seconds_of(function: Callable[[], object]) -> float:
    """Return the seconds of a few calls, until the GPU has finished."""
    function()  # the first call chooses kernels, or loads the graph
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(TIMED_CALLS):
        function()
    torch.cuda.synchronize()
    return time.perf_counter() - start
