"""How busy the GPUs of this machine are, from `nvidia-smi`."""

import csv
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean

POLL_SECONDS = 5.0
COMMAND = (
    "nvidia-smi",
    "--query-gpu=utilization.gpu,memory.used,memory.total",
    "--format=csv,noheader,nounits",
)


@dataclass(frozen=True)
class GpuUsage:
    """Load of the GPUs of this machine.

    Attributes:
        number: Number of GPUs.
        busy: Share of the last second in which a kernel ran, in percent, averaged over the GPUs.
        used: Memory in use, in MiB, of all GPUs.
        total: Memory of all GPUs, in MiB.
    """

    number: int
    busy: float
    used: float
    total: float

    def __str__(self) -> str:
        """Return the load in words.

        >>> str(GpuUsage(1, 97.0, 40_960, 81_559))
        'GPU 97 % busy, 40 of 80 GiB'
        """
        name = "GPU" if self.number == 1 else f"{self.number} GPUs"
        used, total = self.used / 1024, self.total / 1024
        return f"{name} {self.busy:.0f} % busy, {used:.0f} of {total:.0f} GiB"


def parse_usage(text: str) -> GpuUsage | None:
    r"""Return the load from the output of `COMMAND`; `None`: a GPU does not report it.

    >>> parse_usage("97, 1024, 2048\n3, 0, 2048\n")
    GpuUsage(number=2, busy=50.0, used=1024.0, total=4096.0)
    >>> parse_usage("[N/A], 1024, 2048\n") is None
    True
    """
    try:
        rows = [tuple(map(float, row)) for row in csv.reader(text.splitlines()) if row]
        busy, used, total = zip(*rows, strict=True)
    except ValueError:
        return None
    return GpuUsage(len(rows), fmean(busy), sum(used), sum(total))


def read_usage() -> GpuUsage | None:
    """Return the current load of the GPUs that this process may use; `None`: unknown."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = [*COMMAND, *([f"--id={visible}"] if visible else [])]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=POLL_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_usage(done.stdout)


@contextmanager
def watch_gpus(*, wanted: bool) -> Iterator[Callable[[], GpuUsage | None]]:
    """Read the load of the GPUs in the background; yield what returns the newest.

    Args:
        wanted: Whether trials use GPUs of this machine.
    """
    if not wanted or shutil.which(COMMAND[0]) is None:
        yield lambda: None
        return
    newest: list[GpuUsage | None] = [None]
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            newest[0] = read_usage()
            done.wait(POLL_SECONDS)

    thread = threading.Thread(target=poll, name="gpu usage", daemon=True)
    thread.start()
    try:
        yield lambda: newest[0]
    finally:
        done.set()
