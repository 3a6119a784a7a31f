"""Train settings in a quarter of the epochs and in all: `python -m benchmarks.short_and_long_runs`.

    python -m benchmarks.short_and_long_runs halve CIFAR10.npz IMAGES.npz
    OMP_NUM_THREADS=1 python -m benchmarks.short_and_long_runs train IMAGES.npz RUNS.jsonl
    python -m benchmarks.short_and_long_table RUNS.jsonl

Searches of 20 random settings on 2,000 images, each run in both lengths with its whole schedule and
validated at its end on 1,000 images. The truth of a setting is the robust accuracy of its long run
on images that no run has seen. CIFAR-10, halved to 16 x 16 pixels (IMAGES.npz), has a network of
three convolutions and Fast-AT at 4/255, so that a setting takes seconds on a core; the digits are
those of recipe=mnist5k. `train` writes a line for each setting and continues where it stopped.
"""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from search_spaces.recipes import cifar10, mnist5k
from trainables.data_pipeline.batches import split_validation
from trainables.data_pipeline.images import Dataset, Images
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.training.trial import Trial

SETTINGS = 20
N_UNSEEN = 4000
ORDER = (
    *(("broad", 0), ("narrow", 0), ("slow", 0), ("narrow", 1), ("slow", 1)),
    *(("digits", 0), ("broad", 1), ("slow", 2), ("narrow", 2), ("digits", 1)),
)
"""Kind and seed of each search."""
LENGTHS = {"broad": (3, 12), "narrow": (3, 12), "slow": (3, 12), "digits": (3, 12)}
"""Epochs of the short and of the long runs."""
Interval = tuple[float, float]
Setting = dict[str, float]
LOG: dict[str, dict[str, Interval]] = {
    "broad": {"optimizer.lr": (5e-3, 5e-1), "optimizer.weight_decay": (1e-5, 1e-2)},
    "narrow": {"optimizer.lr": (2e-2, 1e-1), "optimizer.weight_decay": (1e-4, 2e-3)},
    "slow": {"optimizer.lr": (2e-3, 2e-1), "optimizer.weight_decay": (1e-5, 1e-2)},
    "digits": {"optimizer.lr": (5e-4, 5e-2), "optimizer.weight_decay": (1e-6, 1e-2)},
}
"""Knobs drawn on a logarithmic scale."""
LINEAR: dict[str, dict[str, Interval]] = {
    "broad": {"criterion.smoothing": (0.0, 0.4)},
    "narrow": {"criterion.smoothing": (0.0, 0.2)},
    "slow": {"criterion.smoothing": (0.0, 0.4)},
    "digits": {"eps_schedule.warmup": (0.0, 0.75)},
}
"""Knobs drawn uniformly."""
BATCH_SIZES = {
    "broad": (50, 100, 200),
    "narrow": (50, 100),
    "slow": (100, 200, 400),
    "digits": (50, 100),
}


def draw_settings(kind: str, seed: int) -> list[Setting]:
    """Return the settings of a search."""
    rng = np.random.default_rng([seed, len(kind)])
    return [
        {name: float(np.exp(rng.uniform(*np.log(span)))) for name, span in LOG[kind].items()}
        | {name: float(rng.uniform(*span)) for name, span in LINEAR[kind].items()}
        | {"data.batch_size": int(rng.choice(BATCH_SIZES[kind]))}
        for _ in range(SETTINGS)
    ]


def build_config(kind: str, path: str, setting: Setting, epochs: int) -> dict[str, Any]:
    """Return the configuration of a run."""
    config: dict[str, Any] = mnist5k.recipe() if kind == "digits" else cifar10.recipe()
    config["data"] |= {"limit": 2000}
    config["schedule"] = {"name": "piecewise"}
    if kind != "digits":
        config["data"] |= {"name": "arrays", "path": path, "crop": 2}
        config["model"] = {"name": str(Path(__file__).with_name("small_network.py"))}
        config["threat"]["eps"] = 4 / 255
        config["attack"] = {"name": "fgsm_rs"}
    for knob, value in setting.items():
        group, _, name = knob.partition(".")
        config.setdefault(group, {})[name] = value
    run = {"epochs": epochs, "seed": 0, "device": "cpu", "precision": "fp32", "compile": False}
    return config | run


