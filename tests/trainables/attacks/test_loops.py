"""Every attack against its algorithm written out, example by example, in float64.

The images are not square, some of their pixels are 0 or 1, and the ball reaches over both ends.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.trainables.methods.test_formulas import ce
from trainables.hparams.registry import list_members, load_member
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

N, SHAPE, STEPS = 7, (2, 3, 1), 4
LINF, BALL = Linf(eps=0.15, step_scale=0.5), L2(eps=0.4, step_scale=0.5)
REACH = torch.tensor(LINF.eps, dtype=torch.float64)
each_threat = pytest.mark.parametrize("threat", [LINF, BALL], ids=["linf", "l2"])
TOLERANCE = {LINF: 1e-12, BALL: 1e-7}
"""float64 rounding; in l2 the code adds 1e-10 to each length that it divides by."""


def setting():
    """Return a network, images and labels, of which some are misclassified."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    x = torch.rand(N, *SHAPE).double()
    x[0, 0], x[1, 1], x[2, 0, 1] = 0.0, 1.0, 0.0
    y = model(x).argmax(dim=1)
    y[3] = (y[3] + 1) % 3
    return model, x, y


def objective_of(model, y):
    def objective(z):
        logits = model(z)
        return F.cross_entropy(logits, y, reduction="none"), logits

    return objective


def gradient_of(model, z, label):
    """Return the gradient of one example's loss, and whether it is misclassified."""
    z = z[None].detach().requires_grad_()
    logits = model(z)
    (grad,) = torch.autograd.grad(ce(logits, label[None]).sum(), z)
    return grad[0], bool(logits.argmax() != label)


def project(z, x, threat):
    """Return the nearest point of the ball, cut off at 0 and 1."""
    delta = z - x
    if threat is LINF:
        delta = torch.minimum(torch.maximum(delta, -REACH), REACH)
    elif (length := delta.square().sum().sqrt()) > 0.4:
        delta = delta * 0.4 / length
    return torch.minimum(torch.maximum(x + delta, 0 * REACH), 0 * REACH + 1)


def step(grad, threat):
    """Return the step of length 1 that gains most."""
    return grad.sign() if threat is LINF else grad / grad.square().sum().sqrt()


def random_points(x, threat, rng):
    if threat is LINF:
        return x + 0.15 * (2 * torch.rand(x.shape, generator=rng, dtype=x.dtype) - 1)
    direction = torch.randn(x.shape, generator=rng, dtype=x.dtype)
    share = torch.rand((N, 1, 1, 1), generator=rng, dtype=x.dtype)
    return x + 0.4 * share * torch.stack([step(each, threat) for each in direction])


def starts(start, x, threat, length, rng):
    """Return the first points of a batch."""
    points = x
    if start == "gaussian":
        points = x + 0.001 * torch.randn(x.shape, generator=rng, dtype=x.dtype)
    elif start == "step":
        points = x + length * (2 * torch.rand(x.shape, generator=rng, dtype=x.dtype) - 1)
    elif start == "random":
        points = random_points(x, threat, rng)
    return [project(*pair, threat) for pair in zip(points, x, strict=True)]


def ascend(model, first, x, y, threat, length, moves=lambda *_: True, noise=None):
    """Return the last point of one example's projected steps, while `moves` is true."""
    z = first
    for number in range(STEPS):
        grad, wrong = gradient_of(model, z, y)
        if moves(z - x, grad, wrong):
            moved = z + length * step(grad, threat)
            z = project(moved + (noise[number] if noise is not None else 0), x, threat)
    return z


def pgd(model, x, y, threat, rng, start="random", restarts=1, step_size=0.14):
    length = step_size * 0.5
    runs = []
    for _ in range(restarts):
        firsts = starts(start, x, threat, length, rng)
        runs.append([
            ascend(model, *each, threat, length) for each in zip(firsts, x, y, strict=True)
        ])
    return torch.stack([
        max(points, key=lambda z: ce(model(z[None]), label[None]).item())
        for *points, label in zip(*runs, y, strict=True)
    ])


def pgd_by_default(model, x, y, threat, rng):
    """Return the result of steps of a quarter of eps, whatever the schedule does to steps."""
    return pgd(model, x, y, threat, rng, step_size=threat.eps / 2)


def dynamic(model, x, y, threat, rng, fosc, progress, vanishes, step_size, first_step):
    assert not first_step
    firsts, threshold = (
        starts("random", x, threat, 0, rng),
        max(0, fosc * (1 - progress / vanishes)),
    )

    def moves(delta, grad, wrong):
        reach = 0.15 * grad.abs().sum() if threat is LINF else 0.4 * grad.square().sum().sqrt()
        return reach - (delta * grad).sum() > threshold

    return torch.stack([
        ascend(model, *each, threat, step_size * 0.5, moves)
        for each in zip(firsts, x, y, strict=True)
    ])


