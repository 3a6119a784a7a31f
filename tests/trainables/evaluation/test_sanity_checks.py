"""Networks with something to hide, each found out, and one with nothing."""

import torch
from torch import nn

from tests.oracles import TwoOfFive
from trainables.data_pipeline.images import Images
from trainables.evaluation import sanity_checks
from trainables.threats.linf import Linf

THREAT = Linf(eps=0.1)
ALL = torch.ones(40, dtype=torch.bool)


def images():
    x = torch.linspace(150, 250, 40).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Images(x=x.clone(), y=torch.zeros(40, dtype=torch.long))


def found(model, standing=None):
    standing = ALL if standing is None else standing
    return list(sanity_checks.check_network(model.eval(), images(), THREAT, standing))


def test_an_honest_network_raises_no_doubt():
    model = TwoOfFive(4).eval()
    means = images().x.float().mean(dim=(1, 2, 3)) / 255
    assert found(model, means - 0.1 > 0.5) == []


def test_a_randomised_network():
    class Noisy(TwoOfFive):
        def forward(self, x):
            return super().forward(x + 0.01 * torch.randn_like(x))

    assert any("randomised" in doubt for doubt in found(Noisy(4)))


def test_a_network_without_a_slope():
    class Saturated(TwoOfFive):
        def forward(self, x):
            return 1e5 * super().forward(x)

    assert any("no gradient at 100.0 %" in doubt for doubt in found(Saturated(4)))


def test_steps_that_lead_astray(monkeypatch):
    """Of 40 images one more is 2.5 points, more than the limit of one."""

    def withstands(model, x, y, threat, steps):
        left = ALL.clone()
        left[: 21 - (steps > 10)] = False
        return left

    monkeypatch.setattr(sanity_checks, "pgd_robust_mask", withstands)
    (doubt,) = found(TwoOfFive(4), withstands(None, None, None, None, 50))
    assert doubt.startswith("PGD-50 leaves 2.5 points more than PGD-10")


def test_what_withstands_is_what_the_last_iterate_leaves_correct():
    x, y = sanity_checks.sample_images(images())
    model = TwoOfFive(4).eval()
    left = sanity_checks.pgd_robust_mask(model, x, y, THREAT, 10)
    assert left.tolist() == (x.mean(dim=(1, 2, 3)) - 0.1 > 0.5).tolist()


def test_a_suite_far_below_pgd():
    standing = ALL.clone()
    standing[10:] = False
    assert any("masked" in doubt for doubt in found(TwoOfFive(4), standing))


def test_probabilities_are_told_from_logits():
    class Softmax(TwoOfFive):
        def forward(self, x):
            return super().forward(x).softmax(dim=1)

    assert sanity_checks.outputs_probabilities(Softmax(4), images())
    assert not sanity_checks.outputs_probabilities(TwoOfFive(4), images())


def test_logits_that_happen_to_be_small_are_no_probabilities():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    nn.init.constant_(model[1].weight, 0.1)
    nn.init.constant_(model[1].bias, 0.0)
    assert not sanity_checks.outputs_probabilities(model, images())


def test_a_black_box_that_beats_gradients_by_hand():
    """3 of 1,000 is more than the limit of 0.2 %, 2 is not; nothing came before a first attack."""
    doubts = list(
        sanity_checks.check_black_box_gain({"apgd_ce": 400, "square": 3}, ["square"], 1000)
    )
    assert doubts == ["square fools 0.3 % that attacks with gradients did not"]
    assert not list(
        sanity_checks.check_black_box_gain({"apgd_ce": 400, "square": 2}, ["square"], 1000)
    )
    assert not list(
        sanity_checks.check_black_box_gain({"square": 300, "apgd_ce": 4}, ["square"], 1000)
    )
    assert not list(sanity_checks.check_black_box_gain({"square": 300}, ["square"], 1000))
