"""Training in bf16 beside fp32: `precision=bf16` with the README's recipe (arXiv:2001.03994).

What is said of robust accuracy is measured in fp32 for both.
"""

from ray import tune

SCHEDULER = "none"


def space() -> dict[str, dict[str, object]]:
    """Return one setting, as a grid of one."""
    return {"optimizer": {"weight_decay": tune.grid_search([1e-4])}}
