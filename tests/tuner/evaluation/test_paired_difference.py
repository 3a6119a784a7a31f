"""The confidence sequence of paired differences: numbers by hand, coverage by simulation."""

import math

import numpy as np
import pytest
import torch

from tuner.evaluation.paired_difference import BETS, PairedCounts, log_capital


def test_counts_are_of_images_on_which_one_alone_is_robust():
    one, other = torch.tensor([1, 1, 0, 0, 1]).bool(), torch.tensor([1, 0, 1, 0, 0]).bool()
    counts = PairedCounts.compare(one, other)
    assert (counts.wins, counts.losses, counts.ties) == (2, 1, 2)
    assert counts.mean == pytest.approx(1 / 5)
    assert counts.reversed == PairedCounts(1, 2, 2)


def test_the_capital_against_no_difference_is_a_mean_over_bets():
    """Two wins and a loss: (1 + b)^2 (1 - b); ties change nothing."""
    by_hand = sum((1 + b) ** 2 * (1 - b) for b in BETS) / len(BETS)
    assert log_capital(PairedCounts(2, 1, 0), 0.0) == pytest.approx(math.log(by_hand))
    assert log_capital(PairedCounts(2, 1, 99), 0.0) == pytest.approx(math.log(by_hand))
    # the integral of (1 + b)^2 (1 - b) over [0, 1] is 11/12
    assert math.exp(log_capital(PairedCounts(2, 1, 0), 0.0)) == pytest.approx(11 / 12, abs=1e-3)


def test_the_capital_against_another_mean():
    """One win against m = 1/2: a bet b of at most 1 / 1.5 returns 1 + (b / 1.5) / 2."""
    expected = 1 + BETS.mean() / 1.5 * 0.5
    assert math.exp(log_capital(PairedCounts(1, 0, 0), 0.5)) == pytest.approx(expected)


def test_a_sign_needs_enough_wins_and_is_symmetric():
    # n wins give (2^(n+1) - 1) / (n + 1): 40 = 2 / 0.05 is passed at 9 (1023 / 10 = 102), not at
    # 7 (255 / 8 = 32)
    assert PairedCounts(7, 0, 50).sign(0.05) == 0
    assert PairedCounts(9, 0, 50).sign(0.05) == 1
    assert PairedCounts(0, 9, 50).sign(0.05) == -1
    assert PairedCounts(9, 9, 0).sign(0.05) == 0
    assert PairedCounts(0, 0, 0).sign(0.05) == 0


def test_an_interval_holds_its_mean_and_agrees_with_the_sign():
    for counts in (PairedCounts(30, 5, 200), PairedCounts(12, 10, 200), PairedCounts(3, 40, 100)):
        low, high = counts.interval(0.05)
        assert low <= counts.mean <= high
        assert counts.sign(0.05) == (1 if low > 0 else -1 if high < 0 else 0)
        other_low, other_high = counts.reversed.interval(0.05)
        assert (other_low, other_high) == pytest.approx((-high, -low), abs=1e-3)
    assert PairedCounts(0, 0, 0).interval(0.05) == pytest.approx((-1, 1))


@pytest.mark.parametrize(("win", "loss"), [(0.1, 0.1), (0.3, 0.3), (0.12, 0.1), (0.01, 0.01)])
def test_looking_after_every_image_is_rarely_wrong(win, loss):
    """Of 400 networks, the number wrongly decided at any of 500 looks is binomial, at most 5 %.

    A test that is repeated at each look, at the same level, is wrong in a quarter of the studies.
    """
    rng = np.random.default_rng(0)
    draws = rng.choice([1, -1, 0], size=(400, 500), p=[win, loss, 1 - win - loss])
    wins, losses = np.cumsum(draws == 1, axis=1), np.cumsum(draws == -1, axis=1)
    n_wrong = 0
    for one, other in zip(wins, losses, strict=True):
        looks = set(zip(one.tolist(), other.tolist(), strict=True))
        signs = {PairedCounts(*look, ties=0).sign(0.05) for look in looks}
        n_wrong += -1 in signs or (win == loss and 1 in signs)
    assert n_wrong <= 400 * 0.05


def test_the_interval_at_the_worst_of_many_looks_holds_the_mean():
    """At 20 looks of 200 studies the intervals hold the true mean, 0.1, in at least 95 %."""
    rng = np.random.default_rng(1)
    n_wrong = 0
    for _ in range(200):
        draws = rng.choice([1, -1, 0], size=400, p=[0.2, 0.1, 0.7])
        for number in range(20, 401, 20):
            seen = draws[:number]
            counts = PairedCounts(
                int((seen == 1).sum()), int((seen == -1).sum()), int((seen == 0).sum())
            )
            known = [log_capital(counts, 0.1), log_capital(counts.reversed, -0.1)]
            if max(known) >= math.log(2 / 0.05):  # 0.1 is outside the interval
                n_wrong += 1
                break
    assert n_wrong <= 200 * 0.05
