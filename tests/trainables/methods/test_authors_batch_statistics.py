"""One step's loss, gradient and running statistics beside the authors' code, in float64.

The network has BatchNorm and many pixels are 0 or 1. Noise and random points are waves.
"""

from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch

from tests.oracles import tiny_config
from tests.trainables.formulas import digest, fill, images, labels, network, wave
from trainables.attacks import fgsm, pgd
from trainables.binding import bind
from trainables.criteria import cross_entropy
from trainables.methods import grad_align, pgd_at, trades
from trainables.protocols import BoundMethod
from trainables.step_context import StepContext, inject_components
from trainables.threats.linf import Linf
from trainables.updates import alternate, awp

ROUNDING = 1e-12
"""Numbers of order 1 in float64 after a few hundred operations."""
ADVERSARIAL = Linf(eps=0.031)


class WaveBall(Linf):
    """A ball whose random point is a wave, so that authors' code can take it too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=1.9, shift=0.3)


def trades_attack(model):
    """Return the images of three steps of 0.007 on TRADES' objective."""
    x, objective = images(), trades.inner(model.eval(), images(), labels())
    with patch("torch.randn", lambda shape, **_: wave(*shape, rate=0.9, shift=0.2)):
        knobs = {"steps": 3, "step_size": 0.007, "start": "gaussian", "project_start": False}
        x_adv = pgd.perturb(objective, x, labels(), threat=ADVERSARIAL, **knobs)
    model.train()
    return x_adv


def statistics(model):
    return digest(model[1].running_mean), digest(model[1].running_var)


def near(expected):
    return pytest.approx(expected, rel=0, abs=ROUNDING)


def test_trades_passes_clean_images_twice():
    """yaodongyu/TRADES, commit 6e8e11b, trades_loss of trades.py with a beta of 6."""
    model = network(norm=True)
    x_adv = trades_attack(model)
    loss = trades.outer(model, images(), x_adv, labels(), criterion=cross_entropy.loss, beta=6.0)
    mean, variance = statistics(model)
    assert loss.item() == near(1.8000633416698821)
    assert mean == near([-0.0022995655974876496, 0.09596348959572228, 0.01113505984565016])
    assert variance == near([1.1923456033212456, 1.1949695888675107, 0.14717677756323427])


def test_the_passes_of_trades_may_count_once_each():
    model = network(norm=True)
    x_adv = trades_attack(model)
    knobs = {"criterion": cross_entropy.loss, "beta": 6.0, "bn_updates": "each_pass"}
    loss = trades.outer(model, images(), x_adv, labels(), **knobs)
    by_hand = network(norm=True)
    for passed in (images(), x_adv):
        by_hand(passed)
    assert loss.item() == near(1.8000633416698821)
    for numbers, expected in zip(statistics(model), statistics(by_hand), strict=True):
        assert numbers == near(expected)


AWP_AT = (
    [0.020509457878993078, 0.2894166079987002, 0.0012568829475755896],
    [-0.0004047485853030334, 0.03489672247398203, 0.004033096165202173],
)
AWP_TRADES = (
    [0.020508794224217017, 0.28940481766451664, 0.0012657171856300942],
    [-0.0012052466787977022, 0.09605219878900366, 0.011183702263940777],
)
"""Weights after a step of 0.05 with gamma 0.01, and the running mean.

csdongxian/AWP, commit a7acf5d: AT_AWP/utils_awp.py and trades_AWP/utils_awp.py, each with the
training step beside it.
"""


@pytest.mark.parametrize(
    ("outer", "expected"),
    [
        (pgd_at.outer, AWP_AT),
        (partial(trades.outer, pass_order=awp.PASS_ORDER), AWP_TRADES),
    ],
)
def test_the_search_of_awp_leaves_the_statistics_alone(outer, expected):
    x_adv = trades_attack(network(norm=True))
    model = network(norm=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    outer = partial(outer, criterion=cross_entropy.loss)
    method = BoundMethod(inner=lambda *_: lambda _: None, outer=outer)
    attack = SimpleNamespace(perturb=lambda *_: x_adv)
    knobs = {"method": method, "attack": attack, "gamma": 0.01}
    awp.update(model, optimizer, images(), labels(), **knobs)
    weights, mean = expected
    assert digest(torch.cat([p.flatten() for p in model.parameters()])) == near(weights)
    assert digest(model[1].running_mean) == near(mean)


def test_trades_follows_the_order_of_passes_of_its_update():
    """The loss is the same; the statistics differ."""

    def running_mean(update):
        config = tiny_config(method__name="trades", update__name=update)
        components = bind({name: each for name, each in config.items() if isinstance(each, dict)})
        model, x = network(norm=True), images()
        context = StepContext(threat=ADVERSARIAL, rng=torch.Generator(), memory={}, classes=5)
        ready = inject_components(components, context)
        loss = ready.method.outer(model, x, x.flip(3), labels())
        return loss.item(), digest(model[1].running_mean)

    def by_hand(*passes):
        model = network(norm=True)
        for passed in passes:
            model(passed)
        return digest(model[1].running_mean)

    clean, adversarial = images(), images().flip(3)
    (loss, alternate_mean), (other, awp_mean) = running_mean("alternate"), running_mean("awp")
    assert loss == near(other)
    assert alternate_mean == near(by_hand(clean, adversarial, clean))
    assert awp_mean == near(by_hand(adversarial, clean, clean))


def grad_align_step(**knobs):
    """Return the loss, the gradient's digest and the BatchNorm after a step with a rate of 0."""
    model, x, y = fill(network(norm=True), gain=3.0), images(), labels()
    threat, optimizer = WaveBall(eps=8 / 255), torch.optim.SGD(model.parameters(), lr=0.0)
    outer = partial(grad_align.outer, criterion=cross_entropy.loss, threat=threat, **knobs)
    method = BoundMethod(inner=pgd_at.inner, outer=outer)
    attack = SimpleNamespace(perturb=partial(fgsm.perturb, threat=threat))
    loss = alternate.update(model, optimizer, x, y, method=method, attack=attack, mode="train")
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    return loss.item(), digest(gradient), model[1]


def test_a_step_of_grad_align_is_that_of_its_authors():
    """FGSM at 8/255 and a lambda of 0.2.

    tml-epfl/understanding-fast-adv-training, commit ceed494: the step of train.py and utils.py.
    """
    loss, gradient, norm = grad_align_step()
    assert loss == pytest.approx(2.710793052242253)  # the update adds losses in float32
    assert gradient == near([0.005145274515804155, 0.17285824960543295, -0.004274872233579488])
    mean = digest(norm.running_mean)
    assert mean == near([-0.013297849791954156, 0.2869268094135724, 0.034577764012043655])
    assert norm.num_batches_tracked == 3


def test_grad_align_may_take_whole_gradients_and_count_each_pass():
    loss, _, norm = grad_align_step(through_clip=False, bn_updates="each_pass")
    # what this code did before it had the knobs
    assert loss == pytest.approx(2.6996308277189938)
    assert norm.num_batches_tracked == 4
