"""Memory for perturbations of all training images is checked before the start."""

import pytest
import torch

from trainables.data_pipeline.images import Images
from tuner.config.compose import compose_plan
from tuner.config.preflight import image_memory
from tuner.config.preflight.data_and_network import check_data_and_networks
from tuner.search import parse_search_arguments

TRAIN = Images(x=torch.zeros(10, 3, 8, 8, dtype=torch.uint8), y=torch.zeros(10).long())


def plan(*words):
    small = ["space=weight_decay", "data.limit=100", "data.validation=50"]
    return compose_plan(*parse_search_arguments([*small, *words]))


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["method=fgsm_pgi"], 2 * 10 * 192),
        (["method=atas"], 10 * 192),
        (["method=fgsm_pgi", "update=free"], 0),
        (["method=n_fgsm"], 0),
    ],
)
def test_the_bytes_are_those_of_floats_for_each_pixel(words, numbers):
    assert image_memory.kept_bytes(plan(*words).variants[0], TRAIN) == 4 * numbers


def test_more_than_the_machine_has_is_refused(monkeypatch):
    monkeypatch.setattr(image_memory, "machine_memory", lambda: 100 * 28 * 28 * 8 - 1)
    (problem,) = check_data_and_networks(plan("method=fgsm_pgi"))
    assert problem.startswith("attack: prior_epoch keeps 0.000584 GiB of perturbations")
    assert check_data_and_networks(plan("method=atas")) == []
