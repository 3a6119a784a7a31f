"""A covering sample of the simulated studies, on Ray: each ends, and a killed one resumes."""

import itertools
import random

import pandas as pd
import pytest

from tests.tuner.runtime.test_simulation import (
    IMPOSSIBLE,
    OBJECTIVES,
    SCHEDULERS,
    SEARCHERS,
    check_complete,
    words_of,
)
from tests.tuner.test_search import SMALL, comparable, kill_at_event, search

CONCURRENCIES = (1, 3)
STUDIES = [
    ("asha", "random", "one", 1),
    ("asha", "nsga2", "two", 3),
    ("halving", "tpe", "one", 1),
    ("halving", "gp", "one", 3),
    ("halving", "grid", "two", 1),
    ("hyperband", "nsga2", "one", 1),
    ("hyperband", "tpe", "two", 3),
    ("median", "grid", "one", 3),
    ("median", "tpe", "two", 1),
    ("none", "qmc", "one", 3),
    ("none", "gp", "two", 1),
    ("pb2", "cmaes", "one", 3),
    ("pb2", "qmc", "two", 1),
    ("halving", "priorband", "one", 3),
    ("pbt", "priorband", "two", 1),
    ("pbt", "cmaes", "one", 1),
    ("pbt", "random", "two", 3),
]
"""Scheduler, searcher, objectives and trials at a time."""


def test_the_sample_covers_each_pair_but_those_of_scheduler_and_searcher():
    """The simulation runs all of those; on Ray they are too many."""
    kinds = (SCHEDULERS, SEARCHERS, OBJECTIVES, CONCURRENCIES)
    for one, other in itertools.combinations(range(4), 2):
        if (one, other) != (0, 1):
            found = {(study[one], study[other]) for study in STUDIES}
            impossible = {("cmaes", "two")}
            assert found == {*itertools.product(kinds[one], kinds[other])} - impossible
    assert all(study[:3] not in IMPOSSIBLE for study in STUDIES)


@pytest.mark.slow
@pytest.mark.parametrize(("scheduler", "searcher", "objective", "concurrency"), STUDIES)
def test_on_ray_a_study_ends_and_a_killed_one_resumes(
    tmp_path, machine, scheduler, searcher, objective, concurrency
):
    """With one trial at a time the killed study has the frames of the other one."""
    words = [*words_of(scheduler, searcher, objective), "space=weight_decay", *SMALL[:-1]]
    words += [f"concurrency={concurrency}", "cpu=0.5"]  # the shared Ray has two cores
    done = search(tmp_path, *words, name="straight")
    assert done.returncode == 0, done.stdout + done.stderr
    check_complete(tmp_path / "straight")
    n_events = len((tmp_path / "straight/journal.jsonl").read_text().splitlines())
    at_event = random.Random(f"{scheduler} {searcher}").randint(1, n_events // 2)
    kill_at_event(tmp_path, at_event, *words)
    done = search(tmp_path, *words, "resume=auto", name="cut")
    assert done.returncode == 0, done.stdout + done.stderr
    check_complete(tmp_path / "cut")
    if concurrency == 1:
        for one, other in zip(
            comparable(tmp_path, "straight"), comparable(tmp_path, "cut"), strict=True
        ):
            pd.testing.assert_frame_equal(one, other)
