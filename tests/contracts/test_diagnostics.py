"""What every measure of a checkpoint must do."""

import copy
import re

import pytest
import torch
from torch import nn

from analysis.commands.diagnose import MEASURES, compares_networks, draws_picture
from analysis.diagnostics._run import MeasureContext
from trainables.binding import bind_member
from trainables.hparams.knobs import REQUIRED, read_knobs
from trainables.injection import inject
from trainables.networks.heads import with_head
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

NAMES = MEASURES.members()


def network(head="linear"):
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(), nn.Flatten(), nn.Linear(32, 5)]
    model = with_head(nn.Sequential(*body), head=head)
    model[1].running_mean.fill_(0.3)
    return model


class Untraceable(nn.Sequential):
    """A network that has no view, because its graph depends on its input."""

    def forward(self, x):
        return super().forward(x if x.max() > 0 else -x)


def run_measure(name, model, number=7, threat=None, seed=0, **things):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(number, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    given = {
        "threat": threat or Linf(eps=0.1),
        "rng": generator,
        "batch": 4,
        "report_progress": lambda done, total: None,
        "others": {"one": model, "two": copy.deepcopy(model)},
    }
    quick = {"surface": {"points": 3}}.get(name, {})
    measure = inject(
        bind_member(MEASURES, name, quick)["measure"], MeasureContext(**given | things)
    )
    return measure(model, x, torch.arange(number) % 5)


@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("name", NAMES)
def test_it_returns_one_number_for_each_image_or_one_for_all(name, number):
    values = run_measure(name, network(), number)
    assert values
    for value in values.values():
        assert value.shape in {(number,), ()} or (draws_picture(name) and value.shape == (3, 3, 3))
        assert value.isfinite().all()
        assert not value.requires_grad


@pytest.mark.parametrize("head", ["linear", "cosine"])
@pytest.mark.parametrize("name", NAMES)
def test_it_leaves_the_network_and_the_random_state_unchanged(name, head):
    model = network(head)
    model[0].bias.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    random_state = torch.get_rng_state()
    run_measure(name, model)
    # a cosine head puts its weights back on the sphere at each pass, which rounds
    rounding = 0 if head == "linear" else 1e-6
    torch.testing.assert_close(dict(model.state_dict()), dict(before), rtol=0, atol=rounding)
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert [n for n, p in model.named_parameters() if not p.requires_grad] == ["0.bias"]
    assert torch.equal(torch.get_rng_state(), random_state)


@pytest.mark.parametrize("kind", [nn.Sequential, Untraceable])
@pytest.mark.parametrize("name", NAMES)
def test_it_does_not_depend_on_the_mode_of_the_network(name, kind):
    evaluated, training = kind(*network()).eval(), kind(*network())
    torch.testing.assert_close(
        run_measure(name, evaluated), run_measure(name, training), rtol=0, atol=0
    )


@pytest.mark.parametrize("threat", [Linf(eps=0.1), L2(eps=0.5)])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_result(name, threat):
    ends = [run_measure(name, network(), threat=threat, seed=3) for _ in range(2)]
    torch.testing.assert_close(*ends, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented_and_cites_a_paper(name):
    module = MEASURES.load(name)
    assert re.search(r"arXiv:\d{4}\.\d{5}", module.__doc__)
    for knob in read_knobs(module.measure).values():
        assert knob.description, knob.name
        assert knob.default is not REQUIRED


def test_one_measure_compares_networks_and_one_draws():
    assert [name for name in NAMES if compares_networks(name)] == ["transfer"]
    assert [name for name in NAMES if draws_picture(name)] == ["surface"]
