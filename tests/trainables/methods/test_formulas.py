"""Every method's losses and their gradients, against the papers' formulas in float64.

The formulas are written out below as the papers have them, without the code under test. The network
has convolutions that are not square, BatchNorm and five examples, some of whose pixels are 0 or 1.
"""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from trainables.criteria import cross_entropy
from trainables.hparams.registry import list_members, load_member
from trainables.injection import inject
from trainables.step_context import StepContext
from trainables.threats.linf import Linf

THREAT, SCALE = Linf(eps=0.3), 1.5
CLOSE = {"rtol": 1e-9, "atol": 1e-12}
"""float64 rounds at 1e-16, and a second derivative is a few hundred operations long."""


def network(mode):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, (2, 3)), nn.BatchNorm2d(3), nn.Softplus(), nn.Flatten(), nn.Linear(18, 4)
    ).double()
    model[1].running_mean.uniform_(-0.5, 0.5)
    model[1].running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2).add_(0.1)  # far from uniform predictions, so that no factor is nearly 1
    return model.train(mode == "train")


def batch():
    torch.manual_seed(1)
    x = torch.rand(5, 2, 3, 5).double()
    x[0, 0, 0], x[1, 1, :, 2] = 0.0, 1.0
    x_adv = (x + 0.6 * torch.rand_like(x) - 0.3).clamp(0, 1)
    return x, x_adv, torch.tensor([0, 3, 1, 1, 2])


def ce(logits, y):
    return -logits.log_softmax(dim=1)[range(len(y)), y]


def kl(p_logits, q_logits):
    """Return the sum over classes of p log(p / q), example by example."""
    p, q = p_logits.softmax(dim=1), q_logits.softmax(dim=1)
    return (p * torch.log(p / q)).sum(dim=1)


