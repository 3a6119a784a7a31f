"""A smaller lambda for a narrow network: FGSM + GradAlign at 16/255 (arXiv:2007.02617).

Beside `catastrophic_overfitting`, where their 2.0 keeps a network of width 8 from learning.
"""

from ray import tune

from benchmarks.studies import catastrophic_overfitting

EPOCHS = catastrophic_overfitting.EPOCHS
SCHEDULER = catastrophic_overfitting.SCHEDULER


def space() -> dict[str, dict[str, object]]:
    """Return a quarter of their price."""
    price = tune.grid_search([0.5])
    return catastrophic_overfitting.space() | {"method": {"name": "grad_align", "weight": price}}
