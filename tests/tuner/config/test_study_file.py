"""Files with the arguments of a search: own files, search.yaml, sweeps of W&B and Hydra."""

import math

import pytest
import yaml

from tuner.config.compose import compose_plan
from tuner.config.description import describe_study
from tuner.config.domains import format_domain
from tuner.config.study_file import name_sources
from tuner.search import COMMAND, main

VOCABULARY = COMMAND.vocabulary


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, content: object) -> str:
        (tmp_path / name).write_text(
            content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        )
        return name

    return write_file


def parse(*words):
    return COMMAND.parse(words, VOCABULARY)


def test_a_file_is_read_as_words_of_the_command_line(write):
    content = {
        "space": "weight_decay",
        "trials": 40,
        "method": {"name": "trades", "beta": "uniform(1, 12)"},
        "threat.eps": "8/255",
        "schedule": {"name": "piecewise", "milestones": [0.5, "3/4"]},
        "dry_run": True,
        "gpu": None,
    }
    line = parse(f"config={write('study.yaml', content)}")
    typed = parse(
        *("space=weight_decay", "trials=40", "method=trades", "method.beta=uniform(1,12)"),
        *("threat.eps=8/255", "schedule=piecewise", "schedule.milestones=[0.5,3/4]"),
        *("dry_run=true", "gpu=none"),
    )
    assert not line.problems
    beta, other = (each.arguments["method"].pop("beta") for each in (line, typed))
    assert format_domain(beta) == format_domain(other) == "uniform(1, 12)"
    assert line.arguments == typed.arguments
    assert line.words == ("config=study.yaml",)


def test_later_files_override_earlier_ones_and_the_command_line_all(write):
    write("a.yaml", {"trials": 1, "seed": 1, "epochs": 1, "attack": {"steps": 3, "step_size": 0.1}})
    write("b.yaml", {"seed": 2, "epochs": 2, "attack": {"steps": 4}})
    line = parse("epochs=3", "config=a.yaml,b.yaml")
    assert line.arguments == {
        "trials": 1, "seed": 2, "epochs": 3, "attack": {"steps": 4, "step_size": 0.1}
    }  # fmt: skip
    assert line.sources == {
        "trials": "a.yaml", "seed": "b.yaml", "attack.steps": "b.yaml", "attack.step_size": "a.yaml"
    }  # fmt: skip


def test_knobs_of_a_member_that_is_overridden_are_dropped(write):
    write(
        "a.yaml", {"method": {"name": "trades", "beta": 3}, "data": {"name": "mnist5k", "limit": 9}}
    )
    line = parse("config=a.yaml", "method=mart", "data=cifar10")
    assert line.arguments == {"method": {"name": "mart"}, "data": {"name": "cifar10", "limit": 9}}


def test_problems_name_file_and_key(write):
    write("a.yaml", {"trails": 3, "method": {"naem": "trades"}})
    write("b.yaml", "- 1\n")
    line = parse("config=a.yaml,b.yaml,c.yaml", "sede=1")
    assert line.problems == (
        line.problems[0],
        line.problems[1],
        "config: b.yaml: expected keys with values, such as `space: weight_decay`, got list.",
        "config: c.yaml: cannot be read ([Errno 2] No such file or directory: 'c.yaml').",
    )
    assert line.problems[0].startswith("sede: no such key. Did you mean 'seed'?")
    assert line.problems[1].startswith(
        "config: a.yaml: trails: no such key. Did you mean 'trials'?"
    )


def test_refused_values_name_their_file(write, capsys):
    write("a.yaml", {"trials": 0, "method": {"name": "trades", "beta": -1}})
    assert main(["config=a.yaml", "attack.steps=0"]) == 2
    err = capsys.readouterr().err
    assert "trials: must be greater than or equal to 1, got 0. (from a.yaml)" in err
    assert "method.beta: must be greater than or equal to 0, got -1. (from a.yaml)" in err
    assert "attack.steps: must be greater than or equal to 1, got 0.\n" in err


def test_two_words_config_are_refused():
    assert parse("config=a.yaml", "config=b.yaml").problems == (
        "config: typed 2 times; write config=a.yaml,b.yaml.",
    )


