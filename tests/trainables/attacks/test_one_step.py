"""FGSM, FGSM-RS and N-FGSM against a halfspace, where each step is known."""

import torch

from tests.oracles import Halfspace
from trainables.attacks import fgsm, fgsm_rs, n_fgsm, pgd
from trainables.methods import pgd_at
from trainables.threats.linf import Linf

MODEL, X, Y = Halfspace(torch.ones(6)), torch.full((4, 6), 0.5), torch.ones(4).long()
OBJECTIVE, THREAT = pgd_at.inner(MODEL, X, Y), Linf(eps=0.1)


def rng():
    return torch.Generator().manual_seed(0)


def test_fgsm_is_one_step_of_eps_whatever_the_reach_beyond():
    for reach in (1.0, 1.25):
        x_adv = fgsm.perturb(OBJECTIVE, X, Y, threat=THREAT, reach=reach)
        torch.testing.assert_close(x_adv, X - 0.1)


def test_fgsm_rs_is_one_step_of_pgd_from_the_same_start():
    one = fgsm_rs.perturb(OBJECTIVE, X, Y, threat=THREAT, rng=rng())
    other = pgd.perturb(OBJECTIVE, X, Y, threat=THREAT, rng=rng(), steps=1, step_size=0.125)
    assert torch.equal(one, other)
    assert (one < X + 0.1 - 0.125 + 1e-6).all()  # float32 rounding


def test_n_fgsm_is_noise_and_a_step_with_no_projection():
    x_adv = n_fgsm.perturb(OBJECTIVE, X, Y, threat=THREAT, rng=rng(), noise=2.0)
    start = X + 2 * (THREAT.random_point(X, rng()) - X)
    torch.testing.assert_close(x_adv, start - 0.1)
    assert (x_adv - X).abs().max() > 0.1  # it does leave the ball
