"""ConvNeXt-T on ImageNet at 4/255 (Singh et al., 2023, arXiv:2303.01870).

Two steps of attack, AdamW, heavy augmentation and averaged weights, as in the published code
(nmndeep/revisiting-at). There the attack is APGD, for which PGD stands in, the network begins from
weights trained without attacks (give them with `init=FILE`), images are cropped at random sizes,
and a quarter of them loses a rectangle. Their RandAugment at 9 of 10 is 27 of 30 here; it varies
its level. Their best networks replace the first layer by convolutions. The batch is 80 a GPU; 640
are eight of them. The smoothing is 0.1 over all classes.
"""

EPOCHS = 300


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 4 / 255},
        "data": {
            "name": "imagenet",
            "validation": 5000,
            "batch_size": 640,
            "flip": True,
            "policy": "rand_augment",
            "policy_operations": 2,
            "policy_level": 27,
            "mixup": 0.8,
            "cutmix": 1.0,
        },
        "model": {"name": "torchvision", "network": "convnext_tiny", "normalize": "none"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy", "smoothing": 0.0999},
        "attack": {"name": "pgd", "steps": 2, "step_size": 4 / 255},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.05},
        "schedule": {"name": "cosine", "warmup": 20 / 300},
        "eps_schedule": {"name": "constant"},
        "average": {"name": "ema", "decay": 0.9999, "warmup": False, "max_share": 0.0},
    }
