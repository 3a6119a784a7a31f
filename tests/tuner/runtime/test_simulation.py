"""Every scheduler with every searcher: a study ends, loses nothing and counts nothing twice.

Studies run on a simulated clock; the rest is the code that runs on Ray.
"""

import itertools
import os
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.tuner.simulated_study import (
    Curves,
    comparable_frames,
    load_frames,
    run_study,
    watched_writes,
)
from trainables.errors import InputError
from tuner.config import description
from tuner.config.study_groups import STUDY_GROUPS
from tuner.runtime.trial_queue import MAX_PROCESS_DEATHS
from tuner.searchers.core.optuna_storage import load_optuna_study
from tuner.storage.event_reader import read_events

N_TRIALS, EPOCHS = 4, 4
SIZE = [f"trials={N_TRIALS}", f"epochs={EPOCHS}"]
SCHEDULERS = sorted(STUDY_GROUPS["scheduler"].members())
SEARCHERS = sorted(STUDY_GROUPS["searcher"].members())
OBJECTIVES = {"one": [], "two": ["objectives=robust,clean"]}
MATRIX = list(itertools.product(SCHEDULERS, SEARCHERS, OBJECTIVES))
IMPOSSIBLE = {
    ("pb2", "grid", "one"): "needs a range",
    ("pb2", "grid", "two"): "needs a range",
    **{(scheduler, "cmaes", "two"): "maximises one number" for scheduler in SCHEDULERS},
}
"""Combinations that are refused, with the words that say why."""


MEMORY_FOLDER = Path("/dev/shm")
"""Where Linux keeps files in memory."""
cached_version = cache(description.package_version)
cached_commit = cache(description.git_commit)


@pytest.fixture(autouse=True)
def _save_time(monkeypatch):
    """Do not wait for the disk, as no test cuts the power; look versions up once; write YAML in C.

    These are a third of the time of a study whose trials train nothing.
    """
    monkeypatch.setattr("os.fsync", lambda file: None)
    monkeypatch.setattr(description, "package_version", cached_version)
    monkeypatch.setattr(description, "git_commit", cached_commit)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    monkeypatch.setattr(yaml, "safe_dump", partial(yaml.dump, Dumper=dumper))


@contextmanager
def folder_in_memory():
    """Yield a folder that is deleted at the end, in memory if the machine can."""
    parent = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
    with TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


@pytest.fixture
def memory_path():
    """Return a folder in memory."""
    with folder_in_memory() as folder:
        yield folder


def words_of(scheduler, searcher, objective):
    """Return the arguments of a combination."""
    grid = ["optimizer.weight_decay=grid(1e-4,5e-4,2e-3,1e-2)"] if searcher == "grid" else []
    rungs = {
        "asha": ["scheduler.grace=1/4"],
        "pbt": ["scheduler.interval=1/4"],
        "pb2": ["scheduler.interval=1/4"],
    }.get(scheduler, [])
    return [
        *SIZE, f"scheduler={scheduler}", f"searcher={searcher}", *rungs, *grid,
        *OBJECTIVES[objective],
    ]  # fmt: skip


def check_complete(folder, n_trials=N_TRIALS):
    """Assert that every trial ended, none is lost and nothing is counted twice."""
    trials, epochs = load_frames(folder)
    assert list(trials.trial_id) == [f"{number:04d}" for number in range(n_trials)]
    assert not (trials.status == "running").any()
    assert not epochs.duplicated(["trial_id", "level", "epoch"]).any()
    counts = epochs.trial_id.value_counts().reindex(trials.trial_id, fill_value=0)
    assert list(counts) == list(trials.epochs)
    events = list(read_events(folder))
    began = [line["trial_id"] for line in events if line["event"] == "began"]
    assert sorted(began) == sorted(set(began))
    last_event = {line["trial_id"]: line["event"] for line in events if line["event"] != "dropped"}
    assert set(last_event.values()) == {"ended"}
    return trials, epochs


