"""Run the command in a separate process, forked from one that has imported everything already."""

import multiprocessing
import os
import sys

import ray

from tuner.runtime.cluster.session import RAY_INIT_OPTIONS, listen_on_loopback
from tuner.search import main


def start_search(*words, own_ray=False):
    """Start the command; return its process.

    Args:
        words: What is typed behind `python -m tuner.search`.
        own_ray: Whether it starts its own Ray instead of joining that of the tests.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    address = None if own_ray else ray.get_runtime_context().gcs_address
    process = processes.Process(target=run_search, args=(address, words))
    process.start()
    return process


def run_search(address, words):
    """Run the command in silence."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())
    if address:
        with listen_on_loopback():
            ray.init(address=address, **RAY_INIT_OPTIONS)
    sys.exit(main(list(words)))
