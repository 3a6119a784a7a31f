"""Seconds of a training step: `uv run --group bench python -m benchmarks.training_step`.

All contenders run in one process, in turn, for several rounds, so that a machine that slows down
slows down for all; what counts is the median of the ratios. Peers: a loop as in the reference
repositories (attack by `loss.backward()` in train mode), torchattacks' PGD in such a loop, and the
trainer of adversarial-robustness-toolbox. The floor is the time of the network's convolutions
alone, forward and backward to their inputs, at the same shapes.
"""

import json
import platform
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.training_contenders import (
    SETTINGS,
    STEPS,
    build_art_step,
    build_convolution_step,
    build_our_step,
    build_reference_step,
    build_torchattacks_step,
    build_trial,
    record_convolutions,
)
from tuner.config.settings import count_cores

ROUNDS = 5
METHODS: dict[str, dict[str, dict[str, Any]]] = {
    "PGD-AT": {},
    "TRADES": {"method": {"name": "trades"}},
    "FGSM-RS": {"attack": {"name": "fgsm_rs"}},
    "GradAlign": {"method": {"name": "grad_align"}, "attack": {"name": "fgsm"}},
    "Free": {"update": {"name": "free", "replays": 1}},
}


def main(names: list[str]) -> None:
    """Measure the networks, print the tables and keep the numbers."""
    torch.set_num_threads(count_cores())
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept: dict[str, Any] = {"date": str(date.today()), "hardware": hardware, "rounds": ROUNDS}
    for name in names or SETTINGS:
        kept[name] = measure_network(name, methods=name == "resnet18")
    path = Path(__file__).parent / f"training_step_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_network(name: str, *, methods: bool) -> dict[str, Any]:
    """Return the seconds of every contender on one network, and the ratios to the loop."""
    shape, size = SETTINGS[name]
    x, y = torch.rand(size, *shape), torch.randint(10, (size,))
    contenders = {
        "reference loop": build_reference_step(name, x, y),
        "torchattacks": build_torchattacks_step(name, x, y),
        "ART": build_art_step(name, x, y),
        "ours fp32": build_our_step(name, x, "fp32", {}),
        "ours bf16": build_our_step(name, x, "bf16", {}),
        "floor fp32": build_convolution_step(
            build_trial(name, x, "fp32", {}).model, x, torch.float32
        ),
        "floor bf16": build_convolution_step(
            build_trial(name, x, "fp32", {}).model, x, torch.bfloat16
        ),
    }
    if methods:
        contenders |= {
            f"ours fp32, {method}": build_our_step(name, x, "fp32", changes)
            for method, changes in METHODS.items()
            if changes
        }
    seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
    for number in range(ROUNDS + 1):
        for contender, step in contenders.items():
            start = time.perf_counter()
            step()
            if number:  # the first round pays for what later ones find ready
                seconds[contender].append(time.perf_counter() - start)
    print(f"\n{name}, {size} images")
    ratios = {}
    for contender, taken in seconds.items():
        pairs = zip(taken, seconds["reference loop"], strict=True)
        ratios[contender] = round(median(mine / loop for mine, loop in pairs), 3)
        print(f"  {contender:24} {median(taken):7.3f} s   {ratios[contender]:.3f}")
    peer = min(median(seconds[c]) for c in ("reference loop", "torchattacks", "ART"))
    for contender in ("ours fp32", "ours bf16"):
        print(f"  {contender} / fastest peer: {median(seconds[contender]) / peer:.3f}")
    return {
        "images": size,
        "seconds": {c: [round(s, 4) for s in taken] for c, taken in seconds.items()},
        "ratio_to_reference_loop": ratios,
        "gigaflops_per_second": compute_rates(name, x, seconds),
    }


def compute_rates(name: str, x: Tensor, seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return how many billion operations a second each contender's convolutions reach."""
    calls = record_convolutions(build_trial(name, x, "fp32", {}).model, x)
    one_pass = sum(2 * slope.numel() * conv.weight[0].numel() for conv, _, slope in calls)
    operations = one_pass * (2 * STEPS + 3)  # forward and back; in the update back twice
    return {
        contender: round(operations / median(taken) / 1e9, 1)
        for contender, taken in seconds.items()
        if "," not in contender
    }


if __name__ == "__main__":
    main(sys.argv[1:])
