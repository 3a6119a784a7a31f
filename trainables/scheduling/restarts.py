"""Periods: both schedules start over at given moments (Liu et al., 2020, arXiv:2006.08403)."""

from typing import Annotated

from pydantic import AfterValidator

from trainables.hparams.ranges import OpenFraction, valid_milestones

TOLERANCE = 1e-9
"""Lets 100 of 150 epochs be two thirds, whatever floating point makes of it."""


Resets = Annotated[tuple[OpenFraction, ...], AfterValidator(valid_milestones)]


def locate_period(progress: float, *, resets: Resets = ()) -> tuple[int, float]:
    """Return how many periods are over, and the share of the present one that is.

    Args:
        progress: Share of the run that is over, in [0, 1].
        resets: When the learning rate and eps start over, as shares of the run: epochs
            0:100:150:200 of the paper are [100/200,150/200].
    """
    ends = [0.0, *resets, 1.0]
    over = sum(progress >= moment - TOLERANCE for moment in resets)
    begin, end = ends[over], ends[over + 1]
    return over, max(0.0, progress - begin) / (end - begin)
