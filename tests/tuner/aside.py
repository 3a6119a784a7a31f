"""The command in a process of its own, forked from one that has imported everything already."""

import multiprocessing
import os
import sys

import ray

from tuner.cluster import QUIET
from tuner.loopback import loopback
from tuner.search import main


def started(*words, alone=False):
    """Start the command; return its process.

    Args:
        words: What is typed behind `python -m tuner.search`.
        alone: Whether it starts a Ray of its own, rather than join that of the tests.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    address = None if alone else ray.get_runtime_context().gcs_address
    process = processes.Process(target=run, args=(address, words))
    process.start()
    return process


def run(address, words):
    """Run the command in silence."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(silence, stream.fileno())
    if address:
        with loopback():
            ray.init(address=address, **QUIET)
    sys.exit(main(list(words)))
