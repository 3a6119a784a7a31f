"""Every scheduler with every searcher: a study ends, loses nothing and counts nothing twice.

Studies run on a simulated clock; the rest is the code that runs on Ray.
"""

import itertools
import random

import pandas as pd
import pytest

from tests.tuner.simulated_study import (
    comparable_frames,
    load_frames,
    run_study,
    watched_writes,
)
from trainables.errors import InputError
from tuner.config.plan import STUDY_GROUPS
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


@pytest.fixture(autouse=True)
def _no_syncs(monkeypatch):
    """Do not wait for the disk: no test cuts the power."""
    monkeypatch.setattr("os.fsync", lambda file: None)


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
    assert (epochs.groupby("trial_id").size() == trials.set_index("trial_id").epochs).all()
    events = list(read_events(folder))
    began = [line["trial_id"] for line in events if line["event"] == "began"]
    assert sorted(began) == sorted(set(began))
    last_event = {line["trial_id"]: line["event"] for line in events if line["event"] != "dropped"}
    assert set(last_event.values()) == {"ended"}
    return trials, epochs


@pytest.mark.parametrize(("scheduler", "searcher", "objective"), MATRIX)
def test_every_study_ends_and_a_killed_one_resumes(tmp_path, scheduler, searcher, objective):
    """With one worker the frames of the killed study are those of the other one."""
    words = words_of(scheduler, searcher, objective)
    if reason := IMPOSSIBLE.get((scheduler, searcher, objective)):
        with pytest.raises(InputError, match=reason):
            run_study(tmp_path / "study", *words)
        return
    numbers = random.Random(f"{scheduler} {searcher} {objective}")
    for concurrency in (1, 3):
        worker = f"concurrency={concurrency}"
        straight, killed = (tmp_path / f"{name}-{concurrency}" for name in ("straight", "killed"))
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