def friendly(model, x, y, threat, rng, step_size, tolerance, grows=(), progress=0.0, omega=0.0):
    firsts = starts("random", x, threat, 0, rng)
    draw = {"generator": rng, "dtype": x.dtype}
    noise = [omega * torch.randn(x.shape, **draw) for _ in range(STEPS if omega else 0)]
    points = []
    for number, each in enumerate(zip(firsts, x, y, strict=True)):
        left = [tolerance + len([1 for share in grows if share <= progress])]

        def moves(delta, grad, wrong, left=left):
            left[0] -= wrong
            return not wrong or left[0] >= 0

        own = [part[number] for part in noise] or None
        points.append(ascend(model, *each, threat, step_size * 0.5, moves, own))
    return torch.stack(points)


def adam(model, x, y, threat, rng, rate):
    points = []
    for z, image, label in zip(starts("random", x, threat, rate, rng), x, y, strict=True):
        first, second = torch.zeros_like(z), torch.zeros_like(z)
        for t in range(1, STEPS + 1):
            grad, _ = gradient_of(model, z, label)
            first, second = 0.9 * first + 0.1 * grad, 0.999 * second + 0.001 * grad**2
            scale = (second / (1 - 0.999**t)).sqrt() + 1e-9
            z = project(z + rate * first / (1 - 0.9**t) / scale, image, threat)
        points.append(z)
    return torch.stack(points)


def one_step(model, x, y, threat, rng, reach, points=None):
    points = x if points is None else points
    return torch.stack([
        project(
            z + reach * threat.eps * step(gradient_of(model, z, label)[0], threat), image, threat
        )
        for z, image, label in zip(points, x, y, strict=True)
    ])


def fgsm_rs(model, x, y, threat, rng, reach):
    firsts = starts("random", x, threat, 0, rng)
    return one_step(model, x, y, threat, rng, reach, firsts)


def n_fgsm(model, x, y, threat, rng, noise, reach, clip_noise=True):
    """Return noisy images after a step, neither of which is projected."""
    points = x + noise * (random_points(x, threat, rng) - x)
    points = points.clamp(0, 1) if clip_noise else points
    return torch.stack([
        (z + reach * threat.eps * step(gradient_of(model, z, label)[0], threat)).clamp(0, 1)
        for z, label in zip(points, y, strict=True)
    ])


LOOPS = [
    *(
        ("pgd", pgd, {"step_size": 0.14, "start": s})
        for s in ("zero", "random", "gaussian", "step")
    ),
    ("pgd", pgd, {"step_size": 0.14, "restarts": 3}),
    ("pgd", pgd_by_default, {}),
    (
        "dynamic",
        dynamic,
        {"step_size": 0.1, "fosc": 0.1, "progress": 0.2, "vanishes": 0.5, "first_step": False},
    ),
    (
        "dynamic",
        dynamic,
        {"step_size": 0.1, "fosc": 0.1, "progress": 0.7, "vanishes": 0.5, "first_step": False},
    ),
    ("friendly", friendly, {"step_size": 0.1, "tolerance": 1}),
    (
        "friendly",
        friendly,
        {"step_size": 0.1, "tolerance": 0, "grows": (0.2, 0.4, 0.6), "progress": 0.4},
    ),
    ("friendly", friendly, {"step_size": 0.1, "tolerance": 0, "grows": (0.5,)}),
    ("friendly", friendly, {"step_size": 0.1, "tolerance": 1, "omega": 0.02}),
    ("adam", adam, {"rate": 0.03}),
    ("fgsm", one_step, {"reach": 0.8}),
    ("fgsm_rs", fgsm_rs, {"reach": 1.2}),
    ("n_fgsm", n_fgsm, {"noise": 1.5, "reach": 0.7}),
    ("n_fgsm", n_fgsm, {"noise": 1.5, "reach": 0.7, "clip_noise": False}),
]


@each_threat
@pytest.mark.parametrize("number", range(len(LOOPS)), ids=lambda n: f"{LOOPS[n][0]}-{n}")
def test_the_result_is_that_of_the_algorithm(number, threat):
    name, loop, knobs = LOOPS[number]
    model, x, y = setting()
    more = {"rng": torch.Generator().manual_seed(2)} if name != "fgsm" else {}
    more |= {"steps": STEPS} if name in {"pgd", "dynamic", "friendly", "adam"} else {}
    given = x.clone()
    x_adv = load_member("trainables.attacks", name).perturb(
        objective_of(model, y), given, y, threat=threat, **more, **knobs
    )
    expected = loop(model, x, y, threat, torch.Generator().manual_seed(2), **knobs)
    torch.testing.assert_close(x_adv, expected, rtol=0, atol=TOLERANCE[threat])
    assert x_adv.dtype == torch.float64
    assert not x_adv.requires_grad
    assert not given.requires_grad
    assert torch.equal(given, x)


COMPARED = {
    *("atas", "fgsm_bernoulli", "label_information", "prior_batch", "prior_epoch", "ssat"),
    *("universal", "zero_grad"),
}
"""Attacks that `test_authors_single_step` compares with the code of their authors."""


def test_every_attack_has_a_loop():
    """But for Auto-PGD, which is beside the code of its authors in `test_authors_apgd`."""
    assert {name for name, *_ in LOOPS} | COMPARED | {"apgd"} == set(
        list_members("trainables.attacks")
    )
