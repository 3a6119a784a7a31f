"""The two prices of LLR (Qin et al., 2019, arXiv:1907.02610) and the search steps.

The published code has 2 and 0.6 for a clean loss of weight 1; two steps are said to suffice for
speed, 10 to 15 for strength. The range is a factor of four around the prices.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: both prices and the steps; the activation needs a curvature."""
    return {
        "model": {"activation": "softplus"},
        "method": {
            "name": "llr",
            "gamma_weight": tune.loguniform(0.5, 8),
            "slope_weight": tune.loguniform(0.15, 2.4),
        },
        "attack": {"name": "adam", "steps": tune.choice([2, 10, 15])},
    }
