"""ALP with hypersphere embedding on CIFAR-10 at 0.031 (Pang et al., 2020, arXiv:2002.08619).

As in the published code, at 0.031, a little less than 8/255. Pairing compares bare cosines.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 77


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        threat={"eps": 0.031},
        data={"padding": "zero"},
        model={"name": "wrn_34_10", "head": "cosine", "s": 20.0},
        method={"name": "alp", "beta": 0.5},
        criterion={"name": "hypersphere", "m": 0.3},
        attack={"step_size": 0.007, "start": "gaussian", "project_start": False},
        optimizer={"weight_decay": 2e-4},
        schedule={"drops": (75 / 77,)},
    )
