"""Recipes that change a part of `cifar10`, the baseline of Bag of Tricks (arXiv:2010.00467)."""

from search_spaces.recipes import cifar10


def change_baseline(**groups: dict[str, object]) -> dict[str, dict[str, object]]:
    """Return the recipe `cifar10` with some groups changed.

    Args:
        groups: Settings by group. With a `name` they replace those of the baseline; without one
            they change single knobs.
    """
    baseline = cifar10.recipe()
    return baseline | {
        group: settings if "name" in settings else baseline.get(group, {}) | settings
        for group, settings in groups.items()
    }


def build_pgd_at_recipe(
    *,
    lr: float,
    drops: tuple[float, ...],
    batch_size: int,
    weight_decay: float,
    decay: float = 0.1,
) -> dict[str, dict[str, object]]:
    """Return PGD-AT with the numbers of a row of Table 1, for papers whose method is not here.

    What the row leaves open is as in the baseline, but for the network, which is their wide one.
    """
    return change_baseline(
        data={"batch_size": batch_size},
        model={"name": "wrn_34_10"},
        optimizer={"lr": lr, "weight_decay": weight_decay},
        schedule={"drops": drops, "decay": decay},
    )
