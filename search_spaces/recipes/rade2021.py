"""Settings of helper-based adversarial training (Rade et al., 2022, openreview:Azh9QBQ4tR7).

Those of the published code (imrahulr/hat) for a ResNet-18 on CIFAR-10. The method needs a network
that was trained without attacks: `method=hat teacher.weights=FILE`. Without it TRADES, on which it
builds, stands in for it with the same weight. Momentum, which cycles between 0.85 and 0.95 there,
is 0.9 here.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 50


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"padding": "zero"},
        model={"name": "resnet18", "normalize": "none"},
        method={"name": "trades", "beta": 2.5, "bn_updates": "each_pass"},
        attack={"start": "gaussian", "project_start": False},
        optimizer={"lr": 0.21, "nesterov": True},
        schedule={"name": "one_cycle", "peak": 0.25, "first": 1 / 25, "shape": "cosine"},
    )
