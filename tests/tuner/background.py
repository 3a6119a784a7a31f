"""Run the command in a separate process, forked from one that has imported everything already."""

import multiprocessing
import os
import signal
import sys
from itertools import count

import ray

from tuner.runtime.cluster.local_start import RAY_INIT_OPTIONS, listen_on_loopback
from tuner.search import main
from tuner.storage.event_log import EventLog


def start_search(*words, own_ray=False, kill_at_event=None):
    """Start the command; return its process.

    Args:
        words: What is typed behind `python -m tuner.search`.
        own_ray: Whether it starts its own Ray instead of joining that of the tests.
        kill_at_event: The event behind which the process kills itself; `None`: it does not.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    address = None if own_ray else ray.get_runtime_context().gcs_address
    process = processes.Process(target=run_search, args=(address, words, kill_at_event))
    process.start()
    return process


def kill_behind_event(number):
    """Kill this process as soon as it has logged so many events of its study."""
    numbers, append = count(1), EventLog.append_line

    def append_and_die(*args):
        append(*args)
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    EventLog.append_line = append_and_die


def run_search(address, words, kill_at_event):
    """Run the command in silence."""
    if kill_at_event:
        kill_behind_event(kill_at_event)
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())
    if address:
        with listen_on_loopback():
            ray.init(address=address, **RAY_INIT_OPTIONS)
    sys.exit(main(list(words)))
