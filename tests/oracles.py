"""Models with known robust accuracy, and configurations that tests share."""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from trainables.accuracy import Accuracies
from trainables.hparams.registry import load_member
from trainables.training.report import Report


class Halfspace(nn.Module):
    """Two classes split by a plane: the worst perturbation in each norm is known exactly."""

    def __init__(self, weight, bias=0.0):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.bias = bias

    def margin(self, x):
        return x.flatten(1) @ self.weight + self.bias

    def forward(self, x):
        m = self.margin(x)
        return torch.stack([-m, m], dim=1) / 2

    def worst_margin(self, x, eps, norm):
        dual = self.weight.abs().sum() if norm == "linf" else self.weight.norm()
        return self.margin(x) - eps * dual


class TwoOfFive(nn.Module):
    """Five classes, of which only the first two are ever predicted: a scaled halfspace.

    The first is predicted where the mean of weight times pixel exceeds the bias.
    """

    def __init__(self, pixels, weight=None, bias=0.5):
        super().__init__()
        weight = torch.ones(pixels) if weight is None else weight
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 5))
        rows = torch.zeros(5, pixels)
        rows[:2] = torch.stack([weight, -weight]) / pixels
        self.layers[1].weight = nn.Parameter(rows)
        self.layers[1].bias = nn.Parameter(torch.tensor([-bias, bias, -2.0, -2.1, -2.2]))

    def forward(self, x):
        return self.layers(x)


TINY_CONFIG: dict[str, Any] = {
    "threat": {"name": "linf", "eps": 0.1},
    "data": {"name": "mnist5k", "validation": 60, "limit": 120, "batch_size": 50, "crop": 2},
    "model": {"name": "small_cnn"},
    "method": {"name": "pgd_at"},
    "criterion": {"name": "cross_entropy"},
    "attack": {"name": "pgd", "steps": 2, "step_size": 0.05},
    "update": {"name": "alternate"},
    "optimizer": {"name": "adam", "lr": 1e-3},
    "schedule": {"name": "one_cycle"},
    "eps_schedule": {"name": "constant", "warmup": 0.5},
    "exam": {"steps": 2},
    "epochs": 4,
    "seed": 0,
    "device": "cpu",
    "threads": 1,
    "precision": "fp32",
    "compile": False,
}


def tiny_config(**changes):
    """Return a configuration that trains for a second, with some knobs changed by path."""
    config = copy.deepcopy(TINY_CONFIG)
    for path, value in changes.items():
        group, _, knob = path.partition("__")
        if knob:
            config[group][knob] = value
        else:
            config[group] = value
    return config


def method_groups(method):
    """Return the groups of a method that can train with the networks of `TINY_CONFIG`."""
    companions = getattr(load_member("trainables.methods", method), "COMPANIONS", {})
    groups = companions | {"method": {"name": method}}
    if "teacher" not in companions:
        return groups
    if companions["teacher"]["name"] == "trained":
        return groups | {"teacher": {"name": "trained", "model": "small_cnn"}}
    return groups | {"teacher": {"name": "average"}, "average": {"name": "ema"}}


def make_accuracies(clean, robust):
    """Return accuracies that are the same in every class."""
    return Accuracies(clean=clean, robust=robust, balanced_clean=clean, balanced_robust=robust)


def make_report(epoch, robust, clean=0.9, **changes):
    values = {
        "epoch": epoch,
        "train_loss": 1.0,
        "val_clean_accuracy": clean,
        "val_robust_accuracy": robust,
        "lr": 0.1,
        "eps": 0.3,
        "gradient_passes": 8.0 * epoch,
        "seconds": 2.0,
        "exam_seconds": 0.5,
    }
    return Report(**values | changes)


def replace_component(trial, group, **functions):
    """Replace functions of a group of a trial."""
    bound = replace(getattr(trial.components, group), **functions)
    trial.components = replace(trial.components, **{group: bound})
