"""The activation, the eight of Bag of Tricks' Table 6 (arXiv:2010.00467).

There, ELU, CELU, SELU and tanh train with a weight decay of 5e-5, the others with 5e-4: search it
too, `optimizer.weight_decay=grid(5e-5,5e-4)`, before blaming an activation.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: eight activations."""
    return {
        "model": {
            "activation": tune.grid_search([
                "relu",
                "leaky_relu",
                "elu",
                "celu",
                "selu",
                "gelu",
                "softplus",
                "tanh",
            ])
        }
    }
