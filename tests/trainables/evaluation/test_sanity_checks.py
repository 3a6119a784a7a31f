"""Networks that hide their weaknesses, each with its failed check, and one that hides none."""

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


def failed_checks(model, robust_mask=None):
    robust_mask = ALL if robust_mask is None else robust_mask
    return list(sanity_checks.check_network(model.eval(), images(), THREAT, robust_mask))


def test_an_ordinary_network_fails_no_check():
    model = TwoOfFive(4).eval()
    means = images().x.float().mean(dim=(1, 2, 3)) / 255
    assert failed_checks(model, means - 0.1 > 0.5) == []


def test_a_randomised_network():
    class Noisy(TwoOfFive):
        def forward(self, x):
            return super().forward(x + 0.01 * torch.randn_like(x))

    assert any("randomised" in message for message in failed_checks(Noisy(4)))


def test_a_network_without_gradients():
    class Saturated(TwoOfFive):
        def forward(self, x):
            return 1e5 * super().forward(x)

    assert any("no gradient at 100.0 %" in message for message in failed_checks(Saturated(4)))


def test_more_steps_must_not_weaken_pgd(monkeypatch):
    """Of 40 images one more is 2.5 points, more than the limit of one."""

    def robust_mask(model, x, y, threat, steps):
        mask = ALL.clone()
        mask[: 21 - (steps > 10)] = False
        return mask

    monkeypatch.setattr(sanity_checks, "pgd_robust_mask", robust_mask)
    (message,) = failed_checks(TwoOfFive(4), robust_mask(None, None, None, None, 50))
    assert message.startswith("PGD-50 leaves 2.5 points more than PGD-10")


def test_the_robust_mask_is_of_the_last_iterate():
    x, y = sanity_checks.sample_images(images())
    model = TwoOfFive(4).eval()
    mask = sanity_checks.pgd_robust_mask(model, x, y, THREAT, 10)
    assert mask.tolist() == (x.mean(dim=(1, 2, 3)) - 0.1 > 0.5).tolist()


def test_a_suite_far_below_pgd():
    robust_mask = ALL.clone()
    robust_mask[10:] = False
    assert any("masked" in message for message in failed_checks(TwoOfFive(4), robust_mask))


def test_probabilities_differ_from_logits():
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
    """3 of 1,000 is more than the limit of 0.2 %, 2 is not; a first attack has none before it."""
    messages = list(
        sanity_checks.check_black_box_gain({"apgd_ce": 400, "square": 3}, ["square"], 1000)
    )
    assert messages == [
        "square misclassifies 0.3 % of the images that attacks with gradients did not"
    ]
    assert not list(
        sanity_checks.check_black_box_gain({"apgd_ce": 400, "square": 2}, ["square"], 1000)
    )
    assert not list(
        sanity_checks.check_black_box_gain({"square": 300, "apgd_ce": 4}, ["square"], 1000)
    )
    assert not list(sanity_checks.check_black_box_gain({"square": 300}, ["square"], 1000))
