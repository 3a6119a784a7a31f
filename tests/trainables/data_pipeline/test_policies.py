"""Augmentation policies: which operations, how strong, and the layers of IDBH."""

import math

import pytest
import torch
from torchvision.transforms import functional

from tests.oracles import tiny_config
from trainables.data_pipeline import policies
from trainables.data_pipeline.crop_shift import crop_shift, erase_rectangles, move_window
from trainables.data_pipeline.policies import IDBH, RAND_AUGMENT, TRIVIAL_AUGMENT, apply_policy
from trainables.training.trial import Trial

POLICIES = ["trivial_augment", "rand_augment", *IDBH]


def strengths(choices, level, width=64):
    """Return the strength of each operation at a level of one image."""
    return {c.operation: c.strength(torch.tensor([level]), width).item() for c in choices}


def test_the_strongest_operations_are_those_of_torchvision():
    """Shears, translations, degrees, factors and bits at level 30, by hand from its tables."""
    trivial, rand = strengths(TRIVIAL_AUGMENT, 1.0), strengths(RAND_AUGMENT, 1.0)
    assert len(trivial) == len(rand) == 14
    for name, of_trivial, of_rand in (
        ("shear_x", 0.99, 0.3),
        ("shear_y", 0.99, 0.3),
        ("translate_x", 32.0, 150 / 331 * 64),
        ("translate_y", 32.0, 150 / 331 * 64),
        ("rotate", 135.0, 30.0),
        ("brightness", 1.99, 1.9),
        ("colour", 1.99, 1.9),
        ("contrast", 1.99, 1.9),
        ("sharpness", 1.99, 1.9),
        ("posterize", 2.0, 4.0),
        ("solarize", 0.0, 0.0),
    ):
        assert trivial[name] == pytest.approx(of_trivial), name
        assert rand[name] == pytest.approx(of_rand), name


def test_rand_augment_at_level_9_of_30():
    """A third less than a third of the way: 0.3 of it. Posterize: round(8 - 4 * 0.3) = 7 bits."""
    level = strengths(RAND_AUGMENT, 0.3)
    assert level["rotate"] == pytest.approx(9.0)
    assert level["posterize"] == 7
    assert level["solarize"] == pytest.approx(0.7)
    assert strengths(RAND_AUGMENT, -0.3)["brightness"] == pytest.approx(1 - 0.27)


def test_idbh_has_the_published_ranges():
    """Of TreeLLi/DA-Alone-Improves-AT 38b740a; the code shears by the tangent of its number."""
    for name, low, high in (
        ("colour", 0.1, 1.9),
        ("brightness", 0.5, 1.9),
        ("contrast", 0.5, 1.9),
        ("sharpness", 0.1, 1.9),
        ("skew_x", math.tan(0.05), math.tan(0.15)),
        ("skew_y", math.tan(0.05), math.tan(0.15)),
        ("rotate", 1, 10),
    ):
        ends = [strengths(IDBH["idbh_weak"].choices, level)[name] for level in (0.0, 0.99999)]
        assert ends == pytest.approx([low, high], rel=1e-4), name
    assert strengths(IDBH["idbh_svhn"].choices, -0.99999)["rotate"] == -30
    assert strengths(IDBH["idbh_svhn"].choices, 0.99999)["skew_x"] == pytest.approx(
        math.tan(0.35), rel=1e-4
    )


@pytest.mark.parametrize("name", IDBH)
def test_the_probabilities_of_idbh_add_up(name):
    assert sum(c.weight for c in IDBH[name].choices) == pytest.approx(1)
    weights = {c.operation: c.weight for c in IDBH[name].choices}
    assert weights["skew_x"] == weights["skew_y"] == (0.15 if name == "idbh_svhn" else 1 / 16)


def test_operations_are_drawn_by_their_weights():
    """0.3 and 0.7 of 1,000 images; 5 standard deviations are 72. Half of the signs are minus."""
    choices = (
        policies.Choice(operation="brightness", weight=3, strength=lambda level, _: level),
        policies.Choice(
            operation="translate_x", weight=7, strength=lambda level, _: level, is_signed=True
        ),
    )
    x = torch.ones(1000, 1, 1, 5)
    rng = torch.Generator().manual_seed(0)
    changed = policies.apply_choices(x, rng, choices, torch.full((1000,), 0.5))
    assert abs((changed == 0.5).all(dim=3).sum() - 300) < 72
    choices = (choices[1],)
    changed = policies.apply_choices(x, rng, choices, torch.full((1000,), 2.0))
    right, left = (changed[..., end] == 0 for end in (0, -1))
    assert (right ^ left).all()
    assert abs(right.sum() - 500) < 80


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_policy_depends_on_the_seed_alone_and_keeps_the_range(policy, channels):
    x = torch.rand(40, channels, 10, 9, generator=torch.Generator().manual_seed(1))
    before = x.clone()
    one, again, other = (
        apply_policy(x, torch.Generator().manual_seed(seed), policy=policy) for seed in (0, 0, 1)
    )
    assert torch.equal(x, before)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == x.shape
    assert 0 <= one.min() < one.max() <= 1
    different = (one != x).flatten(1).any(dim=1).sum()
    assert different > 30  # one of 14 is the identity; the shift of IDBH may be 0


