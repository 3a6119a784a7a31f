"""Multi-step methods of 2021 to 2024 beside their authors' code, in float64.

Weights and images are those of `formulas`, starts are a wave. Each number is of the whole step:
attack, loss, gradient, and BatchNorm's running statistics after it.
"""

from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F

from tests.trainables.formulas import digest, fill, images, labels, network, wave
from trainables.attacks import pgd
from trainables.criteria import cross_entropy
from trainables.methods import adr, consistency, hat, ikl, lbgat, score
from trainables.networks.modes import in_mode
from trainables.networks.teacher import Teacher
from trainables.threats.linf import Linf


@dataclass
class Published:
    """What an authors' code returns.

    Attributes:
        loss: The training loss.
        gradient: Digest of its gradient.
        statistics: Digest of the running means and variances after the step.
    """

    loss: float
    gradient: list[float]
    statistics: list[float]


IKL = [
    Published(
        7.912915397651665,
        [0.0018435877352650407, 0.10114183353035401, -0.0008265148676780645],
        [0.7663892996886954, 1.0921594102272578, -0.02886359062877747],
    ),
    Published(
        7.740428540512257,
        [-0.0001687269010813767, 0.05900498458248349, 0.0020697438486232595],
        [0.9597125809045516, 1.3774607719055194, -0.024230555202103016],
    ),
]
"""jiequancui/DKL, commit c5e8ad2, dkl_loss of DKLv1/Adv-training-dkl/train_dkl_cifar10.py: a batch
of the first epoch and one of the second. A class without images keeps its weights; theirs divides
by 0."""
SCORE = {
    (0.0, 0.0): Published(
        0.9002605568355027,
        [0.00045921408262237715, 0.02944601155537545, -5.005612888914206e-05],
        [0.7639137891065091, 1.0886378805759598, -0.028778179261604003],
    ),
    (0.1, 0.02): Published(
        0.7040872970644229,
        [0.00042785849560577607, 0.02733932483503469, -0.00014669329350245437],
        [0.7639137891065091, 1.0886378805759598, -0.028778179261604003],
    ),
}
"""P2333/SCORE, commit e82f442, trades_loss_LSE of gowal21uncovering/utils/trades.py, by label
smoothing and clip value."""
HAT = Published(
    2.657662836351861,
    [0.0011252248209523614, 0.08668437618267086, -0.0030954771839153336],
    [0.8695441796178311, 1.2430910769653454, -0.028954759362051198],
)
"""imrahulr/hat, commit 3177a4f, hat_loss of core/utils/hat.py."""
LBGAT = {
    0.0: Published(
        2.3359869071879724,
        [0.0027359309563075055, 0.19242214176630465, -0.006431322242864816],
        [0.7663892996886954, 1.0921594102272578, -0.02886359062877747],
    ),
    6.0: Published(
        2.3438040716362964,
        [0.0027779216564561083, 0.19196635369122106, -0.006427750727388611],
        [0.7663892996886954, 1.0921594102272578, -0.02886359062877747],
    ),
}
"""jiequancui/LBGAT, commit f7f33f0, lbgat_loss of lbgat.py, by beta."""
LBGAT_TEACHER = Published(
    2.3438040716362964,
    [0.00020989162701862856, 0.25187285980277024, -0.015081990707408975],
    [0.5215600835734545, 0.735984070902557, -0.03012231089644056],
)
"""The same for the teacher of beta 6."""
CONSISTENCY = Published(
    2.0017683902067773,
    [0.0018829475788983102, 0.11126557823010988, -0.0017652309444401916],
    [0.6271495911221325, 0.8905499294021154, -0.02785563918795432],
)
"""alinlab/consistency-adversarial, commit 95bee02, train of
training/adv_train/adv_train_consistency.py with perturbations that are a wave."""
ADR = {
    0.0: Published(
        1.8133975447363233,
        [0.0010538755801425988, 0.06315087641196193, -0.0017258052428737907],
        [0.9641108049724746, 1.3825567655845439, -0.028595783478084225],
    ),
    0.3: Published(
        1.7981859799906061,
        [0.0009787416265408843, 0.06159062546982814, -0.0017821714339724384],
        [0.9641024338810198, 1.3825612381623558, -0.02857801464127102],
    ),
    0.7: Published(
        1.7539950520836576,
        [0.000761606014825927, 0.05976020391979618, -0.001973016062810491],
        [0.9630559023026046, 1.381413174292546, -0.02834040142552499],
    ),
}
"""yuyuwu5/ADR, commit 515da0e, ADR of src/adr.py with PGD of src/util/pgd_attack.py, at steps 0, 3
and 7 of 10."""