def test_sources_are_named_by_key():
    named = name_sources(["a: bad.", "b: bad."], {"a": "f.yaml"})
    assert named == ["a: bad. (from f.yaml)", "b: bad."]


def described(*words):
    line = parse(*words)
    assert not line.problems
    plan = compose_plan(line.arguments, line.problems)
    return {
        key: value
        for key, value in describe_study(plan, [], 0, ["attuner", "search", *words]).items()
        if key not in {"versions", "machine", "git_commit", "code", "command"}
    }


@pytest.mark.parametrize(
    "words",
    [
        ["space=weight_decay", "trials=5", "seed=3"],
        ["method=trades", "method.beta=uniform(1,12)", "threat.eps=0.2", "scheduler=median"],
        ["optimizer.weight_decay=prior(5e-4,3)", "searcher=priorband", "objectives=robust,clean"],
        ["model=grid(lenet,small_cnn)", "attack.steps=choice(3,5)", "searcher=random", "trials=4"],
        ["space=bag_of_tricks_table3", "epochs=3", "constraint=clean>=0.5", "tracker=none"],
    ],
    ids=lambda words: words[0],
)
def test_search_yaml_repeats_a_study(words, write):
    line = parse(*words)
    plan = compose_plan(line.arguments, line.problems)
    content = describe_study(plan, [], 0, ["python", "-m", "tuner.search", *words])
    name = write("search.yaml", content)
    assert described(f"config={name}") == described(*words)


def test_what_a_repetition_chooses_anew(write):
    words = ["space=weight_decay", "name=first", "resume=auto", "results=elsewhere", "trials=7"]
    line = parse(*words)
    plan = compose_plan(line.arguments, [])
    write("search.yaml", describe_study(plan, [], 0, ["python", "-m", "tuner.search", *words]))
    again = parse("config=search.yaml", "trials=9").arguments
    assert not {"name", "resume", "results", "dry_run"} & set(again)
    assert again["trials"] == 9


@pytest.mark.parametrize("name", ["choice(lenet,CODE)", "CODE"])
def test_a_search_yaml_is_not_trusted_whatever_its_keys(tmp_path, name):
    code = tmp_path / "net.py"
    code.write_text("")
    file = tmp_path / "search.yaml"
    file.write_text(f"model: {name.replace('CODE', str(code))!r}\n")
    problems = parse(f"config={file}").problems
    assert any(f"names {code}, which would be run as code" in text for text in problems)


def test_code_that_a_search_yaml_names_must_be_typed_too(write, tmp_path):
    (tmp_path / "mine.py").touch()
    path = str(tmp_path / "mine.py")
    content = {
        "command": "",
        "study": {},
        "scheduler": {"name": "asha"},
        "searcher": {"name": "tpe"},
    }
    write("search.yaml", {**content, "fixed": {"method": {"name": path}}})
    assert any("would be run as code" in each for each in parse("config=search.yaml").problems)
    assert not parse("config=search.yaml", f"method={path}").problems
    write("own.yaml", {"method": path})
    assert not parse("config=own.yaml").problems


WANDB = """
program: train.py
method: bayes
metric: {name: robust, goal: maximize}
run_cap: 30
early_terminate: {type: hyperband, min_iter: 3}
parameters:
  optimizer.weight_decay: {distribution: log_uniform_values, min: 1.0e-5, max: 0.01}
  optimizer:
    parameters:
      lr: {distribution: log_uniform, min: -7, max: -2}
      momentum: {min: 0.5, max: 0.99}
  attack.steps: {min: 3, max: 10}
  attack.step_size: {distribution: q_uniform, min: 0.01, max: 0.1, q: 0.01}
  method: {value: trades}
  model.activation: {values: [relu, softplus]}
"""


