"""Cost of methods relative to PGD-AT: `uv run python -m benchmarks.method_costs data.path=FILE`.

One epoch of each method trains on the same few CIFAR-10 images, in turn, for several rounds, so
that a machine that slows down slows down for all. Published are the minutes of HE's Table C
(arXiv:2002.08619) and of GradAlign's training on a V100 (arXiv:2007.02617).
"""

import json
import platform
import sys
import time
from copy import deepcopy
from datetime import date
from pathlib import Path
from statistics import median

import torch

from trainables.training.loop import train_epoch
from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.settings import count_cores
from tuner.search import parse_search_arguments

ROUNDS = 5
COMMON = [
    "recipe=cifar10",
    "data=arrays",
    "data.crop=0",
    "data.flip=false",
    "data.limit=256",
    "data.batch_size=64",
    "model.width=16",
    "optimizer.weight_decay=grid(5e-4)",
]
HYPERSPHERE = ["model.head=cosine", "criterion=hypersphere"]
METHODS = {
    "PGD-AT": ([], ("PGD-AT", 19.22)),
    "PGD-AT+HE": (HYPERSPHERE, ("PGD-AT", 19.23)),
    "ALP": (["method=alp"], ("PGD-AT", 20.89)),
    "ALP+HE": (["method=alp", *HYPERSPHERE], ("PGD-AT", 20.95)),
    "TRADES": (["method=trades"], ("PGD-AT", 25.83)),
    "TRADES+HE": (["method=trades", *HYPERSPHERE], ("PGD-AT", 25.84)),
    "FGSM": (["attack=fgsm"], ("FGSM", 9.5)),
    "FGSM+GradAlign": (["method=grad_align"], ("FGSM", 30.9)),
}
"""What to type, what to compare with, and the published minutes."""


def main(words: list[str]) -> None:
    """Measure every method, print the ratios and keep them."""
    torch.set_num_threads(count_cores())
    trials = {name: build_trial([*COMMON, *typed, *words]) for name, (typed, _) in METHODS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for number in range(ROUNDS + 1):
        for name, each in trials.items():
            taken = time_epoch(each)
            if number:  # the first round pays for what later ones find ready
                seconds[name].append(taken)
    ratios: dict[str, object] = {}
    for name, (_, (base, minutes)) in METHODS.items():
        pairs = zip(seconds[name], seconds[base], strict=True)
        ratio = median(mine / others for mine, others in pairs)
        published = minutes / METHODS[base][1][1]
        ratios[name] = {"of": base, "measured": round(ratio, 3), "published": round(published, 3)}
        print(f"{name}: {ratio:.3f} times {base}, published {published:.3f}")
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.method_costs data.path=cifar10.npz",
        "date": str(date.today()),
        "hardware": hardware,
        "network": "preact_resnet18, width 16, batch 64",
        "rounds": ROUNDS,
        "seconds": {name: [round(s, 3) for s in some] for name, some in seconds.items()},
        "ratios": ratios,
    }
    path = Path(__file__).parent / f"method_costs_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def build_trial(words: list[str]) -> Trial:
    """Return the trial that the words of a command describe."""
    plan = compose_plan(*parse_search_arguments(words))
    (variant,) = plan.variants
    groups = deepcopy(variant.fixed)
    groups["optimizer"]["weight_decay"] = 5e-4
    return Trial({**groups, **plan.shared_config(), "device": "cpu"})


def time_epoch(trial: Trial) -> float:
    """Return the seconds of one epoch of training, without validation."""
    start = time.perf_counter()
    train_epoch(
        trial.model,
        trial.optimizer,
        trial.average,
        trial.train_images,
        trial.components,
        classes=trial.dataset.classes,
        threat=trial.threat,
        peak_lr=0.01,
        rng=trial.rng,
        memory=trial.memory,
        epoch=0,
        epochs=1,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1:])
