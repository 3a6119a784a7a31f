"""Single-step methods on CIFAR-10: the table of FastAT_Benchmark (arXiv:2604.22853).

Each row has the settings of its recipe `fastat_*`, whose docstrings say what differs from the
benchmark. The rows of two methods that are not here, `fgsm_fuap` and `fgsm_rs_cs`, are left out;
`python -m analysis.tables paper=fastat` has all numbers. Costs are of the authors' machine.
"""

from search_spaces.recipes import (
    fastat_elle,
    fastat_fgsm,
    fastat_fgsm_cuap,
    fastat_fgsm_mep_cs,
    fastat_fgsm_pco,
    fastat_fgsm_pgi,
    fastat_fgsm_rs,
    fastat_fgsm_uap,
    fastat_free,
    fastat_gat,
    fastat_grad_align,
    fastat_liet,
    fastat_n_aaer,
    fastat_n_fgsm,
    fastat_nuat,
    fastat_pgd_at,
    fastat_pgd_at_wa,
    fastat_ssat,
    fastat_zero_grad,
)
from search_spaces.tables._published import Layer, PublishedRow, build_space, list_rows

__all__ = ["EPOCHS", "RECIPE", "SCHEDULER", "published", "space", "variants"]

RECIPE = "cifar10"
SCHEDULER = "none"
EPOCHS = 100
RECIPES = {
    "elle": fastat_elle,
    "fgsm_at": fastat_fgsm,
    "fgsm_cuap": fastat_fgsm_cuap,
    "fgsm_mep_cs": fastat_fgsm_mep_cs,
    "fgsm_pco": fastat_fgsm_pco,
    "fgsm_pgi": fastat_fgsm_pgi,
    "fgsm_rs": fastat_fgsm_rs,
    "fgsm_uap": fastat_fgsm_uap,
    "free_at": fastat_free,
    "gat": fastat_gat,
    "grad_align": fastat_grad_align,
    "liet": fastat_liet,
    "n_aaer": fastat_n_aaer,
    "n_fgsm": fastat_n_fgsm,
    "nu_at": fastat_nuat,
    "pgd_at": fastat_pgd_at,
    "pgd_at_wa": fastat_pgd_at_wa,
    "ssat": fastat_ssat,
    "zero_grad": fastat_zero_grad,
}
"""Recipe of each row, by its name in the benchmark."""


def build_layer(row: PublishedRow) -> Layer:
    """Return the configuration of a row."""
    layer: Layer = RECIPES[row.method].recipe()
    return layer


space, variants, published = build_space(
    [row for row in list_rows("fastat", "CIFAR-10") if row.method in RECIPES], build_layer
)
