"""Which weights are validated: the trained ones, a moving or an equal average.

Moving averages with decays from 0.995 (Gowal et al., arXiv:2010.03593) to 0.9995 (FastAT_Benchmark,
arXiv:2604.22853); equal ones from a half or later (Izmailov et al., arXiv:1803.05407). A longer
horizon than a twentieth of the run is cut off by default: see `average.max_share`.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the average, and the knob of each."""
    return {
        "none": {"average": {"name": "none"}},
        "ema": {
            "average": {
                "name": "ema",
                "decay": tune.choice([0.99, 0.995, 0.998, 0.999, 0.9995]),
                "max_share": tune.uniform(0.02, 0.2),
            }
        },
        "swa": {
            "average": {
                "name": "swa",
                "start": tune.uniform(0.3, 0.9),
                "every": tune.choice(["epoch", "step"]),
            }
        },
    }
