"""Whole studies without Ray: simulated trials on a simulated clock, killed at any write."""

import io
import math
import os
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from tests.oracles import make_report
from trainables.io.retry import Retry
from tuner.cli.console import SafeConsole
from tuner.config.compose import compose_plan
from tuner.runtime import preparation
from tuner.runtime.execute import start_study
from tuner.runtime.simulation import SimulatedRuntime, no_fault
from tuner.search import parse_search_arguments
from tuner.storage.results_store import LocalStore

BEST_WEIGHT_DECAY = 5e-4
TIMES = ["seconds", "exam_seconds"]


@dataclass
class Curves:
    """Trials that learn faster, the nearer their weight decay is to the best.

    What a trial has learned is in its checkpoint alone, so that an epoch that is trained twice or
    left out changes all later ones.

    Attributes:
        diverging: Numbers of the trials whose loss becomes NaN in their second epoch.
        is_at_chance: Whether no trial learns anything.
        slowness: Trial number to the factor by which its epochs take longer.
    """

    diverging: frozenset[str] = frozenset()
    is_at_chance: bool = False
    slowness: dict[str, float] = field(default_factory=dict)

    def train_epoch(self, config, level, epoch, skill):
        distance = abs(math.log10(config["optimizer"]["weight_decay"] / BEST_WEIGHT_DECAY))
        skill += (1 - skill) * 0.2 / (1 + distance)
        robust = 0.1 if self.is_at_chance else round(0.1 + 0.5 * skill, 6)
        diverged = config["trial"] in self.diverging and epoch == 2
        report = make_report(
            epoch,
            0.0 if diverged else robust,
            clean=0.0 if diverged else 1 - robust / 2,
            train_loss=math.nan if diverged else 1 - skill,
            level=level,
            diverged=diverged,
            seconds=60.0 * self.slowness.get(config["trial"], 1.0),
        )
        return report, skill


class KilledError(BaseException):
    """The process of a study was killed."""


@dataclass
class Writes:
    """Writes that have reached the disk; at one of them the study is killed.

    Attributes:
        count: How many there were.
        kill_at: The write at which the study is killed; `None`: it is not.
        torn_bytes: Bytes that this write lacks.
        was_killed: Whether the study was killed.
    """

    count: int = 0
    kill_at: int | None = None
    torn_bytes: int = 0
    was_killed: bool = False


@contextmanager
def watched_writes(folder, kill_at=None, torn_bytes=0):
    """Count the writes of a study in a folder; kill it at one, and leave the folder as it was then.

    Args:
        folder: The results folder.
        kill_at: The write at which the study is killed; `None`: it is not.
        torn_bytes: Bytes that this write lacks.
    """
    writes, copy = Writes(0, kill_at, torn_bytes), folder.with_name(f"{folder.name}-copy")

    def sync(file):
        writes.count += 1
        if writes.count == kill_at:
            writes.was_killed = True
            shutil.copytree(folder, copy)
            tear_last_line(copy, Path(os.readlink(f"/proc/self/fd/{file}")).name, torn_bytes)
            raise KilledError

    with pytest.MonkeyPatch.context() as patch, suppress(KilledError):
        patch.setattr("os.fsync", sync)
        yield writes
    if writes.was_killed:
        shutil.rmtree(folder)
        copy.rename(folder)


def tear_last_line(folder, name, n_bytes):
    """Cut bytes off the last line of a log, as if the process had died while writing it."""
    if n_bytes and name.endswith((".jsonl", ".log")):
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        os.truncate(folder / name, sum(map(len, lines)) - min(n_bytes, len(lines[-1])))


def run_study(folder, *words, curves=None, find_fault=no_fault, output=None, runtime=None):
    """Run or resume a simulated study to its end; return its exit status and output.

    Args:
        folder: The results folder.
        words: Arguments of the command.
        curves: What the trials learn.
        find_fault: What goes wrong with a run.
        output: Where the study prints, a file or a console; `None`: a new buffer.
        runtime: Runs the trials; `None`: a new simulation.
    """
    runtime = runtime or SimulatedRuntime(curves or Curves(), find_fault)
    defaults = ["space=weight_decay", f"results={folder.parent}", f"name={folder.name}"]
    resume = ["resume=auto"] if folder.exists() else []
    plan = compose_plan(*parse_search_arguments([*defaults, "tracker=none", *words, *resume]))
    store, retry, output = LocalStore(folder), Retry(print, timeout=0.0), output or io.StringIO()
    preparation.silence_libraries()
    problems, earlier = preparation.load_earlier_study(store, plan, retry)
    assert not problems
    plan = earlier.plan or plan
    outcome = start_study(
        plan,
        store,
        [],
        [],
        output if isinstance(output, SafeConsole) else SafeConsole(file=output, width=200),
        earlier,
        retry,
        runtime,
        concurrency=plan.settings.concurrency or 1,
    )
    return outcome.status, "" if isinstance(output, SafeConsole) else output.getvalue()


def load_frames(folder):
    """Return the frames of trials and epochs."""
    return [pd.read_parquet(folder / f"{name}.parquet") for name in ("trials", "epochs")]


def comparable_frames(folder):
    """Return the frames of a study without times and without the count of resumptions."""
    trials, epochs = load_frames(folder)
    folders = trials.checkpoint.map(lambda path: re.split("[-_]", path.split("/")[-2])[0])
    trials = trials.drop(columns=["seconds", "checkpoint"]).assign(folder=folders)
    return [trials, epochs.drop(columns=TIMES)]
