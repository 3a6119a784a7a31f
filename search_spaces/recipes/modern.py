"""PGD-AT on CIFAR-10 with what papers since 2020 add to it, for one GPU.

From the literature, not yet from a search: space=modern_joint is the search for it. Each part has
its own source: averaged weights and SiLU (Gowal et al., arXiv:2010.03593), label smoothing (Bag of
Tricks, arXiv:2010.00467), the weak version of IDBH, which was made for small networks under attack
(Li and Spratling, arXiv:2301.09879), and half a cosine after a short warm-up (Rebuffi et al.,
arXiv:2103.01946). No published run has all of them together.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"crop": 0, "policy": "idbh_weak"},
        model={"activation": "silu"},
        criterion={"smoothing": 0.1},
        optimizer={"nesterov": True},
        schedule={"name": "cosine", "warmup": 0.025},
        average={"name": "ema"},
    )
