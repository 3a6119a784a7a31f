"""Train settings in a quarter of the epochs and in all: `python -m benchmarks.short_and_long_runs`.

    OMP_NUM_THREADS=1 python -m benchmarks.short_and_long_runs train IMAGES.npz RUNS.jsonl
    python -m benchmarks.short_and_long_runs keep RUNS.jsonl

Searches of 20 random settings on 2,000 images, each run in both lengths with its whole schedule and
validated at its end on 1,000 images. The truth of a setting is the robust accuracy of its long run
on images that no run has seen. CIFAR-10, halved to 16 x 16 pixels (IMAGES.npz), has a network of
three convolutions and Fast-AT at 4/255, so that a setting takes seconds on a core; the digits are
those of recipe=mnist5k. `train` writes a line for each setting and continues where it stopped; `keep`
writes what `benchmarks.correction` reads, without the images.
"""

import json
import math
import platform
import sys
import time
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from search_spaces.recipes import cifar10, mnist5k
from trainables.data_pipeline.batches import split_validation
from trainables.data_pipeline.images import Dataset, Images
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.training.trial import Trial
from tuner.config.settings import count_cores

SETTINGS, MIN_SETTINGS = 20, 10
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


def keep(file: str) -> None:
    """Write the accuracies of all settings, and how well the unseen images rank them."""
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    searches: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        searches.setdefault(f"{row['kind']}-{row['search']}", []).append(row)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.short_and_long_runs train cifar16.npz RUNS.jsonl",
        "date": str(date.today()),
        "hardware": hardware,
        "searches": {
            name: {
                "reliability_of_unseen": measure_reliability(each),
                "error_of_differences_paired_by_unpaired": measure_pairing(each),
                "trials": [describe_trial(row) for row in each],
            }
            for name, each in searches.items()
            if len(each) >= MIN_SETTINGS
        },
    }
    path = Path(__file__).parent / f"short_and_long_runs_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def describe_trial(row: dict[str, Any]) -> dict[str, Any]:
    """Return knobs, accuracies and seconds of a setting."""
    short, long = row["runs"]["short"], row["runs"]["long"]
    return {
        "knobs": row["knobs"],
        "short": round(short["validation"], 4),
        "long": round(long["validation"], 4),
        "unseen": round(long["unseen"], 5),
        "seconds": [short.get("seconds"), long.get("seconds")],
    }


def read_masks(rows: list[dict[str, Any]], run: str, part: str) -> NDArray[np.uint8]:
    """Return which images are robust after each run that did not diverge, (runs, images)."""
    texts = [row["runs"][run].get(f"{part}_mask") for row in rows]
    return np.array([
        np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8)) for text in texts if text
    ])


def measure_reliability(rows: list[dict[str, Any]]) -> float:
    """Return the rank correlation of two halves of the unseen images, for all of them.

    Its square root bounds the rank correlation with the unseen images that a perfect prediction of
    the true accuracies would have. Mean over 100 splits; by Spearman and Brown for the whole.
    """
    masks, rng, found = read_masks(rows, "long", "unseen"), np.random.default_rng(0), []
    for _ in range(100):
        order = rng.permutation(masks.shape[1])
        halves = (masks[:, part].mean(axis=1) for part in np.array_split(order, 2))
        found.append(float(spearmanr(*halves).statistic))
    half = float(np.mean(found))
    return round(2 * half / (1 + half), 3)


def measure_pairing(rows: list[dict[str, Any]]) -> float:
    """Return the standard error of a difference on equal images, by that on others; the median."""
    masks = read_masks(rows, "short", "validation").astype(float)
    ratios = [
        (one - other).std() / math.hypot(one.std(), other.std())
        for one, other in combinations(masks, 2)
        if one.any() and other.any()
    ]
    return round(float(np.median(ratios)), 3)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(*sys.argv[2:])
    else:
        keep(*sys.argv[2:])
