"""Weights that training starts from are checked before any trial runs."""

from functools import partial

import pytest
import torch
from torch import nn

from tests.oracles import tiny_config
from trainables.data_pipeline.images import Images
from trainables.errors import InputError
from trainables.networks.normalize import with_normalization
from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.initial_weights import check_initial_weights, check_normalization

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
    assert notes[:2] == [
        "8 tensors of net.pt are matched by name.",
        "The file does not say how images are normalised; model.normalize=none is used.",
    ]
    assert notes[2].startswith("Before training, clean accuracy is ")
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


class Brightness(nn.Module):
    """Chooses class 1 if the mean pixel is above a threshold."""

    def __init__(self, threshold):
        super().__init__()
        self.threshold = threshold

    def forward(self, x):
        score = x.mean(dim=(1, 2, 3)) - self.threshold
        return torch.stack([-score, score], dim=1)


BOTH = ("data", "none")


def build_brightness(threshold, choice):
    """Return a network for images whose pixels have mean 0.6 and deviation 0.2."""
    return with_normalization(Brightness(threshold), [0.6], [0.2], normalize=choice), None


def test_a_clearly_worse_normalisation_is_refused():
    """Pixels are 0.4 and 0.8, normalised -1 and 1."""
    y = torch.arange(100) % 2
    x = (255 * (0.4 + 0.4 * y)).round().to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    images = Images(x=x.contiguous(), y=y)
    normalised, either = partial(build_brightness, 0.0), partial(build_brightness, 0.6)
    (note,) = check_normalization(normalised, images, "data", BOTH)
    assert "100.0 % with model.normalize=data and 50.0 % with model.normalize=none" in note
    with pytest.raises(InputError, match=r"write model\.normalize=data"):
        list(check_normalization(normalised, images, "none", BOTH))
    (note,) = check_normalization(either, images, "none", BOTH)
    assert "100.0 % with model.normalize=none" in note
