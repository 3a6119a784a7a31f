"""The network, those of Bag of Tricks' Figure 2 and Table 11 (arXiv:2010.00467)."""

from ray import tune

NETWORKS = [
    "preact_resnet18",
    "senet18",
    "densenet121",
    "densenet201",
    "regnetx_200mf",
    "regnetx_400mf",
    "dpn26",
    "dpn92",
    "resnet50",
    "googlenet",
    "resnext29",
    "wrn_34_10",
]


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: twelve networks."""
    return {"model": {"name": tune.grid_search(NETWORKS)}}
