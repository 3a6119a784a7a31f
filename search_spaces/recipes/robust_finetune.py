"""Adversarial fine-tuning of a trained network, as E-AT does (Croce and Hein, arXiv:2105.12508).

Give the network with `init=FILE` and its architecture with `model=NAME`: three epochs with the
schedule of their code, a third each at the full rate, a tenth and a hundredth. Theirs alternates
between norms; here there is one, and PGD-AT as in the recipe `cifar10`. For a network that was
trained on clean images, or for other classes, `optimizer.loaded_lr_factor` lowers the rate of the
loaded weights.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 3


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        optimizer={"lr": 0.01},
        schedule={"name": "piecewise", "drops": (1 / 3, 2 / 3), "decay": 0.1},
    )
