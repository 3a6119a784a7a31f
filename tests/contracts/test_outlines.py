"""Outlines have the signatures and docstrings of the modules that they stand for."""

import inspect
import subprocess
import sys
from types import FunctionType

import pytest

from analysis.commands.diagnose import MEASURES
from trainables.components import GROUPS
from trainables.hparams import registry
from trainables.hparams.knobs import Knob, read_knobs
from trainables.hparams.outline import PLACEHOLDER, load_outline
from tuner.commands.evaluate import ATTACKS
from tuner.config.study_groups import RECIPES_PACKAGE, SPACES_PACKAGE, STUDY_GROUPS

ALL_GROUPS = {**GROUPS, **STUDY_GROUPS, "suite": ATTACKS, "measure": MEASURES}
MEMBERS = [
    (name, member)
    for name, group in ALL_GROUPS.items()
    if group.package
    for member in registry.find_modules(group.package)
    if not member.startswith("_")
]


def describe(knobs: dict[str, Knob]) -> list[tuple[object, ...]]:
    """Return all that help, completion and the check of a command line use of knobs."""
    return [
        (
            each.name,
            each.allowed_values,
            each.default,
            each.description,
            each.is_path,
            each.allows_none,
        )
        for each in knobs.values()
    ]


@pytest.mark.parametrize(("group", "member"), MEMBERS, ids="=".join)
def test_a_member_has_the_same_knobs_and_docstring(group, member):
    real, outline = ALL_GROUPS[group], ALL_GROUPS[group].outline()
    assert isinstance(outline.load(member), type(sys))
    assert outline.load(member) is not real.load(member)
    assert inspect.getdoc(outline.load(member)) == inspect.getdoc(real.load(member))
    assert describe(outline.member_knobs(member)) == describe(real.member_knobs(member))


@pytest.mark.parametrize("group", ALL_GROUPS)
def test_a_group_has_the_same_common_knobs(group):
    real, outline = ALL_GROUPS[group], ALL_GROUPS[group].outline()
    assert describe(outline.common_knobs()) == describe(real.common_knobs())


@pytest.mark.parametrize("package", [SPACES_PACKAGE, RECIPES_PACKAGE])
def test_spaces_and_recipes_have_the_same_docstring(package):
    for name, module in registry.find_modules(package).items():
        if not name.startswith("_"):
            real = registry.load_member(package, name)
            assert inspect.getdoc(load_outline(module)) == inspect.getdoc(real)


def test_companions_are_those_of_the_module():
    outline = GROUPS["method"].outline().load("trades")
    assert outline.COMPANIONS == GROUPS["method"].load("trades").COMPANIONS


def test_an_outline_keeps_signatures_without_the_libraries(tmp_path, monkeypatch):
    package = tmp_path / "outlined"
    package.mkdir()
    (package / "member.py").write_text(
        '"""A member."""\n'
        "import absent_library\n"
        "from absent_library.nn import Module, functional as F\n"
        "from typing import Literal\n"
        "from trainables.hparams.ranges import Fraction\n"
        "HALF = 1 / 2\n"
        "DEVICE = absent_library.device('cuda')\n"
        "Mode = Literal['train', 'eval']\n"
        "class Net(Module):\n    pass\n"
        "@absent_library.no_grad()\n"
        "def build(net: Module, *, rng: absent_library.Generator, share: Fraction = HALF,\n"
        "          mode: Mode | None = None, device: F.Device = DEVICE) -> Net:\n"
        '    """Build.\n\n    Args:\n        share: A part.\n    """\n'
        "    return absent_library.zeros(1)\n"
        "alias = build\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = load_outline("outlined.member")
    assert module.__doc__ == "A member."
    assert module.Net is PLACEHOLDER
    assert module.DEVICE is PLACEHOLDER
    assert isinstance(module.alias, FunctionType)
    knobs = read_knobs(module.build)
    assert list(knobs) == ["share", "mode"]
    assert (knobs["share"].default, knobs["share"].description) == (0.5, "A part.")
    assert knobs["mode"].allowed_values == "train|eval or none"


def test_an_unknown_module_has_no_outline():
    with pytest.raises(LookupError, match=r"no module trainables\.methods\.absent"):
        load_outline("trainables.methods.absent")


def test_reading_all_knobs_imports_no_large_library():
    code = (
        "import sys\n"
        "from tuner.search import VOCABULARY\n"
        "print(sum(len(group.all_knobs()) for group in VOCABULARY.groups.values()) > 100)\n"
        "print(sorted({'torch', 'torchvision', 'ray', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n[]\n"
