"""Which network ranks averaged runs: `uv run python -m benchmarks.ranking FASTAT`.

FASTAT is the table that `benchmarks.fastat` reads. At several shares of the run, the best accuracy
so far of the trained network, of its average, and the one that the rule of
`tuner.schedulers.core.ranking` chooses are compared with the best of the average over the whole
run, which is what is saved: rank correlations over all runs. The threshold of the rule is chosen on
half of the methods and tested on the others.
"""

import json
import platform
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import mean

from scipy.stats import spearmanr

from benchmarks.fastat import Run, load_runs, split_by_method
from tuner.config.settings import count_cores
from tuner.schedulers.core.ranking import (
    MIN_HORIZONS,
    RankingAccuracy,
    RungAccuracies,
    ranking_accuracy,
)

SHARES = tuple(round(0.02 * number, 2) for number in range(5, 51))
"""Shares of the run at which a threshold is judged."""
SHOWN = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.66, 0.7, 0.8, 0.9)
THRESHOLDS = tuple(0.5 * number for number in range(61))


def main(table: str) -> None:
    """Measure, print and keep the numbers."""
    runs = [run for run in load_runs(Path(table)) if run.has_average]
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": f"python -m benchmarks.ranking {Path(table).name}",
        "date": str(date.today()),
        "hardware": hardware,
        **measure(runs),
    }
    print(json.dumps(kept, indent=1))
    path = Path(__file__).parent / f"ranking_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure(runs: Sequence[Run]) -> dict[str, object]:
    """Return the numbers of all runs, and of thresholds chosen on half of the methods."""
    one, other = split_by_method(runs)
    return {
        "runs": len(runs),
        "rank_correlations": [
            {
                "share": share,
                "trained": round(correlate(runs, share, float("inf")), 3),
                "average": round(correlate(runs, share, 0.0), 3),
                "rule": round(correlate(runs, share, MIN_HORIZONS), 3),
            }
            for share in SHOWN
        ],
        "chosen_on_one_half_of_the_methods": [
            try_choice(train, test) for train, test in ((one, other), (other, one))
        ],
    }


def correlate(runs: Sequence[Run], share: float, threshold: float) -> float:
    """Return the rank correlation of a rung with the end.

    Args:
        runs: The runs.
        share: Share of the run at which the rung is.
        threshold: Horizons before which the trained networks rank.
    """
    rung = RungAccuracies()
    for run in runs:
        best = RankingAccuracy()
        reports = run.reports
        for report in reports[: round(share * len(reports))]:
            best = best.best_with(ranking_accuracy(report, threshold))
        rung.append(best)
    ends = [max(epoch.average for epoch in run.epochs) for run in runs]
    return float(spearmanr(list(rung.values), ends).statistic)


def try_choice(train: Sequence[Run], test: Sequence[Run]) -> dict[str, float]:
    """Return the threshold that is best on some runs, and its correlations on others."""

    def quality(threshold: float) -> float:
        return mean(correlate(train, share, threshold) for share in SHARES)

    chosen = max(THRESHOLDS, key=quality)
    return {
        "threshold": chosen,
        "mean_correlation": round(mean(correlate(test, share, chosen) for share in SHARES), 3),
        "mean_of_trained": round(mean(correlate(test, share, float("inf")) for share in SHARES), 3),
        "mean_of_average": round(mean(correlate(test, share, 0.0) for share in SHARES), 3),
        "half_time": round(correlate(test, 0.5, chosen), 3),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