@pytest.mark.parametrize(("scheduler", "searcher", "objective"), MATRIX)
def test_every_study_ends_and_a_killed_one_resumes(memory_path, scheduler, searcher, objective):
    """With one worker the frames of the killed study are those of the other one."""
    words = words_of(scheduler, searcher, objective)
    if reason := IMPOSSIBLE.get((scheduler, searcher, objective)):
        with pytest.raises(InputError, match=reason):
            run_study(memory_path / "study", *words)
        return
    numbers = random.Random(f"{scheduler} {searcher} {objective}")
    for concurrency in (1, 3):
        worker = f"concurrency={concurrency}"
        straight = memory_path / f"straight-{concurrency}"
        killed = memory_path / f"killed-{concurrency}"
        with watched_writes(straight) as writes:
            assert run_study(straight, *words, worker)[0] == 0
        check_complete(straight)
        first = numbers.randint(1, writes.count - 2)
        second = numbers.randint(1, writes.count - first - 1)
        for kill_at, torn_bytes in ((first, 0), (second, 7)):
            with watched_writes(killed, kill_at, torn_bytes) as writes:
                run_study(killed, *words, worker)
            assert writes.was_killed
        assert run_study(killed, *words, worker)[0] == 0
        check_complete(killed)
        if concurrency == 1:
            for one, other in zip(*map(comparable_frames, (straight, killed)), strict=True):
                pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(("scheduler", "n_kills"), [("asha", 10), ("pbt", 3)])
def test_however_often_a_study_is_killed_its_frames_are_the_same(memory_path, scheduler, n_kills):
    """Every resumed run is killed a few writes after its start."""
    words = ["trials=8", *words_of(scheduler, "tpe", "one")[1:], "concurrency=1"]
    assert run_study(memory_path / "straight", *words)[0] == 0
    numbers = random.Random(scheduler)
    for _ in range(n_kills):
        with watched_writes(memory_path / "killed", numbers.randint(1, 12)) as writes:
            run_study(memory_path / "killed", *words)
        assert writes.was_killed
    assert run_study(memory_path / "killed", *words)[0] == 0
    frames = [comparable_frames(memory_path / name) for name in ("straight", "killed")]
    for one, other in zip(*frames, strict=True):
        pd.testing.assert_frame_equal(one, other)


FAULTS = ("lost", "raises", "dies", "dies_after_report", "corrupts", "dies_at_end")


@dataclass(frozen=True)
class DisturbedStudy:
    """A study, what goes wrong with its runs, and when its process is killed.

    Attributes:
        n_trials: Trials of the study.
        words: Its arguments.
        curves: The results of its trials.
        faults: Number of a start or epoch to what goes wrong then.
        kills: Number of the write at which the process is killed, and bytes that the write lacks.
    """

    n_trials: int
    words: list[str]
    curves: Curves
    faults: dict[int, str]
    kills: list[tuple[int, int]]


@st.composite
def disturbed_studies(draw):
    """Draw a study and its faults."""
    n_trials = draw(st.integers(1, 5))
    number = st.integers(0, n_trials - 1).map("{:04d}".format)
    scheduler = draw(st.sampled_from(SCHEDULERS))
    words = words_of(scheduler, draw(st.sampled_from(["random", "tpe"])), "one")
    budget = draw(st.sampled_from([[], ["disk_budget=1kB"], ["time_budget=6m"]]))
    return DisturbedStudy(
        n_trials,
        [f"trials={n_trials}", *words[1:], f"concurrency={draw(st.integers(1, 3))}", *budget],
        Curves(
            diverging=frozenset(draw(st.lists(number, max_size=2))),
            is_at_chance=draw(st.booleans()),
            slowness=draw(st.dictionaries(number, st.sampled_from([0.1, 10.0]), max_size=2)),
        ),
        draw(st.dictionaries(st.integers(0, 25), st.sampled_from(FAULTS), max_size=6)),
        draw(st.lists(st.tuples(st.integers(1, 80), st.sampled_from([0, 5])), max_size=3)),
    )


