"""Write the curves of the digits: `uv run python -m benchmarks.digits_curves FOLDER...`.

Each FOLDER is a search of the embedded digits in which every setting was run in all lengths:

    python -m tuner.search recipe=mnist5k data.limit=2000 schedule=piecewise \
        'optimizer.lr=loguniform(5e-4,5e-2)' 'optimizer.weight_decay=loguniform(1e-6,1e-2)' \
        'data.batch_size=choice(25,50,100)' 'eps_schedule.warmup=uniform(0,0.75)' \
        searcher=random trials=20 epochs=16 fidelity=schedule scheduler=halving \
        'scheduler.rungs=[1/8,1/4,1/2]' 'scheduler.keep=[1]' concurrency=1 seed=SEED
"""

import csv
import gzip
import sys
from pathlib import Path

from benchmarks.recorded_sets import DIGITS_FILE, DIGITS_KNOBS
from tuner.replay.recordings import load_archive

COLUMNS = ("search", "trial", *DIGITS_KNOBS, "level", "epoch", "lr", "clean", "robust")


def main(*folders: str) -> None:
    """Write one row per epoch."""
    with gzip.open(DIGITS_FILE, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for search, folder in enumerate(folders):
            for run in load_archive(Path(folder)).runs:
                knobs = [run.knobs[name] for name in DIGITS_KNOBS]
                for each in run.reports:
                    accuracies = [each.val_clean_accuracy, each.val_robust_accuracy]
                    row = [search, run.name, *knobs, each.level, each.epoch, each.lr, *accuracies]
                    writer.writerow(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
