"""`none`, `None` and `null` are the same, wherever a value may be `None`."""

import io

import pytest

from trainables.components import GROUPS
from trainables.hparams.knobs import read_knobs
from tuner.cli.console import SafeConsole
from tuner.cli.topics import print_help
from tuner.commands.evaluate import VOCABULARY as EVALUATE
from tuner.commands.train import VOCABULARY as TRAIN
from tuner.config.compose import compose_plan
from tuner.config.settings import Settings
from tuner.search import COMMAND, VOCABULARY, parse_search_arguments

OPTIONAL = [name for name, knob in read_knobs(Settings).items() if knob.allows_none]
WORDS = ["none", "None", "null"]


def test_the_optional_settings():
    assert {"name", "replay", "warm_start", "tracker", "gpu", "time_budget"} <= set(OPTIONAL)
    assert not {"trials_", "seed", "results", "precision"} & set(OPTIONAL)
    assert "config" in TRAIN.optional
    assert EVALUATE.optional


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("key", OPTIONAL)
def test_a_setting_may_be_none(key, word):
    arguments, problems = parse_search_arguments(["space=weight_decay", f"{key}={word}"])
    assert not problems
    settings = compose_plan(arguments, []).settings
    # without a value, some are resolved
    expected = compose_plan({"space": "weight_decay"}, []).settings
    if key == "tracker":
        assert settings.tracker == ()
    else:
        assert getattr(settings, key) == getattr(expected, key)


@pytest.mark.parametrize("word", WORDS)
def test_a_knob_may_be_none(word):
    optional = [
        f"{group}.{name}"
        for group, members in GROUPS.items()
        for name, knobs in members.all_knobs().items()
        if any(knob.allows_none for knob in knobs)
    ]
    assert "data.limit" in optional
    for path in optional:
        group, _, knob = path.partition(".")
        assert parse_search_arguments([f"{path}={word}"]) == ({group: {knob: None}}, [])
    arguments, problems = parse_search_arguments([f"data.limit=choice(100,{word})"])
    assert not problems
    assert arguments["data"]["limit"].categories == [100, None]


def test_a_member_named_none_stays_a_name():
    assert parse_search_arguments(["scheduler=none", "average=none"])[0] == {
        "scheduler": {"name": "none"},
        "average": {"name": "none"},
    }
    assert "scheduler" not in VOCABULARY.optional


def test_help_shows_defaults_as_they_are_typed():
    console = SafeConsole(file=io.StringIO(), width=300)
    print_help(console, COMMAND, ["all"])
    text = console.file.getvalue()
    assert "[None]" not in text
    assert "[tensorboard]" in text
    assert "[()]" not in text
    assert "[False]" not in text