def pixel_gradient(model, x, y):
    """Return the gradient of each example's loss at its pixels, with a graph."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(ce(model(x), y).sum(), x, create_graph=True)[0].flatten(1)


def standard(model, x, x_adv, y):
    return ce(model(x), y)


def pgd_at(model, x, x_adv, y):
    return ce(model(x_adv), y)


def alp(model, x, x_adv, y, beta):
    clean, adversarial = model(x), model(x_adv)
    pairs = ((clean - adversarial) / SCALE).square().mean(dim=1)
    return (ce(clean, y) + ce(adversarial, y)) / 2 + beta * pairs


def trades(model, x, x_adv, y, beta):
    clean, adversarial = model(x), model(x_adv)
    return ce(clean, y) + beta * kl(clean, adversarial)


def trades_as_in_the_text(model, x, x_adv, y, beta, variant):
    clean, adversarial = model(x), model(x_adv)
    crossed = -(clean.softmax(dim=1) * adversarial.log_softmax(dim=1)).sum(dim=1)
    return ce(clean, y) + beta * crossed


def mart(model, x, x_adv, y, beta):
    clean, adversarial = model(x), model(x_adv)
    p, q, rows = clean.softmax(dim=1), adversarial.softmax(dim=1), range(len(y))
    wrong = torch.stack([
        max(each[k] for k in range(len(each)) if k != label)
        for each, label in zip(q, y, strict=True)
    ])
    boosted = -torch.log(q[rows, y]) - torch.log(1.0001 - wrong)
    return boosted + beta * kl(clean, adversarial) * (1 - p[rows, y])


def cure(model, x, x_adv, y, weight, h, power="norm"):
    """Return the loss with the direction constant and of Euclidean length h."""
    clean, model = ce(model(x), y), frozen_statistics(model)
    here = pixel_gradient(model, x, y)
    signs = torch.sign(here.detach())
    step = h * signs / signs.square().sum(dim=1, keepdim=True).sqrt()
    there = pixel_gradient(model, x + step.view_as(x), y)
    turn = (there - here).square().sum(dim=1)
    return clean + weight * (turn if power == "squared" else turn.sqrt())


def fgsm_cure(model, x, x_adv, y, weight):
    here, there = pixel_gradient(model, x, y).detach(), pixel_gradient(model, x_adv, y)
    return ce(model(x_adv), y) + weight * (there - here).square().sum(dim=1)


def grad_align(model, x, x_adv, y, weight, **_):
    near = x + 0.3 * (2 * torch.rand(x.shape, generator=rng(), dtype=x.dtype) - 1)
    here, there = pixel_gradient(model, x, y).detach(), pixel_gradient(model, near, y)
    cosine = (here * there).sum(dim=1) / (
        here.square().sum(dim=1) * there.square().sum(dim=1)
    ).sqrt()
    return ce(model(x_adv), y) + weight * (1 - cosine)


def llr(model, x, x_adv, y, gamma_weight, slope_weight):
    clean, model = ce(model(x), y), frozen_statistics(model)
    predicted = (pixel_gradient(model, x, y) * (x_adv - x).flatten(1)).sum(dim=1)
    gap = ce(model(x_adv), y) - ce(model(x), y) - predicted
    return clean + gamma_weight * gap.abs() + slope_weight * predicted.abs()


def dat(model, x, x_adv, y, weighted_from):
    """At the start of the run."""
    weights = ce(frozen_statistics(model)(x_adv), y).detach() if weighted_from == 0 else 1.0
    return weights * ce(model(x_adv), y)


def frozen_statistics(model):
    """Return the same weights with BatchNorm in eval mode."""
    same = copy.deepcopy(model).eval()
    for name, module in model.named_modules():
        for key in module._parameters:
            setattr(same.get_submodule(name), f"_{key}", None)
            same.get_submodule(name)._parameters[key] = module._parameters[key]
    return same


FORMULAS = [
    ("standard", standard, {}),
    ("pgd_at", pgd_at, {}),
    ("fgsm", pgd_at, {}),
    ("fgsm_rs", pgd_at, {}),
    ("n_fgsm", pgd_at, {}),
    ("zero_grad", pgd_at, {}),
    ("ssat", pgd_at, {}),
    ("atas", pgd_at, {}),
    ("dat", dat, {"weighted_from": 0.0}),
    ("dat", dat, {"weighted_from": 0.5}),
    ("alp", alp, {"beta": 0.7}),
    ("trades", trades, {"beta": 2.5}),
    ("trades", trades_as_in_the_text, {"beta": 2.5, "variant": "ce"}),
    ("mart", mart, {"beta": 3.0}),
    ("cure", cure, {"weight": 1.5, "h": 0.8}),
    ("cure", cure, {"weight": 1.5, "h": 0.8, "power": "squared"}),
    ("fgsm_cure", fgsm_cure, {"weight": 2.0}),
    ("grad_align", grad_align, {"weight": 1.2, "through_clip": False, "bn_updates": "each_pass"}),
    ("llr", llr, {"gamma_weight": 1.7, "slope_weight": 0.9}),
]


def rng():
    return torch.Generator().manual_seed(3)


def outer(name, *args, **knobs):
    context = StepContext(threat=THREAT, rng=rng(), memory={}, classes=4, scale=SCALE)
    context.criterion = cross_entropy.loss
    return inject(partial(load_member("trainables.methods", name).outer, **knobs), context)(*args)


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    ("name", "formula", "knobs"), FORMULAS, ids=lambda v: getattr(v, "__name__", "")
)
def test_the_loss_and_its_gradient_are_those_of_the_formula(name, formula, knobs, mode):
    x, x_adv, y = batch()
    losses, gradients = [], []
    for mine in (True, False):
        model = network(mode)
        if mine:
            loss = outer(name, model, x, x_adv, y, **knobs)
        else:
            each = formula(model, x, x_adv, y, **knobs)
            assert each.shape == (5,)
            loss = each.mean()
        losses.append(loss)
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
        assert model.training == (mode == "train")
    torch.testing.assert_close(*losses, **CLOSE)
    torch.testing.assert_close(*gradients, **CLOSE)


def test_every_method_has_a_formula():
    assert {name for name, *_ in FORMULAS} == METHODS - COMPARED


COMPARED = {
    *("aaer", "elle", "fgsm_mep_cs", "fgsm_pco", "fgsm_pgi", "fgsm_uap", "gat", "liet", "nuat"),
    *("tdat", "adr", "consistency", "hat", "ikl", "lbgat", "score"),
}
"""Methods that `test_authors_single_step` and `test_authors_teachers` hold to released code."""
METHODS = set(list_members("trainables.methods"))
INNER = {
    "trades": lambda model, x, x_adv, y: kl(model(x).detach(), model(x_adv)),
    "llr": lambda model, x, x_adv, y: (
        ce(model(x_adv), y)
        - ce(model(x), y).detach()
        - (pixel_gradient(model, x, y).detach() * (x_adv - x).flatten(1)).sum(dim=1)
    ).abs(),
    "standard": None,
    "cure": None,
}
"""What the attack maximises: a constant clean prediction or approximation; otherwise the loss."""


@pytest.mark.parametrize("name", sorted(METHODS - COMPARED))
def test_the_attack_maximises_the_formula(name):
    """With gradients for the pixels, and for the weights: the clean side has none."""
    formula = INNER.get(name, pgd_at)
    model, (x, x_adv, y) = network("eval"), batch()
    knobs = {"search": "gap"} if name == "llr" else {}
    objective = load_member("trainables.methods", name).inner(model, x, y, **knobs)
    if formula is None:
        assert objective is None
        return
    at = x_adv.requires_grad_()
    value, logits = objective(at)
    expected = formula(model, x, at, y)
    wanted = [at, *model.parameters()]
    torch.testing.assert_close(logits, model(at))
    torch.testing.assert_close(value, expected, **CLOSE)
    torch.testing.assert_close(
        torch.autograd.grad(value.sum(), wanted), torch.autograd.grad(expected.sum(), wanted),
        **CLOSE,
    )  # fmt: skip
