"""The head node of Ray's cluster: without it nothing goes on, and Ray soon ends its drivers."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

HEAD_TIMEOUT = 40.0
"""Seconds to wait for a head that is silent. After 60 Ray ends this process, with no results."""
POLL_SECONDS = 1.0
"""Seconds between two looks."""
CONNECT_TIMEOUT = 5.0
"""Seconds for a connection to a machine that may not be there."""


@contextmanager
def watch_head(warn: Callable[[str], None], on_lost: Callable[[str], int]) -> Iterator[None]:
    """Watch the head while inside, and end the process if it stays away.

    In a thread, and at once: the main thread waits for an answer where nothing interrupts it.

    Args:
        warn: Called when the head does not answer.
        on_lost: Called with what has happened; leaves the results and returns the exit status.
    """
    over = threading.Event()
    head = ray.get_runtime_context().gcs_address

    def follow() -> None:
        if wait_until_lost(head, over, warn):
            status = on_lost(f"the head node of the Ray cluster, {head}, is gone")
            sys.stdout.flush()
            os._exit(status)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait_until_lost(head: str, stop_event: threading.Event, warn: Callable[[str], None]) -> bool:
    """Return, when a head has been silent for too long or all is over, whether it has.

    Args:
        head: Its address, HOST:PORT.
        stop_event: Set when nobody wants to know any more.
        warn: Called when it falls silent.
    """
    heard = time.monotonic()
    told = False
    while not stop_event.wait(POLL_SECONDS):
        try:
            probe_port(head)
        except OSError as error:
            if not told:
                why = os.strerror(error.errno) if error.errno else error
                warn(f"the head node of the Ray cluster, {head}, does not answer ({why}).")
            told = True
            if time.monotonic() - heard > HEAD_TIMEOUT:
                return True
        else:
            heard, told = time.monotonic(), False
    return False


def probe_port(address: str) -> None:
    """See that somebody listens at HOST:PORT.

    Raises:
        OSError: If nobody does.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT).close()
