"""Every evaluation attack, on a network with known margins."""

import pytest
import torch
from torch import nn

from tests.oracles import TwoOfFive
from trainables.binding import bind_member, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.evaluation.attempt import allowed_mask, unpack_attempt
from trainables.evaluations import (
    cw_pgd,
    deepfool,
    multi_targeted,
    normalized_pgd,
    random_targeted,
    transfer,
)
from trainables.networks.folded_view import folded_view
from trainables.networks.memory_format import to_channels_last
from trainables.networks.modes import frozen_weights
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf
from trainables.training.network import build_network
from tuner.commands.evaluate import ATTACKS
from tuner.evaluation.suites import parse_suite

LINF, EUCLIDEAN, SUM = 0.1, 0.8, 6.4
"""On 64 pixels a change of 0.1 in each is 0.8 long and sums to 6.4: the same margins."""
APART = {"transfer", "random_targeted", "rays", "normalized_pgd"}
WORDS = [name for name in ATTACKS.members() if name not in APART]


def near_and_far():
    """Return five images, of which the first two are within the radius of the boundary."""
    distances = torch.tensor([0.03, 0.06, 0.12, 0.15, 0.25])
    x = (0.5 + distances).view(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone()
    return x, torch.zeros(5, dtype=torch.long), TwoOfFive(64)


def opposite_signs():
    """Return an image 0.05 off the boundary where half of the pixels grow and half shrink."""
    weight = torch.tensor([1.0] * 32 + [-1.0] * 32)
    x = torch.full((1, 1, 8, 8), 0.5)
    x.view(-1)[:32] += 0.1
    return x, torch.zeros(1, dtype=torch.long), TwoOfFive(64, weight=weight, bias=0.0)


def run(word, threat, model, x, y, given=None, classes=5):
    attacks, problems = parse_suite(word, given or {})
    assert not problems
    robust = torch.ones_like(y, dtype=torch.bool)
    for number, attempt in enumerate(attacks[0].build_attempts(classes)):
        if not robust.any():
            break
        rng = torch.Generator().manual_seed(number)
        points, _ = unpack_attempt(attempt(model, x[robust], y[robust], threat=threat, rng=rng))
        assert allowed_mask(points, x[robust], threat).all()
        with torch.no_grad():
            robust[robust.clone()] = model(points).argmax(dim=1) == y[robust]
    return robust.tolist()


@pytest.mark.parametrize(
    "threat", [Linf(eps=LINF), L2(eps=EUCLIDEAN), L1(eps=SUM)], ids=["linf", "l2", "l1"]
)
@pytest.mark.parametrize("word", WORDS)
def test_exactly_the_images_within_the_radius_are_misclassified(word, threat):
    if word == "deepfool" and isinstance(threat, L1):
        pytest.skip("an attack on linf and l2")
    x, y, model = near_and_far()
    # on so small an image, 5,000 l2 squares reach only half of the distance, as do 300 in l1
    second_is_robust = word == "square" and not isinstance(threat, Linf)
    # 5,000 squares in l1 take longer than all other cases
    given = {"square": {"queries": 300}} if word == "square" and isinstance(threat, L1) else {}
    assert run(word, threat, model, x, y, given) == [False, second_is_robust, True, True, True]


class FirstClasses(nn.Module):
    """The first logits of a network."""

    def __init__(self, network, classes):
        super().__init__()
        self.network, self.classes = network, classes

    def forward(self, x):
        return self.network(x)[:, : self.classes]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("word", [*WORDS, "random_targeted", "rays"])
def test_two_and_three_classes_are_attacked_or_the_attack_says_why_not(word, classes):
    x, y, model = near_and_far()
    (attack,), _ = parse_suite(word, {})
    if attack.class_conflict(classes):
        assert classes < {"apgd_dlr": 3, "apgd_t": 4}[word]
        return
    few = FirstClasses(model, classes)
    robust = run(word, Linf(eps=LINF), few, x, y, classes=classes)
    if word == "random_targeted" and classes == 3:  # half of the targets are never predicted
        assert robust[2:] == [True] * 3
    else:
        assert robust == [False, False, True, True, True]


@pytest.mark.parametrize("threat", [Linf(eps=0.1), L2(eps=1.0)], ids=["linf", "l2"])
@pytest.mark.parametrize("name", [name for name in ATTACKS.members() if name != "transfer"])
def test_colour_images_in_any_layout_are_attacked_through_convolutions(name, threat):
    if name == "rays" and isinstance(threat, L2):
        pytest.skip("an attack on linf")
    torch.manual_seed(0)
    bound = bound_model(bind_member(GROUPS["model"], "preact_resnet18", {"width": 2}))
    images = ImageFormat(shape=(3, 10, 10), classes=5, mean=(0.5,) * 3, std=(0.25,) * 3)
    model = to_channels_last(build_network(bound, images).eval())
    x = torch.rand(6, 3, 10, 10).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        y = model(x).argmax(dim=1)
    knobs = {"steps": 3, "queries": 40, "restarts": 1}
    short = {k: v for k, v in knobs.items() if k in ATTACKS.member_knobs(name)}
    with frozen_weights(model):
        run(name, threat, folded_view(model), x, y, {name: short})


def test_random_targets_reach_the_boundary_when_drawn_often():
    """The one class within reach is missed by 40 draws of four in 1e-5 of the cases."""
    threat = Linf(eps=LINF)
    x, y, model = near_and_far()
    assert run("random_targeted_10_40", threat, model, x, y) == [False, False, True, True, True]


def test_random_targets_are_attacked_until_they_are_reached():
    """TwoOfFive predicts only 0 and 1, so that no other target is reached."""
    x, y, model = near_and_far()
    (attempt,) = parse_suite("random_targeted_10", {})[0][0].build_attempts(5)
    several = torch.arange(5).repeat(40)
    rng = torch.Generator().manual_seed(0)
    points, target = attempt(model, x[several], y[several], threat=Linf(eps=LINF), rng=rng)
    assert set(target.tolist()) == {1, 2, 3, 4}
    taken_for = model(points).argmax(dim=1)
    within_reach = several < 2
    assert (taken_for == target).tolist() == (within_reach & (target == 1)).tolist()


def test_rays_finds_the_boundary_from_decisions_alone():
    threat = Linf(eps=LINF)
    x, y, model = near_and_far()
    assert run("rays", threat, model, x, y) == [False, False, True, True, True]


def test_rays_flips_signs_that_bring_the_boundary_nearer():
    """The boundary is where half of the pixels grow and half shrink."""
    x, y, model = opposite_signs()
    assert run("rays", Linf(eps=0.055), model, x, y) == [False]
    assert run("rays", Linf(eps=0.045), model, x, y) == [True]


def test_normalised_attacks_see_only_the_direction_of_a_feature():
    """Here the boundary depends on the direction alone, so that they find it too."""
    x, y, model = opposite_signs()
    assert run("normalized_pgd", Linf(eps=0.055), model, x, y) == [False]
    assert run("normalized_pgd", Linf(eps=0.045), model, x, y) == [True]


def test_rays_stops_at_its_query_limit():
    calls = []

    class Counted(TwoOfFive):
        def forward(self, x):
            calls.append(len(x))
            return super().forward(x)

    x, y, _ = near_and_far()
    attacks, _ = parse_suite("rays_50", {})
    (attempt,) = attacks[0].build_attempts(5)
    attempt(Counted(64), x[4:], y[4:], threat=Linf(eps=0.01), rng=torch.Generator())
    assert 50 <= sum(calls) <= 50 + 20  # the last bisection is finished: 14 halvings from 1


@pytest.mark.parametrize(("name", "threat"), [("rays", L2(eps=1)), ("deepfool", L1(eps=1))])
def test_an_attack_on_some_norms_refuses_others(name, threat):
    attacks, _ = parse_suite(name, {})
    x, y, model = near_and_far()
    with pytest.raises(ValueError, match=f"{name}: needs the threat linf"):
        attacks[0].build_attempts(5)[0](model, x, y, threat=threat, rng=torch.Generator())


def test_the_standard_version_has_other_numbers_in_l1():
    def numbers(word, norm, given=None):
        return [attack.knobs for attack in parse_suite(word, given or {}, norm)[0]]

    linf, l1 = (numbers("autoattack", norm) for norm in ("linf", "l1"))
    assert [knobs.get("restarts") for knobs in linf] == [1, None, None, 1]
    assert [knobs.get("restarts") for knobs in l1] == [5, None, None, 1]
    assert [knobs.get("targets") for knobs in l1] == [None, 5, 9, None]
    assert numbers("apgd_ce_100_2", "l1")[0]["restarts"] == 2
    assert numbers("apgd_ce", "l1", {"apgd_ce": {"restarts": 3}})[0]["restarts"] == 3


def test_the_margin_by_hand():
    """Logits 1, 4, 2 and label 0: the largest other is 3 above; label 1: it is 2 below."""
    logits = torch.tensor([[1.0, 4.0, 2.0], [1.0, 4.0, 2.0]])
    loss = cw_pgd.margin_loss(torch.tensor([9, 0, 1]))
    assert loss(logits, torch.tensor([1, 2])).tolist() == [3.0, -2.0]


def test_ranks_exclude_the_label():
    """Of logits 5, 1, 3, 2 with label 0 the wrong classes rank 2, 3, 1."""
    logits = torch.tensor([[5.0, 1.0, 3.0, 2.0]])
    y = torch.tensor([0])
    ranked = [int(multi_targeted.ranked_class(lambda x: x, logits, y, rank)) for rank in range(3)]
    assert ranked == [2, 3, 1]


def test_the_targeted_margin_by_hand():
    loss = multi_targeted.targeted_margin_loss(torch.tensor([2, 1]), torch.tensor([0, 0]))
    logits = torch.tensor([[1.0, 4.0, 6.0]])
    assert loss(logits, torch.tensor([1])).tolist() == [3.0]
    assert loss(logits, torch.tensor([0])).tolist() == [5.0]


def test_the_target_likelihood_by_hand():
    """Of two equal logits each has probability 1/2."""
    loss = random_targeted.target_log_likelihood(torch.tensor([0]))
    assert loss(torch.zeros(1, 2), torch.tensor([0])).item() == pytest.approx(-0.693147, abs=1e-6)


@pytest.mark.parametrize(
    ("threat", "expected"),
    # gap 1 and gradients 3 and 4: 1/5 along (0.6, 0.8) in l2, 1/7 either way in linf
    [(L2(eps=1), (0.12, 0.16)), (Linf(eps=1), (1 / 7, 1 / 7))],
    ids=["l2", "linf"],
)
def test_the_shortest_step_to_a_boundary_by_hand(threat, expected):
    logits = torch.tensor([[0.0, -1.0, -9.0]])
    gradients = torch.zeros(1, 3, 1, 1, 2)
    gradients[0, 1, 0, 0] = torch.tensor([3.0, 4.0])
    gradients[0, 2, 0, 0] = torch.tensor([3.0, 4.0])
    step = deepfool.shortest_step(logits, gradients, torch.tensor([0]), threat)
    assert step.flatten().tolist() == pytest.approx(expected)  # float32


def test_features_are_normalised_during_the_attack_only():
    """The feature 0.3, 0.4 becomes 3 * (0.6, 0.8)."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.eye(2)
    x = torch.tensor([0.3, 0.4]).view(1, 1, 1, 2)
    with normalized_pgd.normalise_features(model, x, s=3.0):
        inside = model(x)
    torch.testing.assert_close(inside, torch.tensor([[1.8, 2.4]]))
    torch.testing.assert_close(model(x), torch.tensor([[0.3, 0.4]]))


def test_a_transfer_is_crafted_on_the_source(monkeypatch):
    """The source's boundary lies on the other side, so that its examples help the target."""
    x, y, model = near_and_far()
    source = TwoOfFive(64, weight=torch.full((64,), -1.0), bias=0.9)
    monkeypatch.setattr(transfer, "load_model", lambda _: source)
    assert run("transfer", Linf(eps=LINF), model, x, y, {"transfer": {"source": "x"}}) == [True] * 5


def test_numbers_in_a_name_fill_the_first_knobs():
    attacks, problems = parse_suite(["pgd_50_10", "square_7"], {"pgd": {"step_size": 0.01}})
    assert not problems
    assert attacks[0].knobs == {"steps": 50, "restarts": 10, "step_size": 0.01, "start": "random"}
    assert len(attacks[0].build_attempts(10)) == 10
    assert attacks[1].knobs["queries"] == 7


def test_all_problems_of_a_suite_are_reported_together():
    _, problems = parse_suite(["pdg", "pgd_1_2_3"], {"square": {"queries": 3}})
    assert len(problems) == 3
    assert "no attack 'pdg'" in problems[0]
    assert "steps and restarts" in problems[1]
    assert "write suite=square" in problems[2]
