"""GradAlign's lambda (Andriushchenko and Flammarion, 2020, arXiv:2007.02617).

Their values for CIFAR-10 run from 0.027 at 1/255 to 2.0 at 16/255, for SVHN from 1.66 to 3.16.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: the weight, on a logarithmic scale."""
    return {"method": {"name": "grad_align", "weight": tune.loguniform(0.02, 4)}}
