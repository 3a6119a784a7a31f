"""Interaction of two inputs: the part of their joint effect that is not the sum of both."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

LENGTH_SCALE_BOUNDS = (0.05, 100.0)
"""Of the kernel, for inputs in [0, 1]; an input at the upper end has no effect."""
NOISE_BOUNDS = (1e-5, 1.0)
"""Share of the variance that may be noise."""
MIN_JOINT_EFFECT = 1e-4
"""Joint effects below this share of the variance count as 0."""


def fit_gaussian_process(x: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """Fit a Gaussian process with noise and a separate length scale for each input.

    Args:
        x: Inputs in [0, 1], (n, d).
        y: Values of mean 0 and variance 1, (n,).
    """
    kernel = ConstantKernel() * RBF([1.0] * x.shape[1], LENGTH_SCALE_BOUNDS) + WhiteKernel(
        0.1, NOISE_BOUNDS
    )
    process = GaussianProcessRegressor(kernel, n_restarts_optimizer=1, random_state=0)
    with warnings.catch_warnings():
        # a length at its upper end says that the input has no effect
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(x, y)


def compute_partial_dependence(
    process: GaussianProcessRegressor, x: np.ndarray, columns: Sequence[int]
) -> np.ndarray:
    """Return the centred partial dependence of a model on some inputs at each point.

    It is the mean prediction over all points with these inputs set to those of one point
    (Friedman, 2001).

    Args:
        process: The model.
        x: Its points, (n, d).
        columns: Indices of the inputs.

    Returns:
        One value per point, (n,).
    """
    n = len(x)
    grid = np.broadcast_to(x, (n, *x.shape)).copy()
    grid[:, :, columns] = x[:, None, columns]
    means = process.predict(grid.reshape(n * n, -1)).reshape(n, n).mean(axis=1)
    return np.asarray(means - means.mean())


def h_statistic(joint: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of the joint effect that is not the sum of both: H squared.

    Friedman and Popescu (arXiv:0811.1679), equation 44: 0 for a sum, 1 for a product of two inputs
    that have no effect alone.

    Args:
        joint: Partial dependence on both, centred, (n,).
        one: On the one.
        other: On the other.
    """
    whole = float((joint**2).sum())
    if whole < MIN_JOINT_EFFECT * len(joint):
        return 0.0
    return float(((joint - one - other) ** 2).sum()) / whole
