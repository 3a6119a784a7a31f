"""Check that two versions of the code give the same results in three seeded searches.

Run the searches in a checkout of each version, then compare the two folders:

    uv run python benchmarks/compare_versions.py run before
    uv run python benchmarks/compare_versions.py run after
    uv run python benchmarks/compare_versions.py compare before after

Timings and paths are left out of the comparison; everything else must be equal, weights included.
"""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file

QUICK = [
    *("space=weight_decay", "data.validation=60", "data.limit=240", "model=small_cnn"),
    *("attack.steps=1", "exam.steps=2", "epochs=6", "seed=3", "concurrency=1", "cpu=1"),
]
SEARCHES = {
    "halving": ["scheduler=halving", "trials=6"],
    "asha": ["scheduler=asha", "fidelity=epochs", "trials=6"],
    "pbt": ["scheduler=pbt", "trials=4"],
}
VOLATILE = ("seconds", "checkpoint", "time", "path")
"""Parts of the names of columns that differ from run to run."""


def run(folder: Path) -> None:
    """Run the three searches with the version in the current directory; write to `folder`."""
    for name, arguments in SEARCHES.items():
        words = [*QUICK, *arguments, f"results={folder}", f"name={name}"]
        subprocess.run([sys.executable, "-m", "tuner.search", *words], check=True)


def compare(before: Path, after: Path) -> list[str]:
    """Return the differences between two folders that `run` has written."""
    problems = []
    for name in SEARCHES:
        for table in ("trials.parquet", "epochs.parquet"):
            first, second = (load_table(folder / name / table) for folder in (before, after))
            try:
                pd.testing.assert_frame_equal(first, second, check_exact=True)
            except AssertionError as error:
                problems.append(f"{name}/{table}: {error}")
        weights = [load_file(each / name / "best/model.safetensors") for each in (before, after)]
        if weights[0].keys() != weights[1].keys():
            problems.append(f"{name}: the winners' weights have different names")
        elif not all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0]):
            problems.append(f"{name}: the winners' weights differ")
    return problems


def load_table(path: Path) -> pd.DataFrame:
    """Return a frame of results without the columns that differ from run to run."""
    frame = pd.read_parquet(path)
    kept = [column for column in frame if not any(part in str(column) for part in VOLATILE)]
    return frame[kept].reset_index(drop=True)


def main() -> None:
    """Run or compare, as the command line says."""
    match sys.argv[1:]:
        case ["run", folder]:
            run(Path(folder).absolute())
        case ["compare", before, after]:
            problems = compare(Path(before), Path(after))
            print("\n".join(problems) or "equal")
            sys.exit(bool(problems))
        case _:
            sys.exit("usage: compare_versions.py run FOLDER | compare BEFORE AFTER")


if __name__ == "__main__":
    main()