def select_unseen(dataset: Dataset) -> Images:
    """Return images that no run trains on or is validated with."""
    train, test = dataset.train, dataset.test
    rows = torch.arange(len(train), dtype=torch.int32)
    numbered = Images(x=rows.view(torch.uint8).view(-1, 4, 1, 1), y=train.y)
    seen = torch.zeros(len(train), dtype=torch.bool)
    for part in split_validation(numbered, limit=2000, validation=1000):
        assert isinstance(part.x, Tensor)
        seen[part.x.flatten(1).contiguous().view(torch.int32).flatten().long()] = True
    rest = train[(~seen).nonzero()[:, 0]]
    x, y = (torch.cat([getattr(rest, field), getattr(test, field)]) for field in ("x", "y"))
    return Images(x=x, y=y)[:N_UNSEEN]


def find_robust(trial: Trial, images: Images) -> Tensor:
    """Return a mask (N,) of the images that PGD with 5 steps leaves correctly classified.

    Starts depend on the position of an image alone, as those of the validation attack: runs are
    compared on the same images and starts.
    """
    rng, masks = torch.Generator().manual_seed(0), list[Tensor]()
    with in_mode(trial.model, "eval"), frozen_weights(trial.model):
        model = folded_view(trial.model)
        for first in range(0, len(images), 250):
            batch = images[first : first + 250]
            x, y = batch.x.float() / 255, batch.y
            start = trial.threat.project(trial.threat.random_point(x, rng), x)
            with torch.no_grad():
                robust = model(x).argmax(dim=1) == y
            rows = robust.nonzero()[:, 0]
            robust[rows] = find_robust_images(
                model,
                start[rows],
                x[rows],
                y[rows],
                threat=trial.threat,
                steps=5,
                step_size=trial.threat.eps / 2.5,
            )
            masks.append(robust)
    return torch.cat(masks)


def measure_run(
    kind: str, path: str, setting: Setting, epochs: int, *, is_long: bool
) -> dict[str, Any]:
    """Train a run; return its accuracies, as fractions, and the seconds of its training."""
    start = time.process_time()
    trial = Trial(build_config(kind, path, setting, epochs))
    while trial.epoch < epochs:
        loss = trial.train_one_epoch().loss
        trial.epoch += 1
        if not math.isfinite(loss):
            return {"loss": None, "validation": 0.0, "unseen": 0.0}
    seconds = time.process_time() - start
    measured: dict[str, Any] = {"loss": loss, "seconds": round(seconds, 2)}
    parts = {"validation": trial.validation_images}
    if is_long:
        parts["unseen"] = select_unseen(trial.dataset)
    for part, images in parts.items():
        robust = find_robust(trial, images)
        measured[part] = robust.double().mean().item()
        measured[f"{part}_mask"] = np.packbits(robust.numpy()).tobytes().hex()
    return measured


def train(path: str, file: str) -> None:
    """Train the settings that the file lacks, and append a line for each."""
    torch.set_num_threads(1)
    lines = Path(file).read_text().splitlines() if Path(file).exists() else []
    done = {(row["kind"], row["search"], row["trial"]) for row in map(json.loads, lines)}
    for kind, seed in ORDER:
        for number, setting in enumerate(draw_settings(kind, seed)):
            if (kind, seed, number) in done:
                continue
            runs = {
                name: measure_run(kind, path, setting, epochs, is_long=name == "long")
                for name, epochs in zip(("short", "long"), LENGTHS[kind], strict=True)
            }
            row = {"kind": kind, "search": seed, "trial": number, "knobs": setting, "runs": runs}
            with Path(file).open("a") as lines_file:
                lines_file.write(json.dumps(row) + "\n")


def halve(source: str, target: str) -> None:
    """Write an archive with the mean of each 2 x 2 pixels of images (N, H, W, C)."""
    arrays = dict(np.load(source))
    for name in ("x_train", "x_test"):
        number, height, width, channels = arrays[name].shape
        blocks = arrays[name].reshape(number, height // 2, 2, width // 2, 2, channels)
        arrays[name] = np.rint(blocks.astype(np.float32).mean(axis=(2, 4))).astype(np.uint8)
    np.savez(target, **arrays)


if __name__ == "__main__":
    (halve if sys.argv[1] == "halve" else train)(*sys.argv[2:])
