"""What every member of every group must have: functions, documentation, citation, defaults."""

import inspect
import re

import pytest

from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.hparams.knobs import REQUIRED, read_knobs
from tuner.config.study_groups import STUDY_GROUPS
from tuner.contracts.member import check_documentation

ALL_GROUPS = {**GROUPS, **STUDY_GROUPS}
MEMBERS = [(g, m) for g, group in ALL_GROUPS.items() for m in group.members()]
COMMON = [(g, f) for g, group in ALL_GROUPS.items() for f in group.load_common_functions().values()]
each_member = pytest.mark.parametrize(("group", "member"), MEMBERS, ids="=".join)


@each_member
def test_it_defines_what_its_group_provides(group, member):
    functions = ALL_GROUPS[group].member_functions(member)
    assert set(ALL_GROUPS[group].required_functions) <= set(functions)


@each_member
def test_it_is_documented(group, member):
    assert list(check_documentation(ALL_GROUPS[group], member)) == []


@each_member
def test_defaults_are_allowed(group, member):
    knobs = ALL_GROUPS[group].member_knobs(member)
    defaults = {k: knob.default for k, knob in knobs.items() if knob.default is not REQUIRED}
    missing = [k for k in knobs if k not in defaults]
    problems = list(check_member(group, ALL_GROUPS[group], member, defaults))
    assert len(problems) == len(missing), problems


@each_member
def test_no_member_knob_shadows_a_common_one(group, member):
    module = ALL_GROUPS[group].load(member)
    own = {
        k
        for name in ALL_GROUPS[group].required_functions
        for k in read_knobs(getattr(module, name))
    }
    assert not own & {
        k for f in ALL_GROUPS[group].load_common_functions().values() for k in read_knobs(f)
    }


@pytest.mark.parametrize("function", [f for _, f in COMMON], ids=lambda f: f.__name__)
def test_common_knobs_are_documented(function):
    assert all(knob.description for knob in read_knobs(function).values())


@pytest.mark.parametrize("group", ["method", "attack", "update", "model", "schedule"])
def test_members_from_the_literature_name_it(group):
    for member in GROUPS[group].members():
        doc = inspect.getdoc(GROUPS[group].load(member))
        paper = r"arXiv:\d{4}\.\d{4,5}|openreview:\w+|doi:[\w./]+\w|thecvf\.com/[\w/]+"
        assert re.search(paper, doc), member
