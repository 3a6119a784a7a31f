"""Everything that speed is measured by: `uv run --group bench python -m benchmarks`.

Takes about an hour on two cores, which nothing else should be using.
"""

import subprocess
import sys

BENCHMARKS = (
    "training_step",
    "peak_memory",
    "examination",
    "trial_start",
    "packing",
    "search_overhead",
)


def main() -> None:
    """Run each benchmark in a process that is separate."""
    for name in BENCHMARKS:
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