class WaveBall(Linf):
    """A ball whose random point is a wave, so that authors' code can start there too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=0.9, shift=0.2)


def norm_network(gain=1.5):
    return fill(network(norm=True), gain=gain)


def attacked(method, model, x, y, mode, **inner):
    """Return the images after three steps from a wave, far from or near to the image."""
    start = getattr(method, "COMPANIONS", {}).get("attack", {})
    knobs = {key: start[key] for key in ("start", "project_start") if key in start}
    with (
        in_mode(model, mode),
        patch("torch.randn", lambda shape, **_: wave(*shape, rate=0.9, shift=0.2)),
    ):
        objective = method.inner(model, x, y, **inner)
        return pgd.perturb(
            objective, x, y, threat=WaveBall(eps=0.031), steps=3, step_size=0.007, **knobs
        )


def assert_published(model, loss, published):
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    statistics = torch.cat([model[1].running_mean, model[1].running_var])
    found = [loss.item(), *digest(gradient), *digest(statistics)]
    expected = [published.loss, *published.gradient, *published.statistics]
    # rounding in float64 after a few hundred operations
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


def train(outer, model, x, x_adv, y, **knobs):
    model.zero_grad()
    loss = outer(model.train(), x, x_adv, y, **knobs)
    loss.backward()
    return loss


def test_ikl_takes_the_class_means_of_the_epoch_before():
    model, memory = norm_network(), {}
    batches = [(images(), labels()), (images(6)[2:], labels(6)[2:])]
    for epoch, ((x, y), published) in enumerate(zip(batches, IKL, strict=True)):
        x_adv = attacked(ikl, model, x, y, "eval")
        knobs = {"criterion": cross_entropy.loss, "memory": memory, "epoch": epoch}
        loss = train(ikl.outer, model, x, x_adv, y, **knobs)
        assert_published(model, loss, published)


def test_ikl_takes_probabilities_for_labels():
    x, y, model = images(), labels(), norm_network()
    knobs = {"criterion": cross_entropy.loss, "memory": {}}
    hard = ikl.outer(model, x, x.flip(3), y, **knobs)
    knobs = {"criterion": cross_entropy.loss, "memory": {}}
    soft = ikl.outer(model, x, x.flip(3), F.one_hot(y, 5).double(), **knobs)
    assert soft.item() == pytest.approx(hard.item(), rel=1e-12)


@pytest.mark.parametrize(("smoothing", "clip"), SCORE)
def test_score(smoothing, clip):
    model, x, y = norm_network(), images(), labels()
    x_adv = attacked(score, model, x, y, "train")
    knobs = {"label_smoothing": smoothing, "clip": clip}
    loss = train(score.outer, model, x, x_adv, y, **knobs)
    assert_published(model, loss, SCORE[smoothing, clip])


def test_hat():
    model, helper, x, y = norm_network(), norm_network(-0.9), images(), labels()
    teacher = Teacher(find_network=lambda: helper)
    x_adv = attacked(hat, model, x, y, "eval")
    loss = train(hat.outer, model, x, x_adv, y, criterion=cross_entropy.loss, teacher=teacher)
    assert_published(model, loss, HAT)
    assert helper.training
    assert all(p.grad is None for p in helper.parameters())


@pytest.mark.parametrize("beta", LBGAT)
def test_lbgat_trains_its_teacher_too(beta):
    model, natural, x, y = norm_network(), norm_network(-0.9), images(), labels()
    teacher = Teacher(find_network=lambda: natural, is_trained=True)
    x_adv = attacked(lbgat, model, x, y, "eval")
    knobs = {"criterion": cross_entropy.loss, "teacher": teacher, "beta": beta}
    loss = train(lbgat.outer, model, x, x_adv, y, **knobs)
    assert_published(model, loss, LBGAT[beta])
    if beta:
        assert_published(natural, loss, LBGAT_TEACHER)


def test_consistency():
    model, y = norm_network(), labels().repeat(2)
    x = torch.cat([images(), images(8)[4:]])
    x_adv = (x + 0.031 * wave(*x.shape, rate=0.9, shift=0.2)).clamp(0, 1)
    loss = train(consistency.outer, model, x, x_adv, y, criterion=cross_entropy.loss)
    assert_published(model, loss, CONSISTENCY)


@pytest.mark.parametrize("progress", ADR)
def test_adr_anneals_temperature_and_share(progress):
    model, average, x, y = norm_network(), norm_network(-0.9), images(), labels()
    knobs = {"teacher": Teacher(find_network=lambda: average), "progress": progress}
    x_adv = attacked(adr, model, x, y, "train", **knobs)
    loss = train(partial(adr.outer, criterion=cross_entropy.loss), model, x, x_adv, y, **knobs)
    assert_published(model, loss, ADR[progress])
