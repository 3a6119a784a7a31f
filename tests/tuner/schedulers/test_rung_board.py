"""Ranks of trials at a rung, by one and by two accuracies."""

import itertools
import random

import pytest

from tuner.schedulers import asha, halving
from tuner.schedulers.core.ranking import RankingAccuracy
from tuner.schedulers.core.rung_board import ParetoBoard, RungBoard, rank_by_fronts
from tuner.schedulers.core.rungs import FidelityPlan


def add(board, trial, robust, clean):
    board.add(trial, RankingAccuracy(robust, robust), clean)


def dominates(one, other):
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def area(points):
    """Return the area that points dominate, cell by cell between their coordinates."""
    firsts, seconds = ([0.0, *sorted({p[k] for p in points})] for k in (0, 1))
    return sum(
        (x - left) * (y - low)
        for left, x in itertools.pairwise(firsts)
        for low, y in itertools.pairwise(seconds)
        if any(p[0] >= x and p[1] >= y for p in points)
    )


def test_ranks_are_those_of_a_slow_oracle():
    """The front by peeling off what nothing dominates; the area by leaving the point out."""
    rng = random.Random(0)
    for _ in range(30):
        scores = {str(n): (rng.randint(1, 6) / 10, rng.randint(1, 6) / 10) for n in range(9)}
        values, left, number = rank_by_fronts(scores), set(scores.values()), 0
        while left:
            front = {p for p in left if not any(dominates(other, p) for other in left)}
            for name, pair in scores.items():
                if pair in front:
                    own = area(front) - area(front - {pair})
                    assert values[name] == pytest.approx(own - number)
            left, number = left - front, number + 1


def test_a_board_of_two_objectives_continues_a_front_before_what_it_dominates():
    board = ParetoBoard()
    for trial, scores in {"a": (0.3, 0.7), "b": (0.5, 0.6), "c": (0.4, 0.8)}.items():
        add(board, trial, *scores)
    assert [name for _, name in board.ranking] == ["c", "b", "a"]
    assert board.best_paused(1) == "c"
    board.promote("c")
    assert (board.best_paused(1), board.best_paused(2)) == (None, "b")
    add(board, "d", 0.6, 0.9)  # dominates all
    assert board.best_paused(1) == "d"
    board.promote("d")
    assert board.best_paused(3) == "b"


def test_equal_trials_have_equal_ranks():
    board = ParetoBoard()
    for trial in "abc":
        add(board, trial, 0.1, 0.1)
    assert board.best_paused(1) == "a"
    assert board.best_paused(1, above_rest=True) is None


def test_a_board_of_one_objective_ignores_clean_accuracy():
    board = RungBoard()
    add(board, "a", 0.3, 0.9)
    add(board, "b", 0.4, 0.1)
    assert board.best_paused(1, above_rest=True) == "b"


@pytest.mark.parametrize("build", [asha.build, halving.build])
@pytest.mark.parametrize(("is_multi", "expected"), [(False, "a"), (True, "b")])
def test_both_accuracies_count_if_both_are_maximised(build, is_multi, expected):
    """Of a and b on the front, b alone adds the larger area; the other two are dominated."""
    plan = FidelityPlan(epochs=8, trials=4, fidelity="schedule", is_multi_objective=is_multi)
    scheduler = build(fidelity_plan=plan, rungs=(1 / 8, 1 / 4))
    reported = {"d": (0.2, 0.4), "a": (0.5, 0.5), "b": (0.4, 0.9), "c": (0.3, 0.8)}
    for trial, scores in reported.items():
        scheduler.on_start(trial)
        add(scheduler.boards[0], trial, *scores)
    scheduler.boards[0].expected.clear()
    assert scheduler.next_to_resume(is_idle=False).trial == expected
