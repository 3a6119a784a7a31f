"""Start Ray in the background while a study is still checked: both take seconds."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import ray

from tuner.config.settings import Settings, count_cores
from tuner.runtime.cluster.local_start import start_here

GPU_DEVICES = ("nvidia[0-9]*", "kfd", "dxg")
"""Patterns of the device files of GPUs: NVIDIA, AMD, and Windows' in WSL."""
WAITING: ContextVar[Callable[[], None] | None] = ContextVar("WAITING", default=None)
"""What waits for the Ray that is starting; `None`: none is."""
ENDING: list[Future[None]] = []
"""Shutdowns in the background; a process may run another study after a failed one."""


@contextmanager
def starting_ray(settings: Settings) -> Iterator[Callable[[], None] | None]:
    """Start Ray on this machine in the background; it is shut down if the body raises.

    Inside another such context, which has started Ray, nothing happens.

    Yields:
        What waits for its start, and raises what the start raised; `None`: it was not started,
        because it may not be before the body has run.
    """
    if started_before := WAITING.get():
        yield started_before
        return
    wait_for_shutdowns()
    if not may_start_early(settings):
        yield None
        return
    # the thread must live as long as Ray: Linux ends Ray's processes with the thread that made them
    thread = ThreadPoolExecutor(1, "ray")
    started = thread.submit(start_here, settings, float(count_cores()), 0.0)
    token = WAITING.set(started.result)
    try:
        yield started.result
    except BaseException:
        # in the background, so that the error is printed at once
        ENDING.append(thread.submit(ray.shutdown))
        raise
    finally:
        WAITING.reset(token)
        thread.shutdown(wait=False)


def wait_for_shutdowns() -> None:
    """Wait until each Ray that was started for a study that failed has ended."""
    while ENDING:
        with suppress(Exception):  # whatever it was, that Ray is gone
            ENDING.pop().result()


def may_start_early(settings: Settings) -> bool:
    """Return whether Ray may start before a study is checked.

    Not on a machine with GPUs: NVIDIA's MPS must start before Ray, and the speed of trials that
    share a GPU is measured undisturbed.
    """
    return (
        settings.address is None
        and not (settings.dry_run or settings.replay or settings.gpu)
        and not ray.is_initialized()
        and sys.platform in {"linux", "darwin"}
        and not any(file for pattern in GPU_DEVICES for file in Path("/dev").glob(pattern))
    )
