"""The view against the network itself: the same numbers, to rounding."""

from functools import partial
from typing import get_args

import pytest
import torch
from torch import nn

from tests.oracles import tiny_config
from trainables.attacks import pgd
from trainables.binding import bind_member, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.methods import pgd_at
from trainables.networks import folded_view
from trainables.networks.activations import Activation
from trainables.networks.modes import frozen_weights
from trainables.networks.precision import Network, full_precision, set_precision
from trainables.protocols import BoundAttack, BoundMethod
from trainables.threats.linf import Linf
from trainables.training.loop import count_gradient_passes
from trainables.training.network import build_network
from trainables.training.trial import Trial
from trainables.updates import alternate

SHAPE = (3, 16, 16)
each_model = pytest.mark.parametrize("name", GROUPS["model"].members())


def trained_like(name, **settings):
    """Return a network in eval mode whose batch statistics are not the initial ones."""
    torch.manual_seed(0)
    narrow = {"width": 8} if "width" in GROUPS["model"].member_knobs(name) else {}
    images = ImageFormat(shape=SHAPE, classes=5, mean=(0.4,) * 3, std=(0.2,) * 3)
    # softplus: at a kink, rounding could change the gradient
    model = build_network(
        bound_model(
            bind_member(GROUPS["model"], name, narrow | {"activation": "softplus"} | settings)
        ),
        images,
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
    return model.eval()


def logits_and_gradient(model, x):
    x = x.clone().requires_grad_()
    with frozen_weights(model):
        logits = model(x)
        return logits, torch.autograd.grad(logits.square().sum(), x)[0]


@each_model
@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_logits_and_gradients_equal_those_of_the_network(name, head):
    model, x = trained_like(name, head=head).double(), torch.rand(3, *SHAPE).double()
    seen = folded_view.folded_view(model)
    assert isinstance(seen, folded_view.FoldedView)
    for one, other in zip(logits_and_gradient(model, x), logits_and_gradient(seen, x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)  # 1e-16, over 200 layers


@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("name", ["preact_resnet18", "small_cnn"])
def test_with_every_activation_it_equals_the_network(name, activation):
    model, x = trained_like(name, activation=activation).double(), torch.rand(2, *SHAPE).double()
    seen = folded_view.folded_view(model)
    assert isinstance(seen, folded_view.FoldedView)
    for one, other in zip(logits_and_gradient(model, x), logits_and_gradient(seen, x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)  # 1e-16, over 20 layers


@each_model
def test_it_follows_the_weights_and_the_statistics(name):
    model, x = trained_like(name), torch.rand(3, *SHAPE)
    before = folded_view.folded_view(model)(x)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.mul_(1.25)
    after = folded_view.folded_view(model)(x)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, model(x), rtol=1e-4, atol=1e-4)  # rounding, as above


def test_no_batchnorm_is_left_and_only_what_follows_no_convolution_is_affine():
    """A pre-activation block folds its second norm; nine more follow sums, or end the network."""
    seen = folded_view.folded_view(trained_like("preact_resnet18"))
    kinds = [type(module).__name__ for module in seen.modules()]
    assert "BatchNorm2d" not in kinds
    assert kinds.count("FoldedNorm") == 9
    assert "FoldedNorm" not in [
        type(m).__name__ for m in folded_view.folded_view(trained_like("resnet18")).modules()
    ]


def test_it_has_no_weights_that_learn():
    model = trained_like("resnet18")
    seen = folded_view.folded_view(model)
    with frozen_weights(model):
        assert not any(p.requires_grad for p in seen.parameters())
        assert not seen(torch.rand(2, *SHAPE)).requires_grad


def disable_folding(monkeypatch):
    monkeypatch.setattr(alternate, "folded_view", lambda model: model)


@pytest.mark.parametrize("name", ["preact_resnet18", "resnet18", "vgg16", "small_cnn"])
def test_the_attack_finds_the_same_perturbation(name, monkeypatch):
    model, x, y = trained_like(name), torch.rand(4, *SHAPE), torch.randint(0, 5, (4,))
    threat = Linf(eps=0.05)
    method = BoundMethod(inner=pgd_at.inner, outer=pgd_at.outer)

    def crafted():
        return alternate.craft_examples(model, x, y, method, attack(threat), "eval")

    with_view = crafted()
    disable_folding(monkeypatch)
    same = (crafted() - with_view).abs() < 1e-6
    assert same.float().mean() > 0.999  # the sign of a gradient that is nearly zero may turn


def attack(threat):
    """Return PGD of three steps from the image."""
    return BoundAttack(perturb=partial(pgd.perturb, threat=threat, steps=3, start="zero"))


@pytest.mark.parametrize("method", ["pgd_at", "trades", "alp", "mart", "llr"])
def test_an_epoch_ends_at_the_same_weights(method, monkeypatch):
    config = tiny_config(
        model={"name": "preact_resnet18", "width": 4, "activation": "softplus"},
        method={"name": method},
        optimizer={"name": "sgd", "lr": 0.01},
        data__limit=60,
    )
    one = Trial(config)
    one.run_epoch()
    disable_folding(monkeypatch)
    other = Trial(config)
    other.run_epoch()
    for name, tensor in other.model.state_dict().items():
        # two updates, and now and then the sign of a vanishing gradient
        torch.testing.assert_close(one.model.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)


class DataDependent(nn.Module):
    """Does what no graph can hold: its branch depends on the input."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


def test_what_cannot_be_traced_is_attacked_as_it_is():
    model = DataDependent()
    assert folded_view.folded_view(model) is model


@pytest.mark.parametrize("build", [DataDependent, lambda: Network(nn.Linear(4, 3))])
def test_passes_are_counted_once_through_the_network_or_its_view(build):
    model, x = build(), torch.rand(5, 4)
    with count_gradient_passes(model) as passes:
        folded_view.folded_view(model)(x.requires_grad_())
        model(x)
    assert passes == [10]


def test_bf16_is_near_and_logits_and_weights_stay_fp32():
    model, x = trained_like("resnet18"), torch.rand(3, *SHAPE)
    exact = model(x)
    set_precision(model, "bf16")
    for network in (model, folded_view.folded_view(model)):
        logits = network(x)
        assert logits.dtype == torch.float32
        assert not torch.equal(logits, exact)
        assert (logits - exact).norm() < 0.05 * exact.norm()  # bf16 rounds at 1/256, twenty times
    assert all(p.dtype == torch.float32 for p in model.parameters())
    with full_precision(model):
        torch.testing.assert_close(model(x), exact, rtol=0, atol=0)


def test_a_trial_trains_in_bf16():
    trial = Trial(tiny_config(precision="bf16"))
    losses = [report.train_loss for report in trial.run_epochs()]
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 for p in trial.model.parameters())


@pytest.mark.slow
def test_compiling_changes_nothing_but_rounding():
    compiled, eager = (Trial(tiny_config(compile=flag, data__limit=50)) for flag in (True, False))
    losses = [trial.run_epoch().train_loss for trial in (compiled, eager)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
