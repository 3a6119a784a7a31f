"""Every update against its algorithm written out, in float64: losses, weights and statistics.

The loss has a clean and an attacked branch, as TRADES' and ALP's have. The network has weights that
are not square, BatchNorm in train mode, and a momentum; some pixels are 0 or 1.
"""

import copy
from functools import partial

import pytest
import torch

from tests.trainables.methods.test_formulas import ce, kl, network
from trainables.attacks import fgsm
from trainables.hparams.registry import list_members, load_member
from trainables.methods import pgd_at
from trainables.protocols import AttackStart, BoundAttack, BoundMethod
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

EPS = 0.1
THREATS = {"linf": Linf(eps=EPS, step_scale=0.5), "l2": L2(eps=EPS, step_scale=0.5)}


def outer(model, x, x_adv, y):
    clean, adversarial = model(x), model(x_adv)
    return (ce(clean, y) + ce(adversarial, y) + 2 * kl(clean, adversarial)).mean()


def batches():
    """Return batches of 5, 3 and 6 images, as a last one may be shorter."""
    torch.manual_seed(1)
    found = []
    for size in (5, 3, 6):
        x = torch.rand(size, 2, 3, 5).double()
        x[0, 0], x[1, 1, :, 2] = 0.0, 1.0
        found.append((x, torch.randint(0, 4, (size,))))
    return found


def optimizer_of(model):
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def learn(optimizer, model, gradients):
    for p, grad in zip(model.parameters(), gradients, strict=True):
        p.grad = grad
    optimizer.step()


def attacked(model, x, y, mode):
    """Return FGSM's images, with BatchNorm in a mode."""
    model.train(mode == "train")
    z = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(ce(model(z), y).sum(), z)
    model.train()
    return (x + EPS * grad.sign()).clamp(0, 1)


def lengths(delta):
    return delta.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()


def unit(grad, ball):
    """Return the step of length 1 that gains most, image by image."""
    return grad.sign() if ball == "linf" else grad / lengths(grad)


def cut(delta, ball):
    """Return the perturbations cut off at the radius."""
    if ball == "linf":
        return torch.where(delta.abs() > EPS, EPS * delta.sign(), delta)
    return torch.where(lengths(delta) > EPS, EPS * delta / lengths(delta), delta)


def random_points(x, ball, rng):
    draw = {"generator": rng, "dtype": x.dtype}
    if ball == "linf":
        return x + EPS * (2 * torch.rand(x.shape, **draw) - 1)
    direction, share = torch.randn(x.shape, **draw), torch.rand((len(x), 1, 1, 1), **draw)
    return x + EPS * share * unit(direction, ball)


def alternate(model, mode="eval", micro_batch=6):
    optimizer = optimizer_of(model)
    for x, y in batches():
        losses = []
        cuts = [n for n in range(micro_batch, len(x), micro_batch) if len(x) - n > 1]
        for images, labels in zip(x.tensor_split(cuts), y.tensor_split(cuts), strict=True):
            x_adv = attacked(model, images, labels, mode)
            losses.append(outer(model, images, x_adv, labels) * len(images) / len(x))
        learn(optimizer, model, torch.autograd.grad(sum(losses), list(model.parameters())))
        yield sum(losses)


