"""How far AWP moves the weights (Wu et al., 2020, arXiv:2004.05884).

Their code has 0.01 for PGD-AT and 0.005 for TRADES; the range is a factor of five around them.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: gamma, on a logarithmic scale."""
    return {"update": {"name": "awp", "gamma": tune.loguniform(1e-3, 5e-2)}}
