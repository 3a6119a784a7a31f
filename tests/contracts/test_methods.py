"""What every training method must do."""

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
from trainables.step_context import StepContext
from trainables.threats.linf import Linf

METHODS = [load_member("trainables.methods", name) for name in list_members("trainables.methods")]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__.split(".")[-1])


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 4 * 2, 5)
    )


def outer_loss(method, *args, classes=5, criterion=cross_entropy.loss):
    rng = torch.Generator().manual_seed(0)
    context = StepContext(threat=Linf(eps=0.1), rng=rng, memory={}, classes=classes)
    context.criterion = criterion
    return inject(method.outer, context)(*args)


def batch(size: int):
    x = torch.rand(size, 3, 6, 4)  # not square, so swapped axes show
    return x, (x + 0.1).clamp(0, 1), torch.randint(0, 5, (size,))


@each_method
@pytest.mark.parametrize("size", [1, 2, 7])
def test_outer_is_a_scalar_with_a_gradient(method, model, size):
    x, x_adv, y = batch(size)
    loss = outer_loss(method, model, x, x_adv, y)
    loss.backward()
    assert loss.shape == ()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@each_method
@pytest.mark.parametrize("criterion", [cross_entropy.loss, partial(hypersphere.loss, scale=15.0)])
@pytest.mark.parametrize("classes", [2, 3])
def test_two_and_three_classes_have_losses_and_gradients(method, criterion, classes):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 4), nn.Softplus(), nn.Linear(4, classes))
    x, x_adv, _ = batch(6)
    y = torch.arange(6) % classes
    loss = outer_loss(method, model, x, x_adv, y, classes=classes, criterion=criterion)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in model.parameters())
    if (objective := method.inner(model, x, y)) is not None:
        value, logits = objective(x_adv)
        assert (value.shape, logits.shape) == ((6,), (6, classes))
        assert value.isfinite().all()


@each_method
def test_the_losses_of_parts_of_a_batch_add_up_unless_it_needs_whole_batches(method):
    """Parts of 2, 2, 2 and 1 of 7 images, each by its share."""
    if getattr(method, "WHOLE_BATCH", False):
        pytest.skip("needs whole batches")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 4), nn.Softplus(), nn.Linear(4, 5)).double()
    x, x_adv, y = batch(7)
    x, x_adv = x.double(), x_adv.double()
    whole = outer_loss(method, model, x, x_adv, y)
    parts = zip(x.split(2), x_adv.split(2), y.split(2), strict=True)
    total = sum(outer_loss(method, model, *part) * len(part[0]) / 7 for part in parts)
    torch.testing.assert_close(total, whole, rtol=1e-12, atol=0)  # float64's rounding is 1e-16


@each_method
@pytest.mark.parametrize("size", [1, 2, 7])
def test_inner_gives_one_value_per_example_and_the_logits(method, model, size):
    x, x_adv, y = batch(size)
    model.eval()
    objective = method.inner(model, x, y)
    if objective is None:
        pytest.skip("does not attack")
    x_adv.requires_grad_()
    value, logits = objective(x_adv)
    assert value.shape == (size,)
    torch.testing.assert_close(logits, model(x_adv))
    (grad,) = torch.autograd.grad(value.sum(), x_adv)
    assert grad.isfinite().all()
    assert grad.any()


@each_method
def test_outer_is_a_mean_over_examples(method, model):
    """A batch repeated twice has the same mean, but not the same sum."""
    if "rng" in inspect.signature(method.outer).parameters:
        pytest.skip("draws per example, so the two batches see different draws")
    model.eval()
    x, x_adv, y = batch(6)
    twice = outer_loss(method, model, *(torch.cat([t, t]) for t in (x, x_adv, y)))
    torch.testing.assert_close(outer_loss(method, model, x, x_adv, y), twice)


@each_method
def test_docstring_names_every_knob(method):
    doc = inspect.getdoc(method.outer)
    assert [name for name in read_knobs(method.outer) if f"{name}: " not in doc] == []


@each_method
def test_its_companions_exist(method):
    for group, values in getattr(method, "COMPANIONS", {}).items():
        rest = {key: value for key, value in values.items() if key != "name"}
        assert list(check_member(group, GROUPS[group], values["name"], rest)) == []


def test_every_method_cites_its_own_paper():
    papers = [re.findall(r"arXiv:\d{4}\.\d{4,5}|openreview:\w+", m.__doc__) for m in METHODS]
    assert all(papers)
    assert len({p[0] for p in papers}) == len(papers)


@each_method
def test_where_the_loss_ignores_the_image_all_is_finite(method, model):
    """A last layer of zeros has no input gradient to normalise, and no logits that differ."""
    torch.nn.init.zeros_(model[3].weight)
    x, x_adv, y = batch(3)
    loss = outer_loss(method, model, x, x_adv, y)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert not x.requires_grad
