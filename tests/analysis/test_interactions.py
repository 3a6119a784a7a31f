"""What two inputs do together, on functions whose answer is known."""

import numpy as np
import pytest

from analysis.interactions import compute_partial_dependence, fit_gaussian_process, h_statistic


class FunctionModel:
    """A model that is a function."""

    def __init__(self, function):
        self.predict = function


def share(function, x, one=0, other=1):
    model = FunctionModel(function)
    parts = ([one, other], [one], [other])
    return h_statistic(*(compute_partial_dependence(model, x, part) for part in parts))


GRID = np.stack(np.meshgrid([0.0, 1.0], [0.0, 0.5, 1.0], indexing="ij"), axis=-1).reshape(-1, 2)


def test_partial_dependence_by_hand():
    """Of a + 2 b over {0, 1} x {0, 1/2, 1}: a - 1/2, and 2 b - 1."""
    model = FunctionModel(lambda x: x[:, 0] + 2 * x[:, 1])
    assert compute_partial_dependence(model, GRID, [0]) == pytest.approx(GRID[:, 0] - 0.5)
    assert compute_partial_dependence(model, GRID, [1]) == pytest.approx(2 * GRID[:, 1] - 1)


def test_a_sum_has_no_interaction():
    # the square of a rounding error
    assert share(lambda x: x[:, 0] + np.exp(x[:, 1]), GRID) == pytest.approx(0, abs=1e-25)


def test_a_product_of_centred_inputs_is_all_interaction():
    assert share(lambda x: (x[:, 0] - 0.5) * (x[:, 1] - 0.5), GRID) == pytest.approx(1)


def test_a_product_by_hand():
    """Of a b: variance 7/48 - 1/16 = 1/12... of the whole, of (a - 1/2)(b - 1/2) 1/24."""
    whole = np.var(GRID[:, 0] * GRID[:, 1])
    assert whole == pytest.approx(5 / 24 - 1 / 16)
    assert share(lambda x: x[:, 0] * x[:, 1], GRID) == pytest.approx((1 / 24) / (5 / 24 - 1 / 16))


def test_a_negligible_effect_is_zero():
    assert share(lambda x: 1e-3 * (x[:, 0] - 0.5) * (x[:, 1] - 0.5), GRID) == 0


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        # a process through 60 points with noise of 5 %: 0.000 to 0.001 in ten draws, and over 0.8
        (lambda x: x[:, 0] + x[:, 1] ** 2, 0, 0.01),
        (lambda x: (x[:, 0] - 0.5) * (x[:, 1] - 0.5), 0.7, 1.1),
    ],
)
def test_a_fitted_process_distinguishes_a_sum_from_a_product(function, low, high):
    rng = np.random.default_rng(0)
    x = rng.random((60, 3))
    y = function(x)
    y = (y - y.mean()) / y.std() + 0.05 * rng.standard_normal(60)
    process = fit_gaussian_process(x, (y - y.mean()) / y.std())
    joint, one, other = (
        compute_partial_dependence(process, x, part) for part in ([0, 1], [0], [1])
    )
    assert low <= h_statistic(joint, one, other) <= high
    assert np.var(compute_partial_dependence(process, x, [2])) < 0.01
