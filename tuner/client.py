"""A search sent to a cluster over Ray Client, whose lines come back."""

import codecs
import time
from collections.abc import Sequence
from typing import Any

import ray
from ray._common.constants import HEAD_NODE_RESOURCE_NAME
from ray.exceptions import RayError
from rich.console import Console

from tuner.cluster import begin, reason
from tuner.command import FAILED
from tuner.errand import Errand, pickled
from tuner.interrupt import noted
from tuner.plan import Plan
from tuner.pursue import pursue, silence
from tuner.shipping import own_files
from tuner.terminal import Terminal

PAUSE = 0.5
"""Seconds between two questions."""
BY_THE_HEAD: dict[str, Any] = {"num_cpus": 0, "resources": {HEAD_NODE_RESOURCE_NAME: 0.001}}
ENDS = (
    "If it still runs there, it ends within half a minute and leaves its results; the same command "
    "with resume=auto goes on."
)


def carry_out(plan: Plan, typed: Sequence[str], console: Console) -> int:
    """Carry a plan out here or where its address says; return the exit status.

    Args:
        plan: Of a command without mistakes.
        typed: The command.
        console: Where to tell of it.

    Raises:
        InputError: If it cannot be carried out.
    """
    return (send if plan.settings.afar else pursue)(plan, typed, console)


def send(plan: Plan, typed: Sequence[str], console: Console) -> int:
    """Have a plan carried out beside the head of a cluster; return the exit status.

    Args:
        plan: Of a command without mistakes.
        typed: The command.
        console: Where to repeat what is said there.

    Raises:
        InputError: If there is no such cluster.
    """
    settings = plan.settings
    silence()
    begin(settings, own_files(plan))
    silence()  # again, for connecting undoes it
    console.print(f"Runs at {settings.address}; results: {settings.results} there.", soft_wrap=True)
    try:
        errand = ray.remote(**BY_THE_HEAD)(Errand)
        return follow(errand.remote(pickled(plan), typed, console.width), console)
    except (ConnectionError, RayError) as error:
        lost = f"the search at {settings.address} is lost ({reason(error)})"
        console.print(f"Ended early: {lost}. {ENDS}", soft_wrap=True)
        return FAILED
    finally:
        ray.shutdown()


def follow(errand: Any, console: Console) -> int:  # noqa: ANN401
    """Repeat what an errand prints until it is over; return the exit status."""
    consoles = console, Terminal(stderr=True)
    decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in consoles]
    passed_on = False
    with noted() as interrupted:
        while True:
            if interrupted.is_set() and not passed_on:
                ray.get(errand.interrupt.remote())
                passed_on = True
            *printed, status = ray.get(errand.news.remote())
            for where, decoder, text in zip(consoles, decoders, printed, strict=True):
                where.print(decoder.decode(text), end="", soft_wrap=True)
            if status is not None:
                return int(status)
            time.sleep(PAUSE)
