"""A study with several seeds: `uv run python -m benchmarks.study NAME SEEDS KEY=VALUE...`.

The space is `benchmarks/studies/NAME.py`. It is searched once a seed, and what came out is kept
beside it: every epoch as `NAME_HARDWARE_DATE.parquet`, and the table of means as `.md`.
"""

import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd

from trainables.hparams.registry import load_file
from tuner.config.settings import count_cores

STUDIES = Path(__file__).parent / "studies"
NAMED_ARGUMENTS = ("precision=",)
"""Arguments that differ between two runs of a study, and so are part of the results' name."""
TRIAL_KEYS = ["seed", "trial_id"]
TABLE_COLUMNS = {
    "best robust %": "val_robust_accuracy",
    "clean % there": "val_clean_accuracy",
    "last robust %": "last_val_robust_accuracy",
}


def main(name: str, seeds: int, words: list[str]) -> None:
    """Run every seed and keep the frames and the table.

    Args:
        name: Of the study.
        seeds: How many, from 0.
        words: What else to say to `tuner.search`.
    """
    space = STUDIES / f"{name}.py"
    trials, epochs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            typed = [f"space={space}", f"seed={seed}", f"results={folder}", f"name={seed}", *words]
            subprocess.run([sys.executable, "-m", "tuner.search", *typed], check=True)
            trials.append(pd.read_parquet(Path(folder) / str(seed) / "trials.parquet"))
            epochs.append(pd.read_parquet(Path(folder) / str(seed) / "epochs.parquet"))
            epochs[-1].insert(0, "seed", seed)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    said = "".join(f"_{word}" for word in words if word.startswith(NAMED_ARGUMENTS))
    kept = STUDIES / f"{name}{said}_{hardware}_{date.today()}"
    runs = pd.concat(trials, ignore_index=True)
    knobs = list(runs.columns[2 : runs.columns.get_loc("best_epoch")])
    rows = pd.concat(epochs).merge(runs[[*TRIAL_KEYS, *knobs]], on=TRIAL_KEYS)
    rows.to_parquet(kept.with_suffix(".parquet"))
    title = (load_file(space).__doc__ or "").strip()
    command = " ".join([name, str(seeds), *(hide_folder(word) for word in words)])
    kept.with_suffix(".md").write_text(
        f"# {title}\n\n{format_table(runs, knobs)}\n\n"
        f"Mean ± standard deviation over n seeds, on the validation split, under PGD-10.\n"
        f"{date.today()}, {hardware}, {platform.python_implementation()} "
        f"{platform.python_version()}, `python -m benchmarks.study {command}`.\n"
    )


def hide_folder(word: str) -> str:
    """Return an argument without the folder that a file lies in on this machine."""
    key, equals, value = word.partition("=")
    return f"{key}{equals}{os.path.basename(value)}" if os.sep in value else word


def format_table(runs: pd.DataFrame, knobs: list[str]) -> str:
    """Return one row a setting: mean and standard deviation over its seeds, in percent."""
    lines = [" | ".join([*knobs, *TABLE_COLUMNS, "n"]), " | ".join(["---"] * (len(knobs) + 4))]
    for setting, some in runs.groupby(knobs, sort=False, dropna=False):
        values = [
            f"{100 * some[c].mean():.1f} ± {100 * some[c].std():.1f}"
            for c in TABLE_COLUMNS.values()
        ]
        named = [f"{v:g}" if isinstance(v, float) else str(v) for v in setting]
        lines.append(" | ".join([*named, *values, str(len(some))]))
    return "\n".join(f"| {line} |" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
