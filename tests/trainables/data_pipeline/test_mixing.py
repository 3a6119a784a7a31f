"""Mixup and CutMix, and which methods take the labels that they make."""

import pytest
import torch
from torch import nn

from trainables.components import GROUPS
from trainables.data_pipeline.mixing import apply_mixup
from trainables.hparams.soft_labels import find_mixing
from trainables.injection import inject
from tuner.contracts.samples import build_context

NEEDS_LABELS = {("method", "mart"), ("method", "consistency"), ("attack", "friendly")}
MEMBERS = [(g, m) for g in ("method", "attack") for m in GROUPS[g].members()]


def test_mixup_blends_images_and_labels_in_the_same_shares():
    """Image k is all k, of class k: the blended images show how labels must be blended."""
    y = torch.arange(5)
    x = y.float().view(5, 1, 1, 1).expand(5, 1, 2, 2)
    mixed_x, target = apply_mixup(x, y, torch.Generator().manual_seed(3), classes=6, mixup=1.0)
    torch.testing.assert_close(target.sum(dim=1), torch.ones(5))
    torch.testing.assert_close(target @ torch.arange(6.0), mixed_x[:, 0, 0, 0])
    shares = target[torch.arange(5), y]
    assert ((shares - shares.min()).abs() < 1e-6).sum() >= 3  # one share for all but self-blends
    assert 0 < shares.min() < 1


def test_the_share_of_mixup_has_the_mean_and_spread_of_its_beta():
    """Beta(2, 2): mean 1/2, variance 1/20. With 2,000 draws, 5 standard errors are 0.025."""
    rng, y = torch.Generator().manual_seed(0), torch.tensor([0, 1])
    shares = []
    while len(shares) < 2000:
        _, target = apply_mixup(torch.zeros(2, 1, 1, 1), y, rng, classes=2, mixup=2.0)
        if not torch.equal(
            target, torch.eye(2)
        ):  # a pair blended with itself carries no information
            shares.append(target[0, 0].item())
    shares = torch.tensor(shares)
    assert abs(shares.mean() - 0.5) < 0.025
    assert abs(shares.var() - 0.05) < 0.01


def test_without_mixup_labels_stay_labels():
    x, y = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 0])
    assert apply_mixup(x, y, torch.Generator(), classes=2)[1] is y


def cut(seed, size=(8, 12), n=4):
    """Return CutMix of images whose pixels are all k, of class k."""
    y = torch.arange(n)
    x = y.float().view(n, 1, 1, 1).expand(n, 3, *size)
    return apply_mixup(x, y, torch.Generator().manual_seed(seed), classes=n, cutmix=1.0)


def test_cutmix_pastes_one_rectangle_and_labels_follow_its_area():
    shapes = set()
    for seed in range(30):
        x, target = cut(seed)
        assert x.shape == (4, 3, 8, 12)
        torch.testing.assert_close(target.sum(dim=1), torch.ones(4))
        for k in range(4):
            pasted = x[k] != k
            assert (pasted == pasted[0]).all()
            rows, columns = pasted[0].any(dim=1), pasted[0].any(dim=0)
            assert torch.equal(pasted[0], rows[:, None] & columns)
            for mask in (rows, columns):  # without gaps
                assert mask.int().diff().abs().sum() <= 2
            assert target[k, k] == pytest.approx(1 - pasted[0].float().mean().item(), abs=1e-6)
            if pasted.any():
                other = int(x[k][pasted][0])
                assert target[k, other] == pytest.approx(pasted[0].float().mean().item(), abs=1e-6)
                shapes.add((int(rows.sum()), int(columns.sum())))
    assert len(shapes) > 10


def test_the_share_that_cutmix_keeps_is_uniform():
    """The side of the rectangle is the root r of a uniform share, and r^2 / 4 of it is outside.

    On average 2/3 - 1/8 of the rows are inside. Of 300 draws, 4 standard errors are 0.055; in as
    many others the image is mixed with itself.
    """
    pasted = [(cut(seed, (200, 200), n=2)[0][0, 0] != 0).any(dim=1) for seed in range(600)]
    assert torch.stack([rows.float() for rows in pasted if rows.any()]).mean() == pytest.approx(
        2 / 3 - 1 / 8, abs=0.055
    )


def test_with_both_each_batch_has_one_of_them():
    y = torch.arange(4)
    x = y.float().view(4, 1, 1, 1).expand(4, 1, 16, 16)
    blended = 0
    for seed in range(40):
        rng = torch.Generator().manual_seed(seed)
        mixed, _ = apply_mixup(x, y, rng, classes=4, mixup=1.0, cutmix=1.0)
        blended += bool((mixed != mixed.round()).any())
    assert 8 < blended < 32  # 4 standard deviations of 40 fair coins


@pytest.mark.parametrize(("group", "member"), MEMBERS)
def test_members_take_mixed_labels_or_refuse_them(group, member):
    """A loss with the labels of two classes lies between the losses with each of them."""
    module = GROUPS[group].load(member)
    names = {name: {"name": member} for name in ("attack", "method")}
    config = {
        "data": {"mixup": 0, "cutmix": 1.0},
        "model": {},
        "criterion": {},
        "update": {},
    } | names
    refused = [
        text for text in getattr(module, "conflicts", lambda _: ())(config) if "cutmix" in text
    ]
    assert bool(refused) == ((group, member) in NEEDS_LABELS)
    if refused:
        return
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Softplus(), nn.Linear(4, 3))
    x, y = torch.rand(4, 1, 3, 4), torch.tensor([0, 1, 2, 0])
    one_hot = torch.eye(3)[y]
    if group == "attack":

        def objective(x_adv):
            logits = model(x_adv)
            return nn.functional.cross_entropy(logits, one_hot, reduction="none"), logits

        context = build_context(3, network=model, n_images=len(x))
        found = inject(module.perturb, context)(objective, x, one_hot)
        assert found.shape == x.shape
        return
    losses, objectives = [], []
    for labels in (y, one_hot):
        context = build_context(3, network=model)
        losses.append(inject(module.outer, context)(model, x, (x + 0.05).clamp(0, 1), labels))
        context = build_context(3, network=model)
        objectives.append(inject(module.inner, context)(model, x, labels))
    torch.testing.assert_close(*losses)
    if None not in objectives:
        torch.testing.assert_close(*(objective(x)[0] for objective in objectives))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"mixup": 0.0, "cutmix": 0}, []),
        ({"mixup": 0.2, "cutmix": 0}, ["data.mixup"]),
        ({"mixup": 0}, ["data.cutmix"]),
    ],
)
def test_what_is_searched_may_mix(data, expected):
    assert find_mixing({"data": data}) == expected