def test_a_sweep_of_wandb(write):
    line = parse(f"config={write('sweep.yaml', WANDB)}")
    assert not line.problems
    given = line.arguments
    optimizer = {knob: format_domain(domain) for knob, domain in given["optimizer"].items()}
    low, high = math.exp(-7), math.exp(-2)
    assert optimizer == {
        "weight_decay": "loguniform(1e-05, 0.01)",
        "lr": f"loguniform({low!r}, {high!r})",
        "momentum": "uniform(0.5, 0.99)",
    }
    assert format_domain(given["attack"]["steps"]) == "randint(3, 11)"  # W&B includes both ends
    assert format_domain(given["attack"]["step_size"]) == "quniform(0.01, 0.1, 0.01)"
    assert format_domain(given["model"]["activation"]) == "choice(relu, softplus)"
    assert given["method"] == {"name": "trades"}
    assert (given["searcher"], given["trials"]) == ({"name": "tpe"}, 30)
    assert line.notes == (
        "config: sweep.yaml: ignored program, metric, early_terminate; the search maximises robust "
        "accuracy.",
    )


def test_what_a_sweep_of_wandb_cannot_say(write):
    content = {
        "method": "grid",
        "parameters": {
            "attack.steps": {"values": [1, 2]},
            "optimizer.lr": {"distribution": "normal", "mu": 0, "min": 1, "max": 2},
            "optimizer.momentum": {"min": "a", "max": 2},
            "lr": {"value": 0.1},
        },
    }
    line = parse(f"config={write('sweep.yaml', content)}")
    assert format_domain(line.arguments["attack"]["steps"]) == "grid(1, 2)"
    first, second, third = line.problems
    assert first.startswith("config: sweep.yaml: optimizer.lr: no domain for normal; there are: un")
    assert second == (
        "config: sweep.yaml: optimizer.momentum: expected value, values, or the numbers min and "
        "max."
    )
    assert third.startswith("config: sweep.yaml: lr: no such key. Did you mean optimizer.lr?")


HYDRA = """
defaults: [{override hydra/sweeper: optuna}]
hydra:
  mode: MULTIRUN
  sweeper:
    direction: maximize
    n_trials: 20
    n_jobs: 2
    sampler: {_target_: optuna.samplers.CmaEsSampler, seed: 7}
    params:
      optimizer.weight_decay: tag(log, interval(1e-5, 1e-2))
      optimizer.momentum: interval(0.5, 0.99)
      attack.steps: int(interval(3, 10))
      data.batch_size: range(16, 64, step=16)
      model.activation: choice(relu, softplus)
      method: trades
      method.beta: 1,3,6
space: weight_decay
"""


def test_a_sweep_of_hydra_with_optuna(write):
    line = parse(f"config={write('sweep.yaml', HYDRA)}")
    assert not line.problems
    given = line.arguments
    assert {knob: format_domain(domain) for knob, domain in given["optimizer"].items()} == {
        "weight_decay": "loguniform(1e-05, 0.01)",
        "momentum": "uniform(0.5, 0.99)",
    }
    assert format_domain(given["attack"]["steps"]) == "randint(3, 11)"  # Optuna includes both ends
    assert format_domain(given["data"]["batch_size"]) == "qrandint(16, 64, 16)"
    assert format_domain(given["model"]["activation"]) == "choice(relu, softplus)"
    assert given["method"].pop("name") == "trades"
    assert format_domain(given["method"]["beta"]) == "choice(1, 3, 6)"
    assert [given[key] for key in ("trials", "concurrency", "seed", "space")] == [
        20, 2, 7, "weight_decay"
    ]  # fmt: skip
    assert given["searcher"] == {"name": "cmaes"}
    assert line.notes == (
        "config: sweep.yaml: ignored defaults, hydra.mode, hydra.sweeper.direction; the search "
        "maximises robust accuracy.",
    )


def test_the_basic_sweeper_of_hydra_tries_every_value(write):
    params = {"attack.steps": "1,2,7", "method.beta": "range(1,3,0.5)", "optimizer.lr": "glob(*)"}
    line = parse(f"config={write('sweep.yaml', {'hydra': {'sweeper': {'params': params}}})}")
    assert format_domain(line.arguments["attack"]["steps"]) == "grid(1, 2, 7)"
    assert format_domain(line.arguments["method"]["beta"]) == "grid(1, 1.5, 2, 2.5)"
    assert line.problems == (
        "config: sweep.yaml: optimizer.lr: no domain for glob(*); there are: choice, range, "
        "interval, tag(log, ...).",
    )
