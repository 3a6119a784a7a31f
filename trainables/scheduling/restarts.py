"""Periods: restarts of the learning rate and eps schedules (Liu et al., 2020, arXiv:2006.08403)."""

from typing import Annotated

from pydantic import AfterValidator

from trainables.hparams.ranges import OpenFraction, valid_milestones

TOLERANCE = 1e-9
"""Tolerance of rounding errors, so that 100 of 150 epochs is two thirds."""


Resets = Annotated[tuple[OpenFraction, ...], AfterValidator(valid_milestones)]


def locate_period(progress: float, *, resets: Resets = ()) -> tuple[int, float]:
    """Return the number of completed periods and the completed share of the current one.

    Args:
        progress: Completed share of the run, in [0, 1].
        resets: Milestones at which learning rate and eps restart, as shares of the run: epochs
            0:100:150:200 of the paper are [100/200,150/200].
    """
    ends = [0.0, *resets, 1.0]
    completed = sum(progress >= reset - TOLERANCE for reset in resets)
    begin, end = ends[completed], ends[completed + 1]
    return completed, max(0.0, progress - begin) / (end - begin)
