"""The scale and the margin of hypersphere embedding (Pang et al., arXiv:2002.08619).

Published scales are 10 with PGD-AT, 15 with TRADES, 20 with ALP, and margins 0.1 to 0.3; the
authors' rules of thumb are 10, the usual norm of logits, and 0.15.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: s and m."""
    return {
        "model": {"head": "cosine", "s": tune.uniform(5, 25)},
        "criterion": {"name": "hypersphere", "m": tune.uniform(0, 0.3)},
    }
