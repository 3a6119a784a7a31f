"""TRADES with synthetic images on CIFAR-10 at 8/255 (Wang et al., 2023, arXiv:2302.04638).

As in the published code (wzekai99/DM-Improves-AT) for WRN-28-10 and one million images of a
diffusion model. Give them with `data.extra=FILE.npz data.extra_share=0.7`; without them, this is
the setting of Rebuffi et al. (2021, arXiv:2103.01946) but for CutMix. The smoothing is 0.1 over all
ten classes. There, attacks use batch statistics without an update, the weights of BatchNorm have no
decay, the average takes the current BatchNorm statistics, and momentum cycles between 0.85 and
0.95; here it is 0.9.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 400


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"batch_size": 512, "padding": "zero"},
        model={"name": "wrn_28_10", "activation": "silu"},
        method={"name": "trades", "beta": 5.0, "bn_updates": "each_pass"},
        criterion={"smoothing": 0.09},
        attack={"start": "random"},
        optimizer={"lr": 0.2, "nesterov": True},
        schedule={"name": "one_cycle", "peak": 0.025, "first": 1 / 25, "shape": "cosine"},
        average={"name": "ema", "decay": 0.995, "warmup": True, "max_share": 0.0},
    )
