"""Robustness on CIFAR-10 in about three minutes on one H100; prepared, not measured.

As `speedrun_60s`, but with three steps of attack (Madry et al., arXiv:1706.06083): more than one
step cannot overfit catastrophically, and PGD-AT with averaged weights leads FastAT_Benchmark
(arXiv:2604.22853). The steps add up to twice eps. SiLU is that of Gowal et al. (arXiv:2010.03593).
"""

from search_spaces.recipes import speedrun_60s

EPOCHS = 40


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    parent = speedrun_60s.recipe()
    return parent | {
        "model": parent["model"] | {"activation": "silu"},
        "method": {"name": "pgd_at"},
        "attack": {"name": "pgd", "steps": 3, "step_size": 16 / 3 / 255},
    }
