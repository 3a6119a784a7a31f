"""Weights that training starts from are checked before any trial runs."""

from functools import partial

import pytest
import torch

from tests.oracles import tiny_config
from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.initial_weights import check_initial_weights

COMMON = {
    "recipe": "robust_finetune",
    "data": {"name": "mnist5k", "validation": 60, "limit": 200, "crop": 2},
    "model": {"name": "small_cnn"},
    "searcher": {"name": "random"},
    "scheduler": {"name": "none"},
    "trials": 1,
}
compose = partial(compose_plan, problems=[], single=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.pt"
    torch.save(Trial(tiny_config()).model[1].state_dict(), path)
    return path


def test_what_was_loaded_is_said(file):
    plan = compose({**COMMON, "init": str(file)})
    problems, notes = check_initial_weights(plan)
    assert problems == []
    assert notes == ["8 tensors of net.pt are matched by name."]
    assert plan.shared_config()["init"] == str(file)


def test_weights_of_another_network_are_refused(file):
    plan = compose({**COMMON, "init": str(file), "model": {"name": "lenet"}})
    (problem,), _ = check_initial_weights(plan)
    assert problem.startswith("init: ")
    assert "another network" in problem


def test_a_rate_of_loaded_weights_needs_some(file):
    optimizer = {"loaded_lr_factor": 0.1}
    (problem,), _ = check_initial_weights(compose({**COMMON, "optimizer": optimizer}))
    assert "optimizer.loaded_lr_factor: changes nothing without loaded weights" in problem
    plan = compose({**COMMON, "optimizer": optimizer, "init": str(file)})
    assert check_initial_weights(plan)[0] == []


def test_no_weights_are_no_problem():
    assert check_initial_weights(compose(COMMON)) == ([], [])
