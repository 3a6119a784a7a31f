"""The collapse detector on recorded runs: `uv run python -m benchmarks.collapses FASTAT CURVES`.

FASTAT is the table that `benchmarks.fastat` reads, CURVES that of "Overfitting in adversarially
robust deep learning" (arXiv:2002.11569), of whose runs those against FGSM are replayed: their
accuracy under FGSM is that on the training images.

A check takes place after every epoch. A run ends wrongly if what is saved later gains more than a
point on its best so far. A run that collapses (as the rule without comparison finds) and after that
gains no more than a point never recovers; it should end.
"""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import product
from pathlib import Path

import pandas as pd

from benchmarks.fastat import Run, load_runs, split_by_method
from trainables.hparams.knobs import read_knobs
from trainables.robustness.overfitting_detector import Check, detect_collapse, is_collapse
from tuner.config.settings import count_cores

GAIN = 0.01
"""A larger gain of what is saved, as a fraction, is a recovery."""
SHARE, FALLEN = (
    float(read_knobs(detect_collapse)[name].default)  # type: ignore[arg-type]
    for name in ("share", "fallen")
)
"""Defaults of the detector."""
SHARES, FALLENS = (0.15, 0.25, 0.35, 0.5), (0.5, 0.7, 0.8, 0.9, 0.95)
"""Values that are tried."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of some runs.

    Attributes:
        runs: Number of runs.
        ended: Runs that the rule ends.
        ended_wrongly: Of those, the ones that would have recovered.
        never_recover: Runs that collapse and do not recover.
        never_recover_ended: Of those, the ones that the rule ends.
        epochs_saved: Epochs that the ended runs would have had left.
    """

    runs: int
    ended: int
    ended_wrongly: int
    never_recover: int
    never_recover_ended: int
    epochs_saved: int


def main(fastat: str, curves: str) -> None:
    """Measure, print and keep the numbers."""
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": f"python -m benchmarks.collapses {Path(fastat).name} {Path(curves).name}",
        "date": str(date.today()),
        "hardware": hardware,
        **measure_fastat(load_runs(Path(fastat))),
        "fgsm_runs_of_rice": asdict(measure(load_fgsm_runs(Path(curves)), SHARE, FALLEN)),
    }
    print(json.dumps(kept, indent=1))
    path = Path(__file__).parent / f"collapses_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_fastat(runs: Sequence[Run]) -> dict[str, object]:
    """Return the numbers of FastAT's runs, where the average and where the network is saved."""
    found: dict[str, object] = {}
    for averaged in (True, False):
        one, other = (list_checks(half, averaged=averaged) for half in split_by_method(runs))
        found["average_saved" if averaged else "trained_network_saved"] = {
            "default": asdict(measure([*one, *other], SHARE, FALLEN)),
            "without_comparison": asdict(measure([*one, *other], SHARE, 0.0)),
            "chosen_on_one_half_of_the_methods": [
                try_choice(train, test) for train, test in ((one, other), (other, one))
            ],
        }
    return found


def list_checks(runs: Iterable[Run], *, averaged: bool) -> list[list[Check]]:
    """Return the checks of each run; an average is saved where there is one."""
    return [run.checks(averaged=averaged and run.has_average) for run in runs]


def load_fgsm_runs(curves: Path) -> list[list[Check]]:
    """Return the checks of the runs that were trained against FGSM."""
    table = pd.read_csv(curves, low_memory=False)
    table = table[table["attack"] == "fgsm"].sort_values(["run", "epoch"])
    return [
        [
            Check(fgsm=fgsm, pgd=pgd, kept=pgd)
            for fgsm, pgd in rows[["train_robust_acc", "test_robust_acc"]].to_numpy()
        ]
        for _, rows in table.groupby("run")
    ]


def find_end(checks: Sequence[Check], share: float, fallen: float) -> int | None:
    """Return the index of the check after which a run ends, the second in a row; or `None`."""
    best_pgd = best_kept = 0.0
    before = False
    for index, check in enumerate(checks):
        best_pgd, best_kept = max(best_pgd, check.pgd), max(best_kept, check.kept)
        now = is_collapse(check, best_pgd=best_pgd, best_kept=best_kept, share=share, fallen=fallen)
        if now and before:
            return index
        before = now
    return None


def recovers(checks: Sequence[Check], index: int) -> bool:
    """Return whether what is saved later becomes better than its best up to a check."""
    before = max(check.kept for check in checks[: index + 1])
    return any(check.kept > before + GAIN for check in checks[index + 1 :])


def measure(runs: Sequence[Sequence[Check]], share: float, fallen: float) -> Outcome:
    """Return what becomes of runs under a rule."""
    ends = [find_end(run, share, fallen) for run in runs]
    ended = [(run, end) for run, end in zip(runs, ends, strict=True) if end is not None]
    collapses = [find_end(run, SHARE, 0.0) for run in runs]
    lost = [
        end is not None
        for run, end, at in zip(runs, ends, collapses, strict=True)
        if at is not None and not recovers(run, at)
    ]
    return Outcome(
        runs=len(runs),
        ended=len(ended),
        ended_wrongly=sum(recovers(run, end) for run, end in ended),
        never_recover=len(lost),
        never_recover_ended=sum(lost),
        epochs_saved=sum(len(run) - end - 1 for run, end in ended),
    )


def try_choice(
    train: Sequence[Sequence[Check]], test: Sequence[Sequence[Check]]
) -> dict[str, object]:
    """Return the rule that is best on some runs, and what it does on others."""

    def quality(rule: tuple[float, float]) -> tuple[int, int, int]:
        outcome = measure(train, *rule)
        return -outcome.ended_wrongly, outcome.never_recover_ended, outcome.epochs_saved

    share, fallen = max(product(SHARES, FALLENS), key=quality)
    return {"share": share, "fallen": fallen, **asdict(measure(test, share, fallen))}


if __name__ == "__main__":
    main(*sys.argv[1:])
