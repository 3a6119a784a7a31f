"""Memory of a training step: `uv run --group bench python -m benchmarks.peak_memory`.

Each contender of `benchmarks.training_step` takes two steps in a separate process; what counts is
by how much its largest resident size exceeds that before the first step.
"""

import json
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from benchmarks.training_contenders import (
    SETTINGS,
    build_art_step,
    build_our_step,
    build_reference_step,
    build_torchattacks_step,
)
from tuner.config.settings import count_cores

NETWORKS = ("resnet18", "preact_resnet18")
CONTENDERS: dict[str, Callable[..., Callable[[], object]]] = {
    "reference loop": build_reference_step,
    "torchattacks": build_torchattacks_step,
    "ART": build_art_step,
    "ours fp32": lambda name, x, _: build_our_step(name, x, "fp32", {}),
    "ours bf16": lambda name, x, _: build_our_step(name, x, "bf16", {}),
}


def main() -> None:
    """Measure every contender, print and keep the megabytes."""
    kept = {}
    for name in NETWORKS:
        for contender in CONTENDERS:
            command = [sys.executable, "-m", "benchmarks.peak_memory", name, contender]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            kept[f"{name}, {contender}"] = float(done.stdout.splitlines()[-1])
            print(f"{name}, {contender}: {kept[f'{name}, {contender}']:.0f} MB")
    hardware = f"{count_cores()}-core-{platform.machine()}"
    about = {
        "command": "python -m benchmarks.peak_memory",
        "date": str(date.today()),
        "hardware": hardware,
    }
    path = Path(__file__).parent / f"peak_memory_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(about | {"megabytes": kept}, indent=1) + "\n")


def measure_peak_increase(name: str, contender: str) -> float:
    """Return by how many megabytes two steps raise the largest resident size."""
    shape, size = SETTINGS[name]
    torch.set_num_threads(count_cores())
    step = CONTENDERS[contender](name, torch.rand(size, *shape), torch.randint(10, (size,)))
    before = read_peak_memory()
    step()
    step()
    return read_peak_memory() - before


def read_peak_memory() -> float:
    """Return the largest resident size of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts kibibytes


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure_peak_increase(sys.argv[1], sys.argv[2]))
    else:
        main()
