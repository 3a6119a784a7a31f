"""Watch the head node of a Ray cluster; save the results before Ray kills a driver without one."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

HEAD_TIMEOUT = 40.0
"""Seconds to wait for a silent head. After 60, Ray kills this process without results."""
POLL_SECONDS = 1.0
"""Seconds between two probes."""
CONNECT_TIMEOUT = 5.0
"""Seconds until a connection attempt fails."""


@contextmanager
def watch_head(warn: Callable[[str], None], on_lost: Callable[[str], int]) -> Iterator[None]:
    """Watch the head inside this context; end the process if the head stays silent.

    This runs in a thread, because the main thread may block in a call to Ray.

    Args:
        warn: Called when the head does not answer.
        on_lost: Called with the reason; saves the results and returns the exit status.
    """
    stop_event = threading.Event()
    head = ray.get_runtime_context().gcs_address

    def monitor() -> None:
        if wait_until_lost(head, stop_event, warn):
            status = on_lost(f"the head node of the Ray cluster, {head}, is gone")
            sys.stdout.flush()
            os._exit(status)

    thread = threading.Thread(target=monitor, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop_event.set()
        thread.join()


def wait_until_lost(head: str, stop_event: threading.Event, warn: Callable[[str], None]) -> bool:
    """Wait until the head is silent for too long (`True`) or `stop_event` is set (`False`).

    Args:
        head: Its address, HOST:PORT.
        stop_event: Set when the study is over.
        warn: Called when it falls silent.
    """
    last_answer = time.monotonic()
    has_warned = False
    while not stop_event.wait(POLL_SECONDS):
        try:
            probe_port(head)
        except OSError as error:
            if not has_warned:
                why = os.strerror(error.errno) if error.errno else error
                warn(f"the head node of the Ray cluster, {head}, does not answer ({why}).")
            has_warned = True
            if time.monotonic() - last_answer > HEAD_TIMEOUT:
                return True
        else:
            last_answer, has_warned = time.monotonic(), False
    return False


def probe_port(address: str) -> None:
    """Connect to HOST:PORT once.

    Raises:
        OSError: If no process listens there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT).close()
