"""What every training method of the project must do beyond the contract of methods."""

import inspect
import re
from functools import partial

import pytest
import torch
from torch import nn

from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.criteria import cross_entropy, hypersphere
from trainables.hparams.knobs import read_knobs
from trainables.hparams.registry import list_members, load_member
from trainables.injection import inject
from tuner.contracts.samples import build_context

METHODS = [load_member("trainables.methods", name) for name in list_members("trainables.methods")]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__.split(".")[-1])


def injected(function, model, classes, criterion):
    return inject(function, build_context(classes, criterion=criterion, network=model))


def batch(size: int):
    x = torch.rand(size, 3, 6, 4)  # not square, so swapped axes show
    return x, (x + 0.1).clamp(0, 1), torch.randint(0, 5, (size,))


@each_method
@pytest.mark.parametrize("criterion", [cross_entropy.loss, partial(hypersphere.loss, scale=15.0)])
@pytest.mark.parametrize("classes", [2, 3])
def test_two_and_three_classes_have_losses_and_gradients(method, criterion, classes):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 4), nn.Softplus(), nn.Linear(4, classes))
    x, x_adv, _ = batch(6)
    y = torch.arange(6) % classes
    outer, inner = (injected(f, model, classes, criterion) for f in (method.outer, method.inner))
    loss = outer(model, x, x_adv, y)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters())
    if (objective := inner(model, x, y)) is not None:
        value, logits = objective(x_adv)
        assert (value.shape, logits.shape) == ((6,), (6, classes))
        assert value.isfinite().all()


@each_method
def test_docstring_names_every_knob(method):
    doc = inspect.getdoc(method.outer)
    assert [name for name in read_knobs(method.outer) if f"{name}: " not in doc] == []


@each_method
def test_its_companions_exist(method):
    for group, values in getattr(method, "COMPANIONS", {}).items():
        rest = {key: value for key, value in values.items() if key != "name"}
        problems = check_member(group, GROUPS[group], values["name"], rest)
        # a file must be named by the user
        assert [text for text in problems if "needs a value" not in text] == []


def test_every_method_cites_its_own_paper():
    paper = r"arXiv:\d{4}\.\d{4,5}|openreview:\w+|doi:[\w./]+\w|thecvf\.com/[\w/]+"
    papers = [re.findall(paper, m.__doc__) for m in METHODS]
    assert all(papers)
    # fgsm_cure is a baseline of the paper of elle
    assert len({p[0] for p in papers}) == len(papers) - 1
