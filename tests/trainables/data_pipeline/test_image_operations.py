"""Operations on batches, against torchvision on one image at a time."""

import math

import pytest
import torch
from torchvision.transforms.v2 import functional

from trainables.data_pipeline.image_operations import OPERATIONS

STRENGTHS = {
    "identity": [0.0] * 4,
    "shear_x": [0.3, -0.11, 0.0, 0.77],
    "shear_y": [0.3, -0.11, 0.0, 0.77],
    "skew_x": [0.3, -0.11, 0.0, 0.77],
    "skew_y": [0.3, -0.11, 0.0, 0.77],
    "translate_x": [3.9, -2.9, 0.0, 40.0],
    "translate_y": [3.9, -2.9, 0.0, -40.0],
    "rotate": [10.0, -35.0, 0.0, 130.0],
    "brightness": [0.1, 1.9, 1.0, 0.5],
    "colour": [0.1, 1.9, 1.0, 0.5],
    "contrast": [0.1, 1.9, 1.0, 0.5],
    "sharpness": [0.1, 1.9, 1.0, 0.5],
    "posterize": [8, 4, 2, 7],
    "solarize": [1.0, 0.5, 0.0, 0.25],
    "autocontrast": [0.0] * 4,
    "equalize": [0.0] * 4,
}


def images(channels, height=12, width=9):
    """Return four images of whole grey levels, some pixels at 0 and 1; one has a flat channel."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randint(-20, 276, (4, channels, height, width), generator=rng).clamp(0, 255)
    x[1] = x[1] // 3 + 40
    x[2, 0] = 77
    return x.to(torch.uint8)


def affine(image, shear, center=None):
    degrees = [math.degrees(math.atan(slope)) for slope in shear]
    return functional.affine(
        image, angle=0, translate=[0, 0], scale=1, shear=degrees, center=center
    )


def of_torchvision(name, image, strength):
    """Return what torchvision makes of one image, a tensor of bytes."""
    corner = [0, 0]
    return {
        "identity": lambda: image,
        "shear_x": lambda: affine(image, [strength, 0], corner),
        "shear_y": lambda: affine(image, [0, strength], corner),
        "skew_x": lambda: affine(image, [strength, 0]),
        "skew_y": lambda: affine(image, [0, strength]),
        "translate_x": lambda: functional.affine(image, 0, [int(strength), 0], 1, [0, 0]),
        "translate_y": lambda: functional.affine(image, 0, [0, int(strength)], 1, [0, 0]),
        "rotate": lambda: functional.rotate(image, strength),
        "brightness": lambda: functional.adjust_brightness(image, strength),
        "colour": lambda: functional.adjust_saturation(image, strength),
        "contrast": lambda: functional.adjust_contrast(image, strength),
        "sharpness": lambda: functional.adjust_sharpness(image, strength),
        "posterize": lambda: functional.posterize(image, int(strength)),
        "solarize": lambda: functional.solarize(image, 255 * strength),
        "autocontrast": lambda: functional.autocontrast(image),
        "equalize": lambda: functional.equalize(image),
    }[name]()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_image_is_as_torchvision_makes_it(name, channels):
    batch = images(channels)
    strengths = STRENGTHS[name]
    found = OPERATIONS[name](batch / 255, torch.tensor(strengths).view(-1, 1, 1, 1))
    expected = torch.stack([
        of_torchvision(name, image, strength)
        for image, strength in zip(batch, strengths, strict=True)
    ])
    # torchvision rounds down to whole grey levels, some operations twice
    assert (255 * found - expected).abs().max() < 2.01
    exact = {"identity", "translate_x", "translate_y", "posterize", "solarize", "equalize"}
    warps = {"shear_x", "shear_y", "skew_x", "skew_y", "rotate"}
    if name in exact | warps:
        torch.testing.assert_close(255 * found, expected.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", OPERATIONS)
def test_other_numbers_of_channels_work_too(name):
    x = images(2) / 255
    changed = OPERATIONS[name](x, torch.tensor(STRENGTHS[name]).view(-1, 1, 1, 1))
    assert changed.shape == x.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
