"""TRADES' beta, the weight of the robustness term (Zhang et al., 2019, arXiv:1901.08573).

The published code advises 1 to 10; the paper reports 1/lambda of 1 and 6.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: beta, uniformly."""
    return {"method": {"name": "trades", "beta": tune.uniform(1, 10)}}
