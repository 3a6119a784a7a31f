"""Data sets in memory, as the files of `data/` load them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from trainables.data_pipeline.photos import Photos

Batch = tuple[Tensor, Tensor]
"""Images (N, C, H, W) in [0, 1], and labels (N,) or probabilities (N, K)."""


class TrainingBatch(NamedTuple):
    """A batch of training images, and which images they are.

    Attributes:
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,) or probabilities (N, K).
        rows: Rows (N,) of the training split, int64; -1: a further image of `data.extra`.
        source: Pixel of the image before augmentation that each pixel was, (N, H * W) in reading
            order, int64; -1: it is padding or cut out. `None`: no component asks for it.
    """

    x: Tensor
    y: Tensor
    rows: Tensor
    source: Tensor | None = None


class DataError(Exception):
    """Data that is missing or invalid; the message says what to do."""


class MissingDataError(DataError):
    """Data that is missing but can be downloaded."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """Labelled images of one split.

    Attributes:
        x: Pixels (N, C, H, W), uint8.
        y: Labels (N,), int64, in [0, K).
    """

    x: Tensor | Photos
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Tensor | slice) -> "Images":
        return Images(x=self.x[rows], y=self.y[rows])

    def stream(self, parts: Sequence[Tensor]) -> Iterator[Batch]:
        """Yield a batch for each list of row indices: images in [0, 1] and their labels."""
        pixels = (
            self.x.stream(parts)
            if isinstance(self.x, Photos)
            else (self.x[rows].float() for rows in parts)
        )
        for batch, rows in zip(pixels, parts, strict=True):
            yield batch / 255, self.y[rows]

    def to(self, device: str) -> "Images":
        """Return the images on `device`."""
        return Images(x=self.x.to(device), y=self.y.to(device))


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """Shape, classes and statistics of the images that a network takes.

    Attributes:
        shape: Channels, height and width.
        classes: Number of classes K.
        mean: Mean of each channel on the [0, 1] scale, for normalisation.
        std: Standard deviation, likewise.
    """

    shape: tuple[int, int, int]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def is_normalized(self) -> bool:
        """Whether normalisation by the statistics changes images."""
        return any(self.mean) or any(deviation != 1 for deviation in self.std)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set: its two splits and its image format.

    Attributes:
        train: Training split, which training and validation images are cut from.
        test: Test split, which neither training nor the search uses.
        classes: Number of classes K.
        mean: Mean of each channel on the [0, 1] scale, for normalisation.
        std: Standard deviation, likewise.
        label_values: What the source calls the classes, in order; empty: 0, 1, 2, ...
        notes: What was assumed or left out when the data set was read, one line each.
        extra: Further training images, which batches mix in; `None`: there are none.
    """

    train: Images
    test: Images
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    label_values: tuple[int | str, ...] = ()
    notes: tuple[str, ...] = ()
    extra: Images | None = None

    @property
    def image_format(self) -> ImageFormat:
        """The format of the images."""
        channels, height, width = self.train.x.shape[1:]
        shape = channels, height, width
        return ImageFormat(shape=shape, classes=self.classes, mean=self.mean, std=self.std)