def awp(model, gamma=0.3, begins=0.0, progress=0.0, mode="eval"):
    optimizer = optimizer_of(model)
    for x, y in batches():
        x_adv = attacked(model, x, y, mode)
        matrices = [p for p in model.parameters() if p.dim() > 1]
        before = [p.detach().clone() for p in matrices]
        if progress >= begins and gamma:
            gradients = torch.autograd.grad(outer(model, x, x_adv, y), matrices)
            for p, grad in zip(matrices, gradients, strict=True):
                length = p.detach().square().sum().sqrt() / grad.square().sum().sqrt()
                p.data += gamma * length * grad
        loss = outer(model, x, x_adv, y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        for p, old in zip(matrices, before, strict=True):
            p.data = old
        learn(optimizer, model, gradients)
        yield loss


def free(model, reach=0.7, ball="linf"):
    optimizer, delta = optimizer_of(model), torch.zeros(5, 2, 3, 5).double()
    for x, y in batches():
        if len(x) > len(delta):
            delta = torch.zeros_like(x)
        x_adv = (x + delta[: len(x)]).clamp(0, 1).requires_grad_()
        loss = outer(model, x, x_adv, y)
        grad, *gradients = torch.autograd.grad(loss, [x_adv, *model.parameters()])
        learn(optimizer, model, gradients)
        moved = delta[: len(x)] + reach * EPS * unit(grad, ball)
        delta = torch.cat([cut(moved, ball), delta[len(x) :]])
        yield loss


def paired(model, ball="linf"):
    """FGSM starts at the image, whose logits the loss compares with those of the end."""
    optimizer = optimizer_of(model)
    for x, y in batches():
        z = x.clone().requires_grad_()
        before = model(z)
        (grad,) = torch.autograd.grad(ce(before, y).sum(), z, retain_graph=True)
        x_adv = (x + EPS * unit(grad, ball)).clamp(0, 1)
        after = model(x_adv)
        loss = (ce(after, y) + 2 * kl(before, after)).mean()
        learn(optimizer, model, torch.autograd.grad(loss, list(model.parameters())))
        yield loss


def yopo(model, passes=2, steps=3, step_size=0.06, ball="linf"):
    """Split the network after its first layer, whose parameters are the first two."""
    optimizer, rng = optimizer_of(model), torch.Generator().manual_seed(4)
    first, rest = model[0], model[1:]
    for x, y in batches():
        points = random_points(x, ball, rng)
        x_adv = (x + cut(points - x, ball)).clamp(0, 1)
        sums, losses = [torch.zeros_like(p) for p in model.parameters()], []
        for _ in range(passes):
            features = first(x_adv).detach().requires_grad_()
            clean, adversarial = rest(first(x)), rest(features)
            loss = (ce(clean, y) + ce(adversarial, y) + 2 * kl(clean, adversarial)).mean()
            p, *late = torch.autograd.grad(loss, [features, *rest.parameters()])
            for _ in range(steps):
                z = x_adv.clone().requires_grad_()
                (grad,) = torch.autograd.grad((p * first(z)).sum(), z)
                moved = x_adv + 0.5 * step_size * unit(grad, ball)
                x_adv = (x + cut(moved - x, ball)).clamp(0, 1)
            early = torch.autograd.grad((p * first(x_adv)).sum(), list(first.parameters()))
            sums = [old + new for old, new in zip(sums, [*early, *late], strict=True)]
            losses.append(loss)
        learn(optimizer, model, sums)
        yield sum(losses) / passes


ALGORITHMS = [
    (alternate, {}),
    (alternate, {"mode": "train"}),
    (alternate, {"micro_batch": 2}),
    (awp, {}),
    (awp, {"gamma": 0.1, "mode": "train"}),
    (awp, {"gamma": 0.0}),
    (awp, {"begins": 0.5, "progress": 0.5}),
    (awp, {"begins": 0.5, "progress": 0.4}),
    (awp, {"begins": 0.5}),
    (free, {"reach": 0.7}),
    (free, {"reach": 0.7, "ball": "l2"}),
    (paired, {}),
    (paired, {"ball": "l2"}),
    (yopo, {"passes": 2, "steps": 3, "step_size": 0.06}),
    (yopo, {"passes": 3, "steps": 2, "step_size": 0.08, "ball": "l2"}),
]


@pytest.mark.parametrize(
    "number", range(len(ALGORITHMS)), ids=lambda n: f"{ALGORITHMS[n][0].__name__}-{n}"
)
def test_the_update_is_that_of_the_algorithm(number):
    """Gradients that an earlier backward pass has left do not count."""
    algorithm, knobs = ALGORITHMS[number]
    model = network("train")
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    expected, name = copy.deepcopy(model), algorithm.__name__
    expected.zero_grad()
    start = AttackStart()

    def outer_of_pair(model, x, x_adv, y):
        after = model(x_adv)
        return (ce(after, y) + 2 * kl(start.logits, after)).mean()

    method = BoundMethod(inner=pgd_at.inner, outer=outer_of_pair if name == "paired" else outer)
    memory, own = {}, {key: value for key, value in knobs.items() if key != "ball"}
    threat = THREATS[knobs.get("ball", "linf")]
    given = {
        "alternate": {"attack": BoundAttack(perturb=partial(fgsm.perturb, threat=threat))},
        "free": {"threat": threat, "memory": memory},
        "yopo": {"threat": threat, "rng": torch.Generator().manual_seed(4)},
    }
    given["paired"] = given["alternate"] | {"start": start}
    given["awp"] = given["alternate"] | {"bn_updates": "each_pass"}
    given["awp"] |= {"gamma": 0.3} if "gamma" not in knobs else {}
    step, optimizer = load_member("trainables.updates", name).update, optimizer_of(model)
    with_own = zip(batches(), algorithm(expected, **knobs), strict=True)
    for (x, y), loss in with_own:
        mine = step(model, optimizer, x, y, method=method, **given[name], **own)
        # alternate and yopo sum losses in float32
        torch.testing.assert_close(mine.double(), loss.detach(), rtol=1e-6, atol=0)
        assert not mine.requires_grad
        # float64 rounding; in l2 the code adds 1e-10 to each length that it divides by
        close = {"rtol": 1e-6, "atol": 1e-8} if "ball" in knobs else {"rtol": 1e-9, "atol": 1e-12}
        found, wanted = dict(model.state_dict()), dict(expected.state_dict())
        torch.testing.assert_close(found, wanted, **close)
        assert model.training
        assert all(p.requires_grad for p in model.parameters())
        assert not x.requires_grad


def test_every_update_has_an_algorithm():
    """But for `multi_norm`, whose steps are written out in `test_multi_norm`."""
    tested = {each.__name__ for each, _ in ALGORITHMS} | {"multi_norm"}
    assert tested == set(list_members("trainables.updates"))


def test_without_the_update_the_clean_images_stand_in_for_the_start():
    model, (x, _) = network("train"), batches()[0]
    point, logits = AttackStart().or_clean(model, x)
    assert point is x
    torch.testing.assert_close(logits, network("train")(x))
