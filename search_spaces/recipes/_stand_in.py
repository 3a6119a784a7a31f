"""PGD-AT with the numbers of a row of Bag of Tricks' Table 1 (arXiv:2010.00467).

For papers whose method is not here. What the row leaves open is as in the recipe `cifar10`, Bag of
Tricks' own, but for the network, which is their wide one.
"""

from search_spaces.recipes import cifar10


def build_pgd_at_recipe(
    *,
    lr: float,
    drops: tuple[float, ...],
    batch_size: int,
    weight_decay: float,
    decay: float = 0.1,
) -> dict[str, dict[str, object]]:
    """Return the configuration of a row; what it leaves open can be laid over the result."""
    base = cifar10.recipe()
    return base | {
        "data": base["data"] | {"batch_size": batch_size},
        "model": {"name": "wrn_34_10"},
        "optimizer": base["optimizer"] | {"lr": lr, "weight_decay": weight_decay},
        "schedule": {"name": "piecewise", "drops": drops, "decay": decay},
    }
