"""The two loss weights of LLR (Qin et al., 2019, arXiv:1907.02610) and the search steps.

The published code has 2 and 0.6 for a clean loss of weight 1; two steps are fast,
10 to 15 are stronger. The range is a factor of four around the published weights.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: both weights and the steps; LLR needs a smooth activation."""
    return {
        "model": {"activation": "softplus"},
        "method": {
            "name": "llr",
            "gamma_weight": tune.loguniform(0.5, 8),
            "slope_weight": tune.loguniform(0.15, 2.4),
        },
        "attack": {"name": "adam", "steps": tune.choice([2, 10, 15])},
    }
