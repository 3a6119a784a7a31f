"""What every schedule must do: learning rates and radii alike."""

import pytest

from trainables.components import GROUPS

SCHEDULES = [(g, m) for g in ("schedule", "eps_schedule") for m in GROUPS[g].members()]
each = pytest.mark.parametrize(("group", "member"), SCHEDULES, ids="=".join)


@each
def test_the_factor_is_a_share_of_the_peak(group, member):
    factor = GROUPS[group].load(member).factor
    values = [factor(t / 100) for t in range(101)]
    assert all(0 <= value <= 1 for value in values)
    assert max(values) > 0.9


@each
def test_it_is_a_function_of_progress_alone(group, member):
    factor = GROUPS[group].load(member).factor
    assert [factor(t) for t in (0.9, 0.1, 0.9)] == [factor(0.9), factor(0.1), factor(0.9)]
