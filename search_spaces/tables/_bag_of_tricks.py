"""From a row of Bag of Tricks (arXiv:2010.00467) to a configuration.

All its tables train on CIFAR-10 for 110 epochs, with drops at 100 and 105: the recipe `cifar10`.
"""

from search_spaces.tables._published import (
    NETWORK_NAMES,
    OPTIMIZER_KNOBS,
    Layer,
    PublishedRow,
    SpaceFunctions,
    build_space,
    list_rows,
    parse_fraction,
)

RECIPE = "cifar10"
SCHEDULER = "none"
EPOCHS = 110

METHOD_NAMES = {"PGD-AT": "pgd_at", "TRADES": "trades"}


def build_table_space(number: int) -> SpaceFunctions:
    """Return the functions of the space that is a table; differences of two rows are no rows."""
    rows = list_rows("bag_of_tricks", f"Table {number}")
    return build_space(
        [row for row in rows if row.setting["bn_mode"] in ("train", "eval")], build_layer
    )


def build_layer(row: PublishedRow) -> Layer:
    """Return the configuration of a row."""
    knobs = row.setting
    return {
        "threat": {"name": knobs["norm"], "eps": parse_fraction(knobs["eps"])},
        "data": {"batch_size": int(knobs["batch_size"])},
        "model": {"name": NETWORK_NAMES[row.architecture], "activation": knobs["activation"]},
        "method": {"name": METHOD_NAMES[row.method]},
        "criterion": {"smoothing": float(knobs["label_smoothing"])},
        "attack": build_attack(knobs["attack_early_stop"]),
        "update": {"mode": knobs["bn_mode"]},
        "optimizer": OPTIMIZER_KNOBS[knobs["optimizer"]]
        | {"lr": float(knobs["lr"]), "weight_decay": float(knobs["weight_decay"])},
        "schedule": {"warmup": float(knobs["warmup_lr_epochs"]) / EPOCHS},
        "eps_schedule": {"warmup": float(knobs["warmup_eps_epochs"]) / EPOCHS},
    }


def build_attack(stops: str) -> dict[str, object]:
    """Return the attack that stops 0, 1, then 2 steps after success, growing at two epochs."""
    if stops == "none":
        return {}
    return {"name": "friendly", "grows": [int(epoch) / EPOCHS for epoch in stops.split(":")]}
