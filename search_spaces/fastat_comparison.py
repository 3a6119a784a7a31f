"""Single-step methods with their knobs: FastAT_Benchmark (arXiv:2604.22853), tuned.

The benchmark trains each method once with settings chosen by hand, which the recipes `fastat_*`
hold: ResNet-18, SGD at 0.1, one cycle of 100 epochs, label smoothing of 0.4 to 0.6, averaged
weights. Here smoothing and weight decay are searched too, and each method searches its strength
around the value there, by a factor of four: the weight of its regularisation, or the length of its
step, noise or replays. Give each method the same budget with `searcher=random`, which deals trials
evenly; TPE spends more on those that do well.
"""

from ray import tune

from search_spaces.tables import fastat_table

RECIPE = fastat_table.RECIPE
EPOCHS = fastat_table.EPOCHS

Layer = dict[str, dict[str, object]]
STRENGTHS: dict[str, tuple[str, str, object]] = {
    "fgsm_at": ("attack", "reach", tune.uniform(0.5, 1)),
    "fgsm_rs": ("attack", "reach", tune.uniform(0.5, 1.5)),
    "free_at": ("update", "replays", tune.randint(2, 9)),
    "n_fgsm": ("attack", "noise", tune.uniform(1, 4)),
    "ssat": ("attack", "reach", tune.uniform(0.5, 1.5)),
    "zero_grad": ("attack", "zeroed", tune.uniform(0.1, 0.6)),
    "elle": ("method", "weight", tune.loguniform(0.25, 4)),
    "fgsm_cuap": ("method", "weight", tune.loguniform(2.5, 40)),
    "fgsm_mep_cs": ("method", "weight", tune.loguniform(0.25, 4)),
    "fgsm_pco": ("method", "weight", tune.loguniform(2.5, 40)),
    "fgsm_pgi": ("method", "weight", tune.loguniform(2.5, 40)),
    "fgsm_uap": ("method", "weight", tune.loguniform(2.5, 40)),
    "gat": ("method", "weight", tune.loguniform(2.5, 40)),
    "grad_align": ("method", "weight", tune.loguniform(0.05, 0.8)),
    "liet": ("method", "weight", tune.loguniform(25, 400)),
    "n_aaer": ("method", "weight", tune.loguniform(0.04, 0.6)),
    "nu_at": ("method", "weight", tune.loguniform(1, 16)),
}
"""Group, knob and range of the strength of each method, by its name in the benchmark."""


def space() -> Layer:
    """Return the knob that all methods search."""
    return {"optimizer": {"weight_decay": tune.loguniform(1e-4, 2e-3)}}


def variants() -> dict[str, Layer]:
    """Return the methods, with the knobs that each searches."""
    return {name: build_variant(name, *STRENGTHS[name]) for name in STRENGTHS}


def build_variant(name: str, group: str, knob: str, domain: object) -> Layer:
    """Return the recipe of a method with its searched strength and smoothing."""
    layer: Layer = fastat_table.RECIPES[name].recipe()
    del layer["optimizer"]["weight_decay"]
    smoothing = {"smoothing": tune.uniform(0, 0.6)}
    return layer | {
        group: layer[group] | {knob: domain},
        "criterion": layer["criterion"] | smoothing,
        "optimizer": layer["optimizer"],
    }
