"""Where the learning rate of a study drops."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trainables.binding import bind_member
from trainables.components import GROUPS
from trainables.scheduling import locate_period
from tuner.config.plan import Variant

N_STEPS = 1000
"""Steps of a run at which its learning rate is looked up: no smooth schedule halves in one."""
MAX_RATIO = 0.5
"""Ratio of the learning rates after and before a sharp drop, at most."""
END = 0.95
"""Share of the run behind which a drop is its end."""
ROUNDING = 1e-9


def find_lr_drops(variants: Iterable[Variant]) -> frozenset[float | None]:
    """Return the share of the run at which the learning rate first drops sharply, by variant.

    `None` stands for variants in which it does not, or in which the schedule is searched.
    """
    return frozenset(
        None
        if any(path.partition(".")[0] in {"schedule", "periods"} for path in variant.searched)
        else find_first_drop(bind_factor(variant.fixed))
        for variant in variants
    )


def bind_factor(groups: Mapping[str, Mapping[str, Any]]) -> Callable[[float], float]:
    """Return the function from the completed share of a run to its factor of the learning rate."""
    schedule = dict(groups["schedule"])
    bound = bind_member(GROUPS["schedule"], schedule.pop("name"), schedule)
    resets = groups.get("periods", {}).get("resets", ())

    def factor(progress: float) -> float:
        return float(bound["factor"](locate_period(progress, resets=resets)[1]))

    return factor


def find_first_drop(factor: Callable[[float], float]) -> float | None:
    """Return the share of a run at which the learning rate first drops; `None`: nowhere.

    Args:
        factor: From the completed share of the run to the factor of the learning rate.
    """
    rates = [factor(step / N_STEPS) for step in range(int(END * N_STEPS) + 1)]
    for step, (before, now) in enumerate(itertools.pairwise(rates), start=1):
        if before > 0 and now <= (MAX_RATIO + ROUNDING) * before:
            return step / N_STEPS
    return None
