"""Training against several norms."""

import copy
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from tests.trainables.formulas import fill, images, labels, network
from trainables.attacks import apgd
from trainables.criteria import cross_entropy
from trainables.errors import InputError
from trainables.methods import pgd_at
from trainables.protocols import BoundAttack, BoundMethod
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf
from trainables.updates.multi_norm import ROBUST, draw_norm, update
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments

RADII = {"eps_linf": 0.07, "eps_l2": 0.3, "eps_l1": 1.5}
THREATS = [Linf(eps=0.07), L2(eps=0.3), L1(eps=1.5)]
FULL = Linf(eps=0.1)
METHOD = BoundMethod(inner=pgd_at.inner, outer=partial(pgd_at.outer, criterion=cross_entropy.loss))


def attack_under(threat, seen=None):
    if seen is not None:
        seen.append(threat)
    return BoundAttack(perturb=partial(apgd.perturb, threat=threat, steps=3))


def step(model, memory=None, seen=None, threat=FULL, **knobs):
    """Take a step of plain SGD with rate 1; return the loss."""
    return update(
        model,
        torch.optim.SGD(model.parameters(), lr=1.0),
        images(),
        labels(),
        method=METHOD,
        attack_under=partial(attack_under, seen=seen),
        threat=threat,
        full_threat=FULL,
        memory={} if memory is None else memory,
        rng=torch.Generator().manual_seed(0),
        **(RADII | knobs),
    )


def points(model):
    """Return the attacked images in each norm, and their losses (3, N)."""
    x, y = images(), labels()
    attacked = [
        attack_under(each).perturb(pgd_at.inner(model.eval(), x, y), x, y) for each in THREATS
    ]
    losses = [F.cross_entropy(model(each), y, reduction="none") for each in attacked]
    return attacked, torch.stack(losses)


def loss_after(model, loss):
    """Return the weights after a step on a loss."""
    model.zero_grad()
    loss.backward()
    return [p - p.grad for p in model.parameters()]


def assert_step(model, expected):
    torch.testing.assert_close(list(model.parameters()), expected, rtol=0, atol=1e-12)


def test_max_trains_on_the_worst_point_of_each_image():
    model = fill(network(), gain=3.0)
    attacked, losses = points(model)
    worst = losses.argmax(dim=0).tolist()
    assert len(set(worst)) > 1  # not one norm for all images
    x = torch.stack([attacked[norm][row] for row, norm in enumerate(worst)])
    twin = copy.deepcopy(model)
    expected = loss_after(twin, F.cross_entropy(twin(x), labels()))
    step(model, combine="max")
    assert_step(model, expected)


def test_average_trains_on_the_mean_loss():
    model = fill(network(), gain=3.0)
    attacked, _ = points(model)
    twin = copy.deepcopy(model)
    losses = [F.cross_entropy(twin(x), labels()) for x in attacked]
    expected = loss_after(twin, sum(losses) / 3)
    assert step(model, combine="average").item() == pytest.approx(sum(losses).item() / 3)
    assert_step(model, expected)


def test_alternate_attacks_in_one_norm_and_counts_what_stays_correct():
    model, memory, seen = fill(network(), gain=3.0), {}, []
    before = copy.deepcopy(model).eval()
    step(model, memory, seen, combine="alternate")
    (threat,) = seen
    chosen = THREATS.index(threat)
    x, y, stayed = images(), labels(), torch.ones(4, dtype=torch.bool)

    def objective(x_adv):
        nonlocal stayed
        logits = before(x_adv)
        stayed = stayed & (logits.argmax(dim=1) == y)
        return F.cross_entropy(logits, y, reduction="none"), logits

    x_adv = attack_under(threat).perturb(objective, x, y)
    expected = torch.zeros(3, 2, dtype=torch.long)
    expected[chosen] = torch.tensor([int(stayed.sum()), 4])
    assert torch.equal(memory[ROBUST], expected)
    assert_step(model, loss_after(before, F.cross_entropy(before(x_adv), y)))


def test_norms_are_drawn_by_their_error_rates():
    """Error rates 0.2 and 0.6: a quarter and three quarters. Half each until both are known."""
    rng, draws = torch.Generator().manual_seed(0), 4000

    def share_of_second(counts):
        memory = {ROBUST: torch.tensor(counts)}
        drawn = [draw_norm(memory, 2, torch.device("cpu"), rng) for _ in range(draws)]
        return sum(drawn) / draws

    # 4 standard errors of a share of 4,000 draws are at most 0.032
    assert share_of_second([[80, 100], [80, 200]]) == pytest.approx(0.75, abs=0.032)
    assert share_of_second([[80, 100], [0, 0]]) == pytest.approx(0.5, abs=0.032)
    assert share_of_second([[9, 9], [9, 9]]) == pytest.approx(0.5, abs=0.032)


def test_all_radii_shrink_with_the_radius_of_the_study():
    seen = []
    step(fill(network()), seen=seen, threat=Linf(eps=0.025), eps_l2=None)
    assert [each.eps for each in seen] == pytest.approx([0.0175, 0.375])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["update.eps_l1=none"], "multi_norm needs two norms"),
        (["attack.step_size=0.01"], "attack.step_size: must be none"),
    ],
)
def test_what_does_not_fit_is_refused(words, expected):
    with pytest.raises(InputError) as error:
        compose_plan(*parse_search_arguments(["space=weight_decay", "update=multi_norm", *words]))
    assert any(expected in problem for problem in error.value.problems), error.value.problems
