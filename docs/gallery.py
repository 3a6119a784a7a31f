"""Draw the figures of the gallery: `python -m docs.gallery`.

The studies are small searches on MNIST digits, which take about ten minutes on two cores. A study
that `results/` holds already is not run again.
"""

import subprocess
import sys
from pathlib import Path

from analysis import figures, load

ROOT = Path(__file__).parents[1]
GALLERY, RESULTS = ROOT / "docs" / "gallery", ROOT / "results"
RADII, ATTACKS = (0.1, 0.2, 0.3), ("fgsm", "pgd")
WEIGHT_DECAY, TRADES = "gallery_weight_decay", "gallery_trades"
RADIUS_STUDIES = {
    f"gallery_{attack}_{radius}": (
        *("tuner.train", "recipe=mnist5k", "epochs=3"),
        *(f"attack={attack}", f"threat.eps={radius}"),
    )
    for attack in ATTACKS
    for radius in RADII
}
STUDIES = {
    WEIGHT_DECAY: ("tuner.search", "space=weight_decay", "optimizer.lr=loguniform(1e-2,1)"),
    TRADES: (
        *("tuner.search", "recipe=mnist5k", "method=trades", "method.beta=uniform(1,12)"),
        *("trials=8", "fidelity=epochs", "scheduler.rungs=[0.5]"),
    ),
    **RADIUS_STUDIES,
}
"""Name of a results folder to the command that makes the study, without `python -m`."""
BOTH = (WEIGHT_DECAY, TRADES)
FIGURES = {
    "clean_robust": BOTH,
    "collapse": tuple(RADIUS_STUDIES),
    "learning_curves": BOTH,
    "lr_sensitivity": (WEIGHT_DECAY,),
    "overfitting": BOTH,
    "parallel_coordinates": (WEIGHT_DECAY,),
    "radii": tuple(RADIUS_STUDIES),
    "rungs": BOTH,
    "sensitivity": (TRADES,),
    "weight_decay": (WEIGHT_DECAY,),
}
"""Figure to the studies that it shows."""


def main() -> int:
    """Run the studies that there are not, then draw; return the exit status."""
    for name, command in STUDIES.items():
        if not (RESULTS / name).is_dir():
            words = [sys.executable, "-m", *command, f"name={name}", f"results={RESULTS}"]
            subprocess.run(words, check=True, cwd=ROOT)
    GALLERY.mkdir(exist_ok=True)
    for figure, studies in FIGURES.items():
        frames = load(*(RESULTS / name for name in studies))
        figures.save(figures.draw(figure, frames), GALLERY / f"{figure}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
