"""The head node of Ray's cluster: without it nothing goes on, and Ray soon ends its drivers."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

PATIENCE = 40.0
"""Seconds to wait for a head that is silent. After 60 Ray ends this process, with no results."""
PAUSE = 1.0
"""Seconds between two looks."""
ANSWER = 5.0
"""Seconds for a connection to a machine that may not be there."""


@contextmanager
def lifeline(tell: Callable[[str], None], end: Callable[[str], int]) -> Iterator[None]:
    """Watch the head while inside, and end the process if it stays away.

    In a thread, and at once: the main thread waits for an answer where nothing interrupts it.

    Args:
        tell: Called when the head does not answer.
        end: Called with what has happened; leaves the results and returns the exit status.
    """
    over = threading.Event()
    head = ray.get_runtime_context().gcs_address

    def follow() -> None:
        if silent(head, over, tell):
            status = end(f"the head node of the Ray cluster, {head}, is gone")
            sys.stdout.flush()
            os._exit(status)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def silent(head: str, over: threading.Event, tell: Callable[[str], None]) -> bool:
    """Return, when a head has been silent for too long or all is over, whether it has.

    Args:
        head: Its address, HOST:PORT.
        over: Set when nobody wants to know any more.
        tell: Called when it falls silent.
    """
    heard = time.monotonic()
    told = False
    while not over.wait(PAUSE):
        try:
            knock(head)
        except OSError as error:
            if not told:
                why = os.strerror(error.errno) if error.errno else error
                tell(f"the head node of the Ray cluster, {head}, does not answer ({why}).")
            told = True
            if time.monotonic() - heard > PATIENCE:
                return True
        else:
            heard, told = time.monotonic(), False
    return False


def knock(address: str) -> None:
    """See that somebody listens at HOST:PORT.

    Raises:
        OSError: If nobody does.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
