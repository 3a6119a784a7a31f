"""Trials of this project on made-up images."""

import tempfile
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.gpu.device import TORCH_DEFAULTS, KernelSettings
from benchmarks.gpu.settings import NO_KNOBS, NetworkSettings, Settings
from trainables.training.trial import Trial

EPS, STEP_SIZE, LR, CLASSES = 8 / 255, 2 / 255, 0.01, 10
HELD_OUT = 20
"""Validation images where none are needed: with one batch, at least two images of each class."""
PATCHES = 4
"""Patches on each side of an image, whose colours depend on its class."""


def make_images(
    shape: tuple[int, int, int], number: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (N, H, W, C) and labels (N,) that a network can learn.

    Each class has a pattern of coloured patches, symmetric so that flips do not change it. The
    noise is such that attacks have an effect.
    """
    channels, height, width = shape
    rng = np.random.default_rng(0)
    labels = np.arange(number) % CLASSES
    half = rng.uniform(-40, 40, size=(CLASSES, PATCHES, PATCHES // 2, channels))
    patches = np.concatenate([half, half[:, :, ::-1]], axis=2)
    rows, columns = (np.arange(side) * PATCHES // side for side in (height, width))
    patterns = patches[:, rows][:, :, columns]
    noise = rng.normal(0, 40, size=(number, height, width, channels))
    return (128 + patterns[labels] + noise).clip(0, 255).astype(np.uint8), labels


def build_trial(
    settings: Settings,
    network: NetworkSettings,
    changes: Mapping[str, object] = NO_KNOBS,
    *,
    images: int,
    validation: int = HELD_OUT,
) -> Trial:
    """Return a trial of PGD-AT with torch's default kernels or those that `changes` demand.

    Args:
        settings: Device and sizes.
        network: The network and the shape of images.
        changes: Groups and values that differ.
        images: Number of training images.
        validation: Number of validation images.
    """
    pixels, labels = make_images(network.shape, images + validation)
    TORCH_DEFAULTS.apply()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/images.npz"
        np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
        data = {"name": "arrays", "path": path, "validation": validation, **network.augmentation}
        config: dict[str, object] = {
            "threat": {"name": "linf", "eps": EPS},
            "data": {**data, "batch_size": settings.batch_size},
            "model": {"name": network.model, **network.knobs},
            "method": {"name": "pgd_at"},
            "criterion": {"name": "cross_entropy"},
            "attack": {"name": "pgd", "steps": settings.attack_steps, "step_size": STEP_SIZE},
            "update": {"name": "alternate"},
            "optimizer": {"name": "sgd", "lr": LR},
            "schedule": {"name": "constant"},
            "eps_schedule": {"name": "constant"},
            # a collapse would end an epoch early
            "sentinel": {"every": 0},
            "epochs": 100,
            "seed": 0,
            "device": settings.device,
            "precision": "auto",
            "graphs": "auto",
            "compile": False,
        }
        return Trial({**config, **changes})


class OurCall:
    """Trains a trial on some batches: an epoch, bookkeeping included."""

    def __init__(
        self, settings: Settings, network: NetworkSettings, changes: Mapping[str, object]
    ) -> None:
        images = settings.steps_per_call * settings.batch_size
        self.trial = build_trial(settings, network, changes, images=images)
        self.kernels = KernelSettings.read()

    def __call__(self) -> None:
        """Train for an epoch."""
        self.kernels.apply()
        self.trial.train_one_epoch()

    def describe(self) -> dict[str, str]:
        """Return the precision that was used, and whether steps were captured or why not."""
        graphed = self.trial.graphed
        return {
            "precision": self.trial.precision,
            "graphs": graphed.outcome if graphed else "",
        }


def draw_batch(settings: Settings, network: NetworkSettings) -> tuple[Tensor, Tensor]:
    """Return a batch of images (N, C, H, W) in [0, 1] and labels (N,) on the device."""
    pixels, labels = make_images(network.shape, settings.batch_size)
    x = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()).to(settings.device).float() / 255
    return x, torch.from_numpy(labels).to(settings.device)