STUDY_KILLED_BEFORE_AN_END = DisturbedStudy(
    4,
    [
        *("trials=4", "epochs=4", "scheduler=pbt", "searcher=tpe", "scheduler.interval=1/4"),
        *("concurrency=1", "disk_budget=1kB"),
    ],
    Curves(diverging=frozenset({"0000", "0002"})),
    {0: "dies_at_end", 3: "dies_at_end", 7: "raises", 13: "lost"}
    | {23: "dies_at_end", 24: "dies_at_end"},
    [(40, 0), (3, 0), (23, 0)],
)
"""The end of a trial with two checkpoints was not logged; both must go."""


@example(study=STUDY_KILLED_BEFORE_AN_END)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # shrinking a failure takes minutes
)
@given(study=disturbed_studies())
def test_a_disturbed_study_ends_and_loses_nothing(study):
    """Whatever goes wrong, each trial has one end, and budgets hold."""
    with folder_in_memory() as folder:
        check_disturbed_study(folder / "study", study)


def check_disturbed_study(folder, study):
    """Run a study, kill it as it says, resume it, and compare its results with its faults."""
    numbers = itertools.count()

    def find_fault(run):
        return study.faults.get(next(numbers), "")

    run = partial(run_study, folder, *study.words, curves=study.curves, find_fault=find_fault)
    n_kills = 0
    for kill_at, torn_bytes in study.kills:
        with watched_writes(folder, kill_at, torn_bytes) as writes:
            run()
        n_kills += writes.was_killed
    status, output = run()
    assert "Stopped early" not in output
    trials, _ = load_frames(folder)
    if "time_budget=6m" in study.words:
        assert len(trials) <= study.n_trials
        assert not (trials.status == "running").any()
        return
    check_complete(folder, study.n_trials)
    assert status == (1 if set(trials.status) == {"failed"} else 0)
    n_faults = Counter(study.faults.values())
    n_deaths = sum(n_faults.values()) - n_faults["raises"] - n_faults["lost"]
    n_failed = (trials.status == "failed").sum()
    assert n_failed <= n_faults["raises"] + n_deaths // MAX_PROCESS_DEATHS
    kept = {str(path.relative_to(folder)) for path in folder.glob("trials/*/*/checkpoint_*")}
    named = set(trials.checkpoint) - {""}
    assert named <= kept
    if not n_kills:
        assert kept == named
    if "disk_budget=1kB" in study.words:
        assert len(kept) <= 1


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("budget", [[], ["disk_budget=1kB"]], ids=["", "budget"])
def test_a_dead_process_leaves_no_checkpoint_that_no_trial_names(memory_path, budget, epoch):
    """It saved one but did not report it; the trial then continues in another folder."""
    moments = itertools.count()

    def find_fault(run):
        return "dies_after_report" if next(moments) == epoch else ""

    folder = memory_path / "study"
    run_study(folder, *SIZE, "scheduler=none", *budget, find_fault=find_fault)
    trials, _ = load_frames(folder)
    found = {*folder.glob("trials/*/*/checkpoint_*")}
    assert found == {folder / path for path in trials.checkpoint if path}


@pytest.mark.parametrize("scheduler", ["halving", "pbt"])
def test_killed_studies_leave_no_checkpoint_that_no_trial_names(tmp_path, scheduler):
    """At each resume, what a killed process left is deleted, copies for other trials too."""
    folder = tmp_path / "study"
    words = words_of(scheduler, "random", "one")
    with watched_writes(tmp_path / "straight") as writes:
        run_study(tmp_path / "straight", *words)
    for _ in range(6):
        with watched_writes(folder, kill_at=writes.count // 4):
            run_study(folder, *words)
    if folder.exists():
        leftover = folder / "trials/1/of-0000-left"
        leftover.mkdir(parents=True)
        (leftover / "state.pt").touch()
    run_study(folder, *words)
    trials, _ = load_frames(folder)
    found = {*folder.glob("trials/*/*/checkpoint_*"), *folder.glob("trials/*/of-*")}
    named = {folder / path for path in trials.checkpoint if path}
    assert found <= named


def test_the_optuna_dashboard_names_the_objectives(tmp_path):
    run_study(tmp_path / "study", *SIZE, "objectives=robust,clean")
    study = load_optuna_study(tmp_path / "study")
    assert study.metric_names == ["robust accuracy", "clean accuracy"]
