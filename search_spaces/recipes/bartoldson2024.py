"""Scaled-down setting of the scaling laws (Bartoldson et al., 2024, arXiv:2404.09349).

The smallest published configuration of bbartoldson/Adversarial-Robustness-Limits, an example of the
runs that its laws were fitted to: WRN-28-8, 100 epochs of 50,000 images. That run sees synthetic
images alone; their best one, WRN-94-16 for 10,000 epochs, sees an eighth of real ones. Give images
with `data.extra=FILE.npz data.extra_share=0.875`. The rest is as in `wang2023`: their code is built
on that of its authors.
"""

from search_spaces.recipes import wang2023

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    parent = wang2023.recipe()
    return parent | {
        "data": parent["data"] | {"batch_size": 1024},
        "model": {"name": "wide_resnet", "depth": 28, "widen": 8, "activation": "silu"},
        "optimizer": parent["optimizer"] | {"lr": 0.3},
    }
