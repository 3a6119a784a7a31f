"""Regret curves of replayed studies, by hand."""

import numpy as np
import pytest

from benchmarks.scheduler_regret import GRID, sample_random_search, speed_up, trace
from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.replay.compare import run_to_end
from tuner.replay.recordings import Archive, Recording
from tuner.replay.simulate import ReplayPoint


def archive(*curves):
    runs = tuple(
        Recording(str(n), {}, tuple(make_report(e, v) for e, v in enumerate(curve, start=1)))
        for n, curve in enumerate(curves)
    )
    return Archive(runs, (Level(max(map(len, curves))),))


def test_the_regret_at_a_cost_is_that_of_the_best_so_far():
    """Four epochs in all; the best is found in the second."""
    points = [ReplayPoint(1, 1, 0.2), ReplayPoint(2, 2, 0.5), ReplayPoint(3, 3, 0.5)]
    regret, cost = trace(archive([0.2, 0.5], [0.3, 0.1]), points)
    at = [round(share / GRID[0]) - 1 for share in (0.2, 0.25, 0.45, 0.5, 1.0)]
    assert regret[at] == pytest.approx([50, 30, 30, 0, 0])
    assert cost == 0.75


def test_random_search_is_that_of_the_product():
    runs = archive([0.2, 0.5, 0.4], [0.3, 0.1], [0.1, 0.1, 0.45])
    curves = sample_random_search(runs, 200)
    orders = [[runs.runs[n] for n in order] for order in [(0, 1, 2), (0, 2, 1), (1, 0, 2)]]
    orders += [[runs.runs[n] for n in order] for order in [(1, 2, 0), (2, 0, 1), (2, 1, 0)]]
    expected = [trace(runs, run_to_end(order, 8))[0] for order in orders]
    found = {tuple(np.round(curve, 6)) for curve in curves}
    assert found == {tuple(np.round(curve, 6)) for curve in expected}


def test_speed_up_compares_the_costs_of_the_regret_at_the_end():
    """The study reaches 1 point at 2 % of the cost, random search at 3 %."""
    ours, by_chance = np.full(len(GRID), 9.0), np.full(len(GRID), 9.0)
    ours[3:] = 1.0
    by_chance[5:] = 1.0
    by_chance[50:] = 0.0
    assert speed_up(ours[:20], by_chance) == 1.5
    assert speed_up(ours[:20], np.full(len(GRID), 2.0)) is None