def test_without_a_policy_images_are_left_alone():
    x = torch.rand(3, 1, 4, 4)
    assert apply_policy(x, torch.Generator()) is x


def test_the_level_of_rand_augment_is_its_strength():
    x = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    mild, strong = (
        apply_policy(x, torch.Generator().manual_seed(0), policy="rand_augment", policy_level=level)
        for level in (1, 30)
    )
    assert (mild - x).abs().mean() < (strong - x).abs().mean()


def cropped_and_shifted(image, removed, first, position):
    """Return an image as the published code makes it: crop, pad on both sides, crop again."""
    (rows, columns), (top, left) = removed, first
    height, width = image.shape[1:]
    kept = functional.crop(image, top, left, height - rows, width - columns)
    padded = functional.pad(kept, [columns, rows])
    return functional.crop(padded, rows - position[0], columns - position[1], height, width)


@pytest.mark.parametrize("removed", [(0, 0), (2, 1), (0, 3)])
def test_a_window_moves_as_in_the_published_code(removed):
    x = torch.rand(1, 2, 5, 6) + 0.1
    for top in range(removed[0] + 1):
        for left in range(removed[1] + 1):
            first, position = (top, left), (removed[0] - top, left)
            moved = x
            for dim in (0, 1):
                numbers = [torch.tensor([part[dim]]) for part in (first, position, removed)]
                moved = move_window(moved, dim + 2, *numbers)
            assert torch.equal(moved[0], cropped_and_shifted(x[0], removed, first, position))


def test_crop_shift_removes_up_to_its_number_of_rows_and_columns():
    """Each number from 0 to 3 in a quarter of 2,000 images; 5 standard deviations are 97."""
    x = torch.ones(2000, 1, 8, 8)
    shifted = crop_shift(x, torch.Generator().manual_seed(0), 3)
    rows, columns = ((8 - shifted[:, 0].amax(dim=d).sum(dim=1)).long() for d in (2, 1))
    counts = (rows + columns).bincount()
    assert len(counts) == 4
    assert (counts - 500).abs().max() < 97
    of_three = columns[rows + columns == 3].bincount()
    assert len(of_three) == 4
    assert (of_three - len(columns[rows + columns == 3]) / 4).abs().max() < 60


@pytest.mark.parametrize("probability", [0.5, 1.0])
def test_erased_rectangles_have_the_published_sizes(probability):
    """Areas of 2 to 33 % of 32 x 32 pixels; sides are rounded, which changes the area by a side."""
    x = torch.ones(600, 2, 32, 32)
    rng = torch.Generator().manual_seed(0)
    erased = erase_rectangles(x, rng, probability=probability, largest=0.33)
    black = erased == 0
    assert torch.equal(black[:, 0], black[:, 1])
    rows, columns = black[:, 0].any(dim=2), black[:, 0].any(dim=1)
    assert torch.equal(black[:, 0], rows[:, :, None] & columns[:, None])
    some = rows.any(dim=1)
    assert some.float().mean() == pytest.approx(probability, abs=0.1 * (probability < 1))
    heights, widths = rows[some].sum(dim=1), columns[some].sum(dim=1)
    areas = heights * widths / 1024
    assert areas.min() > 0.01
    assert areas.max() < 0.36
    assert areas.mean() == pytest.approx(0.175, abs=0.02)  # the middle; 4 standard errors of 300
    assert (heights / widths).max() < 3.3 * 1.3
    assert (heights / widths).min() > 0.3 / 1.3
    assert max(heights.max(), widths.max()) < 32


def test_a_trial_trains_on_augmented_images():
    """The network learns from other images than without a policy."""
    losses = [
        Trial(tiny_config(data__policy=policy, epochs=1, data__limit=50)).run_epoch().train_loss
        for policy in ("none", "trivial_augment")
    ]
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("data", "knobs"),
    [
        ({"policy": "idbh_weak", "crop": 4, "cutout": 0}, ["data.crop"]),
        ({"policy": "idbh_weak", "crop": 0, "cutout": 0}, []),
        ({"policy": "idbh_strong", "crop": 0, "cutout": 8}, ["data.cutout"]),
        ({"policy": "trivial_augment", "crop": 4, "cutout": 8}, []),
        ({"crop": 4, "cutout": 8}, []),
    ],
)
def test_idbh_replaces_crop_and_cutout(data, knobs):
    found = [text.partition(":")[0] for text in policies.conflicts({"data": data})]
    assert found == knobs


@pytest.mark.parametrize(
    ("policy", "level", "knobs"),
    [
        ("rand_augment", 14, []),
        ("none", 14, ["data.policy_level"]),
        ("none", 9, []),
        (None, 14, []),
    ],
)
def test_the_knobs_of_rand_augment_need_it(policy, level, knobs):
    data = {"policy": policy, "policy_level": level, "policy_operations": 2}
    found = [text.partition(":")[0] for text in policies.unused({"data": data})]
    assert found == knobs
