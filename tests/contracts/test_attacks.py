"""What every training attack must do from each of its starts, beyond the contract of attacks."""

import pytest

from trainables.binding import bind_member
from trainables.components import GROUPS
from trainables.hparams.knobs import read_knobs
from tuner.contracts.attack import check_device, check_result
from tuner.contracts.member import run_check

ATTACKS = GROUPS["attack"]
STARTS = [
    (name, start)
    for name in ATTACKS.members()
    for knobs in [read_knobs(ATTACKS.load(name).perturb)]
    if "start" in knobs
    for start in ("zero", "gaussian", "step", "random")
]


@pytest.mark.parametrize("check", [check_device, check_result])
@pytest.mark.parametrize(("name", "start"), STARTS)
def test_every_start_keeps_the_contract(name, start, check):
    noise = {"omega": 0.1} if "omega" in ATTACKS.member_knobs(name) else {}
    attack = bind_member(ATTACKS, name, {"start": start, **noise})
    assert run_check(check, attack) == []
