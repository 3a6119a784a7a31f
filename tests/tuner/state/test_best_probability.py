"""Equal configurations in the model of the best one, by hand."""

import math

import numpy as np
import pytest

from tuner.state.best_probability import TIE_PROBABILITY, best_probabilities, list_tie_cases


def test_two_equal_configurations_are_measured_as_one():
    """Weights 100 and 100 / 3: the mean is 0.7 / (4 / 3) = 0.525 and its variance 0.0075."""
    none, tie = list_tie_cases(np.array([0.5, 0.6]), np.array([[0.01, 0.03]]))
    assert none.log_weight == pytest.approx(math.log(1 - TIE_PROBABILITY))
    assert none.shares.tolist() == [[1, 0], [0, 1]]
    assert tie.means == pytest.approx(np.array([[0.525]]))
    assert tie.error == pytest.approx(np.array([[0.0075]]))
    assert tie.shares.tolist() == [[0.5, 0.5]]
    density = -0.5 * (math.log(0.04) + 0.1**2 / 0.04)
    assert tie.log_weight == pytest.approx(math.log(TIE_PROBABILITY) + density)


def test_of_three_each_pair_may_be_equal():
    means, error = np.array([0.3, 0.5, 0.6]), np.full((1, 3), 0.01)
    none, *ties = list_tie_cases(means, error)
    assert [tie.means[0].tolist() for tie in ties] == [
        pytest.approx([0.55, 0.3]),
        pytest.approx([0.45, 0.5]),
        pytest.approx([0.4, 0.6]),
    ]
    assert ties[0].shares.tolist() == [[0, 0.5, 0.5], [1, 0, 0]]
    assert none.means.tolist() == [[0.3, 0.5, 0.6]]


def test_probabilities_add_up_and_a_possible_tie_brings_them_together():
    """Without ties, the first of two is better by a difference of one standard error."""
    first, second = best_probabilities([[0.52], [0.5]], n_images=1000)
    assert first + second == pytest.approx(1)
    assert 0.5 < first < 0.75


def test_one_configuration_is_the_best():
    assert best_probabilities([[0.5]], n_images=100).tolist() == [1]
