"""What differs between a GPU and the CPU: waiting, memory, capture, names, peaks of speed."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

TERA = 1e12
PEAK_FLOPS = {
    # dense products, from the data sheets: bf16, TF32
    "H200": (989.0 * TERA, 494.5 * TERA),
    "H100 PCIe": (756.0 * TERA, 378.0 * TERA),
    "H100 NVL": (835.0 * TERA, 417.5 * TERA),
    "H100": (989.0 * TERA, 494.5 * TERA),
    "A100": (312.0 * TERA, 156.0 * TERA),
}
"""Part of a card's name to its operations a second; the first that is contained counts."""


WAIT = "called a synchronizing"
"""Part of torch's warning of an operation that makes the host wait."""


class KernelSettings(NamedTuple):
    """The settings of the process that decide which kernels run.

    Attributes:
        matmul: Precision of matrix products, in torch's words.
        tf32: Whether cuDNN may use TF32.
        benchmark: Whether cuDNN times its kernels.
        deterministic_cudnn: Whether cuDNN uses deterministic kernels only.
        deterministic: Whether torch does.
    """

    matmul: str
    tf32: bool
    benchmark: bool
    deterministic_cudnn: bool
    deterministic: bool

    @classmethod
    def read(cls) -> "KernelSettings":
        """Return the current settings."""
        cudnn = torch.backends.cudnn
        return cls(
            torch.get_float32_matmul_precision(),
            cudnn.allow_tf32,
            cudnn.benchmark,
            cudnn.deterministic,
            torch.are_deterministic_algorithms_enabled(),
        )

    def apply(self) -> None:
        """Make these the current settings."""
        torch.set_float32_matmul_precision(self.matmul)
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.benchmark = self.benchmark
        torch.backends.cudnn.deterministic = self.deterministic_cudnn
        torch.use_deterministic_algorithms(self.deterministic)


TORCH_DEFAULTS = KernelSettings("highest", True, False, False, False)
"""The settings of a process that changes none."""


def describe_device(device: str) -> str:
    """Return the name of the device."""
    return torch.cuda.get_device_name(0) if device == "cuda" else "cpu"


def find_peak_flops(name: str) -> tuple[float, float] | None:
    """Return operations a second of a card in bf16 and TF32; `None`: not in the table.

    >>> find_peak_flops("NVIDIA A100-SXM4-80GB")
    (312000000000000.0, 156000000000000.0)
    """
    return next((peak for part, peak in PEAK_FLOPS.items() if part in name), None)


def synchronize(device: str) -> None:
    """Wait until the device has finished."""
    if device == "cuda":
        torch.cuda.synchronize()


def release_memory(device: str) -> None:
    """Free what is no longer used, so that it does not count for what follows."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def allocated_bytes(device: str) -> int:
    """Return the bytes of all tensors now; 0 on the CPU."""
    return torch.cuda.memory_allocated() if device == "cuda" else 0


def reset_peak_memory(device: str) -> None:
    """Begin to record the peak of memory anew."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory(device: str) -> tuple[int, int]:
    """Return peak bytes of tensors and of what torch reserved; 0 on the CPU."""
    if device != "cuda":
        return 0, 0
    return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def capture(step: Callable[[], object], device: str) -> Callable[[], object]:
    """Return `step` as a CUDA graph; on the CPU, as it is."""
    if device != "cuda":
        return step
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


@contextmanager
def record_synchronizations(device: str) -> Iterator[list[str]]:
    """Collect torch's warnings of operations inside the block that make the host wait."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            if device == "cuda":
                torch.cuda.set_sync_debug_mode("default")
    found += [str(each.message) for each in caught if WAIT in str(each.message)]
