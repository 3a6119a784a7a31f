"""The order of networks whose results are given: what is decided, and what is still attacked."""

import pytest
import torch

from tuner.evaluation.ranking import Ranking


def ranking_of(*shares, n_images=1000, seen=1000, goal="order", seed=0):
    """Return a ranking in which each network is robust on a share of the images."""
    draws = torch.rand(seen, generator=torch.Generator().manual_seed(seed))
    ranking = Ranking(len(shares), n_images, 0.05, goal=goal)
    ranking.robust = [draws < share for share in shares]  # the better is robust wherever others are
    ranking.decide()
    return ranking


def test_clear_differences_are_ordered_and_nothing_is_attacked_any_more():
    ranking = ranking_of(0.3, 0.6, 0.45, seen=400)
    assert ranking.sorted_networks() == [1, 2, 0]
    assert [ranking.ranks(n) for n in range(3)] == [(3, 3), (1, 1), (2, 2)]
    assert ranking.open_networks() == []
    assert ranking.saved == pytest.approx(0.6)


def test_equal_networks_stay_undecided_after_all_images():
    ranking = ranking_of(0.5, 0.5, 0.2)
    assert list(filter(ranking.is_open, ranking.pairs)) == [(0, 1)]
    assert ranking.ranks(0) == ranking.ranks(1) == (1, 2)
    assert ranking.open_networks() == []  # there are no images left
    assert ranking.saved == 0


def test_a_network_that_no_open_pair_needs_is_not_attacked():
    ranking = ranking_of(0.5, 0.5, 0.2, seen=500)
    assert ranking.open_networks() == [0, 1]
    assert ranking_of(0.2, 0.2, 0.6, seen=500).open_networks() == [0, 1]
    assert ranking_of(0.2, 0.2, 0.6, seen=500, goal="best").open_networks() == []


def test_order_follows_from_other_pairs():
    """0 > 1 and 1 > 2 are decided; 0 > 2 follows without images of separate trials."""
    ranking = Ranking(3, 100, 0.05)
    ranking.decided = {(0, 1), (1, 2)}
    ranking.robust = [torch.zeros(10, dtype=torch.bool)] * 3
    ranking.decide()
    assert (0, 2) in ranking.decided
    assert ranking.open_networks() == []


def test_pairs_are_compared_on_the_images_that_both_were_attacked_on():
    ranking = Ranking(2, 10, 0.05)
    ranking.robust = [torch.tensor([1, 1, 0, 0]).bool(), torch.tensor([0, 1]).bool()]
    counts = ranking.compare((0, 1))
    assert (counts.wins, counts.losses, counts.ties) == (1, 0, 1)


def test_more_pairs_have_a_smaller_error_each():
    assert Ranking(2, 10, 0.05).pair_error == 0.05
    assert Ranking(4, 10, 0.05).pair_error == pytest.approx(0.05 / 6)


def test_wrong_orders_are_rare():
    """Of 200 rankings of four equal networks, at most 5 % have any decided pair."""
    rng = torch.Generator().manual_seed(3)
    n_wrong = 0
    for _ in range(200):
        results = torch.rand(4, 600, generator=rng) < 0.5
        ranking = Ranking(4, 600, 0.05)
        for number in range(30, 601, 30):
            ranking.robust = [row[:number] for row in results]
            ranking.decide()
        n_wrong += bool(ranking.decided)
    assert n_wrong <= 200 * 0.05
