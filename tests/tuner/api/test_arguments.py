"""Keys given as Python values mean what the same words mean on the command line."""

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from ray import tune

from tuner.api.arguments import format_typed, read_arguments
from tuner.cli.parse import parse_arguments
from tuner.config.domain_parser import parse_value_or_domain
from tuner.config.domains import format_domain, is_domain
from tuner.search import VOCABULARY

DOMAINS = {
    "uniform(0, 1)": tune.uniform(0, 1),
    "loguniform(1e-05, 0.01)": tune.loguniform(1e-5, 1e-2),
    "quniform(0, 1, 0.1)": tune.quniform(0, 1, 0.1),
    "qloguniform(0.001, 1, 0.001)": tune.qloguniform(1e-3, 1, 1e-3),
    "randint(1, 11)": tune.randint(1, 11),
    "lograndint(1, 100)": tune.lograndint(1, 100),
    "qrandint(2, 8, 2)": tune.qrandint(2, 8, 2),
    "choice(0.1, null, relu)": tune.choice([0.1, None, "relu"]),
    "choice([1, 2], [3, 4])": tune.choice([[1, 2], [3, 4]]),
    "grid(1, 2)": tune.grid_search([1, 2]),
}


def read(**keys):
    return read_arguments(keys, VOCABULARY)


def texts(value):
    """Return nested arguments with domains, which have no equality, as they are typed."""
    if is_domain(value):
        return format_domain(value)
    return {k: texts(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"space": "weight_decay", "trials": 12}, ["space=weight_decay", "trials=12"]),
        ({"trials": np.int64(3), "mps": False}, ["trials=3", "mps=false"]),
        ({"knobs": {"threat.eps": "8/255"}}, ["threat.eps=8/255"]),
        ({"method.beta": "uniform(1,12)"}, ["method.beta=uniform(1,12)"]),
        ({"method.beta": tune.uniform(1, 12)}, ["method.beta=uniform(1,12)"]),
        ({"method": {"name": "trades", "beta": 3}}, ["method=trades", "method.beta=3"]),
        ({"optimizer": tune.choice(["sgd", "adam"])}, ["optimizer=choice(sgd,adam)"]),
        ({"schedule.drops": (0.5, "3/4")}, ["schedule.drops=[0.5,3/4]"]),
        ({"schedule.drops": np.array([0.5, 0.75])}, ["schedule.drops=[0.5,0.75]"]),
        ({"exam.step_size": None, "gpu": "none"}, ["exam.step_size=none", "gpu=none"]),
        ({"tracker": ["mlflow", "wandb"]}, ["tracker=[mlflow,wandb]"]),
        ({"time_budget": timedelta(minutes=2)}, ["time_budget=120.0"]),
        ({"method": Path("mine.py")}, ["method=mine.py"]),
        ({"method": "./mine.py"}, ["method=./mine.py"]),
        ({"results": Path("2024/11")}, ["results=2024/11"]),
    ],
)
def test_values_and_words_are_the_same_arguments(keys, words):
    expected, problems = parse_arguments(words, VOCABULARY)
    line = read(**keys)
    assert not problems
    assert not line.problems
    assert texts(line.arguments) == texts(expected)


@pytest.mark.parametrize(("text", "domain"), DOMAINS.items(), ids=DOMAINS)
def test_the_words_of_a_domain_are_read_as_that_domain(text, domain):
    (word,) = read(**{"optimizer.lr": domain}).words
    assert word == f"optimizer.lr={text}"
    again, problems = parse_arguments([word], VOCABULARY)
    assert not problems
    assert format_domain(again["optimizer"]["lr"]) == text


def test_a_prior_stays_in_the_words():
    domain = parse_value_or_domain("prior(0.1, 2, loguniform(0.01, 1))")
    assert format_typed(domain) == "prior(0.1, 2, loguniform(0.01, 1))"


def test_all_problems_are_found_at_once():
    line = read(
        trails=3,
        space=" ",
        knobs={"optimizer.lr": object(), "attack.steps": tune.uniform(2, 1), "method.a.b": 1},
    )
    first, second, third, fourth, fifth = line.problems
    assert first.startswith("trails: no such key. Did you mean 'trials'?")
    assert second == "space: expected a value, got an empty text."
    assert third.startswith("optimizer.lr: expected text, a number, a list or a domain such as")
    assert fourth.startswith("attack.steps: uniform needs its low end below its high end")
    assert fifth == "method.a.b: expected GROUP.KNOB, got more than one dot."
    assert not line.arguments
    assert not line.words


def test_a_key_that_is_given_twice_is_a_problem():
    line = read(trials=3, knobs={"trials": 4})
    assert line.problems == ("trials: given 2 times; give it once.",)


def test_a_file_of_a_group_is_absolute_as_trials_run_elsewhere():
    line = read(method=Path("mine.py"), init=Path("net.pt"))
    assert line.arguments["method"] == {"name": os.path.abspath("mine.py")}
    assert line.arguments["init"] == "net.pt"
