"""Operations of augmentation policies on batches, with another strength for each image.

torchvision applies one strength to a whole batch. These functions compute the same for each image
of a batch, on its device; where no strength is needed, they call torchvision.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional

Operation = Callable[[Tensor, Tensor], Tensor]
"""Maps images (N, C, H, W) in [0, 1] and their strengths (N, 1, 1, 1) to changed images."""
TOP_LEVEL = 255
"""Largest value of a pixel in the original images."""


def blend(x: Tensor, base: Tensor, factor: Tensor) -> Tensor:
    """Return factor * x + (1 - factor) * base, in [0, 1]."""
    return torch.lerp(base.expand_as(x), x, factor).clamp(0, 1)


def grey(x: Tensor) -> Tensor:
    """Return grey images (N, 1, H, W): the luminance of colours, else the mean of the channels."""
    if x.shape[1] != 3:
        return x.mean(dim=1, keepdim=True)
    luminance: Tensor = functional.rgb_to_grayscale(x)
    return luminance


def change_brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Return images times a factor."""
    return (factor * x).clamp(0, 1)


def change_colour(x: Tensor, factor: Tensor) -> Tensor:
    """Return images with another saturation; 0 is grey, 1 the image."""
    return blend(x, grey(x), factor)


def change_contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Return images with another contrast; 0 is the mean grey, 1 the image."""
    return blend(x, grey(x).mean(dim=(1, 2, 3), keepdim=True), factor)


def change_sharpness(x: Tensor, factor: Tensor) -> Tensor:
    """Return images with another sharpness; 0 is a mean of neighbours, 1 the image."""
    kernel = x.new_ones(3, 3)
    kernel[1, 1] = 5
    weight = (kernel / kernel.sum()).expand(x.shape[1], 1, 3, 3)
    smooth = x.clone()  # the pixels at the border stay as they are
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(x, weight, groups=x.shape[1])
    return blend(x, smooth, factor)


def posterize(x: Tensor, bits: Tensor) -> Tensor:
    """Return images whose pixel values keep their highest bits of 8."""
    step = 2.0 ** (8 - bits)
    return ((x * TOP_LEVEL).round() / step).floor() * step / TOP_LEVEL


def solarize(x: Tensor, threshold: Tensor) -> Tensor:
    """Return images whose pixels are inverted from a threshold in [0, 1] on."""
    return torch.where(x >= threshold, 1 - x, x)


def stretch_contrast(x: Tensor, _: Tensor) -> Tensor:
    """Return images each of whose channels reaches from 0 to 1, but for constant ones."""
    stretched: Tensor = functional.autocontrast(x.flatten(0, 1)[:, None]).view(x.shape)
    return stretched


def equalize(x: Tensor, _: Tensor) -> Tensor:
    """Return images with equalized histograms of each channel, of 256 levels."""
    equalized: Tensor = functional.equalize(x)
    return equalized


def translate_x(x: Tensor, pixels: Tensor) -> Tensor:
    """Return images moved to the right by pixels, which are rounded towards 0; black outside."""
    columns = torch.arange(x.shape[3], device=x.device) - pixels.trunc().long()
    inside = (columns >= 0) & (columns < x.shape[3])
    return x.gather(3, columns.clamp(0, x.shape[3] - 1).expand(x.shape)) * inside


def translate_y(x: Tensor, pixels: Tensor) -> Tensor:
    """Return images moved down by pixels, which are rounded towards 0; black outside."""
    return translate_x(x.transpose(2, 3), pixels).transpose(2, 3)


def shear_x(x: Tensor, shear: Tensor) -> Tensor:
    """Return images whose rows move left by `shear` pixels for each row above them."""
    ratio = shear.flatten() * x.shape[2] / x.shape[3]
    return warp(x, row=(1, ratio, ratio), column=(0, 1, 0))


def shear_y(x: Tensor, shear: Tensor) -> Tensor:
    """Return images whose columns move up by `shear` pixels for each column to their left."""
    ratio = shear.flatten() * x.shape[3] / x.shape[2]
    return warp(x, row=(1, 0, 0), column=(ratio, 1, ratio))


def skew_x(x: Tensor, shear: Tensor) -> Tensor:
    """Return images sheared as by `shear_x`, but so that the middle row stays in its place."""
    return warp(x, row=(1, shear.flatten() * x.shape[2] / x.shape[3], 0), column=(0, 1, 0))


def skew_y(x: Tensor, shear: Tensor) -> Tensor:
    """Return images sheared as by `shear_y`, but so that the middle column stays in its place."""
    return warp(x, row=(1, 0, 0), column=(shear.flatten() * x.shape[3] / x.shape[2], 1, 0))


def rotate(x: Tensor, degrees: Tensor) -> Tensor:
    """Return images rotated counter-clockwise about their centre."""
    angle, aspect = degrees.flatten().deg2rad(), x.shape[2] / x.shape[3]
    row = angle.cos(), -angle.sin() * aspect, 0
    return warp(x, row=row, column=(angle.sin() / aspect, angle.cos(), 0))


def warp(
    x: Tensor, *, row: tuple[Tensor | float, ...], column: tuple[Tensor | float, ...]
) -> Tensor:
    """Return images of the nearest pixels at mapped positions; black outside.

    Args:
        x: Images (N, C, H, W).
        row: Coefficients of x, y and 1 in the position to the right, each (N,) or one number;
            positions are in [-1, 1] from edge to edge.
        column: Those of the position downwards.
    """
    matrix = x.new_zeros(len(x), 2, 3)
    for i, coefficients in enumerate((row, column)):
        for j, value in enumerate(coefficients):
            matrix[:, i, j] = value
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="nearest", padding_mode="zeros", align_corners=False)


OPERATIONS: dict[str, Operation] = {
    "identity": lambda x, _: x,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "skew_x": skew_x,
    "skew_y": skew_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
    "rotate": rotate,
    "brightness": change_brightness,
    "colour": change_colour,
    "contrast": change_contrast,
    "sharpness": change_sharpness,
    "posterize": posterize,
    "solarize": solarize,
    "autocontrast": stretch_contrast,
    "equalize": equalize,
}
"""Operations by name."""
