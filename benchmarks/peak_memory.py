"""Memory of a training step: `uv run --group bench python -m benchmarks.peak_memory`.

Each contender of `benchmarks.training_step` takes two steps in a process of its own; what counts is
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

from benchmarks.training_step import SETTINGS, ours, reference, toolbox, torchattacked
from tuner.settings import cores

NETWORKS = ("resnet18", "preact_resnet18")
CONTENDERS: dict[str, Callable[..., Callable[[], object]]] = {
    "reference loop": reference,
    "torchattacks": torchattacked,
    "ART": toolbox,
    "ours fp32": lambda name, x, _: ours(name, x, "fp32", {}),
    "ours bf16": lambda name, x, _: ours(name, x, "bf16", {}),
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
    hardware = f"{cores()}-core-{platform.machine()}"
    about = {
        "command": "python -m benchmarks.peak_memory",
        "date": str(date.today()),
        "hardware": hardware,
    }
    path = Path(__file__).parent / f"peak_memory_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(about | {"megabytes": kept}, indent=1) + "\n")


def measure(name: str, contender: str) -> float:
    """Return by how many megabytes two steps raise the largest resident size."""
    shape, size = SETTINGS[name]
    torch.set_num_threads(cores())
    step = CONTENDERS[contender](name, torch.rand(size, *shape), torch.randint(10, (size,)))
    before = peak()
    step()
    step()
    return peak() - before


def peak() -> float:
    """Return the largest resident size of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts kibibytes


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(sys.argv[1], sys.argv[2]))
    else:
        main()
