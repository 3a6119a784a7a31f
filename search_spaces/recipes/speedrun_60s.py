"""Robustness on CIFAR-10 in about a minute on one H100; prepared, not measured.

Parts: the single step of N-FGSM (de Jorge et al., arXiv:2202.01181) with the label smoothing and
the averaged weights that FastAT_Benchmark (arXiv:2604.22853) trains it with in 1,941 seconds, and
the one-cycle schedule of Wong et al. (arXiv:2001.03994), who train for few epochs. Larger batches
fill the GPU; their learning rate is scaled by the root. `precision=auto` is bf16 there. The number
of epochs was computed from the multiplications of a step, not timed.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 25


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"batch_size": 512},
        method={"name": "n_fgsm"},
        attack={"name": "n_fgsm", "noise": 2.0},
        criterion={"smoothing": 0.36},
        update={"mode": "train"},
        optimizer={"lr": 0.2, "nesterov": True},
        schedule={"name": "one_cycle", "peak": 0.25},
        average={"name": "ema"},
    )
