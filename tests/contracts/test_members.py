"""Every member passes the contract of its group, which custom files are checked by."""

import pytest

from trainables.binding import bind_member
from trainables.components import GROUPS
from tuner.contracts.member import CONTRACTS, run_check

NARROW = {"width": 4}
NEED_FILES = {"arrays", "folder", "huggingface", "imagenet", "torchvision"}
NEED_DOWNLOADS = {"cifar10", "cifar100", "fashion_mnist", "mnist", "svhn"}
MEMBERS = [
    (group, member)
    for group in CONTRACTS
    for member in GROUPS[group].members()
    if group != "data" or member not in NEED_FILES | NEED_DOWNLOADS
]
CASES = [(group, member, check) for group, member in MEMBERS for check in CONTRACTS[group]]


def bind_narrow(group, member):
    knobs = NARROW if "width" in GROUPS[group].member_knobs(member) else {}
    return bind_member(GROUPS[group], member, knobs)


@pytest.mark.parametrize(
    ("group", "member", "check"),
    CASES,
    ids=[f"{group}={member}-{check.__name__}" for group, member, check in CASES],
)
def test_it_passes(group, member, check):
    assert run_check(check, bind_narrow(group, member)) == []
