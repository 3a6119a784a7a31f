"""Measure speed, memory and exactness on one GPU: `python -m benchmarks.gpu`.

Takes at most eight minutes, prints a table and writes JSON beside the other results. Each part has
a separate process and a time limit; what fails is reported in its place. `--sections` chooses
parts, `--device cpu` runs all of them at the smallest size, to test the benchmark itself.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.attempts import OUT_OF_TIME, describe_error
from benchmarks.gpu.device import describe_device
from benchmarks.gpu.sections import Part, list_parts, select_parts
from benchmarks.gpu.settings import PRESETS, Deadline, Settings, Values
from benchmarks.gpu.table import format_results

TOTAL_SECONDS = 480.0
STARTUP_SECONDS = 12.0
"""Time that a process may take besides its measurement: imports, the CUDA context, its end."""
GRACE_SECONDS = 5.0
"""Time that an interrupted process has to end."""
LEAST_SECONDS = 8.0
"""A part that would have less is left out."""

RunPart = Callable[[Part, argparse.Namespace], Values]


def main(words: Sequence[str]) -> int:
    """Run the benchmark, or with `--part` one part of it; return the exit status."""
    options = parse_options(words)
    settings = replace(PRESETS[options.device], with_compile=options.compile)
    try:
        parts = select_parts(list_parts(settings), options.sections)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.part:
        (part,) = parts
        measure_part(part, settings, options.seconds, Path(options.part))
        return 0
    results = run_parts(parts, options, run_in_process)
    path = Path(options.json or default_path(results))
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(format_results(results))
    print(f"\n{path}")
    return 0


def parse_options(words: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", choices=PRESETS, default="cuda")
    parser.add_argument("--sections", nargs="*", default=[], help="sections, or SECTION:PART")
    parser.add_argument("--compile", action="store_true", help="time torch.compile too (minutes)")
    parser.add_argument("--seconds", type=float, default=TOTAL_SECONDS, help="limit of all parts")
    parser.add_argument("--json", help="file of the results; default: beside the others")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def default_path(results: Values) -> Path:
    """Return the file of the results where `--json` does not name one."""
    hardware = results["about"]["device"].replace(" ", "-")
    return Path(__file__).parents[1] / f"gpu_{hardware}_{date.today()}.json"


def run_parts(parts: Sequence[Part], options: argparse.Namespace, run: RunPart) -> Values:
    """Return the results of all parts, by section and name.

    Args:
        parts: The parts.
        options: Options of the command line; `seconds` limits all parts together.
        run: Runs a part, in the `seconds` that its options have.
    """
    deadline = Deadline(options.seconds)
    results: Values = {
        "about": {
            "command": "python -m benchmarks.gpu",
            "date": str(date.today()),
            "device": describe_device(options.device),
            "torch": torch.__version__,
            "seconds": {},
        }
    }
    for part in parts:
        start = time.perf_counter()
        seconds = min(part.seconds, deadline.seconds_left() - STARTUP_SECONDS)
        print(f"{part.label} ...", file=sys.stderr, flush=True)
        if seconds < LEAST_SECONDS:
            found: Values = OUT_OF_TIME
        else:
            found = run(part, argparse.Namespace(**{**vars(options), "seconds": seconds}))
        if part.name:
            results.setdefault(part.section, {})[part.name] = found
        else:
            results[part.section] = found
        results["about"]["seconds"][part.label] = round(time.perf_counter() - start, 1)
    return results


def run_in_process(part: Part, options: argparse.Namespace) -> Values:
    """Return what a part stores in a new process, until its end or that of its time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.json"
        command = [sys.executable, "-m", "benchmarks.gpu", "--device", options.device]
        command += ["--sections", part.label, "--seconds", str(options.seconds)]
        command += ["--part", str(path), *(["--compile"] if options.compile else [])]
        output = Path(folder) / "output.txt"
        with output.open("w") as file:
            # a group, so that all processes of the part can be ended with it
            process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
            status = wait_or_end(process, options.seconds + STARTUP_SECONDS)
        found: Values = json.loads(path.read_text()) if path.exists() else {}
        last = output.read_text(errors="replace").splitlines()[-3:]
    if status is None:
        return found | OUT_OF_TIME
    return found | ({"error": f"exit status {status}: {' '.join(last)}"} if status else {})


def wait_or_end(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Return the exit status of a process; `None`: it was ended because it took too long."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)  # so that it ends what it has started
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return None


def measure_part(part: Part, settings: Settings, seconds: float, path: Path) -> None:
    """Measure a part in `seconds`; write what it stores to `path` each time that it does."""
    if settings.device == "cpu":
        torch.set_num_threads(1)
    found: Values = {}

    def keep(name: str, value: Any) -> None:  # noqa: ANN401  # whatever JSON has
        found[name] = value
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(found))
        whole.replace(path)  # the process may be ended while it writes

    try:
        part.measure(settings, part.name, Deadline(seconds), keep)
    except Exception as error:  # kept with what has been measured
        keep("error", describe_error(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
